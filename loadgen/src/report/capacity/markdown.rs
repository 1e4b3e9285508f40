//! The search for a pull request or a wiki.

use std::fmt::Write as _;

use super::words::{HEADS, answer, costs, gave_way, row, scaling};
use crate::capacity::Outcome;

/// `capacity.md`.
#[must_use]
pub fn markdown(outcome: &Outcome) -> String {
    let mut text = format!("# Capacity of {} over {}\n\n", outcome.scenario, outcome.axis.name());
    for found in &outcome.found {
        let _ = writeln!(text, "- **{}**", answer(outcome.axis, found));
        if let Some(cause) = gave_way(found) {
            let _ = writeln!(text, "  {cause}");
        }
    }
    if !outcome.complete {
        text.push_str("- The search was broken off: bounds are missing.\n");
    }
    for found in &outcome.found {
        let Some(of) = &found.costs else { continue };
        let _ = writeln!(text, "\n## What the confirmed load costs ({})\n\n| | |\n|---|---:|", found.objective);
        for (label, figure) in costs(of).iter() {
            let _ = writeln!(text, "| {label} | {figure} |");
        }
    }
    if let Some(fit) = &outcome.scaling {
        text.push_str("\n## Throughput against load (Universal Scalability Law)\n\n");
        for sentence in scaling(outcome.axis, fit).iter() {
            let _ = writeln!(text, "{sentence}  ");
        }
    }
    let _ = writeln!(text, "\n## Trials\n\n| {} |\n|{}", HEADS.join(" | "), "---|".repeat(HEADS.len()));
    for trial in outcome.trials.iter() {
        let _ = writeln!(text, "| {} |", row(outcome, trial).join(" | "));
    }
    if !outcome.notes.is_empty() {
        text.push_str("\n## Notes\n\n");
        for note in outcome.notes.iter() {
            let _ = writeln!(text, "- {note}");
        }
    }
    text
}
