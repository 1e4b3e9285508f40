//! Where a worker is in the run: its stage, its accounts, what it tells control. The same for every client; no sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use tokio::sync::mpsc::UnboundedSender;

use super::dialer::Dialer;
use super::ledgers::{Ledgers, Taken};
use super::moving::Moving;
use super::news::{Harvest, News, Order, Tick};
use super::pacing::{Pacing, Sender};
use super::tally::{Blame, Tally};
use super::{Common, Completion, Share};
use crate::plan::Compression;
use crate::request::Requests;

const SECOND: u64 = 1_000_000_000;
/// Between two reports while draining, when control waits for the last delivery.
const DRAIN_REPORT: u64 = SECOND / 20;
/// How long the server has to answer our close frames at the end.
const LEAVE_WITHIN: u64 = SECOND;

/// A worker's stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Waiting to connect, connecting, or idle before the first phase.
    Connecting,
    /// Phases run.
    Running,
    /// No publish falls due any more.
    Draining,
    /// Close frames are out.
    Leaving {
        /// Who has not answered by then is dropped.
        until: u64,
    },
    /// Nothing is left to do.
    Over,
}

/// A publisher of this worker.
#[derive(Debug, Clone, Copy)]
pub struct Publisher {
    /// Run-wide index.
    pub index: u32,
    /// Its connection in this worker, once it is dialled.
    pub connection: Option<u32>,
    /// Who posts its messages, if it publishes over HTTP.
    pub courier: Option<u32>,
}

/// What has to be done after orders were read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Obey {
    /// Go on; the inbox is empty.
    GoOn,
    /// The phases begin at this time: whoever comes and goes may.
    BeginSessions {
        /// When.
        at: u64,
    },
    /// Reset a share of the subscribers' connections.
    Cut {
        /// From 0 to 1.
        share: f64,
    },
    /// The server is about to be restarted.
    RestartBegins,
    /// It is up again.
    RestartEnded,
    /// Say goodbye on every connection.
    Leave,
}

/// Everything of a worker but its connections.
#[derive(Debug)]
pub struct Course {
    worker: usize,
    pub common: Arc<Common>,
    news: UnboundedSender<News>,
    pub requests: Requests,
    pub ledgers: Ledgers,
    pub tally: Tally,
    pub dialer: Dialer,
    pub moving: Moving,
    pub pacing: Pacing,
    pub publishers: Vec<Publisher>,
    pub stage: Stage,
    /// When the worker last woke up.
    pub woke: u64,
    /// Phase that runs now.
    pub phase: u16,
    /// Connections that are not open and will come back.
    pub away: u32,
    next_report: Option<u64>,
    told_connected: bool,
    joined_told: usize,
    unsent_by_us: u64,
}

impl Course {
    /// The course of a share.
    pub fn new(common: Arc<Common>, share: Share, news: UnboundedSender<News>) -> Self {
        let publishers: Vec<Publisher> = share
            .publishers
            .iter()
            .flat_map(|p| &p.members)
            .map(|&index| Publisher { index, connection: None, courier: None })
            .collect();
        let ledgers = Ledgers::new(Arc::clone(&common), &share, net::thread_cpu);
        let pacing = Pacing::new(&common, &share.publishers);
        let dialer = Dialer::new(share.ramps);
        Course {
            worker: share.worker,
            requests: Requests::new(&common.plan, &common.found.endpoints),
            tally: Tally { asked: dialer.total() as u64, ..Tally::default() },
            common,
            news,
            ledgers,
            dialer,
            moving: Moving::new(share.moves),
            pacing,
            publishers,
            stage: Stage::Connecting,
            woke: 0,
            phase: 0,
            away: 0,
            next_report: None,
            told_connected: false,
            joined_told: 0,
            unsent_by_us: 0,
        }
    }

    /// The worker woke up at `now`.
    pub fn wake(&mut self, now: u64) {
        self.woke = now;
        self.phase = match self.common.found.completion {
            Completion::Observed if !self.pacing.is_within(now) => self.common.plan.phases.len() as u16,
            _ => self.pacing.phase(now),
        };
    }

    /// When the worker must wake up next, whatever its sockets do.
    pub fn wake_at(&self) -> Option<u64> {
        let leaving = match self.stage {
            Stage::Leaving { until } => Some(until),
            _ => None,
        };
        let due = self.pacing.next(self.woke);
        let moving = self.moving.wake_at().filter(|_| self.dialer.has_room());
        [self.dialer.wake_at(), moving, due, self.next_report, leaving].into_iter().flatten().min()
    }

    /// Reads the inbox up to what the connections have to do; to be asked again until it says to go on.
    pub fn obey(&mut self, orders: &Receiver<Order>) -> Obey {
        loop {
            match orders.try_recv() {
                Ok(Order::Connect) => {
                    self.dialer.start(self.woke);
                    self.next_report = Some(self.woke + SECOND);
                }
                Ok(Order::Start { at }) => {
                    self.pacing.start(at);
                    self.moving.start(at);
                    self.stage = Stage::Running;
                    // Reports on the seconds of the run, so that intervals and phases line up.
                    self.next_report = Some(at + SECOND);
                    return Obey::BeginSessions { at };
                }
                Ok(Order::Skip(cut)) => {
                    self.pacing.skip(cut);
                    self.moving.skip(cut);
                }
                Ok(Order::Cut { share }) => return Obey::Cut { share },
                Ok(Order::RestartBegins) => return Obey::RestartBegins,
                Ok(Order::RestartEnded) => return Obey::RestartEnded,
                Ok(Order::StopPublishing) => {
                    self.pacing.stop(self.woke);
                    self.moving.stop(self.woke);
                    self.stage = Stage::Draining;
                    self.next_report = Some(self.woke + DRAIN_REPORT);
                }
                Ok(Order::Finish) | Err(TryRecvError::Disconnected) => return Obey::Leave,
                Err(TryRecvError::Empty) => return Obey::GoOn,
            }
        }
    }

    /// Whether a phase runs.
    pub fn in_phases(&self) -> bool {
        self.stage == Stage::Running && self.pacing.runs(self.woke)
    }

    /// Whether publishes are to be looked for: also while draining, for what fell due before the end.
    pub fn publishes(&self) -> bool {
        matches!(self.stage, Stage::Running | Stage::Draining)
    }

    /// Where an address of the server is.
    pub fn address(&self, endpoint: u16) -> SocketAddr {
        // There is at least one, and members have the index of one.
        self.common.found.endpoints.get(usize::from(endpoint)).map_or_else(nowhere, |endpoint| endpoint.address)
    }

    /// How many bytes a second a connection of the group may read; `None`: as they come.
    pub fn read_rate(&self, group: Option<u16>) -> Option<u64> {
        self.common.plan.groups[usize::from(group?)].read_bytes_per_s
    }

    /// The compression that a group's connections offer; separate publishers offer none.
    pub fn compression(&self, group: Option<u16>) -> Option<Compression> {
        self.common.plan.groups[usize::from(group?)].compression
    }

    /// Index in this worker of a publisher; they stand in order of their run-wide index.
    pub fn local(&self, index: u32) -> Option<usize> {
        self.publishers.binary_search_by_key(&index, |p| p.index).ok()
    }

    /// Frees places of closed loops after a read of `publisher`'s connection.
    pub fn complete(&mut self, publisher: Option<u32>, taken: Taken) {
        match self.common.found.completion {
            Completion::Echo => {
                if let Some(publisher) = publisher.filter(|_| taken.echoes > 0) {
                    self.pacing.completed(publisher as usize, taken.echoes);
                }
            }
            Completion::Observed => {
                for room in std::mem::take(&mut self.ledgers.first_arrivals) {
                    self.pacing.observed(room, self.phase);
                }
            }
            Completion::FirstArrival => {
                for index in std::mem::take(&mut self.ledgers.first_arrivals) {
                    if let Some(local) = self.local(index) {
                        self.pacing.completed(local, 1);
                    }
                }
            }
        }
    }

    /// Tells control, once, that the outcome of every connection is known.
    pub fn tell_connected(&mut self) {
        if !self.told_connected && self.dialer.is_done() && self.tally.resolved() == self.tally.asked {
            self.told_connected = true;
            self.dialer.settle();
            self.tell(News::Connected { worker: self.worker, open: self.tally.open as u32 });
        }
    }

    /// Hands the recorder over if it is time; whether it was.
    pub fn report(&mut self) -> bool {
        let Some(at) = self.next_report.filter(|at| *at <= self.woke) else { return false };
        self.next_report = match self.stage {
            Stage::Connecting | Stage::Running => Some(at.max(self.woke.saturating_sub(SECOND)) + SECOND),
            Stage::Draining => Some(self.woke + DRAIN_REPORT),
            Stage::Leaving { .. } | Stage::Over => None,
        };
        let members: usize = self.ledgers.joined.values().map(|n| *n as usize).sum();
        let joined = (members != self.joined_told).then(|| self.ledgers.joined.clone());
        self.joined_told = members;
        let tick = Tick {
            worker: self.worker,
            recorder: self.ledgers.recorder.take(),
            connections: self.tally.states(self.dialer.opening(), self.away),
            waiting: self.stage == Stage::Draining && (self.pacing.is_waiting() || self.dialer.opening() > 0),
            due: self.pacing.counts.clone(),
            joined,
            roll: std::mem::take(&mut self.ledgers.roll),
        };
        self.tell(News::Tick(Box::new(tick)));
        true
    }

    /// Nothing is published or recorded any more; `sender` says which publishers could still have sent.
    pub fn leave(&mut self, sender: impl Fn(Publisher) -> Sender) {
        // Who came now would have nobody to say goodbye for it.
        self.dialer.stop();
        for member in self.moving.end(self.woke) {
            self.tally.asked += 1;
            self.tally.fail("the run ended before its turn to connect had come".to_owned(), Blame::Server);
            self.tally.address(member.endpoint).failed += 1;
        }
        self.pacing.stop(self.woke);
        let publishers = &self.publishers;
        self.unsent_by_us = self.pacing.count_unsent(|p| sender(publishers[p]));
        self.stage = Stage::Leaving { until: self.woke + LEAVE_WITHIN };
        self.next_report = None;
    }

    /// Ends the leave once everybody has gone or had time to.
    pub fn end_leave(&mut self) {
        if let Stage::Leaving { until } = self.stage
            && (self.tally.open == 0 || self.woke >= until)
        {
            self.stage = Stage::Over;
        }
    }

    /// Tells control everything that is left.
    pub fn harvest(&mut self) {
        let (spreads, sampled) = self.ledgers.spreads();
        let harvest = Harvest {
            worker: self.worker,
            recorder: self.ledgers.recorder.take(),
            tally: std::mem::take(&mut self.tally),
            due: self.pacing.counts.clone(),
            unsent_by_us: self.unsent_by_us,
            joined: std::mem::take(&mut self.ledgers.joined),
            roll: std::mem::take(&mut self.ledgers.roll),
            spreads,
            sampled,
        };
        self.tell(News::Finished(Box::new(harvest)));
    }

    fn tell(&self, news: News) {
        // Control listens until every worker has finished; if it is gone, so is the run.
        let _ = self.news.send(news);
    }
}

/// An address that nothing can be reached at.
fn nowhere() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}
