//! The Mann-Whitney U test (Mann and Whitney 1947): do two unpaired samples tend to different sizes?

use super::normal;
use super::ranks::{doubled_ranks, sums, ties, two_sided};

/// Up to so many values in both samples the p is exact, ties included.
const EXACT: usize = 40;

/// The two-sided p of the hypothesis that `a` and `b` come from one distribution; 1 when either is empty.
///
/// Exact for up to 40 values in all; with ties, over their own distribution of mean ranks. Beyond that by the normal approximation,
/// corrected for ties and continuity.
#[must_use]
pub fn mann_whitney(a: &[f64], b: &[f64]) -> f64 {
    let both = [a, b].concat();
    if a.is_empty() || b.is_empty() || both.iter().any(|value| value.is_nan()) {
        return 1.0;
    }
    let ranks = doubled_ranks(&both);
    let sum: u32 = ranks[..a.len()].iter().sum();
    if both.len() <= EXACT {
        return two_sided(&sums(&ranks, Some(a.len())), sum as usize);
    }
    let (n, m) = (a.len() as f64, b.len() as f64);
    let all = n + m;
    let u = f64::from(sum) / 2.0 - n * (n + 1.0) / 2.0;
    let tied: f64 = ties(&ranks).into_iter().map(|t| (t * t * t - t) as f64).sum();
    let variance = n * m / 12.0 * (all + 1.0 - tied / (all * (all - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let distance = ((u - n * m / 2.0).abs() - 0.5).max(0.0);
    normal::two_sided(distance / variance.sqrt())
}
