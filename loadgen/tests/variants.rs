//! Several runs by one command: variants of a file, several files, what a CI is told of all of them, and once.

use crate::command::{Done, Stage, read, run_in};

/// A small storm with and without jitter; the third cannot be run.
const STORM: &str = r#"
name = "storm"
settle = "100ms"
drain = "3s"
max_schedule_lag = "2s"
[[connections]]
name = "phones"
count = 20
rooms = 2
reconnect = { on = "any", backoff = "300ms-1s", jitter = "full", resume = true }
[[publishers]]
name = "speakers"
count = 2
rate = 40
[[phases]]
name = "before"
for = "500ms"
[[phases]]
name = "storm"
for = "2s"
at_start = { cut = 1.0 }
[thresholds]
"deliveries.lost" = "== 0"
"connections.left" = "== 20"
[variants.jitter]
[variants.no-jitter]
"connections.phones.reconnect.jitter" = "none"
[variants.elsewhere]
"target.path" = "/nowhere/{room}"
"#;

fn row<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let line = text.lines().rev().find(|line| line.trim_start().starts_with(name));
    line.unwrap_or_else(|| panic!("no {name}:\n{text}")).split("  ").map(str::trim).filter(|c| !c.is_empty()).collect()
}

#[test]
fn variants_end_in_one_table_one_page_and_one_junit_file() {
    let stage = Stage::new(STORM).having("GITHUB_STEP_SUMMARY", "job.md");
    let done: Done = stage.run(&["--variant", "all"]);
    // Whatever a busy machine made of the others: one could not be run, and that comes before.
    assert_eq!(done.code, 1, "{}", done.stderr);
    let out = stage.out();
    let [jitter, herd] = ["jitter", "no-jitter"].map(|variant| run_in(&out.join(variant)).unwrap());
    for run in [&jitter, &herd] {
        assert_eq!((run.reconnect.cut, run.reconnect.count), (20, 20), "{:?}", run.reconnect);
    }

    let table = done.stdout.split("variants side by side").nth(1).unwrap();
    assert_eq!(done.stdout.matches("variants side by side").count(), 1);
    assert_eq!(
        table.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>(),
        ["jitter", "no-jitter", "elsewhere"]
    );
    assert_eq!(row(table, "verdict")[3], "NOT RUN");
    assert_eq!(row(table, "messages lost"), ["messages lost", "0", "0", "-"]);
    assert_eq!(row(table, "messages replayed")[1], jitter.deliveries.resumed.to_string());
    for name in ["half open again after", "99 % open again after", "all open again after", "handshakes, busiest tenth"]
    {
        assert!(
            row(table, name)[1..3]
                .iter()
                .all(|cell| cell.ends_with(" s") || cell.ends_with("ms") || cell.ends_with("/s")),
            "{table}"
        );
    }
    assert!(table.contains("out: summary.md, junit.xml, variants.html"), "{table}");

    let summary = read(out.join("summary.md"));
    assert!(summary.starts_with("## NOT ALL PASSED: storm, 3 variants\n"), "{summary}");
    let first = summary.lines().find(|line| line.starts_with("| **")).unwrap();
    assert!(first.starts_with("| **NOT RUN** | elsewhere | ") && first.contains("404 Not Found"), "{summary}");
    assert!(summary.contains("\n### Variants side by side\n\n|  | jitter | no-jitter | elsewhere |\n"), "{summary}");
    assert_eq!(read(stage.directory.path().join("job.md")), format!("{summary}\n"), "once, and nothing else");

    let junit = read(out.join("junit.xml"));
    for variant in ["jitter", "no-jitter"] {
        let case = format!("<testcase name=\"run: connections.left == 20\" classname=\"storm.{variant}\">");
        assert_eq!(junit.matches(&case).count(), 1, "{junit}");
    }
    assert!(junit.contains("<error message=\"the server") && junit.contains("type=\"not run\""), "{junit}");
    let page = read(out.join("variants.html"));
    for part in
        ["Open again after the cut", "Handshakes of returns a second", "Percentile spectra", "jitter/report.html"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("connections.phones.reconnect.jitter"), "what differs");
}

#[test]
fn one_variant_leaves_what_a_ci_shows_where_it_looks_for_it() {
    let stage = Stage::new(STORM).having("GITHUB_STEP_SUMMARY", "job.md");
    let done = stage.run(&["--variant", "jitter"]);
    let out = stage.out();
    // The only run: its own summary, not one of a single run among none.
    assert_eq!(read(out.join("summary.md")), read(out.join("jitter/summary.md")), "{}", done.stderr);
    assert_eq!(read(stage.directory.path().join("job.md")), read(out.join("summary.md")) + "\n");
    assert_eq!(read(out.join("junit.xml")), read(out.join("jitter/junit.xml")));
    assert!(!out.join("variants.html").exists() && !done.stdout.contains("side by side"));
}

#[test]
fn variants_run_several_times_have_medians() {
    let stage = Stage::new(&STORM.replace("for = \"2s\"", "for = \"1s\""));
    let done = stage.run(&["--variant", "jitter", "--variant", "no-jitter", "--runs", "2"]);
    let summary = read(stage.out().join("summary.md"));
    assert!(summary.contains(": storm, 2 variants, 4 runs\n"), "{summary}");
    for variant in ["jitter", "no-jitter"] {
        // Over fewer than two where a busy machine made one of them invalid.
        assert!(summary.contains(&format!("\n### {variant}, over ")), "{summary}");
        assert!(done.stdout.contains(&format!("\n{variant}, over ")), "{}", done.stdout);
        assert!(stage.out().join(variant).join("02/report.html").exists());
    }
    let junit = read(stage.out().join("junit.xml"));
    assert!(
        junit.contains("<testsuite name=\"storm/no-jitter/02\"") && junit.contains("classname=\"storm.jitter.01\"")
    );
    assert!(read(stage.out().join("variants.html")).contains("no-jitter/02/report.html"));
}

#[test]
fn several_files_share_one_junit_file_and_one_summary() {
    let two = crate::command::small("second", 20, "server = { shards = 1 }");
    let stage = Stage::new(&crate::command::small("first", 20, "server = { shards = 1 }")).with("second.toml", two);
    let done = stage.run(&["second.toml"]);
    let junit = read(stage.out().join("junit.xml"));
    assert!(junit.contains("<testsuite name=\"first\"") && junit.contains("<testsuite name=\"second\""), "{junit}");
    let summary = read(stage.out().join("summary.md"));
    assert!(
        summary.contains(": 2 scenarios\n") && summary.contains("| first |") && summary.contains("| second |"),
        "{summary}"
    );
    assert!(stage.out().join("second/summary.md").exists(), "{}", done.stderr);
}

#[test]
fn an_interrupted_batch_is_written_as_far_as_it_went() {
    let stage = Stage::new(&STORM.replace("for = \"2s\"", "for = \"50s\""));
    let mut going = stage.start(&["--variant", "all"]);
    going.until_said("storm");
    going.until_said("variant jitter");
    going.until_said("before");
    going.signal("INT");
    let done = going.wait();
    assert_eq!(done.code, 130, "{}", done.stderr);
    let summary = read(stage.out().join("summary.md"));
    assert!(summary.starts_with("## NOT ALL PASSED: storm, 1 of 3 runs\n\n1 interrupted"), "{summary}");
    let junit = read(stage.out().join("junit.xml"));
    // Where a busy machine made it invalid as well, that is the error.
    let why = ["the run was interrupted", "type=\"invalid\""];
    assert!(junit.contains("errors=\"1\"") && why.iter().any(|why| junit.contains(why)), "{junit}");
}
