//! What the server's process and the kernel spend, read from the process's CPU clock and /proc.

use std::net::SocketAddr;
use std::sync::Arc;

use super::ready::get;

/// Totals of the server's processes at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    /// CPU time, nanoseconds.
    pub cpu: u64,
    /// Resident memory, bytes.
    pub rss: u64,
    /// Most resident memory so far, bytes.
    pub rss_peak: u64,
    /// Voluntary and involuntary context switches.
    pub context_switches: u64,
    /// TCP segments sent again, of the whole machine.
    pub tcp_retransmits: u64,
}

/// Reads [`Sample`]s of the server: one process, or the sum of several.
#[derive(Debug, Clone)]
pub struct Sampler {
    pids: Arc<[u32]>,
    /// CPU time of the processes that stood in their place before, nanoseconds.
    before: u64,
}

impl Sampler {
    /// For processes by their ids; `None` where there are none.
    pub fn new(pids: Vec<u32>) -> Option<Self> {
        (!pids.is_empty()).then(|| Sampler { pids: pids.into(), before: 0 })
    }

    /// For the processes that take these ones' place, which had used so much CPU time.
    pub fn succeeded_by(&self, pids: Vec<u32>, cpu: u64) -> Option<Self> {
        Self::new(pids).map(|sampler| Sampler { before: cpu.max(self.before), ..sampler })
    }

    /// Its first process.
    pub fn pid(&self) -> u32 {
        self.pids[0]
    }

    /// CPU time alone, nanoseconds; cheap. `None` once a process has gone.
    pub fn cpu(&self) -> Option<u64> {
        let used: Option<u64> = self.pids.iter().map(|&pid| net::process_cpu(pid).ok()).sum();
        used.map(|cpu| cpu + self.before)
    }

    /// Resident memory alone, bytes.
    pub fn rss(&self) -> Option<u64> {
        self.pids.iter().map(|&pid| net::memory(pid).ok().map(|m| m.rss_bytes)).sum()
    }

    /// Everything; `None` once a process has gone.
    pub fn sample(&self) -> Option<Sample> {
        let mut sum =
            Sample { cpu: self.cpu()?, tcp_retransmits: net::tcp_retransmits().unwrap_or(0), ..Sample::default() };
        for &pid in &*self.pids {
            let memory = net::memory(pid).ok()?;
            sum.rss += memory.rss_bytes;
            sum.rss_peak += memory.peak_bytes;
            sum.context_switches += net::context_switches(pid).unwrap_or(0);
        }
        Some(sum)
    }
}

/// The server's own counters, where it has any at `/stats`.
pub async fn stats(address: SocketAddr) -> Option<serde_json::Value> {
    match get(address, "/stats").await? {
        (200, body) => serde_json::from_slice(&body).ok(),
        _ => None,
    }
}
