//! How much is lost for certain while a run goes, when most of what is missing is merely under way.

use std::collections::VecDeque;
use std::time::Duration;

/// What was expected a while ago.
#[derive(Debug)]
pub struct Losses {
    /// What is later than this is lost.
    overdue: Duration,
    /// When (since the start of the first phase), and how many deliveries were expected by then.
    history: VecDeque<(Duration, u64)>,
    /// The newest entry that is overdue.
    expected_then: u64,
}

impl Losses {
    /// Nothing is lost yet. `overdue` is the drain of the plan.
    #[must_use]
    pub fn new(overdue: Duration) -> Self {
        Losses { overdue, history: VecDeque::new(), expected_then: 0 }
    }

    /// At least so many deliveries are lost at `elapsed`, of those `expected` by now, of which `arrived` came. `passed_over` are those
    /// that later ones have overtaken on a connection, and that have not come since.
    pub fn at_least(&mut self, elapsed: Duration, expected: u64, arrived: u64, passed_over: u64) -> u64 {
        self.history.push_back((elapsed, expected));
        while let Some((_, then)) = self.history.pop_front_if(|(at, _)| elapsed.saturating_sub(*at) >= self.overdue) {
            self.expected_then = then;
        }
        // What arrived may be younger than that, so this is too small rather than too large.
        self.expected_then.saturating_sub(arrived).max(passed_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_under_way_is_not_lost() {
        let mut losses = Losses::new(at(5));
        for second in 1..5 {
            assert_eq!(losses.at_least(at(second), 1000 * second, 0, 0), 0, "{second} s");
        }
        assert_eq!(losses.at_least(at(6), 6000, 0, 0), 1000, "the first second is overdue now");
        assert_eq!(losses.at_least(at(7), 7000, 1500, 0), 500);
        assert_eq!(losses.at_least(at(8), 8000, 8000, 0), 0, "late, but there");
    }

    #[test]
    fn what_was_passed_over_is_lost_at_once() {
        let mut losses = Losses::new(at(5));
        assert_eq!(losses.at_least(at(1), 1000, 990, 10), 10);
        assert_eq!(losses.at_least(at(2), 2000, 2000, 0), 0, "it came out of order");
    }
}
