//! The same load measured by both clients of `fanout`, which share no code that touches a socket.

use serde_json::Value;

use crate::Setting;
use crate::error::BenchError;
use crate::outcome::{Figure, Goal, Outcome, Row};
use crate::pairs::{Arm, Pairs};
use crate::scenario::{Scenario, Target, figure, pairs_of_runs, worst, wrong};

/// Runs of each client, unless `--pairs` says otherwise.
const RUNS: u32 = 25;
const SUBSCRIBERS: usize = 100;
/// Publishes a second, of all publishers together.
const RATE: u32 = 200;
const WARM_S: f64 = 1.0;
/// A machine's neighbours come and go within minutes: many short runs in turn meet the same of them with both clients, five long ones do
/// not. A run's p99 rests on one publish in a hundred, ten here, so single runs differ; their median rests on 250.
const SECONDS: f64 = 5.0;
/// Their medians may differ by this share of the larger one, or by this many microseconds.
const SHARE: f64 = 0.15;
const LEAST_US: f64 = 50.0;
/// What must be equal in all runs.
const COUNTS: [&str; 3] = ["publishes.sent", "deliveries.expected", "deliveries.delivered"];

/// Against the bundled server, and against Node's where its folder was named.
pub fn agree(setting: &Setting) -> Result<Outcome, BenchError> {
    let count = setting.pairs(RUNS);
    let mut conditions = vec![
        format!(
            "{SUBSCRIBERS} subscribers in 4 rooms, 4 publishers of {RATE} {}-byte messages a second together",
            setting.payload
        ),
        format!("{count} runs of {SECONDS} s with each client in turn, each with a fresh server"),
        format!(
            "the medians of the runs' percentiles may differ by {:.0} % or {LEAST_US} us, whichever is more",
            SHARE * 1e2
        ),
    ];
    let hub = setting.node_hub.clone().map(Target::NodeHub);
    let mut rows = Vec::new();
    for (name, target) in [("bundled", Some(Target::Bundled)), ("node", hub)] {
        let Some(target) = target else { continue };
        let (pairs, doubt) = pairs_of_runs(count, |arm| run(setting, target.clone(), arm))?;
        conditions.extend(doubt.map(|doubt| format!("{name}: {doubt}")));
        rows.extend(judge(name, &pairs));
    }
    Ok(Outcome { name: "clients", arms: ["native", "tungstenite"], conditions, rows })
}

fn run(setting: &Setting, target: Target, arm: Arm) -> Result<Value, BenchError> {
    let scenario = Scenario {
        subscribers: SUBSCRIBERS,
        rooms: "4".to_owned(),
        publishing: format!("count = 4\nrate = {RATE}"),
        warm_s: WARM_S,
        seconds: SECONDS,
        client: match arm {
            Arm::Ours => "native",
            Arm::Bare => "tungstenite",
        },
        ..Scenario::new(target, setting)
    };
    // Both: fanout starts the server and keeps it off its own.
    scenario.run(&[setting.machine.server_cpu, setting.machine.reader_cpu])
}

fn judge(name: &str, pairs: &Pairs<Value>) -> Vec<Row> {
    let row = |text: &str, figure| Row::new(format!("{name}: {text}"), figure);
    let counts: Vec<_> = pairs.all().map(|run| COUNTS.map(|path| figure(run, path))).collect();
    // Counts that are missing are not even equal to themselves.
    let different = counts.iter().filter(|&run| Some(run) != counts.first()).count();
    let mut rows = vec![
        row("deliveries", Figure::Ratio(pairs.compare(|run| figure(run, "deliveries.delivered")))),
        row("runs whose counts differ", Figure::alone(&[different as f64])).goal(Goal::AtMost(0.0)),
        row("lost or otherwise wrong, most", Figure::alone(&[worst(pairs.all().map(wrong))])).goal(Goal::AtMost(0.0)),
    ];
    for (percentile, beside) in [("p50", "p50's difference / allowed"), ("p99", "p99's difference / allowed")] {
        let path = format!("latency.due.{percentile}");
        let comparison = pairs.compare(|run| figure(run, &path));
        let share = share_of_allowed(comparison.ours, comparison.bare);
        rows.push(row(&format!("{path} us"), Figure::Ratio(comparison)));
        rows.push(row(beside, Figure::alone(&[share])).goal(Goal::AtMost(1.0)));
    }
    rows
}

/// How far two latencies in microseconds are apart, as a share of what is allowed.
fn share_of_allowed(a: f64, b: f64) -> f64 {
    (a - b).abs() / (SHARE * a.max(b)).max(LEAST_US)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairs::in_turns;
    use serde_json::json;

    #[test]
    fn small_latencies_may_differ_by_microseconds_and_large_ones_by_a_share() {
        assert_eq!(share_of_allowed(60.0, 110.0), 1.0);
        assert_eq!(share_of_allowed(2000.0, 1700.0), 1.0);
        assert!(share_of_allowed(2000.0, 1600.0) > 1.0);
        assert!(share_of_allowed(f64::NAN, 1.0).is_nan());
    }

    #[test]
    fn one_run_with_other_counts_or_without_any_misses_the_goal() {
        let run = |delivered: u64| {
            json!({
                "publishes": { "sent": 10 },
                "deliveries": { "expected": 100, "delivered": delivered, "lost": 100 - delivered,
                                "corrupted": 0, "duplicated": 0, "reordered": 0 },
                "latency": { "due": { "p50": 100.0, "p99": 200.0 } },
            })
        };
        let met = |values: [Value; 4]| {
            let mut values = values.into_iter();
            let pairs = in_turns(2, |_| Ok(values.next().unwrap())).unwrap();
            judge("x", &pairs).iter().all(|row| row.met() != Some(false))
        };
        assert!(met([run(100), run(100), run(100), run(100)]));
        assert!(!met([run(100), run(100), run(99), run(100)]));
        assert!(!met([run(100), json!({}), run(100), run(100)]));
    }
}
