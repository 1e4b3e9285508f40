//! Pure: peers that keep a connection busy without saying anything: floods of control frames, and messages that never end.
//!
//! State is kept for those alone who are at it, beside the table of connections.

use std::collections::HashMap;

use crate::bucket::{Bucket, Decision};
use crate::rate::Rate;

/// Buckets of control frames are looked through this often, in nanoseconds; full ones are forgotten.
const LOOKED_THROUGH: u64 = 4_000_000_000;
/// For so long, in nanoseconds, a message may come as slowly as it likes.
const GRACE: u64 = 10_000_000_000;
/// From then on it must have come at this pace since the end of that time, in bytes a second.
const PACE: u64 = 1024;

/// The pace of one message whose end has not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// To be looked at again at this time, in nanoseconds.
    Due(u64),
    /// It took too long.
    TooSlow,
}

/// What one shard watches.
#[derive(Debug)]
pub struct Watch {
    /// Within which a message must be complete, in nanoseconds, if at all.
    timeout: Option<u64>,
    /// By connection: when its message began.
    unfinished: HashMap<u32, u64>,
    /// Of pings and pongs, if any.
    control: Option<Rate>,
    /// By connection: its control frames.
    controls: HashMap<u32, Bucket>,
    look_through_at: u64,
}

impl Watch {
    /// Messages must be complete within `timeout` nanoseconds, and pings and pongs come at most at the rate of `control`, if given.
    pub fn new(timeout: Option<u64>, control: Option<Rate>) -> Self {
        Self { timeout, unfinished: HashMap::new(), control, controls: HashMap::new(), look_through_at: 0 }
    }

    /// Whether messages are watched at all.
    pub fn is_on(&self) -> bool {
        self.timeout.is_some()
    }

    /// A message of this connection has begun, and not ended.
    pub fn began(&mut self, id: u32, now: u64) {
        self.unfinished.insert(id, now);
    }

    /// The message has ended, or is none of our business any more.
    pub fn ended(&mut self, id: u32) {
        if !self.unfinished.is_empty() {
            self.unfinished.remove(&id);
        }
    }

    /// The time in which we did not read counts for nothing.
    pub fn restart(&mut self, id: u32, now: u64) {
        if let Some(began) = self.unfinished.get_mut(&id) {
            *began = now;
        }
    }

    /// How a message comes on of which `bytes` are here; `None` if none is watched.
    pub fn pace(&self, id: u32, bytes: usize, now: u64) -> Option<Pace> {
        let (began, timeout) = (*self.unfinished.get(&id)?, self.timeout?);
        let pace = GRACE.saturating_add((bytes as u64).saturating_mul(1_000_000_000 / PACE));
        let due = began.saturating_add(timeout.min(pace));
        Some(if due <= now { Pace::TooSlow } else { Pace::Due(due) })
    }

    /// Counts `n` pings and pongs of a connection; whether they are too many.
    pub fn floods(&mut self, id: u32, n: u32, now: u64) -> bool {
        let Some(Rate { burst, limit, .. }) = self.control else { return false };
        if now >= self.look_through_at {
            self.controls.retain(|_, bucket| !bucket.is_full(now));
            self.look_through_at = now.saturating_add(LOOKED_THROUGH);
        }
        let bucket = self.controls.entry(id).or_default();
        u64::from(n) > burst || bucket.take(&limit, now, u64::from(n)) != Decision::Pass
    }

    /// The connection has gone.
    pub fn forget(&mut self, id: u32) {
        self.ended(id);
        if !self.controls.is_empty() {
            self.controls.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn flood_watch() -> Watch {
        Watch::new(None, Some(Rate::messages(100.0, 200)))
    }

    fn watch(timeout: u64) -> Watch {
        let mut watch = Watch::new(Some(timeout * SECOND), None);
        watch.began(1, 5);
        watch
    }

    #[test]
    fn a_message_that_trickles_is_too_slow_after_the_grace() {
        let watch = watch(60);
        assert_eq!(watch.pace(1, 0, 6), Some(Pace::Due(5 + GRACE)));
        assert_eq!(watch.pace(1, 10, 5 + GRACE), Some(Pace::Due(5 + GRACE + 10 * (SECOND / 1024))), "a byte a second");
        assert_eq!(watch.pace(1, 11, 5 + 11 * SECOND), Some(Pace::TooSlow));
        assert_eq!(watch.pace(2, 0, 99 * SECOND), None);
    }

    #[test]
    fn a_message_that_keeps_pace_has_until_the_timeout() {
        let watch = watch(60);
        assert_eq!(watch.pace(1, 1 << 20, 30 * SECOND), Some(Pace::Due(5 + 60 * SECOND)));
        assert_eq!(watch.pace(1, 1 << 20, 5 + 60 * SECOND), Some(Pace::TooSlow));
    }

    #[test]
    fn a_short_timeout_leaves_no_grace() {
        assert_eq!(watch(1).pace(1, 1 << 20, 5 + SECOND), Some(Pace::TooSlow));
    }

    #[test]
    fn time_in_which_we_did_not_read_does_not_count() {
        let mut watch = watch(60);
        watch.restart(1, 50 * SECOND);
        watch.restart(2, 50 * SECOND);
        assert_eq!(watch.pace(1, 0, 55 * SECOND), Some(Pace::Due(60 * SECOND)));
        watch.ended(1);
        assert_eq!(watch.pace(1, 0, 55 * SECOND), None);
    }

    #[test]
    fn a_hundred_control_frames_a_second_are_no_flood_and_two_hundred_are() {
        let seconds_of = |rate: u64| {
            let mut watch = flood_watch();
            (0..60 * rate).find(|i| watch.floods(1, 1, i * SECOND / rate)).map(|i| i / rate)
        };
        assert_eq!(seconds_of(100), None);
        assert_eq!(seconds_of(200), Some(1));
        assert!(flood_watch().floods(1, 201, 0), "in one read");
        assert!(!Watch::new(None, None).floods(1, 9999, 0), "without a limit");
    }

    #[test]
    fn who_sends_a_pong_now_and_then_costs_no_memory() {
        let mut watch = flood_watch();
        for i in 0..100_000_u32 {
            assert!(!watch.floods(i, 1, u64::from(i) * 1_000_000));
        }
        assert!(watch.controls.len() < 4100, "{}", watch.controls.len());
    }
}
