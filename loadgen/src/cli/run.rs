//! The flags of `fanout run`, `quick` and `validate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{Conduct, Format};

/// `fanout run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Scenario files (TOML); all are checked before the first one runs
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Run this `[variants.NAME]` of the file, or `all` of them; its files go to a folder of that name. May be repeated: several end with a
    /// table that sets them side by side, and variants.html
    #[arg(long = "variant", value_name = "NAME")]
    pub variants: Vec<String>,
    /// How it is carried out and reported
    #[command(flatten)]
    pub how: How,
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

/// How a run is carried out and reported.
#[derive(Debug, Args)]
pub struct How {
    /// How it is made
    #[command(flatten)]
    pub conduct: Conduct,
    /// Run each scenario so often, into folders 01, 02 and so on, and show medians and spread; junit.xml and summary.md beside the folders
    /// are of all runs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: Option<u32>,
    /// Make a run again, up to N times, that the load generator spoiled (exit code 4) while every threshold held: it says nothing about
    /// the server. One in which anything failed is never made again; the report names the attempts before it
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10))]
    pub retries: u32,
    /// The earlier run that thresholds such as '< 1.5 x baseline' compare with, or a directory: the newest in it that passed
    #[arg(long, value_name = "RUN_OR_DIR")]
    pub baseline: Option<PathBuf>,
    /// Fail thresholds that compare with a baseline where there is none to compare with, instead of skipping them
    #[arg(long)]
    pub require_baseline: bool,
    /// Add nothing to the job summary that GITHUB_STEP_SUMMARY names
    #[arg(long)]
    pub no_summary: bool,
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
