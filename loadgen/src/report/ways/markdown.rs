//! The report for a pull request or a job summary.

use std::fmt::Write as _;

use super::words::{EXPLAINED, drift, heads, opening, prices, rows, runs, word};
use crate::compare::Ways;
use crate::report::markdown::{escaped, table};

/// `compression.md`.
#[must_use]
pub fn markdown(ways: &Ways) -> String {
    let mut text = format!("# {}: {}\n\n", word(ways), escaped(&opening(ways)));
    // Writing into a String cannot fail, here and below.
    let _ = writeln!(text, "**{}**\n", escaped(&ways.recommendation));
    if !ways.environment.is_empty() {
        text.push_str("**The machine was not the same for all runs**\n\n");
        list(&mut text, &drift(ways));
        text.push('\n');
    }
    if let Some(why) = &ways.ended_early {
        let _ = writeln!(text, "Ended early: {}\n", escaped(why));
    }
    text.push_str("## What each saves and costs\n\n");
    let heads = heads(ways);
    let cells = rows(ways).into_iter().map(|row| row.iter().map(|cell| escaped(cell)).collect());
    table(&mut text, &heads.iter().map(String::as_str).collect::<Vec<_>>(), cells);
    let _ = writeln!(text, "\n{}\n\n## From which price on it pays\n", escaped(EXPLAINED));
    list(&mut text, &prices(ways));
    text.push_str("\n## Runs\n\n");
    list(&mut text, &runs(ways));
    if !ways.notes.is_empty() {
        text.push_str("\n## Notes\n\n");
        list(&mut text, &ways.notes);
    }
    text
}

fn list(text: &mut String, lines: &[String]) {
    lines.iter().for_each(|line| {
        let _ = writeln!(text, "- {}", escaped(line));
    });
}
