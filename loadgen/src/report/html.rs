//! A report as one page of HTML: for a browser, a phone, a printer, an attachment.
//!
//! ```text
//! Run        ─▶ page         report.html
//! Comparison ─▶ comparison   comparison.html
//! Ways       ─▶ ways         compression.html
//! Batch      ─▶ variants     variants.html
//! Outcome    ─▶ capacity     capacity.html
//! Sizing     ─▶ sizing       plan.html
//! Trend      ─▶ trend        trend.html
//!
//! scale ─▶ frame ─▶ heat, spectrum, storm, rates, costs   the charts
//!          table ─▶ all the others                              the figures
//!          shell                                                the page around them
//! ```
//!
//! Nothing is loaded: style, script and drawings are in the file. What is said in words is said by the same functions as on the terminal.

mod bytes;
mod capacity;
mod columns;
mod comparison;
mod connections;
mod costs;
mod environment;
mod errors;
mod forest;
mod frame;
mod glossary;
mod heat;
mod lag;
mod ledger;
mod load;
mod opening;
mod percentile_axis;
mod percentiles;
mod rates;
mod returns;
mod scale;
mod scenario;
mod setting;
mod shell;
mod sizing;
mod spectra;
mod spectrum;
mod spread;
mod storm;
mod table;
mod thresholds;
mod trend;
mod variants;
mod ways;

#[cfg(test)]
mod tests;

pub use capacity::capacity;
pub use comparison::comparison;
pub use sizing::sizing;
pub use trend::trend;
pub use variants::variants;
pub use ways::ways;

use maud::html;

use super::text::sentences::name;
use super::verdict::Verdict;
use crate::result::Run;

/// `report.html`.
#[must_use]
pub fn page(run: &Run) -> String {
    let title = format!("{} {}, fanout", Verdict::of(run).word(), name(run));
    let notes = (!run.notes.is_empty()).then(|| html! { ul { @for note in &run.notes { li { (note) } } } });
    shell::page(
        &title,
        &opening::section(run),
        vec![
            ("load", "What was run", Some(load::section(run))),
            ("percentiles", "How long messages took to arrive", percentiles::section(run)),
            ("time", "Latency over time", heat::section(run)),
            ("spectrum", "Percentile spectrum", spectrum::section(run)),
            ("connections", "Connections", Some(connections::section(run))),
            ("returns", "Connections that left and came back", returns::section(run)),
            ("rates", "Asked and reached", Some(rates::section(run))),
            ("ledger", "Where every delivery went", Some(ledger::section(run))),
            ("spread", "One message over its subscribers", spread::section(run)),
            ("lag", "How late fanout itself was", lag::section(run)),
            ("costs", "CPU and memory", Some(costs::section(run))),
            ("bytes", "Bytes and compression", Some(bytes::section(run))),
            ("errors", "Errors and close codes", errors::section(run)),
            ("thresholds", "Thresholds", Some(thresholds::section(run))),
            ("notes", "Notes", notes),
            ("environment", "Measured on", Some(environment::section(run))),
            ("scenario", "Scenario", Some(scenario::section(run))),
            ("glossary", "Glossary", Some(glossary::section())),
        ],
    )
}
