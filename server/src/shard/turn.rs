//! The loop of one hot thread.

use std::io;
use std::sync::mpsc::Receiver;
use std::thread;

use net::{Poller, Timeout, Token};
use tokio::sync::oneshot;

use super::connection::Connection;
use super::inbox::{Command, Inbox};
use super::leaving::Drain;
use super::reading::Until;
use super::rooms::Rooms;
use super::slab::Slab;
use crate::accounts::Accounts;
use crate::config::Config;
use crate::outbox::Outbox;
use crate::session::Intake;
use crate::stats::Counters;
use crate::wheel::{TICK, Wheel};

/// Sockets looked at in one turn; the others follow in the next.
const EVENTS: usize = 1024;
/// The one read buffer of a shard, in bytes.
const SCRATCH: usize = 256 << 10;

/// A hot thread's state. Everything in it belongs to that thread alone.
#[derive(Debug)]
pub struct Shard {
    pub(super) config: Config,
    pub(super) intake: Intake,
    pub(super) poller: Poller,
    pub(super) commands: Receiver<Command>,
    /// Its own inbox, for the tickets that it gives out.
    pub(super) inbox: Inbox,
    pub(super) connections: Slab<Connection>,
    /// Deadlines of connections.
    pub(super) wheel: Wheel,
    pub(super) rooms: Rooms,
    pub(super) accounts: Accounts,
    pub(super) counters: Counters,
    /// What was last read; of no meaning between two reads.
    pub(super) scratch: Box<[u8]>,
    /// Replies to what was last read, for a connection without an outbox; empty between two reads.
    pub(super) replies: Outbox,
    pub(super) again: Vec<Token>,
    /// The time of this turn, in nanoseconds: read once, when the poller returns.
    pub(super) now: u64,
    /// When rooms are to be flushed, under a flush delay and if any is dirty.
    pub(super) flush_at: Option<u64>,
    pub(super) drain: Option<Drain>,
}

/// A running shard.
#[derive(Debug)]
pub struct Handle {
    /// The way in.
    pub inbox: Inbox,
    /// Resolves when its thread has ended: with `Ok` after a drain, with an error if it broke.
    pub ended: oneshot::Receiver<io::Result<()>>,
}

/// Starts a shard on a thread of its own, pinned to `cpu` if given.
///
/// # Errors
/// When a poller, a thread or the pinning cannot be had.
pub fn start(index: usize, config: &Config, cpu: Option<usize>) -> io::Result<Handle> {
    let poller = Poller::new(EVENTS)?;
    let (inbox, commands) = Inbox::new(poller.waker());
    let (done, ended) = oneshot::channel();
    let (config, own) = (config.clone(), inbox.clone());
    thread::Builder::new().name(format!("shard-{index}")).spawn(move || {
        let pinned = cpu.map_or(Ok(()), |cpu| net::pin_thread(&[cpu]));
        let result = pinned.and_then(|()| Shard::new(config, poller, own, commands).run());
        // Nobody listens any more when the control thread has given up.
        let _ = done.send(result);
    })?;
    Ok(Handle { inbox, ended })
}

impl Shard {
    fn new(config: Config, poller: Poller, inbox: Inbox, commands: Receiver<Command>) -> Self {
        let now = net::now();
        Self {
            intake: Intake::new(config.max_message),
            accounts: Accounts::new(config.log_memory / config.shards),
            poller,
            commands,
            inbox,
            connections: Slab::new(),
            wheel: Wheel::new(now),
            rooms: Rooms::new(now),
            counters: Counters::default(),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            replies: Outbox::default(),
            again: Vec::new(),
            now,
            flush_at: None,
            drain: None,
            config,
        }
    }

    fn run(mut self) -> io::Result<()> {
        loop {
            let turn = self.poller.wait(Timeout::Never)?;
            self.now = net::now();
            self.counters.turns += 1;
            if turn.woken {
                while let Ok(command) = self.commands.try_recv() {
                    self.obey(command);
                }
            }
            self.read_again();
            for i in 0..turn.events {
                let ready = self.poller.ready(i);
                if ready.writable {
                    self.writable(ready.token.0);
                }
                if ready.readable {
                    self.readable(ready.token.0, if ready.closed { Until::Empty } else { Until::Short });
                }
            }
            if turn.timer {
                self.expire();
            }
            if self.flush_at.is_none_or(|at| at <= self.now) {
                self.flush();
            }
            if self.drain.is_some() && self.drain_on() {
                return Ok(());
            }
            self.poller.set_timer(self.next_due())?;
        }
    }

    fn read_again(&mut self) {
        let mut again = std::mem::take(&mut self.again);
        self.poller.take_again(&mut again);
        for token in &again {
            self.readable(token.0, Until::Empty);
        }
        self.again = again;
    }

    fn next_due(&self) -> Option<u64> {
        let drain = self.drain.as_ref().map(|_| self.now + TICK);
        [self.wheel.next_due(), self.rooms.wheel.next_due(), self.flush_at, drain].into_iter().flatten().min()
    }
}
