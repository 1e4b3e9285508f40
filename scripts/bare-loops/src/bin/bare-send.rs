//! The bare `send` loop as a program: listens, accepts, and then runs what standard input orders.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use bare_loops::{Sender, obey};
use clap::Parser;

/// Sends to every connection in turn, and does nothing else: the limit for a broadcast server.
///
/// Prints `listening ADDR`, then `ready` when all connections are open, then one JSON line for each order on standard input, such as
/// {"seconds":0.5,"bytes":132,"load":"Silent"}.
#[derive(Parser)]
struct Flags {
    /// CPU to run on
    #[arg(long)]
    cpu: Option<usize>,
    /// Connections to wait for
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// Port to listen on, on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
}

fn run(flags: &Flags) -> Result<(), Box<dyn std::error::Error>> {
    net::raise_descriptors()?;
    if let Some(cpu) = flags.cpu {
        net::pin_thread(&[cpu])?;
    }
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, flags.port));
    let listener = net::listen(addr, net::ListenOptions::default())?;
    listener.set_nonblocking(false)?;
    println!("listening {}", listener.local_addr()?);
    let mut sender = Sender::accept(&listener, flags.connections)?;
    println!("ready");
    Ok(obey(|order| sender.run(order))?)
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("bare-send: {e}");
            ExitCode::FAILURE
        }
    }
}
