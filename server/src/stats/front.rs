//! What is not the shards': accepting, requests, the process.

use std::collections::BTreeMap;

use serde::Serialize;

use super::shard::ShardReport;

/// What the kernel says of this process.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Process {
    /// Seconds of CPU time, user and system.
    pub cpu_s: f64,
    /// Resident memory.
    pub rss_bytes: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// How many may be open.
    pub max_descriptors: u64,
}

/// Everything that is known at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Since the start, in seconds.
    pub uptime_s: f64,
    /// Whether connections are taken.
    pub service: Service,
    /// The control thread's part.
    pub front: Front,
    /// The kernel's part.
    pub process: Process,
    /// Each running shard's part, with its number.
    pub shards: Vec<(usize, ShardReport)>,
}

/// The control thread's counters.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Front {
    /// Connections accepted, for WebSocket or not.
    pub accepted: u64,
    /// Upgrades and requests refused, by HTTP status.
    pub refused: BTreeMap<u16, u64>,
    /// Failures to accept.
    pub accept_errors: u64,
    /// Connections that ended, or ran out of time, before their request was answered.
    pub handshake_failures: u64,
    /// TLS handshakes that failed; also counted as handshake failures.
    pub tls_failures: u64,
    /// Connections closed unheard, because too many were waiting to be heard.
    pub turned_away: u64,
    /// Requests whose `X-Forwarded-For` did not tell the client's address, where proxies are trusted.
    pub forwarded_unusable: u64,
    /// Times that certificate, key or tokens were read again.
    pub reloads: u64,
    /// Times that they could not be, so that those read before stayed in use.
    pub reload_failures: u64,
    /// Long polls that wait, or are being answered, now.
    pub polling: usize,
}

/// Whether the server still takes connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// It does.
    Open,
    /// It is closing those it has.
    Draining,
}
