//! The table of percentiles.

use maud::{Markup, html};

use super::table::{aside, table};
use crate::report::numbers::count;
use crate::report::text::latency::{ROWS, cell, columns, explained};
use crate::report::text::sentences::missing;
use crate::result::Run;

pub(super) fn section(run: &Run) -> Option<Markup> {
    let columns = columns(run);
    if columns.is_empty() {
        return None;
    }
    let missing = missing(&run.deliveries);
    let heads: Vec<&str> = ["", ""].into_iter().chain(columns.iter().map(|(name, _)| *name)).collect();
    let mut rows: Vec<Vec<String>> = ROWS
        .iter()
        .map(|(name, meaning, value)| {
            let cells = columns.iter().map(|(_, quantiles)| cell(value(quantiles), quantiles.count, &missing));
            [(*name).to_owned(), (*meaning).to_owned()].into_iter().chain(cells).collect()
        })
        .collect();
    let of = |name: &str, meaning: &str, cells: Vec<String>| {
        [name.to_owned(), meaning.to_owned()].into_iter().chain(cells).collect::<Vec<_>>()
    };
    rows.push(of("mean", "of those that arrived", columns.iter().map(|(_, q)| cell(q.mean, 0, "")).collect()));
    rows.push(of("counted", "deliveries", columns.iter().map(|(_, q)| count(q.count)).collect()));
    Some(html! {
        div class="worded" { (table(&heads, &rows)) }
        (aside(explained(run)))
    })
}
