//! Medians and how sure they are.

use serde::Serialize;

use crate::seeded::Seeded;

const RESAMPLES: usize = 4_000;

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies in it.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// The median; of an even number of values the mean of the two in the middle; not a number for none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    middle(&mut sorted)
}

fn middle(values: &mut [f64]) -> f64 {
    let n = values.len();
    if n == 0 {
        return f64::NAN;
    }
    let (below, upper, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    let upper = *upper;
    if n % 2 == 1 {
        return upper;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    f64::midpoint(lower, upper)
}

/// The 95 % percentile-bootstrap interval of the median from 4,000 resamples (Efron 1979). The same values give the same interval.
#[must_use]
pub fn bootstrap_median(values: &[f64]) -> Interval {
    if values.is_empty() {
        return Interval { low: f64::NAN, high: f64::NAN };
    }
    let mut random = Seeded::new(0x5eed, [0, 0]);
    percentiles((0..RESAMPLES).map(|_| resampled(values, &mut random)).collect())
}

/// The same of median(b) / median(a), where both sets are resampled on their own.
#[must_use]
pub fn bootstrap_ratio(a: &[f64], b: &[f64]) -> Interval {
    if a.is_empty() || b.is_empty() {
        return Interval { low: f64::NAN, high: f64::NAN };
    }
    let mut random = Seeded::new(0x5eed, [0, 1]);
    percentiles((0..RESAMPLES).map(|_| resampled(b, &mut random) / resampled(a, &mut random)).collect())
}

/// The median of as many values drawn again; there is at least one.
fn resampled(values: &[f64], random: &mut Seeded) -> f64 {
    let mut drawn: Vec<f64> = values.iter().map(|_| values[random.below(values.len() as u64) as usize]).collect();
    middle(&mut drawn)
}

/// From 2.5 % to 97.5 % of [`RESAMPLES`] values.
fn percentiles(mut values: Vec<f64>) -> Interval {
    values.sort_unstable_by(f64::total_cmp);
    Interval { low: values[RESAMPLES / 40], high: values[RESAMPLES - 1 - RESAMPLES / 40] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median(&[5.0]), 5.0);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_interval_covers_the_true_median_about_as_often_as_it_says() {
        let mut random = Seeded::new(7, [1, 2]);
        let covered = (0..300)
            .filter(|_| {
                let values: Vec<f64> = (0..15).map(|_| random.exponential()).collect();
                bootstrap_median(&values).contains(2_f64.ln())
            })
            .count();
        assert!((268..=297).contains(&covered), "{covered} of 300");
    }
}
