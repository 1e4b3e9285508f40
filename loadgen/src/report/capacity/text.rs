//! The search on the terminal.

use super::words::{HEADS, answer, costs, gave_way, row, scaling};
use crate::capacity::Outcome;
use crate::report::text::page::{Page, Tone};
use crate::report::{Colour, Written};

/// The report; `written` names its files, where there are any.
#[must_use]
pub fn render(outcome: &Outcome, written: Option<&Written>, colour: Colour) -> String {
    let mut page = Page::new(colour);
    let (tone, word) = match outcome.exit_code() {
        0 => (Tone::Good, "FOUND"),
        3 => (Tone::Bad, "NOT EVEN THE LOWEST LOAD HOLDS"),
        _ => (Tone::Doubt, "NOT DECIDED"),
    };
    let word = page.tone(tone, word);
    page.headline(&format!(
        "{word}  {}, capacity over {} from {} to {}, bounds within {} %",
        outcome.scenario,
        outcome.axis.name(),
        outcome.range[0],
        outcome.range[1],
        outcome.width * 100.0
    ));
    for found in &outcome.found {
        page.line(&answer(outcome.axis, found));
        if let Some(cause) = gave_way(found) {
            page.line(&format!("  {cause}"));
        }
    }
    for found in &outcome.found {
        if let Some(of) = &found.costs {
            page.section(&format!("what the confirmed load costs ({})", found.objective));
            let rows = costs(of).into_iter().map(|(label, figure)| vec![label.to_owned(), figure]);
            page.table(&rows.collect::<Vec<_>>());
        }
    }
    if let Some(fit) = &outcome.scaling {
        page.section("throughput against load (Universal Scalability Law)");
        scaling(outcome.axis, fit).iter().for_each(|sentence| page.line(sentence));
    }
    page.section("trials");
    let mut trials: Vec<_> = outcome.trials.iter().collect();
    trials.sort_by(|a, b| a.load.total_cmp(&b.load).then(a.length.cmp(&b.length)));
    let mut rows = vec![HEADS.map(str::to_owned).to_vec()];
    rows.extend(trials.into_iter().map(|trial| row(outcome, trial)));
    page.table(&rows);
    if !outcome.notes.is_empty() {
        page.section("notes");
        outcome.notes.iter().for_each(|note| page.line(note));
    }
    if let Some(written) = written {
        page.section("files");
        page.line(&format!("{}: {}", written.directory.display(), written.files.join(", ")));
    }
    page.into_text()
}
