//! What was asked of the run, and whether it held.

use maud::{Markup, html};

use super::table::aside;
use crate::report::text::thresholds::{compared_with, outcome};
use crate::result::Run;

pub(super) fn section(run: &Run) -> Markup {
    if run.thresholds.is_empty() {
        return html! { p { "The scenario has none, so nothing but the server's connections and the measurement itself could fail." } };
    }
    html! {
        div class="scroll lefts" {
            table {
                thead { tr { th scope="col" {} th scope="col" { "threshold" } th scope="col" { "was" } } }
                tbody {
                    @for threshold in &run.thresholds {
                        tr {
                            @if threshold.skipped { th scope="row" class="doubt" { "! skipped" } }
                            @else if threshold.pass { th scope="row" class="good" { "✓ held" } }
                            @else { th scope="row" class="bad" { "✗ failed" } }
                            td class="words" { (threshold.name()) }
                            td class="words" { (outcome(run, threshold)) }
                        }
                    }
                }
            }
        }
        @if let Some(baseline) = &run.baseline { (aside(&compared_with(baseline))) }
    }
}
