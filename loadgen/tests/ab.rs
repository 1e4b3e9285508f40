//! `fanout ab`, `fanout compare` and `--variant` as a user meets them, on the bundled server.

use std::path::Path;

use crate::command::{Done, Stage, read};
use serde_json::Value;

/// A second on the bundled server, in two variants; it tolerates a busy machine.
const SCENARIO: &str = r#"
name = "trial"
settle = "50ms"
drain = "5s"
max_schedule_lag = "1s"
[[connections]]
name = "subscribers"
count = 5
[[publishers]]
name = "speaker"
rate = 50
[[phases]]
name = "steady"
for = "300ms"
[thresholds]
"deliveries.lost" = "== 0"
[variants.small]
[variants.large]
"publishers.speaker.payload" = { size = "2KiB" }
"thresholds.latency.due.p99" = "< 10s"
[ab]
a = "small"
b = "large"
runs = 2
expect = ["rates.payload_bytes_per_s >= 4 x a", "deliveries.delivered >= 1 x a"]
"#;

fn stage() -> Stage {
    Stage::new(SCENARIO)
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Ends with this code and sentence, before anything was run or written.
fn refused(arguments: &[&str], code: i32, sentence: &str) {
    let stage = stage();
    let done = stage.go(arguments).wait();
    done.exits(code).says(sentence);
    assert!(done.stdout.is_empty() && names(stage.directory.path()) == ["scenario.toml"], "{done:?}");
}

#[test]
fn two_runs_of_each_are_compared_but_allow_no_verdict() {
    let stage = stage();
    let done = stage.go(&["ab", "scenario.toml"]).wait();
    done.exits(4).says("block 1 of 2: ").says("block 2 of 2: ");
    assert!(done.stdout.starts_with("NOT ENOUGH RUNS  trial: b (large) against a (small), "), "{}", done.stdout);
    assert!(done.stdout.contains("not enough runs: "), "{}", done.stdout);
    // By the clock, so not 16 to the digit; what is counted is.
    assert!(done.stdout.contains("held: rates.payload_bytes_per_s >= 4 x a, it was 1"), "{}", done.stdout);
    assert!(done.stdout.contains("held: deliveries.delivered >= 1 x a, it was 75 where a has 75"), "{}", done.stdout);
    let lines: Vec<Vec<&str>> = done.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(lines.contains(&vec!["publishers.speaker.payload.mean_bytes", "128", "2048"]), "{}", done.stdout);
    let latest = stage.directory.path().join("results/trial/latest");
    assert!(std::fs::read_link(&latest).unwrap().to_str().unwrap().starts_with("ab-"));
    let files = names(&latest);
    for name in
        ["a-01", "a-02", "b-01", "b-02", "comparison.html", "comparison.json", "comparison.md", "comparison.txt"]
    {
        assert!(files.iter().any(|file| file == name), "{name} of {files:?}");
    }
    assert_eq!(json(&latest.join("b-01/run.json"))["scenario"]["variant"], "large");
    assert_eq!(read(latest.join("comparison.json")).lines().next(), Some("{"));
    let comparison = json(&latest.join("comparison.json"));
    assert_eq!(comparison["environment"], Value::Array(Vec::new()));
    assert_eq!((comparison["a"]["valid"].as_u64(), comparison["runs"].as_u64()), (Some(2), Some(2)));
}

#[test]
fn a_change_can_be_an_arm_and_json_is_alone_on_stdout() {
    let stage = stage();
    let a = ["ab", "scenario.toml", "--a", "publishers.speaker.rate=40", "--b", "publishers.speaker.rate=80"];
    let done = stage.go(&[&a[..], &["--runs", "1", "--format", "json", "--out", "out"]].concat()).wait();
    done.exits(4);
    let comparison: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(comparison["b"]["name"], "publishers.speaker.rate=80");
    let note = "`expect` of the file is about small and large: it was not used";
    assert_eq!(comparison["notes"].as_array().unwrap().last().unwrap(), note);
    assert_eq!(comparison["expectations"], Value::Array(Vec::new()));
    assert!(stage.out().join("a-01/run.json").exists());
    let again = stage.go(&[&a[..], &["--runs", "1", "--out", "out"]].concat()).wait();
    again.exits(1).says("out holds an earlier comparison");
}

#[test]
fn ctrl_c_compares_and_writes_what_there_is() {
    let stage = stage();
    let long = ["ab", "scenario.toml", "--runs", "50", "--out", "out"];
    let mut going = stage.go(&long);
    going.until_said("block 2 of 50");
    going.signal("INT");
    let done = going.wait();
    done.exits(130).says("interrupted after");
    let comparison = json(&stage.out().join("comparison.json"));
    assert!(comparison["ended_early"].as_str().unwrap().starts_with("interrupted after "));
    assert!(comparison["runs"].as_u64().unwrap() >= 1);
}

#[test]
fn a_run_that_cannot_be_made_ends_it() {
    let stage = stage();
    let done = stage.go(&["ab", "scenario.toml", "--set", "target.url=ws://127.0.0.1:9/x", "--out", "out"]).wait();
    done.exits(1).says("127.0.0.1:9");
    assert!(stage.out().join("comparison.json").exists());
}

#[test]
fn what_cannot_be_compared_is_refused_before_any_run() {
    let ab = |more: &[&'static str]| [&["ab", "scenario.toml"], more].concat();
    refused(&ab(&["--a", "tiny"]), 2, "there is no variant `tiny`: the file has `small`, `large`");
    refused(&ab(&["--b", "publishers.speaker.rats=1"]), 2, "unknown key `rats`");
    refused(&ab(&["--expect", "latency.due.p98 < 1ms"]), 2, "unknown metric `latency.due.p98`");
    refused(&ab(&["--expect", "fast"]), 2, "`fast` is not an expectation");
    refused(&ab(&["--runs", "0"]), 2, "invalid value '0'");
    refused(&["ab", "absent.toml"], 2, "cannot read absent.toml");
    refused(&["compare", "absent", "absent"], 1, "cannot read absent");
    refused(&["compare", ".", "."], 1, "there is no run.json in .");
    let plain = Stage::new(SCENARIO.split("[ab]").next().unwrap());
    let done = plain.go(&["ab", "scenario.toml"]).wait();
    done.exits(2).says("what is to be compared? give --a a variant of the file");
}

#[test]
fn each_variant_runs_in_turn_into_a_folder_of_its_own() {
    let stage = stage();
    let (done, ()) = crate::command::undisturbed(|| (stage.run(&["--variant", "all", "--format", "json"]), ()));
    let lines: Vec<Value> = done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|run| &run["scenario"]["variant"]).collect::<Vec<_>>(), ["small", "large"]);
    assert_eq!(lines[1]["thresholds"].as_array().unwrap().len(), 2, "the variant has one of its own");
    assert!(stage.out().join("small/run.json").exists() && stage.out().join("large/run.json").exists());
    let done = stage.go(&["run", "scenario.toml", "--variant", "large"]).wait();
    assert!(stage.directory.path().join("results/trial/latest/large/run.json").exists(), "{done:?}");
    let done = stage.run(&["--variant", "huge"]);
    done.exits(2).says("there is no variant `huge`: the file has `small`, `large`");
}

#[test]
fn old_runs_are_compared_with_one_another() {
    let stage = stage();
    let ran: Vec<Done> = ["one", "two"].map(|out| stage.go(&["run", "scenario.toml", "--out", out]).wait()).into();
    assert!(ran.iter().all(|done| [0, 4].contains(&done.code)), "{ran:?}");
    let done = stage.go(&["compare", "one", "two/run.json", "--out", "both"]).wait();
    assert!([0, 3, 4].contains(&done.code), "{done:?}");
    assert!(done.stdout.contains("trial: b (two/run.json) against a (one), "), "{}", done.stdout);
    assert_eq!(json(&stage.directory.path().join("both/comparison.json"))["scenario"], "trial");
}

#[test]
fn validate_speaks_of_every_variant_and_of_the_comparison() {
    let done = stage().go(&["validate", "scenario.toml"]).wait();
    done.exits(0);
    for part in [
        "scenario.toml: valid",
        "--variant small: valid",
        "--variant large: valid",
        "ab: b (large) against a (small), 2 runs each",
    ] {
        assert!(done.stdout.contains(part), "{part}\n{}", done.stdout);
    }
}

/// Half a second of an exchange feed on the bundled server, in the three ways that it can send.
const COMPRESSED: &str = r#"
name = "ways"
settle = "50ms"
max_schedule_lag = "1s"
[target]
server = { compression = "off" }
[[connections]]
name = "subscribers"
count = 10
[[publishers]]
name = "exchange"
rate = 100
payload = { corpus = "ticks" }
[[phases]]
name = "steady"
for = "500ms"
[variants.off]
[variants.standalone]
"target.server.compression" = "standalone"
"connections.subscribers.compression" = { offer = "context", require = true }
[variants.shared]
"target.server.compression" = "shared"
"connections.subscribers.compression" = { offer = "context", require = true }
"#;

#[test]
fn three_ways_to_compress_are_run_in_blocks_and_set_side_by_side() {
    let stage = Stage::new(COMPRESSED);
    let done = stage.go(&["ab", "scenario.toml", "--compression", "--runs", "1", "--out", "out"]).wait();
    done.exits(4).says("block 1 of 1: shared").says("block 1 of 1: off");
    assert!(
        done.stdout.starts_with("NOT ENOUGH RUNS  ways: compression, of off, standalone, shared, "),
        "{}",
        done.stdout
    );
    let report = json(&stage.out().join("compression.json"));
    let ratio = |column: &Value| column["figures"][0].as_f64();
    let (off, standalone, shared) =
        (ratio(&report["off"]), ratio(&report["others"][0]["column"]), ratio(&report["others"][1]["column"]));
    assert!(off == Some(1.0) && standalone > Some(1.0) && shared > standalone, "{off:?} {standalone:?} {shared:?}");
    let files = names(&stage.out());
    for name in ["compression.html", "compression.md", "compression.txt", "off-01", "shared-01", "standalone-01"] {
        assert!(files.iter().any(|file| file.starts_with(name)), "{name} of {files:?}");
    }
}

#[test]
fn without_the_variants_there_is_no_compression_to_compare() {
    refused(
        &["ab", "scenario.toml", "--compression"],
        2,
        "the file has small, large; scenarios/compression-ab.toml shows how",
    );
    refused(&["ab", "scenario.toml", "--compression", "--a", "small"], 2, "cannot be used with");
}

#[test]
fn the_second_client_says_that_it_cannot_before_anything_is_run() {
    let client = ["--client", "tungstenite", "--set"];
    let compressed = "connections.subscribers.compression={offer=\"context\"}";
    let ab = [&["ab", "scenario.toml"][..], &client, &[compressed]].concat();
    refused(&ab, 2, "the tungstenite client cannot speak permessage-deflate");
    let slow = "connections.subscribers.read_bytes_per_s=64000";
    let capacity =
        [&["capacity", "scenario.toml", "--axis", "rate", "--range", "10-20"][..], &client, &[slow]].concat();
    refused(&capacity, 2, "the tungstenite client does not know `read_bytes_per_s` of [[connections]] `subscribers`");
    let ways = "[variants.off]\n[variants.shared]\n\"connections.subscribers.compression\" = { offer = \"context\" }\n";
    let stage = Stage::new(&format!("{SCENARIO}{ways}"));
    let done = stage.go(&["ab", "scenario.toml", "--compression", "--client", "tungstenite"]).wait();
    done.exits(2).says("the tungstenite client cannot speak permessage-deflate");
    assert_eq!(names(stage.directory.path()), ["scenario.toml"]);
}
