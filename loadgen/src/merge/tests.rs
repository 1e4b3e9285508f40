use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::record::Counts;
use crate::report::sample;
use crate::result::{Interval, Level, Quantiles, Reconnect};

/// A run whose deliveries took these times, of which `lost` more never came.
fn run(latencies: &[u64], lost: u64) -> Run {
    let mut counts = Counts::new();
    latencies.iter().for_each(|us| counts.record(*us));
    let expected = latencies.len() as u64 + lost;
    let mut run = sample::good();
    run.deliveries.expected = expected;
    run.deliveries.delivered = latencies.len() as u64;
    run.deliveries.lost = lost;
    run.latency.due = Some(counts.quantiles(Some(expected)));
    run.latency.arrived = counts.quantiles(None);
    run.latency.sent = counts.quantiles(None);
    run.histograms = [("due", &counts), ("sent", &counts)].map(|(k, c)| (k.to_owned(), c.to_base64_v2())).into();
    run
}

fn percentiles(q: &Quantiles) -> impl PartialEq + std::fmt::Debug {
    (q.p50, q.p90, q.p95, q.p99, q.p999, q.p9999, q.max, q.count)
}

proptest! {
    /// However samples are divided among runs, percentiles and the ledger are those of one run that had them all.
    #[test]
    fn merged_runs_have_the_percentiles_of_one(
        parts in prop::collection::vec((prop::collection::vec(prop_oneof![0..3000_u64, 0..50_000_000_u64], 1..60), 0..3_u64), 2..5),
    ) {
        let all: Vec<u64> = parts.iter().flat_map(|(latencies, _)| latencies.clone()).collect();
        let one = run(&all, parts.iter().map(|(_, lost)| lost).sum());
        let several: Vec<Run> = parts.iter().map(|(latencies, lost)| run(latencies, *lost)).collect();
        let merged = merge(&several, Timing::Together).unwrap();
        prop_assert_eq!(percentiles(merged.latency.due.as_ref().unwrap()), percentiles(one.latency.due.as_ref().unwrap()));
        prop_assert_eq!(percentiles(&merged.latency.arrived), percentiles(&one.latency.arrived));
        prop_assert_eq!(percentiles(&merged.latency.sent), percentiles(&one.latency.sent));
        prop_assert_eq!(&merged.histograms, &one.histograms);
        let (ours, theirs) = (&merged.deliveries, &one.deliveries);
        prop_assert_eq!((ours.expected, ours.delivered, ours.lost), (theirs.expected, theirs.delivered, theirs.lost));
    }
}

/// A run in which `cut` connections were cut: these came back after so long, and heard something after as long again.
fn returned(backs: &[u64], cut: u64, tenths: &[[u32; 2]]) -> Run {
    let (mut first, mut back) = (Counts::new(), Counts::new());
    backs.iter().for_each(|us| {
        back.record(*us);
        first.record(us * 2);
    });
    let us = |us: Option<u64>| us.map(|us| us as f64);
    let mut run = sample::good();
    // Reading and adding up the others takes nearly all of the time, and says nothing of returns.
    run.histograms.clear();
    run.intervals.clear();
    run.reconnect = Reconnect {
        count: backs.len() as u64,
        away: cut - backs.len() as u64,
        p50: us(first.percentile(0.5)),
        p99: us(first.percentile(0.99)),
        max: us(first.max()),
        cut,
        back_50: us(back.percentile_of(0.5, cut)),
        back_99: us(back.percentile_of(0.99, cut)),
        back_all: us(back.percentile_of(1.0, cut)),
        peak_per_s: Reconnect::busiest(tenths),
        handshakes_by_tenth: tenths.to_vec(),
        ..Reconnect::default()
    };
    if !backs.is_empty() {
        run.histograms.insert("reconnect.first".to_owned(), first.to_base64_v2());
        run.histograms.insert("reconnect.back".to_owned(), back.to_base64_v2());
    }
    run
}

/// Where some never came back, a run does not tell when the last of the others did: only its bucket is known then.
fn to_the_bucket(r: Reconnect) -> Reconnect {
    let bucket = |us: Option<f64>| {
        let mut counts = Counts::new();
        counts.record(us? as u64);
        Counts::from_base64_v2(&counts.to_base64_v2(), None, None).unwrap().max().map(|us| us as f64)
    };
    Reconnect { back_50: bucket(r.back_50), back_99: bucket(r.back_99), ..r }
}

proptest! {
    /// However returns are divided among runs, their times are those of one recorder that was told all of them.
    #[test]
    fn merged_returns_are_those_of_one(
        parts in prop::collection::vec((prop::collection::vec(0..40_000_000_u64, 0..40), 0..3_u64), 2..5),
    ) {
        let all: Vec<u64> = parts.iter().flat_map(|(backs, _)| backs.clone()).collect();
        let cut = |backs: &[u64], never: u64| backs.len() as u64 + never;
        let one = returned(&all, cut(&all, parts.iter().map(|(_, never)| never).sum()), &[]);
        let several: Vec<Run> = parts.iter().map(|(backs, never)| returned(backs, cut(backs, *never), &[])).collect();
        for timing in [Timing::Together, Timing::InTurn] {
            prop_assert_eq!(to_the_bucket(merge(&several, timing).unwrap().reconnect), to_the_bucket(one.reconnect.clone()));
        }
    }
}

#[test]
fn handshakes_of_runs_made_together_meet_in_the_same_tenth() {
    let runs = [returned(&[1], 1, &[[30, 40], [31, 5]]), returned(&[1], 1, &[[31, 50], [32, 7]])];
    let merged = merge(&runs, Timing::Together).unwrap();
    assert_eq!(merged.reconnect.handshakes_by_tenth, [[30, 40], [31, 55], [32, 7]]);
    assert_eq!(merged.reconnect.peak_per_s, Some(550.0));
    assert!(merged.notes.iter().any(|note| note.contains("as exact as these starts agree")), "{:?}", merged.notes);
    let in_turn = merge(&runs, Timing::InTurn).unwrap();
    assert_eq!(in_turn.reconnect.handshakes_by_tenth, [[30, 40], [31, 5], [681, 50], [682, 7]]);
    assert_eq!(in_turn.reconnect.peak_per_s, Some(500.0));
    assert_eq!(in_turn.notes.len(), 1, "nothing is inexact: {:?}", in_turn.notes);
}

#[test]
fn returns_of_an_older_version_are_not_made_up() {
    let mut old = returned(&[2_000_000], 1, &[[3, 9]]);
    old.histograms.remove("reconnect.first");
    old.histograms.remove("reconnect.back");
    old.reconnect.handshakes_by_tenth.clear();
    let merged = merge(&[returned(&[1000], 2, &[[3, 9]]), old], Timing::Together).unwrap();
    let r = &merged.reconnect;
    assert_eq!((r.count, r.cut, r.p50, r.back_50, r.peak_per_s), (2, 3, None, None, None));
    for said in ["run 2 is older than the histograms of returns", "run 2 is older than handshakes by tenth"] {
        assert!(merged.notes.iter().any(|note| note.contains(said)), "{:?}", merged.notes);
    }
}

#[test]
fn seconds_are_added_up_before_the_middle_one_is_looked_for() {
    let run = |cpu: [f64; 3], queue: u64| {
        let mut run = sample::good();
        let second = |(i, cpu): (u32, f64)| Interval {
            at_s: 6.0 + f64::from(i),
            length_s: 1.0,
            phase: "steady".to_owned(),
            server_cpu_s: Some(cpu),
            server_send_queue_max_bytes: Some(queue),
            schedule_lag_p99: Some(80.0),
            loadgen_cpu_s: cpu / 2.0,
            ..Interval::default()
        };
        run.intervals = (0..).zip(cpu).map(second).collect();
        run
    };
    let merged = merge(&[run([0.1, 0.5, 0.4], 100), run([0.7, 0.2, 0.4], 300)], Timing::Together).unwrap();
    let server = merged.server.unwrap().by_second;
    let rounded = |level: Level| (level.median.map(|n| (n * 1e6).round()), level.max.map(|n| (n * 1e6).round()));
    // 0.8, 0.7, 0.8: neither the sum of the medians (0.8 is, the highest are not) nor the larger of the highest.
    assert_eq!(rounded(server.cpu_share), (Some(800_000.0), Some(800_000.0)));
    assert_eq!(rounded(merged.loadgen.by_second.cpu_share), (Some(400_000.0), Some(400_000.0)));
    assert_eq!(server.send_queue_max_bytes, Level { median: Some(300.0), max: Some(300.0) }, "the fullest of all");
    assert_eq!(server.threads, Level::default(), "not sampled");
    assert_eq!(merged.intervals[0].schedule_lag_p99, None, "not known of both together");
}

#[test]
fn counts_and_rates_of_runs_made_together_add_up() {
    let one = sample::good();
    let merged = merge(&[one.clone(), one.clone(), one.clone()], Timing::Together).unwrap();
    assert_eq!(merged.deliveries.expected, 3 * one.deliveries.expected);
    assert_eq!(merged.connections.opened, 3 * one.connections.opened);
    assert_eq!(merged.subscribers, 3 * one.subscribers);
    assert_eq!(merged.rates.deliveries_per_s, 3.0 * one.rates.deliveries_per_s);
    assert!((merged.rates.deliveries_per_read - one.rates.deliveries_per_read).abs() < 1e-9);
    assert_eq!(merged.phases["steady"].length_s, one.phases["steady"].length_s);
    assert_eq!(merged.groups["members"].deliveries.delivered, 3 * one.groups["members"].deliveries.delivered);
    assert_eq!(merged.intervals.len(), one.intervals.len());
    let (ours, theirs) = (merged.server.unwrap(), one.server.unwrap());
    assert_eq!(ours.rss_bytes, 3 * theirs.rss_bytes);
    assert!((ours.cpu_s - 3.0 * theirs.cpu_s).abs() < 1e-9);
    assert!((ours.cpu_us_per_delivery.unwrap() - theirs.cpu_us_per_delivery.unwrap()).abs() < 1e-9);
    assert_eq!((merged.passed, merged.thresholds.len()), (true, one.thresholds.len()));
    assert!(merged.notes[0].contains("3 runs made at the same time"), "{:?}", merged.notes);
}

#[test]
fn rates_and_memory_of_runs_in_turn_do_not_add_up() {
    let mut later = sample::good();
    later.started = "2025-11-20T13:16:03Z".to_owned();
    let one = sample::good();
    let merged = merge(&[one.clone(), later], Timing::InTurn).unwrap();
    assert_eq!(merged.deliveries.expected, 2 * one.deliveries.expected);
    assert_eq!(merged.rates.deliveries_per_s, one.rates.deliveries_per_s);
    assert_eq!(merged.server.unwrap().rss_bytes, one.server.unwrap().rss_bytes);
    assert_eq!(merged.phases["steady"].length_s, 2.0 * one.phases["steady"].length_s);
    assert_eq!(merged.elapsed_s, 2.0 * one.elapsed_s);
    assert_eq!(merged.intervals.len(), 2 * one.intervals.len());
}

#[test]
fn runs_made_at_different_times_are_refused_unless_that_is_said() {
    let mut later = sample::good();
    later.started = "2025-11-20T13:16:03Z".to_owned();
    let error = merge(&[sample::good(), later], Timing::Together).unwrap_err();
    assert_eq!(
        error.to_string(),
        "run 1 was not made at the same time as the others (it ran from 2025-11-20T12:16:03Z to 71 s later); if they were made \
         one after the other, give --sequential"
    );
}

#[test]
fn runs_of_other_scenarios_are_refused_by_the_first_difference() {
    let mut other = sample::good();
    other.scenario = json!({ "name": "another", "seed": 7 });
    let error = merge(&[sample::good(), other], Timing::Together).unwrap_err();
    assert!(matches!(&error, MergeError::Scenario { run: 2, key, .. } if key == "name"), "{error}");
    let mut seeded = sample::good();
    seeded.scenario["seed"] = json!(12_345);
    let error = merge(&[sample::good(), seeded], Timing::Together).unwrap_err();
    assert!(matches!(&error, MergeError::Scenario { key, .. } if key == "seed"), "{error}");
    assert_eq!(merge(&[sample::good()], Timing::Together).unwrap_err(), MergeError::TooFew);
}

#[test]
fn each_machine_may_have_a_server_of_its_own_and_what_differs_is_said() {
    let mut other = sample::good();
    other.scenario["target"] = json!({ "url": "ws://10.0.0.2/" });
    other.environment.kernel = "6.1.0".to_owned();
    let merged = merge(&[sample::good(), other], Timing::Together).unwrap();
    assert!(merged.notes.iter().any(|note| note.starts_with("`environment.kernel` differs: ")), "{:?}", merged.notes);
}

#[test]
fn clocks_that_nobody_compared_are_said_to_be_so() {
    let run = |boot: &str, started: &str| {
        let mut run = sample::good();
        (run.environment.boot, run.started) = (boot.to_owned(), started.to_owned());
        run
    };
    let (here, there) = (|started| run("here", started), |started| run("there", started));
    let noon = "2025-11-20T12:00:00Z";
    let notes = |runs: &[Run], timing| merge(runs, timing).unwrap().notes;
    let says = |notes: &[String], text: &str| notes.iter().any(|note| note.contains(text));
    let one = notes(&[here(noon), here("2025-11-20T12:00:00.4Z")], Timing::Together);
    assert_eq!(one.len(), 1, "one clock, one moment: {one:?}");
    let late = notes(&[here("2025-11-20T12:00:03.5Z"), here(noon), here(noon)], Timing::Together);
    assert!(says(&late, "they began 3.5 s apart"), "{late:?}");
    let several = notes(&[here(noon), there(noon)], Timing::Together);
    assert!(says(&several, "several machines (or boots of one), whose clocks were not compared"), "{several:?}");
    assert!(!says(&several, "`environment.boot`"), "said once: {several:?}");
    let unknown = notes(&[here(noon), run("", noon)], Timing::Together);
    assert!(says(&unknown, "do not say whose clock"), "{unknown:?}");
    assert_eq!(notes(&[here(noon), there("2025-11-20T13:00:00Z")], Timing::InTurn).len(), 1, "times are not compared");
    let merged = merge(&[here(noon), there(noon)], Timing::Together).unwrap();
    let again = notes(&[merged, here(noon)], Timing::Together);
    assert!(says(&again, "do not say whose clock"), "what was merged has no clock: {again:?}");
    let error = merge(&[here(noon), there("2025-11-20T13:00:00Z")], Timing::Together).unwrap_err().to_string();
    assert!(error.contains("by the clocks of several machines, which were not compared"), "{error}");
}

#[test]
fn one_invalid_run_makes_all_invalid_and_says_which() {
    let mut bad = sample::good();
    bad.validity = Validity {
        valid: false,
        reasons: vec![Reason { rule: "cpu-limit".to_owned(), figure: "busy".to_owned(), cure: "rest".to_owned() }],
    };
    let merged = merge(&[sample::good(), bad], Timing::Together).unwrap();
    assert!(!merged.validity.valid && !merged.passed);
    assert_eq!(merged.validity.reasons[0].figure, "run 2: busy");
}

#[test]
fn what_has_no_histogram_is_not_made_up() {
    let mut old = sample::good();
    old.histograms.remove("due");
    let merged = merge(&[sample::good(), old], Timing::Together).unwrap();
    let due = merged.latency.due.unwrap();
    assert_eq!((due.p50, due.max, due.mean, due.count), (None, None, None, 3_000_000));
    assert!(merged.latency.sent.p50.is_some());
}
