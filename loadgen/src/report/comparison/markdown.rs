//! The comparison for a pull request or a job summary.

use std::fmt::Write as _;

use super::cells::{HEADS, arm, difference, equal, explained, opening, recommended, row, uncompared, word};
use crate::compare::{Comparison, Standing};
use crate::report::markdown::{escaped, table};

/// The report. Text of the scenario is escaped: a name cannot become markup.
#[must_use]
pub fn markdown(comparison: &Comparison) -> String {
    let mut text = format!("# {}\n\n{}\n", word(comparison), escaped(&opening(comparison)));
    if !comparison.environment.is_empty() {
        text += "\n**The machine was not the same for all runs**\n\n";
        comparison.environment.iter().for_each(|found| item(&mut text, &difference(found)));
    }
    paragraph(&mut text, &format!("**{}**", escaped(&comparison.summary)));
    if let Some(why) = &comparison.ended_early {
        paragraph(&mut text, &format!("Ended early: {}", escaped(why)));
    }
    if !comparison.expectations.is_empty() {
        text += "\n## Expectations\n\n";
        let rows = comparison.expectations.iter().map(|outcome| {
            let standing = if outcome.standing == Standing::Held { "held" } else { "**broken**" };
            vec![standing.to_owned(), escaped(&outcome.expectation), escaped(&outcome.said)]
        });
        table(&mut text, &["", "expected", "was"], rows);
    }
    if !comparison.metrics.is_empty() {
        text += "\n## Metrics\n\n";
        let rows =
            comparison.metrics.iter().map(|metric| row(comparison, metric).iter().map(|cell| escaped(cell)).collect());
        table(&mut text, &HEADS, rows);
        paragraph(&mut text, &escaped(explained(comparison)));
    }
    if !comparison.equal.is_empty() {
        paragraph(&mut text, &format!("Equal in every run: {}", escaped(&equal(comparison))));
    }
    list(&mut text, "Without a ratio", comparison.uncompared.iter().map(uncompared));
    if !comparison.changes.is_empty() {
        text += "\n## What differs in the scenario\n\n";
        let rows = comparison.changes.iter().map(|c| [&c.key, &c.a, &c.b].map(|cell| escaped(cell)).to_vec());
        table(&mut text, &["", "a", "b"], rows);
    }
    let runs = [arm("a", &comparison.a), arm("b", &comparison.b)].into_iter().chain(recommended(comparison));
    list(&mut text, "Runs", runs);
    list(&mut text, "Notes", comparison.notes.iter().cloned());
    text
}

fn paragraph(text: &mut String, content: &str) {
    // Writing into a String cannot fail, here and below.
    let _ = write!(text, "\n{content}\n");
}

fn item(text: &mut String, content: &str) {
    let _ = writeln!(text, "- {}", escaped(content));
}

fn list(text: &mut String, heading: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if !items.is_empty() {
        let _ = write!(text, "\n## {heading}\n\n");
        items.iter().for_each(|content| item(text, content));
    }
}
