//! Scenarios that tests change a part of, and what they are then read as, or refused with.

use std::path::Path;

use loadgen::plan::Plan;
use loadgen::scenario::{Limits, ScenarioError, parse};

pub const LIMITS: Limits = Limits { descriptors: 20_000, ports: 28_232 };

/// It says as little as a scenario can.
pub const SHORTEST: &str = r#"
name = "short"
[[connections]]
name = "phones"
count = 10
[[publishers]]
name = "source"
rate = 5
[[phases]]
name = "steady"
for = "2s"
"#;

/// What it is read as.
pub fn plan(text: &str) -> Plan {
    parse(Path::new("here/test.toml"), text, &[], &LIMITS).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// What the shortest one is read as after these `--set`s.
pub fn with_sets(sets: &[&str]) -> Plan {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    parse(Path::new("test.toml"), SHORTEST, &sets, &LIMITS).unwrap_or_else(|e| panic!("{e}"))
}

/// A payload of a publisher.
pub fn render(plan: &Plan, group: usize, publisher: u32, seq: u32) -> Vec<u8> {
    let mut out = Vec::new();
    plan.publishers[group].payload.render(publisher, seq, 1, &mut out);
    out
}

/// It works, and every case of a refusal changes one part of it.
pub const BASE: &str = r#"name = "base"
[[connections]]
name = "phones"
count = 10
[[publishers]]
name = "source"
rate = 5
[[phases]]
name = "steady"
for = "2s"
"#;

/// The part of [`BASE`] that is replaced, by what, `--set`s, where the error is, and what it says.
pub type Case = (&'static str, &'static str, &'static [&'static str], (usize, usize), &'static str);

/// A folder with files that scenarios name, good ones and bad ones.
pub fn scenario_folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let line = |at: u64, room: &str| format!("{{\"at_us\":{at},\"room\":\"{room}\",\"text\":\"1\"}}\n");
    std::fs::write(dir.path().join("good.jsonl"), line(0, "a") + &line(1_000_000, "b")).unwrap();
    std::fs::write(dir.path().join("users.csv"), "user,token\nada,s3cr3t\nbob,hunter2\n").unwrap();
    std::fs::write(dir.path().join("short.csv"), "user,token\nada,s3cr3t\nbob\n").unwrap();
    std::fs::write(dir.path().join("rooms.csv"), "room\nlobby\n").unwrap();
    std::fs::write(dir.path().join("bell.csv"), "user\nada\nb\u{7}b\n").unwrap();
    std::fs::write(dir.path().join("bad.jsonl"), line(0, "a") + "{\"at_us\":1}\n").unwrap();
    dir
}

/// Why it is refused.
pub fn refusal(dir: &Path, text: &str, sets: &[&str], ports: u32) -> ScenarioError {
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    let limits = Limits { ports, ..LIMITS };
    match parse(&dir.join("test.toml"), text, &sets, &limits) {
        Ok(_) => panic!("accepted with {sets:?}:\n{text}"),
        Err(error) => error,
    }
}

/// Every case is refused as it says.
pub fn refused(cases: &[Case]) {
    let dir = scenario_folder();
    for (part, instead, sets, place, sentence) in cases {
        assert!(BASE.contains(part), "{part}");
        let text = BASE.replacen(part, instead, 1);
        let error = refusal(dir.path(), &text, sets, 28_232);
        let said = error.to_string().replace(&dir.path().display().to_string(), "DIR");
        assert_eq!((error.place(), said.as_str()), (Some(*place), *sentence), "{instead} {sets:?}");
    }
}
