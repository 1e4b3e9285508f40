//! `bench`: measures fanout beside the physical limits of the same machine in the same minute, and prints ratios.

mod child;
mod clients;
mod engines;
mod error;
mod loadgen;
mod machine;
mod memory;
mod outcome;
mod pairs;
mod scenario;
mod server;
mod slow;

use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use clap::{Parser, ValueEnum};

use crate::error::BenchError;
use crate::machine::Machine;
use crate::outcome::{Outcome, print_json, print_text};

/// Measures fanout-server and fanout beside a bare send loop and a bare epoll + recv loop, and beside themselves.
///
/// The arms of a comparison take turns, in pairs AB, BA, AB, ...; what is printed is the median over the pairs of the ratio of the
/// first to the second, with its 95 % bootstrap interval. Absolute figures depend on the machine, the ratios hardly do.
///
/// Which shows what: server-single and loadgen-single how near each side comes to its bare loop; server-batched how fast the server
/// is with a reader that only counts bytes; loadgen-batched that it is that fast too when every byte of every delivery is compared
/// and timed, with nothing lost and nobody closed; memory what an idle connection costs; slow-reader that one stopped reader does
/// not slow the others; clients that two implementations measure the same; engines what the tutorials' way costs.
///
/// engines take three to five minutes, server-single four, clients six (with a Node hub twelve), slow-reader ten or more, every other
/// about one or less.
#[derive(Parser)]
#[command(name = "bench", max_term_width = 100)]
struct Flags {
    /// What to measure; all if nothing is named
    #[arg(value_enum)]
    names: Vec<Benchmark>,
    /// Pairs of runs of a comparison; fewer are for trying things [default: 20; server-single: 60, slow-reader: 5, clients: 25]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pairs: Option<u32>,
    /// Length of one run beside a bare loop, in seconds
    #[arg(long, default_value_t = 0.5, value_parser = seconds)]
    seconds: f64,
    /// Subscribers (memory and clients have numbers of their own)
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=9000))]
    subscribers: u32,
    /// Bytes of a message's payload (slow-reader has 8 KiB)
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u32).range(24..=60_000))]
    payload: u32,
    /// Publishes a second in loadgen-single: few enough that every message is a read of its own
    #[arg(long, default_value_t = 200.0, value_parser = rate)]
    rate: f64,
    /// CPU of the server and of bare-send [default: the first]
    #[arg(long)]
    server_cpu: Option<usize>,
    /// CPU of the readers and of fanout [default: the second]
    #[arg(long)]
    reader_cpu: Option<usize>,
    /// Keep both CPUs from sleeping, by threads that give way to all others: where waking up takes long, as in virtual machines, it
    /// is otherwise part of every latency of both arms
    #[arg(long)]
    keep_awake: bool,
    /// For clients: a folder with hub.js and its node_modules, to compare them on a Node server as well
    #[arg(long, value_name = "DIR")]
    node_hub: Option<PathBuf>,
    /// One JSON object a benchmark on standard output, instead of a table
    #[arg(long)]
    json: bool,
    /// End with code 3 when a goal is missed
    #[arg(long)]
    strict: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    within(text, 0.05, 60.0)
}

fn rate(text: &str) -> Result<f64, String> {
    within(text, 1.0, 1e6)
}

fn within(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|e| format!("{e}"))?;
    if (low..=high).contains(&value) { Ok(value) } else { Err(format!("give a number from {low} to {high}")) }
}

/// The benchmarks.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Benchmark {
    /// The server with one message a flush, beside a bare send loop (goal: 0.95 of its deliveries/s)
    ServerSingle,
    /// The server with messages arriving faster than flushes and a bare reader, which only counts bytes (goals: 15 million
    /// deliveries/s, 0.85 of a bare loop of the same sizes)
    ServerBatched,
    /// The load generator with one message a read, beside a bare reader (goal: 1.15 times its CPU a read)
    LoadgenSingle,
    /// Both at full speed, with the full ledger and the latency of every delivery (goals: load generator 10 million deliveries/s,
    /// server 15 million, none lost, nobody closed)
    LoadgenBatched,
    /// Resident memory a connection, from 1,000 to 19,000, idle and at the peak (goals: server 300 bytes, load generator 500)
    Memory,
    /// The others' latency with one stopped reader among them, under each lag policy (goals: p99 at most 1.1 times that without it,
    /// none lost, the room's log within its limit)
    SlowReader,
    /// The same load with --client native and --client tungstenite (goals: equal counts, p50 and p99 within 15 % or 50 us)
    Clients,
    /// The server beside its own --engine textbook, the hub of every tutorial, with 1,000 and 10,000 subscribers: CPU a delivery,
    /// latency, memory a connection
    Engines,
}

/// What every benchmark needs to know.
#[derive(Clone)]
struct Setting {
    machine: Rc<Machine>,
    /// As asked for.
    pairs: Option<u32>,
    seconds: f64,
    subscribers: usize,
    payload: usize,
    rate: f64,
    node_hub: Option<PathBuf>,
}

impl Setting {
    /// Pairs of runs, where `usual` are enough.
    fn pairs(&self, usual: u32) -> u32 {
        self.pairs.unwrap_or(usual)
    }
}

fn measure(benchmark: Benchmark, setting: &Setting) -> Result<Outcome, BenchError> {
    match benchmark {
        Benchmark::ServerSingle => server::single(setting),
        Benchmark::ServerBatched => server::batched(setting),
        Benchmark::LoadgenSingle => loadgen::single(setting),
        Benchmark::LoadgenBatched => loadgen::batched(setting),
        Benchmark::Memory => memory::slope(setting),
        Benchmark::SlowReader => slow::reader(setting),
        Benchmark::Clients => clients::agree(setting),
        Benchmark::Engines => engines::beside_textbook(setting),
    }
}

fn run(flags: &Flags) -> Result<ExitCode, BenchError> {
    net::raise_descriptors()?;
    let setting = Setting {
        machine: Rc::new(Machine::new(flags.server_cpu, flags.reader_cpu, flags.keep_awake)?),
        pairs: flags.pairs,
        seconds: flags.seconds,
        subscribers: flags.subscribers as usize,
        payload: flags.payload as usize,
        rate: flags.rate,
        node_hub: flags.node_hub.clone(),
    };
    let all = Benchmark::value_variants();
    let names = if flags.names.is_empty() { all } else { &flags.names };
    if !flags.json {
        println!("{}\n", setting.machine);
    }
    let mut missed = false;
    for &name in names {
        let outcome = measure(name, &setting)?;
        missed |= outcome.rows.iter().any(|row| row.met() == Some(false));
        if flags.json {
            print_json(&outcome, &setting)?;
        } else {
            print_text(&outcome);
        }
    }
    Ok(if missed && flags.strict { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(code) => code,
        Err(e) => {
            eprintln!("bench: {e}");
            ExitCode::FAILURE
        }
    }
}
