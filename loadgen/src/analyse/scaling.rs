//! The Universal Scalability Law (Gunther 2007) fitted to throughput at several levels of load.
//!
//! ```text
//!               r N
//! C(N) = ---------------------      r: throughput of one;  s: contention (queueing for what is shared);
//!        1 + s(N-1) + k N(N-1)      k: coherency (everybody has to agree with everybody), which makes throughput fall again
//! ```
//!
//! N / C(N) is linear in 1/r, s/r and k/r, so the fit is a linear least-squares problem; errors of C are taken to be relative to C, and no
//! coefficient may be negative. Intervals are percentile-bootstrap ones over the levels.

use serde::{Deserialize, Serialize};

use super::Interval;
use super::least_squares::solve;
use crate::seeded::Seeded;

/// Fewest levels of load that a fit is made from.
pub const LEAST_LEVELS: usize = 6;
const RESAMPLES: usize = 2_000;

/// A measured level: load and throughput, in any unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// N, above 0.
    pub load: f64,
    /// C(N), above 0.
    pub throughput: f64,
}

/// A fitted law.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Law {
    /// r.
    pub rate: f64,
    /// s.
    pub contention: f64,
    /// k.
    pub coherency: f64,
}

/// A law and how sure it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// The law of all levels.
    pub law: Law,
    /// 95 % interval of `rate`.
    pub rate: Interval,
    /// 95 % interval of `contention`.
    pub contention: Interval,
    /// 95 % interval of `coherency`.
    pub coherency: Interval,
    /// Load of the highest throughput; `None` where the interval of `coherency` holds 0, so that there may be no such load.
    pub peak: Option<f64>,
    /// Highest load that was measured. What the law says beyond twice of it is a guess.
    pub measured_to: f64,
    #[serde(skip)]
    resampled: Vec<Law>,
}

impl Law {
    /// C(N).
    #[must_use]
    pub fn throughput(&self, load: f64) -> f64 {
        self.rate * load / (1.0 + self.contention * (load - 1.0) + self.coherency * load * (load - 1.0))
    }

    /// The N of the largest C(N), if there is one: sqrt((1 - s) / k).
    fn peak(&self) -> Option<f64> {
        (self.coherency > 0.0 && self.contention < 1.0).then(|| ((1.0 - self.contention) / self.coherency).sqrt())
    }

    /// The law that is nearest to these levels; `None` where they do not determine one.
    fn of(levels: &[Level]) -> Option<Self> {
        let rows: Vec<([f64; 3], f64)> = levels
            .iter()
            .map(|level| {
                let (n, y) = (level.load, level.load / level.throughput);
                // Divided by y: an error of 1 % in C counts the same at every level.
                ([1.0 / y, (n - 1.0) / y, n * (n - 1.0) / y], 1.0)
            })
            .collect();
        // Of every choice of coefficients that are not 0, the feasible one with the least error.
        let choices: [&[usize]; 4] = [&[0, 1, 2], &[0, 1], &[0, 2], &[0]];
        let best = choices
            .iter()
            .filter_map(|columns| solve(&rows, columns))
            .filter(|found| found.coefficients[0] > 0.0 && found.coefficients.iter().all(|c| *c >= 0.0))
            .min_by(|a, b| a.squares.total_cmp(&b.squares))?;
        let (a, b, c) = (best.coefficients[0], best.coefficients[1], best.coefficients[2]);
        Some(Self { rate: 1.0 / a, contention: b / a, coherency: c / a })
    }
}

impl Fit {
    /// Fits at least [`LEAST_LEVELS`] different levels; `None` for fewer, or where they do not determine a law.
    #[must_use]
    pub fn of(levels: &[Level]) -> Option<Self> {
        let mut loads: Vec<f64> = levels.iter().map(|level| level.load).collect();
        loads.sort_by(f64::total_cmp);
        loads.dedup();
        if loads.len() < LEAST_LEVELS {
            return None;
        }
        let law = Law::of(levels)?;
        let mut random = Seeded::new(0x5ca1e, [0, 0]);
        let resampled: Vec<Law> = (0..RESAMPLES)
            .filter_map(|_| {
                let some: Vec<Level> =
                    levels.iter().map(|_| levels[random.below(levels.len() as u64) as usize]).collect();
                Law::of(&some)
            })
            .collect();
        let interval = |of: fn(&Law) -> f64| middle_95(resampled.iter().map(of).collect());
        let coherency = interval(|law| law.coherency);
        Some(Self {
            peak: law.peak().filter(|_| coherency.low > 0.0),
            rate: interval(|law| law.rate),
            contention: interval(|law| law.contention),
            coherency,
            law,
            measured_to: loads.last().copied().unwrap_or_default(),
            resampled,
        })
    }

    /// 95 % band of the throughput at a load.
    #[must_use]
    pub fn band(&self, load: f64) -> Interval {
        middle_95(self.resampled.iter().map(|law| law.throughput(load)).collect())
    }

    /// Whether a load is further beyond what was measured than the law can be trusted: more than twice.
    #[must_use]
    pub fn is_guess(&self, load: f64) -> bool {
        load > 2.0 * self.measured_to
    }
}

fn middle_95(mut values: Vec<f64>) -> Interval {
    if values.is_empty() {
        return Interval { low: f64::NAN, high: f64::NAN };
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
    Interval { low: at(0.025), high: at(0.975) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(law: Law, noise: f64, loads: &[f64]) -> Vec<Level> {
        let mut random = Seeded::new(3, [1, 1]);
        loads
            .iter()
            .map(|load| Level {
                load: *load,
                throughput: law.throughput(*load) * (1.0 + noise * (random.unit() - 0.5)),
            })
            .collect()
    }

    const LOADS: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 24.0, 32.0, 48.0];

    #[test]
    fn a_law_without_noise_is_found_exactly() {
        let law = Law { rate: 995.0, contention: 0.0267, coherency: 0.000_769 };
        let fit = Fit::of(&levels(law, 0.0, &LOADS)).unwrap();
        assert!((fit.law.rate / law.rate - 1.0).abs() < 1e-9, "{:?}", fit.law);
        assert!((fit.law.contention / law.contention - 1.0).abs() < 1e-7, "{:?}", fit.law);
        assert!((fit.law.coherency / law.coherency - 1.0).abs() < 1e-7, "{:?}", fit.law);
        let peak = fit.peak.unwrap();
        assert!((peak - 35.57).abs() < 0.01, "{peak}");
        assert!(law.throughput(peak) > law.throughput(peak - 1.0) && law.throughput(peak) > law.throughput(peak + 1.0));
    }

    #[test]
    fn where_throughput_only_grows_there_is_no_peak() {
        for contention in [0.0, 0.02] {
            let fit = Fit::of(&levels(Law { rate: 10.0, contention, coherency: 0.0 }, 0.02, &LOADS)).unwrap();
            assert!(fit.coherency.contains(0.0) && fit.peak.is_none(), "{fit:?}");
        }
    }

    #[test]
    fn loads_of_thousands_do_not_lose_the_digits() {
        let law = Law { rate: 50.0, contention: 1e-5, coherency: 2e-9 };
        let fit = Fit::of(&levels(law, 0.0, &[1000.0, 2000.0, 4000.0, 8000.0, 12_000.0, 16_000.0, 19_000.0])).unwrap();
        assert!((fit.law.contention / law.contention - 1.0).abs() < 1e-4, "{:?}", fit.law);
        assert!((fit.law.coherency / law.coherency - 1.0).abs() < 1e-4, "{:?}", fit.law);
    }

    #[test]
    fn the_band_holds_the_law_and_widens_beyond_the_measured() {
        let law = Law { rate: 995.0, contention: 0.0267, coherency: 0.000_769 };
        let fit = Fit::of(&levels(law, 0.04, &LOADS)).unwrap();
        for load in [4.0, 20.0, 40.0] {
            let band = fit.band(load);
            assert!(
                band.low < law.throughput(load) * 1.01 && band.high > law.throughput(load) * 0.99,
                "{load}: {band:?}"
            );
        }
        let width = |load: f64| (fit.band(load).high - fit.band(load).low) / fit.law.throughput(load);
        assert!(width(400.0) > width(20.0));
        assert!(!fit.is_guess(96.0) && fit.is_guess(97.0));
    }

    #[test]
    fn five_levels_are_too_few() {
        let law = Law { rate: 1.0, contention: 0.1, coherency: 0.01 };
        assert_eq!(Fit::of(&levels(law, 0.0, &LOADS[..5])), None);
        let twice = [1.0, 1.0, 2.0, 2.0, 4.0, 4.0];
        assert_eq!(Fit::of(&levels(law, 0.0, &twice)), None);
    }
}
