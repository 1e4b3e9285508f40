//! The end of what the terminal shows: verdicts, medians, and the variants side by side.

use super::beside::{explained, heads, rows};
use super::{Batch, spread};
use crate::report::text::page::{Page, Tone};
use crate::report::{Colour, Written};

/// The report; `written` names the files of the folder that has all runs.
#[must_use]
pub fn render(batch: &Batch, written: Option<&Written>, colour: Colour) -> String {
    let mut page = Page::new(colour);
    let tone = match (batch.passed(), batch.failed()) {
        (true, _) => Tone::Good,
        (false, true) => Tone::Bad,
        (false, false) => Tone::Doubt,
    };
    let word = page.tone(tone, batch.word());
    page.headline(&format!("{word}  {}: {}, {}", batch.name, batch.extent(), batch.outcomes()));
    for attempt in batch.gravest_first().into_iter().filter(|attempt| !attempt.standing().passed()) {
        page.line(&format!("{} {}: {}", attempt.standing().word(), attempt.which.label(), attempt.why()));
    }
    let arms = batch.arms();
    for arm in arms.iter().filter(|arm| arm.attempts.len() > 1) {
        let rows = spread::rows(arm);
        if !rows.is_empty() {
            page.section(&format!("{}, over {}", arm.name, spread::over(arm)));
            page.table(&std::iter::once(spread::HEADS.map(str::to_owned).to_vec()).chain(rows).collect::<Vec<_>>());
        }
    }
    if arms.len() > 1 {
        page.section("variants side by side");
        page.table(&std::iter::once(heads(batch)).chain(rows(batch)).collect::<Vec<_>>());
        page.aside(&explained(batch));
    }
    if let Some(written) = written {
        page.section("files");
        page.line(&format!("{}: {}", written.directory.display(), written.files.join(", ")));
    }
    page.into_text()
}
