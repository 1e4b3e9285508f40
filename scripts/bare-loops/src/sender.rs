//! The bare `send` loop: what any server that copies a message to N sockets must at least do.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use net::{Interest, Poller, Socket, Timeout, Token, now, read_fd, send_fd, thread_cpu};

use crate::order::{Load, Order, Tally};

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

    /// Sends `order.bytes` to each connection in turn, over and over, for `order.seconds`; in a closed loop only when asked to, and until
    /// nobody asks any more.
    ///
    /// # Errors
    /// When a connection breaks.
    pub fn run(&mut self, order: Order) -> io::Result<Tally> {
        // A publisher finds its own name, which is this byte, wherever it looks for it.
        let message = vec![b'0'; order.bytes];
        let mut tally = Tally::default();
        // What an earlier run still owed is forgotten: the reader counts bytes, not messages.
        self.owed.fill(0);
        self.blocked = 0;
        let (start, cpu) = (now(), thread_cpu());
        let end = start + (order.seconds * 1e9) as u64;
        match order.load {
            Load::Closed => self.when_asked(&message, end, &mut tally)?,
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

    /// The least that a server can do in a closed loop: wait, read, send to all.
    fn when_asked(&mut self, message: &[u8], end: u64, tally: &mut Tally) -> io::Result<()> {
        let mut scratch = vec![0; 1 << 16];
        // The request is the same frame with a masking key of four bytes.
        let request = message.len() + 4;
        let mut asked = 0;
        loop {
            let turn = self.poller.wait(Timeout::Ns(QUIET_NS))?;
            if turn.events == 0 && now() >= end {
                return Ok(());
            }
            self.resume(turn.events, message, tally)?;
            if self.poller.iter().any(|ready| ready.token == Token(0) && ready.readable) {
                asked += match read_fd(self.sockets[0].as_raw_fd(), &mut scratch) {
                    Ok(n) => n,
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
                    Err(e) => return Err(e),
                };
            }
            while asked >= request {
                asked -= request;
                self.round(message, tally)?;
            }
        }
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
        let sent = match send_fd(self.sockets[i].as_raw_fd(), bytes) {
            Ok(sent) => {
                tally.calls += 1;
                tally.bytes += sent as u64;
                if sent == bytes.len() {
                    tally.messages += 1;
                    return Ok(());
                }
                tally.partial += 1;
                sent
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                tally.would_block += 1;
                0
            }
            Err(e) => return Err(e),
        };
        self.owed[i] = bytes.len() - sent;
        self.blocked += 1;
        Ok(())
    }
}
