//! One second of a run as the watch keeps it, and what several of them say together.
//!
//! A second holds what *arrived* in it. What never arrives is in no second: losses are known when the run has drained, so they are judged over
//! phases and the whole run only.

use serde_json::{Value, json};

use crate::record::Counts;
use crate::recorder::{PhaseSlot, Recorder, Slot};

/// What was recorded in one second, a few kilobytes.
#[derive(Debug, Clone, Default)]
pub struct Second {
    /// Its begin, seconds from the start of the first phase.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// CPU seconds of the server, where its process is known.
    pub server_cpu_s: Option<f64>,
    /// Resident bytes of the server at its end.
    pub server_rss_bytes: Option<u64>,
    /// CPU seconds of the load generator.
    pub loadgen_cpu_s: f64,
    deliveries: Vec<Deliveries>,
    publishes: Vec<Publishes>,
}

/// Of one phase and group of subscribers.
#[derive(Debug, Clone)]
struct Deliveries {
    phase: usize,
    group: usize,
    due: Sparse,
    sent: Sparse,
    delivered: u64,
    duplicated: u64,
    reordered: u64,
    payload_bytes: u64,
    wire_bytes: u64,
}

/// Of one phase.
#[derive(Debug, Clone)]
struct Publishes {
    phase: usize,
    sent: u64,
    schedule_lag: Sparse,
    read_age: Sparse,
    round_trip: Sparse,
}

/// The values that were seen, to the resolution of [`Counts`], and how often.
#[derive(Debug, Clone)]
struct Sparse(Vec<(u64, u64)>);

impl Sparse {
    fn of(counts: &Counts) -> Self {
        Self(counts.ranges().map(|(low, _, n)| (low, n)).collect())
    }

    fn add_to(&self, counts: &mut Counts) {
        self.0.iter().for_each(|&(value, n)| counts.record_n(value, n));
    }
}

impl Second {
    /// Keeps what a recorder of so many phases and groups recorded in this second.
    #[must_use]
    pub fn new(from_s: f64, to_s: f64, recorder: &Recorder, phases: usize, groups: usize) -> Self {
        let pairs = (0..phases).flat_map(|phase| (0..groups).map(move |group| (phase, group)));
        let deliveries = |(phase, group)| recorder.slot_of(phase, group).map(|slot| Deliveries::of(phase, group, slot));
        let publishes = |phase| recorder.phase_of(phase).map(|slot| Publishes::of(phase, slot));
        Self {
            from_s,
            to_s,
            deliveries: pairs.filter_map(deliveries).collect(),
            publishes: (0..phases).filter_map(publishes).collect(),
            ..Self::default()
        }
    }

    /// How long it was.
    #[must_use]
    pub fn length_s(&self) -> f64 {
        self.to_s - self.from_s
    }

    /// Publishes of these phases that were sent in it.
    pub(super) fn published(&self, phases: &[usize]) -> u64 {
        self.publishes.iter().filter(|p| phases.contains(&p.phase)).map(|p| p.sent).sum()
    }
}

impl Deliveries {
    fn of(phase: usize, group: usize, slot: &Slot) -> Self {
        Self {
            phase,
            group,
            due: Sparse::of(&slot.due),
            sent: Sparse::of(&slot.sent),
            delivered: slot.delivered + slot.counted,
            duplicated: slot.duplicated,
            reordered: slot.reordered,
            payload_bytes: slot.payload_bytes,
            wire_bytes: slot.wire_bytes(),
        }
    }
}

impl Publishes {
    fn of(phase: usize, slot: &PhaseSlot) -> Self {
        Self {
            phase,
            sent: slot.sent,
            schedule_lag: Sparse::of(&slot.schedule_lag),
            read_age: Sparse::of(&slot.read_age),
            round_trip: Sparse::of(&slot.round_trip),
        }
    }
}

/// Seconds together.
#[derive(Debug, Default)]
pub struct Sum {
    seconds: f64,
    due: Counts,
    sent: Counts,
    schedule_lag: Counts,
    read_age: Counts,
    round_trip: Counts,
    published: u64,
    delivered: u64,
    duplicated: u64,
    reordered: u64,
    payload_bytes: u64,
    wire_bytes: u64,
    server_cpu_s: Option<f64>,
    server_rss_bytes: Option<u64>,
    loadgen_cpu_s: f64,
}

impl Sum {
    /// Adds what a second has of these phases and groups.
    pub fn add(&mut self, second: &Second, phases: &[usize], groups: &[usize]) {
        self.seconds += second.length_s();
        for d in second.deliveries.iter().filter(|d| phases.contains(&d.phase) && groups.contains(&d.group)) {
            d.due.add_to(&mut self.due);
            d.sent.add_to(&mut self.sent);
            self.delivered += d.delivered;
            self.duplicated += d.duplicated;
            self.reordered += d.reordered;
            self.payload_bytes += d.payload_bytes;
            self.wire_bytes += d.wire_bytes;
        }
        for p in second.publishes.iter().filter(|p| phases.contains(&p.phase)) {
            self.published += p.sent;
            p.schedule_lag.add_to(&mut self.schedule_lag);
            p.read_age.add_to(&mut self.read_age);
            p.round_trip.add_to(&mut self.round_trip);
        }
        if let Some(cpu_s) = second.server_cpu_s {
            *self.server_cpu_s.get_or_insert_default() += cpu_s;
        }
        self.server_rss_bytes = second.server_rss_bytes.or(self.server_rss_bytes);
        self.loadgen_cpu_s += second.loadgen_cpu_s;
    }

    /// The figures, under the names that they have in `run.json`.
    #[must_use]
    pub fn figures(&self) -> Value {
        let per_s = |n: u64| if self.seconds > 0.0 { n as f64 / self.seconds } else { 0.0 };
        let share = |cpu_s: f64| if self.seconds > 0.0 { cpu_s / self.seconds } else { 0.0 };
        let per_delivery = |cpu_s: f64| (self.delivered > 0).then(|| cpu_s * 1e6 / self.delivered as f64);
        let arrived = if self.due.is_empty() { &self.sent } else { &self.due };
        json!({
            "publishes": { "sent": self.published },
            "deliveries": {
                "delivered": self.delivered, "duplicated": self.duplicated, "reordered": self.reordered
            },
            "rates": {
                "publishes_per_s": per_s(self.published),
                "deliveries_per_s": per_s(self.delivered),
                "payload_bytes_per_s": per_s(self.payload_bytes),
                "wire_bytes_per_s": per_s(self.wire_bytes),
            },
            "latency": {
                "due": self.due.quantiles(None),
                "sent": self.sent.quantiles(None),
                "arrived": arrived.quantiles(None),
                "round_trip": self.round_trip.quantiles(None),
            },
            "schedule_lag": self.schedule_lag.quantiles(None),
            "read_age": self.read_age.quantiles(None),
            "server": {
                "cpu_s": self.server_cpu_s,
                "cpu_share": self.server_cpu_s.map(share),
                "cpu_us_per_delivery": self.server_cpu_s.and_then(per_delivery),
                "rss_bytes": self.server_rss_bytes,
            },
            "loadgen": {
                "cpu_s": self.loadgen_cpu_s,
                "cpu_share": share(self.loadgen_cpu_s),
                "cpu_us_per_delivery": per_delivery(self.loadgen_cpu_s),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One phase, two groups: the first received after 1 ms, the second after 9 ms.
    fn second(from_s: f64, deliveries: u32) -> Second {
        let mut recorder = Recorder::new(1, 2);
        for (group, ms) in [(0, 1), (1, 9)] {
            let slot = recorder.slot(0, group);
            slot.times(ms * 1_000_000 + 1, 1, 1, deliveries);
            slot.delivered += u64::from(deliveries);
        }
        recorder.phase(0).sent += 5;
        let mut second = Second::new(from_s, from_s + 1.0, &recorder, 1, 2);
        (second.server_cpu_s, second.loadgen_cpu_s) = (Some(0.25), 0.5);
        second
    }

    fn figure(sum: &Sum, path: &str) -> Option<f64> {
        path.split('.').try_fold(&sum.figures(), |at, key| at.get(key)).and_then(Value::as_f64)
    }

    #[test]
    fn seconds_add_up() {
        let mut sum = Sum::default();
        sum.add(&second(0.0, 100), &[0], &[0, 1]);
        sum.add(&second(1.0, 300), &[0], &[0, 1]);
        assert_eq!(figure(&sum, "deliveries.delivered"), Some(800.0));
        assert_eq!(figure(&sum, "rates.deliveries_per_s"), Some(400.0));
        assert_eq!(figure(&sum, "publishes.sent"), Some(10.0));
        assert_eq!(figure(&sum, "latency.due.p50"), Some(1000.0));
        assert!(figure(&sum, "latency.due.p99").is_some_and(|p99| (8990.0..9010.0).contains(&p99)));
        assert_eq!(figure(&sum, "server.cpu_share"), Some(0.25));
        assert_eq!(figure(&sum, "loadgen.cpu_share"), Some(0.5));
    }

    #[test]
    fn a_group_and_a_phase_are_told_apart() {
        let mut sum = Sum::default();
        sum.add(&second(0.0, 100), &[0], &[1]);
        assert_eq!(figure(&sum, "deliveries.delivered"), Some(100.0));
        assert!(figure(&sum, "latency.due.p50").is_some_and(|p50| p50 > 8000.0));
        let mut other = Sum::default();
        other.add(&second(0.0, 100), &[1], &[0, 1]);
        assert_eq!(figure(&other, "deliveries.delivered"), Some(0.0));
        assert_eq!(figure(&other, "latency.due.p50"), None);
    }
}
