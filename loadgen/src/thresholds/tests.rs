use serde_json::json;

use super::*;
use crate::result::ComparedWith;

fn threshold(metric: &str, text: &str) -> Threshold {
    Threshold::parse(&Metric::find(metric, &["phones"], &["goal"]).unwrap(), text).unwrap()
}

fn decided(threshold: Threshold, run: &Value, baseline: &Baseline) -> ThresholdResult {
    evaluate(&[threshold], Evidence { run, baseline, windows: &[] }).remove(0)
}

fn found(run: Value) -> Baseline {
    Baseline::new(ComparedWith { path: "results/a".to_owned(), ..ComparedWith::default() }, run)
}

#[test]
fn a_figure_that_the_run_has_not_breaks_its_threshold() {
    let all = [
        threshold("latency.due.p99", "< 50ms"),
        threshold("deliveries.lost", "== 0"),
        threshold("server.cpu_us_per_delivery", "< 4"),
    ];
    let run = json!({ "latency": { "due": { "p99": null } }, "deliveries": { "lost": 0 }, "server": null });
    let results = evaluate(&all, Evidence { run: &run, baseline: &Baseline::default(), windows: &[] });
    assert_eq!(results.iter().map(|r| r.pass).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(results[1].value, Some(0.0));
    assert_eq!((results[0].value, results[0].limit), (None, Some(50_000.0)));
    assert_eq!(results[0].expr, "< 50ms");
}

#[test]
fn a_baseline_gives_the_limit() {
    let run = json!({ "latency": { "due": { "p50": 1500.0 } } });
    let baseline = found(json!({ "latency": { "due": { "p50": 1200.0 } } }));
    let held = decided(threshold("latency.due.p50", "< 1.5 x baseline"), &run, &baseline);
    assert_eq!((held.pass, held.baseline, held.limit), (true, Some(1200.0), Some(1800.0)));
    let broken = decided(threshold("latency.due.p50", "< 1.2 x baseline"), &run, &baseline);
    assert_eq!((broken.pass, broken.skipped, broken.limit), (false, false, Some(1440.0)));
}

#[test]
fn without_a_baseline_it_is_skipped_and_says_why() {
    let run = json!({ "latency": { "due": { "p50": 1500.0 } } });
    let skipped = decided(threshold("latency.due.p50", "< 1.5 x baseline"), &run, &Baseline::default());
    assert!(skipped.pass && skipped.skipped && skipped.limit.is_none());
    assert_eq!(skipped.why.as_deref(), Some("no --baseline was given"));
    let absent = found(json!({}));
    let skipped = decided(threshold("latency.due.p50", "< 1.5 x baseline"), &run, &absent);
    assert_eq!(skipped.why.as_deref(), Some("the baseline has no such figure"));
}

#[test]
fn a_baseline_that_is_required_and_missing_breaks_it() {
    let run = json!({ "latency": { "due": { "p50": 1500.0 } } });
    let broken = decided(threshold("latency.due.p50", "< 1.5 x baseline"), &run, &Baseline::default().required());
    assert!(!broken.pass && !broken.skipped);
    assert_eq!(broken.why.as_deref(), Some("no --baseline was given"));
    let value = decided(threshold("latency.due.p50", "< 2ms"), &run, &Baseline::default().required());
    assert!(value.pass, "a threshold without a baseline needs none");
}

#[test]
fn a_threshold_over_windows_has_the_worst_as_its_value() {
    let run = json!({ "latency": { "due": { "p99": 100.0 } } });
    let over = Threshold { over_s: Some(10), ..threshold("latency.due.p99", "< 1ms") };
    let broken = BrokenWindow { from_s: 3.0, to_s: 13.0, value: Some(2000.0) };
    let verdict = |broken| WindowVerdict { windows: 5, worst: Some(2000.0), broken, ended_the_run: false };
    let decide = |verdict: WindowVerdict| {
        let windows = [(0, verdict)];
        evaluate(std::slice::from_ref(&over), Evidence { run: &run, baseline: &Baseline::default(), windows: &windows })
            .remove(0)
    };
    let result = decide(verdict(Some(broken.clone())));
    assert_eq!((result.value, result.pass, result.over_s), (Some(2000.0), false, Some(10)));
    assert_eq!(result.broken, Some(broken));
    assert!(!decide(WindowVerdict::default()).pass, "without a whole window there is nothing to rely on");
    assert!(decide(WindowVerdict { worst: Some(900.0), ..verdict(None) }).pass);
}

#[test]
fn a_phase_that_never_began_is_not_judged() {
    let run = json!({ "ended_early": "the server died", "phases": { "goal": { "length_s": 0.0 } } });
    let result = decided(threshold("phases.goal.latency.due.p99", "< 1ms"), &run, &Baseline::default());
    assert!(result.skipped);
    assert_eq!(result.why.as_deref(), Some("the run ended before goal began"));
}

#[test]
fn values_are_shown_in_their_unit() {
    assert_eq!(shown("phases.goal.latency.due.p99", 12_340.0), "12.3 ms");
    assert_eq!(shown("deliveries.lost", 1200.0), "1,200");
    assert_eq!(shown("deliveries.lost_share", 0.012), "1.2 %");
    assert_eq!(shown("server.rss_bytes", 1024.0), "1 KiB");
    assert_eq!(shown("server.cpu_us_per_delivery", 3.21), "3.21");
}
