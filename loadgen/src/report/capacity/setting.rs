//! What was searched, with what and where: for who has only the report.

use super::words::people;
use crate::analyse::median;
use crate::analyse::search::{Length, Upper};
use crate::capacity::{Axis, Found, Outcome, Trial};
use crate::report::numbers::{bytes, count, percent, publishes_per_s, seconds};
use crate::report::text::costs::of_environment;

/// Rates that differ by less than this share are one rate.
const ALIKE: f64 = 0.05;

/// Named facts about a search.
pub(in crate::report) fn setting(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let mut facts = vec![("searched", range(outcome))];
    let valid: Vec<&Trial> = outcome.trials.iter().filter(|trial| trial.is_valid()).collect();
    facts.extend(held_still(outcome.axis, &valid).map(|said| ("each trial", said)));
    if outcome.axis != Axis::Size {
        facts.extend(message(&valid).map(|size| ("messages", size)));
    }
    facts.push(("trials", lengths(&outcome.trials)));
    facts.extend(of_environment(&outcome.environment).into_iter().map(|(name, fact)| match name {
        "server" => (name, format!("{fact}{}", settings(&outcome.target))),
        _ => (name, fact),
    }));
    facts
}

fn range(outcome: &Outcome) -> String {
    let [low, high] = outcome.range.map(|load| outcome.axis.number(load));
    let broke = |found: &Found| found.bounds.lower.is_some() && matches!(found.bounds.upper, Upper::Broke(_));
    let near = if outcome.exit_code() == 0 && outcome.found.iter().all(broke) {
        format!("; what holds and what breaks are at most {} apart", percent(outcome.width))
    } else {
        String::new()
    };
    format!("from {low} to {high} {}{near}", outcome.axis.unit())
}

/// What all trials had, whatever was raised.
fn held_still(axis: Axis, valid: &[&Trial]) -> Option<String> {
    let one = valid.first()?;
    let rates = || valid.iter().map(|trial| trial.publishes_per_s);
    let (low, high) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
    let same_rate = (high > 0.0 && high - low <= ALIKE * high).then(|| publishes_per_s(one.publishes_per_s));
    match axis {
        Axis::Connections => same_rate,
        Axis::Rate => Some(people(one, &count(one.connections))),
        Axis::Size => {
            let all = people(one, &count(one.connections));
            Some(same_rate.map_or_else(|| all.clone(), |rate| format!("{rate} to {all}")))
        }
    }
}

fn message(valid: &[&Trial]) -> Option<String> {
    let sizes = valid.iter().filter(|trial| trial.deliveries_per_s > 0.0);
    let sizes: Vec<f64> = sizes.filter_map(|trial| Some(trial.payload_bytes_per_s? / trial.deliveries_per_s)).collect();
    (!sizes.is_empty()).then(|| format!("{} of payload on average", bytes(median(&sizes))))
}

/// `12 runs: 8 short, of 7 s each, and 4 of full length, of 13 s`.
fn lengths(trials: &[Trial]) -> String {
    let of = |length: Length| {
        let took: Vec<f64> = trials.iter().filter(|trial| trial.length == length).map(|trial| trial.took_s).collect();
        let words = if length == Length::Short { "short" } else { "of full length" };
        match took.len() {
            0 => None,
            n => Some(format!("{} {words} (about {} each)", count(n as u64), seconds(median(&took).round()))),
        }
    };
    let said: Vec<String> = [Length::Short, Length::Full].into_iter().filter_map(of).collect();
    if said.is_empty() { "none".to_owned() } else { said.join(", ") }
}

/// How the server was started, as far as the scenario says something about it: `, engine textbook`, `, node hub.js --port {port}`.
fn settings(target: &serde_json::Value) -> String {
    let plain = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(words) = target.get("spawn").and_then(serde_json::Value::as_array) {
        return format!(", {}", words.iter().map(plain).collect::<Vec<_>>().join(" "));
    }
    let flags = target.get("server").and_then(serde_json::Value::as_object);
    flags.into_iter().flatten().map(|(name, value)| format!(", {name} {}", plain(value))).collect()
}
