//! What differs between runs beside their figures: of the machine, which must be nothing, and of the scenario, which is what is compared.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::Arm;
use crate::result::{Environment, Run};

/// Something about where the runs were made that is not the same for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The field of `environment` in `run.json`, such as `kernel`.
    pub what: String,
    /// Where it differs.
    pub scope: Scope,
    /// What it was in the runs of a.
    pub a: Vec<String>,
    /// What it was in the runs of b.
    pub b: Vec<String>,
}

/// Between which runs something differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All runs of a have one, all of b another: it may be the cause of what is found.
    BetweenArms,
    /// It changed while the runs were made.
    WithinAnArm,
}

/// A key of the scenario that the arms do not share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its path in `scenario` of `run.json`, elements by their name.
    pub key: String,
    /// Of a; empty where it has none.
    pub a: String,
    /// Of b; empty where it has none.
    pub b: String,
}

/// Differences of the machine between runs.
pub(super) fn environment<'r>(runs: impl Iterator<Item = (Arm, &'r Run)>) -> Vec<Difference> {
    let mut seen: BTreeMap<String, [BTreeSet<String>; 2]> = BTreeMap::new();
    let mut count = [0_usize; 2];
    let mut held: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for (arm, run) in runs {
        count[arm as usize] += 1;
        for (what, value) in facts(&run.environment) {
            held.entry(what.clone()).or_default()[arm as usize] += 1;
            seen.entry(what).or_default()[arm as usize].insert(value);
        }
    }
    let mut differences = Vec::new();
    for (what, [mut a, mut b]) in seen {
        // What some runs do not have at all differs too.
        let held = held.get(&what).copied().unwrap_or_default();
        for (values, (held, count)) in [&mut a, &mut b].into_iter().zip(held.into_iter().zip(count)) {
            if held < count {
                values.insert("none".to_owned());
            }
        }
        if count.contains(&0) || (a == b && a.len() == 1) {
            continue;
        }
        let scope = if a.len() == 1 && b.len() == 1 { Scope::BetweenArms } else { Scope::WithinAnArm };
        differences.push(Difference { what, scope, a: a.into_iter().collect(), b: b.into_iter().collect() });
    }
    differences
}

/// What of the machine is not the same for two runs.
#[must_use]
pub fn between(a: &Run, b: &Run) -> Vec<Difference> {
    environment([(Arm::A, a), (Arm::B, b)].into_iter())
}

/// Every single fact, as text. The port of a server that fanout starts is another one each time.
fn facts(environment: &Environment) -> Vec<(String, String)> {
    let mut all = Vec::new();
    if let Ok(value) = serde_json::to_value(environment) {
        leaves("", &value, &mut all);
    }
    // A machine that was started again is the same one.
    all.retain(|(what, _)| what != "boot");
    for (what, value) in &mut all {
        if what == "target" && !value.starts_with("url") {
            let end = value.rfind(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
            value.truncate(end);
        }
    }
    all
}

/// Keys of the scenario that differ between two runs.
pub(super) fn changes(a: &Value, b: &Value) -> Vec<Change> {
    let of_two = |(key, values): (String, Vec<String>)| {
        let mut values = values.into_iter();
        Change { key, a: values.next().unwrap_or_default(), b: values.next().unwrap_or_default() }
    };
    differing(&[a, b]).into_iter().map(of_two).collect()
}

/// Keys that these scenarios (of `run.json`) do not have in common, with the value of each of them, empty where it has none; how they are
/// named and judged changes no measurement.
#[must_use]
pub fn differing(scenarios: &[&Value]) -> Vec<(String, Vec<String>)> {
    let flat = |scenario: &&Value| {
        let mut all = Vec::new();
        leaves("", scenario, &mut all);
        let skip = |key: &str| ["variant", "description"].contains(&key) || key.starts_with("thresholds.");
        all.into_iter().filter(|(key, _)| !skip(key)).collect::<BTreeMap<_, _>>()
    };
    let all: Vec<BTreeMap<String, String>> = scenarios.iter().map(flat).collect();
    let keys: BTreeSet<&String> = all.iter().flat_map(BTreeMap::keys).collect();
    let differ = |key: &&String| all.windows(2).any(|two| two[0].get(*key) != two[1].get(*key));
    let of_each = |key: &String| all.iter().map(|of| of.get(key).cloned().unwrap_or_default()).collect();
    keys.into_iter().filter(differ).map(|key| (key.clone(), of_each(key))).collect()
}

/// Every value by its path; elements of a list by their name, where they have one.
fn leaves(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(table) => table.iter().for_each(|(key, value)| leaves(&below(key), value, found)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                let name = item.get("name").and_then(Value::as_str).map_or_else(|| index.to_string(), str::to_owned);
                leaves(&below(&name), item, found);
            }
        }
        Value::Null => {}
        Value::String(text) => found.push((path.to_owned(), text.clone())),
        other => found.push((path.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use serde_json::json;

    #[test]
    fn another_port_is_no_difference_and_another_kernel_is() {
        let (a, mut b) = (sample::good(), sample::good());
        b.environment.target = "bundled, ws://127.0.0.1:40123".to_owned();
        assert_eq!(environment([(Arm::A, &a), (Arm::B, &b)].into_iter()), []);
        b.environment.kernel = "6.13.0".to_owned();
        let found = environment([(Arm::A, &a), (Arm::B, &b)].into_iter());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].what.as_str(), found[0].scope), ("kernel", Scope::BetweenArms));
        let found = environment([(Arm::A, &a), (Arm::B, &b), (Arm::B, &a)].into_iter());
        assert_eq!(found[0].scope, Scope::WithinAnArm);
    }

    #[test]
    fn what_only_some_runs_have_is_a_difference() {
        let (a, mut b) = (sample::good(), sample::good());
        b.environment.git = Some("abc".to_owned());
        let found = environment([(Arm::A, &a), (Arm::B, &b)].into_iter());
        assert_eq!((found[0].what.as_str(), found[0].a[0].as_str(), found[0].b[0].as_str()), ("git", "none", "abc"));
    }

    #[test]
    fn changes_name_elements() {
        let scenario = |rate: u32, variant: &str| json!({ "variant": variant, "publishers": [{ "name": "members", "rate": rate, "from": "members" }] });
        assert_eq!(
            changes(&scenario(50, "x"), &scenario(60, "y")),
            [Change { key: "publishers.members.rate".to_owned(), a: "50".to_owned(), b: "60".to_owned() }]
        );
        let with = json!({ "target": { "server": { "shards": "2" } } });
        assert_eq!(
            changes(&json!({ "target": { "server": {} } }), &with),
            [Change { key: "target.server.shards".to_owned(), a: String::new(), b: "2".to_owned() }]
        );
    }
}
