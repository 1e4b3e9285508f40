//! What happened to connections, and how long connecting took.

use maud::{Markup, html};

use super::columns::{axis, bands, columns, is_there};
use super::frame::{Axis, Frame, figure};
use super::scale::Scale;
use super::table::table;
use crate::report::numbers::{count, duration_us_exact, rate, seconds};
use crate::result::{AddressConnections, HttpPublishes, Quantiles, Run};

pub(super) fn section(run: &Run) -> Markup {
    let c = &run.connections;
    let counts = [
        ("asked for", c.asked, "subscribers and publishers with a connection of their own"),
        ("opened", c.opened, "answered with 101 and upgraded"),
        ("of these while phases ran", c.joined_late, "joined because a phase grew"),
        ("refused", c.refused, "answered with another HTTP status"),
        ("failed", c.failed, "did not open for another reason"),
        ("closed early", c.closed, "ended before the run did, by the server or the network"),
        ("most open at once", c.peak, ""),
    ];
    let counts: Vec<Vec<String>> = counts
        .into_iter()
        .filter(|(name, n, _)| *n > 0 || !name.starts_with("of these"))
        .map(|(name, n, what)| vec![name.to_owned(), count(n), what.to_owned()])
        .collect();
    let times: Vec<Vec<String>> =
        [("whole", &run.connect), ("TCP alone", &run.connect_tcp), ("WebSocket upgrade alone", &run.connect_upgrade)]
            .into_iter()
            .filter(|(_, quantiles)| quantiles.count > 0)
            .map(|(name, q)| times(name, q))
            .collect();
    html! {
        div class="said" { (table(&["", "connections", ""], &counts)) }
        @if !c.addresses.is_empty() { (table(&["address", "opened", "refused", "failed", "closed early"], &addresses(run))) }
        p class="reading" { @if c.joined_late > 0 { "Those of the beginning" } @else { "All" } " were opened within " (seconds(c.ramp_s)) ", " (rate(c.opened_per_s)) " a second." }
        @if !times.is_empty() {
            h3 { "Time to connect" }
            (table(&["", "p50", "p90", "p95", "p99", "max"], &times))
        }
        @if let Some(http) = &run.http {
            h3 { "Publishes over HTTP" }
            (table(&["", "publishes"], &posted(http)))
            (table(&["", "p50", "p90", "p95", "p99", "max"], &[self::times("time to answer", &http.answer)]))
        }
        @if is_there(run) && changes(run) { (over_time(run)) }
    }
}

fn addresses(run: &Run) -> Vec<Vec<String>> {
    let row = |(address, at): (&String, &AddressConnections)| {
        let counts = [at.opened, at.refused, at.failed, at.closed].map(count);
        std::iter::once(address.clone()).chain(counts).collect()
    };
    run.connections.addresses.iter().map(row).collect()
}

fn posted(http: &HttpPublishes) -> Vec<Vec<String>> {
    let answered = http.answers.iter().map(|(status, n)| vec![format!("answered with status {status}"), count(*n)]);
    let failed = http.failed.iter().map(|(cause, n)| vec![format!("not published: {cause}"), count(*n)]);
    answered.chain(failed).collect()
}

fn times(name: &str, q: &Quantiles) -> Vec<String> {
    let cells = [q.p50, q.p90, q.p95, q.p99, q.max];
    let cells = cells.into_iter().map(|us| us.map_or_else(|| "-".to_owned(), duration_us_exact));
    std::iter::once(name.to_owned()).chain(cells).collect()
}

/// A line that never moves says no more than the table.
fn changes(run: &Run) -> bool {
    let open = |interval: &&crate::result::Interval| interval.phase != "drain";
    let mut counts = run.intervals.iter().filter(open).map(|interval| interval.connections);
    let first = counts.next();
    counts.any(|n| Some(n) != first)
}

#[allow(clippy::cast_precision_loss)]
fn over_time(run: &Run) -> Markup {
    let high = run.intervals.iter().map(|interval| interval.connections).max().unwrap_or(0) as f64;
    figure("Open connections", &[], "", |size| {
        let frame = Frame {
            size,
            height: 220.0,
            x: axis(run, size),
            y: Axis::new(Scale::from_zero(high, 4, 1.0), "connections open", 9, rate),
        };
        let columns = columns(run, size);
        let open = |column: &super::columns::Column<'_>| column.largest(|interval| Some(interval.connections as f64));
        let inside = html! {
            (frame.bands(&bands(run)))
            (frame.line("first", columns.iter().map(|column| (column.middle(), open(column)))))
            (frame.hover(columns.iter().map(|column| {
                (column.from_s, column.to_s, format!("{}\n{} open", column.when(), rate(open(column).unwrap_or(0.0))))
            })))
        };
        frame.draw("Open connections", &inside)
    })
}
