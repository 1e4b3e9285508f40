//! The search for a pull request or a wiki.

use std::fmt::Write as _;

use super::advice::{advice, words};
use super::setting::setting;
use super::words::{
    HEADS_EXPLAINED, answer, by_load, costs, gave_way, headline, heads, notes, objective, row, scaling, undecided, why,
    word,
};
use crate::capacity::Outcome;
use crate::report::markdown::escaped;

/// `capacity.md`.
#[must_use]
pub fn markdown(outcome: &Outcome) -> String {
    let mut text = format!("# {}: {}\n\n", word(outcome), headline(outcome));
    for found in &outcome.found {
        let _ = writeln!(text, "- **{}**", answer(outcome, found));
        if let Some(cause) = gave_way(found) {
            let _ = writeln!(text, "  {cause}");
        }
    }
    undecided(outcome).iter().for_each(|line| text += &format!("- {line}\n"));
    let advice = advice(outcome);
    if !advice.is_empty() {
        text += "\n## What to do\n\n";
        advice.iter().for_each(|line| text += &format!("- {line}\n"));
    }
    for found in &outcome.found {
        let Some(of) = &found.costs else { continue };
        let _ = writeln!(text, "\n## What the confirmed load costs ({})\n\n| | |\n|---|---:|", objective(found));
        for (label, figure) in costs(of).iter() {
            let _ = writeln!(text, "| {label} | {figure} |");
        }
    }
    if let Some(fit) = &outcome.scaling {
        text.push_str("\n## Throughput against load\n\n");
        for sentence in scaling(outcome, fit).iter() {
            let _ = writeln!(text, "{sentence}  ");
        }
    }
    let _ = writeln!(
        text,
        "\n## Trials\n\n| {} | why |\n|{}",
        heads(outcome).join(" | "),
        "---|".repeat(heads(outcome).len() + 1)
    );
    for (number, trial) in by_load(outcome) {
        let _ = writeln!(text, "| {} | {} |", row(outcome, number, trial).join(" | "), escaped(&why(outcome, trial)));
    }
    let _ = writeln!(text, "\n{HEADS_EXPLAINED}");
    text += "\n## What was searched, and where\n\n";
    for (name, fact) in setting(outcome) {
        let _ = writeln!(text, "- {name}: {}", escaped(&fact));
    }
    text += "\n## Words\n\n";
    for (word, meaning) in words(outcome) {
        let _ = writeln!(text, "- **{word}**: {meaning}");
    }
    if !notes(outcome).is_empty() {
        text.push_str("\n## Notes\n\n");
        for note in notes(outcome) {
            let _ = writeln!(text, "- {note}");
        }
    }
    text
}
