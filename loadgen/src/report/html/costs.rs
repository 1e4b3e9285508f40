//! CPU and memory of both sides, on the time line of the latencies.

use maud::{Markup, html};

use super::columns::{Column, axis, bands, columns, is_there};
use super::frame::{Axis, Frame, Size, figure};
use super::scale::Scale;
use super::table::facts;
use crate::report::numbers::{bytes, percent};
use crate::report::text::costs::{of_loadgen, of_server};
use crate::result::Run;

pub(super) fn section(run: &Run) -> Markup {
    html! {
        @match &run.server {
            Some(server) => {
                h3 { "Server (process " (server.pid) ")" }
                (facts(&of_server(server)))
            }
            None => p { "The server's process is not known, so its cost is not." },
        }
        h3 { "fanout (the load generator)" }
        (facts(&of_loadgen(run)))
        @if is_there(run) { (cpu(run)) (memory(run)) }
    }
}

fn legend(run: &Run) -> Vec<(&'static str, &'static str)> {
    let both = [("first", "server"), ("second", "fanout")];
    if run.server.is_some() { both.to_vec() } else { both[1..].to_vec() }
}

/// The value of a column: the server's and fanout's.
type Both = fn(&Column<'_>) -> (Option<f64>, Option<f64>);

fn cpu(run: &Run) -> Markup {
    let reading = "100 % is one core busy all the time.";
    let both: Both = |column| {
        (column.known_per_s(|interval| interval.server_cpu_s), Some(column.per_s(|interval| interval.loadgen_cpu_s)))
    };
    figure("CPU", &legend(run), reading, |size| {
        let high = highest(run, size, both).max(0.01);
        let y = Axis::new(Scale::from_zero(high, 4, 0.01), "share of one core", 9, percent);
        draw(run, size, "CPU", y, both, percent)
    })
}

#[allow(clippy::cast_precision_loss)]
fn memory(run: &Run) -> Markup {
    let both: Both = |column| {
        (
            column.largest(|interval| interval.server_rss_bytes.map(|bytes| bytes as f64)),
            column.largest(|interval| Some(interval.loadgen_rss_bytes as f64)),
        )
    };
    figure("Resident memory", &legend(run), "", |size| {
        let high = highest(run, size, both);
        let unit = 1024_f64.powf(high.max(1.0).log(1024.0).floor());
        let y = Axis::new(Scale::from_zero(high, 4, unit), "resident memory", 9, bytes);
        draw(run, size, "Resident memory", y, both, bytes)
    })
}

fn highest(run: &Run, size: Size, both: Both) -> f64 {
    columns(run, size).iter().map(both).flat_map(|(server, own)| [server, own]).flatten().fold(0.0, f64::max)
}

fn draw(run: &Run, size: Size, name: &str, y: Axis, both: Both, shown: fn(f64) -> String) -> Markup {
    let columns = columns(run, size);
    let frame = Frame { size, height: 220.0, x: axis(run, size), y };
    let said = |column: &Column<'_>| {
        let (server, own) = both(column);
        let of = |name: &str, value: Option<f64>| {
            value.map(|value| format!("\n{name} {}", shown(value))).unwrap_or_default()
        };
        format!("{}{}{}", column.when(), of("server", server), of("fanout", own))
    };
    let inside = html! {
        (frame.bands(&bands(run)))
        (frame.line("first", columns.iter().map(|column| (column.middle(), both(column).0))))
        (frame.line("second", columns.iter().map(|column| (column.middle(), both(column).1))))
        (frame.hover(columns.iter().map(|column| (column.from_s, column.to_s, said(column)))))
    };
    frame.draw(name, &inside)
}
