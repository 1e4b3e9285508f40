//! The scenarios, the schema and the trace that are committed in `scenarios/`.
//!
//! Schema and trace are generated here. After a change that means to alter them:
//!
//! ```text
//! FANOUT_REGENERATE=1 cargo test -p loadgen --test suite scenario_files
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use loadgen::corpus::Corpus;
use loadgen::plan::{Arrival, Plan};
use loadgen::scenario::{Changes, Limits, Scenario, open};
use loadgen::schema::{dialect_schema, schema};
use loadgen::seeded::Seeded;
use loadgen::trace::Trace;

/// The least that a scenario in the repository may count on.
const LIMITS: Limits = Limits { descriptors: 20_000, ports: 28_232 };

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scenarios")
}

fn files() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "toml"))
        .collect();
    all.sort();
    all
}

fn read(path: &Path, variant: Option<&str>) -> Scenario {
    open(path, Changes { variant, sets: &[] }, &LIMITS)
        .unwrap_or_else(|e| panic!("{} {variant:?}: {:?}: {e}", path.display(), e.place()))
}

fn plan(path: &Path) -> Plan {
    read(path, None).plan
}

fn committed(name: &str, expected: &str) {
    let path = folder().join(name);
    if std::env::var_os("FANOUT_REGENERATE").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "scenarios/{name} is not what the code makes; to write it anew:\n  \
         FANOUT_REGENERATE=1 cargo test -p loadgen --test suite scenario_files"
    );
}

#[test]
fn every_scenario_is_valid_and_named_like_its_file() {
    for path in files() {
        assert_eq!(plan(&path).name, path.file_stem().unwrap().to_str().unwrap());
    }
}

#[test]
fn every_variant_is_valid() {
    for path in files() {
        for variant in read(&path, None).variants {
            assert!(!read(&path, Some(&variant)).plan.phases.is_empty(), "{} {variant}", path.display());
        }
    }
}

#[test]
fn every_scenario_says_what_it_shows_and_must_lose_nothing() {
    for path in files() {
        let text = std::fs::read_to_string(&path).unwrap();
        let comment: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        assert!(comment.len() >= 4 && comment.contains(&"#:schema ./scenario.schema.json"), "{}", path.display());
        let plan = plan(&path);
        assert!(!plan.description.is_empty(), "{}", path.display());
        assert!(
            // Of all groups, or of those that nothing is done to.
            plan.thresholds.iter().any(|t| t.metric.ends_with("deliveries.lost") && t.text == "== 0"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn the_promised_scenarios_are_there() {
    let names: BTreeSet<String> = files().iter().map(|p| p.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    for name in ["quickstart", "smoke", "broadcast-1k", "broadcast-10k", "rooms", "replay", "echo", "tutorial-chat"] {
        assert!(names.contains(name), "{name}");
    }
}

#[test]
fn quickstart_takes_about_ten_seconds_and_smoke_three() {
    assert_eq!(plan(&folder().join("quickstart.toml")).length().as_secs(), 10);
    assert!(plan(&folder().join("smoke.toml")).length().as_secs() < 3);
}

#[test]
fn the_committed_schema_is_that_of_the_code() {
    committed("scenario.schema.json", &schema());
    committed("dialects/dialect.schema.json", &dialect_schema());
}

#[test]
fn the_committed_trace_is_the_seeded_one() {
    committed("traces/market.jsonl", &market());
    let trace = Trace::parse(market().as_bytes()).unwrap();
    assert_eq!((trace.rooms.len(), trace.messages.len()), (12, 312));
    assert!((4_500_000..5_500_000).contains(&trace.length_us()));
    let plan = plan(&folder().join("replay.toml"));
    assert!(matches!(&plan.publishers[0].arrival, Arrival::Replay { trace, .. } if trace.messages.len() == 312));
    assert!(plan.rooms.iter().any(|room| room.contains('/')));
}

/// Five seconds of an invented exchange: a snapshot of each book at first, then ticks with bursts, one in sixteen of
/// them as binary.
fn market() -> String {
    let mut rng = Seeded::new(2021, [0, 0]);
    let mut lines = String::new();
    let mut line = |at_us: u64, room: &str, key: &str, payload: &str| {
        let object = serde_json::json!({ "at_us": at_us, "room": room, key: payload });
        lines.push_str(&object.to_string());
        lines.push('\n');
    };
    let mut ticks = Vec::new();
    let mut rooms: Vec<(String, f64)> = Vec::new();
    let mut at_us = 40_000.0;
    while ticks.len() < 300 || rooms.len() < 12 {
        let mut message = Vec::new();
        Corpus::Ticks.message(&mut rng, ticks.len() as u32, None, None, &mut message);
        let text = String::from_utf8(message).unwrap();
        let tick: serde_json::Value = serde_json::from_str(&text).unwrap();
        let room = tick["instrument"].as_str().unwrap().replace('-', "/");
        if !rooms.iter().any(|(known, _)| *known == room) {
            rooms.push((room.clone(), tick["price"].as_str().unwrap().parse().unwrap()));
        }
        // Three in ten follow the one before at once, as trades that fill one order do.
        at_us += if rng.below(10) < 3 { 20.0 + 200.0 * rng.unit() } else { 23_000.0 * rng.exponential() };
        ticks.push((at_us as u64, room, text));
    }
    for (index, (room, price)) in rooms.iter().enumerate() {
        let mut side = |sign: f64| -> Vec<[String; 2]> {
            (1..=40)
                .map(|level| {
                    let away = 1.0 + sign * 0.0004 * (f64::from(level) + rng.unit());
                    [format!("{:.6}", price * away), format!("{:.4}", rng.exponential() * 12.0)]
                })
                .collect()
        };
        let book = serde_json::json!({ "type": "book", "instrument": room, "bids": side(-1.0), "asks": side(1.0) });
        line(index as u64 * 900, room, "text", &book.to_string());
    }
    for (index, (at_us, room, text)) in ticks.iter().enumerate() {
        if index % 16 == 15 {
            use base64::Engine as _;
            line(*at_us, room, "base64", &base64::engine::general_purpose::STANDARD.encode(text));
        } else {
            line(*at_us, room, "text", text);
        }
    }
    lines
}
