//! Where a series of runs changed.
//!
//! Binary segmentation by the energy statistic (as in E-divisive: Matteson and James 2014, "A nonparametric approach for multiple change point
//! analysis of multivariate data"): the split of the series whose two parts are furthest apart is a change if no more than one in a hundred
//! random orders of the same values has a split as far apart. Then both parts are looked at in the same way. The statistic compares whole
//! distributions and not only their means, so one outlier is no change.
//!
//! The test takes runs as independent of each other. A machine that drifts slowly breaks that: what is flagged then is the drift.

use crate::seeded::Seeded;

/// Fewer runs on a side of a change are not told from an outlier.
pub const LEAST_SIDE: usize = 5;
/// Random orders that a split is compared with.
const ORDERS: u32 = 199;
/// The level of each test.
const LEVEL: f64 = 0.01;

/// A change between two runs of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangePoint {
    /// The first run after it, counted from 0.
    pub at: usize,
    /// How often chance alone would split the series as far apart, from 0.005 on.
    pub p: f64,
}

/// The changes of a series in their order; none where it is shorter than ten or does not change. The same values and seed give the same
/// changes. Takes time with the square of the length, about a second for 1,000 values.
#[must_use]
pub fn change_points(values: &[f64], seed: u64) -> Vec<ChangePoint> {
    let mut found = Vec::new();
    let mut parts = vec![(0, values.len())];
    while let Some((start, end)) = parts.pop() {
        let part = &values[start..end];
        let Some(split) = Split::best(part) else { continue };
        let p = p_of(part, &split, &mut Seeded::new(seed, [start as u64, end as u64]));
        if p <= LEVEL {
            let at = start + split.at;
            found.push(ChangePoint { at, p });
            parts.extend([(start, at), (at, end)]);
        }
    }
    found.sort_by_key(|change| change.at);
    found
}

/// The share of random orders that have a split at least as far apart; stops as soon as it is above the level.
fn p_of(values: &[f64], split: &Split, random: &mut Seeded) -> f64 {
    let mut order = values.to_vec();
    let mut as_far = 0;
    for _ in 0..ORDERS {
        shuffle(&mut order, random);
        as_far += u32::from(Split::best(&order).is_some_and(|other| other.apart >= split.apart * (1.0 - 1e-12)));
        if f64::from(as_far + 1) / f64::from(ORDERS + 1) > LEVEL {
            break;
        }
    }
    f64::from(as_far + 1) / f64::from(ORDERS + 1)
}

/// Fisher and Yates.
fn shuffle(values: &mut [f64], random: &mut Seeded) {
    for last in (1..values.len()).rev() {
        values.swap(last, random.below(last as u64 + 1) as usize);
    }
}

struct Split {
    /// The first value of the second part.
    at: usize,
    /// The scaled energy distance of the parts.
    apart: f64,
}

impl Split {
    /// The split with the parts furthest apart; `None` where there are too few values, or all are equal.
    fn best(values: &[f64]) -> Option<Self> {
        let n = values.len();
        // Sums of distances: within the first part, within the second, between them. All values begin in the second.
        let distance_to = |from: &[f64], value: f64| from.iter().map(|other| (other - value).abs()).sum::<f64>();
        let (mut first, mut between) = (0.0, 0.0);
        let mut second: f64 = (0..n).map(|i| distance_to(&values[..i], values[i])).sum();
        let mut best: Option<Self> = None;
        for at in 1..n {
            let moved = values[at - 1];
            let (to_first, to_second) = (distance_to(&values[..at - 1], moved), distance_to(&values[at..], moved));
            first += to_first;
            second -= to_second;
            between += to_second - to_first;
            if at < LEAST_SIDE || n - at < LEAST_SIDE {
                continue;
            }
            let (a, b) = (at as f64, (n - at) as f64);
            let pairs = |size: f64| size * (size - 1.0) / 2.0;
            let energy = 2.0 * between / (a * b) - first / pairs(a) - second / pairs(b);
            let apart = energy * a * b / (a + b);
            if apart > 0.0 && best.as_ref().is_none_or(|best| apart > best.apart) {
                best = Some(Self { at, apart });
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` values around `level` with so much noise, as a share.
    fn noisy(random: &mut Seeded, n: usize, level: f64, noise: f64) -> Vec<f64> {
        // Four uniform numbers are near enough to normal.
        let normal = |random: &mut Seeded| ((0..4).map(|_| random.unit()).sum::<f64>() - 2.0) * 3_f64.sqrt();
        (0..n).map(|_| level * (1.0 + noise * normal(random))).collect()
    }

    fn places(values: &[f64]) -> Vec<usize> {
        change_points(values, 1).iter().map(|change| change.at).collect()
    }

    #[test]
    fn a_step_is_found_where_it_is() {
        let mut random = Seeded::new(1, [0, 0]);
        let near = (0..20)
            .filter(|_| {
                let mut values = noisy(&mut random, 20, 100.0, 0.02);
                values.extend(noisy(&mut random, 15, 108.0, 0.02));
                matches!(places(&values)[..], [at] if (19..=21).contains(&at))
            })
            .count();
        assert!(near >= 19, "{near} of 20");
    }

    #[test]
    fn a_series_without_a_change_is_rarely_said_to_have_one() {
        let mut random = Seeded::new(2, [0, 0]);
        let wrong = (0..100).filter(|_| !places(&noisy(&mut random, 25, 100.0, 0.05)).is_empty()).count();
        assert!(wrong <= 4, "{wrong} of 100");
    }

    #[test]
    fn two_steps_are_two_changes() {
        let mut random = Seeded::new(3, [0, 0]);
        let mut values = noisy(&mut random, 15, 100.0, 0.01);
        values.extend(noisy(&mut random, 15, 130.0, 0.01));
        values.extend(noisy(&mut random, 15, 90.0, 0.01));
        assert_eq!(places(&values), [15, 30]);
    }

    #[test]
    fn one_outlier_is_no_change() {
        let mut random = Seeded::new(4, [0, 0]);
        let mut values = noisy(&mut random, 30, 100.0, 0.02);
        values[12] = 400.0;
        assert!(places(&values).is_empty());
    }

    #[test]
    fn few_values_and_equal_ones_do_not_change() {
        assert!(places(&[]).is_empty());
        assert!(places(&[1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0, 9.0]).is_empty());
        assert!(places(&[5.0; 40]).is_empty());
    }

    #[test]
    fn the_same_series_gives_the_same_changes() {
        let values: Vec<f64> = (0..40).map(|i| f64::from(i / 20) + f64::from(i * 7 % 5) * 0.3).collect();
        assert_eq!(change_points(&values, 9), change_points(&values, 9));
    }
}
