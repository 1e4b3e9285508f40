//! What one shard has used and done: memory budgets and plain counters, owned by its thread.

use serde::Serialize;

use crate::budget::Budget;

/// The most that unsent rests of frames may occupy beside the logs, in bytes a shard.
pub const SPLIT_MEMORY: usize = 64 << 20;

/// The books that rooms write into.
#[derive(Debug)]
pub struct Accounts {
    /// Bytes of room logs, against `--log-memory`.
    pub log: Budget,
    /// Bytes of frames that slow readers had received in part when their room's log evicted them, against [`SPLIT_MEMORY`].
    pub split: Budget,
    /// What was sent.
    pub tally: Tally,
}

impl Accounts {
    /// Empty books with `log_memory` bytes for logs.
    #[must_use]
    pub fn new(log_memory: usize) -> Self {
        Self { log: Budget::new(log_memory), split: Budget::new(SPLIT_MEMORY), tally: Tally::default() }
    }
}

/// Counters of what rooms published and sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Messages appended to a log.
    pub publishes: u64,
    /// Their payload bytes.
    pub publish_bytes: u64,
    /// Whole messages times members that they were sent to.
    pub deliveries: u64,
    /// Writes to members' sockets that the kernel took at least a byte of.
    pub sends: u64,
    /// Bytes that those took.
    pub bytes_sent: u64,
    /// Writes of which the kernel took a part or nothing.
    pub partial_writes: u64,
    /// Members that lost messages to the lag policy and stayed.
    pub skipped_connections: u64,
    /// Messages times members that were skipped.
    pub skipped_messages: u64,
}
