//! Two arms taking turns, and what their ratio is.

use bare_loops::{Interval, bootstrap, median};

use crate::error::BenchError;

/// How many pairs of half-second runs are usual.
pub const HALF_SECONDS: u32 = 20;

/// Which of the two is to run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arm {
    /// fanout, or the arm that a benchmark names first.
    Ours,
    /// The bare loop, or the arm named second.
    Bare,
}

/// What one run came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Units a second.
    pub rate: f64,
    /// CPU, in nanoseconds a unit.
    pub cost: f64,
    /// Messages in one read of the receiver.
    pub batch: f64,
}

/// Results of pairs of runs, ours first in each.
pub struct Pairs<T>(Vec<(T, T)>);

/// Medians of both arms and of their ratio.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// Median of ours.
    pub ours: f64,
    /// Median of the bare loop's.
    pub bare: f64,
    /// Median over the pairs of ours / bare.
    pub ratio: f64,
    /// Its 95 % bootstrap interval.
    pub interval: Interval,
}

/// The order within pair number `pair`: AB, BA, AB, ..., so that neither a drift of the machine nor being first favours an arm.
fn order(pair: u32) -> [Arm; 2] {
    if pair.is_multiple_of(2) { [Arm::Ours, Arm::Bare] } else { [Arm::Bare, Arm::Ours] }
}

/// Runs each arm once to warm up and then `count` pairs.
pub fn measure<T>(count: u32, mut run: impl FnMut(Arm) -> Result<T, BenchError>) -> Result<Pairs<T>, BenchError> {
    run(Arm::Ours)?;
    run(Arm::Bare)?;
    in_turns(count, run)
}

/// Runs `count` pairs, of runs that bring their own warm-up.
pub fn in_turns<T>(count: u32, mut run: impl FnMut(Arm) -> Result<T, BenchError>) -> Result<Pairs<T>, BenchError> {
    let mut pairs = Vec::new();
    for pair in 0..count {
        let order = order(pair);
        let (first, second) = (run(order[0])?, run(order[1])?);
        pairs.push(if order[0] == Arm::Ours { (first, second) } else { (second, first) });
    }
    Ok(Pairs(pairs))
}

impl<T> Pairs<T> {
    /// Compares one figure of the results.
    pub fn compare(&self, figure: impl Fn(&T) -> f64) -> Comparison {
        let ours: Vec<f64> = self.0.iter().map(|(ours, _)| figure(ours)).collect();
        let bare: Vec<f64> = self.0.iter().map(|(_, bare)| figure(bare)).collect();
        let ratios: Vec<f64> = ours.iter().zip(&bare).map(|(ours, bare)| ours / bare).collect();
        Comparison { ours: median(&ours), bare: median(&bare), ratio: median(&ratios), interval: bootstrap(&ratios) }
    }

    /// The results of the first arm.
    pub fn ours(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(ours, _)| ours)
    }

    /// The results of both arms.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|(ours, bare)| [ours, bare])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_take_turns_in_being_first_after_a_warm_up() {
        let mut seen = String::new();
        let pairs = measure(4, |arm| {
            seen.push(if arm == Arm::Ours { 'A' } else { 'B' });
            Ok(if arm == Arm::Ours { 3.0 } else { 4.0 })
        });
        let pairs = pairs.unwrap();
        let comparison = pairs.compare(|&rate| rate);
        assert_eq!(seen, "AB ABBA ABBA".replace(' ', ""));
        assert_eq!((comparison.ours, comparison.bare, comparison.ratio), (3.0, 4.0, 0.75));
        assert!(pairs.ours().all(|&rate| rate == 3.0));
        assert_eq!(pairs.all().count(), 8);
    }
}
