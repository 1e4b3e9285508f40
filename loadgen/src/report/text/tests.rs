use std::path::{Path, PathBuf};

use super::*;
use crate::report::sample;

/// Compares with `snapshots/NAME.txt`; with UPDATE_SNAPSHOTS set, writes it.
fn check(name: &str, run: &Run, written: Option<&Written>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/text/snapshots").join(name).with_extension("txt");
    let text = render(run, written, Colour::Never);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(text == kept, "{} differs; set UPDATE_SNAPSHOTS to accept this:\n{text}", path.display());
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "too wide: {line}");
        assert_eq!(line.trim_end(), line, "spaces at the end");
    }
}

fn first_lines(run: &Run, n: usize) -> Vec<String> {
    render(run, None, Colour::Never).lines().take(n).map(str::to_owned).collect()
}

#[test]
fn the_first_screen_is_the_sentences_of_the_contract() {
    assert_eq!(
        first_lines(&sample::good(), 5),
        [
            "PASSED  chat-peak, 3 of 3 thresholds, measurement valid",
            "5,000 subscribers in 50 rooms; 250 publishes/s asked, 250 reached = 25,000 deliveries/s for 60 s",
            "arrival after due time  p50 0.8 ms  p99 12 ms  max 41 ms",
            "lost 0 of 1,500,000",
            "server 38 % of 1 core, fanout 22 %: neither was the limit",
        ]
    );
}

#[test]
fn a_good_run() {
    let written = Written {
        directory: PathBuf::from("results/chat-peak/20251120T121603Z"),
        files: vec!["run.json", "latency.hlog"],
        note: None,
    };
    check("good", &sample::good(), Some(&written));
}

#[test]
fn a_threshold_that_does_not_hold_is_named_with_its_figure() {
    let run = sample::failed();
    assert_eq!(
        first_lines(&run, 2),
        ["FAILED  chat-peak, 2 of 3 thresholds, measurement valid", "  failed: latency.due.p99 < 10ms, it was 12 ms",]
    );
    check("failed", &run, None);
}

#[test]
fn lateness_of_fanout_itself_that_is_much_of_the_p99_is_said_below_it_in_every_form() {
    let mut run = sample::good();
    run.scenario["max_schedule_lag_us"] = 50_000.into();
    run.latency.sent.p99 = Some(7100.0);
    let line = "in it fanout's own lateness in sending, p99 5 ms; counted from when it really sent  p99 7.1 ms";
    let forms = |run: &Run| {
        [render(run, None, Colour::Never), crate::report::summary::markdown(run), crate::report::html::page(run)]
    };
    assert!(forms(&run).iter().all(|text| !text.contains("own lateness in sending")), "it was 20 us");
    run.schedule_lag.p99 = Some(5000.0);
    for text in forms(&run) {
        assert!(text.contains(line), "{text}");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("allowed: p99 50 ms (max_schedule_lag of the scenario)"), "{text}");
    }
}

#[test]
fn what_is_lost_is_never_silent() {
    let run = sample::lost();
    let text = render(&run, None, Colour::Never);
    assert!(text.contains("p99 never (1.2 % lost)  max never\n"));
    assert!(text.contains("lost 18,000 of 1,500,000 (1.2 %); 3 duplicated; 2 out of order\n"));
    assert!(text.contains("failed: latency.due.p99 < 50ms, it was never (1.2 % lost)\n"));
    check("lost", &run, None);
}

#[test]
fn connections_that_came_back_are_told_of_with_what_they_missed() {
    let run = sample::returned();
    let text = render(&run, None, Colour::Never);
    assert!(text.contains("lost 0 of 1,500,000; 100 missed while away by plan; 62,400 published before opening\n"));
    let again = "half after 2.5 s, 99 % after 5 s, all never";
    assert!(text.contains(&format!("5,000 cut, open again: {again}; at most 1,230 handshakes/s\n")));
    assert!(text.contains(&format!("of 5,000 that were cut or restarted, open again: {again}\n")));
    check("returned", &run, None);
}

#[test]
fn connections_that_the_server_dropped_are_named_with_their_causes() {
    let run = sample::dropped();
    let text = render(&run, None, Colour::Never);
    assert!(text.starts_with("FAILED  chat-peak, no thresholds, measurement valid\n"));
    assert!(text.contains("closed early by: server, code 1013: "));
    assert!(text.contains("refused with HTTP status: 503 (3)"));
    check("dropped", &run, None);
}

#[test]
fn an_invalid_run_says_so_first_and_what_to_do() {
    let run = sample::invalid();
    assert_eq!(
        first_lines(&run, 3),
        [
            "INVALID  chat-peak, 3 of 3 thresholds, measurement not valid: do not rely on these figures",
            "  not valid: fanout sent publishes late: p99 8.10 ms where 1.20 ms is allowed",
            "  what to do: lower the publishers' rate, or pin fanout to a core of its own",
        ]
    );
    check("invalid", &run, None);
}

#[test]
fn a_closed_loop_claims_no_due_times() {
    let run = sample::closed_loop();
    let text = render(&run, None, Colour::Never);
    assert!(text.contains("arrival after sent (closed loop: no due time)  p50 0.8 ms"));
    assert!(!text.contains("after due time"));
    assert!(text.contains("the server was the limit"));
    check("closed-loop", &run, None);
}

#[test]
fn an_echo_run_speaks_of_echoes() {
    check("echo", &sample::echo(), None);
}

#[test]
fn an_interrupted_run_does_not_pass() {
    let run = sample::interrupted();
    assert_eq!(
        first_lines(&run, 2),
        ["INTERRUPTED  chat-peak, 3 of 3 thresholds, measurement valid", "  ended early: Ctrl-C after 31 s of 65 s",]
    );
    check("interrupted", &run, None);
}

#[test]
fn compression_is_told_by_what_was_agreed_on_and_what_it_cost() {
    let run = sample::compressed();
    let text = render(&run, None, Colour::Never);
    assert!(text.contains("lost 0 of 1,500,000; 1,200,000 counted but not decompressed"));
    assert!(text.contains("context/15 4,990, off 10"));
    check("compressed", &run, None);
    assert!(!render(&sample::good(), None, Colour::Never).contains("compression"));
}

#[test]
fn a_run_that_measured_nothing_has_no_empty_tables() {
    let mut run = sample::good();
    run.deliveries = crate::result::Deliveries::default();
    run.latency = crate::result::Latency { due: Some(crate::result::Quantiles::default()), ..Default::default() };
    run.histograms.clear();
    let text = render(&run, None, Colour::Never);
    assert!(text.contains("arrival after due time  nothing was expected\nlost 0 of 0\n"));
    assert!(!text.contains("how long messages took"));
}

#[test]
fn colours_change_nothing_but_the_colours() {
    let run = sample::lost();
    let coloured = render(&run, None, Colour::Always);
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((text, after)) = rest.split_once('\x1b') {
        plain += text;
        rest = after.split_once('m').unwrap().1;
    }
    plain += rest;
    assert_ne!(coloured, plain);
    assert_eq!(plain, render(&run, None, Colour::Never));
}
