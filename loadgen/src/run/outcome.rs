//! Everything a run has gathered, before it becomes figures.

use std::time::{Duration, SystemTime};

use super::account::Account;
use super::own::Own;
use super::timeline::{Cpu, Spending, Timeline};
use crate::plan::Endpoint;
use crate::target::{Sample, Sampler, Split, Watch};
use crate::worker::{Harvest, Tally};

/// Why a run ended before its plan did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// For this reason, in a sentence, which is the server's.
    Early(String),
    /// A threshold with `abort` is broken.
    Threshold(String),
    /// For a reason of the load generator's own: what it measured is not to be believed.
    Ours(String),
}

/// What is known of a run; complete when the last worker has finished.
#[derive(Debug)]
pub struct Outcome {
    pub began: SystemTime,
    pub elapsed: Duration,
    /// `None`: it ran to its end.
    pub end: Option<End>,
    pub account: Account,
    pub timeline: Timeline,
    pub tally: Tally,
    pub harvests: Vec<Harvest>,
    pub costs: Costs,
    /// Nanoseconds since 1970 less CLOCK_MONOTONIC, when the run began.
    pub epoch: i128,
    /// At the start of each phase that began, and at the end of the last.
    pub marks: Vec<Mark>,
    pub notes: Vec<String>,
}

/// CPU clocks at the edge of a phase.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    /// Nanoseconds since the start of the first phase.
    pub at: u64,
    pub cpu: Cpu,
}

/// Memory of both sides at the moments that matter, and what the server says of itself.
#[derive(Debug)]
pub struct Costs {
    /// `None`: the server's processes are not known.
    pub sampler: Option<Sampler>,
    /// From the first phase on, as long as the run goes.
    pub watch: Option<Watch>,
    /// Before the first connection.
    pub idle: Memory,
    /// When all were open.
    pub connected: Memory,
    /// How many connections were open then.
    pub open: u64,
    /// The server when all was over.
    pub ended: Option<Sample>,
    pub stats: Option<serde_json::Value>,
    pub split: Split,
    /// `bundled`, `spawn` or `url`, and the addresses.
    pub target: String,
    /// The server's addresses.
    pub endpoints: Vec<Endpoint>,
    pub workers: usize,
    pub agents: usize,
    pub own: Own,
    /// Kept from sleeping by `own`.
    pub awake_cpus: Vec<usize>,
}

/// Memory at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    pub server: Option<Sample>,
    /// Resident bytes of the load generator.
    pub own: u64,
    /// Bytes of the kernel's that grow with sockets.
    pub kernel: u64,
}

impl Costs {
    /// What is spent now.
    pub fn spending(&self) -> Spending<'_> {
        let reading = self.watch.as_ref().map(Watch::latest).unwrap_or_default();
        Spending { sampler: self.sampler.as_ref(), own: &self.own, reading }
    }

    /// CPUs that the workers can use: one each, as far as there are any.
    pub fn worker_cores(&self) -> usize {
        self.workers.min(self.split.loadgen.len())
    }
}

impl Memory {
    /// Reads all three.
    pub fn read(sampler: Option<&Sampler>, own: &Own) -> Self {
        Memory {
            server: sampler.and_then(Sampler::sample),
            own: own.memory().rss_bytes,
            kernel: net::kernel_memory().unwrap_or(0),
        }
    }
}

impl Outcome {
    /// How long a phase lasted, seconds; 0 if it did not begin.
    pub fn phase_seconds(&self, phase: usize) -> f64 {
        match (self.marks.get(phase), self.marks.get(phase + 1)) {
            (Some(from), Some(to)) => to.at.saturating_sub(from.at) as f64 / 1e9,
            _ => 0.0,
        }
    }

    /// CPU of the server and of the load generator during a phase, seconds.
    pub fn phase_cpu(&self, phase: usize) -> (Option<f64>, f64) {
        match (self.marks.get(phase), self.marks.get(phase + 1)) {
            (Some(from), Some(to)) => to.cpu.since(from.cpu),
            _ => (None, 0.0),
        }
    }

    /// The same over several phases.
    pub fn cpu_of(&self, phases: &[usize]) -> (f64, f64) {
        let each = phases.iter().map(|&phase| self.phase_cpu(phase));
        each.fold((0.0, 0.0), |(server, own), (s, l)| (server + s.unwrap_or(0.0), own + l))
    }
}
