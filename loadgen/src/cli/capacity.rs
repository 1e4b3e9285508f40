//! The flags of `fanout capacity`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Conduct;

/// `fanout capacity`
#[derive(Debug, Args)]
#[command(after_help = CAPACITY_HELP)]
pub struct CapacityArgs {
    /// Scenario file (TOML)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What is raised: connections (all members of one room, unless the scenario has more rooms), rate (publishes a second, all together) or size (payload bytes) [default: `axis` in `[capacity]`]
    #[arg(long, value_name = "AXIS")]
    pub axis: Option<String>,
    /// Lowest and highest load, such as 1000-19000 [default: `range` in `[capacity]`]
    #[arg(long, value_name = "LOW-HIGH")]
    pub range: Option<String>,
    /// How near the bounds shall be to each other [default: `width` in `[capacity]`, or 5%]
    #[arg(long, value_name = "PERCENT")]
    pub width: Option<String>,
    /// Length of the measured phases in short trials [default: `trial` in `[capacity]`, or 10s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub trial: Option<Duration>,
    /// An objective, such as 'latency.due.p99 < 100ms', held together with the file's thresholds on other metrics; several are found in
    /// one search [default: the thresholds of the file together]
    #[arg(long = "slo", value_name = "EXPRESSION")]
    pub slo: Vec<String>,
    /// End after this long, with what was found; --resume goes on
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub budget: Option<Duration>,
    /// Go on with a search that was broken off, in this directory; give the same file and flags. One that has ended stays as it is, unless
    /// --range is wider or --width less
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub resume: Option<PathBuf>,
    /// Search with this `[variants.NAME]` of the file
    #[arg(long, value_name = "NAME")]
    pub variant: Option<String>,
    /// How its runs are made
    #[command(flatten)]
    pub conduct: Conduct,
}

const CAPACITY_HELP: &str = "\
Loads are doubled until an objective breaks, bisected with short trials, and both bounds are confirmed by trials of full length: two that agree, of at most three. A load at which the measurement is invalid bounds what this load generator can show, not the server: \"at least\".
In a virtual machine give --keep-awake, and see first what fanout doctor says.
Exit codes: 0 found; 3 not even the lowest load holds; 4 not decided (the load generator, or the budget); 130 interrupted.

  fanout capacity scenarios/capacity.toml
  fanout capacity my.toml --axis rate --range 10-2000 --slo 'latency.due.p99 < 50ms' --slo 'latency.due.p99 < 200ms'
  fanout capacity my.toml --budget 10m        and later: --resume results/NAME/capacity-TIME";
