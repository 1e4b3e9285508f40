//! Where a hot thread's time goes: how long its turns take, and how long it sleeps between them.

use crate::histogram::Histogram;

/// Durations in nanoseconds, in buckets from 1 us to 1 s.
pub type Turns = Histogram<10, 22>;

/// A shard's loop so far. Times are nanoseconds of one clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoopTime {
    /// How long each turn took.
    pub turns: Turns,
    /// Nanoseconds slept between turns.
    pub asleep: u64,
    /// When the turn that goes on began, or the last one ended.
    at: u64,
}

impl LoopTime {
    /// The loop begins at `now`.
    #[must_use]
    pub fn new(now: u64) -> Self {
        Self { at: now, ..Self::default() }
    }

    /// A turn begins.
    #[inline]
    pub fn woke(&mut self, now: u64) {
        self.asleep += now.saturating_sub(self.at);
        self.at = now;
    }

    /// It ends.
    #[inline]
    pub fn done(&mut self, now: u64) {
        self.turns.record(now.saturating_sub(self.at));
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nanosecond_is_either_slept_or_worked() {
        let mut time = LoopTime::new(100);
        for (woke, done) in [(150, 160), (160, 400), (1000, 1000)] {
            time.woke(woke);
            time.done(done);
        }
        assert_eq!((time.asleep, time.turns.sum(), time.turns.count()), (650, 250, 3));
    }
}
