//! How far the clock and the scheduler can be trusted: how late timers fire, and what reading the clock costs.

use std::io;
use std::time::Duration;

use super::figures::Clock;
use net::{Poller, Timeout, now};

/// Between two timers.
const EVERY_NS: u64 = 1_000_000;
/// Reads of the clock that are timed together.
const READS: u32 = 200_000;

/// Waits for a timer a millisecond, as pacers do, for `length`, does so again on CPUs that are kept awake, and reads the clock many times.
///
/// # Errors
/// When there is no descriptor left for a timer.
pub fn examine(length: Duration) -> io::Result<Clock> {
    let late = lateness(length)?;
    // Some sandboxes forbid it.
    let late_awake = match net::available().and_then(|cpus| net::Awake::on(&cpus)) {
        Ok(_awake) => Some(lateness(length)?),
        Err(_) => None,
    };
    let (read_ns, went_back) = read_cost();
    Ok(Clock {
        timers: late.len(),
        late_p50_us: us(&late, 0.5),
        late_p99_us: us(&late, 0.99),
        late_max_us: us(&late, 1.0),
        late_awake_p99_us: late_awake.map(|late| us(&late, 0.99)),
        read_ns,
        went_back,
    })
}

/// How late a timer a millisecond fired, in nanoseconds, ascending.
fn lateness(length: Duration) -> io::Result<Vec<u64>> {
    let mut poller = Poller::new(1)?;
    let mut late: Vec<u64> = Vec::with_capacity(length.as_millis() as usize);
    let begin = now();
    let end = begin + length.as_nanos() as u64;
    let mut due = begin + EVERY_NS;
    while due < end {
        poller.set_timer(Some(due))?;
        if poller.wait(Timeout::Never)?.timer {
            let at = now();
            late.push(at.saturating_sub(due));
            // What was missed meanwhile would be late by the same cause: once is enough.
            due = at - (at - begin) % EVERY_NS + EVERY_NS;
        }
    }
    late.sort_unstable();
    Ok(late)
}

/// A share of them was no later, microseconds.
fn us(late: &[u64], share: f64) -> f64 {
    let at = ((late.len() as f64 * share).ceil() as usize).clamp(1, late.len().max(1)) - 1;
    late.get(at).map_or(0.0, |ns| *ns as f64 / 1e3)
}

fn read_cost() -> (f64, bool) {
    let begin = now();
    let (mut last, mut went_back) = (begin, false);
    for _ in 0..READS {
        let at = now();
        went_back |= at < last;
        last = at;
    }
    (last.saturating_sub(begin) as f64 / f64::from(READS), went_back)
}
