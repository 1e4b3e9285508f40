//! The flags of `fanout compare`.

use std::path::PathBuf;

use clap::Args;

use super::Format;

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
