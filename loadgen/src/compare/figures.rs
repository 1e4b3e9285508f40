//! Which figures of a run are compared, which way is good, and how they are written.

use serde::Serialize;
use serde_json::Value;

use crate::analyse::Better;
use crate::report::numbers::{bytes, count, duration_us_exact, percent, rate, significant};
use crate::thresholds::{Unit, bare, unit_of};

/// What every comparison looks at, as far as the runs have it. No longer than it must be: each metric makes it harder for every other to be
/// told from noise (Holm).
const ALWAYS: [&str; 13] = [
    "latency.due.p50",
    "latency.due.p99",
    "latency.due.p999",
    "latency.sent.p99",
    "deliveries.lost_share",
    "rates.deliveries_per_s",
    "rates.wire_bytes_per_s",
    "compression.ratio",
    "server.cpu_us_per_delivery",
    "server.cpu_s",
    "server.rss_bytes_per_connection",
    "loadgen.cpu_us_per_delivery",
    "connect.p99",
];

/// A figure of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Its path in `run.json`.
    pub path: String,
}

impl Figure {
    /// All that are compared: the usual ones, then those of the expectations.
    pub fn compared<'e>(expected: impl Iterator<Item = &'e str>) -> Vec<Self> {
        let mut all: Vec<Self> = ALWAYS.iter().map(|path| Self { path: (*path).to_owned() }).collect();
        for path in expected {
            if all.iter().all(|figure| figure.path != path) {
                all.push(Self { path: path.to_owned() });
            }
        }
        all
    }

    /// Its value in a run, given as the JSON of `run.json`; `None`: no samples, or among the lost.
    #[must_use]
    pub fn of(&self, run: &Value) -> Option<f64> {
        self.path.split('.').try_fold(run, |at, key| at.get(key)).and_then(Value::as_f64)
    }

    /// Which way is good.
    #[must_use]
    pub fn better(&self) -> Better {
        let path = bare(&self.path);
        let higher = ["rates.publishes_per_s", "rates.deliveries_per_s", "rates.payload_bytes_per_s"].contains(&path)
            || ["compression.ratio", "deliveries.delivered", "connections.opened", "connections.opened_per_s"]
                .contains(&path);
        if higher { Better::Higher } else { Better::Lower }
    }
}

/// What a figure counts, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Microseconds.
    Time,
    /// Seconds, of a processor or of a clock.
    Seconds,
    /// 0 to 1.
    Share,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// Events a second.
    PerSecond,
    /// Anything else.
    Number,
}

impl Kind {
    /// Of the figure of this path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let figure = bare(path);
        let leaf = figure.rsplit('.').next().unwrap_or(figure);
        match unit_of(figure) {
            Unit::Time => Self::Time,
            Unit::Share => Self::Share,
            _ if leaf.starts_with("cpu_us_per_") => Self::Time,
            Unit::Bytes if leaf.ends_with("_per_s") => Self::BytesPerSecond,
            Unit::Bytes => Self::Bytes,
            Unit::Number if leaf.ends_with("_per_s") => Self::PerSecond,
            Unit::Number if leaf.ends_with("_s") => Self::Seconds,
            Unit::Number => Self::Number,
        }
    }
}

/// A figure's value with its unit.
#[must_use]
pub fn shown(path: &str, value: f64) -> String {
    match Kind::of(path) {
        // Costs of a delivery are below a microsecond more often than not.
        Kind::Time if value.abs() < 99.5 => format!("{} us", significant(value, 3)),
        Kind::Time => duration_us_exact(value),
        Kind::Seconds => format!("{} s", significant(value, 3)),
        Kind::Share => percent(value),
        Kind::Bytes => bytes(value),
        Kind::BytesPerSecond => format!("{}/s", bytes(value)),
        Kind::PerSecond => format!("{}/s", rate(value)),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number, not negative")]
        Kind::Number if value >= 0.0 && value.fract() == 0.0 => count(value as u64),
        Kind::Number => significant(value, 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_its_unit() {
        for (path, value, text) in [
            ("latency.due.p99", 12_340.0, "12.3 ms"),
            ("phases.steady.latency.due.p50", 81.2, "81.2 us"),
            ("server.cpu_us_per_delivery", 0.8412, "0.841 us"),
            ("server.cpu_s", 22.81, "22.8 s"),
            ("server.rss_bytes_per_connection", 124.0, "124 B"),
            ("rates.deliveries_per_s", 25_000.0, "25,000/s"),
            ("rates.wire_bytes_per_s", 3.0 * 1024.0 * 1024.0, "3 MiB/s"),
            ("deliveries.lost_share", 0.012, "1.2 %"),
            ("deliveries.lost", 1200.0, "1,200"),
            ("compression.ratio", 6.312, "6.31"),
        ] {
            assert_eq!(shown(path, value), text, "{path}");
        }
    }

    #[test]
    fn the_metrics_of_expectations_are_added_once() {
        let all = Figure::compared(["connect.p95", "latency.due.p99", "connect.p95"].into_iter());
        assert_eq!(all.len(), ALWAYS.len() + 1);
        assert_eq!(all[ALWAYS.len()].path, "connect.p95");
    }

    #[test]
    fn more_is_better_only_of_what_is_wanted() {
        let better = |path: &str| Figure { path: path.to_owned() }.better();
        assert_eq!(better("groups.phones.rates.deliveries_per_s"), Better::Higher);
        assert_eq!(better("compression.ratio"), Better::Higher);
        assert_eq!(better("rates.wire_bytes_per_s"), Better::Lower);
        assert_eq!(better("latency.due.p99"), Better::Lower);
    }
}
