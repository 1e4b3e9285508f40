//! A capacity search as a page.

use maud::{Markup, html};

use super::environment::machine;
use super::frame::{Axis, Frame, Px, Size, figure};
use super::scale::Scale;
use super::shell;
use super::table::{facts, table};
use crate::analyse::search::Upper;
use crate::capacity::{Outcome, Scaling, Trial};
use crate::report::capacity::words::{HEADS, answer, costs, gave_way, load, row, scaling};
use crate::report::numbers::{duration_us, percent, rate};

/// Points that the line of the fitted law is drawn through.
const STEPS: u32 = 60;
/// How the legend names the loads that were confirmed.
const BOUNDS: (&str, &str) = ("bound", "confirmed bounds");

/// `capacity.html`.
#[must_use]
pub fn capacity(outcome: &Outcome) -> String {
    let known = outcome.found.iter().filter_map(|found| Some((found, found.costs.as_ref()?)));
    let priced = html! { @for (found, of) in known { h3 { (found.objective) } (facts(&costs(of))) } };
    let mut trials: Vec<&Trial> = outcome.trials.iter().collect();
    trials.sort_by(|a, b| a.load.total_cmp(&b.load).then(a.length.cmp(&b.length)));
    let rows: Vec<Vec<String>> = trials.into_iter().map(|trial| row(outcome, trial)).collect();
    let notes = (!outcome.notes.is_empty()).then(|| html! { ul { @for note in &outcome.notes { li { (note) } } } });
    shell::page(
        &format!("Capacity of {}, fanout", outcome.scenario),
        &header(outcome),
        vec![
            ("latency", "Latency against load", latency(outcome)),
            ("throughput", "Throughput against load", throughput(outcome)),
            (
                "costs",
                "What the confirmed load costs",
                outcome.found.iter().any(|f| f.costs.is_some()).then_some(priced),
            ),
            ("trials", "Trials", Some(table(&HEADS, &rows))),
            ("notes", "Notes", notes),
            ("environment", "Measured on", Some(machine(&outcome.environment))),
        ],
    )
}

fn header(outcome: &Outcome) -> Markup {
    let (class, word) = match outcome.exit_code() {
        0 => ("good", "✓ FOUND"),
        3 => ("bad", "✗ NOT EVEN THE LOWEST LOAD HOLDS"),
        _ => ("doubt", "! NOT DECIDED"),
    };
    html! {
        header {
            h1 class=(class) {
                span class="verdict" { (word) }
                " " (outcome.scenario) ", capacity over " (outcome.axis.name()) ", bounds within " (percent(outcome.width))
            }
            @for found in &outcome.found {
                p class="sentence" { (answer(outcome.axis, found)) }
                @if let Some(cause) = gave_way(found) { p class="remark" { (cause) } }
            }
            @if !outcome.complete { p class="remark" { "The search was broken off: bounds are missing." } }
        }
    }
}

/// The axis of loads, from nothing to the highest that was tried.
fn loads(outcome: &Outcome, size: Size) -> Axis {
    let highest = outcome.trials.iter().map(|trial| trial.load).fold(0.0, f64::max);
    let most = if size == Size::Wide { 8 } else { 4 };
    Axis::new(Scale::from_zero(highest, most, 1.0), outcome.axis.unit(), 20, rate)
}

fn valid(outcome: &Outcome) -> impl Iterator<Item = &Trial> {
    outcome.trials.iter().filter(|trial| trial.is_valid())
}

fn latency(outcome: &Outcome) -> Option<Markup> {
    let values = || valid(outcome).flat_map(|trial| [trial.p50, trial.p99]).flatten();
    let (low, high) = (values().min_by(f64::total_cmp)?, values().max_by(f64::total_cmp)?);
    let mut legend = vec![("dot", "p50 of a trial"), ("square", "p99 of a trial")];
    legend.extend(confirmed(outcome).next().map(|_| BOUNDS));
    let reading = "Each trial is one run at its load; those in which the load generator gave way are left out. A percentile among the lost has no point.";
    Some(figure("Arrival after due time", &legend, reading, |size| {
        let frame = Frame {
            size,
            height: 320.0,
            x: loads(outcome, size),
            y: Axis::new(Scale::logarithmic(low, high), "latency, logarithmic", 9, duration_us),
        };
        let inside = html! {
            (bounds(outcome, &frame))
            @for trial in valid(outcome) {
                @let x = frame.x(trial.load);
                @if let Some(p50) = trial.p50 { circle class="point unclear" cx=(Px(x)) cy=(Px(frame.y(p50))) r="4" { title { (said(outcome, trial)) } } }
                @if let Some(p99) = trial.p99 {
                    rect class="point p99" x=(Px(x - 4.0)) y=(Px(frame.y(p99) - 4.0)) width="8" height="8" { title { (said(outcome, trial)) } }
                }
            }
        };
        frame.draw("Latency against load", &inside)
    }))
}

fn throughput(outcome: &Outcome) -> Option<Markup> {
    let highest = valid(outcome).map(|trial| trial.deliveries_per_s).fold(0.0, f64::max);
    if highest <= 0.0 {
        return None;
    }
    let mut legend = vec![("dot", "a trial")];
    legend.extend(outcome.scaling.as_ref().map(|_| ("first", "Universal Scalability Law, fitted")));
    legend.extend(confirmed(outcome).next().map(|_| BOUNDS));
    let chart = figure("Deliveries a second", &legend, "", |size| {
        let frame = Frame {
            size,
            height: 280.0,
            x: loads(outcome, size),
            y: Axis::new(Scale::from_zero(highest, 5, 1.0), "deliveries/s", 9, rate),
        };
        let inside = html! {
            (bounds(outcome, &frame))
            @if let Some(fit) = &outcome.scaling {
                (frame.line("first", (1..=STEPS).map(|i| {
                    let load = fit.measured_to * f64::from(i) / f64::from(STEPS);
                    (load, Some(law(fit, load)))
                })))
            }
            @for trial in valid(outcome) {
                circle class="point unclear" cx=(Px(frame.x(trial.load))) cy=(Px(frame.y(trial.deliveries_per_s))) r="4" { title { (said(outcome, trial)) } }
            }
        };
        frame.draw("Throughput against load", &inside)
    });
    Some(html! {
        (chart)
        @if let Some(fit) = &outcome.scaling { @for sentence in scaling(outcome.axis, fit) { p { (sentence) } } }
    })
}

/// Deliveries a second at a load: C(N) = r N / (1 + s (N - 1) + k N (N - 1)) (Gunther 2007).
fn law(fit: &Scaling, n: f64) -> f64 {
    fit.rate[0] * n / (1.0 + fit.contention[0] * (n - 1.0) + fit.coherency[0] * n * (n - 1.0))
}

/// Loads that were confirmed to hold, and to break.
fn confirmed(outcome: &Outcome) -> impl Iterator<Item = f64> {
    let upper = |upper: &Upper| match upper {
        Upper::Broke(load) => Some(*load),
        Upper::LoadGenerator(_) | Upper::EndOfRange => None,
    };
    outcome.found.iter().flat_map(move |found| [found.bounds.lower, upper(&found.bounds.upper)]).flatten()
}

fn bounds(outcome: &Outcome, frame: &Frame) -> Markup {
    html! {
        @for load in confirmed(outcome) {
            @let x = Px(frame.x(load));
            line class="change" x1=(x) x2=(x) y1=(Px(frame.top())) y2=(Px(frame.bottom())) {}
        }
    }
}

fn said(outcome: &Outcome, trial: &Trial) -> String {
    let shown = |us: Option<f64>| us.map_or_else(|| "never".to_owned(), duration_us);
    format!(
        "{}\n{} deliveries/s\np50 {}\np99 {}",
        load(outcome.axis, trial.load),
        rate(trial.deliveries_per_s),
        shown(trial.p50),
        shown(trial.p99)
    )
}
