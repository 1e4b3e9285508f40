//! What was asked of the run, and whether it held.

use maud::{Markup, html};

use crate::report::text::thresholds::value;
use crate::result::Run;

pub(super) fn section(run: &Run) -> Markup {
    if run.thresholds.is_empty() {
        return html! { p { "The scenario has none, so nothing but the server's connections and the measurement itself could fail." } };
    }
    html! {
        div class="scroll" {
            table {
                thead { tr { th scope="col" {} th scope="col" { "threshold" } th scope="col" { "was" } } }
                tbody {
                    @for threshold in &run.thresholds {
                        tr {
                            @if threshold.pass { th scope="row" class="good" { "✓ held" } } @else { th scope="row" class="bad" { "✗ failed" } }
                            td class="words" { (threshold.metric) " " (threshold.expr) }
                            td { (value(run, threshold)) }
                        }
                    }
                }
            }
        }
    }
}
