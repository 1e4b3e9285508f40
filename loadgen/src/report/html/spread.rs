//! How one message spreads over its subscribers.

use maud::{Markup, html};

use super::table::{aside, table};
use crate::report::numbers::duration_us_exact;
use crate::report::text::latency::{spread, spread_explained};
use crate::result::{Quantiles, Run};

pub(super) fn section(run: &Run) -> Option<Markup> {
    let rows: Vec<Vec<String>> =
        spread(run).into_iter().map(|(name, quantiles)| quantile_row(name, quantiles)).collect();
    if rows.is_empty() {
        return None;
    }
    Some(html! {
        (table(&["", "p50", "p90", "p99", "max"], &rows))
        (aside(&spread_explained(run)))
    })
}

pub(super) fn quantile_row(name: &str, quantiles: &Quantiles) -> Vec<String> {
    let cells = [quantiles.p50, quantiles.p90, quantiles.p99, quantiles.max];
    let cells = cells.into_iter().map(|us| us.map_or_else(|| "-".to_owned(), duration_us_exact));
    std::iter::once(name.to_owned()).chain(cells).collect()
}
