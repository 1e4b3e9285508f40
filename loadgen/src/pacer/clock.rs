//! Where the time of the schedule stands on the machine's clock: the same, but for what somebody skips.
//!
//! ```text
//! schedule  ├── warm-up ──┼──── steady ─┄┄┄┄┄┄┄┄┄┼── spike ──┤
//! clock     ├─────────────┼─────────────┼── spike ──┤            a cut: never due, and all that follows is due earlier
//! ```

use serde::{Deserialize, Serialize};

use super::Schedule;

/// A part of the schedule that does not happen: offsets from the start of the first phase, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The first that is skipped.
    pub from: u64,
    /// The first that happens again.
    pub to: u64,
}

impl Cut {
    /// How much is skipped, nanoseconds.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.to - self.from
    }
}

/// The clock of a schedule.
#[derive(Debug, Clone)]
pub struct Clock {
    start: u64,
    /// In order, apart from each other.
    cuts: Vec<Cut>,
}

impl Clock {
    /// Of a schedule whose first phase starts at `start` (CLOCK_MONOTONIC, nanoseconds).
    #[must_use]
    pub fn new(start: u64) -> Self {
        Clock { start, cuts: Vec::new() }
    }

    /// When the first phase starts.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.start
    }

    /// When an offset happens; `None` where it never does.
    #[inline]
    #[must_use]
    pub fn at(&self, offset: u64) -> Option<u64> {
        let mut at = self.start + offset;
        for cut in &self.cuts {
            if (cut.from..cut.to).contains(&offset) {
                return None;
            }
            if offset >= cut.to {
                at -= cut.length();
            }
        }
        Some(at)
    }

    /// When the schedule is past an offset: when it happens, or when it is skipped.
    #[must_use]
    pub fn past(&self, offset: u64) -> u64 {
        let skipped: u64 = self.cuts.iter().map(|cut| offset.clamp(cut.from, cut.to) - cut.from).sum();
        self.start + offset - skipped
    }

    /// The offset that stands at `now`; 0 before the start.
    #[must_use]
    pub fn offset(&self, now: u64) -> u64 {
        let since = now.saturating_sub(self.start);
        self.cuts.iter().fold(since, |offset, cut| if offset >= cut.from { offset + cut.length() } else { offset })
    }

    /// Skips offsets `from..to`, which lie behind everything skipped before; `None`, and nothing is done, where that is empty.
    pub fn skip(&mut self, from: u64, to: u64) -> Option<Cut> {
        let after = self.cuts.last().map_or(0, |cut| cut.to);
        let cut = Cut { from: from.max(after), to };
        (cut.from < cut.to).then(|| {
            self.cuts.push(cut);
            cut
        })
    }

    /// The next publish of a schedule that happens: its offset, and when it is due.
    pub fn next(&self, schedule: &mut Schedule) -> Option<(u64, u64)> {
        loop {
            let offset = schedule.peek()?;
            match self.at(offset) {
                Some(at) => return Some((offset, at)),
                None => schedule.advance(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_cuts_both_run_alike() {
        let clock = Clock::new(1000);
        assert_eq!((clock.at(0), clock.at(70)), (Some(1000), Some(1070)));
        assert_eq!((clock.offset(900), clock.offset(1070)), (0, 70));
    }

    #[test]
    fn what_is_cut_never_happens_and_the_rest_comes_earlier() {
        let mut clock = Clock::new(1000);
        assert_eq!(clock.skip(30, 50), Some(Cut { from: 30, to: 50 }));
        assert_eq!(clock.skip(90, 100), Some(Cut { from: 90, to: 100 }));
        assert_eq!(
            [29, 30, 49, 50, 89, 99, 100].map(|o| clock.at(o)),
            [Some(1029), None, None, Some(1030), Some(1069), None, Some(1070)]
        );
        assert_eq!([1029, 1030, 1069, 1070].map(|now| clock.offset(now)), [29, 50, 89, 100]);
        assert_eq!([29, 30, 49, 50, 89, 99, 100].map(|o| clock.past(o)), [1029, 1030, 1030, 1030, 1069, 1070, 1070]);
    }

    #[test]
    fn nothing_is_cut_twice_or_backwards() {
        let mut clock = Clock::new(0);
        assert_eq!(clock.skip(50, 50), None);
        assert_eq!(clock.skip(60, 50), None);
        clock.skip(30, 50);
        assert_eq!(clock.skip(20, 50), None);
        assert_eq!(clock.skip(40, 60), Some(Cut { from: 50, to: 60 }));
    }
}
