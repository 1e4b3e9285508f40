//! Which figures of a run an objective may name.
//!
//! The list is taken from the result types themselves, so a figure that is added to `run.json` can be named at once.

use serde_json::{Map, Value, json};

use super::expression::Unit;
use crate::result::{
    Compression, Connections, Deliveries, Figures, HttpPublishes, Latency, LoadgenCost, Observed, Publishes, Quantiles,
    Rates, Reconnect, ServerCost, Spread,
};

/// A figure of `run.json` that an objective may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Path in `run.json`, such as `phases.goal.latency.due.p99`.
    pub path: String,
    /// What its values are.
    pub unit: Unit,
}

/// A name that is no figure of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// Not in `run.json`.
    #[error("unknown metric `{metric}`{}", .nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// As written.
        metric: String,
        /// The known one that is most like it.
        nearest: Option<String>,
    },
    /// `groups.X` or `phases.X` where there is no X.
    #[error("`{metric}`: the scenario has no {kind} named `{name}`; it has {known}")]
    Element {
        /// As written.
        metric: String,
        /// `group of connections` or `phase`.
        kind: &'static str,
        /// What is not there.
        name: String,
        /// What is.
        known: String,
    },
}

impl Metric {
    /// Looks a metric up, given the names of the scenario's groups of connections and phases.
    ///
    /// # Errors
    /// A name that is no figure of such a run, with the nearest that is.
    pub fn find(path: &str, groups: &[&str], phases: &[&str]) -> Result<Self, MetricError> {
        let part = |kind, names: &[&str], rest: &str| -> Result<String, MetricError> {
            let (name, figure) = rest.split_once('.').unwrap_or((rest, ""));
            if names.contains(&name) {
                return Ok(figure.to_owned());
            }
            Err(MetricError::Element {
                metric: path.to_owned(),
                kind,
                name: name.to_owned(),
                known: names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "),
            })
        };
        let (figure, known, prefix) = if let Some(rest) = path.strip_prefix("groups.") {
            let figure = part("group of connections", groups, rest)?;
            (figure, part_metrics(), &path[..path.len() - rest.len() + rest.find('.').map_or(rest.len(), |i| i + 1)])
        } else if let Some(rest) = path.strip_prefix("phases.") {
            let figure = part("phase", phases, rest)?;
            let mut known = part_metrics();
            known.push("server_cpu_s".to_owned());
            (figure, known, &path[..path.len() - rest.len() + rest.find('.').map_or(rest.len(), |i| i + 1)])
        } else {
            (path.to_owned(), known_metrics(), "")
        };
        if known.contains(&figure) {
            return Ok(Self { path: path.to_owned(), unit: unit_of(&figure) });
        }
        let nearest = known
            .iter()
            .map(|name| (strsim::jaro_winkler(name, &figure), name))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(likeness, _)| *likeness > 0.75)
            .map(|(_, name)| format!("{prefix}{name}"));
        Err(MetricError::Unknown { metric: path.to_owned(), nearest })
    }

    /// Whether it is about arrival after due time, which a closed loop has not.
    pub fn needs_due_times(&self) -> bool {
        self.path.contains("latency.due.")
            || self.path.contains("schedule_lag.")
            || self.path.ends_with("publishes_asked_per_s")
    }

    /// Whether it has no value where nothing is published.
    pub fn needs_messages(&self) -> bool {
        [
            "latency.",
            "schedule_lag.",
            "read_age.",
            "spread.",
            "compression.ratio",
            "cpu_us_per_delivery",
            "cpu_us_per_read",
        ]
        .iter()
        .any(|part| self.path.contains(part))
    }
}

/// Every top-level metric; those of `groups.NAME.` and `phases.NAME.` are named the same, as far as they apply.
pub fn known_metrics() -> Vec<String> {
    let whole = json!({
        "elapsed_s": 0.0,
        "connections": Connections::default(),
        "connect": Quantiles::default(),
        "connect_tcp": Quantiles::default(),
        "connect_tls": Quantiles::default(),
        "connect_join": Quantiles::default(),
        "connect_upgrade": Quantiles::default(),
        "read_age": Quantiles::default(),
        "spread": Spread::default(),
        "http": HttpPublishes::default(),
        "observe": Observed { latency: Some(Quantiles::default()), ..Observed::default() },
        "server": ServerCost::default(),
        "loadgen": LoadgenCost::default(),
    });
    let mut all = leaves(&whole);
    all.extend(part_metrics().into_iter().filter(|name| name != "subscribers"));
    all.sort();
    all
}

fn part_metrics() -> Vec<String> {
    let latency =
        Latency { due: Some(Quantiles::default()), round_trip: Some(Quantiles::default()), ..Latency::default() };
    let figures = Figures {
        publishes: Publishes::default(),
        deliveries: Deliveries::default(),
        rates: Rates::default(),
        compression: Compression::default(),
        reconnect: Reconnect::default(),
        latency,
        ..Figures::default()
    };
    leaves(&json!(figures))
}

/// Paths of all numbers (and nulls, which may be numbers); maps that are filled while running are empty here.
pub(super) fn leaves(value: &Value) -> Vec<String> {
    fn walk(prefix: &str, table: &Map<String, Value>, found: &mut Vec<String>) {
        for (key, value) in table {
            let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                Value::Object(inner) => walk(&path, inner, found),
                Value::Number(_) | Value::Null if !matches!(key.as_str(), "pid" | "stats") => found.push(path),
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    if let Value::Object(table) = value {
        walk("", table, &mut found);
    }
    found
}

/// A metric without `groups.NAME.` and `phases.NAME.`.
pub fn bare(path: &str) -> &str {
    let rest = path.strip_prefix("groups.").or_else(|| path.strip_prefix("phases."));
    rest.and_then(|rest| rest.split_once('.')).map_or(path, |(_, figure)| figure)
}

/// What the values of a figure are, whose path is without `groups.NAME.` and `phases.NAME.`.
pub fn unit_of(figure: &str) -> Unit {
    // The levels of a second's figure are in its own unit.
    let figure = match figure.rsplit_once('.') {
        Some((of, "median" | "max")) if of.contains(".by_second.") => of,
        _ => figure,
    };
    let (parent, leaf) = figure.rsplit_once('.').unwrap_or(("", figure));
    let times = [
        "latency",
        "connect",
        "connect_tcp",
        "connect_tls",
        "connect_upgrade",
        "connect_join",
        "schedule_lag",
        "read_age",
        "spread",
        "http",
    ];
    let first = parent.split('.').next().unwrap_or("");
    let waits = first == "reconnect"
        && (leaf.starts_with('p') || leaf.starts_with("back_") || leaf == "max")
        && leaf != "peak_per_s";
    let observed = parent == "observe.latency" || figure == "observe.ahead_most_us";
    if waits || ((times.contains(&first) || observed) && !matches!(leaf, "count" | "sampled")) {
        Unit::Time
    } else if leaf.ends_with("_share") {
        Unit::Share
    } else if leaf.contains("bytes") {
        Unit::Bytes
    } else {
        Unit::Number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_metrics_are_known() {
        for path in [
            "latency.due.p99",
            "latency.due.p9999",
            "latency.round_trip.p50",
            "deliveries.lost",
            "deliveries.lost_share",
            "connect.p95",
            "connections.refused",
            "server.cpu_us_per_delivery",
            "server.rss_bytes_per_connection",
            "loadgen.cpu_s",
            "rates.publishes_per_s",
            "compression.ratio",
            "groups.phones.compression.wire_bytes",
            "reconnect.back_99",
            "phases.goal.reconnect.p99",
            "deliveries.missed",
            "schedule_lag.p99",
            "spread.last.max",
            "groups.phones.deliveries.lost",
            "phases.goal.latency.due.p99",
            "phases.goal.server_cpu_s",
        ] {
            Metric::find(path, &["phones"], &["goal"]).unwrap();
        }
    }

    #[test]
    fn an_unknown_metric_names_the_nearest() {
        let said = |path| Metric::find(path, &["phones", "slow"], &["goal"]).unwrap_err().to_string();
        assert_eq!(said("latency.due.p98"), "unknown metric `latency.due.p98`; did you mean `latency.due.p99`?");
        assert_eq!(said("deliveries.lots"), "unknown metric `deliveries.lots`; did you mean `deliveries.lost`?");
        assert_eq!(
            said("phases.goal.delivery.lost"),
            "unknown metric `phases.goal.delivery.lost`; did you mean `phases.goal.deliveries.lost`?"
        );
        assert_eq!(said("qqq"), "unknown metric `qqq`");
        assert_eq!(
            said("groups.tablets.deliveries.lost"),
            "`groups.tablets.deliveries.lost`: the scenario has no group of connections named `tablets`; it has `phones`, `slow`"
        );
        assert_eq!(
            said("phases.gaol.deliveries.lost"),
            "`phases.gaol.deliveries.lost`: the scenario has no phase named `gaol`; it has `goal`"
        );
    }

    #[test]
    fn a_metric_of_a_table_is_no_metric() {
        for path in ["latency.due", "groups.phones", "", "server.pid", "validity.valid"] {
            assert!(Metric::find(path, &["phones"], &[]).is_err(), "{path}");
        }
    }
}
