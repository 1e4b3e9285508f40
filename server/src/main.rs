//! `fanout-server`: a WebSocket broadcast server.

use std::process::ExitCode;

use clap::Parser;
use server::Flags;

/// A WebSocket broadcast server: what a member of a room sends reaches every member of it.
///
/// Clients connect to ws://ADDR/broadcast/{room}; /echo sends everything back; /stats and /healthz answer plain HTTP.
/// When ready, it prints one line to stdout: listening ws://ADDR. SIGTERM closes all clients in order and ends it.
#[derive(Parser)]
#[command(name = "fanout-server", version, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    ExitCode::from(server::serve_as("fanout-server", Cli::parse().flags))
}
