//! The axis of percentiles: every nine more takes the same room, so that the rare is as readable as the usual.

use super::frame::Axis;
use super::scale::Scale;

/// Percentiles that the axis names: those beyond, and how they are written.
const NAMED: [(f64, &str); 8] = [
    (1.0, "0"),
    (0.5, "50 %"),
    (0.1, "90 %"),
    (0.01, "99 %"),
    (0.001, "99.9 %"),
    (0.0001, "99.99 %"),
    (0.000_01, "99.999 %"),
    (0.000_001, "99.9999 %"),
];

/// Where the percentile stands that a share of `beyond` exceeds: its nines.
pub(super) fn nines(beyond: f64) -> f64 {
    -beyond.max(1e-12).log10()
}

/// An axis up to the one delivery in `count` that took longest.
#[allow(clippy::cast_precision_loss)]
pub(super) fn axis(count: u64) -> Axis {
    let end = nines(0.5 / count.max(2) as f64).min(7.0);
    let ticks = NAMED.iter().map(|&(beyond, name)| (nines(beyond), name.to_owned())).filter(|(at, _)| *at <= end);
    Axis { scale: Scale::exactly(0.0, end), label: "share of deliveries that took no longer", ticks: ticks.collect() }
}

/// Shares of deliveries, evenly spaced over such an axis.
#[allow(clippy::cast_precision_loss)]
pub(super) fn shares(count: u64, n: usize) -> Vec<f64> {
    let end = axis(count).scale.high();
    (0..=n).map(|i| 1.0 - 10_f64.powf(-end * i as f64 / n.max(1) as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_nine_takes_the_same_room() {
        assert!((nines(0.01) - nines(0.1) - 1.0).abs() < 1e-12);
        assert_eq!(axis(1000).ticks.len(), 5);
        assert_eq!(axis(0).ticks.len(), 2);
    }

    #[test]
    fn shares_reach_from_nothing_to_the_slowest() {
        let shares = shares(1000, 10);
        assert_eq!((shares.len(), shares[0]), (11, 0.0));
        assert!(shares[10] > 0.999 && shares[10] < 1.0);
    }
}
