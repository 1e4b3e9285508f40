//! The search on the terminal.

use super::advice::{advice, words};
use super::setting::setting;
use super::words::{
    HEADS_EXPLAINED, answer, by_load, costs, gave_way, headline, heads, notes, objective, row, scaling, undecided, why,
    word,
};
use crate::capacity::Outcome;
use crate::report::text::page::{Page, Tone};
use crate::report::{Colour, Written};

/// The report; `written` names its files, where there are any.
#[must_use]
pub fn render(outcome: &Outcome, written: Option<&Written>, colour: Colour) -> String {
    let mut page = Page::new(colour);
    let tone = match outcome.exit_code() {
        0 => Tone::Good,
        3 => Tone::Bad,
        _ => Tone::Doubt,
    };
    let word = page.tone(tone, word(outcome));
    page.headline(&format!("{word}  {}", headline(outcome)));
    for found in &outcome.found {
        page.line(&answer(outcome, found));
        if let Some(cause) = gave_way(found) {
            page.line(&format!("  {cause}"));
        }
    }
    undecided(outcome).iter().for_each(|line| page.line(line));
    let advice = advice(outcome);
    if !advice.is_empty() {
        page.section("what to do");
        advice.iter().for_each(|line| page.line(line));
    }
    for found in &outcome.found {
        if let Some(of) = &found.costs {
            page.section(&format!("what the confirmed load costs ({})", objective(found)));
            let rows = costs(of).into_iter().map(|(label, figure)| vec![label.to_owned(), figure]);
            page.table(&rows.collect::<Vec<_>>());
        }
    }
    if let Some(fit) = &outcome.scaling {
        page.section("throughput against load");
        scaling(outcome, fit).iter().for_each(|sentence| page.line(sentence));
    }
    page.section("trials");
    let trials = by_load(outcome);
    let mut rows = vec![heads(outcome).map(str::to_owned).to_vec()];
    rows.extend(trials.iter().map(|(number, trial)| row(outcome, *number, trial)));
    page.table(&rows);
    page.aside(HEADS_EXPLAINED);
    let reasons = trials.iter().map(|(number, trial)| (format!("no. {number}"), why(outcome, trial)));
    let reasons: Vec<_> = reasons.filter(|(_, why)| !why.is_empty()).collect();
    if !reasons.is_empty() {
        page.section("why trials broke or were invalid");
        page.facts(&reasons.iter().map(|(number, why)| (number.as_str(), why.clone())).collect::<Vec<_>>());
    }
    page.section("what was searched, and where");
    page.facts(&setting(outcome));
    page.section("words");
    page.facts(&words(outcome).into_iter().map(|(word, meaning)| (word, meaning.to_owned())).collect::<Vec<_>>());
    if !notes(outcome).is_empty() {
        page.section("notes");
        notes(outcome).iter().for_each(|note| page.line(note));
    }
    if let Some(written) = written {
        page.section("files");
        page.line(&format!("{}: {}", written.directory.display(), written.files.join(", ")));
    }
    page.into_text()
}
