//! The report on the terminal.

use super::words::{EXPLAINED, drift, heads, opening, prices, rows, runs, word};
use crate::compare::Ways;
use crate::report::text::page::{Page, Tone};
use crate::report::{Colour, Written};

/// The report; `written` names its files, where there are any.
#[must_use]
pub fn render(ways: &Ways, written: Option<&Written>, colour: Colour) -> String {
    let mut page = Page::new(colour);
    let tone = if ways.recommended.is_some() { Tone::Good } else { Tone::Doubt };
    page.headline(&format!("{}  {}", page.tone(tone, word(ways)), opening(ways)));
    if !ways.environment.is_empty() {
        let warning = page.tone(Tone::Bad, "THE MACHINE WAS NOT THE SAME FOR ALL RUNS");
        page.headline(&format!("  {warning}"));
        drift(ways).iter().for_each(|found| page.line(found));
    }
    page.line(&ways.recommendation);
    if let Some(why) = &ways.ended_early {
        page.line(&format!("ended early: {why}"));
    }
    page.section("what each saves and costs");
    page.table(&std::iter::once(heads(ways)).chain(rows(ways)).collect::<Vec<_>>());
    page.aside(EXPLAINED);
    page.section("from which price on it pays");
    prices(ways).iter().for_each(|line| page.line(line));
    page.section("runs");
    runs(ways).iter().for_each(|line| page.line(line));
    if !ways.notes.is_empty() {
        page.section("notes");
        ways.notes.iter().for_each(|note| page.line(note));
    }
    if let Some(written) = written {
        page.section("files");
        page.line(&format!("{}: {}", written.directory.display(), written.files.join(", ")));
    }
    page.into_text()
}
