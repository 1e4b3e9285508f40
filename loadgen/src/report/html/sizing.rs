//! A plan as a page.

use maud::{Markup, html};

use super::environment::machine;
use super::frame::{Axis, Band, Frame, Px, Size, figure};
use super::scale::Scale;
use super::shell;
use super::table::{aside, table};
use crate::report::numbers::{bytes, rate, significant};
use crate::report::sizing::tables::{
    COST_HEADS, LEVEL_HEADS, NEED_EXPLAINED, NEED_HEADS, TRAFFIC_HEADS, all_beyond, costs, levels, needs, traffic,
};
use crate::report::sizing::words::{answer, granted, one, opening, reckoned, word};
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
        (said(&NEED_HEADS, &needs(sizing)))
        (aside(NEED_EXPLAINED))
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
                (!beyond.is_empty()).then(|| {
                    table(&["", "one server", "measured"], &beyond.into_iter().map(Vec::from).collect::<Vec<_>>())
                }),
            ),
            ("measured", "Measured", Some(table(&LEVEL_HEADS, &levels(sizing)))),
            (
                "granted",
                "Taken for granted",
                Some(list(granted(sizing).into_iter().chain(sizing.notes.iter().cloned()).collect())),
            ),
            ("environment", "Measured on", Some(machine(&sizing.evidence.environment))),
        ],
    )
}

fn header(sizing: &Sizing) -> Markup {
    let (class, mark) = if sizing.exit_code() == 0 { ("good", "✓") } else { ("bad", "✗") };
    html! {
        header {
            h1 class=(class) { span class="verdict" { (mark) " " (word(sizing)) } " " (opening(sizing)) }
            @for line in answer(sizing) { p class="sentence" { (line) } }
        }
    }
}

fn chart(curve: &Curve, sizing: &Sizing) -> Markup {
    let legend =
        [("dot", "a run or trial"), ("first", "fitted, with its 95 % interval"), ("bound", "one server of the plan")];
    let of_cpu = curve.what == "cpu";
    let (name, label) = if of_cpu {
        ("Server CPU against deliveries", "cores")
    } else {
        ("Server memory against connections", "memory of the process")
    };
    let against = if of_cpu { "deliveries/s" } else { "connections" };
    let reading = "The line is the cost of more or less of the planned load, in its proportions; runs with other proportions need not lie on it. \
                   Where the ground is shaded nothing was measured.";
    let shown = |value: f64| if of_cpu { significant(value, 3) } else { bytes(value) };
    let highest =
        curve.line.iter().map(|point| point.high).chain(curve.measured.iter().map(|[_, y]| *y)).fold(0.0, f64::max);
    let furthest = curve.line.iter().map(|point| point.load).fold(0.0, f64::max);
    let measured_to = curve.measured.iter().map(|[x, _]| *x).fold(0.0, f64::max);
    figure(name, &legend, reading, |size| {
        let most = if size == Size::Wide { 8 } else { 4 };
        let unit = if of_cpu { 1.0 } else { 1024.0 * 1024.0 };
        let frame = Frame {
            size,
            height: 300.0,
            x: Axis::new(Scale::from_zero(furthest, most, 1.0), against, 20, rate),
            y: Axis::new(Scale::from_zero(highest, 5, unit), label, 9, shown),
        };
        let unmeasured =
            Band { from: measured_to, to: frame.x.scale.high(), name: "extrapolated".to_owned(), class: "unmeasured" };
        let ribbon: Vec<(f64, f64, f64)> = curve.line.iter().map(|point| (point.load, point.low, point.high)).collect();
        let inside = html! {
            @if measured_to * 1.05 < curve.asked { (frame.bands(std::slice::from_ref(&unmeasured))) }
            (frame.ribbon("first", &ribbon))
            (frame.line("first", curve.line.iter().map(|point| (point.load, Some(point.value)))))
            @let x = Px(frame.x(curve.asked));
            line class="change" x1=(x) x2=(x) y1=(Px(frame.top())) y2=(Px(frame.bottom())) {}
            @for [load, value] in &curve.measured {
                circle class="point unclear" cx=(Px(frame.x(*load))) cy=(Px(frame.y(*value))) r="4" {
                    title { (rate(*load)) " " (against) "\n" (shown(*value)) @if of_cpu { " cores" } }
                }
            }
            (frame.hover(curve.line.windows(2).map(|two| {
                let unit = if of_cpu { " cores" } else { "" };
                let point = two[1];
                (two[0].load, point.load, format!("{} {against}\n{}{unit} ({} to {})", rate(point.load), shown(point.value), shown(point.low), shown(point.high)))
            })))
        };
        frame.draw(&format!("{name}, {}", sizing.asked.compression.words()), &inside)
    })
}
