//! What was asked for and what was reached, over time.

use maud::{Markup, html};
use serde_json::Value;

use super::columns::{Column, axis, bands, columns, is_there, shaded};
use super::frame::{Axis, Frame, figure};
use super::scale::Scale;
use super::table::{aside, table};
use crate::report::numbers::{bytes, deliveries_per_s, percent, publishes_per_s, rate};
use crate::result::{PhaseFigures, Run};

pub(super) fn section(run: &Run) -> Markup {
    let r = &run.rates;
    let mut rows = Vec::new();
    if let Some(asked) = r.publishes_asked_per_s {
        rows.push(vec!["publishes asked for".to_owned(), format!("{}/s", rate(asked))]);
        let reached = if asked > 0.0 { format!(" ({})", percent(r.publishes_per_s / asked)) } else { String::new() };
        rows.push(vec!["publishes reached".to_owned(), format!("{}/s{reached}", rate(r.publishes_per_s))]);
    } else {
        rows.push(vec![
            "publishes (closed loop: as fast as answers came)".to_owned(),
            format!("{}/s", rate(r.publishes_per_s)),
        ]);
    }
    rows.push(vec!["deliveries".to_owned(), format!("{}/s", rate(r.deliveries_per_s))]);
    rows.push(vec!["payload received".to_owned(), format!("{}/s", bytes(r.payload_bytes_per_s))]);
    rows.push(vec!["received with frame headers".to_owned(), format!("{}/s", bytes(r.wire_bytes_per_s))]);
    html! {
        (table(&["", ""], &rows))
        (aside("A publish is one message handed to the server, a delivery is one copy of it that a subscriber received. Over the measured phases."))
        @if is_there(run) { (publishes(run)) (deliveries(run)) }
    }
}

#[allow(clippy::cast_precision_loss)]
fn published(column: &Column<'_>) -> f64 {
    column.per_s(|interval| interval.publishes as f64)
}

#[allow(clippy::cast_precision_loss)]
fn delivered(column: &Column<'_>) -> f64 {
    column.per_s(|interval| interval.deliveries as f64)
}

fn publishes(run: &Run) -> Markup {
    let asked = asked(run);
    let mut legend = vec![("first", "reached")];
    if !asked.is_empty() {
        legend.insert(0, ("asked", "asked for"));
    }
    legend.extend(shaded(run));
    figure("Publishes a second", &legend, "", |size| {
        let columns = columns(run, size);
        let high = columns.iter().map(published).chain(asked.iter().filter_map(|(_, rate)| *rate)).fold(0.0, f64::max);
        let frame = Frame {
            size,
            height: 220.0,
            x: axis(run, size),
            y: Axis::new(Scale::from_zero(high, 4, 1.0), "publishes/s", 9, rate),
        };
        let inside = html! {
            (frame.bands(&bands(run)))
            (frame.line("first", columns.iter().map(|column| (column.middle(), Some(published(column))))))
            (frame.line("asked", asked.iter().copied()))
            (frame.hover(columns.iter().map(|column| {
                (column.from_s, column.to_s, format!("{}\n{}", column.when(), publishes_per_s(published(column))))
            })))
        };
        frame.draw("Publishes a second", &inside)
    })
}

fn deliveries(run: &Run) -> Markup {
    figure("Deliveries a second", &shaded(run).into_iter().collect::<Vec<_>>(), "", |size| {
        let columns = columns(run, size);
        let high = columns.iter().map(delivered).fold(0.0, f64::max);
        let frame = Frame {
            size,
            height: 220.0,
            x: axis(run, size),
            y: Axis::new(Scale::from_zero(high, 4, 1.0), "deliveries/s", 9, rate),
        };
        let inside = html! {
            (frame.bands(&bands(run)))
            (frame.line("first", columns.iter().map(|column| (column.middle(), Some(delivered(column))))))
            (frame.hover(columns.iter().map(|column| {
                let bytes = bytes(column.per_s(|interval| {
                    #[allow(clippy::cast_precision_loss)]
                    let n = interval.bytes as f64;
                    n
                }));
                let said = format!("{}\n{}\n{bytes}/s with headers", column.when(), deliveries_per_s(delivered(column)));
                (column.from_s, column.to_s, said)
            })))
        };
        frame.draw("Deliveries a second", &inside)
    })
}

/// The rate that was asked for, from phase to phase; a phase whose load is a ramp begins and ends at different rates.
fn asked(run: &Run) -> Vec<(f64, Option<f64>)> {
    let mut phases: Vec<(&String, &PhaseFigures)> = run.phases.iter().collect();
    phases.sort_by(|a, b| a.1.start_s.total_cmp(&b.1.start_s));
    let mut points = Vec::new();
    for (name, phase) in phases {
        let Some(mean) = phase.figures.rates.publishes_asked_per_s else { return Vec::new() };
        let (from, to) = load(&run.scenario, name);
        let middle = f64::midpoint(from, to);
        let at = |load: f64| Some(if middle > 0.0 { mean * load / middle } else { mean });
        points.extend([(phase.start_s, at(from)), (phase.start_s + phase.length_s, at(to))]);
    }
    points
}

/// The load that a phase begins and ends with, in times of the publishers' rates.
fn load(scenario: &Value, phase: &str) -> (f64, f64) {
    let phases = scenario.get("phases").and_then(Value::as_array);
    let found = phases.and_then(|phases| phases.iter().find(|p| p.get("name").and_then(Value::as_str) == Some(phase)));
    let end = |i: usize| found.and_then(|phase| phase.get("load")?.get(i)?.as_f64()).unwrap_or(1.0);
    (end(0), end(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_ramp_begins_and_ends_at_its_own_rates() {
        let mut run = sample::good();
        run.scenario["phases"] = serde_json::json!([{ "name": "steady", "load": [1.0, 3.0] }]);
        let points = asked(&run);
        assert_eq!(points[2..], [(5.0, Some(125.0)), (65.0, Some(375.0))]);
    }

    #[test]
    fn a_closed_loop_asks_for_no_rate() {
        let mut run = sample::good();
        for phase in run.phases.values_mut() {
            phase.figures.rates.publishes_asked_per_s = None;
        }
        assert!(asked(&run).is_empty());
    }
}
