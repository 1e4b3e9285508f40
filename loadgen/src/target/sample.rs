//! What the server's processes and the kernel spend, read from the processes' CPU clocks and /proc.

use std::sync::Arc;

use super::ready::get;
use crate::plan::{Endpoint, Tls};

/// Totals of the server's processes at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    /// CPU time, nanoseconds.
    pub cpu: u64,
    /// Resident memory, bytes. What several processes share counts once for each.
    pub rss: u64,
    /// Most resident memory so far, bytes.
    pub rss_peak: u64,
    /// Voluntary and involuntary context switches.
    pub context_switches: u64,
    /// TCP segments sent again, of the whole machine.
    pub tcp_retransmits: u64,
}

/// Reads [`Sample`]s of the processes of one server.
#[derive(Debug, Clone)]
pub struct Sampler {
    /// Never empty.
    pids: Arc<[u32]>,
    /// CPU time of the processes that stood in their place before, nanoseconds.
    before: u64,
}

impl Sampler {
    /// For processes by their ids, the most important first; `None` without any.
    pub fn new(pids: Vec<u32>) -> Option<Self> {
        (!pids.is_empty()).then(|| Sampler { pids: pids.into(), before: 0 })
    }

    /// For the processes that take these ones' place, which had used so much CPU time.
    pub fn succeeded_by(&self, pids: Vec<u32>, cpu: u64) -> Option<Self> {
        Self::new(pids).map(|sampler| Sampler { before: cpu.max(self.before), ..sampler })
    }

    /// The process that the others descend from.
    pub fn pid(&self) -> u32 {
        self.pids[0]
    }

    /// All of them.
    pub fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// CPU time alone, nanoseconds; cheap. `None` once all processes have gone.
    pub fn cpu(&self) -> Option<u64> {
        self.sum(|pid| net::process_cpu(pid).ok()).map(|cpu| cpu + self.before)
    }

    /// Resident memory alone, bytes.
    pub fn rss(&self) -> Option<u64> {
        self.sum(|pid| net::memory(pid).ok().map(|m| m.rss_bytes))
    }

    /// Everything; `None` once all processes have gone.
    pub fn sample(&self) -> Option<Sample> {
        Some(Sample {
            cpu: self.cpu()?,
            rss: self.rss()?,
            rss_peak: self.sum(|pid| net::memory(pid).ok().map(|m| m.peak_bytes))?,
            context_switches: self.sum(|pid| net::context_switches(pid).ok()).unwrap_or(0),
            tcp_retransmits: net::tcp_retransmits().unwrap_or(0),
        })
    }

    /// Sum over the processes that are still there.
    pub(super) fn sum(&self, figure: impl Fn(u32) -> Option<u64>) -> Option<u64> {
        self.pids.iter().filter_map(|&pid| figure(pid)).reduce(|a, b| a + b)
    }
}

/// The server's own counters, where it has any at `/stats`.
pub async fn stats(at: &Endpoint, tls: Option<&Tls>) -> Option<serde_json::Value> {
    match get(at, tls, "/stats").await {
        Ok((200, body)) => serde_json::from_slice(&body).ok(),
        Ok(_) | Err(_) => None,
    }
}
