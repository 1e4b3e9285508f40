use super::*;
use crate::report::Colour;
use crate::report::sample;
use crate::report::snapshot_tests::{fits, kept};

fn which(variant: &str, number: u32) -> Which {
    Which { variant: (!variant.is_empty()).then(|| variant.to_owned()), number: (number > 0).then_some(number) }
}

/// Three runs whose medians differ.
fn three() -> Batch {
    let mut batch = Batch::new("chat-peak", 4);
    for (number, us) in (1..).zip([900.0, 800.0, 1000.0]) {
        let mut run = sample::good();
        if let Some(due) = &mut run.latency.due {
            due.p50 = Some(us);
        }
        batch.push(which("", number), Ok(run));
    }
    batch
}

/// A storm in three variants: one fails, one could not be made.
fn storms() -> Batch {
    let mut batch = Batch::new("reconnect-storm", 3);
    batch.push(which("jitter", 0), Ok(sample::returned()));
    let mut herd = sample::returned();
    (herd.reconnect.back_50, herd.reconnect.back_99) = (Some(5_010_000.0), Some(5_900_000.0));
    herd.reconnect.peak_per_s = Some(48_000.0);
    herd.deliveries.lost = 40;
    (herd.thresholds[1].value, herd.thresholds[1].pass) = (Some(40.0), false);
    herd.passed = false;
    herd.scenario["variant"] = "no-jitter".into();
    herd.scenario["reconnect"] = "none".into();
    batch.push(which("no-jitter", 0), Ok(herd));
    batch.push(which("no-resume", 0), Err("cannot reach the server 127.0.0.1:9: connection refused".to_owned()));
    batch
}

/// Variants without a storm, twice each.
fn repeated() -> Batch {
    let mut batch = Batch::new("chat-peak", 4);
    for (variant, factor) in [("off", 1.0), ("shared", 0.25)] {
        for number in [1, 2] {
            let mut run = sample::good();
            run.rates.wire_bytes_per_s *= factor;
            run.scenario["variant"] = variant.into();
            batch.push(which(variant, number), Ok(run));
        }
    }
    batch
}

/// Compares with `snapshots/NAME.*`; with UPDATE_SNAPSHOTS set, writes them.
fn check(name: &str, batch: &Batch) {
    let text = render(batch, None, Colour::Never);
    fits(&text, 100);
    kept("batch", name, &[("txt", text), ("md", markdown(batch))]);
}

#[test]
fn variants_of_a_storm_are_side_by_side_and_what_failed_comes_first() {
    let batch = storms();
    let text = render(&batch, None, Colour::Never);
    let opening =
        "NOT ALL PASSED  reconnect-storm: 3 variants, 1 passed, 1 failed, 1 not run\n  NOT RUN no-resume: cannot reach";
    assert!(text.starts_with(opening), "{text}");
    let row = |name: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default();
        line.trim_start().strip_prefix(name).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("verdict"), "PASSED FAILED NOT RUN");
    assert_eq!(row("99 % open again after"), "4.95 s 5.9 s -");
    assert_eq!(row("all open again after"), "never never -");
    assert_eq!(row("messages lost"), "0 40 -");
    check("storms", &batch);
}

#[test]
fn several_runs_of_each_variant_have_medians_with_their_spread() {
    let batch = repeated();
    let text = render(&batch, None, Colour::Never);
    assert!(text.starts_with("PASSED  chat-peak: 2 variants, 4 runs, 4 passed\n\noff, over 2 valid runs\n"), "{text}");
    assert!(text.contains("shared, over 2 valid runs") && text.contains("PASSED 2 of 2"), "{text}");
    assert!(!text.contains("open again"), "there was no storm");
    check("repeated", &batch);
}

#[test]
fn over_how_many_runs_medians_are_is_said_of_those_that_count() {
    let mut batch = repeated();
    batch.push(which("shared", 3), Ok(sample::good()));
    let said = beside::explained(&batch);
    assert!(said.starts_with("Medians over the valid runs of each variant, from 2 to 3 runs of each."), "{said}");
    let mut batch = repeated();
    for variant in ["off", "shared"] {
        batch.push(which(variant, 3), Ok(sample::invalid()));
    }
    let said = beside::explained(&batch);
    assert!(said.starts_with("Medians over the valid runs of each variant, 2 runs of each."), "{said}");
}

#[test]
fn medians_and_spread_of_the_valid_runs_are_shown() {
    let mut batch = three();
    batch.push(which("", 4), Ok(sample::invalid()));
    let text = render(&batch, None, Colour::Never);
    assert!(
        text.starts_with("NOT ALL PASSED  chat-peak: 4 runs, 3 passed, 1 invalid\n  INVALID 04: not valid: "),
        "{text}"
    );
    assert!(text.contains("\nchat-peak, over 3 valid runs\n  figure "), "{text}");
    let row = text.lines().find(|line| line.contains("latency.due.p50")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells, ["latency.due.p50", "0.9", "ms", "0.8", "ms", "1", "ms", "22", "%"]);
    assert!(!text.contains("side by side"), "there is one setting only");
}

#[test]
fn a_percentile_among_the_lost_is_later_than_all_others() {
    let mut batch = three();
    batch.push(which("", 4), Ok(sample::lost()));
    let text = render(&batch, None, Colour::Never);
    let row = text.lines().find(|line| line.starts_with("  latency.due.p99 ")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(cells, ["latency.due.p99", "12", "ms", "12", "ms", "never"], "{text}");
}

#[test]
fn each_run_is_listed_with_what_it_broke() {
    let mut batch = three();
    batch.push(which("", 4), Ok(sample::failed()));
    let text = markdown(&batch);
    let opening =
        "## NOT ALL PASSED: chat-peak, 4 runs\n\n3 passed, 1 failed; the first of them: 5,000 subscribers in 50 rooms;";
    assert!(text.starts_with(opening), "{text}");
    let first = "|  | run | why |\n|---|---|---|\n| **FAILED** | 04 | failed: latency.due.p99 &lt; 10ms, it was 12 ms";
    assert!(text.contains(first) && text.contains("\n| passed | 01 |  |\n"), "{text}");
    assert!(text.contains("| **FAILED**, held in 0 of 1 | latency.due.p99 &lt; 10ms | 04: 12 ms |"), "{text}");
    assert!(
        text.contains("| held in 3 of 3 | latency.due.p99 &lt; 50ms | 01: 12 ms; 02: 12 ms; 03: 12 ms |"),
        "{text}"
    );
    assert!(text.find("**FAILED**, held") < text.find("| held in"), "{text}");
    assert!(text.contains("\n### chat-peak, over 4 valid runs\n\n| figure | median |"), "{text}");
}

#[test]
fn many_runs_of_many_thresholds_stay_small() {
    let failed = |thresholds: usize| {
        let mut run = sample::failed();
        run.thresholds = vec![run.thresholds[0].clone(); thresholds];
        run
    };
    let (few, many) = (failed(60), failed(100));
    let mut series = Batch::new("chat-peak", 1000);
    (1..=1000).for_each(|i| series.push(which("", i), Ok(few.clone())));
    let mut variants = Batch::new("chat-peak", 400);
    (0..400).for_each(|i| variants.push(which(&format!("variant-{}", i / 2), i % 2 + 1), Ok(many.clone())));
    for batch in [&series, &variants] {
        let text = markdown(batch);
        assert!(text.len() < super::super::summary::LIMIT, "{}", text.len());
        assert!(text.contains(" more\n"));
    }
    assert!(markdown(&series).contains("\nand 900 more\n"));
    assert!(markdown(&variants).contains("\nMore is in the summary.md of each run.\n"));
}

#[test]
fn the_only_run_has_its_own_summary() {
    let mut batch = Batch::new("chat-peak", 1);
    batch.push(which("off", 0), Ok(sample::good()));
    assert!(markdown(&batch).starts_with("## PASSED: chat-peak\n\n5,000 subscribers"));
    let names: Vec<&str> = contents(&batch).unwrap().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["summary.md", "junit.xml"]);
}

#[test]
fn an_interrupted_batch_says_how_many_runs_were_made() {
    let mut batch = Batch::new("chat-peak", 6);
    batch.push(which("off", 1), Ok(sample::good()));
    batch.push(which("off", 2), Ok(sample::interrupted()));
    let text = render(&batch, None, Colour::Never);
    let opening =
        "NOT ALL PASSED  chat-peak: 2 of 6 runs, 1 passed, 1 interrupted\n  INTERRUPTED off/02: it was interrupted\n";
    assert!(text.starts_with(opening), "{text}");
    assert!(text.contains("\noff, over 1 valid run\n"), "half a run is none: {text}");
}

#[test]
fn figures_of_an_invalid_variant_are_shown_and_marked() {
    let mut batch = storms();
    batch.push(which("busy", 0), Ok(sample::invalid()));
    let text = render(&batch, None, Colour::Never);
    assert!(text.contains("INVALID\n"), "{text}");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the figures are of an invalid one and say nothing about the server"), "{text}");
}

#[test]
fn all_runs_are_suites_of_one_document() {
    let xml = junit::documents(&[storms(), repeated()]).unwrap();
    assert!(xml.contains("<testsuites name=\"fanout\" tests=\"37\" failures=\"1\" errors=\"1\""), "{xml}");
    for suite in ["reconnect-storm/jitter", "reconnect-storm/no-resume", "chat-peak/off/01", "chat-peak/shared/02"] {
        assert!(xml.contains(&format!("<testsuite name=\"{suite}\"")), "{suite}: {xml}");
    }
    let lost = "<testcase name=\"run: deliveries.lost == 0\" classname=\"reconnect-storm.no-jitter\">";
    assert!(xml.contains(lost) && xml.contains("classname=\"chat-peak.shared.02\""), "{xml}");
    let unmade = "<testcase name=\"run: measurement is valid\" classname=\"reconnect-storm.no-resume\">";
    assert!(xml.contains(unmade) && xml.contains("<error message=\"cannot reach the server"), "{xml}");
}

#[test]
fn scenarios_of_one_command_are_tallied_the_gravest_first() {
    let files = tally(&[repeated(), storms()]).unwrap();
    let [("summary.md", text), ("junit.xml", xml)] = files.as_slice() else { panic!("{files:?}") };
    assert!(text.starts_with("## NOT ALL PASSED: 2 scenarios\n\n|  | run | why |\n|---|---|---|\n| **NOT RUN** | reconnect-storm/no-resume | cannot reach"), "{text}");
    assert!(text.contains("| passed | chat-peak/off/01 |  |") && xml.contains("chat-peak/off/01"), "{text}");
}

#[test]
fn names_cannot_become_markup() {
    let mut batch = Batch::new("a|b<script>", 2);
    batch.push(which("[x](y)", 0), Ok(sample::good()));
    batch.push(which("z", 0), Err("<img src=x>".to_owned()));
    let text = markdown(&batch);
    assert!(text.contains("a\\|b&lt;script>") && text.contains("\\[x\\](y)") && !text.contains("<img"), "{text}");
}
