//! Student's t distribution, as far as a 95 % interval needs it.

/// The 97.5 % points for 1 to 30 degrees of freedom.
const TABLE: [f64; 30] = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448,
    2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484,
    2.0452, 2.0423,
];
/// The same of the normal distribution.
const NORMAL: f64 = 1.959_964;

/// Half the width of a 95 % interval, in standard errors; not a number without a degree of freedom.
pub(super) fn half_width(freedom: usize) -> f64 {
    match freedom {
        0 => f64::NAN,
        1..=30 => TABLE[freedom - 1],
        _ => {
            // Cornish and Fisher's expansion: right to four decimals from here on.
            let (z, v) = (NORMAL, freedom as f64);
            z + (z.powi(3) + z) / (4.0 * v) + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * v * v)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_are_those_of_the_tables() {
        for (freedom, expected) in [(1, 12.7062), (4, 2.7764), (30, 2.0423), (31, 2.0395), (60, 2.0003), (1000, 1.9623)]
        {
            assert!((half_width(freedom) - expected).abs() < 1e-4, "{freedom}: {}", half_width(freedom));
        }
        assert!(half_width(0).is_nan());
    }
}
