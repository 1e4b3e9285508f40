//! A capacity search as a page.

use maud::{Markup, html};

use super::frame::{Axis, Frame, Px, Size, figure};
use super::scale::Scale;
use super::shell;
use super::table::{aside, facts, glossary};
use crate::analyse::search::{Upper, Verdict};
use crate::capacity::{Outcome, Scaling, Trial};
use crate::report::capacity::advice::{advice, words};
use crate::report::capacity::setting::setting;
use crate::report::capacity::words::{
    HEADS_EXPLAINED, OUTCOME, answer, by_load, costs, gave_way, headline, heads, limit, notes, objective, row, scaling,
    title, undecided, why, word,
};
use crate::report::numbers::{deliveries_per_s, duration_us, rate};

/// Points that the line of the fitted law is drawn through.
const STEPS: u32 = 60;
/// How tall a row of names above a chart is, in pixels.
const ROW: f64 = 14.0;

/// `capacity.html`.
#[must_use]
pub fn capacity(outcome: &Outcome) -> String {
    let known = outcome.found.iter().filter_map(|found| Some((found, found.costs.as_ref()?)));
    let priced = html! { @for (found, of) in known { h3 { "With " (objective(found)) } (facts(&costs(of))) } };
    let notes = notes(outcome);
    let notes = (!notes.is_empty()).then(|| html! { ul { @for note in notes { li { (note) } } } });
    let advice = advice(outcome);
    let to_do = (!advice.is_empty()).then(|| html! { ul { @for line in &advice { li { (line) } } } });
    shell::page(
        &format!("{} {}, fanout", word(outcome), title(outcome)),
        &header(outcome),
        vec![
            ("to-do", "What to do", to_do),
            ("latency", "Latency against load", latency(outcome)),
            ("throughput", "Throughput against load", throughput(outcome)),
            (
                "costs",
                "What the confirmed load costs",
                outcome.found.iter().any(|f| f.costs.is_some()).then_some(priced),
            ),
            ("trials", "Trials", Some(trials(outcome))),
            ("notes", "Notes", notes),
            ("setting", "What was searched, and where", Some(facts(&setting(outcome)))),
            ("glossary", "Glossary", Some(glossary(&words(outcome)))),
        ],
    )
}

fn header(outcome: &Outcome) -> Markup {
    let (class, mark) = match outcome.exit_code() {
        0 => ("good", "✓"),
        3 => ("bad", "✗"),
        _ => ("doubt", "!"),
    };
    html! {
        header {
            h1 class=(class) { span class="verdict" { (mark) " " (word(outcome)) } " " (headline(outcome)) }
            @for found in &outcome.found {
                p class="sentence" { (answer(outcome, found)) }
                @if let Some(cause) = gave_way(found) { p class="remark" { (cause) } }
            }
            @for line in undecided(outcome) { p class="sentence" { (line) } }
            @if !outcome.complete { p class="remark" { "The search was broken off before every bound was found; below is why, and how to go on." } }
        }
    }
}

/// Trials with why those broke that did, or were invalid.
fn trials(outcome: &Outcome) -> Markup {
    html! {
        div class="scroll causes-last" {
            table {
                thead { tr { @for head in heads(outcome) { th scope="col" { (head) } } th scope="col" { "why" } } }
                tbody {
                    @for (number, trial) in by_load(outcome) {
                        tr {
                            @for (column, cell) in row(outcome, number, trial).iter().enumerate() {
                                @if column == 0 { th scope="row" { (cell) } }
                                @else if heads(outcome)[column] == OUTCOME { td class=(tone(trial)) { (mark(trial)) " " (cell) } }
                                @else { td { (cell) } }
                            }
                            td class="words" { (why(outcome, trial)) }
                        }
                    }
                }
            }
        }
        (aside(HEADS_EXPLAINED))
    }
}

fn tone(trial: &Trial) -> &'static str {
    match trial.verdict() {
        Verdict::Held => "good",
        Verdict::Broke => "bad",
        Verdict::Invalid => "doubt",
    }
}

/// As in the charts, so that no outcome is told by its colour alone.
fn mark(trial: &Trial) -> &'static str {
    match trial.verdict() {
        Verdict::Held => "■",
        Verdict::Broke => "✕",
        Verdict::Invalid => "△",
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
    let asked = asked(outcome);
    let limits = || asked.iter().map(|(_, us)| *us);
    let values = || valid(outcome).flat_map(|trial| [trial.p50, trial.p99]).flatten();
    values().next()?;
    let low = values().chain(limits()).min_by(f64::total_cmp)?;
    let high = values().chain(limits()).max_by(f64::total_cmp)?;
    let names: Vec<String> = asked.iter().map(|(name, _)| format!("objective: {name}")).collect();
    let mut legend = vec![("dot", "p50")];
    legend
        .extend(kinds(outcome, ["p99 of a trial that held", "p99 of a trial that broke", "invalid trial, no figure"]));
    legend.extend(names.iter().map(|name| ("limit", name.as_str())));
    legend.extend(bounds_named(outcome));
    let reading = "Each trial is one run at its load. An invalid one says nothing about the server and stands at the lower edge; a percentile among \
                   the lost was never reached and stands at the upper one.";
    Some(figure("Arrival after due time", &legend, reading, |size| {
        let frame = Frame {
            size,
            height: 320.0,
            x: loads(outcome, size),
            y: Axis::new(Scale::logarithmic(low, high), "latency, logarithmic", 9, duration_us),
        };
        let inside = html! {
            (bounds(outcome, &frame))
            @for us in limits() {
                @let y = Px(frame.y(us));
                line class="limit" x1=(Px(frame.left())) x2=(Px(frame.right())) y1=(y) y2=(y) {}
            }
            @for trial in valid(outcome) {
                @if let Some(p50) = trial.p50 {
                    circle class="point unclear" cx=(Px(frame.x(trial.load))) cy=(Px(frame.y(p50))) r="3.5" { title { (said(outcome, trial)) } }
                }
                (point(outcome, &frame, trial, trial.p99.map_or_else(|| frame.top(), |us| frame.y(us))))
            }
            (invalid(outcome, &frame))
        };
        frame.draw("Latency against load", &inside)
    }))
}

/// Latencies that objectives ask for, as they are written, and in microseconds.
fn asked(outcome: &Outcome) -> Vec<(String, f64)> {
    let mut asked: Vec<(String, f64)> = Vec::new();
    let found = outcome.found.iter().flat_map(|found| found.thresholds.iter().chain([&found.objective]));
    let undecided = outcome.trials.iter().take(1).flat_map(|trial| trial.verdicts.keys());
    for threshold in found.chain(undecided).flat_map(|objective| objective.split(", ")) {
        let Some((_, us)) = limit(threshold) else { continue };
        if asked.iter().all(|(known, _)| known != threshold) {
            asked.push((threshold.to_owned(), us));
        }
    }
    asked
}

/// What the legend has to say about the trials there are.
fn kinds<'a>(outcome: &Outcome, [held, broke, invalid]: [&'a str; 3]) -> Vec<(&'static str, &'a str)> {
    let any = |verdict| outcome.trials.iter().any(|trial| trial.verdict() == verdict);
    [(Verdict::Held, "square", held), (Verdict::Broke, "cross", broke), (Verdict::Invalid, "triangle", invalid)]
        .into_iter()
        .filter(|(verdict, ..)| any(*verdict))
        .map(|(_, class, words)| (class, words))
        .collect()
}

/// A trial at its load: a square that held, a cross that broke.
fn point(outcome: &Outcome, frame: &Frame, trial: &Trial, y: f64) -> Markup {
    let x = frame.x(trial.load);
    html! {
        @if trial.verdict() == Verdict::Held {
            rect class="point held" x=(Px(x - 4.0)) y=(Px(y - 4.0)) width="8" height="8" { title { (said(outcome, trial)) } }
        } @else {
            path class="point broke" d={ "M" (Px(x - 4.5)) " " (Px(y - 4.5)) "l9 9m0 -9l-9 9" } { title { (said(outcome, trial)) } }
        }
    }
}

/// Trials without figures, at the lower edge.
fn invalid(outcome: &Outcome, frame: &Frame) -> Markup {
    html! {
        @for trial in outcome.trials.iter().filter(|trial| !trial.is_valid()) {
            path class="point invalid" d={ "M" (Px(frame.x(trial.load))) " " (Px(frame.bottom() - 11.0)) "l5.5 10h-11z" } {
                title { (outcome.axis.amount(trial.load)) "\ninvalid: " (why(outcome, trial)) }
            }
        }
    }
}

fn throughput(outcome: &Outcome) -> Option<Markup> {
    let highest = valid(outcome).map(|trial| trial.deliveries_per_s).fold(0.0, f64::max);
    if highest <= 0.0 {
        return None;
    }
    let mut legend = kinds(outcome, ["a trial that held", "a trial that broke", "invalid trial, no figure"]);
    legend.extend(outcome.scaling.as_ref().map(|_| ("first", "fitted to the valid trials")));
    legend.extend(bounds_named(outcome));
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
            @for trial in valid(outcome) { (point(outcome, &frame, trial, frame.y(trial.deliveries_per_s))) }
            (invalid(outcome, &frame))
        };
        frame.draw("Throughput against load", &inside)
    });
    Some(html! {
        (chart)
        @if let Some(fit) = &outcome.scaling {
            @for (i, sentence) in scaling(outcome, fit).iter().enumerate() {
                @if i == 0 { p { (sentence) } } @else { (aside(sentence)) }
            }
        }
    })
}

/// Deliveries a second at a load: C(N) = r N / (1 + s (N - 1) + k N (N - 1)) (Gunther 2007).
fn law(fit: &Scaling, n: f64) -> f64 {
    fit.rate[0] * n / (1.0 + fit.contention[0] * (n - 1.0) + fit.coherency[0] * n * (n - 1.0))
}

/// Loads that were confirmed to hold (`holds`), and to break (`breaks`).
fn confirmed(outcome: &Outcome) -> impl Iterator<Item = (&'static str, f64)> {
    let upper = |upper: &Upper| match upper {
        Upper::Broke(load) => Some(*load),
        Upper::LoadGenerator(_) | Upper::EndOfRange => None,
    };
    outcome.found.iter().flat_map(move |found| {
        let lower = found.bounds.lower.map(|load| ("holds", load));
        lower.into_iter().chain(upper(&found.bounds.upper).map(|load| ("breaks", load)))
    })
}

/// How the legend names the loads that were confirmed, where there are any.
fn bounds_named(outcome: &Outcome) -> Vec<(&'static str, &'static str)> {
    let named = [("holds", "confirmed: holds"), ("breaks", "confirmed: breaks")];
    named.into_iter().filter(|(class, _)| confirmed(outcome).any(|(of, _)| of == *class)).collect()
}

/// The confirmed loads as lines, with their names above: what holds on one row, what breaks on the row over it.
fn bounds(outcome: &Outcome, frame: &Frame) -> Markup {
    html! {
        @for (class, load) in confirmed(outcome) {
            @let (x, row) = (frame.x(load), if class == "holds" { 0.0 } else { 1.0 });
            @let top = frame.top() - row * ROW;
            line class={ "bound " (class) } x1=(Px(x)) x2=(Px(x)) y1=(Px(top)) y2=(Px(frame.bottom())) {}
            text class={ "bound " (class) } x=(Px(x + 4.0)) y=(Px(top - 4.0)) text-anchor="end" { (class) " " (outcome.axis.number(load)) }
        }
    }
}

fn said(outcome: &Outcome, trial: &Trial) -> String {
    let shown = |us: Option<f64>| us.map_or_else(|| "never".to_owned(), duration_us);
    format!(
        "{}\n{}\np50 {}\np99 {}",
        outcome.axis.amount(trial.load),
        deliveries_per_s(trial.deliveries_per_s),
        shown(trial.p50),
        shown(trial.p99)
    )
}
