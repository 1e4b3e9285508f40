//! How figures went from run to run, as a page.

use maud::{Markup, html};

use super::frame::{Axis, Band, Frame, Px, Size, figure};
use super::scale::Scale;
use super::shell;
use super::table::{aside, table};
use crate::compare::shown;
use crate::report::trend::{CHANGES, EXPLAINED, amount, change_rows, moved, opening, summary};
use crate::trend::{Course, Trend};

/// `trend.html`.
#[must_use]
pub fn trend(trends: &[Trend]) -> String {
    let header = html! {
        header {
            @for trend in trends {
                p class="sentence" { b { (opening(trend)) } }
                p class="remark" { (summary(trend)) }
            }
        }
    };
    let sections =
        trends.iter().enumerate().map(|(i, trend)| (format!("trend-{i}"), trend.scenario.clone(), section(trend)));
    shell::chapters("Trend, fanout", &header, sections.collect())
}

fn section(trend: &Trend) -> Markup {
    let rows = change_rows(trend);
    let moved = moved(trend);
    html! {
        @if !rows.is_empty() {
            h3 { "Changes" }
            (table(&CHANGES, &rows))
            (aside(EXPLAINED))
        }
        @if !moved.is_empty() {
            h3 { "What changed on the machine" }
            ul { @for line in &moved { li { (line) } } }
        }
        @for course in trend.metrics.iter().filter(|course| course.values.iter().flatten().count() > 1) { (chart(trend, course)) }
    }
}

/// One figure over the runs: points, the medians between changes, and the changes.
fn chart(trend: &Trend, course: &Course) -> Markup {
    let n = course.values.len();
    let highest = course.values.iter().flatten().copied().fold(0.0, f64::max);
    let unit = if course.metric.contains("bytes") { 1024_f64.powf(highest.max(1.0).log(1024.0).floor()) } else { 1.0 };
    let reading = match course.changes.last() {
        Some(shift) => format!("Last change: {}.", amount(course, shift)),
        None => String::new(),
    };
    figure(&course.metric, &[], &reading, |size| {
        let frame = Frame {
            size,
            height: 190.0,
            x: axis(trend, size),
            y: Axis::new(Scale::from_zero(highest, 3, unit), "", 9, |value| {
                if value == 0.0 { "0".to_owned() } else { shown(&course.metric, value) }
            }),
        };
        let at = |run: usize| run as f64 + 0.5;
        let inside = html! {
            @for (from, to, median) in levels(course) {
                (frame.line("first", [(at(from) - 0.4, Some(median)), (at(to) - 0.6, Some(median))].into_iter()))
            }
            @for shift in &course.changes {
                @let x = Px(frame.x(shift.at as f64));
                line class="change" x1=(x) x2=(x) y1=(Px(frame.top())) y2=(Px(frame.bottom())) {}
            }
            @for (run, value) in course.values.iter().enumerate() {
                @if let Some(value) = value {
                    circle class="point unclear" cx=(Px(frame.x(at(run)))) cy=(Px(frame.y(*value))) r=(if n > 60 { "2" } else { "4" }) {}
                }
            }
            (frame.bands(&gaps(course)))
            (frame.hover(trend.runs.iter().zip(&course.values).enumerate().map(|(i, (run, value))| {
                let value = value.map_or_else(|| "no value".to_owned(), |value| shown(&course.metric, value));
                (i as f64, i as f64 + 1.0, format!("{}\n{}\n{value}", run.started, run.name))
            })))
        };
        frame.draw(&course.metric, &inside)
    })
}

/// Runs are as far apart as they are many, whatever their times; named by their days.
fn axis(trend: &Trend, size: Size) -> Axis {
    let n = trend.runs.len();
    let most = size.ticks() as usize / 2 + 1;
    let each = n.div_ceil(most).max(1);
    let ticks = trend.runs.iter().enumerate().step_by(each);
    let ticks = ticks.map(|(i, run)| (i as f64 + 0.5, run.started.chars().take(10).collect())).collect();
    Axis { scale: Scale::exactly(0.0, n.max(1) as f64), label: "runs, the oldest to the left", ticks }
}

/// Stretches between changes with their medians.
fn levels(course: &Course) -> Vec<(usize, usize, f64)> {
    let n = course.values.len();
    let ends: Vec<usize> = std::iter::once(0).chain(course.changes.iter().map(|shift| shift.at)).chain([n]).collect();
    let level = |pair: &[usize]| {
        let known: Vec<f64> = course.values[pair[0]..pair[1]].iter().flatten().copied().collect();
        (!known.is_empty()).then(|| (pair[0], pair[1], crate::analyse::median(&known)))
    };
    ends.windows(2).filter_map(level).collect()
}

/// Runs without a value.
fn gaps(course: &Course) -> Vec<Band> {
    let missing = course.values.iter().enumerate().filter(|(_, value)| value.is_none());
    missing
        .map(|(i, _)| Band { from: i as f64, to: i as f64 + 1.0, name: "no value".to_owned(), class: "unmeasured" })
        .collect()
}
