//! The compression report as a page.

use maud::{Markup, html};

use super::forest;
use super::frame::{Axis, Frame, Px, Size, figure};
use super::scale::Scale;
use super::shell;
use super::table::{aside, table};
use crate::compare::{BreakEven, Column, Ways, money};
use crate::report::comparison::cells::{HEADS, explained, row};
use crate::report::ways::words::{EXPLAINED, drift, heads, opening, prices, rows, runs, word};

/// `compression.html`.
#[must_use]
pub fn ways(ways: &Ways) -> String {
    let list = |items: &[String]| html! { ul { @for item in items { li { (item) } } } };
    let heads = heads(ways);
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let beside: Vec<(String, String, Markup)> = ways
        .others
        .iter()
        .map(|other| {
            let rows: Vec<Vec<String>> = other.comparison.metrics.iter().map(|m| row(&other.comparison, m)).collect();
            let content = html! {
                @if rows.is_empty() { p { "There are no blocks with a valid run of both." } } @else {
                    (forest::plot(&other.comparison.metrics))
                    (table(&HEADS, &rows))
                    (aside(explained(&other.comparison)))
                }
            };
            (format!("beside-{}", other.column.way), format!("{} (b) beside off (a)", other.column.way), content)
        })
        .collect();
    let mut parts = vec![(
        "figures".to_owned(),
        "What each saves and costs".to_owned(),
        html! { (table(&heads, &rows(ways))) (aside(EXPLAINED)) },
    )];
    parts.push((
        "prices".to_owned(),
        "From which price on it pays".to_owned(),
        html! { (list(&prices(ways))) @if let Some(chart) = chart(ways) { (chart) } },
    ));
    parts.extend(beside);
    parts.push(("runs".to_owned(), "Runs".to_owned(), list(&runs(ways))));
    if !ways.notes.is_empty() {
        parts.push(("notes".to_owned(), "Notes".to_owned(), list(&ways.notes)));
    }
    shell::chapters(&format!("{} {}, fanout", word(ways), ways.scenario), &header(ways), parts)
}

fn header(ways: &Ways) -> Markup {
    let (class, mark) = if ways.recommended.is_some() { ("good", "✓") } else { ("doubt", "!") };
    html! {
        header {
            h1 class=(class) { span class="verdict" { (mark) " " (word(ways)) } " " (opening(ways)) }
            @if !ways.environment.is_empty() {
                div class="loud" {
                    p class="bad" { b { "The machine was not the same for all runs" } }
                    @for found in drift(ways) { p { (found) } }
                }
            }
            p class="sentence" { (ways.recommendation) }
            @if let Some(why) = &ways.ended_early { p class="remark" { "ended early: " (why) } }
        }
    }
}

/// What a million deliveries cost against the price of a GB: straight lines that cross where compressing begins to pay.
fn chart(ways: &Ways) -> Option<Markup> {
    const CLASSES: [&str; 3] = ["asked", "second", "first"];
    let known: Vec<(&Column, [f64; 2])> =
        ways.columns().filter_map(|column| Some((column, line(ways, column)?))).collect();
    if known.len() < 2 {
        return None;
    }
    let crossings = ways.others.iter().filter_map(|other| match other.break_even {
        BreakEven::From { interval, .. } => Some(interval.high),
        BreakEven::Always | BreakEven::Never | BreakEven::Unknown => None,
    });
    let end = crossings.fold(ways.tariff.per_gb, f64::max) * 1.5;
    let highest = known.iter().map(|(_, [fixed, per_price])| fixed + per_price * end).fold(0.0, f64::max);
    let class = |column: &Column| CLASSES[(column.way as usize).min(2)];
    let legend: Vec<(&str, &str)> = known
        .iter()
        .map(|(column, _)| (class(column), column.way.name()))
        .chain([("bound", "the price that was given")])
        .collect();
    let reading = "Server CPU and traffic, from medians. Where a line is the lowest, that way is the cheapest at that price of a GB.";
    Some(figure("Cost of a million deliveries", &legend, reading, |size| {
        let most = if size == Size::Wide { 8 } else { 4 };
        let frame = Frame {
            size,
            height: 280.0,
            x: Axis::new(Scale::from_zero(end, most, 1e-6), "price of a GB", 20, money),
            y: Axis::new(Scale::from_zero(highest, 5, 1e-6), "for a million deliveries", 9, money),
        };
        let at = Px(frame.x(ways.tariff.per_gb));
        let inside = html! {
            line class="change" x1=(at) x2=(at) y1=(Px(frame.top())) y2=(Px(frame.bottom())) {}
            @for (column, [fixed, per_price]) in &known {
                (frame.line(class(column), [0.0, end].into_iter().map(|price| (price, Some(fixed + per_price * price)))))
            }
            (frame.hover((0..40).map(|i| {
                let (from, to) = (end * f64::from(i) / 40.0, end * f64::from(i + 1) / 40.0);
                let each = known.iter().map(|(column, [fixed, per_price])| format!("\n{} {}", column.way, money(fixed + per_price * to)));
                (from, to, format!("{} a GB{}", money(to), each.collect::<String>()))
            })))
        };
        frame.draw("Cost of a million deliveries against the price of a GB", &inside)
    }))
}

/// What a million deliveries cost without traffic, and how much more for each unit of a GB's price.
fn line(ways: &Ways, column: &Column) -> Option<[f64; 2]> {
    let cpu_us = column.figures.get(2).copied().flatten()?;
    let fixed = cpu_us / 3600.0 * ways.tariff.per_core_hour;
    let traffic = (column.cost_per_million? - fixed) / ways.tariff.per_gb;
    (traffic.is_finite()).then_some([fixed, traffic])
}
