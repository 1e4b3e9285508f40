//! What one shard has used and done: memory budgets and plain counters, owned by its thread.

use crate::budget::Budget;
use crate::compressors::Compressors;
use crate::histogram::Histogram;
use crate::variant::Volumes;

/// The most that unsent rests of frames may occupy beside the logs, in bytes a shard.
pub const SPLIT_MEMORY: usize = 64 << 20;

/// The books that rooms write into.
#[derive(Debug)]
pub struct Accounts {
    /// Bytes of room logs, against `--log-memory`.
    pub log: Budget,
    /// Bytes of frames that slow readers had received in part when their room's log evicted them, against [`SPLIT_MEMORY`].
    pub split: Budget,
    /// Compressors, against `--deflate-memory`.
    pub compressors: Compressors,
    /// What was sent.
    pub tally: Tally,
}

impl Accounts {
    /// Empty books with `log_memory` bytes for logs, without compression.
    #[must_use]
    pub fn new(log_memory: usize) -> Self {
        Self {
            log: Budget::new(log_memory),
            split: Budget::new(SPLIT_MEMORY),
            compressors: Compressors::off(),
            tally: Tally::default(),
        }
    }

    /// The same books with these compressors.
    #[must_use]
    pub fn compressing(self, compressors: Compressors) -> Self {
        Self { compressors, ..self }
    }
}

/// Counters of what rooms published and sent.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
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
    /// How many messages each flush of a room carried, however many members it went to; 1 to 2048 and more.
    pub flushes: Histogram<0, 13>,
    /// Members that lost messages to the lag policy and stayed.
    pub skipped_connections: u64,
    /// Messages times members that were skipped.
    pub skipped_messages: u64,
    /// What went through which kind of streams.
    pub volumes: Volumes,
}
