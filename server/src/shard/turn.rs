//! The loop of one hot thread.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

use net::{Poller, Timeout, Token};
use tokio::sync::oneshot;
use wire::Inflater;

use super::arriving::Newcomer;
use super::chatting::Chatters;
use super::connection::Connection;
use super::inbox::{COMMANDS, Command, Inbox, waiting};
use super::leaving::{Drain, Occupancy};
use super::limiting::Limiting;
use super::lines::Lines;
use super::polling::Polling;
use super::post::{Post, Wake, connect};
use super::reading::Until;
use super::rooms::Rooms;
use super::slab::Slab;
use super::visitors::Visitors;
use crate::accounts::Accounts;
use crate::compressors::{Compression, Compressors};
use crate::config::Config;
use crate::loop_time::LoopTime;
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
    /// The way to the other shards, and from them.
    pub(super) post: Post<Newcomer>,
    pub(super) connections: Slab<Connection>,
    pub(super) lines: Lines,
    pub(super) visitors: Visitors,
    pub(super) polling: Polling,
    /// Deadlines of connections.
    pub(super) wheel: Wheel,
    pub(super) rooms: Rooms,
    pub(super) chatters: Chatters,
    pub(super) accounts: Accounts,
    /// For compressed messages of all connections, none of which refers to another; made when the first comes.
    pub(super) inflater: Option<Inflater>,
    pub(super) limiting: Limiting,
    pub(super) counters: Counters,
    pub(super) loop_time: LoopTime,
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
    /// Shards that have handed over everything that they had taken in before the drain.
    pub(super) settles: usize,
    pub(super) occupancy: Occupancy,
}

/// A running shard.
#[derive(Debug)]
pub struct Handle {
    /// The way in.
    pub inbox: Inbox,
    /// Resolves when its thread has ended: with `Ok` after a drain, with an error if it broke.
    pub ended: oneshot::Receiver<io::Result<()>>,
}

/// What a shard is made of.
struct Parts {
    config: Config,
    poller: Poller,
    inbox: Inbox,
    commands: Receiver<Command>,
    post: Post<Newcomer>,
    occupancy: Occupancy,
}

/// Starts `--shards` shards, each on a thread of its own, pinned to the CPUs of `--cpus` in turn, if any are given.
///
/// # Errors
/// When a poller, a thread or the pinning cannot be had.
pub fn start(config: &Config) -> io::Result<Vec<Handle>> {
    let pollers = (0..config.shards).map(|_| Poller::new(EVENTS)).collect::<io::Result<Vec<_>>>()?;
    let wake = |poller: &Poller| -> Wake {
        let waker = poller.waker();
        Arc::new(move || waker.wake())
    };
    let posts = connect(&pollers.iter().map(wake).collect::<Vec<_>>());
    let parts = pollers.into_iter().zip(posts).zip(Occupancy::of(config.shards));
    parts
        .enumerate()
        .map(|(i, ((poller, post), occupancy))| {
            let (inbox, commands) = Inbox::new(poller.waker());
            let cpu = config.cpus.get(i % config.cpus.len().max(1)).copied();
            let own = inbox.clone();
            let parts = Parts { config: config.clone(), poller, inbox, commands, post, occupancy };
            Ok(Handle { inbox: own, ended: spawn(i, cpu, parts)? })
        })
        .collect()
}

fn spawn(index: usize, cpu: Option<usize>, parts: Parts) -> io::Result<oneshot::Receiver<io::Result<()>>> {
    let (done, ended) = oneshot::channel();
    thread::Builder::new().name(format!("shard-{index}")).spawn(move || {
        let pinned = cpu.map_or(Ok(()), |cpu| net::pin_thread(&[cpu]));
        let result = pinned.and_then(|()| Shard::new(parts).run());
        // Nobody listens any more when the control thread has given up.
        let _ = done.send(result);
    })?;
    Ok(ended)
}

impl Shard {
    fn new(parts: Parts) -> Self {
        let Parts { config, poller, inbox, commands, post, occupancy } = parts;
        let now = net::now();
        let compression = Compression { memory: config.compression.memory / config.shards, ..config.compression };
        Self {
            intake: Intake::new(config.max_message),
            accounts: Accounts::new(config.log_memory / config.shards)
                .compressing(Compressors::new(compression, net::now)),
            inflater: None,
            limiting: Limiting::new(&config, SCRATCH),
            poller,
            commands,
            inbox,
            post,
            connections: Slab::new(),
            lines: Lines::default(),
            visitors: Visitors::default(),
            polling: Polling::default(),
            wheel: Wheel::new(now),
            rooms: Rooms::new(now),
            chatters: Chatters::default(),
            counters: Counters::default(),
            loop_time: LoopTime::new(now),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            replies: Outbox::default(),
            again: Vec::new(),
            now,
            flush_at: None,
            drain: None,
            settles: 0,
            occupancy,
            config,
        }
    }

    fn run(mut self) -> io::Result<()> {
        loop {
            let turn = self.poller.wait(Timeout::Never)?;
            self.now = net::now();
            self.counters.turns += 1;
            self.loop_time.woke(self.now);
            if turn.woken {
                let commands = waiting(&self.commands);
                if commands.len() == COMMANDS {
                    self.post.look_again();
                }
                for command in commands {
                    self.obey(command);
                }
                self.read_letters();
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
            self.loop_time.done(net::now());
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
        let delay = self.limiting.next_due();
        [self.wheel.next_due(), self.rooms.wheel.next_due(), delay, self.flush_at, drain].into_iter().flatten().min()
    }
}
