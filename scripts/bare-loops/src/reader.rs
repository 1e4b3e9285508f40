//! The bare `epoll` and `recv` loop: what any load generator on N sockets must at least do.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use net::{Interest, Poller, Socket, Timeout, Token, discard_fd, now, read_fd, thread_cpu};

use crate::order::{Load, Order, Tally};
use crate::publisher::{Publisher, Publishing};
use crate::upgrade::upgrade;

/// As large as a loopback socket's receive buffer usually gets, so that one read drains it.
const SCRATCH: usize = 1 << 18;
/// What one call takes off a collected connection.
const MOST: usize = 1 << 20;
/// Where nobody says how much is to come: nothing for this long after a run means that everything has arrived.
const QUIET_NS: u64 = 50_000_000;
/// What has not come after this long of silence will not.
const LOST_NS: u64 = 1_000_000_000;

/// Connections to one source, of which the first few may publish.
pub struct Reader {
    sockets: Vec<Socket>,
    publishers: Vec<Publisher>,
    in_flight: usize,
    /// All connections, or those that publish where the others are collected.
    poller: Poller,
    collected: Option<Collected>,
    scratch: Vec<u8>,
}

/// Connections that are read together now and then.
struct Collected {
    poller: Poller,
    every_ns: u64,
    due: u64,
}

/// When the connections that only read are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As soon as something comes, as any reader does that cares for latency. Most messages then cost a wake-up, which whoever sends
    /// pays for, and a read: the reader may be the slower of the two.
    AsItComes,
    /// All of them every so many nanoseconds and without copying ([`discard_fd`]), and the publishers' as soon as something comes: no
    /// other `send` wakes anybody, a read takes several messages, and what is measured is whoever sends.
    Every(u64),
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
    pub fn new(sockets: Vec<Socket>, publishing: Publishing, reading: Reading) -> io::Result<Self> {
        let poller = Poller::new(1024)?;
        let collected = match reading {
            Reading::AsItComes => None,
            Reading::Every(every_ns) => Some(Collected { poller: Poller::new(sockets.len())?, every_ns, due: 0 }),
        };
        for (i, socket) in sockets.iter().enumerate() {
            let publishes = i < publishing.publishers;
            let interest = if publishes { Interest::ReadWrite } else { Interest::Read };
            let poller = collected.as_ref().filter(|_| !publishes).map_or(&poller, |collected| &collected.poller);
            poller.add(socket.as_raw_fd(), Token(i as u32), interest)?;
        }
        let publishers = (0..publishing.publishers).map(|i| Publisher::new(i, publishing)).collect();
        let scratch = vec![0; SCRATCH];
        Ok(Self { sockets, publishers, in_flight: publishing.in_flight, poller, collected, scratch })
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
            let collect = self.collected.as_ref().map_or(u64::MAX, |collected| collected.due);
            self.poller.set_timer(Some(schedule.next.min(collect).min(end)))?;
            self.read_ready(Timeout::Never, order.load, &mut tally)?;
            let now = now();
            while schedule.next <= now && schedule.next < end {
                self.publish(schedule.turn % self.publishers.len(), 1, &mut tally)?;
                schedule.advance();
            }
            if collect <= now || end <= now {
                self.collect(order.load, &mut tally)?;
            }
            if end <= now {
                break;
            }
        }
        tally.elapsed_s = (now() - start) as f64 / 1e9;
        tally.cpu_s = (thread_cpu() - cpu) as f64 / 1e9;
        tally.late_bytes = self.drain(&tally)?;
        Ok(tally)
    }

    /// Reads from every connection that the poller reports, and says from how many.
    fn read_ready(&mut self, patience: Timeout, load: Load, tally: &mut Tally) -> io::Result<usize> {
        let turn = self.poller.wait(patience)?;
        for event in 0..turn.events {
            let ready = self.poller.ready(event);
            let i = ready.token.0 as usize;
            if ready.writable && i < self.publishers.len() {
                // Only what did not fit before.
                self.publishers[i].publish(&self.sockets[i], 0)?;
            }
            self.read(i, load, tally)?;
        }
        Ok(turn.events)
    }

    /// Reads once from every collected connection that has something, and says from how many.
    fn collect(&mut self, load: Load, tally: &mut Tally) -> io::Result<usize> {
        /// No publisher waits for more reads than these.
        const AT_ONCE: usize = 16;
        let Some(mut collected) = self.collected.take() else { return Ok(0) };
        let events = collected.poller.wait(Timeout::Now)?.events;
        for event in 0..events {
            if event % AT_ONCE == 0 {
                self.read_ready(Timeout::Now, load, tally)?;
            }
            self.discard(collected.poller.ready(event).token.0 as usize, tally)?;
        }
        collected.due = now() + collected.every_ns;
        self.collected = Some(collected);
        Ok(events)
    }

    /// Empties one connection without copying.
    fn discard(&mut self, i: usize, tally: &mut Tally) -> io::Result<()> {
        loop {
            let n = match discard_fd(self.sockets[i].as_raw_fd(), MOST) {
                Ok(0) => return Err(closed()),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            };
            tally.calls += 1;
            tally.bytes += n as u64;
            if n < MOST {
                return Ok(());
            }
        }
    }

    /// Reads one connection until it is empty.
    fn read(&mut self, i: usize, load: Load, tally: &mut Tally) -> io::Result<()> {
        loop {
            let n = match read_fd(self.sockets[i].as_raw_fd(), &mut self.scratch) {
                Ok(0) => return Err(closed()),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
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
                return Ok(());
            }
        }
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
        let mut quiet_since = now();
        while expected == 0 || tally.bytes + late.bytes < expected {
            let patience = if self.collected.is_some() { Timeout::Ns(1_000_000) } else { Timeout::Ns(silence) };
            let read = self.read_ready(patience, Load::Silent, &mut late)? + self.collect(Load::Silent, &mut late)?;
            if read > 0 {
                quiet_since = now();
            } else if now() - quiet_since >= silence {
                break;
            }
        }
        Ok(late.bytes)
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the source closed a connection")
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
