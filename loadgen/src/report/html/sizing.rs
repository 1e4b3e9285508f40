//! A plan as a page.

use maud::{Markup, html};

use super::environment::machine;
use super::frame::{Axis, Band, Frame, Px, Size, figure};
use super::scale::Scale;
use super::shell;
use super::table::{aside, glossary, table};
use crate::report::numbers::{bytes, rate, significant};
use crate::report::sizing::glossary::words;
use crate::report::sizing::tables::{
    BEYOND_HEADS, COST_HEADS, LEVEL_HEADS, TRAFFIC_HEADS, all_beyond, costs, levels, need_explained, need_heads, needs,
    traffic,
};
use crate::report::sizing::words::{answer, fitted, granted, one, opening, reckoned, word};
use crate::sizing::{Curve, Sizing};

/// `plan.html`.
#[must_use]
pub fn sizing(sizing: &Sizing) -> String {
    let list = |lines: Vec<String>| html! { ul { @for line in &lines { li { (line) } } } };
    let priced = costs(sizing);
    let beyond = all_beyond(sizing);
    let said = |heads: &[&str], rows: &[Vec<String>]| html! { div class="based" { (table(heads, rows)) } };
    let needed = html! {
        p { (one(&sizing.load)) }
        (said(&need_heads(sizing), &indented(needs(sizing))))
        (aside(need_explained(sizing)))
        @for line in fitted(sizing) { p { (line) } }
    };
    let curves: Vec<Markup> = sizing.curves.iter().map(|curve| chart(curve, sizing)).collect();
    shell::page(
        &format!("{} {}, fanout", word(sizing), opening(sizing)),
        &header(sizing),
        vec![
            ("needs", "What one server needs", Some(needed)),
            ("traffic", "Bytes out, all servers together", Some(said(&TRAFFIC_HEADS, &traffic(sizing)))),
            ("cost", "Cost", (!priced.is_empty()).then(|| table(&COST_HEADS, &priced))),
            (
                "busy",
                "How busy a server may be",
                sizing.servers.as_ref().map(|servers| list(reckoned(servers, sizing.asked.compression))),
            ),
            ("curves", "Cost against load", (!curves.is_empty()).then(|| html! { @for curve in curves { (curve) } })),
            (
                "beyond",
                "Beyond what was measured",
                (!beyond.is_empty())
                    .then(|| said(&BEYOND_HEADS, &beyond.into_iter().map(Vec::from).collect::<Vec<_>>())),
            ),
            ("measured", "Measured", Some(html! { div class="runs" { (table(&LEVEL_HEADS, &levels(sizing))) } })),
            (
                "granted",
                "Taken for granted",
                Some(list(granted(sizing).into_iter().chain(sizing.notes.iter().cloned()).collect())),
            ),
            ("environment", "Measured on", Some(machine(&sizing.evidence.environment))),
            ("glossary", "Glossary", Some(glossary(&words(sizing)))),
        ],
    )
}

fn header(sizing: &Sizing) -> Markup {
    let (class, mark) = match (sizing.exit_code(), sizing.far()) {
        (0, None) => ("good", "✓"),
        (0, Some(_)) => ("doubt", "!"),
        _ => ("bad", "✗"),
    };
    html! {
        header {
            h1 class=(class) { span class="verdict" { (mark) " " (word(sizing)) } " " (opening(sizing)) }
            @for line in answer(sizing) { p class="sentence" { (line) } }
        }
    }
}

/// Rows below another, moved to the right of it.
fn indented(mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    for name in rows.iter_mut().filter_map(|row| row.first_mut()) {
        if let Some(below) = name.strip_prefix("  ") {
            *name = format!("\u{2003}{below}");
        }
    }
    rows
}

/// What a chart shows, and in which units.
struct Shown {
    name: &'static str,
    against: &'static str,
    label: &'static str,
    value: fn(f64) -> String,
    /// Of what the ticks are round multiples.
    unit: f64,
}

impl Shown {
    fn of(curve: &Curve) -> Self {
        if curve.what == "cpu" {
            let value = |cores| format!("{} cores", significant(cores, 3));
            Self { name: "Server CPU against deliveries", against: "deliveries/s", label: "cores", value, unit: 1.0 }
        } else {
            let unit = 1024.0 * 1024.0;
            let (name, label) = ("Server memory against connections", "memory of the process");
            Self { name, against: "connections", label, value: bytes, unit }
        }
    }

    /// The lower axis and the left one.
    fn axes(&self, curve: &Curve, size: Size) -> (Axis, Axis) {
        let most = if size == Size::Wide { 8 } else { 4 };
        let line = curve.line.iter().map(|point| point.load);
        let loads = || line.clone().chain(points(curve).map(|[x, _]| x));
        let values = || curve.line.iter().map(|point| point.high).chain(points(curve).map(|[_, y]| y));
        let of_cpu = curve.what == "cpu";
        let (furthest, highest) = (loads().fold(0.0, f64::max), values().fold(0.0, f64::max));
        if !is_wide(curve) {
            let shown = |value: f64| if of_cpu { significant(value, 3) } else { bytes(value) };
            let x = Axis::new(Scale::from_zero(furthest, most, 1.0), self.against, 20, rate);
            return (x, Axis::new(Scale::from_zero(highest, 5, self.unit), self.label, 9, shown));
        }
        let above_zero = |least: f64, value: f64| if value > 0.0 { least.min(value) } else { least };
        let nearest = points(curve).map(|[x, _]| x).fold(curve.asked, above_zero);
        let there = curve.line.iter().filter(|point| point.load >= nearest * 0.999).map(|point| point.value);
        let lowest = points(curve).map(|[_, y]| y).chain(there).fold(highest, above_zero);
        let (against, label) = if of_cpu {
            ("deliveries/s, logarithmic", "cores, logarithmic")
        } else {
            ("connections, logarithmic", "memory of the process, logarithmic")
        };
        let x = Axis::new(Scale::logarithmic(nearest, furthest), against, most as usize, in_short);
        let y = if of_cpu {
            Axis::new(Scale::logarithmic(lowest, highest), label, 9, |value| significant(value, 3))
        } else {
            doubling(lowest, highest, label)
        };
        (x, y)
    }
}

/// All that was measured, fitted or not.
fn points(curve: &Curve) -> impl Iterator<Item = [f64; 2]> {
    curve.measured.iter().chain(&curve.full).copied()
}

/// Whether most points would stand in the first tenth of an axis from zero.
fn is_wide(curve: &Curve) -> bool {
    let furthest = curve.line.iter().map(|point| point.load).chain(points(curve).map(|[x, _]| x)).fold(0.0, f64::max);
    let near = points(curve).filter(|[x, _]| *x < furthest / 10.0).count();
    near * 2 > points(curve).count()
}

/// An axis of memory on which each doubling has the same room.
fn doubling(low: f64, high: f64, label: &'static str) -> Axis {
    let (first, last) = (low.max(1.0).log2().floor(), high.max(2.0).log2().ceil());
    let last = last.max(first + 1.0);
    let step = ((last - first) / 6.0).ceil();
    let ticks = std::iter::successors(Some(first), |at| Some(at + step)).take_while(|at| *at <= last);
    let ticks = ticks.map(f64::exp2).map(|size| (size, bytes(size))).collect();
    Axis { scale: Scale::ratios(first.exp2(), last.exp2()), label, ticks }
}

/// `20k`, `1M`: a logarithmic axis has no room for zeros.
fn in_short(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", significant(value / 1e6, 3)),
        1e3.. => format!("{}k", significant(value / 1e3, 3)),
        _ => significant(value, 3),
    }
}

fn chart(curve: &Curve, sizing: &Sizing) -> Markup {
    let shown = Shown::of(curve);
    let mut legend = vec![("dot fitted", "a run or trial")];
    legend.extend((!curve.full.is_empty()).then_some(("dot", "server's CPU was full: not fitted to")));
    legend.extend([("first", "fitted, with its 95 % interval"), ("bound", "one server of the plan")]);
    let measured_to = curve.measured.iter().map(|[x, _]| *x).fold(0.0, f64::max);
    let is_beyond = measured_to * 1.05 < curve.asked;
    let mut reading =
        "The line is the cost of more or less of the planned load, in its proportions; runs with other proportions need not lie on it. \
         The band around it is the 95 % interval"
            .to_owned();
    reading += match (is_beyond, curve.full.is_empty()) {
        (true, true) => "; where the ground is grey nothing was measured.",
        (true, false) => "; where the ground is grey nothing was measured with CPU to spare.",
        (false, _) => ".",
    };
    let wide = is_wide(curve);
    figure(shown.name, &legend, &reading, |size| {
        let (x, y) = shown.axes(curve, size);
        let frame = Frame { size, height: 300.0, x, y };
        let unmeasured =
            Band { from: measured_to, to: frame.x.scale.high(), name: "extrapolated".to_owned(), class: "unmeasured" };
        // A logarithmic axis has no place for nothing.
        let line = || curve.line.iter().filter(|point| point.load > 0.0 || !wide);
        let ribbon: Vec<(f64, f64, f64)> = line().map(|point| (point.load, point.low, point.high)).collect();
        let point = |[load, value]: [f64; 2], class: &str| {
            html! {
                circle class=(class) cx=(Px(frame.x(load))) cy=(Px(frame.y(value))) r="4" {
                    title { (rate(load)) " " (shown.against) "\n" ((shown.value)(value)) }
                }
            }
        };
        let inside = html! {
            @if is_beyond { (frame.bands(std::slice::from_ref(&unmeasured))) }
            (frame.ribbon("first", &ribbon))
            (frame.line("first", line().map(|point| (point.load, Some(point.value)))))
            @let x = Px(frame.x(curve.asked));
            line class="change" x1=(x) x2=(x) y1=(Px(frame.top())) y2=(Px(frame.bottom())) {}
            @for at in &curve.full { (point(*at, "point unclear")) }
            @for at in &curve.measured { (point(*at, "point")) }
            (frame.hover(curve.line.windows(2).map(|two| {
                let (against, value, point) = (shown.against, shown.value, two[1]);
                let interval = match (value(point.low), value(point.high)) {
                    (low, high) if low == high => String::new(),
                    (low, high) => format!(" ({low} to {high})"),
                };
                (two[0].load, point.load, format!("{} {against}\n{}{interval}", rate(point.load), value(point.value)))
            })))
        };
        frame.draw(&format!("{}, {}", shown.name, sizing.asked.compression.words()), &inside)
    })
}
