//! The report on the terminal: sentences first, then the figures behind them.
//!
//! A reader who sees one for the first time must understand it, so every term that is not an everyday word is explained
//! where it stands.

use super::files::Written;
use crate::result::Run;

pub(in crate::report) mod compression;
pub(in crate::report) mod connections;
pub(in crate::report) mod costs;
mod feed;
mod histogram;
mod http;
pub(in crate::report) mod lag;
pub(in crate::report) mod latency;
pub(in crate::report) mod page;
pub(in crate::report) mod parts;
pub(in crate::report) mod returns;
pub(in crate::report) mod sentences;
#[cfg(test)]
mod tests;
pub(in crate::report) mod thresholds;

use page::Page;

/// Whether the report is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Plain text.
    Never,
    /// With terminal colours.
    Always,
}

/// Verdict, causes and the main figures: what is enough of one of several runs.
#[must_use]
pub fn head(run: &Run, colour: Colour) -> String {
    let mut page = Page::new(colour);
    sentences::write(&mut page, run);
    page.into_text()
}

/// The report of a run; `written` names its files, where there are any.
#[must_use]
pub fn render(run: &Run, written: Option<&Written>, colour: Colour) -> String {
    let mut page = Page::new(colour);
    sentences::write(&mut page, run);
    thresholds::write(&mut page, run);
    connections::write(&mut page, run);
    http::write(&mut page, run);
    feed::write(&mut page, run);
    returns::write(&mut page, run);
    latency::write(&mut page, run);
    histogram::write(&mut page, run);
    latency::write_spread(&mut page, run);
    parts::write_phases(&mut page, run);
    parts::write_groups(&mut page, run);
    compression::write(&mut page, run);
    costs::write_server(&mut page, run);
    costs::write_loadgen(&mut page, run);
    costs::write_machine(&mut page, run);
    if !run.notes.is_empty() {
        page.section("notes");
        for note in &run.notes {
            page.line(note);
        }
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
