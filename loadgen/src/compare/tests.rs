//! Comparisons of runs made up, for the tests of this module and of the reports.

use std::collections::BTreeMap;

use super::*;
use crate::report::sample;
use crate::result::{Reason, Run, ThresholdResult, Validity};
use crate::seeded::Seeded;
use crate::thresholds::Metric;
use crate::way::Way;

/// A run of a machine whose luck is `common`, at 3 % noise of its own, changed by `change`.
fn run(random: &mut Seeded, common: f64, change: impl Fn(&mut Run)) -> Run {
    let mut run = sample::good();
    let mut noisy = |value: &mut f64, noise: f64| *value *= common * (1.0 + noise * (random.unit() * 2.0 - 1.0));
    if let Some(server) = &mut run.server {
        noisy(&mut server.cpu_s, 0.01);
        server.cpu_us_per_delivery = Some(server.cpu_s * 1e6 / run.deliveries.delivered as f64);
        for figure in [&mut server.rss_bytes_per_connection, &mut run.loadgen.cpu_us_per_delivery] {
            figure.iter_mut().for_each(|value| noisy(value, 0.01));
        }
    }
    if let Some(due) = &mut run.latency.due {
        for figure in [&mut due.p50, &mut due.p99, &mut due.p999, &mut run.latency.sent.p99, &mut run.connect.p99] {
            figure.iter_mut().for_each(|value| noisy(value, 0.03));
        }
    }
    change(&mut run);
    run
}

/// Trials in blocks; `b` is what arm b changes.
fn trials(blocks: u32, b: impl Fn(&mut Run)) -> Vec<Trial> {
    let mut random = Seeded::new(11, [0, 0]);
    let mut trials = Vec::new();
    for block in 1..=blocks {
        let common = 1.0 + 0.2 * random.unit();
        trials.push(Trial { block, arm: Arm::A, run: run(&mut random, common, |_| ()) });
        trials.push(Trial { block, arm: Arm::B, run: run(&mut random, common, &b) });
    }
    trials
}

fn cheaper_bytes(run: &mut Run) {
    run.scenario["target"] = serde_json::json!({ "server": { "compression": "shared" } });
    run.rates.wire_bytes_per_s /= 6.3;
    if let Some(server) = &mut run.server {
        server.cpu_s *= 1.03;
        server.cpu_us_per_delivery.iter_mut().for_each(|value| *value *= 1.03);
    }
}

fn expectations(texts: &[&str]) -> Vec<Expectation> {
    let find = |path: &str| Metric::find(path, &["members"], &["steady"]).map_err(|e| e.to_string());
    texts.iter().map(|text| Expectation::parse(text, find).unwrap()).collect()
}

fn asked<'e>(names: [&str; 2], runs: u32, expect: &'e [Expectation]) -> Asked<'e> {
    let names = Names { a: names[0].to_owned(), b: names[1].to_owned() };
    Asked { scenario: "chat-peak", names, runs, expect }
}

/// b sends far fewer bytes for a little more CPU; one run was invalid and repeated, in two a threshold failed.
pub(crate) fn shared() -> Comparison {
    let expect =
        expectations(&["server.cpu_us_per_delivery <= 1.05 x a", "deliveries.lost == 0", "latency.due.p99 < 50ms"]);
    let mut trials = trials(10, cheaper_bytes);
    let mut invalid = trials[4].clone();
    let reason = Reason { rule: "schedule-lag".to_owned(), figure: "late".to_owned(), cure: "none".to_owned() };
    invalid.run.validity = Validity { valid: false, reasons: vec![reason] };
    for trial in &mut trials[6..8] {
        trial.run.thresholds[0] = ThresholdResult { pass: false, ..trial.run.thresholds[0].clone() };
    }
    trials.insert(4, invalid);
    Comparison::of_blocks(&asked(["off", "shared"], 10, &expect), &trials)
}

/// b uses a tenth more CPU than it may.
pub(crate) fn broken() -> Comparison {
    let expect = expectations(&["server.cpu_us_per_delivery <= 1.05 x a", "latency.due.p99 <= 1.01 x a"]);
    let trials = trials(12, |run| {
        if let Some(server) = &mut run.server {
            server.cpu_us_per_delivery.iter_mut().for_each(|value| *value *= 1.16);
        }
    });
    Comparison::of_blocks(&asked(["one-shard", "two-shards"], 12, &expect), &trials)
}

/// The same setting twice.
pub(crate) fn alike() -> Comparison {
    Comparison::of_blocks(&asked(["off", "off"], 10, &[]), &trials(10, |_| ()))
}

/// Two blocks.
pub(crate) fn few() -> Comparison {
    let mut comparison = Comparison::of_blocks(&asked(["off", "shared"], 10, &[]), &trials(2, cheaper_bytes));
    comparison.ended_early = Some("Ctrl-C after 4 of 20 runs".to_owned());
    comparison
}

/// The kernel was changed on the way.
pub(crate) fn drifting() -> Comparison {
    let mut trials = trials(10, cheaper_bytes);
    for trial in &mut trials[10..] {
        trial.run.environment.kernel = "6.13.0".to_owned();
    }
    Comparison::of_blocks(&asked(["off", "shared"], 10, &[]), &trials)
}

/// b is faster, because it loses a part.
pub(crate) fn losing() -> Comparison {
    let expect = expectations(&["deliveries.lost_share <= 1 x a"]);
    let trials = trials(10, |run| {
        run.deliveries.lost_share = 0.012;
        if let Some(due) = &mut run.latency.due {
            (due.p50, due.p99, due.p999) = (due.p50.map(|us| us / 2.0), None, None);
        }
        run.connections.closed = 3;
    });
    Comparison::of_blocks(&asked(["patient", "hasty"], 10, &expect), &trials)
}

/// Two sets of old runs.
pub(crate) fn sets() -> Comparison {
    Comparison::of_sets(&asked(["v1", "v2"], 10, &[]), &trials(14, cheaper_bytes))
}

/// One run against one.
pub(crate) fn tripwire() -> Comparison {
    let trials = trials(1, |run| {
        if let Some(due) = &mut run.latency.due {
            due.p99 = due.p99.map(|us| us * 1.4);
            due.p50 = due.p50.map(|us| us * 1.4);
        }
    });
    Comparison::of_sets(&asked(["monday", "tuesday"], 1, &[]), &trials)
}

/// Three ways in blocks: standalone saves a sixth for a quarter more CPU, shared five sixths for 10 % more.
pub(crate) fn in_three_ways(blocks: u32) -> Vec<Trial<Way>> {
    let mut random = Seeded::new(17, [0, 0]);
    let mut trials = Vec::new();
    for block in 1..=blocks {
        let common = 1.0 + 0.2 * random.unit();
        for (way, bytes, cpu) in [(Way::Off, 1.0, 1.0), (Way::Standalone, 1.18, 1.25), (Way::Shared, 6.1, 1.1)] {
            let change = |run: &mut Run| {
                run.rates.wire_bytes_per_s /= bytes;
                run.compression.ratio = Some(bytes);
                if let Some(server) = &mut run.server {
                    server.cpu_s *= cpu;
                    server.cpu_us_per_delivery.iter_mut().for_each(|value| *value *= cpu);
                }
            };
            trials.push(Trial { block, arm: way, run: run(&mut random, common, change) });
        }
    }
    trials
}

pub(crate) const TARIFF: Tariff = Tariff { per_core_hour: 0.05, per_gb: 0.05 };

#[test]
fn the_cheapest_way_is_recommended_with_the_price_from_which_on_it_pays() {
    let ways = Ways::of("chat-peak", 10, TARIFF, &in_three_ways(10));
    assert_eq!((ways.recommended, ways.exit_code(), ways.blocks), (Some(Way::Shared), 0, 10));
    let says = |text: &str| assert!(ways.recommendation.contains(text), "{}", ways.recommendation);
    says("take shared: 6.1 times fewer bytes for ");
    says(" more server CPU per delivery, which pays where a GB costs more than ");
    says("p99 latency shows no difference");
    // A tenth of 16.7 us, and 5.1 / 6.1 of 132 bytes: 1.67e-6 / 3600 x 0.05 for 110e-9 GB.
    let BreakEven::From { price, interval } = ways.others[1].break_even else {
        panic!("{:?}", ways.others[1].break_even)
    };
    assert!((price / 0.00021 - 1.0).abs() < 0.2 && interval.contains(price), "{price} {interval:?}");
    assert!(ways.columns().all(|column| column.cost_per_million.is_some()));
}

#[test]
fn at_a_low_price_of_traffic_compression_is_left_off() {
    let cheap = Tariff { per_core_hour: 0.05, per_gb: 0.000_001 };
    let ways = Ways::of("chat-peak", 10, cheap, &in_three_ways(10));
    assert_eq!(ways.recommended, Some(Way::Off));
    assert!(ways.recommendation.starts_with("leave compression off: "), "{}", ways.recommendation);
}

#[test]
fn a_way_that_loses_deliveries_is_not_recommended_and_few_runs_recommend_nothing() {
    let mut trials = in_three_ways(10);
    for trial in trials.iter_mut().filter(|trial| trial.arm == Way::Shared) {
        trial.run.deliveries.lost_share = 0.01;
    }
    let ways = Ways::of("chat-peak", 10, TARIFF, &trials);
    assert_eq!(ways.recommended, Some(Way::Standalone));
    assert!(ways.recommendation.contains("shared loses more deliveries"), "{}", ways.recommendation);
    let few = Ways::of("chat-peak", 10, TARIFF, &in_three_ways(3));
    assert_eq!((few.recommended, few.exit_code()), (None, 4));
    assert_eq!(few.others[0].break_even, BreakEven::Unknown);
}

#[test]
fn the_sentence_names_gain_cost_and_what_shows_nothing() {
    let summary = shared().summary;
    assert!(
        summary
            .starts_with("b (shared) sends 6.3 times fewer bytes than a (off) for 3 % more server CPU per delivery; "),
        "{summary}"
    );
    assert!(summary.contains("p99 latency (one of ") && summary.contains("would have been seen"), "{summary}");
}

#[test]
fn a_block_with_an_invalid_run_is_left_out_until_it_is_repeated() {
    let mut trials = trials(10, |_| ());
    trials[3].run.validity.valid = false;
    let comparison = Comparison::of_blocks(&asked(["x", "y"], 10, &[]), &trials);
    assert_eq!((comparison.runs, comparison.b.valid, comparison.b.invalid, comparison.exit_code()), (9, 9, 1, 4));
    let again = Trial { run: trials[2].run.clone(), ..trials[3].clone() };
    trials.push(again);
    assert_eq!(Comparison::of_blocks(&asked(["x", "y"], 10, &[]), &trials).runs, 10);
}

#[test]
fn a_metric_that_some_runs_have_not_is_never_judged_by_the_others() {
    let comparison = losing();
    assert!(comparison.metric("latency.due.p99").is_none());
    let found: BTreeMap<&str, &Uncompared> = comparison.uncompared.iter().map(|m| (m.name.as_str(), m)).collect();
    assert_eq!(found["latency.due.p99"].why, "no value in 0 of 10 runs of a, 10 of 10 of b");
    assert_eq!(found["latency.due.p99"].b, None);
    assert_eq!(comparison.exit_code(), 3, "what a has none of, b must not have");
    assert!(comparison.summary.contains("b lost 1.2 % of its deliveries, a nothing"), "{}", comparison.summary);
}

#[test]
fn what_is_equal_in_every_block_costs_the_others_nothing() {
    let comparison = alike();
    assert!(comparison.equal.iter().any(|metric| metric.name == "rates.deliveries_per_s"));
    assert!(comparison.metric("rates.deliveries_per_s").is_none());
}

#[test]
fn no_valid_run_is_no_comparison() {
    let expect = expectations(&["latency.due.p99 < 50ms"]);
    let comparison = Comparison::of_blocks(&asked(["x", "y"], 10, &expect), &[]);
    assert_eq!((comparison.exit_code(), comparison.metrics.len()), (4, 0));
    assert_eq!(comparison.expectations[0].standing, Standing::Broken);
}

#[test]
fn a_mean_machine_raises_no_alarm_in_an_a_a_comparison() {
    assert!(alike().metrics.iter().all(|metric| metric.finding.verdict == crate::analyse::Verdict::Unclear));
}
