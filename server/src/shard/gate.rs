//! How full a queue between shards is, and who waits for it to empty.
//!
//! A gate is above its high mark: who would fill the queue further notes that it waits, looks once more, and does something else. When the
//! queue falls to its low mark, whoever waits is woken. Both the note and the second look, and both the falling and the look for notes, are
//! in one order for all threads, so either the second look sees the gate open, or the one who empties the queue sees the note.

#[cfg(not(test))]
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

// So that the tests can try schedules that a machine would rarely come upon.
#[cfg(test)]
use shuttle::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

/// When a gate closes and when it calls those who wait, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Above this it is closed.
    pub high: usize,
    /// At or below this, those who wait are woken; not above `high`.
    pub low: usize,
}

/// One queue's gate. Touched once a letter, never once a message or delivery.
#[derive(Debug)]
pub struct Gate {
    marks: Marks,
    queued: AtomicUsize,
    /// A bit for each shard that waits.
    waiting: AtomicU64,
}

impl Gate {
    pub fn new(marks: Marks) -> Self {
        debug_assert!(marks.low <= marks.high);
        Self { marks, queued: AtomicUsize::new(0), waiting: AtomicU64::new(0) }
    }

    /// Bytes in the queue.
    pub fn queued(&self) -> usize {
        self.queued.load(SeqCst)
    }

    /// Counts `bytes` that are about to be put in.
    pub fn put(&self, bytes: usize) {
        self.queued.fetch_add(bytes, SeqCst);
    }

    /// Counts `bytes` that were taken out, and returns the shards to be woken, a bit each.
    pub fn take(&self, bytes: usize) -> u64 {
        let before = self.queued.fetch_sub(bytes, SeqCst);
        if before > self.marks.low && before - bytes <= self.marks.low { self.waiting.swap(0, SeqCst) } else { 0 }
    }

    /// Whether `shard` may put more in. If not, [`take`](Self::take) will name it once it may.
    pub fn is_open_to(&self, shard: usize) -> bool {
        if self.queued.load(SeqCst) <= self.marks.high {
            return true;
        }
        self.waiting.fetch_or(1 << shard, SeqCst);
        self.queued.load(SeqCst) <= self.marks.high
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
