//! A finished run, as it is written to `run.json` (schema 1). All durations are microseconds, all sizes bytes.

mod costs;
mod counts;
mod judgement;
mod timing;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use costs::{Interval, Level, LoadgenCost, LoadgenSeconds, ServerCost, ServerSeconds};
pub use counts::{
    AddressConnections, Compression, Connections, Deliveries, HttpPublishes, Publishes, Rates, Reconnect,
};
pub use judgement::{BrokenWindow, ComparedWith, Reason, ThresholdResult, Validity};
pub use timing::{ClockBound, Latency, Observed, Quantiles, Spread};

/// A finished run. Top-level figures cover measured phases only; [`Run::phases`] has all.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Run {
    /// Version of this format: 1.
    pub schema: u32,
    /// RFC 3339 UTC, when the run began.
    pub started: String,
    /// Seconds from the first connection to the end of drain.
    pub elapsed_s: f64,
    /// Whether Ctrl-C or SIGTERM cut it short.
    pub interrupted: bool,
    /// Why the run ended early, in a sentence; `None` when it ran to its end.
    pub ended_early: Option<String>,
    /// Resolved, redacted.
    pub scenario: serde_json::Value,
    /// Where it ran.
    pub environment: Environment,
    /// Whether the measurement is to be believed.
    pub validity: Validity,
    /// What was wrong with the attempts before this one, first to last, which were invalid and were made again (`--retries`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invalid_before: Vec<Validity>,
    /// Every threshold held, nothing dropped by the server, measurement valid.
    pub passed: bool,
    /// Connections that are to receive, all groups together.
    #[serde(default)]
    pub subscribers: u64,
    /// Rooms that have subscribers.
    #[serde(default)]
    pub rooms: u64,
    /// What happened to connections.
    pub connections: Connections,
    /// Connections that came back.
    #[serde(default)]
    pub reconnect: Reconnect,
    /// TCP + TLS + upgrade time.
    pub connect: Quantiles,
    /// TCP time alone.
    pub connect_tcp: Quantiles,
    /// TLS time alone, of connections that have it.
    #[serde(default)]
    pub connect_tls: Quantiles,
    /// Upgrade time alone.
    pub connect_upgrade: Quantiles,
    /// Time from the upgrade until a dialect's join was confirmed; not part of `connect`.
    #[serde(default)]
    pub connect_join: Quantiles,
    /// Publishes.
    pub publishes: Publishes,
    /// Publishes over HTTP, of all phases; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpPublishes>,
    /// The ledger.
    pub deliveries: Deliveries,
    /// Per second, over the measured phases.
    pub rates: Rates,
    /// A feed that we do not publish; `None` in the other modes.
    #[serde(default)]
    pub observe: Option<Observed>,
    /// Compression: what was agreed on, and what it saved.
    #[serde(default)]
    pub compression: Compression,
    /// Delivery latency.
    pub latency: Latency,
    /// How late the load generator itself sent, while the socket was writable.
    pub schedule_lag: Quantiles,
    /// Age of the last return from `epoll_wait` when a delivery was recorded.
    pub read_age: Quantiles,
    /// Last less first subscriber, per message, and a sample's median and 99 %.
    pub spread: Spread,
    /// The server's cost; `None` where its process is not known.
    pub server: Option<ServerCost>,
    /// The load generator's cost.
    pub loadgen: LoadgenCost,
    /// By group of subscribers: the same figures.
    pub groups: BTreeMap<String, Figures>,
    /// By phase: the same figures.
    pub phases: BTreeMap<String, PhaseFigures>,
    /// One a second, from the first phase on.
    pub intervals: Vec<Interval>,
    /// Thresholds and what came of them.
    pub thresholds: Vec<ThresholdResult>,
    /// The earlier run that some of them compare with, where one was given.
    #[serde(default)]
    pub baseline: Option<ComparedWith>,
    /// HdrHistogram V2, base64, of what percentiles were made of: `due` (not in a closed loop) and `sent` are of what arrived in the
    /// measured phases; others have the path of their figures as their name (`connect`, `phases.NAME.latency.due`). Of returns there
    /// are two: `reconnect.first` has the times until the first message, `reconnect.back` those until connections were open again.
    pub histograms: BTreeMap<String, String>,
    /// Sentences about the run that belong in the report (no echo to the sender, proxy ignored, ...).
    pub notes: Vec<String>,
    /// What the server answered to whom it refused or closed: cause to count.
    pub errors: BTreeMap<String, u64>,
}

impl Run {
    /// Whether phases make its connections more or fewer, so that no one number of them is that of the run.
    #[must_use]
    pub fn moves_connections(&self) -> bool {
        let phases = self.scenario.get("phases").and_then(serde_json::Value::as_array).into_iter().flatten();
        phases.filter_map(|phase| phase.get("connections")).any(|count| !count.is_null())
    }
}

/// Where a run ran.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Environment {
    pub fanout: String,
    pub kernel: String,
    pub cpu: String,
    pub cores: u32,
    pub memory_bytes: u64,
    pub limits: BTreeMap<String, u64>,
    pub versions: BTreeMap<String, String>,
    /// Git revision of the working directory, which need not be fanout's own.
    pub git: Option<String>,
    /// CPUs of the server under test, where we pinned it.
    pub server_cpus: Option<Vec<usize>>,
    /// CPUs of the load generator.
    pub loadgen_cpus: Vec<usize>,
    /// CPUs that were kept from sleeping (`--keep-awake`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awake_cpus: Vec<usize>,
    /// `native` or `tungstenite`.
    pub client: String,
    /// `bundled`, `spawn` or `url`, and the address.
    pub target: String,
    /// The kernel's name for this boot of the machine: runs that have the same one share a clock. Empty in runs of older versions.
    #[serde(default)]
    pub boot: String,
}

/// Figures of a part of the run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Figures {
    pub publishes: Publishes,
    pub deliveries: Deliveries,
    pub rates: Rates,
    #[serde(default)]
    pub compression: Compression,
    #[serde(default)]
    pub reconnect: Reconnect,
    pub latency: Latency,
    pub schedule_lag: Quantiles,
    /// Subscribers in it.
    pub subscribers: u64,
    /// How many of them ended before the run did, whenever that was; `None` for a phase.
    #[serde(default)]
    pub closed: Option<u64>,
}

/// Figures of a phase.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct PhaseFigures {
    /// Whether it counts in the top-level figures.
    pub measure: bool,
    /// From the start of the first phase.
    pub start_s: f64,
    /// How long it lasted.
    pub length_s: f64,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// The server's CPU over the phase, where known.
    pub server_cpu_s: Option<f64>,
}
