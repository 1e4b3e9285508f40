//! The load generator beside the bare reader, and at full speed.

use bare_loops::{Load, Order};
use serde_json::Value;

use crate::Setting;
use crate::child::Program;
use crate::error::BenchError;
use crate::outcome::{BESIDE_BARE, Figure, Goal, Outcome, Row};
use crate::pairs::{Arm, HALF_SECONDS, Sample, measure};
use crate::scenario::{Scenario, Target, doubts, figure, worst, wrong};
use crate::server::{frame_bytes, subscribers};

/// One message a read.
pub fn single(setting: &Setting) -> Result<Outcome, BenchError> {
    let (server, addr) = Program::server(setting.machine.server_cpu, &[])?;
    let mut reader = subscribers(setting, addr)?;
    let scenario = Scenario {
        publishing: format!("count = 1\nrate = {}", setting.rate),
        ..Scenario::new(Target::of(&server, addr), setting)
    };
    let mut runs = Vec::new();
    let frame = frame_bytes(setting.payload);
    let pairs = measure(setting.pairs(HALF_SECONDS), |arm| match arm {
        Arm::Ours => {
            let run = scenario.run(&[setting.machine.reader_cpu])?;
            let reads = figure(&run, "loadgen.reads");
            let sample = Sample {
                rate: reads / setting.seconds,
                cost: figure(&run, "loadgen.cpu_us_per_read") * 1e3,
                batch: figure(&run, "deliveries.delivered") / reads,
            };
            runs.push(run);
            Ok(sample)
        }
        Arm::Bare => {
            reader.order(Order { seconds: setting.seconds, bytes: 0, load: Load::Rate(setting.rate) })?;
            let tally = reader.tally(setting.seconds)?;
            let reads = tally.calls as f64;
            Ok(Sample {
                rate: reads / tally.elapsed_s,
                cost: tally.cpu_s * 1e9 / reads,
                batch: tally.bytes as f64 / frame / reads,
            })
        }
    })?;
    let mut conditions = vec![
        format!(
            "{} subscribers, {}-byte messages, {} publishes/s from fanout-server",
            setting.subscribers, setting.payload, setting.rate
        ),
        format!("{} pairs of {} s", setting.pairs(HALF_SECONDS), setting.seconds),
    ];
    conditions.extend(doubts(&runs));
    Ok(Outcome {
        name: "loadgen-single",
        arms: BESIDE_BARE,
        conditions,
        rows: vec![
            Row::new("receiver's CPU ns/read", Figure::Ratio(pairs.compare(|s| s.cost))).goal(Goal::AtMost(1.15)),
            Row::new("messages a read", Figure::Ratio(pairs.compare(|s| s.batch))),
            Row::new("reads/s", Figure::Ratio(pairs.compare(|s| s.rate))),
        ],
    })
}

/// As many messages a read as come.
pub fn batched(setting: &Setting) -> Result<Outcome, BenchError> {
    const RUNS: u32 = 5;
    /// Long enough that the first and the last flush do not matter.
    const SECONDS: f64 = 2.0;
    let (server, addr) = Program::server(setting.machine.server_cpu, &[])?;
    let scenario = Scenario {
        publishing: "count = 16\narrival = \"closed\"\nin_flight = 64".to_owned(),
        seconds: SECONDS,
        ..Scenario::new(Target::of(&server, addr), setting)
    };
    let runs: Vec<Value> =
        (0..RUNS).map(|_| scenario.run(&[setting.machine.reader_cpu])).collect::<Result<_, BenchError>>()?;
    let over = |path: &str| runs.iter().map(|run| figure(run, path)).collect::<Vec<_>>();
    let reads = runs.iter().map(|run| figure(run, "deliveries.delivered") / figure(run, "loadgen.reads"));
    let mut conditions = vec![
        format!(
            "{} subscribers, {}-byte messages; closed loop, 16 publishers x 64 in flight; {:.1} messages a read",
            setting.subscribers,
            setting.payload,
            bare_loops::median(&reads.collect::<Vec<_>>())
        ),
        format!("{RUNS} runs of {SECONDS} s; latency of every delivery, every byte compared"),
    ];
    conditions.extend(doubts(&runs));
    let closed = |run: &Value| figure(run, "connections.closed") + figure(run, "connections.refused");
    let rate = over("rates.deliveries_per_s");
    Ok(Outcome {
        name: "loadgen-batched",
        arms: BESIDE_BARE,
        conditions,
        rows: vec![
            Row::new("load generator: deliveries/s taken", Figure::alone(&rate)).goal(Goal::AtLeast(10e6)),
            Row::new("server: deliveries/s with the ledger on", Figure::alone(&rate)).goal(Goal::AtLeast(15e6)),
            Row::new("lost or otherwise wrong, most", Figure::alone(&[worst(runs.iter().map(wrong))]))
                .goal(Goal::AtMost(0.0)),
            Row::new("connections closed or refused, most", Figure::alone(&[worst(runs.iter().map(closed))]))
                .goal(Goal::AtMost(0.0)),
            Row::new("latency.sent.p99 us", Figure::alone(&over("latency.sent.p99"))),
            Row::new("receiver's CPU us/delivery", Figure::alone(&over("loadgen.cpu_us_per_delivery"))),
        ],
    })
}
