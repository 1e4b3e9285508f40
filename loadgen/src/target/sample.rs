//! What the server's process and the kernel spend, read from the process's CPU clock and /proc.

use std::net::SocketAddr;

use super::ready::get;

/// Totals of the server's process at one moment.
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

/// Reads [`Sample`]s of one process.
#[derive(Debug, Clone, Copy)]
pub struct Sampler {
    pid: u32,
    /// CPU time of the processes that stood in its place before, nanoseconds.
    before: u64,
}

impl Sampler {
    /// For a process by its id.
    pub fn new(pid: u32) -> Self {
        Sampler { pid, before: 0 }
    }

    /// For the process that takes this one's place, which had used so much CPU time.
    pub fn succeeded_by(self, pid: u32, cpu: u64) -> Self {
        Sampler { pid, before: cpu.max(self.before) }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// CPU time alone, nanoseconds; cheap. `None` once the process has gone.
    pub fn cpu(&self) -> Option<u64> {
        net::process_cpu(self.pid).ok().map(|cpu| cpu + self.before)
    }

    /// Resident memory alone, bytes.
    pub fn rss(&self) -> Option<u64> {
        net::memory(self.pid).ok().map(|m| m.rss_bytes)
    }

    /// Everything; `None` once the process has gone.
    pub fn sample(&self) -> Option<Sample> {
        let memory = net::memory(self.pid).ok()?;
        Some(Sample {
            cpu: self.cpu()?,
            rss: memory.rss_bytes,
            rss_peak: memory.peak_bytes,
            context_switches: net::context_switches(self.pid).unwrap_or(0),
            tcp_retransmits: net::tcp_retransmits().unwrap_or(0),
        })
    }
}

/// The server's own counters, where it has any at `/stats`.
pub async fn stats(address: SocketAddr) -> Option<serde_json::Value> {
    match get(address, "/stats").await? {
        (200, body) => serde_json::from_slice(&body).ok(),
        _ => None,
    }
}
