//! How often a value fell between which powers of two: exact counts, one addition to record.

use std::ops::AddAssign;

/// Counts of values in `N` buckets. Bucket `i` holds what is at most `2^(FIRST + i)` and more than the bucket before; the last one holds
/// everything larger, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Histogram<const FIRST: u32, const N: usize> {
    counts: [u64; N],
    sum: u64,
    largest: u64,
}

impl<const FIRST: u32, const N: usize> Default for Histogram<FIRST, N> {
    fn default() -> Self {
        Self { counts: [0; N], sum: 0, largest: 0 }
    }
}

impl<const FIRST: u32, const N: usize> Histogram<FIRST, N> {
    /// Counts one value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        let power = u64::BITS - value.saturating_sub(1).leading_zeros();
        let bucket = (power.saturating_sub(FIRST) as usize).min(N - 1);
        self.counts[bucket] += 1;
        self.sum = self.sum.wrapping_add(value);
        self.largest = self.largest.max(value);
    }

    /// For every bucket but the last: the largest value that it takes, and how many values were at most that.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let mut below = 0;
        self.counts[..N - 1].iter().zip(FIRST..).map(move |(count, power)| {
            below += count;
            (1 << power, below)
        })
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// All of them together.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The largest; 0 if there was none.
    #[must_use]
    pub fn largest(&self) -> u64 {
        self.largest
    }

    /// A value that the share `quantile` (0 to 1) of all values do not exceed: at most twice the smallest such value, or the bound of
    /// the first bucket. 0 if nothing was counted.
    #[must_use]
    pub fn at_most(&self, quantile: f64) -> u64 {
        let wanted = (self.count() as f64 * quantile).ceil() as u64;
        self.cumulative()
            .find(|(_, below)| *below >= wanted.max(1))
            .map_or(self.largest, |(bound, _)| bound.min(self.largest))
    }
}

impl<const FIRST: u32, const N: usize> AddAssign<&Self> for Histogram<FIRST, N> {
    fn add_assign(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.sum = self.sum.wrapping_add(other.sum);
        self.largest = self.largest.max(other.largest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Small = Histogram<2, 4>;

    #[test]
    fn a_bucket_includes_its_bound_and_the_last_one_everything_beyond() {
        let mut histogram = Small::default();
        for value in [0, 1, 4, 5, 8, 16, 17, u64::MAX / 2] {
            histogram.record(value);
        }
        assert_eq!(histogram.cumulative().collect::<Vec<_>>(), [(4, 3), (8, 5), (16, 6)]);
        assert_eq!((histogram.count(), histogram.largest()), (8, u64::MAX / 2));
    }

    #[test]
    fn nothing_counted_is_nothing_and_no_division_by_it() {
        assert_eq!((Small::default().at_most(0.99), Small::default().count()), (0, 0));
    }

    proptest! {
        #[test]
        fn a_quantile_is_never_too_low_and_at_most_twice_too_high(mut values in prop::collection::vec(1_u64..1 << 40, 1..200)) {
            let (mut a, mut b) = (Histogram::<0, 42>::default(), Histogram::default());
            for (i, value) in values.iter().enumerate() {
                if i % 2 == 0 { a.record(*value) } else { b.record(*value) }
            }
            a += &b;
            values.sort_unstable();
            for quantile in [0.01, 0.5, 0.99, 1.0] {
                let exact = values[((values.len() as f64 * quantile).ceil() as usize).max(1) - 1];
                let got = a.at_most(quantile);
                prop_assert!(exact <= got && got < exact * 2, "{} for {}", got, exact);
            }
        }
    }
}
