//! The load generator beside the bare reader, and at full speed.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;

use bare_loops::{Load, Order};
use serde_json::Value;

use crate::Setting;
use crate::child::Program;
use crate::error::BenchError;
use crate::outcome::{Figure, Goal, Outcome, Row};
use crate::pairs::{Arm, Sample, measure};
use crate::server::{frame_bytes, subscribers};

/// How long connecting, the probe, draining and the report may take, on top of the length of a run.
const PATIENCE_S: f64 = 90.0;

/// A scenario for `fanout run`, against a server that is already there.
pub struct Scenario<'a> {
    /// Where it listens.
    pub server: SocketAddr,
    /// Its process, for its memory and CPU.
    pub pid: u32,
    /// How many connections subscribe.
    pub subscribers: usize,
    /// Bytes of a message's payload.
    pub payload: usize,
    /// The lines of `[[publishers]]` that say how many, how often.
    pub publishing: &'a str,
    /// Length of the measured phase, in seconds.
    pub seconds: f64,
}

impl Scenario<'_> {
    fn toml(&self) -> String {
        let Self { server, pid, subscribers, payload, publishing, seconds } = self;
        let ms = (seconds * 1e3).round();
        format!(
            "name = \"bench\"\n\
             [target]\nurl = \"ws://{server}/broadcast/{{room}}\"\npid = {pid}\n\
             [[connections]]\nname = \"subscribers\"\ncount = {subscribers}\nrooms = 1\nramp = 5000\n\
             [[publishers]]\nname = \"source\"\n{publishing}\npayload = {{ size = {payload} }}\n\
             [[phases]]\nname = \"steady\"\nfor = \"{ms}ms\"\n"
        )
    }

    /// Runs it on `cpu` and returns its `run.json`.
    pub fn run(&self, cpu: usize) -> Result<Value, BenchError> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("bench.toml");
        std::fs::write(&file, self.toml())?;
        let argument = |path: &Path| path.to_string_lossy().into_owned();
        let mut arguments = ["run", "--format", "json", "--out"].map(str::to_owned).to_vec();
        arguments.extend([argument(&folder.path().join("out")), argument(&file)]);
        let complaints = folder.path().join("stderr");
        let program = Program::start_quietly("fanout", &arguments, cpu, File::create(&complaints)?.into())?;
        let text = program.everything(self.seconds + PATIENCE_S)?;
        serde_json::from_str(&text).map_err(|_| BenchError::Refused {
            complaints: std::fs::read_to_string(&complaints).unwrap_or_default().trim().to_owned(),
        })
    }
}

/// The number at a dotted path, or not a number.
pub fn figure(run: &Value, path: &str) -> f64 {
    path.split('.').try_fold(run, |value, key| value.get(key)).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

/// Why a run is invalid, as a condition of the outcome.
fn doubts(run: &Value) -> Option<String> {
    let reasons = run["validity"]["reasons"].as_array().filter(|reasons| !reasons.is_empty())?;
    let texts: Vec<String> = reasons.iter().map(|r| format!("{} ({})", r["rule"], r["figure"])).collect();
    Some(format!("a run was invalid: {}", texts.join(", ")))
}

/// One message a read.
pub fn single(setting: &Setting) -> Result<Outcome, BenchError> {
    let (server, addr) = Program::server(setting.machine.server_cpu)?;
    let mut reader = subscribers(setting, addr)?;
    let publishing = format!("count = 1\nrate = {}", setting.rate);
    let scenario = Scenario {
        server: addr,
        pid: server.pid(),
        subscribers: setting.subscribers,
        payload: setting.payload,
        publishing: &publishing,
        seconds: setting.seconds,
    };
    let mut doubt = None;
    let frame = frame_bytes(setting.payload);
    let pairs = measure(setting.pairs, |arm| match arm {
        Arm::Ours => {
            let run = scenario.run(setting.machine.reader_cpu)?;
            doubt = doubts(&run).or(doubt.take());
            let reads = figure(&run, "loadgen.reads");
            Ok(Sample {
                rate: reads / setting.seconds,
                cost: figure(&run, "loadgen.cpu_us_per_read") * 1e3,
                batch: figure(&run, "deliveries.delivered") / reads,
            })
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
        format!("{} pairs of {} s", setting.pairs, setting.seconds),
    ];
    conditions.extend(doubt);
    Ok(Outcome {
        name: "loadgen-single",
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
    let (server, addr) = Program::server(setting.machine.server_cpu)?;
    let scenario = Scenario {
        server: addr,
        pid: server.pid(),
        subscribers: setting.subscribers,
        payload: setting.payload,
        publishing: "count = 16\narrival = \"closed\"\nin_flight = 64",
        seconds: SECONDS,
    };
    let runs: Vec<Value> =
        (0..RUNS).map(|_| scenario.run(setting.machine.reader_cpu)).collect::<Result<_, BenchError>>()?;
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
    conditions.extend(runs.iter().find_map(doubts));
    let wrong: Vec<f64> = runs
        .iter()
        .map(|run| ["lost", "corrupted", "duplicated", "reordered"].map(|k| figure(run, &format!("deliveries.{k}"))))
        .map(|counts| counts.iter().sum())
        .collect();
    let worst = wrong.iter().copied().fold(0.0, f64::max);
    Ok(Outcome {
        name: "loadgen-batched",
        conditions,
        rows: vec![
            Row::new("deliveries/s", Figure::alone(&over("rates.deliveries_per_s"))).goal(Goal::AtLeast(10e6)),
            Row::new("lost or otherwise wrong, most", Figure::alone(&[worst])).goal(Goal::AtMost(0.0)),
            Row::new("latency.sent.p99 us", Figure::alone(&over("latency.sent.p99"))),
            Row::new("receiver's CPU us/delivery", Figure::alone(&over("loadgen.cpu_us_per_delivery"))),
        ],
    })
}
