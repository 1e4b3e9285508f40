//! What control and workers tell each other, between threads and, as bytes, between a coordinator and its agents.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::pacing::DueCounts;
use super::tally::Tally;
use crate::ledger::{MessageSpread, Roll, Sampled};
use crate::live::snapshot::Connections;
use crate::pacer::Cut;
use crate::recorder::Recorder;

/// From control to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// Begin to connect.
    Connect,
    /// The first phase starts at this CLOCK_MONOTONIC time, nanoseconds.
    Start {
        /// When.
        at: u64,
    },
    /// This part of the schedule is skipped.
    Skip(Cut),
    /// Reset this share of the subscribers' connections.
    Cut {
        /// From 0 to 1.
        share: f64,
    },
    /// The server is about to be restarted.
    RestartBegins,
    /// It is up again.
    RestartEnded,
    /// No publish falls due from now on.
    StopPublishing,
    /// Close everything, hand over what is left and end.
    Finish,
}

/// From a worker to control.
#[derive(Debug, Serialize, Deserialize)]
pub enum News {
    /// Every connection has opened, was refused or failed.
    Connected {
        /// Who reports.
        worker: usize,
        /// Open now.
        open: u32,
    },
    /// Once a second, and more often while draining.
    Tick(Box<Tick>),
    /// The last word.
    Finished(Box<Harvest>),
    /// The worker could not go on.
    Broken(String),
}

/// What happened since the last one.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tick {
    /// Who reports.
    pub worker: usize,
    /// Recorded since the last tick.
    pub recorder: Recorder,
    /// Its connections by their state.
    pub connections: Connections,
    /// While draining: some publish fell due and was not sent yet, or somebody who joined is still being let in.
    pub waiting: bool,
    /// Publishes that fell due or were sent since the run began, for the ledger's expectation.
    pub due: DueCounts,
    /// Subscribers that joined, by room and group; sent when it has changed.
    pub joined: Option<HashMap<(u32, u16), u32>>,
    /// Subscribers that have joined, left and come back since the last tick.
    pub roll: Roll,
}

/// Everything a worker knows at the end.
#[derive(Debug, Serialize, Deserialize)]
pub struct Harvest {
    /// Who reports.
    pub worker: usize,
    /// What was not handed over yet.
    pub recorder: Recorder,
    /// What happened to connections.
    pub tally: Tally,
    /// Publishes that fell due.
    pub due: DueCounts,
    /// How many of them were never sent though the socket would have taken them.
    pub unsent_by_us: u64,
    /// Subscribers that joined, by room and group.
    pub joined: HashMap<(u32, u16), u32>,
    /// Subscribers that have joined, left and come back since the last tick.
    pub roll: Roll,
    /// First and last subscriber of every message.
    pub spreads: Vec<MessageSpread>,
    /// Median and 99 % subscriber of the sampled messages, microseconds after sending.
    pub sampled: Vec<Sampled>,
}
