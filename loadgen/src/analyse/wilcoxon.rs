//! Wilcoxon's signed-rank test (Wilcoxon 1945): do paired differences lie around zero?

use super::normal;
use super::ranks::{doubled_ranks, sums, ties, two_sided};

/// Up to so many differences the p is exact, ties included; beyond, the normal approximation is good.
const EXACT: usize = 50;

/// The two-sided p of the hypothesis that `differences` lie symmetrically around 0. Zeros are left out; 1 when nothing is left.
///
/// Exact for up to 50 differences; with ties, over their own distribution of mean ranks. Beyond that by the normal approximation with
/// the correction for ties, without one for continuity.
#[must_use]
pub fn signed_rank(differences: &[f64]) -> f64 {
    let differences: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let n = differences.len();
    if n == 0 || differences.iter().any(|d| d.is_nan()) {
        return 1.0;
    }
    let ranks = doubled_ranks(&differences.iter().map(|d| d.abs()).collect::<Vec<_>>());
    let positive: u32 = ranks.iter().zip(&differences).filter(|(_, d)| **d > 0.0).map(|(rank, _)| rank).sum();
    if n <= EXACT {
        return two_sided(&sums(&ranks, None), positive as usize);
    }
    let n = n as f64;
    let tied: f64 = ties(&ranks).into_iter().map(|t| (t * t * t - t) as f64).sum();
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - tied / 48.0;
    normal::two_sided((f64::from(positive) / 2.0 - n * (n + 1.0) / 4.0) / variance.sqrt())
}
