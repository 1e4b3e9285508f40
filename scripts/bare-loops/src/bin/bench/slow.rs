//! What one reader that has stopped costs the others of its room, under each lag policy.

use serde_json::Value;

use crate::Setting;
use crate::child::Program;
use crate::error::BenchError;
use crate::outcome::{Figure, Goal, Outcome, Row};
use crate::pairs::{Arm, Pairs};
use crate::scenario::{Scenario, Target, figure, least, pairs_of_runs, worst, wrong};
use crate::server::most_publishes;

/// Pairs of runs a policy, unless `--pairs` says otherwise.
const PAIRS: u32 = 5;
const SETTLE_S: f64 = 0.3;
/// Long enough for the stopped reader to fall behind the log.
const WARM_S: f64 = 5.0;
/// Several hundred publishes, so that p99 is not that of the machine's one longest pause.
const SECONDS: f64 = 15.0;
/// Of what the server can, as publishes a second: nearer to it, latencies are those of a queue, which makes much of the machine's every
/// pause.
const LOAD: f64 = 0.4;
const PAYLOAD: usize = 8 << 10;
/// A second or so of messages.
const ROOM_LOG: usize = 256 << 10;
const ROOM: &str = "r0";

/// A lag policy, and the counter of `/stats` that says that it has acted.
const POLICIES: [(&str, &str); 3] =
    [("disconnect", "disconnected"), ("skip", "skipped_connections"), ("latest", "skipped_connections")];

/// All three policies.
pub fn reader(setting: &Setting) -> Result<Outcome, BenchError> {
    let count = setting.pairs(PAIRS);
    let setting = &Setting { payload: PAYLOAD, ..setting.clone() };
    let rate = (LOAD * most_publishes(setting)?).round().max(1.0);
    let mut conditions = vec![
        format!(
            "{} subscribers of one room, {PAYLOAD}-byte messages, {rate} publishes/s, {:.0} % of what the server can here; \
             with: one of them has stopped reading",
            setting.subscribers,
            LOAD * 1e2
        ),
        format!("--room-log {} KiB, each lag policy in turn; room log and lag counters from /stats", ROOM_LOG >> 10),
        format!("{count} pairs of {SECONDS} s after {WARM_S} s of warm-up, each run with a fresh server"),
    ];
    let mut rows = Vec::new();
    for (policy, counter) in POLICIES {
        let (pairs, doubt) = pairs_of_runs(count, |arm| run(setting, policy, rate, arm))?;
        conditions.extend(doubt.map(|doubt| format!("{policy}: {doubt}")));
        rows.extend(judge(policy, counter, &pairs));
    }
    Ok(Outcome { name: "slow-reader", arms: ["with", "without"], conditions, rows })
}

fn run(setting: &Setting, policy: &str, rate: f64, arm: Arm) -> Result<Value, BenchError> {
    let room_log = ROOM_LOG.to_string();
    let flags = ["--lag-policy", policy, "--room-log", &room_log];
    let (server, addr) = Program::server(setting.machine.server_cpu, &flags)?;
    let stopped = match arm {
        Arm::Ours => Some(bare_loops::stopped_reader(addr, &format!("/broadcast/{ROOM}"))?),
        Arm::Bare => None,
    };
    let scenario = Scenario {
        // The stopped reader is one of them.
        subscribers: setting.subscribers - usize::from(stopped.is_some()),
        rooms: format!("[\"{ROOM}\"]"),
        publishing: format!("count = 1\nrate = {rate:?}"),
        settle_s: SETTLE_S,
        warm_s: WARM_S,
        seconds: SECONDS,
        ..Scenario::new(Target::of(&server, addr), setting)
    };
    scenario.run(&[setting.machine.reader_cpu])
}

fn judge(policy: &str, counter: &str, pairs: &Pairs<Value>) -> Vec<Row> {
    let row = |text: &str, figure| Row::new(format!("{policy}: {text}"), figure);
    let logs: Vec<f64> = pairs.ours().map(|run| figure(run, "server.stats.log_bytes")).collect();
    let acted = pairs.ours().map(|run| figure(run, &format!("server.stats.lagged.{counter}")));
    vec![
        row("latency.due.p99 of the others us", Figure::Ratio(pairs.compare(|run| figure(run, "latency.due.p99"))))
            .goal(Goal::AtMost(1.1)),
        row("lost or wrong at the others", Figure::alone(&[worst(pairs.all().map(wrong))])).goal(Goal::AtMost(0.0)),
        row("others closed", Figure::alone(&[worst(pairs.all().map(|run| figure(run, "connections.closed")))]))
            .goal(Goal::AtMost(0.0)),
        row("room log at the end, bytes", Figure::alone(&[worst(logs)])).goal(Goal::AtMost(ROOM_LOG as f64)),
        row("the policy acted, times a run", Figure::alone(&[least(acted)])).goal(Goal::AtLeast(1.0)),
    ]
}
