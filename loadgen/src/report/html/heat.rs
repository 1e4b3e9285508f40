//! Latency over time: how the deliveries of each second are spread, with the lines of p50 and p99.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::columns::{Column, axis, bands, columns, each, is_there, shaded};
use super::frame::{Axis, Frame, Px, Size, figure};
use super::scale::Scale;
use crate::report::numbers::{DELIVERIES, count, duration_us, with_unit};
use crate::result::Run;
use crate::tenths::lowest_of_step;

/// A cell's colour is the first of these shares of its column's deliveries that it does not reach, or the last; with what it says.
const LEVELS: [(f64, &str); 7] = [
    (0.001, "below 0.1 %"),
    (0.003, "0.1 to 0.3 %"),
    (0.01, "0.3 to 1 %"),
    (0.03, "1 to 3 %"),
    (0.1, "3 to 10 %"),
    (0.3, "10 to 30 %"),
    (f64::INFINITY, "30 % and more"),
];

pub(super) fn section(run: &Run) -> Option<Markup> {
    if !is_there(run) {
        return None;
    }
    let (low, high) = range(run)?;
    let cells = run.intervals.iter().any(|interval| !interval.arrivals.is_empty());
    let since = if run.latency.due.is_some() { "after due time" } else { "after sent" };
    let mut lines = vec![("p50", "p50"), ("p99", "p99"), ("max", "max")];
    lines.extend(shaded(run));
    let mut reading = match each(run, Size::Wide) {
        1 => String::new(),
        n => format!("A column is {n} s; its lines are those of its worst second. "),
    };
    reading += if cells {
        "What lies above the line of p99 is one delivery in a hundred. Lost messages have no place here: they never arrived."
    } else {
        "This run is older than the histograms of each second, so only the lines are known. Lost messages have no place here: they never arrived."
    };
    let chart = figure(&format!("Latency of what arrived, {since}"), &lines, &reading, |size| {
        let frame = Frame {
            size,
            height: 340.0,
            x: axis(run, size),
            y: Axis::new(Scale::logarithmic(low, high), "latency, logarithmic", 9, duration_us),
        };
        let columns = columns(run, size);
        let line = |class, of: fn(&crate::result::Interval) -> Option<f64>| {
            frame.line(class, columns.iter().map(|column| (column.middle(), column.largest(of))))
        };
        let inside = html! {
            (frame.bands(&bands(run)))
            @if cells { (map(&frame, &columns)) }
            (line("max", |interval| interval.max))
            (line("p99 halo", |interval| interval.p99))
            (line("p99", |interval| interval.p99))
            (line("p50 halo", |interval| interval.p50))
            (line("p50", |interval| interval.p50))
            (frame.hover(columns.iter().map(|column| (column.from_s, column.to_s, said(column)))))
        };
        frame.draw("Latency over time", &inside)
    });
    Some(html! {
        (chart)
        @if cells {
            p class="levels" {
                "share of the column's deliveries: "
                @for (level, name) in LEVELS.iter().map(|(_, name)| name).enumerate() {
                    span { i class={ "swatch h" (level) } {} (name) }
                }
            }
        }
    })
}

/// The shortest and the longest latency that are drawn.
#[allow(clippy::cast_precision_loss)]
fn range(run: &Run) -> Option<(f64, f64)> {
    let steps = run.intervals.iter().flat_map(|interval| interval.arrivals.steps().map(|(step, _)| step));
    let low = steps.map(|step| lowest_of_step(step).max(5) as f64).min_by(f64::total_cmp);
    let values = || run.intervals.iter().flat_map(|interval| [interval.p50, interval.p99, interval.max]).flatten();
    let low = low.into_iter().chain(values()).min_by(f64::total_cmp)?;
    Some((low.max(1.0), values().max_by(f64::total_cmp)?))
}

/// One path a colour: a thousand cells are no thousand elements.
#[allow(clippy::cast_precision_loss)]
fn map(frame: &Frame, columns: &[Column<'_>]) -> Markup {
    let mut paths = vec![String::new(); LEVELS.len()];
    for column in columns {
        let arrivals = column.arrivals();
        let all = arrivals.count() as f64;
        let (left, right) = (frame.x(column.from_s), frame.x(column.to_s));
        for (step, n) in arrivals.steps() {
            let top = frame.y(lowest_of_step(step + 1) as f64);
            let bottom = frame.y(lowest_of_step(step).max(1) as f64);
            // Neighbours overlap by a hair, so that no seam shows between them.
            let (width, height) = (Px(right - left + 0.3), Px((bottom - top).max(0.5) + 0.3));
            let path = &mut paths[level(n as f64 / all)];
            let _ = write!(path, "M{} {}h{width}v{height}h-{width}z", Px(left), Px(top));
        }
    }
    html! {
        g class="heat" {
            @for (level, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
                path class={ "h" (level) } d=(path) {}
            }
        }
    }
}

fn level(share: f64) -> usize {
    LEVELS.iter().position(|&(limit, _)| share < limit).unwrap_or(LEVELS.len() - 1)
}

fn said(column: &Column<'_>) -> String {
    let shown = |us: Option<f64>| us.map_or_else(|| "-".to_owned(), duration_us);
    format!(
        "{}\np50 {}\np99 {}\nmax {}\n{}",
        column.when(),
        shown(column.largest(|interval| interval.p50)),
        shown(column.largest(|interval| interval.p99)),
        shown(column.largest(|interval| interval.max)),
        with_unit(&count(column.sum(|interval| interval.deliveries)), DELIVERIES),
    )
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn a_cell_has_the_colour_that_its_share_reaches() {
        assert_eq!([0.0001, 0.001, 0.05, 0.3, 1.0].map(level), [0, 1, 4, 6, 6]);
    }
}
