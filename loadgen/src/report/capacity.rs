//! A capacity search for people and for programs.
//!
//! ```text
//! Outcome ─┬─▶ text      capacity.txt, and the terminal
//!          ├─▶ markdown  capacity.md
//!          ├─▶ html      capacity.html (`report/html`)
//!          └─▶ json      capacity.json, which `fanout plan` reads
//! ```

pub(in crate::report) mod advice;
mod markdown;
pub(in crate::report) mod setting;
#[cfg(test)]
mod tests;
mod text;
pub(in crate::report) mod words;

pub use markdown::markdown;
pub use text::render;

use crate::capacity::Outcome;

/// `capacity.json`: indented, with a newline at its end.
#[must_use]
pub fn json(outcome: &Outcome) -> String {
    super::json::document(outcome)
}

/// The files of a search, by their names.
#[must_use]
pub fn contents(outcome: &Outcome) -> Vec<(&'static str, String)> {
    vec![
        ("capacity.json", json(outcome)),
        ("capacity.html", super::html::capacity(outcome)),
        ("capacity.md", markdown(outcome)),
        ("capacity.txt", render(outcome, None, super::Colour::Never)),
    ]
}
