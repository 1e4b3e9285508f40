//! A cost that grows in proportion: y = a1 x1 + a2 x2 + ..., no coefficient negative, fitted to runs.
//!
//! Errors are taken to be relative to y: machines are off by per cent, not by a number of bytes. Of several choices of columns the one with the
//! least corrected information criterion (AICc, Hurvich and Tsai 1989) is taken, so a column must earn its place; one that the others tell
//! already (connections and deliveries that rose together) is never used beside them.

use super::Interval;
use super::least_squares::{Solution, solve};
use super::student::half_width;

/// Columns that are told apart by less than this are one.
const INDEPENDENT: f64 = 0.03;
/// Relative errors below this are rounding, and say nothing for one choice of columns or another.
const ROUNDING: f64 = 1e-4;

/// A fitted cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    solution: Solution,
    /// Standard deviation of the relative errors.
    spread: f64,
    /// Rows beyond the coefficients.
    freedom: usize,
}

/// What a fitted cost says at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Where the value of one further run lies in 95 of 100 cases; `None` where there are no more runs than coefficients.
    pub interval: Option<Interval>,
}

impl Linear {
    /// Fits rows of x and y (y above 0) with one of these choices of columns, the simplest first; `None` where none of them can be fitted.
    #[must_use]
    pub fn fit(rows: &[(Vec<f64>, f64)], choices: &[&[usize]]) -> Option<Self> {
        let scaled: Vec<(Vec<f64>, f64)> =
            rows.iter().map(|(x, y)| (x.iter().map(|value| value / y).collect(), 1.0)).collect();
        let n = rows.len();
        let mut best: Option<(f64, Solution)> = None;
        for columns in choices.iter().filter(|columns| columns.len() <= n) {
            let Some(solution) = solve(&scaled, columns) else { continue };
            let sensible = solution.coefficients.iter().all(|c| *c >= 0.0) && solution.independence() >= INDEPENDENT;
            if !sensible {
                continue;
            }
            let criterion = criterion(n, solution.len(), solution.squares);
            if best.as_ref().is_none_or(|(least, _)| criterion < *least) {
                best = Some((criterion, solution));
            }
        }
        let (_, solution) = best?;
        let freedom = n - solution.len();
        let spread = if freedom > 0 { (solution.squares / freedom as f64).sqrt() } else { 0.0 };
        Some(Self { solution, spread, freedom })
    }

    /// The cost at `x`, and its 95 % prediction interval.
    #[must_use]
    pub fn at(&self, x: &[f64]) -> Estimate {
        let value = self.solution.at(x);
        let interval = (self.freedom > 0).then(|| {
            let half = half_width(self.freedom) * self.spread * (self.solution.leverage(x) + value * value).sqrt();
            Interval { low: (value - half).max(0.0), high: value + half }
        });
        Estimate { value, interval }
    }

    /// What a unit of each column costs.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.solution.coefficients
    }
}

/// AICc for so many rows and coefficients; infinite where there are too few rows to tell.
fn criterion(rows: usize, coefficients: usize, squares: f64) -> f64 {
    let (n, k) = (rows as f64, coefficients as f64 + 1.0);
    if n - k - 1.0 <= 0.0 {
        return f64::MAX;
    }
    n * (squares / n).max(ROUNDING * ROUNDING).ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    fn noisy(noise: f64, of: impl Fn(f64) -> f64) -> Vec<(Vec<f64>, f64)> {
        let mut random = Seeded::new(11, [4, 2]);
        (1..=6)
            .map(|i| f64::from(i) * 800.0)
            .map(|n| (vec![1.0, n, 2.0 * n], of(n) * (1.0 + noise * (random.unit() - 0.5))))
            .collect()
    }

    #[test]
    fn a_line_without_noise_is_found_exactly() {
        let fit = Linear::fit(&noisy(0.0, |n| 6e6 + 140.0 * n), &[&[0, 1], &[1], &[0]]).unwrap();
        assert!((fit.coefficients()[0] - 6e6).abs() < 1.0 && (fit.coefficients()[1] - 140.0).abs() < 1e-6);
        let estimate = fit.at(&[1.0, 15_000.0, 30_000.0]);
        assert!((estimate.value - 8.1e6).abs() < 10.0, "{estimate:?}");
    }

    #[test]
    fn what_rises_together_is_not_told_apart() {
        let fit = Linear::fit(&noisy(0.02, |n| 4.0 * n), &[&[1], &[0, 1], &[1, 2], &[0, 1, 2]]).unwrap();
        assert_eq!(fit.coefficients()[2], 0.0);
    }

    #[test]
    fn a_fixed_part_must_earn_its_place() {
        let choices: [&[usize]; 2] = [&[1], &[0, 1]];
        assert_eq!(Linear::fit(&noisy(0.04, |n| 4.0 * n), &choices).unwrap().coefficients()[0], 0.0);
        assert!(Linear::fit(&noisy(0.01, |n| 4000.0 + 4.0 * n), &choices).unwrap().coefficients()[0] > 3000.0);
    }

    #[test]
    fn the_interval_covers_a_further_run_about_as_often_as_it_says() {
        let mut random = Seeded::new(5, [0, 9]);
        // Twelve uniform numbers make a normal one.
        let mut normal = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        let covered = (0..400)
            .filter(|_| {
                let rows: Vec<_> = (1..=6)
                    .map(|i| f64::from(i) * 800.0)
                    .map(|n| (vec![n], 3.0 * n * (1.0 + 0.02 * normal())))
                    .collect();
                let further = 45_000.0 * (1.0 + 0.02 * normal());
                Linear::fit(&rows, &[&[0]]).unwrap().at(&[15_000.0]).interval.unwrap().contains(further)
            })
            .count();
        assert!((365..=395).contains(&covered), "{covered} of 400");
    }

    #[test]
    fn one_run_gives_a_value_and_no_interval() {
        let fit = Linear::fit(&[(vec![1.0, 1000.0], 4000.0)], &[&[1], &[0, 1]]).unwrap();
        assert_eq!(fit.at(&[1.0, 2000.0]), Estimate { value: 8000.0, interval: None });
        assert!(Linear::fit(&[], &[&[0]]).is_none());
    }
}
