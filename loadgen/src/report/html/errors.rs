//! Causes: refusals, failures, close codes.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::table::table;
use crate::report::numbers::count;
use crate::report::text::connections::with_meaning;
use crate::result::Run;

/// A server can word each refusal differently; the commonest say enough.
const SHOWN: usize = 30;

pub(super) fn section(run: &Run) -> Option<Markup> {
    let c = &run.connections;
    let mut rows = Vec::new();
    rows.extend(causes("refused with HTTP status", &c.refused_by_status, str::to_owned));
    rows.extend(causes("did not open", &c.failed_by_cause, str::to_owned));
    rows.extend(causes("closed early by", &c.closed_by, with_meaning));
    let mut errors = run.errors.clone();
    errors.retain(|cause, _| !c.failed_by_cause.contains_key(cause) && !c.closed_by.contains_key(cause));
    rows.extend(causes("what the server said", &errors, str::to_owned));
    if rows.is_empty() {
        return None;
    }
    let left_out = rows.len().saturating_sub(SHOWN);
    rows.truncate(SHOWN);
    Some(html! {
        div class="causes" { (table(&["", "cause", "connections"], &rows)) }
        @if left_out > 0 { p class="reading" { (count(left_out as u64)) " rarer causes are in run.json." } }
    })
}

fn causes(what: &str, causes: &BTreeMap<String, u64>, name: impl Fn(&str) -> String) -> Vec<Vec<String>> {
    let mut sorted: Vec<_> = causes.iter().filter(|(_, n)| **n > 0).collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    sorted.into_iter().map(|(cause, n)| vec![what.to_owned(), name(cause), count(*n)]).collect()
}
