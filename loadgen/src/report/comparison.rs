//! Two settings side by side, for people and for programs.
//!
//! ```text
//! Comparison ─┬─▶ text      comparison.txt, and the terminal
//!             ├─▶ markdown  comparison.md, for a pull request
//!             ├─▶ html      comparison.html (`report/html`)
//!             └─▶ json      comparison.json
//! ```

pub(in crate::report) mod cells;
mod markdown;
mod text;

#[cfg(test)]
mod tests;

pub use markdown::markdown;
pub use text::render;

use crate::compare::{Comparison, Trial};

/// `comparison.json`: indented, with a newline at its end. What is infinite or not a number is null.
#[must_use]
pub fn json(comparison: &Comparison) -> String {
    super::json::document(comparison)
}

/// The files of a comparison of these trials, by their names.
#[must_use]
pub fn contents(comparison: &Comparison, trials: &[Trial]) -> Vec<(&'static str, String)> {
    vec![
        ("comparison.json", json(comparison)),
        ("comparison.html", super::html::comparison(comparison, trials)),
        ("comparison.md", markdown(comparison)),
        ("comparison.txt", render(comparison, None, super::Colour::Never)),
    ]
}
