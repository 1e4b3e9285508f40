//! What the load generator itself was late by: what the figures of the server cannot be blamed for.

use maud::{Markup, html};

use super::spread::quantile_row;
use super::table::{aside, table};
use crate::report::text::lag::allowed;
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
        "Neither was above what was allowed, so the run counts."
    } else {
        "The verdict at the top says whether either was too large."
    };
    let allowed = allowed(run).map_or_else(String::new, |allowed| format!("Schedule lag, {allowed}. "));
    Some(html! {
        (table(&["", "p50", "p90", "p99", "max"], &rows))
        (aside(&format!("Schedule lag: sent later than due, while the socket took bytes. Read age: how long deliveries waited for fanout's turn. Latency after due time contains schedule lag, latency after sent does not: where schedule lag is large beside the latencies, look at the latter for the server (percentiles do not add up: the one is not the other plus the lag). {allowed}{judged}")))
    })
}
