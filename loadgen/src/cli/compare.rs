//! The flags of `fanout ab` and `fanout compare`.

use std::path::PathBuf;

use clap::Args;

use super::{Conduct, Format};

/// `fanout ab`
#[derive(Debug, Args)]
#[command(after_help = AB_HELP)]
pub struct AbArgs {
    /// Scenario file (TOML)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What is compared to: a `[variants.NAME]` of the file, or a change such as target.server.shards=1 [default: `a` in `[ab]`]
    #[arg(long, value_name = "VARIANT|KEY=VALUE")]
    pub a: Option<String>,
    /// What is compared [default: `b` in `[ab]`]
    #[arg(long, value_name = "VARIANT|KEY=VALUE")]
    pub b: Option<String>,
    /// Valid runs of each; fewer than 10 allow no verdict [default: `runs` in `[ab]`, or 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: Option<u32>,
    /// Something that must hold, such as 'server.cpu_us_per_delivery <= 1.05 x a'; may be repeated
    #[arg(long, value_name = "EXPECTATION")]
    pub expect: Vec<String>,
    /// How its runs are made
    #[command(flatten)]
    pub conduct: Conduct,
    /// Add nothing to the job summary that GITHUB_STEP_SUMMARY names
    #[arg(long)]
    pub no_summary: bool,
}

const AB_HELP: &str = "\
The runs are made in blocks of two, a then b or b then a by the seed, each with a fresh server, and compared block by block.
An invalid run is repeated. Exit codes: 0 every expectation held; 3 one is broken; 4 too few valid runs for a verdict;
1 a run could not be made; 130 interrupted (what was measured is compared and written all the same).

  fanout ab scenarios/compression-ab.toml
  fanout ab my.toml --a target.server.shards=1 --b target.server.shards=2 --runs 20
  fanout ab my.toml --a off --b off           how noisy is this machine?";

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
