//! Which way to send is recommended, in a sentence.

use super::ways::{Against, BreakEven, Column, Ways};
use crate::analyse::{LEAST_BLOCKS, Verdict};
use crate::report::numbers::{percent, significant};
use crate::way::Way;

/// The way, and why.
pub(super) fn advice(report: &Ways) -> (Option<Way>, String) {
    if !report.is_conclusive() {
        return (
            None,
            format!("no recommendation: {} complete blocks, and a verdict needs {LEAST_BLOCKS}", report.blocks),
        );
    }
    let sound = |column: &&Column| report.off.way == column.way || !loses_more(report, column.way);
    let priced = report.columns().filter(sound).filter_map(|column| Some((column, column.cost_per_million?)));
    let Some((best, cost)) = priced.min_by(|a, b| a.1.total_cmp(&b.1)) else {
        return (None, "no recommendation: the server's CPU is not known, so its cost is not".to_owned());
    };
    let tariff = report.tariff;
    let prices = format!("at {} a core hour and {} a GB", money(tariff.per_core_hour), money(tariff.per_gb));
    let others: Vec<String> = report
        .columns()
        .filter(|column| column.way != best.way)
        .filter_map(|column| Some(format!("{} {}", column.way, money(column.cost_per_million?))))
        .collect();
    let cheapest =
        format!("{prices} a million deliveries cost {} in CPU and traffic ({})", money(cost), others.join(", "));
    let mut sentence = match report.others.iter().find(|other| other.column.way == best.way) {
        None => format!("leave compression off: {cheapest}"),
        Some(other) => format!("take {}: {}; {cheapest}{}", best.way, gains(other), latency(other)),
    };
    for column in report.columns().filter(|column| !sound(column)) {
        sentence += &format!("; {} loses more deliveries and is not considered", column.way);
    }
    (Some(best.way), sentence)
}

/// `6.3 times fewer bytes for 3 % more server CPU per delivery, which pays where a GB costs more than 0.0004`.
fn gains(other: &Against) -> String {
    let amount = |metric: &str| other.comparison.metric(metric).map(|m| (m.finding.effect.ratio, m.finding.verdict));
    let bytes = match amount("rates.wire_bytes_per_s") {
        Some((ratio, Verdict::Better)) => format!("{} times fewer bytes", significant(1.0 / ratio, 2)),
        _ => "no fewer bytes that could be told from noise".to_owned(),
    };
    let cpu = match amount("server.cpu_us_per_delivery") {
        Some((ratio, Verdict::Worse)) => format!("for {} more server CPU per delivery", percent(ratio - 1.0)),
        Some((ratio, Verdict::Better)) => format!("and {} less server CPU per delivery", percent(1.0 - ratio)),
        _ => "and no difference in server CPU per delivery".to_owned(),
    };
    format!("{bytes} {cpu}, which {}", pays(other.break_even))
}

/// `pays where a GB costs more than 0.0004 (0.0003 to 0.0005)`.
#[must_use]
pub fn pays(break_even: BreakEven) -> String {
    match break_even {
        BreakEven::Always => "pays at any price".to_owned(),
        BreakEven::From { interval, .. } if interval.low <= 0.0 => {
            format!(
                "pays at any price as far as can be told, and surely where a GB costs more than {}",
                money(interval.high)
            )
        }
        BreakEven::From { price, interval } => format!(
            "pays where a GB costs more than {} ({} to {})",
            money(price),
            money(interval.low),
            money(interval.high)
        ),
        BreakEven::Never => "pays at no price".to_owned(),
        BreakEven::Unknown => "pays from a price that is not known".to_owned(),
    }
}

fn latency(other: &Against) -> String {
    let Some(metric) = other.comparison.metric("latency.due.p99") else { return String::new() };
    let ratio = metric.finding.effect.ratio;
    match metric.finding.verdict {
        Verdict::Worse => format!("; p99 latency is {} higher", percent(ratio - 1.0)),
        Verdict::Better => format!("; p99 latency is {} lower", percent(1.0 - ratio)),
        Verdict::Unclear => {
            format!(
                "; p99 latency shows no difference (one of {} would have been seen)",
                percent(metric.visible_corrected)
            )
        }
        Verdict::NotEnoughRuns => String::new(),
    }
}

/// Whether a way loses deliveries that are not lost without it.
fn loses_more(report: &Ways, way: Way) -> bool {
    let lost = |column: &Column| column.figures.last().copied().flatten();
    let with = report.others.iter().find(|other| other.column.way == way).and_then(|other| lost(&other.column));
    with > lost(&report.off)
}

/// A price, to three digits, however small.
#[must_use]
pub fn money(price: f64) -> String {
    if price < 0.0 { format!("-{}", significant(-price, 2)) } else { significant(price, 3) }
}
