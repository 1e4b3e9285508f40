//! A finished run, for people and for programs.
//!
//! ```text
//! Run ─┬─▶ text         the report on the terminal
//!      ├─▶ verdict      the exit code
//!      ├─▶ json         run.json                                      ┐
//!      ├─▶ html         report.html                                   │
//!      ├─▶ hlog         latency.hlog (arrivals)                       │
//!      ├─▶ summary      summary.md, also for the job summary of a CI  ├─▶ files   one directory, all or nothing
//!      ├─▶ junit        junit.xml                                     │
//!      ├─▶ openmetrics  metrics.om                                    │
//!      └─▶ intervals    intervals.csv                                 ┘
//! Batch      ─▶ batch        several runs of a scenario, its variants side by side: text, Markdown, JUnit, HTML
//! Comparison ─▶ comparison   the same of two settings: text, Markdown, HTML, JSON
//! Ways       ─▶ ways         the same of three ways to compress
//! Outcome    ─▶ capacity     the same of a capacity search
//! Sizing     ─▶ sizing       the same of a plan
//! Trends     ─▶ trend        of many runs: text, HTML, JSON
//! Plan       ─▶ outlook      what a run will need and do: text, JSON
//! ```

pub mod batch;
pub mod capacity;
pub mod comparison;
pub mod files;
pub mod hlog;
pub mod html;
pub mod intervals;
pub mod json;
pub mod junit;
mod markdown;
pub mod numbers;
pub mod openmetrics;
pub mod outlook;
mod returns;
pub mod sizing;
#[cfg(test)]
mod snapshot_tests;
pub mod spectrum;
pub mod summary;
pub mod text;
pub mod trend;
pub mod verdict;
pub mod ways;

pub use files::{FilesError, Place, Written};
pub use hlog::ArrivalLog;
pub use text::Colour;
pub use verdict::{Verdict, exit_code, exit_code_of_all, is_spoiled, turned_away};

#[cfg(test)]
pub(crate) mod sample;
