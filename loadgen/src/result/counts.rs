//! What was counted: connections, publishes, deliveries, bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Quantiles;

/// What happened to connections (subscribers and separate publishers).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Connections {
    /// Asked for.
    pub asked: u64,
    /// Upgraded.
    pub opened: u64,
    /// Answered with something else than 101.
    pub refused: u64,
    /// Did not open for another reason than an answer: no connection, no answer, one that is no WebSocket's, or something
    /// of our own that ran out.
    pub failed: u64,
    /// Ended before the run did, by the server or the network, and by no restart or cut of the scenario's.
    pub closed: u64,
    /// Ended before the run did as the scenario wanted it; one that comes back can do so several times.
    #[serde(default)]
    pub left: u64,
    /// `churn`, `shrink`, `cut`, `restart`.
    #[serde(default)]
    pub left_by: BTreeMap<String, u64>,
    /// HTTP status of refusals.
    pub refused_by_status: BTreeMap<String, u64>,
    /// Causes of failures.
    pub failed_by_cause: BTreeMap<String, u64>,
    /// `server 1013` (its close code), `server close without a code`, `server eof` (the end of the stream without a close
    /// frame), `server reset`, `server protocol error` (some with what it was), `network: ...`.
    pub closed_by: BTreeMap<String, u64>,
    /// The same by address of the server, where it has several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<String, AddressConnections>,
    /// Of `opened`, those that joined while phases ran, because a phase grew.
    #[serde(default)]
    pub joined_late: u64,
    /// Seconds the ramp took.
    pub ramp_s: f64,
    /// Opened a second over the ramp.
    pub opened_per_s: f64,
    /// Most open at once.
    pub peak: u64,
}

/// What happened to the connections of one of several addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct AddressConnections {
    pub opened: u64,
    pub refused: u64,
    pub failed: u64,
    pub closed: u64,
}

/// Subscribers' connections that ended and came back, in the phases in which they ended. Times in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reconnect {
    /// Returns.
    pub count: u64,
    /// Were to come back and had not when the run ended.
    pub away: u64,
    /// From the end of a connection to the first message after its return: half of the returns took no longer.
    pub p50: Option<f64>,
    /// 99 % of them.
    pub p99: Option<f64>,
    /// All of them.
    #[serde(default)]
    pub max: Option<f64>,
    /// Connections that a cut or a restart ended.
    pub cut: u64,
    /// From the cut or the restart until half of those that it ended were open again; `None` where that never was.
    pub back_50: Option<f64>,
    /// 99 % of them.
    pub back_99: Option<f64>,
    /// All of them.
    pub back_all: Option<f64>,
    /// Handshakes a second in the busiest tenth of a second; of the whole run only.
    pub peak_per_s: Option<f64>,
    /// Of `count`: they asked for what they had missed, and the server replayed it.
    pub resumed: u64,
    /// Answers that there was nothing to resume from (close code 4001).
    pub resume_refused: u64,
    /// Tries to come back that failed, and were followed by a longer wait.
    pub failed_tries: u64,
    /// Handshakes begun, `[tenth, how many]`: the tenth of a second, counted from the start of the first phase, in order. Those without
    /// any are left out; of the whole run only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handshakes_by_tenth: Vec<[u32; 2]>,
}

impl Reconnect {
    /// Handshakes a second in the busiest tenth of these.
    #[must_use]
    pub fn busiest(handshakes_by_tenth: &[[u32; 2]]) -> Option<f64> {
        handshakes_by_tenth.iter().map(|[_, n]| f64::from(*n) * 10.0).max_by(f64::total_cmp)
    }

    /// Whether nothing left and nothing came back.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Publishes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Publishes {
    /// By the schedule; in a closed loop equal to `sent`.
    pub due: u64,
    /// Handed to the socket.
    pub sent: u64,
    /// Left out because their publisher was away by plan; not among those due.
    #[serde(default)]
    pub away: u64,
}

/// Publishes over HTTP. Those answered with a status of 200 to 299 are sent, the others are not.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct HttpPublishes {
    /// By the status of their answers.
    pub answers: BTreeMap<String, u64>,
    /// That came to nothing, by cause.
    pub failed: BTreeMap<String, u64>,
    /// From writing the request to the end of its answer.
    pub answer: Quantiles,
}

/// The ledger. `expected = delivered + corrupted + lost`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Deliveries {
    pub expected: u64,
    pub delivered: u64,
    pub lost: u64,
    pub lost_share: f64,
    pub duplicated: u64,
    pub reordered: u64,
    pub corrupted: u64,
    /// Published while their connection was away by plan, and not replayed to it.
    pub missed: u64,
    /// Possibly in flight when their connection left by plan.
    pub unaccountable: u64,
    /// Something that the server itself says: no message of this run; outside the sum.
    pub foreign: u64,
    /// Replayed messages equal to another within the reorder window.
    pub ambiguous: u64,
    /// Of `delivered`: frames that were counted and not decompressed (`inflate` below "all"). What they held is not known, so none of
    /// them is corrupted, out of order, or in a latency; a phase gets as many as it expected, the earliest first.
    #[serde(default)]
    pub counted: u64,
    /// Of `delivered`: replayed to connections that came back, published before they did. They are in `latency.resumed` only.
    #[serde(default)]
    pub resumed: u64,
}

/// Per second, over the measured phases.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Rates {
    /// By the schedule; `None` in a closed loop.
    pub publishes_asked_per_s: Option<f64>,
    pub publishes_per_s: f64,
    pub deliveries_per_s: f64,
    /// After decompression; frames that were only counted are not in it.
    pub payload_bytes_per_s: f64,
    /// As received, headers included.
    pub wire_bytes_per_s: f64,
    /// Messages a socket read carried, on average.
    pub deliveries_per_read: f64,
}

/// Compression of what was delivered, over the measured phases. Frame headers are included in all but `payload_bytes`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Compression {
    /// Connections of subscribers by what they agreed on: `off`, or `standalone` (each message by itself) or `context` (messages refer
    /// to earlier ones) with the bits of the server's window: `context/15`.
    pub negotiated: BTreeMap<String, u64>,
    /// Payload, after decompression.
    pub payload_bytes: u64,
    /// What the same messages would have taken as plain frames.
    pub plain_bytes: u64,
    /// What they took.
    pub wire_bytes: u64,
    /// `plain_bytes` / `wire_bytes`; `None` without deliveries.
    pub ratio: Option<f64>,
    /// Frames that were counted and not decompressed; in none of the other figures here.
    pub counted_bytes: u64,
}
