//! The plan for a wiki or a pull request.

use std::fmt::Write as _;

use super::glossary;
use super::tables::{
    BEYOND_HEADS, COST_HEADS, LEVEL_HEADS, TRAFFIC_HEADS, all_beyond, costs, levels, need_explained, need_heads, needs,
    traffic,
};
use super::words::{answer, fitted, granted, one, opening, reckoned, word};
use crate::report::markdown::{escaped, table};
use crate::sizing::Sizing;

/// `plan.md`.
#[must_use]
pub fn markdown(sizing: &Sizing) -> String {
    let mut text = format!("# {}: {}\n\n", word(sizing), escaped(&opening(sizing)));
    list(&mut text, answer(sizing).iter());
    // Writing into a String cannot fail, here and below.
    let _ = write!(text, "\n## What one server needs\n\n{}\n\n", escaped(&one(&sizing.load)));
    tabled(&mut text, &need_heads(sizing), needs(sizing));
    let _ = writeln!(text, "\n{}\n", escaped(need_explained(sizing)));
    list(&mut text, fitted(sizing).iter());
    text.push_str("\n## Bytes out, all servers together\n\n");
    tabled(&mut text, &TRAFFIC_HEADS, traffic(sizing));
    let priced = costs(sizing);
    if !priced.is_empty() {
        text.push_str("\n## Cost\n\n");
        tabled(&mut text, &COST_HEADS, priced);
    }
    if let Some(servers) = &sizing.servers {
        text.push_str("\n## How busy a server may be\n\n");
        list(&mut text, reckoned(servers, sizing.asked.compression).iter());
    }
    let beyond = all_beyond(sizing);
    if !beyond.is_empty() {
        text.push_str("\n## Beyond what was measured\n\n");
        tabled(&mut text, &BEYOND_HEADS, beyond.into_iter().map(Vec::from).collect());
    }
    text.push_str("\n## Measured\n\n");
    tabled(&mut text, &LEVEL_HEADS, levels(sizing));
    text.push_str("\n## Taken for granted\n\n");
    list(&mut text, granted(sizing).iter().chain(&sizing.notes));
    text.push_str("\n## Words\n\n");
    for (word, meaning) in glossary::words(sizing) {
        let _ = writeln!(text, "- **{word}**: {}", escaped(meaning));
    }
    text
}

fn tabled(text: &mut String, heads: &[&str], rows: Vec<Vec<String>>) {
    table(text, heads, rows.into_iter().map(|row| row.iter().map(|cell| escaped(cell)).collect()));
}

fn list<'l>(text: &mut String, lines: impl Iterator<Item = &'l String>) {
    lines.for_each(|line| {
        let _ = writeln!(text, "- {}", escaped(line));
    });
}
