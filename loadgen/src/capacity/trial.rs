//! What is kept of a run of a capacity search: enough to take the search up again, and for every figure of its report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::cause::Cause;
use crate::analyse::search::{self, Length, Verdict};
use crate::result::Run;
use crate::thresholds::shown;

/// A trial, a line of `trials.jsonl`. Times in microseconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The load that was asked for.
    pub load: f64,
    /// How long it was.
    pub length: Length,
    /// What it says about each objective, by name.
    pub verdicts: BTreeMap<String, Verdict>,
    /// RFC 3339, when it began.
    pub started: String,
    /// Seconds that it took in all.
    pub took_s: f64,
    /// Directory of its run, beside `trials.jsonl`.
    pub run: String,
    /// Subscribers.
    pub connections: u64,
    /// Reached.
    pub publishes_per_s: f64,
    /// Reached.
    pub deliveries_per_s: f64,
    /// Received, headers included.
    pub wire_bytes_per_s: f64,
    /// Share of expected deliveries that were lost.
    pub lost_share: f64,
    /// `latency.due`; `None` where it falls among the lost, or in a closed loop.
    pub p50: Option<f64>,
    /// As `p50`.
    pub p99: Option<f64>,
    /// Share of one core; `None` where the server's process is not known.
    pub server_cpu_share: Option<f64>,
    /// The server's resident memory at the end.
    pub server_rss_bytes: Option<u64>,
    /// The kernel's memory for a connection, both ends.
    pub kernel_bytes_per_connection: Option<f64>,
    /// Share of one core.
    pub loadgen_cpu_share: f64,
    /// What gave way, where something did.
    pub cause: Option<Cause>,
    /// Rooms; what follows is `None` or empty in searches of older versions.
    #[serde(default)]
    pub rooms: Option<u64>,
    /// Payload received, after decompression.
    #[serde(default)]
    pub payload_bytes_per_s: Option<f64>,
    /// What connections agreed on about compression, as in `run.json`.
    #[serde(default)]
    pub negotiated: BTreeMap<String, u64>,
    /// Cores that the server had.
    #[serde(default)]
    pub server_cores: Option<u32>,
    /// The server's resident memory before the first connection.
    #[serde(default)]
    pub server_rss_idle_bytes: Option<u64>,
    /// Whether its phases made its connections more or fewer: `connections` is then the most there were.
    #[serde(default)]
    pub moves_connections: bool,
    /// The thresholds that did not hold.
    #[serde(default)]
    pub missed: Vec<Missed>,
}

/// A threshold that did not hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Missed {
    /// Metric and expression, such as `latency.due.p99 < 50ms`.
    pub threshold: String,
    /// What it was, with its unit; `None` where the figure does not exist, as of a percentile among the lost.
    pub was: Option<String>,
}

impl Missed {
    fn of(run: &Run) -> Vec<Self> {
        let missed = run.thresholds.iter().filter(|threshold| !threshold.pass);
        missed
            .map(|of| Self {
                threshold: format!("{} {}", of.metric, of.expr),
                was: of.value.map(|value| shown(&of.metric, value)),
            })
            .collect()
    }
}

impl Trial {
    /// What is kept of a run.
    #[must_use]
    pub fn of(run: &Run, load: f64, length: Length, verdicts: BTreeMap<String, Verdict>, directory: String) -> Self {
        let due = run.latency.due.as_ref();
        let server = run.server.as_ref();
        let held = verdicts.values().all(|verdict| *verdict == Verdict::Held);
        Self {
            load,
            length,
            cause: (!held).then(|| Cause::of(run)),
            verdicts,
            started: run.started.clone(),
            took_s: run.elapsed_s,
            run: directory,
            connections: run.subscribers,
            publishes_per_s: run.rates.publishes_per_s,
            deliveries_per_s: run.rates.deliveries_per_s,
            wire_bytes_per_s: run.rates.wire_bytes_per_s,
            lost_share: run.deliveries.lost_share,
            p50: due.and_then(|due| due.p50),
            p99: due.and_then(|due| due.p99),
            server_cpu_share: server.map(|server| server.cpu_share),
            server_rss_bytes: server.map(|server| server.rss_bytes),
            kernel_bytes_per_connection: server.and_then(|server| server.kernel_bytes_per_connection),
            loadgen_cpu_share: run.loadgen.cpu_share,
            rooms: (run.rooms > 0).then_some(run.rooms),
            payload_bytes_per_s: Some(run.rates.payload_bytes_per_s),
            negotiated: run.compression.negotiated.clone(),
            server_cores: server.map(|server| server.cores),
            server_rss_idle_bytes: server.map(|server| server.rss_idle_bytes),
            moves_connections: run.moves_connections(),
            missed: Missed::of(run),
        }
    }

    /// What it says about one objective; `None`: it was made before there was one of this name.
    #[must_use]
    pub fn of_objective(&self, name: &str) -> Option<search::Trial> {
        let verdict = *self.verdicts.get(name)?;
        Some(search::Trial { load: self.load, length: self.length, verdict })
    }

    /// Objectives by the names that this version has: what was `earlier` becomes `now`.
    pub fn rename(&mut self, earlier: &str, now: &str) {
        if let Some(verdict) = self.verdicts.remove(earlier) {
            self.verdicts.insert(now.to_owned(), verdict);
        }
    }

    /// What it says about all objectives together: invalid, or broke where one did.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let any = |which| self.verdicts.values().any(|verdict| *verdict == which);
        if any(Verdict::Invalid) {
            Verdict::Invalid
        } else if any(Verdict::Broke) {
            Verdict::Broke
        } else {
            Verdict::Held
        }
    }

    /// What came of it, in words, with the figure that shows why.
    #[must_use]
    pub fn said(&self) -> String {
        let figure = || self.cause.as_ref().map(|cause| cause.figure.clone()).unwrap_or_default();
        let was = |missed: &Missed| format!("{} was {}", missed.threshold, missed.was.as_deref().unwrap_or("never"));
        match self.verdict() {
            Verdict::Held => "held".to_owned(),
            Verdict::Broke if self.missed.is_empty() => format!("broke: {}", figure()),
            Verdict::Broke => format!("broke: {}", self.missed.iter().map(was).collect::<Vec<_>>().join("; ")),
            Verdict::Invalid => format!("invalid, which says nothing about the server: {}", figure()),
        }
    }

    /// Whether its figures are to be believed.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.verdicts.values().all(|verdict| *verdict != Verdict::Invalid)
    }
}
