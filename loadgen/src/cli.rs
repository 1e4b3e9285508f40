//! The command line: what can be asked, and what each answer means.

mod ab;
mod capacity;
mod doctor;
mod plan;
mod record;

pub use ab::AbArgs;
pub use capacity::CapacityArgs;
pub use doctor::DoctorArgs;
pub use plan::PlanArgs;
pub use record::RecordArgs;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::live::serve::At;
use crate::plan::ClientEngine;
use crate::run::Settings;

/// Measures how a WebSocket server broadcasts: latency at every subscriber from when each message was due, throughput,
/// and a full account of what was lost.
#[derive(Debug, Parser)]
#[command(name = "fanout", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    passed
  1    could not run (server unreachable, upgrade refused, nothing received, disk full)
  2    bad usage or scenario
  3    a threshold or expectation failed, or the server refused or dropped connections
  4    the measurement is invalid: the load generator was the limit, or too few valid runs for a comparison
  130  interrupted (what was measured is written all the same)

Start here:
  fanout quick                                the bundled server, 100 subscribers, 10 seconds
  fanout quick ws://127.0.0.1:9001/ws/{room}  your own server
  fanout run scenarios/quickstart.toml        a scenario file
  fanout validate my.toml                     is it right, and what will it need?
  fanout ab my.toml --a KEY=1 --b KEY=2       which of two settings is better, and how sure is that?
  fanout doctor                               what is this machine good for?";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenario files and report
    Run(RunArgs),
    /// Run a simple load without a file: connect, publish evenly, report
    Quick(QuickArgs),
    /// Compare two settings of a scenario, or three ways to compress, run by run in turn, with statistics that hold
    Ab(AbArgs),
    /// Find the highest load at which objectives hold, what gives way above it, and what it costs
    Capacity(CapacityArgs),
    /// Say how many servers a load takes, from capacity searches and runs: CPU, memory, bytes out, cost, and what gives way first
    Plan(Box<PlanArgs>),
    /// Compare two sets of old runs, or one run with another
    Compare(CompareArgs),
    /// Put runs of one scenario, made on several machines or one after the other, together to one
    Merge(MergeArgs),
    /// Write the report of an old run again, as a page, Markdown, text or JSON
    Report(ReportArgs),
    /// How figures went over the runs of a directory, and where they changed
    Trend(TrendArgs),
    /// Check scenario files and say what a run will need; opens no connection
    Validate(ValidateArgs),
    /// Serve a run of `fanout run --agents N` (which starts this itself)
    #[command(hide = true)]
    Agent,
    /// Write down what a WebSocket feed sends, to be played again by a scenario with `replay`
    Record(RecordArgs),
    /// Say what this machine allows, can generate and time, and what to change; takes about 6 seconds
    Doctor(DoctorArgs),
    /// Print the JSON Schema of scenario files, for editors
    Schema,
    /// The server that `doctor` measures against
    #[command(hide = true)]
    NullServer,
    /// Run the bundled broadcast server (the same as fanout-server)
    Serve(Box<server::Flags>),
}

/// `fanout run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Scenario files (TOML); all are checked before the first one runs
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Run this `[variants.NAME]` of the file, or `all` of them; its files go to a folder of that name. May be repeated
    #[arg(long = "variant", value_name = "NAME")]
    pub variants: Vec<String>,
    /// How it is carried out and reported
    #[command(flatten)]
    pub how: How,
}

/// `fanout compare`
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Runs to compare to: directories with run.json in them or below, such as results/chat-peak/ab-TIME/a-01
    #[arg(value_name = "RUNS_A")]
    pub a: PathBuf,
    /// Runs to compare
    #[arg(value_name = "RUNS_B")]
    pub b: PathBuf,
    /// Something that must hold, such as 'server.cpu_us_per_delivery <= 1.05 x a'; may be repeated
    #[arg(long, value_name = "EXPECTATION")]
    pub expect: Vec<String>,
    /// What goes to standard output: the report, or comparison.json
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Directory for comparison.json, .html, .md and .txt [default: they are not written]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `fanout report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run: its directory, or its run.json
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// What to write
    #[command(flatten)]
    pub form: ReportForm,
    /// Where to; `-` is standard output [default: for --html report.html beside run.json, for the others standard output]
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The form of a report; one of them.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct ReportForm {
    /// A page for browsers, phones and printers, in one file (the default)
    #[arg(long)]
    pub html: bool,
    /// The summary for a pull request or a wiki
    #[arg(long)]
    pub md: bool,
    /// The report as on the terminal
    #[arg(long)]
    pub text: bool,
    /// run.json as this version writes it
    #[arg(long)]
    pub json: bool,
}

/// `fanout trend`
#[derive(Debug, Args)]
pub struct TrendArgs {
    /// Runs: a directory with run.json files up to two folders below, such as results/chat-peak
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// What goes to standard output: the report, or trend.json
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Directory for trend.json and trend.html [default: they are not written]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `fanout merge`
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Runs: directories with run.json in them or below
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// They were made one after the other, not at the same time
    #[arg(long)]
    pub sequential: bool,
    /// What goes to standard output: the report, or run.json
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Directory for run.json [default: results/NAME/merged-TIME, with a `latest` link beside it]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `fanout quick`
#[derive(Debug, Args)]
pub struct QuickArgs {
    /// The server, with {room} where its path names the room [default: the bundled server]
    #[arg(value_name = "URL")]
    pub url: Option<String>,
    /// Subscribers
    #[arg(short, long, default_value_t = 100, value_name = "N")]
    pub connections: u32,
    /// Rooms that the subscribers are spread over; each has a publisher
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub rooms: u32,
    /// Publishes a second, all rooms together
    #[arg(short, long, default_value_t = 10.0, value_name = "PER_SECOND")]
    pub rate: f64,
    /// How long to publish, such as 30s
    #[arg(short, long, default_value = "10s", value_name = "TIME", value_parser = humantime::parse_duration)]
    pub duration: Duration,
    /// Bytes of a message, such as 128, 1KiB or 128-512
    #[arg(short, long, default_value = "128", value_name = "BYTES")]
    pub size: String,
    /// Every subscriber sends and expects its own message back, from an echo server
    #[arg(long)]
    pub echo: bool,
    /// How it is carried out and reported
    #[command(flatten)]
    pub how: How,
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
}

impl Drive {
    /// How a run is carried out.
    pub fn settings(self) -> Settings {
        Settings { workers: self.workers, agents: self.agents, ..Settings::default() }
    }
}

/// How a run is carried out and reported.
#[derive(Debug, Args)]
pub struct How {
    /// Change one key of the scenario, such as publishers.members.rate=50 (elements by name); may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// What drives the connections
    #[command(flatten)]
    pub drive: Drive,
    /// What goes to standard output
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Directory for run.json and the other files [default: results/NAME/TIME, with a `latest` link beside it]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Run each scenario so often, into folders 01, 02 and so on, and show medians and spread
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: Option<u32>,
    /// The earlier run that thresholds such as '< 1.5 x baseline' compare with, or a directory: the newest in it that passed
    #[arg(long, value_name = "RUN_OR_DIR")]
    pub baseline: Option<PathBuf>,
    /// Fail thresholds that compare with a baseline where there is none to compare with, instead of skipping them
    #[arg(long)]
    pub require_baseline: bool,
    /// Add nothing to the job summary that GITHUB_STEP_SUMMARY names
    #[arg(long)]
    pub no_summary: bool,
    /// While the run goes, serve a live page at / and metrics for Prometheus at /metrics: a port (on loopback), or ADDRESS:PORT
    #[arg(long, value_name = "[ADDRESS:]PORT")]
    pub serve: Option<At>,
}

/// `fanout validate`
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Scenario files (TOML)
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Change one key of the scenario, as in `run`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// What goes to standard output: sentences, or an object a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
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

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A report to read
    Text,
    /// run.json, one object a line when there are several runs; nothing else
    Json,
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
