//! The table of percentiles, and how one message spreads over its subscribers.

use super::page::Page;
use super::sentences::missing;
use crate::report::numbers::{count, duration_us_exact};
use crate::result::{Quantiles, Run};

/// The percentiles of a table: name, what it means, its value.
pub(in crate::report) type Row = (&'static str, &'static str, fn(&Quantiles) -> Option<f64>);

pub(in crate::report) const ROWS: [Row; 7] = [
    ("p50", "half arrived within", |q| q.p50),
    ("p90", "90 % within", |q| q.p90),
    ("p95", "95 % within", |q| q.p95),
    ("p99", "99 % within", |q| q.p99),
    ("p99.9", "99.9 % within", |q| q.p999),
    ("p99.99", "99.99 % within", |q| q.p9999),
    ("max", "all within", |q| q.max),
];

/// The columns of the table: their heads and figures; none where nothing was measured.
pub(in crate::report) fn columns(run: &Run) -> Vec<(&'static str, &Quantiles)> {
    let latency = &run.latency;
    let mut columns: Vec<(&str, &Quantiles)> = Vec::new();
    if let Some(due) = &latency.due {
        columns.push(("after due time", due));
    }
    if let Some(own) = run.observe.as_ref().and_then(|observe| observe.latency.as_ref()) {
        columns.push(("after its own timestamp", own));
    }
    let sent = if run.observe.is_some() { "after the first subscriber's" } else { "after sent" };
    columns.push((sent, &latency.sent));
    let lost = latency.due.as_ref().is_some_and(|due| due.max.is_none() && latency.arrived.count > 0);
    if lost {
        columns.push(("only those that arrived", &latency.arrived));
    }
    if let Some(round_trip) = &latency.round_trip {
        columns.push(("round trip", round_trip));
    }
    if latency.resumed.count > 0 {
        columns.push(("replayed after a resume", &latency.resumed));
    }
    if columns.iter().all(|(_, quantiles)| quantiles.count == 0) { Vec::new() } else { columns }
}

/// What the columns mean.
pub(in crate::report) fn explained(run: &Run) -> &'static str {
    if run.observe.is_some() {
        "after its own timestamp: since the moment that the message itself names, by the clock of whoever sent it; after the \
         first subscriber's: since anybody here had it, over those that arrived; 1 ms is 1,000 us"
    } else if run.latency.due.is_some() {
        "after due time: since the moment the schedule wanted the message sent, over all expected deliveries, a \
         lost one counting as later than all others; after sent: since it really left fanout, over those that \
         arrived; 1 ms is 1,000 us"
    } else {
        "after sent: since the message left fanout, over those that arrived (each publisher waits for answers \
         before it sends more, so there is no schedule to be late for); 1 ms is 1,000 us"
    }
}

pub(super) fn write(page: &mut Page, run: &Run) {
    let columns = columns(run);
    if columns.is_empty() {
        return;
    }
    page.section("how long messages took to arrive");
    let missing = missing(&run.deliveries);
    let mut rows = vec![row(String::new(), columns.iter().map(|(name, _)| (*name).to_owned()))];
    for (name, meaning, value) in ROWS {
        let cells = columns.iter().map(|(_, quantiles)| cell(value(quantiles), quantiles.count, &missing));
        rows.push(row(format!("{name:<6}  {meaning}"), cells));
    }
    rows.push(row(
        "mean    of those that arrived".to_owned(),
        columns.iter().map(|(_, quantiles)| cell(quantiles.mean, 0, "")),
    ));
    rows.push(row("counted".to_owned(), columns.iter().map(|(_, quantiles)| count(quantiles.count))));
    page.table(&rows);
    page.aside(explained(run));
}

fn row(first: String, cells: impl Iterator<Item = String>) -> Vec<String> {
    std::iter::once(first).chain(cells).collect()
}

pub(in crate::report) fn cell(us: Option<f64>, of: u64, missing: &str) -> String {
    match us {
        Some(us) => duration_us_exact(us),
        None if of > 0 => format!("never ({missing})"),
        None => "-".to_owned(),
    }
}

/// First to last subscriber of each message: what it is, over messages. None where a room has one subscriber.
pub(in crate::report) fn spread(run: &Run) -> Vec<(&'static str, &Quantiles)> {
    let spread = &run.spread;
    if spread.last_less_first.count == 0 || run.subscribers <= run.rooms {
        return Vec::new();
    }
    let rows = [
        ("first subscriber has it after", &spread.first),
        ("half of them have it after", &spread.median),
        ("99 % of them have it after", &spread.p99),
        ("last subscriber has it after", &spread.last),
        ("last less first", &spread.last_less_first),
    ];
    rows.into_iter().filter(|(_, quantiles)| quantiles.count > 0).collect()
}

/// What those rows mean.
pub(in crate::report) fn spread_explained(run: &Run) -> String {
    let sampled = match run.spread.sampled {
        0 => String::new(),
        n => format!("; half and 99 %: of a sample of {} messages", count(n)),
    };
    let since = if run.observe.is_some() { "anybody here had the message" } else { "the message was sent" };
    format!("since {since}; p50, p99 and max are over messages{sampled}")
}

pub(super) fn write_spread(page: &mut Page, run: &Run) {
    let spread = spread(run);
    if spread.is_empty() {
        return;
    }
    page.section("one message over its subscribers");
    let mut rows = vec![["", "p50", "p99", "max"].map(str::to_owned).to_vec()];
    for (name, quantiles) in spread {
        let cells = [quantiles.p50, quantiles.p99, quantiles.max].into_iter().map(|us| cell(us, 0, ""));
        rows.push(row(name.to_owned(), cells));
    }
    page.table(&rows);
    page.aside(&spread_explained(run));
}
