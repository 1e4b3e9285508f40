//! The command line: what can be asked, and what each answer means.

mod ab;
mod capacity;
mod compare;
mod conduct;
mod doctor;
mod old_runs;
mod plan;
mod record;
mod run;

pub use ab::AbArgs;
pub use capacity::CapacityArgs;
pub use compare::CompareArgs;
pub use conduct::{Client, Conduct, Drive};
pub use doctor::DoctorArgs;
pub use old_runs::{MergeArgs, ReportArgs, ReportForm, TrendArgs};
pub use plan::PlanArgs;
pub use record::RecordArgs;
pub use run::{How, QuickArgs, RunArgs, ValidateArgs};

use clap::{Parser, Subcommand, ValueEnum};

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
  fanout capacity scenarios/capacity.toml     how much does a server hold?
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
    /// Write the report of an old run or capacity search again, as a page, Markdown, text or JSON
    Report(ReportArgs),
    /// How figures went over the runs of a directory, and where they changed
    Trend(TrendArgs),
    /// Check scenario files and say what a run will need, and how long a comparison or search takes; opens no connection
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

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// JSON and nothing else, an object a line where there are several
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
