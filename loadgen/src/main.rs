//! `fanout`: see `fanout --help`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    ExitCode::from(loadgen::commands::dispatch(loadgen::cli::Cli::parse()))
}
