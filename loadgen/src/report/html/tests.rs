//! What must hold of every page; how it looks is looked at in a browser.

use super::*;
use crate::analyse::search::{Bounds, Length, Upper, Verdict};
use crate::capacity::{Axis, Found, Outcome, Trial};
use crate::compare::tests::{alike, broken, drifting, few, losing, sets, shared, tripwire};
use crate::report::batch::{Batch, Which};
use crate::report::json;
use crate::report::sample;

/// As the first version wrote it.
const OLD: &str = include_str!("../old_runs/2026-11-20.json");

/// Elements that have no end.
const VOID: [&str; 3] = ["meta", "link", "br"];

/// Fails where an element is not closed, or closed by another's end: `rect;` for `rect {}`, or a text that was not escaped.
fn assert_well_formed(page: &str) {
    let body = page.split_once("<!DOCTYPE html>").unwrap().1;
    let mut open: Vec<&str> = Vec::new();
    let mut rest = body;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "near {}", &after[..after.len().min(80)]);
            continue;
        }
        let name = tag.split(' ').next().unwrap();
        if name == "style" || name == "script" {
            rest = after.split_once(&format!("</{name}>")).unwrap().1;
        } else if !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

fn assert_loads_nothing(page: &str) {
    for way in ["src=", "url(", "@import", "href=\"http", "href=\"//", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(way), "{way}");
    }
}

fn runs() -> Vec<Run> {
    let mut runs = vec![sample::good(), sample::failed(), sample::lost(), sample::dropped(), sample::invalid()];
    runs.extend([
        sample::closed_loop(),
        sample::echo(),
        sample::compressed(),
        sample::interrupted(),
        sample::timed(70),
        sample::returned(),
    ]);
    runs.push(json::read(OLD).unwrap());
    runs
}

#[test]
fn every_run_has_a_page_that_is_whole_and_loads_nothing() {
    for run in runs() {
        let page = page(&run);
        assert_well_formed(&page);
        assert_loads_nothing(&page);
        assert!(!page.contains("NaN") && !page.contains("inf "), "a figure that is none");
    }
}

#[test]
fn the_verdict_comes_first_in_the_words_of_the_terminal() {
    let page = page(&sample::invalid());
    let body = page.split_once("<body>").unwrap().1;
    let place = |text: &str| body.find(text).unwrap_or_else(|| panic!("{text} is not there"));
    assert!(place("! INVALID") < place("fanout sent publishes late: p99 8.10 ms where 1.20 ms is allowed"));
    assert!(place("what to do: lower the publishers") < place("5,000 subscribers in 50 rooms"));
    assert!(place("fanout 99 %: fanout was the limit") < place("<nav>"));
}

#[test]
fn names_cannot_become_markup() {
    let mut run = sample::timed(30);
    run.scenario["name"] = "</title><script>alert(1)</script>".into();
    run.notes.push("<img src=x onerror=alert(1)>".to_owned());
    let phase = run.phases["steady"].clone();
    run.phases.insert("\"><b>".to_owned(), phase);
    run.thresholds[0].expr = "< 50ms & more".to_owned();
    let page = page(&run);
    assert_well_formed(&page);
    assert!(!page.contains("<script>alert") && !page.contains("<img") && !page.contains("<b>&quot;"));
    assert!(page.contains("&lt; 50ms &amp; more"));
}

#[test]
fn ten_minutes_are_far_below_a_megabyte() {
    let run = sample::timed(600);
    let page = page(&run);
    assert!(page.len() < 700_000, "{} bytes", page.len());
    assert!(page.contains("A column is 3 s"));
    let line = json::line(&run);
    let heat: usize =
        run.intervals.iter().map(|interval| serde_json::to_string(&interval.arrivals).unwrap().len()).sum();
    assert!(heat < line.len() / 2 && heat < 150_000, "{heat} of {} bytes", line.len());
}

#[test]
fn an_old_run_has_its_lines_and_says_why_there_is_no_map() {
    let page = page(&json::read(OLD).unwrap());
    assert!(page.contains("older than the histograms of each second"));
    assert!(!page.contains("class=\"heat\"") && page.contains("class=\"line p99\""));
}

#[test]
fn what_never_arrived_ends_the_spectrum() {
    assert!(page(&sample::lost()).contains("never: 1.2 % missing"));
    assert!(!page(&sample::good()).contains("missing</text>"));
}

#[test]
fn connections_that_came_back_have_a_section() {
    let page = page(&sample::returned());
    assert_well_formed(&page);
    assert!(page.contains("id=\"returns\"") && page.contains("half after 2.5 s, 99 % after 4.95 s, all never"));
    for chart in ["Open again after the cut", "Handshakes of returns a second", "Open connections"] {
        assert_eq!(page.matches(&format!("aria-label=\"{chart}\"")).count(), 2, "{chart}, in both sizes");
    }
    assert!(page.contains("group forgetful") && page.contains("5,000 cut, open again: half after"));
    assert!(!super::page(&sample::good()).contains("id=\"returns\""));
}

#[test]
fn sections_without_figures_are_left_out() {
    let good = page(&sample::good());
    for absent in ["id=\"errors\"", "id=\"notes\"", "id=\"time\""] {
        assert!(!good.contains(absent), "{absent}");
    }
    assert!(page(&sample::dropped()).contains("overloaded or the client too slow"));
    assert!(
        page(&sample::echo()).contains("The server&#39;s process is not known")
            || page(&sample::echo()).contains("The server's process is not known")
    );
}

#[test]
fn every_comparison_has_a_page() {
    for of in [shared(), broken(), alike(), few(), drifting(), losing(), sets(), tripwire()] {
        let page = comparison(&of, &[]);
        assert_well_formed(&page);
        assert_loads_nothing(&page);
        for metric in &of.metrics {
            assert!(page.contains(&metric.finding.name));
        }
    }
}

#[test]
fn another_machine_is_said_loudly_before_what_was_found() {
    let of = drifting();
    let page = comparison(&of, &[]);
    let loud = page.find("The machine was not the same for all runs").unwrap();
    assert!(loud < page.find("class=\"sentence\"").unwrap());
}

#[test]
fn spectra_of_both_settings_lie_over_each_other() {
    use crate::compare::{Arm, Trial};
    let trial = |arm, run| Trial { block: 1, arm, run };
    let trials = [trial(Arm::A, sample::good()), trial(Arm::B, sample::lost())];
    let page = comparison(&alike(), &trials);
    assert!(page.contains("Percentile spectra of a and b") && page.contains("\nb never"));
    assert!(!comparison(&alike(), &trials[..1]).contains("Percentile spectra of a and b"));
}

#[test]
fn a_trend_has_a_chart_for_each_figure_and_marks_its_changes() {
    let trends = crate::trend::trends(crate::trend::tests::dearer());
    let page = trend(&trends);
    assert_well_formed(&page);
    assert_loads_nothing(&page);
    assert_eq!(page.matches("class=\"change\"").count(), 2, "one change, in both sizes");
    assert!(page.contains("+20 % (worse)") && page.contains("kernel 6.12.1 to 6.18.0"));
}

/// Six levels of 1,000 to 6,000 connections, of which the last broke; one more in which the load generator gave way.
fn search() -> Outcome {
    let trial = |load: f64, verdict: Verdict| Trial {
        load,
        length: Length::Full,
        verdicts: [("latency.due.p99 < 50ms".to_owned(), verdict)].into(),
        started: "2026-11-21T12:00:00Z".to_owned(),
        took_s: 12.0,
        run: format!("trial-{load}"),
        connections: load as u64,
        publishes_per_s: 10.0,
        deliveries_per_s: load * 10.0 / (1.0 + load / 9000.0),
        wire_bytes_per_s: load * 1300.0,
        lost_share: 0.0,
        p50: Some(load),
        p99: (load < 6000.0).then_some(load * 8.0),
        server_cpu_share: Some(load / 6000.0),
        server_rss_bytes: Some(12_000_000),
        kernel_bytes_per_connection: Some(6600.0),
        loadgen_cpu_share: 0.4,
        cause: None,
        rooms: Some(1),
        payload_bytes_per_s: Some(load * 1280.0),
        negotiated: std::collections::BTreeMap::new(),
        server_cores: Some(1),
        server_rss_idle_bytes: Some(6_000_000),
        moves_connections: false,
        missed: Vec::new(),
    };
    let bounds = Bounds { lower: Some(5000.0), upper: Upper::Broke(6000.0) };
    let mut trials: Vec<Trial> = (1..6).map(|i| trial(f64::from(i) * 1000.0, Verdict::Held)).collect();
    trials.push(trial(6000.0, Verdict::Broke));
    trials.push(trial(8000.0, Verdict::Invalid));
    Outcome {
        schema: 1,
        scenario: "knee".to_owned(),
        axis: Axis::Connections,
        range: [1000.0, 19_000.0],
        width: 0.05,
        complete: true,
        found: vec![Found {
            objective: "latency.due.p99 < 50ms".to_owned(),
            thresholds: Vec::new(),
            bounds,
            cause: None,
            costs: None,
        }],
        scaling: None,
        trials,
        environment: sample::good().environment,
        target: serde_json::Value::Null,
        notes: vec!["<b>a note</b>".to_owned()],
    }
}

#[test]
fn a_capacity_search_has_a_page_with_its_bounds_its_objective_and_a_shape_for_each_outcome() {
    let page = capacity(&search());
    assert_well_formed(&page);
    assert_loads_nothing(&page);
    assert!(page.contains("&lt;b&gt;a note"));
    let said = "holds 5,000 members of one room at 10 publishes/s with latency.due.p99 &lt; 50ms; at 6,000 it broke";
    assert!(page.contains(said), "the objective and both bounds in one sentence");
    for (what, times) in [
        ("<line class=\"bound holds\"", 4),
        ("<line class=\"bound breaks\"", 4),
        ("<line class=\"limit\"", 2),
        ("class=\"point held\"", 20),
        ("class=\"point broke\"", 4),
        ("class=\"point invalid\"", 4),
    ] {
        assert_eq!(page.matches(what).count(), times, "{what} in two charts (limits in one) of two sizes");
    }
}

#[test]
fn a_search_that_fanout_itself_ended_says_what_to_do() {
    let mut outcome = search();
    outcome.found[0].bounds = Bounds { lower: None, upper: Upper::LoadGenerator(1000.0) };
    for trial in &mut outcome.trials {
        trial.verdicts.values_mut().for_each(|verdict| *verdict = Verdict::Invalid);
        let figure = "fanout sent publishes late: p99 12 ms where 1 ms is allowed".to_owned();
        trial.cause = Some(crate::capacity::Cause { resource: crate::capacity::Resource::LoadGenerator, figure });
    }
    for form in crate::report::capacity::contents(&outcome).into_iter().filter(|(name, _)| *name != "capacity.json") {
        let said = form.1.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "NOT DECIDED",
            "7 of 7 trials were invalid",
            "--keep-awake",
            "--set max_schedule_lag=10ms",
            "fanout doctor",
            "--trial 20s",
            "whatever --budget was left",
        ] {
            assert!(said.contains(part), "{part}, in {}: {said}", form.0);
        }
        assert!(!said.contains("apart"), "a width in {}", form.0);
    }
}

#[test]
fn a_plan_has_a_page_with_its_answer_and_says_what_is_extrapolated() {
    use crate::sizing::Sizing;
    use crate::sizing::tests::{evening, levels, wanted};
    let page = sizing(&Sizing::of(&levels(), &wanted(15_000.0), None).unwrap());
    assert_well_formed(&page);
    assert_loads_nothing(&page);
    assert!(page.contains("EXTRAPOLATED 3 times: connections 15,000, measured up to 5,000"));
    assert_eq!(page.matches("class=\"chart wide\"").count(), 2, "CPU and memory");
    let page = sizing(&Sizing::of(&[crate::sizing::tests::search()], &evening(), None).unwrap());
    assert_well_formed(&page);
    assert!(page.contains("1 server for 200,000 users in 500 rooms") && page.contains("for 1,000 connections"));
}

#[test]
fn three_ways_to_compress_have_a_page_with_their_prices() {
    let page = ways(&crate::compare::Ways::of(
        "chat-peak",
        10,
        crate::compare::tests::TARIFF,
        &crate::compare::tests::in_three_ways(10),
    ));
    assert_well_formed(&page);
    assert_loads_nothing(&page);
    assert!(page.contains("take shared: 6.1 times fewer bytes") && page.contains("id=\"beside-standalone\""));
    assert_eq!(page.matches("class=\"chart wide\"").count(), 3, "prices, and two that are set beside off");
}

#[test]
fn variants_have_a_page_with_their_curves_over_each_other() {
    let mut batch = Batch::new("reconnect-storm", 3);
    let named = |variant: &str| Which { variant: Some(variant.to_owned()), number: None };
    for variant in ["jitter", "no-jitter"] {
        let mut run = sample::returned();
        run.scenario["jitter"] = variant.into();
        batch.push(named(variant), Ok(run));
    }
    batch.push(named("</td><script>alert(1)"), Err("<img>".to_owned()));
    let page = variants(&batch);
    assert_well_formed(&page);
    assert_loads_nothing(&page);
    assert!(!page.contains("<script>alert") && !page.contains("<img"));
    for part in [
        "Open again after the cut",
        "Handshakes of returns a second",
        "Percentile spectra",
        "What differs in the scenario",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("class=\"line second\"") && page.contains("href=\"no-jitter/report.html\""));
    assert!(page.contains("99.96 % jitter\n99.96 % no-jitter") && page.contains("NOT RUN"));
}

#[test]
fn more_variants_than_lines_are_in_the_table_only() {
    let mut batch = Batch::new("many", 9);
    for i in 0..9 {
        batch.push(Which { variant: Some(format!("v{i}")), number: None }, Ok(sample::good()));
    }
    let page = variants(&batch);
    assert_well_formed(&page);
    assert!(page.contains("3 variants are not drawn below.") && page.contains("class=\"line sixth\""));
    assert!(!page.contains("How connections came back"));
}
