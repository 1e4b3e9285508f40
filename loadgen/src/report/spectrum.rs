//! Which share of deliveries took no longer than each latency: every percentile at once.

use crate::record::{HdrError, from_base64_v2};

/// The percentile spectrum of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spectrum {
    /// Latency in microseconds, and how many deliveries took no longer; both rise.
    points: Vec<(u64, u64)>,
    /// How many the shares are of.
    of: u64,
}

impl Spectrum {
    /// Of a histogram as `run.json` holds it (HdrHistogram V2, base64). The shares are of `expected` deliveries, those that are not in it
    /// being later than everything, or of those in it where that is more.
    ///
    /// # Errors
    /// When the text is not such a histogram.
    pub fn read(base64: &str, expected: u64) -> Result<Self, HdrError> {
        let histogram = from_base64_v2(base64)?;
        let mut sum = 0;
        let points = histogram.iter_recorded().map(|value| {
            sum += value.count_at_value();
            (value.value_iterated_to(), sum)
        });
        let points: Vec<(u64, u64)> = points.collect();
        Ok(Self { of: expected.max(sum), points })
    }

    /// The smallest latency, in microseconds to three digits, that at least `share` (0 to 1) of the deliveries do not exceed; `None` where
    /// that falls among those that never arrived, or there are none.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    pub fn at(&self, share: f64) -> Option<u64> {
        // A share such as 0.07 is not a binary fraction: without the margin 0.07 of 100 would be the eighth.
        let rank = (share.clamp(0.0, 1.0) * self.of as f64 * (1.0 - 1e-12)).ceil().max(1.0) as u64;
        let point = self.points.partition_point(|&(_, sum)| sum < rank);
        self.points.get(point).map(|&(us, _)| us)
    }

    /// Latency, and the share of deliveries that took longer than it, in rising order of latency.
    #[allow(clippy::cast_precision_loss)]
    pub fn beyond(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        self.points.iter().map(|&(us, sum)| (us, (self.of - sum) as f64 / self.of.max(1) as f64))
    }

    /// How many deliveries the shares are of.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.of
    }

    /// The share that never arrived.
    #[must_use]
    pub fn missing(&self) -> f64 {
        self.beyond().last().map_or(0.0, |(_, share)| share)
    }

    /// Whether nothing arrived.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Counts;

    fn spectrum(values: &[u64], expected: u64) -> Spectrum {
        let mut counts = Counts::new();
        values.iter().for_each(|&us| counts.record(us));
        Spectrum::read(&counts.to_base64_v2(), expected).unwrap()
    }

    #[test]
    fn a_percentile_is_the_smallest_latency_that_enough_do_not_exceed() {
        let spectrum = spectrum(&(1..=100).collect::<Vec<_>>(), 100);
        assert_eq!([0.0, 0.07, 0.5, 0.99, 1.0].map(|share| spectrum.at(share)), [1, 7, 50, 99, 100].map(Some));
        assert_eq!(spectrum.missing(), 0.0);
    }

    #[test]
    fn what_never_arrived_is_later_than_everything() {
        let spectrum = spectrum(&[10; 90], 100);
        assert_eq!((spectrum.at(0.9), spectrum.at(0.91)), (Some(10), None));
        assert!((spectrum.missing() - 0.1).abs() < 1e-12);
        assert_eq!(spectrum.count(), 100);
    }

    #[test]
    fn nothing_has_no_percentiles() {
        let spectrum = spectrum(&[], 0);
        assert!(spectrum.is_empty());
        assert_eq!(spectrum.at(0.5), None);
    }
}
