//! The flags that all commands which make runs have in common.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Format;
use crate::live::serve::At;
use crate::plan::ClientEngine;
use crate::run::{KeepAwake, Settings};

/// How runs are made, and where what comes of them goes: the same for `run`, `quick`, `ab` and `capacity`.
#[derive(Debug, Args)]
pub struct Conduct {
    /// Change one key of the scenario, such as publishers.members.rate=50 (elements by name); may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// What drives the connections
    #[command(flatten)]
    pub drive: Drive,
    /// What goes to standard output: the report, or the same as JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Directory for everything that is written [default: results/NAME/TIME; of ab results/NAME/ab-TIME, of capacity
    /// results/NAME/capacity-TIME; each with a `latest` link beside it]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// While runs go, serve a live page at / and metrics for Prometheus at /metrics: a port (on loopback), or ADDRESS:PORT
    #[arg(long, value_name = "[ADDRESS:]PORT")]
    pub serve: Option<At>,
}

/// What drives the connections of a run.
#[derive(Debug, Clone, Copy, Args)]
pub struct Drive {
    /// Which WebSocket client drives the connections
    #[arg(long, value_enum, default_value_t = Client::Native)]
    pub client: Client,
    /// Threads that drive connections [default: one for each CPU left to the load generator]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Processes that have the connections, each with its own limit of descriptors [default: none, or as many as are needed]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=16))]
    pub agents: Option<u16>,
    /// Keep CPUs from sleeping while they measure, by threads that give way to all others: in virtual machines, and on processors with deep
    /// sleep, waking up takes 50 us to milliseconds, which is then part of every latency. Slows sibling hyperthreads; not where CPU time
    /// has a quota
    #[arg(long, value_name = "WHICH", num_args = 0..=1, require_equals = true, default_missing_value = "own")]
    pub keep_awake: Option<KeepAwake>,
}

impl Drive {
    /// How a run is carried out.
    pub fn settings(self) -> Settings {
        Settings { workers: self.workers, agents: self.agents, keep_awake: self.keep_awake, ..Settings::default() }
    }
}

/// `--client`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// Fanout's own: ten million deliveries a second on a core
    Native,
    /// tokio-tungstenite: slower, and independent of ours, to check its figures
    Tungstenite,
}

impl Client {
    /// As results name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        ClientEngine::from(self).name()
    }
}

impl From<Client> for ClientEngine {
    fn from(client: Client) -> Self {
        match client {
            Client::Native => ClientEngine::Native,
            Client::Tungstenite => ClientEngine::Tungstenite,
        }
    }
}
