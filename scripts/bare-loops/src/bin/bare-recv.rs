//! The bare `epoll` and `recv` loop as a program: connects, and then runs what standard input orders.

use std::net::SocketAddr;
use std::process::ExitCode;

use bare_loops::{Publishing, Reader, Reading, connect, obey};
use clap::Parser;

/// Reads and counts bytes on every connection, and does nothing else: the limit for a load generator.
///
/// Prints `ready` when all connections are open, then one JSON line for each order on standard input, such as
/// {"seconds":0.5,"bytes":0,"load":"Closed"} (or "Silent", or {"Rate":200}).
#[derive(Parser)]
struct Flags {
    /// Where to connect to
    target: SocketAddr,
    /// CPU to run on
    #[arg(long)]
    cpu: Option<usize>,
    /// Connections that only read
    #[arg(long, default_value_t = 1000)]
    connections: usize,
    /// Upgrade to WebSocket at this path, such as /broadcast/bench; without it the bytes are read as they come
    #[arg(long)]
    path: Option<String>,
    /// Further connections that publish (at most 64)
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=64))]
    publish: u8,
    /// Messages that each publisher keeps on the way in a closed loop
    #[arg(long, default_value_t = 1)]
    in_flight: usize,
    /// Bytes of a published message
    #[arg(long, default_value_t = 128)]
    payload: usize,
    /// Read all connections that do not publish together, every so many milliseconds, instead of each when something comes
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=1000))]
    collect_every: Option<u64>,
}

fn run(flags: &Flags) -> Result<(), Box<dyn std::error::Error>> {
    net::raise_descriptors()?;
    if let Some(cpu) = flags.cpu {
        net::pin_thread(&[cpu])?;
    }
    let publishers = usize::from(flags.publish);
    let sockets = connect(flags.target, flags.path.as_deref(), flags.connections + publishers)?;
    let publishing = Publishing { publishers, in_flight: flags.in_flight, payload: flags.payload };
    let reading = flags.collect_every.map_or(Reading::AsItComes, |ms| Reading::Every(ms * 1_000_000));
    let mut reader = Reader::new(sockets, publishing, reading)?;
    println!("ready");
    Ok(obey(|order| reader.run(order))?)
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("bare-recv: {e}");
            ExitCode::FAILURE
        }
    }
}
