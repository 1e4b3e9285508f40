//! A finished run, for people and for programs.
//!
//! ```text
//! Run ─┬─▶ text     the report on the terminal
//!      ├─▶ json     run.json                     ┐
//!      ├─▶ html     report.html                  │
//!      ├─▶ hlog     latency.hlog (arrivals)      ├─▶ files   one directory, all or nothing
//!      └─▶ verdict  the exit code                ┘
//! Comparison ─▶ comparison   the same of two settings: text, Markdown, HTML, JSON
//! Outcome    ─▶ capacity     the same of a capacity search
//! Trends     ─▶ trend        of many runs: text, HTML, JSON
//! ```

pub mod capacity;
pub mod comparison;
pub mod files;
pub mod hlog;
pub mod html;
pub mod json;
pub mod numbers;
pub mod spectrum;
pub mod text;
pub mod trend;
pub mod verdict;

pub use files::{FilesError, Place, Written};
pub use hlog::ArrivalLog;
pub use text::Colour;
pub use verdict::{Verdict, exit_code, exit_code_of_all, turned_away};

#[cfg(test)]
pub(crate) mod sample;
