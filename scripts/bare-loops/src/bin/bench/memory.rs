//! Resident memory a connection, as the slope between few and many.

use crate::Setting;
use crate::child::Program;
use crate::error::BenchError;
use crate::loadgen::{Scenario, figure};
use crate::outcome::{Figure, Goal, Outcome, Row};

const FEW: usize = 1_000;
const MANY: usize = 19_000;
/// After the ramp: what it left behind has then been given back, or never will be.
const IDLE_S: f64 = 5.0;

/// Two runs, each against a fresh server.
pub fn slope(setting: &Setting) -> Result<Outcome, BenchError> {
    let run = |subscribers| {
        let (server, addr) = Program::server(setting.machine.server_cpu)?;
        let scenario = Scenario {
            server: addr,
            pid: server.pid(),
            subscribers,
            payload: setting.payload,
            publishing: "count = 1\nrate = 1",
            seconds: IDLE_S,
        };
        scenario.run(setting.machine.reader_cpu)
    };
    let (few, many) = (run(FEW)?, run(MANY)?);
    let slope = |path: &str| Figure::alone(&[(figure(&many, path) - figure(&few, path)) / (MANY - FEW) as f64]);
    let opened = figure(&many, "connections.opened");
    Ok(Outcome {
        name: "memory",
        conditions: vec![
            format!("slope from {FEW} to {MANY} connections, each run with a fresh server; bytes a connection"),
            format!("after {IDLE_S} s with one {}-byte message a second to all of them", setting.payload),
        ],
        rows: vec![
            Row::new("server, resident", slope("server.rss_bytes")).goal(Goal::AtMost(300.0)),
            Row::new("server, at the peak", slope("server.rss_peak_bytes")).goal(Goal::AtMost(300.0)),
            Row::new("load generator, resident", slope("loadgen.rss_bytes")).goal(Goal::AtMost(500.0)),
            Row::new("load generator, at the peak", slope("loadgen.rss_peak_bytes")).goal(Goal::AtMost(500.0)),
            Row::new("kernel, both ends", Figure::alone(&[figure(&many, "server.kernel_bytes_per_connection")])),
            Row::new("connections opened", Figure::alone(&[opened])).goal(Goal::AtLeast(MANY as f64)),
            Row::new("deliveries lost", Figure::alone(&[figure(&many, "deliveries.lost")])).goal(Goal::AtMost(0.0)),
        ],
    })
}
