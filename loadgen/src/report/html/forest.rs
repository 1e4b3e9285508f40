//! A forest plot: each metric's ratio with its interval, against the line of no difference.

use maud::{Markup, html};

use super::frame::{Axis, Frame, Px, Size, figure};
use super::scale::Scale;
use crate::analyse::{Finding, Verdict};
use crate::compare::{Compared, shown};
use crate::report::comparison::cells::{interval, ratio};

/// What a row takes, in pixels: its name, and below it the interval.
const ROW: f64 = 38.0;
/// Ratios that the axis may name.
const NAMED: [f64; 17] = [0.02, 0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.25, 2.0, 5.0, 10.0, 20.0, 50.0];
/// Room beyond the outermost interval, as a ratio, for its mark.
const MARGIN: f64 = 1.06;
/// Names closer than this run into each other, in pixels.
const APART: f64 = 42.0;

pub(super) fn plot(metrics: &[Compared]) -> Markup {
    let legend = [
        ("mark better", "● better"),
        ("mark worse", "■ worse"),
        ("mark unclear", "○ no difference can be told from noise"),
    ];
    let reading = if metrics.iter().any(|metric| metric.tripped.is_some()) {
        "Each row: b / a of one run against one. Such a ratio has no interval: it says nothing about noise."
    } else {
        "Each row: median of b / a with its 95 % interval. An interval that crosses the line of 1 is no difference."
    };
    figure("b / a, metric by metric", &legend, reading, |size| {
        let rows = metrics.len() as f64;
        let x = axis(metrics, size);
        let y = Axis { scale: Scale::exactly(0.0, rows), label: "", ticks: Vec::new() };
        let frame = Frame { size, height: 86.0 + ROW * rows, x, y };
        let even = Px(frame.x(1.0));
        let inside = html! {
            line class="even" x1=(even) x2=(even) y1=(Px(frame.top())) y2=(Px(frame.bottom())) {}
            @for (i, metric) in metrics.iter().enumerate() { (row(&frame, rows - i as f64, &metric.finding)) }
        };
        frame.draw("Ratios with their intervals", &inside)
    })
}

/// `place` is its upper edge, counted in rows from below.
fn row(frame: &Frame, place: f64, finding: &Finding) -> Markup {
    let effect = &finding.effect;
    let (name_at, at) = (frame.y(place) + 15.0, frame.y(place) + 27.0);
    let (from, to, middle) = (frame.x(effect.interval.low), frame.x(effect.interval.high), frame.x(effect.ratio));
    let class = match finding.verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::Unclear | Verdict::NotEnoughRuns => "unclear",
    };
    let said = format!(
        "{}\na {}, b {}\nb / a {}, 95 % {}",
        finding.name,
        shown(&finding.name, effect.a),
        shown(&finding.name, effect.b),
        ratio(effect.ratio),
        interval(effect.interval)
    );
    html! {
        g {
            text class="row" x=(Px(frame.left() + 6.0)) y=(Px(name_at)) { (finding.name) }
            line class={ "whisker " (class) } x1=(Px(from)) x2=(Px(to)) y1=(Px(at)) y2=(Px(at)) {}
            @if class == "worse" {
                rect class="point worse" x=(Px(middle - 5.0)) y=(Px(at - 5.0)) width="10" height="10" {}
            } @else {
                circle class={ "point " (class) } cx=(Px(middle)) cy=(Px(at)) r="5" {}
            }
            g class="hover" {
                rect x=(Px(frame.left())) y=(Px(frame.y(place))) width=(Px(frame.right() - frame.left())) height=(Px(ROW)) { title { (said) } }
            }
        }
    }
}

/// From the lowest to the highest end of an interval, 1 always between them.
fn axis(metrics: &[Compared], size: Size) -> Axis {
    let ends =
        || metrics.iter().map(|metric| &metric.finding.effect).flat_map(|e| [e.interval.low, e.interval.high, e.ratio]);
    let finite = |value: &f64| value.is_finite() && *value > 0.0;
    let low = ends().filter(finite).fold(0.9, f64::min).max(NAMED[0]);
    let high = ends().filter(finite).fold(1.1, f64::max).min(NAMED[NAMED.len() - 1]);
    let (low, high) = (low / MARGIN, high * MARGIN);
    let scale = Scale::ratios(low, high);
    let width = if size == Size::Wide { 870.0 } else { 280.0 };
    // 1 first, then what has room beside what is named already.
    let mut ticks: Vec<f64> = vec![1.0];
    for value in NAMED.into_iter().filter(|value| (low..=high).contains(value)) {
        if ticks.iter().all(|&other| (scale.at(value) - scale.at(other)).abs() * width >= APART) {
            ticks.push(value);
        }
    }
    Axis { scale, label: "b / a", ticks: ticks.into_iter().map(|value| (value, format!("{value}"))).collect() }
}
