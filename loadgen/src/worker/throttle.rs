//! How much a slow consumer may read now, and when again: a budget that fills evenly. No sockets, no clock.
//!
//! The budget is one number, the time by which everything read is paid for (GCRA): what may be read at `now` is what has been paid
//! since, up to one step. So a consumer whose traffic fits its rate reads at once, and one that is behind reads a step at a time.

/// How much is saved up, in time.
const STEP_NS: u64 = 50_000_000;
/// And at least so many bytes, so that the slowest do not read byte by byte.
const LEAST_STEP: u64 = 512;
const SECOND: u64 = 1_000_000_000;

/// The budget of one connection. Times in nanoseconds of one clock.
#[derive(Debug)]
pub struct Throttle {
    /// Bytes a second.
    rate: u64,
    /// What may be saved up, in nanoseconds.
    step: u64,
    /// When everything read is paid for.
    paid: u64,
    /// More may be there to read: a timer is set, and what the socket says is not listened to.
    pub resting: bool,
}

impl Throttle {
    /// With one step to begin with. `rate` is in bytes a second, at least 1.
    pub fn new(rate: u64, now: u64) -> Self {
        let rate = rate.max(1);
        Throttle { rate, step: STEP_NS.max(LEAST_STEP * SECOND / rate), paid: now, resting: false }
    }

    /// Bytes that may be read now.
    pub fn allowance(&self, now: u64) -> usize {
        let saved = (now + self.step).saturating_sub(self.paid).min(self.step);
        (u128::from(saved) * u128::from(self.rate) / u128::from(SECOND)) as usize
    }

    /// So many bytes were read.
    pub fn took(&mut self, bytes: usize, now: u64) {
        let cost = (bytes as u128 * u128::from(SECOND)).div_ceil(u128::from(self.rate)) as u64;
        self.paid = self.paid.max(now) + cost;
    }

    /// When a whole step may be read.
    pub fn next(&self) -> u64 {
        self.paid
    }

    /// The receive buffer to ask the kernel for, in bytes: small, so that the server feels how slow the consumer is and not how much
    /// the kernel can hold.
    pub fn receive_buffer(rate: u64) -> usize {
        (rate / 4).clamp(4 << 10, 64 << 10) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads as much as is allowed, whenever it is, for a number of seconds.
    fn greedy(rate: u64, seconds: u64) -> u64 {
        let (mut throttle, mut now, mut total) = (Throttle::new(rate, 7), 7, 0);
        while now < 7 + seconds * SECOND {
            let allowed = throttle.allowance(now);
            throttle.took(allowed, now);
            total += allowed as u64;
            now = throttle.next().max(now + 1);
        }
        total
    }

    #[test]
    fn who_reads_all_that_is_allowed_reads_at_the_rate() {
        for rate in [100, 64_000, 10_000_000] {
            let (read, planned) = (greedy(rate, 60), rate * 60);
            let step = (rate / 20).max(LEAST_STEP);
            assert!((planned - step..=planned + 2 * step).contains(&read), "{rate}: {read}");
        }
    }

    #[test]
    fn a_pause_saves_up_no_more_than_a_step() {
        let mut throttle = Throttle::new(64_000, 0);
        assert_eq!(throttle.allowance(0), 3200);
        assert_eq!(throttle.allowance(90 * SECOND), 3200);
        throttle.took(3200, 90 * SECOND);
        assert_eq!(throttle.allowance(90 * SECOND), 0);
        assert_eq!(throttle.allowance(90 * SECOND + STEP_NS / 2), 1600);
        assert_eq!(throttle.allowance(throttle.next()), 3200);
    }

    #[test]
    fn traffic_below_the_rate_never_waits() {
        let mut throttle = Throttle::new(64_000, 0);
        for message in 0..1000u64 {
            let now = message * 10_000_000;
            assert!(throttle.allowance(now) >= 128, "message {message}");
            throttle.took(128, now);
        }
    }
}
