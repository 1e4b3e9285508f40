//! Medians and their bootstrap intervals over pairs of runs (pure).

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The median; of an even number of values the mean of the two in the middle; not a number for none.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    middle(&sorted)
}

fn middle(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The 95 % percentile-bootstrap interval of the median, from 10,000 resamples (Efron 1979). The same values give the same interval.
#[must_use]
pub fn bootstrap(values: &[f64]) -> Interval {
    const RESAMPLES: usize = 10_000;
    if values.is_empty() {
        return Interval { low: f64::NAN, high: f64::NAN };
    }
    let mut random = SplitMix(0x5eed);
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| median(&(0..values.len()).map(|_| values[random.below(values.len())]).collect::<Vec<_>>()))
        .collect();
    medians.sort_unstable_by(f64::total_cmp);
    Interval { low: medians[RESAMPLES / 40], high: medians[RESAMPLES - 1 - RESAMPLES / 40] }
}

/// Steele, Lea and Flood's generator: small, and the same on every machine.
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn equal_values_have_an_interval_of_no_width() {
        assert_eq!(bootstrap(&[1.5; 20]), Interval { low: 1.5, high: 1.5 });
    }

    #[test]
    fn the_interval_holds_the_median_and_repeats() {
        let values: Vec<f64> = (0..21).map(|i| 1.0 + f64::from(i * 8 % 21) / 100.0).collect();
        let interval = bootstrap(&values);
        assert!(interval.low < median(&values) && median(&values) < interval.high, "{interval:?}");
        // For 21 values, order statistics 6 and 16 bound the median with 97.3 %, 7 and 15 with 92.2 %.
        assert!((1.049..1.061).contains(&interval.low), "{interval:?}");
        assert!((1.139..1.151).contains(&interval.high), "{interval:?}");
        assert_eq!(interval, bootstrap(&values));
    }

    #[test]
    fn one_wild_value_does_not_move_the_interval_to_it() {
        let mut values = vec![1.0; 19];
        values.push(50.0);
        assert_eq!(bootstrap(&values), Interval { low: 1.0, high: 1.0 });
    }
}
