//! What was run: target, subscribers, publishers, phases.

use maud::{Markup, html};
use serde_json::Value;

use super::table::{aside, facts, table};
use crate::report::numbers::{bytes, count, plural, publishes_per_s, seconds};
use crate::report::text::parts;
use crate::result::Run;

pub(super) fn section(run: &Run) -> Markup {
    let scenario = &run.scenario;
    let text = |key: &str| scenario.get(key).and_then(Value::as_str).unwrap_or("").to_owned();
    let subscribers = format!("{} in {}", plural(run.subscribers, "subscriber"), plural(run.rooms, "room"));
    html! {
        (facts(&[
            ("scenario", text("description")),
            ("server", run.environment.target.clone()),
            ("mode", mode(&text("mode"))),
            ("connections", subscribers),
            ("groups", list(scenario.get("connections"), group)),
            ("publishers", list(scenario.get("publishers"), publisher)),
            ("began", format!("{}, took {} in all", run.started, seconds(run.elapsed_s))),
        ]))
        @if !run.phases.is_empty() {
            h3 { "Phases" }
            (table(&parts::PHASES, &parts::phases(run)))
            (aside(&parts::phases_explained(run)))
        }
        @if run.groups.len() > 1 {
            h3 { "Groups of subscribers" }
            (table(&parts::GROUPS, &parts::groups(run)))
            (aside(&parts::which(run)))
        }
    }
}

fn mode(mode: &str) -> String {
    match mode {
        "broadcast" => "broadcast: every message goes to every subscriber of its room".to_owned(),
        "echo" => "echo: every connection expects its own messages back".to_owned(),
        "observe" => "observe: a feed that somebody else publishes".to_owned(),
        other => other.to_owned(),
    }
}

fn list(elements: Option<&Value>, said: fn(&Value) -> String) -> String {
    let elements = elements.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    elements.iter().map(said).collect::<Vec<_>>().join("; ")
}

fn name(element: &Value) -> &str {
    element.get("name").and_then(Value::as_str).unwrap_or("unnamed")
}

/// `phones: 5,000`.
fn group(element: &Value) -> String {
    let number = element.get("count").and_then(Value::as_u64);
    number.map_or_else(|| name(element).to_owned(), |n| format!("{}: {}", name(element), count(n)))
}

/// `speaker: 1, 100 publishes/s, 128 B`.
fn publisher(element: &Value) -> String {
    let mut said = Vec::new();
    if let Some(n) = element.get("count").and_then(Value::as_u64) {
        said.push(count(n));
    }
    if let Some(per_s) = element.get("rate").and_then(Value::as_f64) {
        said.push(format!("{} together", publishes_per_s(per_s)));
    }
    if let Some(size) = element.pointer("/payload/mean_bytes").and_then(Value::as_f64) {
        said.push(format!("{} on average", bytes(size)));
    }
    if said.is_empty() { name(element).to_owned() } else { format!("{}: {}", name(element), said.join(", ")) }
}
