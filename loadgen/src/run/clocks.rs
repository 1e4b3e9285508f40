//! How far a latency between two clocks can be wrong: said beside every such figure, and subtracted from none.

use std::time::Duration;

use crate::ledger::Rules;
use crate::result::ClockBound;

/// What is known of the clocks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Clocks {
    /// The feed's timestamps are of this machine's clock.
    pub same_host: bool,
    /// What the kernel says of ours: at most this far from UTC; `None`: nobody disciplines it.
    pub ours: Option<Duration>,
    /// What the scenario says of the sender's.
    pub theirs: Option<Duration>,
    /// How far our clock was moved against CLOCK_MONOTONIC during the run, microseconds.
    pub moved_us: f64,
}

/// The bound, in figures and words; `None` where messages carry no timestamp.
pub fn bound(rules: &Rules, clocks: Clocks) -> Option<ClockBound> {
    let (_, unit) = rules.timestamp.as_ref()?;
    let us = |error: Duration| error.as_secs_f64() * 1e6;
    let step_us = unit.step_us();
    let (error_us, words) = if clocks.same_host {
        (Some(clocks.moved_us), "the sender's clock is taken to be this machine's: exact".to_owned())
    } else {
        match (clocks.ours.map(us), clocks.theirs.map(us)) {
            (Some(ours), Some(theirs)) => {
                let error = ours + theirs + clocks.moved_us;
                (Some(error), format!("two clocks, at most {} apart", crate::report::numbers::duration_us(error)))
            }
            (Some(ours), None) => (
                None,
                format!(
                    "two clocks: ours within {} of UTC, the sender's not known (observe.clock_error says it)",
                    crate::report::numbers::duration_us(ours)
                ),
            ),
            (None, Some(_)) => (None, "two clocks: ours is not synchronised (chrony or ntpd would)".to_owned()),
            (None, None) => (None, "two clocks: neither is known to be right".to_owned()),
        }
    };
    Some(ClockBound { same_host: clocks.same_host, error_us, step_us, words })
}
