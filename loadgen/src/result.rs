//! A finished run, as it is written to `run.json` (schema 1). All durations are microseconds, all sizes bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::tenths::Tenths;

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
    /// measured phases; others have the path of their figures as their name (`connect`, `phases.NAME.latency.due`).
    pub histograms: BTreeMap<String, String>,
    /// Sentences about the run that belong in the report (no echo to the sender, proxy ignored, ...).
    pub notes: Vec<String>,
    /// What the server answered to whom it refused or closed: cause to count.
    pub errors: BTreeMap<String, u64>,
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
    /// `native` or `tungstenite`.
    pub client: String,
    /// `bundled`, `spawn` or `url`, and the address.
    pub target: String,
}

/// Whether the measurement is to be believed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Validity {
    /// No rule was broken.
    pub valid: bool,
    /// The rules that were broken.
    pub reasons: Vec<Reason>,
}

/// A broken validity rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// Its name, such as `schedule-lag`.
    pub rule: String,
    /// The figure, in words.
    pub figure: String,
    /// What to do about it.
    pub cure: String,
}

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
}

/// Percentiles; `None` where there is no such value (no samples, or it falls among the lost: so `max` is `None` as soon as
/// one is lost). `count` is what the percentiles are over, for `latency.due` all expected deliveries; `mean` is over what
/// arrived.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Quantiles {
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub p9999: Option<f64>,
    pub max: Option<f64>,
    pub mean: Option<f64>,
    pub count: u64,
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

/// Delivery latency.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Received less due, over *expected* deliveries; `None` in a closed loop.
    pub due: Option<Quantiles>,
    /// Received less sent, over what arrived.
    pub sent: Quantiles,
    /// Received less due, over what arrived (received less sent in a closed loop).
    pub arrived: Quantiles,
    /// Replayed after a resume.
    pub resumed: Quantiles,
    /// In echo mode, from a publish to its echo; in a closed loop, to the echo that frees its place.
    pub round_trip: Option<Quantiles>,
}

/// An observed feed, over the measured phases. A message is what anybody of its room received; the ledger says who missed it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// Messages, each counted once.
    pub messages: u64,
    /// Messages a second.
    pub messages_per_s: f64,
    /// Of the messages: with a timestamp within a minute of our clock.
    pub timed: u64,
    /// Of the messages: with a timestamp further away, which is in no latency.
    pub implausible: u64,
    /// Of the timed: with a timestamp later than their arrival, which counts as a latency of 0: the clocks differ.
    pub ahead: u64,
    /// By how much at most, microseconds: the least by which the clocks differ.
    pub ahead_most_us: u64,
    /// Of the messages: with a sequence number.
    pub numbered: u64,
    /// Jumps in the sequence numbers of a room: nobody here received what is between.
    pub gaps: u64,
    /// Numbers left out by these.
    pub gap_messages: u64,
    /// Sequence numbers no higher than the one before.
    pub went_back: u64,
    /// Received less the message's own timestamp, over expected deliveries (over those that arrived, where some messages have none);
    /// `None` without a timestamp. Never corrected: `clock` says how far it can be wrong.
    pub latency: Option<Quantiles>,
    /// How far the clocks can be apart; `None` without a timestamp.
    pub clock: Option<ClockBound>,
}

/// How far a latency between two clocks can be wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClockBound {
    /// The timestamps are of this machine's clock.
    pub same_host: bool,
    /// At most this, microseconds, either way; `None`: not known.
    pub error_us: Option<f64>,
    /// What the timestamp counts, microseconds: by up to this much latencies are too long.
    pub step_us: f64,
    /// In words.
    pub words: String,
}

/// Fan-out of a message over its subscribers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Spread {
    /// First subscriber, less sent, per message.
    pub first: Quantiles,
    /// Last subscriber, less sent, per message.
    pub last: Quantiles,
    /// Last less first, per message.
    pub last_less_first: Quantiles,
    /// Median subscriber less sent, over the sample.
    pub median: Quantiles,
    /// 99 % subscriber less sent, over the sample.
    pub p99: Quantiles,
    /// How many messages the sample has.
    pub sampled: u64,
}

/// The server's cost over the measured phases.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct ServerCost {
    pub pid: u32,
    pub cpu_s: f64,
    /// Share of one core, 1.0 = one core busy.
    pub cpu_share: f64,
    pub cores: u32,
    pub cpu_us_per_delivery: Option<f64>,
    /// Resident at the end of the measured phases.
    pub rss_bytes: u64,
    pub rss_peak_bytes: u64,
    /// Resident before the first connection.
    pub rss_idle_bytes: u64,
    pub rss_bytes_per_connection: Option<f64>,
    /// Kernel memory (slab and socket buffers, both ends) per connection.
    pub kernel_bytes_per_connection: Option<f64>,
    pub context_switches: u64,
    pub tcp_retransmits: u64,
    /// Processes that it consists of; what is said of CPU, memory and the like is their sum.
    #[serde(default)]
    pub processes: u32,
    /// Over the measured seconds, where they were sampled.
    #[serde(default)]
    pub by_second: ServerSeconds,
    /// The server's own counters (`/stats`), where it has any.
    pub stats: Option<serde_json::Value>,
}

/// A figure of one second, over the measured seconds; `None` where none was sampled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Half of the seconds had at most this.
    pub median: Option<f64>,
    /// The highest of all.
    pub max: Option<f64>,
}

/// The server second by second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct ServerSeconds {
    /// Share of one core, 1.0 = one core busy.
    pub cpu_share: Level,
    pub rss_bytes: Level,
    pub threads: Level,
    pub descriptors: Level,
    /// A second.
    pub context_switches: Level,
    /// All its connections together.
    pub send_queue_bytes: Level,
    /// The fullest one.
    pub send_queue_max_bytes: Level,
}

/// The load generator second by second.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct LoadgenSeconds {
    /// Share of one core, 1.0 = one core busy.
    pub cpu_share: Level,
    pub rss_bytes: Level,
    pub descriptors: Level,
}

/// The load generator's cost over the measured phases.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct LoadgenCost {
    pub cpu_s: f64,
    pub cpu_share: f64,
    pub cores: u32,
    pub cpu_us_per_delivery: Option<f64>,
    pub cpu_us_per_read: Option<f64>,
    /// CPU time of decompressing, part of `cpu_s`; after the first 1,024 messages measured by a sample of one in 17.
    pub inflate_cpu_s: f64,
    /// Messages decompressed, once for all connections that received the same bytes.
    #[serde(default)]
    pub inflated: u64,
    pub rss_bytes: u64,
    pub rss_peak_bytes: u64,
    pub rss_idle_bytes: u64,
    pub rss_bytes_per_connection: Option<f64>,
    pub reads: u64,
    pub workers: u32,
    /// Processes beside the one that led the run; 0: it had all workers itself.
    #[serde(default)]
    pub agents: u32,
    /// Over the measured seconds.
    #[serde(default)]
    pub by_second: LoadgenSeconds,
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

/// One second of the run. What is of the server is `None` where its processes are not known; what is sampled apart (from
/// `server_threads` on) was read at most once, shortly before the interval's end, and is `None` where nothing new was read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Interval {
    /// Seconds from the start of the first phase, at the interval's end.
    pub at_s: f64,
    /// How long it was, seconds: what counts are divided by to give rates. 0 in runs of older versions: take 1.
    #[serde(default)]
    pub length_s: f64,
    pub phase: String,
    /// Open at the end.
    pub connections: u64,
    /// Handshakes begun by connections that came back.
    #[serde(default)]
    pub handshakes: u64,
    /// Publishes that fell due; in a closed loop those sent.
    #[serde(default)]
    pub publishes_due: u64,
    /// Publishes handed to the socket.
    pub publishes: u64,
    pub deliveries: u64,
    /// As received, headers included.
    pub bytes: u64,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
    /// How late fanout itself sent, 99 %.
    #[serde(default)]
    pub schedule_lag_p99: Option<f64>,
    /// How long deliveries waited for fanout's turn, 99 %.
    #[serde(default)]
    pub read_age_p99: Option<f64>,
    pub server_cpu_s: Option<f64>,
    pub server_rss_bytes: Option<u64>,
    pub loadgen_cpu_s: f64,
    pub loadgen_rss_bytes: u64,
    #[serde(default)]
    pub server_threads: Option<u64>,
    #[serde(default)]
    pub server_descriptors: Option<u64>,
    /// Within the interval.
    #[serde(default)]
    pub server_context_switches: Option<u64>,
    /// Written by the server and not yet acknowledged, all its connections together.
    #[serde(default)]
    pub server_send_queue_bytes: Option<u64>,
    /// The fullest of these queues.
    #[serde(default)]
    pub server_send_queue_max_bytes: Option<u64>,
    /// Received and not yet read by the server, all its connections together.
    #[serde(default)]
    pub server_receive_queue_bytes: Option<u64>,
    #[serde(default)]
    pub loadgen_descriptors: Option<u64>,
    /// Within the interval.
    #[serde(default)]
    pub loadgen_context_switches: Option<u64>,
    /// TCP segments sent again within the interval, of the whole machine.
    #[serde(default)]
    pub tcp_retransmits: Option<u64>,
    /// Memory in the buffers of all TCP sockets of the machine.
    #[serde(default)]
    pub tcp_memory_bytes: Option<u64>,
    /// How the latencies of what arrived are spread, in ten steps a decade; empty in runs that are older than this field.
    #[serde(default, skip_serializing_if = "Tenths::is_empty")]
    pub arrivals: Tenths,
}

/// A threshold and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ThresholdResult {
    /// Metric path, such as `latency.due.p99`.
    pub metric: String,
    /// Expression, such as `< 50ms`.
    pub expr: String,
    /// Measured value; `None`: no samples, or it falls among the lost. With `over_s`, that of the worst window.
    pub value: Option<f64>,
    /// Whether it held. One that was skipped did not fail the run either: see `skipped`.
    pub pass: bool,
    /// What the value was compared with, in the metric's unit; `None`: not known, or an older version wrote this.
    #[serde(default)]
    pub limit: Option<f64>,
    /// The same figure of the baseline, where the expression names it.
    #[serde(default)]
    pub baseline: Option<f64>,
    /// Not judged, for the reason in `why`.
    #[serde(default)]
    pub skipped: bool,
    /// Why it was not judged, or what a required baseline lacks.
    #[serde(default)]
    pub why: Option<String>,
    /// Seconds of the windows in each of which it must hold; `None`: the whole run, or phase, at once.
    #[serde(default)]
    pub over_s: Option<u32>,
    /// The first window that broke it (with `abort` and without windows: all from 0 s until then).
    #[serde(default)]
    pub broken: Option<BrokenWindow>,
}

impl ThresholdResult {
    /// Metric and expression, and never a value: `latency.due.p99 < 80ms in every 10 s`.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { metric, expr, .. } = self;
        match self.over_s {
            Some(seconds) => format!("{metric} {expr} in every {seconds} s"),
            None => format!("{metric} {expr}"),
        }
    }
}

/// A window in which a threshold did not hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BrokenWindow {
    /// Its begin, seconds from the start of the first phase.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// The figure in it; `None`: nothing arrived though something was published.
    pub value: Option<f64>,
}

/// The earlier run that thresholds were compared with. One run against one is a tripwire, not a verdict.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ComparedWith {
    /// Where it is, as it was named.
    pub path: String,
    /// RFC 3339 UTC, when it began.
    pub started: String,
    /// Its git revision, where known.
    pub git: Option<String>,
    /// Why it could not be used; `None`: it was.
    pub unused: Option<String>,
}
