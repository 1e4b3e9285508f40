//! The normal distribution, as far as the tests need it.

/// The 97.5 % quantile: two-sided tests at 5 %.
pub(super) const Z_975: f64 = 1.959_963_984_540_054;
/// The 90 % quantile: a power of 90 %.
pub(super) const Z_90: f64 = 1.281_551_565_544_600_4;

/// The two-sided p of a standard normal `z`: erfc(|z| / sqrt 2), with a relative error below 1.2e-7 (Numerical Recipes section 6.2,
/// Chebyshev fit).
pub(super) fn two_sided(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    const COEFFICIENTS: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let series = COEFFICIENTS.iter().rev().fold(0.0, |sum, c| sum * t + c);
    (t * (-x * x + series).exp()).min(1.0)
}

/// The `z` whose two-sided p this is, found by halving; for `p` in 0 to 1, not below 1e-12.
pub(super) fn two_sided_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (0.0, 7.2);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if two_sided(middle) > p { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantile_is_the_inverse() {
        assert!((two_sided_quantile(0.05) - Z_975).abs() < 1e-6);
        assert!((two_sided_quantile(0.2) - Z_90).abs() < 1e-6);
    }

    #[test]
    fn quantiles_have_their_probabilities() {
        assert!((two_sided(0.0) - 1.0).abs() < 1e-6);
        assert!((two_sided(Z_975) - 0.05).abs() < 1e-7);
        assert!((two_sided(-Z_90) - 0.2).abs() < 1e-7);
        assert!((two_sided(5.0) - 5.733_031_437_583_892e-7).abs() < 1e-12);
    }
}
