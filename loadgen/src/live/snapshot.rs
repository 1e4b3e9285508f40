//! Where a run is, once a second.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::record::Counts;

/// What does not change while a run goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Outline {
    /// Of the scenario.
    pub name: String,
    /// Which of several runs it is, such as `block 3 of 10: b (shared)`; empty where there is one.
    pub part: String,
    /// `bundled`, `spawn` or `url`, and the address.
    pub target: String,
    /// Connections that are to receive.
    pub subscribers: u64,
    /// Rooms of the run.
    pub rooms: u64,
    /// In order; connecting and draining are not among them.
    pub phases: Vec<Stretch>,
    /// CPUs that the server has; `None` where it was not pinned.
    pub server_cores: Option<u32>,
    /// CPUs that the load generator's workers have.
    pub loadgen_cores: u32,
}

/// A phase of the plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Stretch {
    /// Its name.
    pub name: String,
    /// Its length.
    pub seconds: f64,
    /// Whether it counts in the figures of the whole run.
    pub measure: bool,
}

impl Outline {
    /// Length of all phases, seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.phases.iter().map(|phase| phase.seconds).sum()
    }
}

/// Where a run is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// `connecting`, the name of the phase, `drain`.
    pub phase: String,
    /// Since the start of the first phase (while connecting: since the first dial).
    #[serde(rename = "elapsed_s", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// Length of all phases together; `None` where it is not known (while connecting).
    #[serde(rename = "total_s", serialize_with = "maybe_seconds")]
    pub total: Option<Duration>,
    /// What became of connections so far.
    pub connections: Connections,
    /// The last second.
    pub second: Second,
    /// Of what arrived since measuring began.
    pub arrived: Arrived,
    /// Since the run began.
    pub totals: Totals,
    /// Known to be lost so far: later messages of the room have reached the same subscriber, or it is overdue by more than the drain.
    pub lost: u64,
    /// Expected and not there: under way, or lost. `None` where there are too many rooms to add it up every second.
    pub outstanding: Option<u64>,
    /// Schedule lag p99 from which the run can become invalid, microseconds.
    pub most_schedule_lag_us: f64,
    /// `None` where its processes are not known.
    pub server: Option<Side>,
    /// The load generator.
    pub loadgen: Side,
}

/// Connections by their state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connections {
    /// Asked for so far: those of the beginning, and each join of a phase once it is begun.
    pub asked: u64,
    /// TCP or the upgrade is under way.
    pub opening: u64,
    /// Open now.
    pub open: u64,
    /// Gone, and coming back by the plan.
    pub away: u64,
    /// Answered with something else than 101.
    pub refused: u64,
    /// Did not open for another reason.
    pub failed: u64,
    /// Ended by the server or the network.
    pub closed: u64,
}

impl Connections {
    /// Adds another worker's.
    pub fn add(&mut self, other: &Connections) {
        self.asked += other.asked;
        self.opening += other.opening;
        self.open += other.open;
        self.away += other.away;
        self.refused += other.refused;
        self.failed += other.failed;
        self.closed += other.closed;
    }
}

/// One second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Second {
    /// Publishes that fell due, a second; `None` in a closed loop, and while connecting.
    pub publishes_asked_per_s: Option<f64>,
    /// Publishes handed to the socket, a second.
    pub publishes_per_s: f64,
    /// Messages received, a second.
    pub deliveries_per_s: f64,
    /// Bytes received, a second.
    pub bytes_per_s: f64,
    /// Arrival after due time, microseconds.
    pub p50: Option<f64>,
    /// Arrival after due time, microseconds.
    pub p99: Option<f64>,
    /// How late fanout itself sent, microseconds.
    pub schedule_lag_p99: Option<f64>,
    /// How long deliveries waited for fanout's turn, microseconds.
    pub read_age_p99: Option<f64>,
}

/// Latency since measuring began, microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Arrived {
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

impl Arrived {
    /// Of these latencies; of the last second, as long as nothing is measured.
    #[must_use]
    pub fn of(counts: &Counts, second: &Second) -> Self {
        let figure = |q| counts.percentile(q).map(|us| us as f64);
        Arrived {
            p50: figure(0.5).or(second.p50),
            p99: figure(0.99).or(second.p99),
            max: counts.max().map(|us| us as f64),
        }
    }
}

/// Counts since the run began.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Totals {
    /// Publishes that fell due.
    pub due: u64,
    /// Publishes handed to the socket.
    pub sent: u64,
    /// Messages received.
    pub delivered: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Arrival after due time of all of them, warm-up included.
    #[serde(skip)]
    pub latency: Buckets,
}

/// What one side spends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Side {
    /// Share of one core over the last second, 1.0 = one core busy; `None` where it could not be read.
    pub cpu_share: Option<f64>,
    /// CPU time since its processes began, seconds.
    pub cpu_s: Option<f64>,
    /// Resident memory.
    pub rss_bytes: Option<u64>,
    /// Open descriptors.
    pub descriptors: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
    /// Written and not yet acknowledged, all connections together; of the server only.
    pub send_queue_bytes: Option<u64>,
    /// The fullest of these queues.
    pub send_queue_max_bytes: Option<u64>,
}

/// Latencies in the classes of the histogram that Prometheus reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Buckets {
    counts: [u64; BOUNDS_US.len()],
    count: u64,
    sum_us: f64,
}

/// Upper bounds of the classes, microseconds: 1, 2.5 and 5 of every decade, from 0.1 ms to a minute.
pub const BOUNDS_US: [u64; 18] = [
    100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

impl Buckets {
    /// Adds these latencies. One that shares a slot of [`Counts`] with a bound is counted below it.
    pub fn add(&mut self, counts: &Counts) {
        for (low, _, n) in counts.ranges() {
            if let Some(class) = BOUNDS_US.iter().position(|bound| low <= *bound) {
                self.counts[class] += n;
            }
        }
        self.count += counts.count();
        self.sum_us += counts.mean().unwrap_or(0.0) * counts.count() as f64;
    }

    /// For each bound in seconds, how many were at most that.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let sum = |below: &mut u64, n: &u64| {
            *below += n;
            Some(*below)
        };
        BOUNDS_US.iter().map(|us| *us as f64 / 1e6).zip(self.counts.iter().scan(0, sum))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum, in seconds.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum_us / 1e6
    }
}

/// A duration as a number of seconds.
pub(super) fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[allow(clippy::ref_option, reason = "the form that serde calls")]
fn maybe_seconds<S: serde::Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_is_in_the_class_of_the_first_bound_that_it_does_not_exceed() {
        let mut counts = Counts::new();
        for us in [1, 100, 101, 1000, 70_000_000] {
            counts.record(us);
        }
        let mut buckets = Buckets::default();
        buckets.add(&counts);
        buckets.add(&counts);
        let below: Vec<u64> = buckets.cumulative().map(|(_, n)| n).collect();
        assert_eq!(below[..4], [4, 6, 6, 8]);
        assert_eq!(
            (below[BOUNDS_US.len() - 1], buckets.count()),
            (8, 10),
            "beyond the last bound it counts in all only"
        );
        assert!((buckets.sum() - 140.0).abs() < 1.0);
    }

    #[test]
    fn bounds_rise() {
        assert!(BOUNDS_US.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn latency_is_that_of_the_last_second_until_something_is_measured() {
        let second = Second { p50: Some(5.0), p99: Some(9.0), ..Second::default() };
        let mut counts = Counts::new();
        assert_eq!(Arrived::of(&counts, &second), Arrived { p50: Some(5.0), p99: Some(9.0), max: None });
        counts.record(70);
        assert_eq!(Arrived::of(&counts, &second).p99, Some(70.0));
    }
}
