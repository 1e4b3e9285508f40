//! `fanout-server`: a WebSocket broadcast server.

use std::process::ExitCode;

use clap::Parser;
use server::Flags;

/// A WebSocket broadcast server: what a member of a room sends reaches every member of it.
///
/// Clients connect to ws://ADDR/broadcast/{room}, or to ws://ADDR/ws/{room} to chat in JSON; /echo sends everything back; /sse/{room},
/// /poll/{room}, /stats and /healthz answer plain HTTP, and / is a page to try a chat room. Operators have an address of their own: --admin.
/// When ready, it prints one line to stdout: listening ws://ADDR, or wss://ADDR under TLS. SIGTERM closes all clients in order and ends it;
/// SIGHUP has it read certificate, key and tokens again.
#[derive(Parser)]
#[command(name = "fanout-server", version, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
}

fn main() -> ExitCode {
    ExitCode::from(server::serve_as("fanout-server", Cli::parse().flags))
}
