//! What the load generator itself was late by: what the figures of the server cannot be blamed for.

use maud::{Markup, html};

use super::spread::quantile_row;
use super::table::{aside, table};
use crate::result::Run;

pub(super) fn section(run: &Run) -> Option<Markup> {
    let rows: Vec<Vec<String>> = [("schedule lag", &run.schedule_lag), ("read age", &run.read_age)]
        .into_iter()
        .filter(|(_, quantiles)| quantiles.count > 0)
        .map(|(name, quantiles)| quantile_row(name, quantiles))
        .collect();
    if rows.is_empty() {
        return None;
    }
    let judged = if run.validity.valid {
        "Both were small enough for this run to count."
    } else {
        "The verdict at the top says whether either was too large."
    };
    Some(html! {
        (table(&["", "p50", "p90", "p99", "max"], &rows))
        (aside(&format!("Schedule lag: sent later than due, while the socket took bytes. Read age: how long deliveries waited for fanout's turn. Where these are large beside the latencies, fanout and not the server was measured, and the run is invalid. {judged}")))
    })
}
