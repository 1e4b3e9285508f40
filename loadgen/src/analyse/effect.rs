//! One metric of two arms: how they differ, how sure that is, and what could have been seen.

use serde::Serialize;

use super::bootstrap::{Interval, bootstrap_median, bootstrap_ratio, median};
use super::mann_whitney::mann_whitney;
use super::normal::{Z_90, Z_975, two_sided_quantile};
use super::wilcoxon::signed_rank;

/// Fewer blocks allow no verdict: with five, even a signed-rank test where all agree cannot reach 5 %, and ten leave room for one
/// that does not.
pub const LEAST_BLOCKS: usize = 10;
/// A signed-rank test needs so many times the sample of a t-test under normal noise (its asymptotic relative efficiency is 3/pi).
const EFFICIENCY: f64 = 3.0 / std::f64::consts::PI;
/// That both the test and the interval must agree, and that samples are small and have outliers, costs so much more (found by simulation:
/// the tests of `verdicts` hold it).
const CAUTION: f64 = 1.3;
/// And so many blocks more, whatever the noise: the price of estimating it.
const EXTRA_BLOCKS: f64 = 2.0;

/// How a metric of arm b differs from that of arm a.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effect {
    /// Median of arm a.
    pub a: f64,
    /// Median of arm b.
    pub b: f64,
    /// Median over the blocks of b / a; of two sets, the ratio of their medians.
    pub ratio: f64,
    /// Its bootstrap interval over blocks, or over the runs of each set.
    pub interval: Interval,
    /// Of the hypothesis that the two do not differ; not corrected for other metrics.
    pub p: f64,
    /// Blocks with a value in both arms; of two sets, the runs of the smaller one.
    pub blocks: usize,
    /// The smallest change that would be found in nine of ten comparisons of this size and this one metric, as a share: 0.03 is 3 %.
    pub visible: f64,
}

impl Effect {
    /// Compares the values of the two arms, block by block. Blocks with a value missing, infinite or negative are left out; where both
    /// are zero they count as equal. `None` when no block is left.
    #[must_use]
    pub fn paired(blocks: &[(f64, f64)]) -> Option<Self> {
        let usable = |(a, b): &&(f64, f64)| {
            a.is_finite() && b.is_finite() && ((*a > 0.0 && *b > 0.0) || (*a == 0.0 && *b == 0.0))
        };
        let blocks: Vec<(f64, f64)> = blocks.iter().filter(usable).copied().collect();
        if blocks.is_empty() {
            return None;
        }
        let arm = |of: fn(&(f64, f64)) -> f64| median(&blocks.iter().map(of).collect::<Vec<_>>());
        let ratios: Vec<f64> = blocks.iter().map(|(a, b)| if *a == 0.0 { 1.0 } else { b / a }).collect();
        let logarithms = logarithms(&ratios);
        Some(Self {
            a: arm(|block| block.0),
            b: arm(|block| block.1),
            ratio: median(&ratios),
            interval: bootstrap_median(&ratios),
            p: signed_rank(&logarithms),
            blocks: blocks.len(),
            visible: visible(effort(variance(&logarithms).sqrt()), blocks.len()),
        })
    }

    /// Compares two sets of runs that were not measured in blocks. Values missing, infinite, zero or negative are left out. `None` when
    /// a set has none left.
    #[must_use]
    pub fn unpaired(a: &[f64], b: &[f64]) -> Option<Self> {
        let usable = |values: &[f64]| -> Vec<f64> {
            values.iter().copied().filter(|value| value.is_finite() && *value > 0.0).collect()
        };
        let (a, b) = (usable(a), usable(b));
        let runs = a.len().min(b.len());
        if runs == 0 {
            return None;
        }
        let noise = (variance(&logarithms(&a)) + variance(&logarithms(&b))).sqrt();
        Some(Self {
            a: median(&a),
            b: median(&b),
            ratio: median(&b) / median(&a),
            interval: bootstrap_ratio(&a, &b),
            p: mann_whitney(&a, &b),
            blocks: runs,
            visible: visible(effort(noise), runs),
        })
    }

    /// What [`visible`](Self::visible) is when the comparison has so many metrics, and Holm's correction asks the most of this one.
    #[must_use]
    pub fn visible_among(&self, metrics: usize) -> f64 {
        (self.visible.ln_1p() * strictness(metrics)).exp_m1()
    }

    /// Blocks after which a change by `share` (0.05 is 5 %) would be found in nine of ten comparisons of so many metrics, at the noise
    /// seen here; at least [`LEAST_BLOCKS`].
    #[must_use]
    pub fn blocks_for(&self, share: f64, metrics: usize) -> usize {
        let effort = self.visible.ln_1p() * (self.blocks as f64 - EXTRA_BLOCKS).max(0.0).sqrt() * strictness(metrics);
        let blocks = (effort / share.ln_1p()).powi(2) + EXTRA_BLOCKS;
        if blocks.is_finite() { (blocks.ceil() as usize).max(LEAST_BLOCKS) } else { LEAST_BLOCKS }
    }
}

fn logarithms(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| value.ln()).collect()
}

/// Not a number for fewer than two.
fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)
}

/// The logarithm of the ratio that one block would have to show, at this noise, to be found in nine of ten tests at 5 %.
fn effort(noise: f64) -> f64 {
    if noise.is_nan() { f64::INFINITY } else { (Z_975 + Z_90) * noise * (CAUTION / EFFICIENCY).sqrt() }
}

fn visible(effort: f64, blocks: usize) -> f64 {
    (effort / (blocks as f64 - EXTRA_BLOCKS).max(0.0).sqrt()).exp_m1()
}

/// How much larger an effect must be when the level is shared by so many metrics.
fn strictness(metrics: usize) -> f64 {
    (two_sided_quantile(0.05 / metrics.max(1) as f64) + Z_90) / (Z_975 + Z_90)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_difference_is_seen_block_by_block_however_much_the_blocks_differ() {
        let blocks: Vec<_> = (1..=10).map(|i| (f64::from(i), f64::from(i) * (1.04 + 0.002 * f64::from(i)))).collect();
        let paired = Effect::paired(&blocks).unwrap();
        assert!((paired.ratio - 1.051).abs() < 1e-9);
        assert!(paired.interval.low > 1.04 && paired.interval.high < 1.06);
        assert!((paired.p - 2.0 / 1024.0).abs() < 1e-12);
        assert!(paired.visible < 0.01);
    }

    #[test]
    fn blocks_without_two_values_are_left_out() {
        let paired = Effect::paired(&[(1.0, 2.0), (f64::NAN, 1.0), (0.0, 5.0), (0.0, 0.0)]).unwrap();
        assert_eq!((paired.blocks, paired.ratio), (2, 1.5));
        assert_eq!(Effect::paired(&[(f64::NAN, 1.0)]), None);
        assert!(Effect::paired(&[(1.0, 1.0)]).unwrap().visible.is_infinite());
    }

    #[test]
    fn more_blocks_are_asked_for_where_the_noise_is_larger() {
        let noisy = |share: f64| {
            let blocks: Vec<_> = (0..20).map(|i| (1.0, 1.0 + share * if i % 2 == 0 { 1.0 } else { -1.0 })).collect();
            Effect::paired(&blocks).unwrap().blocks_for(0.05, 1)
        };
        assert_eq!(noisy(0.001), LEAST_BLOCKS);
        assert!(noisy(0.1) > 40 && noisy(0.2) > 160, "{} {}", noisy(0.1), noisy(0.2));
    }

    #[test]
    fn two_sets_are_compared_by_their_medians() {
        let set = |factor: f64| (0..12).map(|i| factor * (100.0 + f64::from(i))).collect::<Vec<_>>();
        let effect = Effect::unpaired(&set(1.0), &set(1.5)).unwrap();
        assert!((effect.ratio - 1.5).abs() < 1e-9 && effect.p < 0.001);
        assert!(effect.interval.low > 1.4 && effect.interval.high < 1.6, "{effect:?}");
        assert_eq!(Effect::unpaired(&[1.0], &[f64::NAN]), None);
        assert!(Effect::unpaired(&[1.0], &[2.0]).unwrap().visible.is_infinite());
    }

    #[test]
    fn among_more_metrics_only_a_larger_change_is_seen() {
        let blocks: Vec<_> = (0..20).map(|i| (1.0, 1.0 + 0.1 * if i % 2 == 0 { 1.0 } else { -1.0 })).collect();
        let effect = Effect::paired(&blocks).unwrap();
        assert!((effect.visible_among(1) - effect.visible).abs() < 1e-6);
        assert!(effect.visible_among(12) > 1.2 * effect.visible);
        assert!(effect.blocks_for(0.05, 12) > effect.blocks_for(0.05, 1));
    }
}
