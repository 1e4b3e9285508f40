//! The server's own engine beside the hub of every tutorial, `--engine textbook`, which the same program serves.

use serde_json::Value;

use crate::Setting;
use crate::child::Program;
use crate::error::BenchError;
use crate::outcome::{Figure, Goal, Outcome, Row};
use crate::pairs::{Arm, Pairs};
use crate::scenario::{Scenario, Target, figure, pairs_of_runs, worst, wrong};

/// Pairs of runs a size, unless `--pairs` says otherwise.
const PAIRS: u32 = 5;
const WARM_S: f64 = 1.0;
const SECONDS: f64 = 5.0;
/// Subscribers of one room, and publishes a second: the same number of deliveries, few enough for either engine.
const SIZES: [(usize, u32); 2] = [(1_000, 50), (10_000, 5)];
const COMPARED: [&str; 4] =
    ["server.cpu_us_per_delivery", "latency.due.p50", "latency.due.p99", "server.rss_bytes_per_connection"];

/// Both sizes.
pub fn beside_textbook(setting: &Setting) -> Result<Outcome, BenchError> {
    let count = setting.pairs.unwrap_or(PAIRS);
    let mut conditions = vec![
        format!("one room, {}-byte messages; 1,000 subscribers at 50 publishes/s, 10,000 at 5", setting.payload),
        format!("{count} pairs of {SECONDS} s after {WARM_S} s of warm-up, each run with a fresh server on one CPU"),
    ];
    let mut rows = Vec::new();
    for (subscribers, rate) in SIZES {
        let (pairs, doubt) = pairs_of_runs(count, |arm| run(setting, subscribers, rate, arm))?;
        conditions.extend(doubt.map(|doubt| format!("{subscribers}: {doubt}")));
        rows.extend(judge(subscribers, &pairs));
    }
    Ok(Outcome { name: "engines", arms: ["native", "textbook"], conditions, rows })
}

fn run(setting: &Setting, subscribers: usize, rate: u32, arm: Arm) -> Result<Value, BenchError> {
    let engine = match arm {
        Arm::Ours => "native",
        Arm::Bare => "textbook",
    };
    let (server, addr) = Program::server(setting.machine.server_cpu, &["--engine", engine])?;
    let scenario = Scenario {
        subscribers,
        publishing: format!("count = 1\nrate = {rate}"),
        warm_s: WARM_S,
        seconds: SECONDS,
        ..Scenario::new(Target::of(&server, addr), setting)
    };
    scenario.run(&[setting.machine.reader_cpu])
}

fn judge(subscribers: usize, pairs: &Pairs<Value>) -> Vec<Row> {
    let row = |text: &str, figure| Row::new(format!("{subscribers}: {text}"), figure);
    let mut rows: Vec<Row> =
        COMPARED.iter().map(|path| row(path, Figure::Ratio(pairs.compare(|run| figure(run, path))))).collect();
    rows.push(
        row("lost or otherwise wrong, most", Figure::alone(&[worst(pairs.all().map(wrong))])).goal(Goal::AtMost(0.0)),
    );
    rows
}
