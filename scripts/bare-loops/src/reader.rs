//! The bare `epoll` and `recv` loop: what any load generator on N sockets must at least do.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use net::{Interest, Poller, Socket, Timeout, Token, now, read_fd, thread_cpu};

use crate::order::{Load, Order, Tally};
use crate::publisher::{Publisher, Publishing};
use crate::upgrade::upgrade;

/// As large as a loopback socket's receive buffer usually gets, so that one read drains it.
const SCRATCH: usize = 1 << 18;
/// Where nobody says how much is to come: nothing for this long after a run means that everything has arrived.
const QUIET_NS: u64 = 50_000_000;
/// What has not come after this long of silence will not.
const LOST_NS: u64 = 1_000_000_000;

/// Connections to one source, of which the first few may publish.
pub struct Reader {
    sockets: Vec<Socket>,
    publishers: Vec<Publisher>,
    in_flight: usize,
    poller: Poller,
    scratch: Vec<u8>,
}

/// Opens `count` connections to `to`, upgraded to WebSocket at `path` if one is given.
///
/// # Errors
/// When a connection or an upgrade is refused.
pub fn connect(to: SocketAddr, path: Option<&str>, count: usize) -> io::Result<Vec<Socket>> {
    (0..count)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(to)?;
            stream.set_nodelay(true)?;
            if let Some(path) = path {
                upgrade(&mut stream, to, path)?;
            }
            Ok(Socket::from(stream))
        })
        .collect()
}

impl Reader {
    /// A loop over `sockets`; the first `publishing.publishers` of them publish.
    ///
    /// # Errors
    /// When registering fails.
    pub fn new(sockets: Vec<Socket>, publishing: Publishing) -> io::Result<Self> {
        let poller = Poller::new(1024)?;
        for (i, socket) in sockets.iter().enumerate() {
            let interest = if i < publishing.publishers { Interest::ReadWrite } else { Interest::Read };
            poller.add(socket.as_raw_fd(), Token(i as u32), interest)?;
        }
        let publishers = (0..publishing.publishers).map(|i| Publisher::new(i, publishing)).collect();
        Ok(Self { sockets, publishers, in_flight: publishing.in_flight, poller, scratch: vec![0; SCRATCH] })
    }

    /// Reads for `order.seconds` while publishing as `order.load` says, and then until it is quiet.
    ///
    /// # Errors
    /// When a connection ends or breaks, or something is to be published without publishers.
    pub fn run(&mut self, order: Order) -> io::Result<Tally> {
        if order.load != Load::Silent && self.publishers.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "nobody publishes: start this with --publish"));
        }
        let mut tally = Tally::default();
        let (start, cpu) = (now(), thread_cpu());
        let end = start + (order.seconds * 1e9) as u64;
        let mut schedule = Schedule::new(order.load, start);
        if order.load == Load::Closed {
            for i in 0..self.publishers.len() {
                self.publish(i, self.in_flight, &mut tally)?;
            }
        }
        loop {
            self.poller.set_timer(Some(schedule.next.min(end)))?;
            let turn = self.poller.wait(Timeout::Never)?;
            self.read(turn.events, order.load, &mut tally)?;
            if turn.timer {
                let now = now();
                while schedule.next <= now && schedule.next < end {
                    self.publish(schedule.turn % self.publishers.len(), 1, &mut tally)?;
                    schedule.advance();
                }
                if now >= end {
                    break;
                }
            }
        }
        tally.elapsed_s = (now() - start) as f64 / 1e9;
        tally.cpu_s = (thread_cpu() - cpu) as f64 / 1e9;
        tally.late_bytes = self.drain(&tally)?;
        Ok(tally)
    }

    fn read(&mut self, events: usize, load: Load, tally: &mut Tally) -> io::Result<()> {
        for event in 0..events {
            let ready = self.poller.ready(event);
            let i = ready.token.0 as usize;
            if ready.writable && i < self.publishers.len() {
                // Only what did not fit before.
                self.publishers[i].publish(&self.sockets[i], 0)?;
            }
            loop {
                let n = match read_fd(self.sockets[i].as_raw_fd(), &mut self.scratch) {
                    Ok(0) => {
                        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the source closed a connection"));
                    }
                    Ok(n) => n,
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                    Err(e) => return Err(e),
                };
                tally.calls += 1;
                tally.bytes += n as u64;
                if i < self.publishers.len() {
                    let echoes = self.publishers[i].echoes(&self.scratch[..n]);
                    if load == Load::Closed {
                        self.publish(i, echoes, tally)?;
                    }
                }
                if n < self.scratch.len() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn publish(&mut self, i: usize, count: usize, tally: &mut Tally) -> io::Result<()> {
        if count > 0 {
            tally.publishes += count as u64;
            self.publishers[i].publish(&self.sockets[i], count)?;
        }
        Ok(())
    }

    /// Reads what is still on its way, publishing nothing, and says how much it was.
    fn drain(&mut self, tally: &Tally) -> io::Result<u64> {
        // Every publish comes back on every connection; what others send is not known.
        let expected = self.publishers.first().map_or(0, Publisher::echo_bytes) as u64
            * tally.publishes
            * self.sockets.len() as u64;
        let silence = if expected > 0 { LOST_NS } else { QUIET_NS };
        self.poller.set_timer(None)?;
        let mut late = Tally::default();
        while expected == 0 || tally.bytes + late.bytes < expected {
            let turn = self.poller.wait(Timeout::Ns(silence))?;
            if turn.events == 0 && !turn.timer {
                break;
            }
            self.read(turn.events, Load::Silent, &mut late)?;
        }
        Ok(late.bytes)
    }
}

/// When the next message of an open loop is due.
struct Schedule {
    start: u64,
    interval: f64,
    turn: usize,
    /// `u64::MAX` where nothing is ever due.
    next: u64,
}

impl Schedule {
    fn new(load: Load, start: u64) -> Self {
        match load {
            Load::Rate(rate) if rate > 0.0 => Self { start, interval: 1e9 / rate, turn: 0, next: start },
            _ => Self { start, interval: 0.0, turn: 0, next: u64::MAX },
        }
    }

    fn advance(&mut self) {
        self.turn += 1;
        self.next = self.start + (self.turn as f64 * self.interval) as u64;
    }
}
