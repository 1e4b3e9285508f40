//! What server and load generator used, in all and second by second.

use serde::{Deserialize, Serialize};

use crate::tenths::Tenths;

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
