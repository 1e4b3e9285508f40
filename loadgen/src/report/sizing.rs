//! A plan for people and for programs.
//!
//! ```text
//! Sizing ─┬─▶ text      plan.txt, and the terminal
//!         ├─▶ markdown  plan.md
//!         ├─▶ html      plan.html (`report/html`)
//!         └─▶ json      plan.json
//! ```

pub(in crate::report) mod glossary;
mod markdown;
pub(in crate::report) mod tables;
mod text;
pub(in crate::report) mod words;

#[cfg(test)]
mod tests;

pub use markdown::markdown;
pub use text::render;

use crate::sizing::Sizing;

/// `plan.json`: indented, with a newline at its end.
#[must_use]
pub fn json(sizing: &Sizing) -> String {
    super::json::document(sizing)
}

/// The files of a plan, by their names.
#[must_use]
pub fn contents(sizing: &Sizing) -> Vec<(&'static str, String)> {
    vec![
        ("plan.json", json(sizing)),
        ("plan.html", super::html::sizing(sizing)),
        ("plan.md", markdown(sizing)),
        ("plan.txt", render(sizing, None, super::Colour::Never)),
    ]
}
