//! How far apart the first and the last subscriber of one message are.

use serde::{Deserialize, Serialize};

/// First and last subscriber of one message, in nanoseconds of CLOCK_MONOTONIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSpread {
    /// Who published it.
    pub publisher: u32,
    /// Its sequence.
    pub seq: u32,
    /// Phase in which it was due.
    pub phase: u16,
    /// When it was sent.
    pub sent: u64,
    /// When the first subscriber had it.
    pub first: u64,
    /// When the last subscriber had it.
    pub last: u64,
}

/// Two quantiles over the subscribers of one sampled message, microseconds after it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sampled {
    /// Phase in which the message was due.
    pub phase: u16,
    /// Half of the subscribers had it.
    pub median: u64,
    /// 99 % of them had it.
    pub p99: u64,
}

/// Every delivery of every `step`-th message. The step doubles, and every second message is dropped from the sample,
/// whenever the sample would grow past its bound, so a long run keeps an even sample.
#[derive(Debug, Default)]
pub struct SpreadSample {
    step: u32,
    most: usize,
    /// Microseconds after sending, one list a sampled entry (`entry / step`).
    delays: Vec<Vec<u32>>,
}

impl SpreadSample {
    /// A sample of at most about `values` values for rooms of this many subscribers.
    pub fn new(subscribers: u32, values: usize) -> Self {
        SpreadSample { step: 1, most: (values / subscribers.max(1) as usize).max(8), delays: Vec::new() }
    }

    /// The first sampled entry at or after `entry`.
    pub(super) fn next_from(&self, entry: u32) -> u32 {
        entry.next_multiple_of(self.step.max(1))
    }

    /// The step between sampled entries.
    pub(super) fn step(&self) -> u32 {
        self.step.max(1)
    }

    /// One delivery of a sampled entry.
    pub(super) fn add(&mut self, entry: u32, delay_us: u64) {
        let mut at = (entry / self.step()) as usize;
        while at >= self.most {
            let mut n = 0;
            self.delays.retain(|_| {
                n += 1;
                n % 2 == 1
            });
            self.step *= 2;
            if !entry.is_multiple_of(self.step) {
                return;
            }
            at = (entry / self.step) as usize;
        }
        if self.delays.len() <= at {
            self.delays.resize_with(at + 1, Vec::new);
        }
        self.delays[at].push(delay_us.min(u64::from(u32::MAX)) as u32);
    }

    /// Median and 99 % of each sampled message; `phase` gives that of an entry.
    pub(super) fn quantiles(&self, phase: impl Fn(u32) -> u16) -> Vec<Sampled> {
        let pick = |sorted: &[u32], q: f64| u64::from(sorted[((sorted.len() as f64 * q).ceil() as usize).max(1) - 1]);
        (0..)
            .zip(&self.delays)
            .filter(|(_, delays)| !delays.is_empty())
            .map(|(i, delays)| {
                let mut sorted = delays.clone();
                sorted.sort_unstable();
                Sampled { phase: phase(i * self.step()), median: pick(&sorted, 0.5), p99: pick(&sorted, 0.99) }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_stays_within_its_bound_and_even() {
        let mut sample = SpreadSample::new(10, 100);
        for entry in 0..1000u32 {
            if sample.next_from(entry) == entry {
                for subscriber in 0..10 {
                    sample.add(entry, subscriber);
                }
            }
        }
        let quantiles = sample.quantiles(|_| 0);
        assert!((5..=10).contains(&quantiles.len()), "{}", quantiles.len());
        assert!(quantiles.iter().all(|q| (q.median, q.p99) == (4, 9)), "{quantiles:?}");
    }
}
