//! The comparison on the terminal.

use super::cells::{HEADS, arm, difference, equal, explained, opening, recommended, row, uncompared, word};
use crate::compare::{Comparison, Standing};
use crate::report::text::page::{Page, Tone};
use crate::report::{Colour, Written};

/// The report; `written` names its files, where there are any.
#[must_use]
pub fn render(comparison: &Comparison, written: Option<&Written>, colour: Colour) -> String {
    let mut page = Page::new(colour);
    let tone = match comparison.exit_code() {
        0 => Tone::Good,
        3 => Tone::Bad,
        _ => Tone::Doubt,
    };
    page.headline(&format!("{}  {}", page.tone(tone, word(comparison)), opening(comparison)));
    if !comparison.environment.is_empty() {
        let warning = page.tone(Tone::Bad, "THE MACHINE WAS NOT THE SAME FOR ALL RUNS");
        page.headline(&format!("  {warning}"));
        comparison.environment.iter().for_each(|found| page.line(&difference(found)));
    }
    page.line(&comparison.summary);
    if let Some(why) = &comparison.ended_early {
        page.line(&format!("ended early: {why}"));
    }
    expectations(&mut page, comparison);
    metrics(&mut page, comparison);
    if !comparison.changes.is_empty() {
        page.section("what differs in the scenario");
        let mut rows = vec![["", "a", "b"].map(str::to_owned).to_vec()];
        let shown = |value: &str| if value.is_empty() { "-".to_owned() } else { value.to_owned() };
        rows.extend(comparison.changes.iter().map(|c| vec![c.key.clone(), shown(&c.a), shown(&c.b)]));
        page.table(&rows);
    }
    page.section("runs");
    page.line(&arm("a", &comparison.a));
    page.line(&arm("b", &comparison.b));
    if let Some(recommended) = recommended(comparison) {
        page.line(&recommended);
    }
    if !comparison.notes.is_empty() {
        page.section("notes");
        comparison.notes.iter().for_each(|note| page.line(note));
    }
    if let Some(written) = written {
        page.section("files");
        page.line(&format!("{}: {}", written.directory.display(), written.files.join(", ")));
        if let Some(note) = &written.note {
            page.line(note);
        }
    }
    page.into_text()
}

fn expectations(page: &mut Page, comparison: &Comparison) {
    if comparison.expectations.is_empty() {
        return;
    }
    page.section("expectations");
    for outcome in &comparison.expectations {
        let standing = match outcome.standing {
            Standing::Held => page.tone(Tone::Good, "held"),
            Standing::Broken => page.tone(Tone::Bad, "broken"),
        };
        page.line(&format!("{standing}: {}, {}", outcome.expectation, outcome.said));
    }
}

fn metrics(page: &mut Page, comparison: &Comparison) {
    if !comparison.metrics.is_empty() {
        page.section("metrics");
        let mut rows = vec![HEADS.map(str::to_owned).to_vec()];
        rows.extend(comparison.metrics.iter().map(|metric| row(comparison, metric)));
        page.table(&rows);
        page.aside(explained(comparison));
    }
    if !comparison.equal.is_empty() {
        page.line(&format!("equal in every run: {}", equal(comparison)));
    }
    if !comparison.uncompared.is_empty() {
        page.section("without a ratio");
        comparison.uncompared.iter().for_each(|metric| page.line(&uncompared(metric)));
    }
}
