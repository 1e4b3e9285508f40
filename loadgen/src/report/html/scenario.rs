//! The scenario as it was resolved: defaults filled in, secrets left out.

use maud::{Markup, html};

use crate::result::Run;

/// A scenario with thousands of names would be most of the page.
const MOST: usize = 60_000;

pub(super) fn section(run: &Run) -> Markup {
    let mut text = serde_json::to_string_pretty(&run.scenario).unwrap_or_default();
    let whole = text.len();
    if whole > MOST {
        let end = (0..=MOST).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        text.truncate(end);
    }
    html! {
        details {
            summary { "Every key with its value, durations in microseconds, secrets left out" }
            pre { (text) }
            @if whole > MOST { p class="reading" { "The rest is in run.json." } }
        }
    }
}
