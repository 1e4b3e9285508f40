//! Resident memory a connection, as the slope between few and many.
//!
//! ```text
//!   before the first ── ramp ── all open ── 5 s of silence ── idle ── 5 s, one message a second to all ── end
//!   connection                                                                        the peak: the most of all this
//! ```
//!
//! A scenario needs publishers, so the silence is its `settle`: nothing is published before it is over. Every run, however small,
//! needs some memory more for its report at the end, which flattens the slope between two peaks; the bound, from the smaller run
//! idle to the larger one's peak, does not profit from that.

use serde_json::Value;

use crate::Setting;
use crate::child::Program;
use crate::error::BenchError;
use crate::outcome::{BESIDE_BARE, Figure, Goal, Outcome, Row};
use crate::scenario::{Scenario, Target, figure};

const FEW: usize = 1_000;
const MANY: usize = 19_000;
/// After the ramp, without any traffic: what it left behind has then been given back, or never will be.
const IDLE_S: f64 = 5.0;
/// With a message a second to everyone.
const TRAFFIC_S: f64 = 5.0;

/// Resident bytes of `side` after the silence. `run.json` has them as growth since before the first connection, for each opened.
fn idle(run: &Value, side: &str) -> f64 {
    let of = |key: &str| figure(run, &format!("{side}.{key}"));
    let growth = of("rss_bytes_per_connection") * figure(run, "connections.opened");
    // No growth at all is how `run.json` says that it shrank; by how much, it does not say.
    if growth > 0.0 { of("rss_idle_bytes") + growth } else { f64::NAN }
}

/// Two runs, each against a fresh server.
pub fn slope(setting: &Setting) -> Result<Outcome, BenchError> {
    let run = |subscribers| {
        let (server, addr) = Program::server(setting.machine.server_cpu, &[])?;
        let scenario = Scenario {
            subscribers,
            settle_s: IDLE_S,
            seconds: TRAFFIC_S,
            ..Scenario::new(Target::of(&server, addr), setting)
        };
        scenario.run(&[setting.machine.reader_cpu])
    };
    let (few, many) = (run(FEW)?, run(MANY)?);
    let slope = |bytes: &dyn Fn(&Value) -> f64| Figure::alone(&[(bytes(&many) - bytes(&few)) / (MANY - FEW) as f64]);
    let mut rows = Vec::new();
    for (side, name, most) in [("server", "server", 300.0), ("loadgen", "load generator", 500.0)] {
        let at = |key: &str| slope(&|run| figure(run, &format!("{side}.{key}")));
        let row = |when: &str, figure| Row::new(format!("{name}, {when}"), figure).goal(Goal::AtMost(most));
        rows.push(row("idle", slope(&|run| idle(run, side))));
        rows.push(row("at the end", at("rss_bytes")));
        rows.push(row("at the peak", at("rss_peak_bytes")));
        let bound = figure(&many, &format!("{side}.rss_peak_bytes")) - idle(&few, side);
        rows.push(row("at the peak, upper bound", Figure::alone(&[bound / (MANY - FEW) as f64])));
    }
    let many = |path: &str| Figure::alone(&[figure(&many, path)]);
    rows.extend([
        Row::new("kernel, both ends", many("server.kernel_bytes_per_connection")),
        Row::new("connections opened", many("connections.opened")).goal(Goal::AtLeast(MANY as f64)),
        Row::new("opened a second", many("connections.opened_per_s")),
        Row::new("deliveries lost", many("deliveries.lost")).goal(Goal::AtMost(0.0)),
    ]);
    Ok(Outcome {
        name: "memory",
        arms: BESIDE_BARE,
        conditions: vec![
            format!("resident bytes a connection: slope from {FEW} to {MANY}, each run with a fresh server"),
            format!(
                "idle: all open, then {IDLE_S} s without a message; end: {TRAFFIC_S} s later, with one {}-byte message a second \
                 to all of them; peak: the most at any time, the ramp and the report included; upper bound: from {FEW} idle to {MANY} at the \
                 peak",
                setting.payload
            ),
        ],
        rows,
    })
}
