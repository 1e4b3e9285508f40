//! The flags of the commands that look at old runs: `fanout report`, `trend` and `merge`.

use std::path::PathBuf;

use clap::Args;

use super::Format;

/// `fanout report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run: its directory, or its run.json; or a capacity search: its directory
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// What to write
    #[command(flatten)]
    pub form: ReportForm,
    /// Where to; `-` is standard output [default: for --html report.html beside run.json (of a search capacity.html), for the others standard output]
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
    /// run.json (of a search capacity.json) as this version writes it
    #[arg(long)]
    pub json: bool,
}

/// `fanout trend`
#[derive(Debug, Args)]
pub struct TrendArgs {
    /// Runs: a directory with run.json files up to four folders below, such as results/chat-peak
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
