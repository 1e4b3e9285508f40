//! No text, however broken, makes the scenario reader panic: it gives a plan or a sentence with a place.

use std::path::Path;

use loadgen::scenario::{Limits, needs, parse};
use proptest::prelude::*;

const LIMITS: Limits = Limits { descriptors: 20_000, ports: 28_232 };

const RICH: &str = r#"name = "rich"
description = "köln"
seed = 42
settle = "500ms"
correlate = "stamp"
max_schedule_lag = "1ms"
[target]
path = "/ws/{room}"
server = { lag_policy = "skip", shards = 1 }
headers = { Authorization = "Bearer x" }
[[connections]]
name = "phones"
count = 50
rooms = 5
spread = "zipf"
ramp = 2000
source_ips = ["127.0.0.2-127.0.0.5"]
[[publishers]]
name = "members"
from = "members"
every = "20ms"
arrival = "poisson"
payload = { template = '{"content":"{text} {stamp}"}', size = "128-512", corpus = "chat" }
[[phases]]
name = "warm-up"
for = "1.5s"
measure = false
[[phases]]
name = "goal"
for = "1s"
load = "1x-5x"
[thresholds]
"latency.due.p99" = ["< 50ms", "> 1us"]
deliveries.lost = "== 0"
"phases.goal.latency.due.p99" = { expr = "< 80ms" }
"#;

/// What a value might be by mistake, the awkward ends of each range among them.
const VALUES: [&str; 24] = [
    "0",
    "-1",
    "1",
    "4294967295",
    "9223372036854775807",
    "1e308",
    "1e-308",
    "nan",
    "inf",
    "true",
    "\"\"",
    "\"0s\"",
    "\"1ns\"",
    "\"584000000000years\"",
    "\"0.0000000000001x\"",
    "\"1000000000000x\"",
    "\"1GiB\"",
    "\"replay\"",
    "[]",
    "{}",
    "[1]",
    "\"{room}\"",
    "\"{env.HOME\"",
    "1979-05-27",
];

fn check(text: &str, sets: &[String]) -> Result<(), TestCaseError> {
    match parse(Path::new("fuzz.toml"), text, sets, &LIMITS) {
        Ok(plan) => {
            needs(&plan);
            let mut payload = Vec::new();
            for (group, publishers) in plan.publishers.iter().enumerate() {
                if publishers.payload.mean_size() < 1 << 20 {
                    publishers.payload.render(plan.first_publisher(group), 0, 1, &mut payload);
                }
                let _ = plan.pacer(group).schedule(0).map(|schedule| schedule.peek());
            }
        }
        Err(error) => {
            prop_assert!(error.place().is_some(), "{error}");
            prop_assert!(!error.to_string().is_empty());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_value_in_place_of_another_gives_a_plan_or_a_sentence(line in 0usize..40, value in 0usize..24) {
        let lines: Vec<String> = RICH.lines().enumerate().map(|(index, text)| match text.split_once(" = ") {
            Some((key, _)) if index == line => format!("{key} = {}", VALUES[value]),
            _ => text.to_owned(),
        }).collect();
        check(&lines.join("\n"), &[])?;
    }

    #[test]
    fn lines_in_any_order_give_a_plan_or_a_sentence(order in Just((0..38usize).collect::<Vec<_>>()).prop_shuffle(), keep in 1usize..38) {
        let lines: Vec<&str> = RICH.lines().collect();
        let text: Vec<&str> = order.iter().take(keep).filter_map(|i| lines.get(*i).copied()).collect();
        check(&text.join("\n"), &[])?;
    }

    #[test]
    fn bytes_cut_out_or_put_in_give_a_plan_or_a_sentence(at in 0usize..900, cut in 0usize..12, put in "\\PC{0,4}") {
        let mut text: Vec<char> = RICH.chars().collect();
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.chars());
        check(&text.into_iter().collect::<String>(), &[])?;
    }

    #[test]
    fn any_override_gives_a_plan_or_a_sentence(set in "(publishers|connections|phases|target|thresholds|seed)(\\.(members|phones|goal|count|rate|url)){0,3}=\\PC{0,12}") {
        check(RICH, &[set])?;
    }
}

#[test]
fn the_scenario_that_is_broken_here_works() {
    parse(Path::new("fuzz.toml"), RICH, &[], &LIMITS).unwrap();
}
