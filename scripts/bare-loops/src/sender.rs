//! The bare `send` loop: what any server that copies a message to N sockets must at least do.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use net::{Interest, Poller, Socket, Timeout, Token, now, read_fd, send_fd, thread_cpu};

use crate::order::{Load, Order, Tally};
use crate::publisher::name_of;

/// Connections, and what each is still owed of a message that did not fit.
pub struct Sender {
    sockets: Vec<Socket>,
    /// Bytes of the current message that the kernel has not taken; 0 for a connection that can take a new one.
    owed: Vec<usize>,
    blocked: usize,
    /// Where the next round begins.
    first: usize,
    poller: Poller,
}

/// In a closed loop: nobody asks any more when nobody has asked for this long.
const QUIET_NS: u64 = 100_000_000;

impl Sender {
    /// Accepts `count` connections.
    ///
    /// # Errors
    /// When accepting or registering fails.
    pub fn accept(listener: &TcpListener, count: usize) -> io::Result<Self> {
        let poller = Poller::new(1024)?;
        let mut sockets = Vec::with_capacity(count);
        for i in 0..count {
            let socket = Socket::from(listener.accept()?.0);
            socket.set_nodelay()?;
            poller.add(socket.as_raw_fd(), Token(i as u32), Interest::ReadWrite)?;
            sockets.push(socket);
        }
        Ok(Self { owed: vec![0; count], sockets, blocked: 0, first: 0, poller })
    }

    /// Sends `order.bytes` to each connection in turn, over and over, for `order.seconds`; in a closed loop only as often as was asked
    /// for, in one `send` where it was asked for several times, and until nobody asks any more.
    ///
    /// # Errors
    /// When a connection breaks.
    pub fn run(&mut self, order: Order) -> io::Result<Tally> {
        let message = vec![0; order.bytes];
        let mut tally = Tally::default();
        // What an earlier run still owed is forgotten: the reader counts bytes, not messages.
        self.owed.fill(0);
        self.blocked = 0;
        let (start, cpu) = (now(), thread_cpu());
        let end = start + (order.seconds * 1e9) as u64;
        match order.load {
            Load::Closed => self.when_asked(order.bytes, end, &mut tally)?,
            Load::Silent | Load::Rate(_) => self.always(&message, end, &mut tally)?,
        }
        tally.elapsed_s = (now() - start) as f64 / 1e9;
        tally.cpu_s = (thread_cpu() - cpu) as f64 / 1e9;
        Ok(tally)
    }

    fn always(&mut self, message: &[u8], end: u64, tally: &mut Tally) -> io::Result<()> {
        while now() < end {
            if self.blocked > 0 {
                let all = self.blocked == self.sockets.len();
                let turn = self.poller.wait(if all { Timeout::Ns(1_000_000) } else { Timeout::Now })?;
                self.resume(turn.events, message, tally)?;
            }
            self.round(message, tally)?;
        }
        Ok(())
    }

    /// The least that a server can do in a closed loop: wait, read, and send everybody in one `send` what everybody asked for meanwhile.
    fn when_asked(&mut self, frame: usize, end: u64, tally: &mut Tally) -> io::Result<()> {
        let mut asked = Asked::new(frame, self.sockets.len());
        // All that is sent in this run, and how much of it each connection has.
        let mut log = Vec::new();
        let mut sent = vec![0; self.sockets.len()];
        let mut full = vec![false; self.sockets.len()];
        loop {
            let turn = self.poller.wait(Timeout::Ns(QUIET_NS))?;
            if turn.events == 0 && now() >= end {
                return Ok(());
            }
            let before = log.len();
            for ready in self.poller.iter() {
                let i = ready.token.0 as usize;
                if ready.readable {
                    asked.read(i, &self.sockets[i], &mut log)?;
                }
                if ready.writable && std::mem::take(&mut full[i]) {
                    // Goes on with the rest, before the others get what is new.
                    full[i] = !self.advance(i, &log[..before], &mut sent[i], tally)?;
                }
            }
            if log.len() > before {
                let count = self.sockets.len();
                self.first = (self.first + 1) % count.max(1);
                for i in (self.first..count).chain(0..self.first) {
                    if !full[i] {
                        full[i] = !self.advance(i, &log, &mut sent[i], tally)?;
                    }
                }
            }
        }
    }

    /// One `send` of what a connection has not got; whether that was all.
    #[inline]
    fn advance(&self, i: usize, log: &[u8], sent: &mut usize, tally: &mut Tally) -> io::Result<bool> {
        if *sent == log.len() {
            return Ok(true);
        }
        *sent += tally.sent(send_fd(self.sockets[i].as_raw_fd(), &log[*sent..]), log.len() - *sent)?;
        Ok(*sent == log.len())
    }

    /// One `send` to each connection that can take one, beginning with another one each time.
    fn round(&mut self, message: &[u8], tally: &mut Tally) -> io::Result<()> {
        let count = self.sockets.len();
        self.first = (self.first + 1) % count.max(1);
        for i in (self.first..count).chain(0..self.first) {
            if self.owed[i] == 0 {
                self.send(i, message, tally)?;
            }
        }
        Ok(())
    }

    /// Goes on where a full buffer stopped a message.
    fn resume(&mut self, events: usize, message: &[u8], tally: &mut Tally) -> io::Result<()> {
        for event in 0..events {
            let i = self.poller.ready(event).token.0 as usize;
            let owed = std::mem::take(&mut self.owed[i]);
            if owed > 0 {
                self.blocked -= 1;
                self.send(i, &message[message.len() - owed..], tally)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn send(&mut self, i: usize, bytes: &[u8], tally: &mut Tally) -> io::Result<()> {
        let sent = tally.sent(send_fd(self.sockets[i].as_raw_fd(), bytes), bytes.len())?;
        if sent < bytes.len() {
            self.owed[i] = bytes.len() - sent;
            self.blocked += 1;
        }
        Ok(())
    }
}

/// What is asked for in a closed loop.
struct Asked {
    /// Bytes of a message as it is sent; a request is the same frame with a masking key of four bytes.
    frame: usize,
    /// Bytes of a request that has not come completely, by connection.
    begun: Vec<usize>,
    scratch: Vec<u8>,
}

impl Asked {
    fn new(frame: usize, connections: usize) -> Self {
        Self { frame, begun: vec![0; connections], scratch: vec![0; 1 << 16] }
    }

    /// Reads what one connection asks for and adds as many messages to the log.
    fn read(&mut self, i: usize, socket: &Socket, log: &mut Vec<u8>) -> io::Result<()> {
        loop {
            let n = match read_fd(socket.as_raw_fd(), &mut self.scratch) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            };
            self.begun[i] += n;
            let messages = self.begun[i] / (self.frame + 4);
            self.begun[i] %= self.frame + 4;
            // A publisher finds its own name wherever it looks for it.
            log.resize(log.len() + messages * self.frame, name_of(i));
            if n < self.scratch.len() {
                return Ok(());
            }
        }
    }
}
