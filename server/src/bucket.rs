//! A token bucket in one `u64`: the generic cell rate algorithm (ITU-T I.371), which keeps the time when the bucket will be full again
//! instead of a number of tokens and a time.
//!
//! ```text
//!   now                            full again ("theoretical arrival time")
//!    ├──────────── fill ────────────────┤
//!    ├──────────────── capacity = burst x interval ──────────────┤
//!                                       ├── room for (capacity - fill) / interval more
//! ```
//!
//! Taking a token moves `full again` one interval further. Idle buckets need no work, and one that was never used is all zeroes.

use std::sync::atomic::{AtomicU64, Ordering};

/// Fractional bits of an interval: at gigabytes a second a byte's is well below a nanosecond.
const FRACTION: u32 = 20;
/// The longest a bucket may take to fill, in nanoseconds (146 years): half the range stays free for any clock reading.
const LONGEST: u64 = u64::MAX / 4;

/// How fast tokens come back, and how many there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Nanoseconds a token, in units of 2^-20 ns.
    interval: u64,
    /// Whole nanoseconds a token: at least one, at most `capacity`.
    one: u64,
    /// Nanoseconds in which an empty bucket fills.
    capacity: u64,
    /// The same for all tokens but one.
    but_one: u64,
}

impl Limit {
    /// `per_second` tokens of a message each, `burst` at once. The interval is a whole number of nanoseconds, rounded down (as `governor`
    /// does it), at least one. What cannot be a rate (not above 0, not a number) is the slowest there is, a burst of 0 is one of 1.
    #[must_use]
    pub fn messages(per_second: f64, burst: u32) -> Self {
        let interval = (1e9 / per_second.max(0.0)).clamp(1.0, (u64::MAX >> FRACTION) as f64) as u64;
        Self::new(interval << FRACTION, u64::from(burst))
    }

    /// `per_second` tokens of a byte each, `burst` at once. The interval has 20 fractional bits.
    #[must_use]
    pub fn bytes(per_second: u64, burst: u64) -> Self {
        let interval = (1_000_000_000_u128 << FRACTION) / u128::from(per_second.max(1));
        Self::new((interval as u64).max(1), burst)
    }

    fn new(interval: u64, burst: u64) -> Self {
        let one = (interval >> FRACTION).max(1);
        let unbounded = Self { interval, one, capacity: LONGEST, but_one: LONGEST };
        let capacity = unbounded.cost(burst.max(1)).max(one);
        Self { capacity, but_one: capacity - one, ..unbounded }
    }

    /// Nanoseconds that `n` tokens stand for.
    #[inline]
    fn cost(&self, n: u64) -> u64 {
        let cost = (u128::from(n) * u128::from(self.interval)) >> FRACTION;
        cost.min(u128::from(LONGEST)) as u64
    }
}

/// Whether there were tokens enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// They were taken.
    Pass,
    /// Nothing was taken; they will be there in so many nanoseconds, if nobody else takes them.
    Wait(u64),
}

/// A bucket: full by default. The [`Limit`] is an argument, because many buckets share one.
///
/// All times are nanoseconds of one clock. If that goes back, tokens come that much later; nothing overflows whatever it says.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// When it is full again.
    full: u64,
}

impl Bucket {
    /// Takes `n` tokens if they are there. More than the burst pass when the bucket is full, and are paid for in full by what comes
    /// after: otherwise a message larger than a burst of bytes could never pass.
    #[inline]
    pub fn take(&mut self, limit: &Limit, now: u64, n: u64) -> Decision {
        let (after, wait) = self.reserved(limit, now, n);
        if wait > 0 {
            return Decision::Wait(wait);
        }
        self.full = after;
        Decision::Pass
    }

    /// What [`take`](Self::take) would say.
    #[must_use]
    pub fn look(&self, limit: &Limit, now: u64, n: u64) -> Decision {
        match self.reserved(limit, now, n).1 {
            0 => Decision::Pass,
            wait => Decision::Wait(wait),
        }
    }

    /// As [`take`](Self::take) of one, in a few instructions.
    #[inline]
    pub fn take_one(&mut self, limit: &Limit, now: u64) -> Decision {
        let from = self.full.max(now);
        let wait = (from - now).saturating_sub(limit.but_one);
        if wait > 0 {
            return Decision::Wait(wait);
        }
        // At the end of time, which no clock shows, the bucket is full.
        self.full = from.wrapping_add(limit.one);
        Decision::Pass
    }

    /// Takes as many tokens as are there, at most `most`, and says how many.
    pub fn take_up_to(&mut self, limit: &Limit, now: u64, most: u64) -> u64 {
        let from = self.full.max(now);
        let tokens = most.min(limit.capacity.saturating_sub(from - now) / limit.one);
        self.full = from.saturating_add(tokens.saturating_mul(limit.one));
        tokens
    }

    /// Takes `n` tokens, from the future if need be, and says in how many nanoseconds they will be there (0: they were). Whoever
    /// reserves after that waits longer, so everybody's turn comes.
    pub fn reserve(&mut self, limit: &Limit, now: u64, n: u64) -> u64 {
        let (after, wait) = self.reserved(limit, now, n);
        self.full = after;
        wait
    }

    /// Gives back `n` tokens that were reserved and are not needed.
    pub fn give_back(&mut self, limit: &Limit, n: u64) {
        self.full = self.full.saturating_sub(limit.cost(n));
    }

    /// Whether it is as good as new.
    #[must_use]
    pub fn is_full(&self, now: u64) -> bool {
        self.full <= now
    }

    /// When it would be full again after `n` tokens more, and how long it takes until they are there.
    #[inline]
    fn reserved(&self, limit: &Limit, now: u64, n: u64) -> (u64, u64) {
        let cost = limit.cost(n);
        let from = self.full.max(now);
        let wait = (from - now).saturating_sub(limit.capacity.saturating_sub(cost));
        (from.saturating_add(cost), wait)
    }
}

/// A bucket that connections of several threads take from.
#[derive(Debug, Default)]
pub struct SharedBucket {
    full: AtomicU64,
}

impl SharedBucket {
    /// As [`Bucket::take`].
    pub fn take(&self, limit: &Limit, now: u64, n: u64) -> Decision {
        self.change(|bucket| bucket.take(limit, now, n))
    }

    /// As [`Bucket::reserve`].
    pub fn reserve(&self, limit: &Limit, now: u64, n: u64) -> u64 {
        self.change(|bucket| bucket.reserve(limit, now, n))
    }

    /// As [`Bucket::give_back`].
    pub fn give_back(&self, limit: &Limit, n: u64) {
        self.change(|bucket| bucket.give_back(limit, n));
    }

    /// As [`Bucket::is_full`].
    #[must_use]
    pub fn is_full(&self, now: u64) -> bool {
        Bucket { full: self.full.load(Ordering::Relaxed) }.is_full(now)
    }

    /// The word is all there is, so no order with other memory matters.
    fn change<T>(&self, mut f: impl FnMut(&mut Bucket) -> T) -> T {
        let mut seen = self.full.load(Ordering::Relaxed);
        loop {
            let mut bucket = Bucket { full: seen };
            let result = f(&mut bucket);
            if bucket.full == seen {
                return result;
            }
            match self.full.compare_exchange_weak(seen, bucket.full, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return result,
                Err(other) => seen = other,
            }
        }
    }
}

#[cfg(test)]
#[path = "bucket_tests.rs"]
mod tests;
