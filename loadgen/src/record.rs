//! Counts how often each latency was seen: one increment a sample, percentiles at the end.
//!
//! [`Counts`] has the layout of [HdrHistogram](https://hdrhistogram.org) for values from 1 to [`MAX_US`] at three
//! significant digits, so it converts to the standard format without loss. It exists beside the `hdrhistogram` crate
//! because the load generator records every delivery, ten million a second: two nanoseconds each are what can be spared.
//!
//! ```text
//! slots     0 .. 2048   one slot for every microsecond up to 2 ms
//!        2048 .. 3072   every 2 us up to 4 ms
//!        3072 .. 4096   every 4 us up to 8 ms         ... and so on, 1,024 slots for every doubling, up to 134 s
//! ```

use crate::result::Quantiles;

mod hdr;
mod sparse;

pub use hdr::{HdrError, from_base64_v2, to_base64_v2};

/// Values below `2^SUB_BITS` have a slot each; above, `2^SUB_BITS / 2` slots share every doubling. 2,048 is the smallest
/// power of two that keeps three significant digits.
const SUB_BITS: u32 = 11;
/// Doublings of the range, the first (exact) one included.
const BUCKETS: usize = 17;
/// Slots in all: 144 KiB of `u64`.
const SLOTS: usize = (BUCKETS + 1) << (SUB_BITS - 1);

/// The largest value that is recorded as it is, in microseconds (134 s); larger ones are recorded as this and counted by
/// [`Counts::clamped`].
pub const MAX_US: u64 = (1 << (SUB_BITS as usize + BUCKETS - 1)) - 1;

/// How often each value, in microseconds, was seen. 144 KiB: one a worker and metric, never one a connection.
#[derive(Clone)]
pub struct Counts {
    slots: Box<[u64; SLOTS]>,
    count: u64,
    /// Of the values as recorded. Wide enough for 137 billion values of [`MAX_US`], hours of nothing else.
    sum: u64,
    max: u64,
    clamped: u64,
}

impl Counts {
    /// An empty one.
    #[must_use]
    #[allow(
        clippy::expect_used,
        reason = "the vector has exactly as many elements; made on the heap, never on the stack"
    )]
    pub fn new() -> Self {
        let slots = vec![0; SLOTS].try_into().expect("SLOTS elements");
        Self { slots, count: 0, sum: 0, max: 0, clamped: 0 }
    }

    /// Counts one value, in microseconds.
    #[inline]
    pub fn record(&mut self, us: u64) {
        self.record_n(us, 1);
    }

    /// Counts a value, in microseconds, `n` times.
    #[inline]
    pub fn record_n(&mut self, us: u64, n: u64) {
        let mut value = us;
        // A branch that is almost never taken costs nothing; a store for every sample would (the sum, the count and the
        // slot are three already).
        if us > self.max {
            value = self.raise_max(us, n);
        }
        self.slots[slot_of(value)] += n;
        self.count += n;
        self.sum += value * n;
    }

    /// Keeps the maximum and the limit of the range. Returns the value to record.
    #[cold]
    #[inline(never)]
    fn raise_max(&mut self, us: u64, n: u64) -> u64 {
        let value = us.min(MAX_US);
        if n > 0 {
            self.max = value;
            if us > MAX_US {
                self.clamped += n;
            }
        }
        value
    }

    /// Adds all of `other`: the same as having recorded its values here.
    pub fn merge(&mut self, other: &Self) {
        // Only the slots up to the other's maximum can be other than zero.
        let used = other.used();
        for (mine, theirs) in self.slots[..used].iter_mut().zip(&other.slots[..used]) {
            *mine += *theirs;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
        self.clamped += other.clamped;
    }

    /// Forgets everything, keeping the memory.
    pub fn reset(&mut self) {
        let used = self.used();
        self.slots[..used].fill(0);
        self.count = 0;
        self.sum = 0;
        self.max = 0;
        self.clamped = 0;
    }

    /// How many values were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many values were above [`MAX_US`] and counted as it.
    #[must_use]
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// The largest value, exactly, in microseconds; `None` when empty.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The smallest value, to the resolution of its slot (the slot's lowest value), in microseconds; `None` when empty.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        self.slots[..self.used()].iter().position(|&n| n > 0).map(lowest_of)
    }

    /// The mean of the recorded values, from their exact sum, in microseconds; `None` when empty.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The smallest value, in microseconds, that at least the share `q` (0.0 to 1.0) of the recorded values do not exceed;
    /// `None` when empty.
    #[must_use]
    pub fn percentile(&self, q: f64) -> Option<u64> {
        self.percentile_of(q, self.count)
    }

    /// Like [`Counts::percentile`], but over `expected` values, of which those that were never recorded count as later than
    /// everything: `None` where the percentile falls among them.
    #[must_use]
    pub fn percentile_of(&self, q: f64, expected: u64) -> Option<u64> {
        let rank = rank_of(q, expected.max(self.count));
        if rank > self.count || self.count == 0 {
            return None;
        }
        let mut seen = 0;
        for (slot, &n) in self.slots[..self.used()].iter().enumerate() {
            seen += n;
            if seen >= rank {
                return Some(highest_of(slot).min(self.max));
            }
        }
        None
    }

    /// The percentiles that a report shows. With `expected`, they are over that many deliveries, the missing ones being
    /// later than everything (so any missing one makes `max` `None` too), and `count` is `expected`; the mean is always
    /// over what was recorded.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn quantiles(&self, expected: Option<u64>) -> Quantiles {
        let over = expected.map_or(self.count, |expected| expected.max(self.count));
        let shares = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999];
        let mut values = [None; 6];
        // One walk for all of them: the ranks rise with the shares.
        let mut next = 0;
        let mut seen = 0;
        for (slot, &n) in self.slots[..self.used()].iter().enumerate() {
            seen += n;
            while next < shares.len() && n > 0 && seen >= rank_of(shares[next], over) {
                values[next] = Some(highest_of(slot).min(self.max) as f64);
                next += 1;
            }
        }
        let [p50, p90, p95, p99, p999, p9999] = values;
        Quantiles {
            p50,
            p90,
            p95,
            p99,
            p999,
            p9999,
            max: self.max().filter(|_| over == self.count).map(|max| max as f64),
            mean: self.mean(),
            count: over,
        }
    }

    /// Every value range that was seen, in rising order: lowest value, highest value (both in microseconds), how often.
    pub fn ranges(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.slots[..self.used()]
            .iter()
            .enumerate()
            .filter(|&(_, &n)| n > 0)
            .map(|(slot, &n)| (lowest_of(slot), highest_of(slot), n))
    }

    /// The slots that can be other than zero.
    fn used(&self) -> usize {
        if self.count == 0 { 0 } else { slot_of(self.max) + 1 }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counts")
            .field("count", &self.count)
            .field("p50", &self.percentile(0.5))
            .field("p99", &self.percentile(0.99))
            .field("max", &self.max())
            .field("clamped", &self.clamped)
            .finish_non_exhaustive()
    }
}

/// The slot of a value of at most [`MAX_US`].
#[inline]
fn slot_of(value: u64) -> usize {
    let doubling = u64::BITS - SUB_BITS - (value | ((1 << SUB_BITS) - 1)).leading_zeros();
    ((doubling as usize) << (SUB_BITS - 1)) + (value >> doubling) as usize
}

/// The smallest value of a slot.
fn lowest_of(slot: usize) -> u64 {
    let doubling = doubling_of(slot);
    ((slot - (doubling << (SUB_BITS - 1))) as u64) << doubling
}

/// The largest value of a slot.
fn highest_of(slot: usize) -> u64 {
    lowest_of(slot) + (1 << doubling_of(slot)) - 1
}

fn doubling_of(slot: usize) -> usize {
    (slot >> (SUB_BITS - 1)).saturating_sub(1)
}

/// The rank, counted from 1, of the value that the share `q` of `n` values do not exceed. In integers: `0.07 * 100.0` is
/// more than 7 in floating point, and would be rank 8.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rank_of(q: f64, n: u64) -> u64 {
    const PARTS: u128 = 1_000_000_000;
    let parts = (q.clamp(0.0, 1.0) * PARTS as f64).round() as u128;
    let rank = (parts * u128::from(n)).div_ceil(PARTS);
    u64::try_from(rank).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests;
