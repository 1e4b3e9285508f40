//! A run as a level of load with what it cost the server.

use serde::Serialize;

use super::load::Load;
use crate::capacity::Trial;
use crate::result::Run;
use crate::way::Way;

/// Runs that lost more than this did not carry the load that they name.
const LOST: f64 = 0.01;
/// From this share of its cores on a server's CPU is full: it may write several messages at once, and what they cost is not seen any more.
pub(super) const FULL: f64 = 0.9;
/// Why a run or a search is not planned from in which no number of connections is that of the costs.
pub(super) const MOVES: &str = "its phases change its connections";

/// A level of load and its costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Observation {
    /// Where it is from: a run's directory, or a trial of a capacity search.
    pub source: String,
    /// The load.
    #[serde(flatten)]
    pub load: Load,
    /// How messages travelled.
    pub compression: Way,
    /// Bytes sent a second, frame headers included.
    pub wire_bytes_per_s: f64,
    /// Server CPU, 1 = one core busy.
    pub cpu: Option<f64>,
    /// Cores that the server had.
    pub cores: Option<u32>,
    /// Resident memory of the server at the end.
    pub rss_bytes: Option<f64>,
    /// Resident memory of the server before the first connection.
    pub rss_idle_bytes: Option<f64>,
    /// Kernel memory of all connections, both ends.
    pub kernel_bytes: Option<f64>,
    /// `latency.due.p99`, microseconds.
    pub p99: Option<f64>,
}

impl Observation {
    /// Whether the server had no CPU to spare, so that what it used does not say what the load costs.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.cpu.is_some_and(|cpu| cpu >= FULL * f64::from(self.cores.unwrap_or(1).max(1)))
    }

    /// Of a run; the reason in words where it is not to be planned from.
    pub(super) fn of_run(source: &str, run: &Run) -> Result<Self, &'static str> {
        if !run.validity.valid {
            return Err("not a valid measurement");
        }
        if run.interrupted || run.ended_early.is_some() {
            return Err("ended early");
        }
        if run.connections.refused + run.connections.failed + run.connections.closed > 0 {
            return Err("the server refused or dropped connections");
        }
        if run.deliveries.lost_share > LOST {
            return Err("more than 1 % of the deliveries were lost");
        }
        if run.moves_connections() {
            return Err(MOVES);
        }
        let server = run.server.as_ref();
        let connections = run.subscribers as f64;
        Ok(Self {
            source: source.to_owned(),
            load: Load {
                connections,
                rooms: (run.rooms > 0).then_some(run.rooms as f64),
                publishes_per_s: run.rates.publishes_per_s,
                deliveries_per_s: run.rates.deliveries_per_s,
                message_bytes: message_bytes(run.rates.payload_bytes_per_s, run.rates.deliveries_per_s),
            },
            compression: Way::of(&run.compression.negotiated),
            wire_bytes_per_s: run.rates.wire_bytes_per_s,
            cpu: server.map(|server| server.cpu_share),
            cores: server.map(|server| server.cores.max(1)),
            rss_bytes: server.map(|server| server.rss_bytes as f64),
            rss_idle_bytes: server.map(|server| server.rss_idle_bytes as f64),
            kernel_bytes: server.and_then(|server| Some(server.kernel_bytes_per_connection? * connections)),
            p99: run.latency.due.as_ref().and_then(|due| due.p99),
        })
    }

    /// Of a trial that held, with as many connections as it says all the time.
    pub(super) fn of_trial(source: &str, trial: &Trial) -> Option<Self> {
        use crate::analyse::search::Verdict;
        let held = trial.verdicts.values().any(|verdict| *verdict == Verdict::Held);
        if !trial.is_valid() || !held || trial.lost_share > LOST || trial.moves_connections {
            return None;
        }
        let connections = trial.connections as f64;
        Some(Self {
            source: format!("{source}, {}", if trial.run.is_empty() { "a trial" } else { &trial.run }),
            load: Load {
                connections,
                rooms: trial.rooms.map(|rooms| rooms as f64),
                publishes_per_s: trial.publishes_per_s,
                deliveries_per_s: trial.deliveries_per_s,
                message_bytes: trial.payload_bytes_per_s.and_then(|bytes| message_bytes(bytes, trial.deliveries_per_s)),
            },
            compression: Way::of(&trial.negotiated),
            wire_bytes_per_s: trial.wire_bytes_per_s,
            cpu: trial.server_cpu_share,
            cores: trial.server_cores,
            rss_bytes: trial.server_rss_bytes.map(|bytes| bytes as f64),
            rss_idle_bytes: trial.server_rss_idle_bytes.map(|bytes| bytes as f64),
            kernel_bytes: trial.kernel_bytes_per_connection.map(|each| each * connections),
            p99: trial.p99,
        })
    }
}

fn message_bytes(bytes_per_s: f64, deliveries_per_s: f64) -> Option<f64> {
    (deliveries_per_s > 0.0 && bytes_per_s > 0.0).then(|| bytes_per_s / deliveries_per_s)
}
