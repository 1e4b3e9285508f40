//! Without compression, standalone and shared beside each other, for people and for programs.
//!
//! ```text
//! Ways ─┬─▶ text      compression.txt, and the terminal
//!       ├─▶ markdown  compression.md
//!       ├─▶ html      compression.html (`report/html`)
//!       └─▶ json      compression.json
//! ```

mod markdown;
mod text;
pub(in crate::report) mod words;

#[cfg(test)]
mod tests;

pub use markdown::markdown;
pub use text::render;

use crate::compare::Ways;

/// `compression.json`: indented, with a newline at its end. What is infinite or not a number is null.
#[must_use]
pub fn json(ways: &Ways) -> String {
    super::json::document(ways)
}

/// The files of the report, by their names.
#[must_use]
pub fn contents(ways: &Ways) -> Vec<(&'static str, String)> {
    vec![
        ("compression.json", json(ways)),
        ("compression.html", super::html::ways(ways)),
        ("compression.md", markdown(ways)),
        ("compression.txt", render(ways, None, super::Colour::Never)),
    ]
}
