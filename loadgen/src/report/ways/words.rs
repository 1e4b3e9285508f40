//! The words and cells that every form of the report shares.

use crate::analyse::Verdict;
use crate::compare::{Against, FIGURES, Ways, money, pays, shown};
use crate::report::comparison::cells::{difference, ratio};
use crate::report::numbers::percent;

/// The word that opens the report.
pub(in crate::report) fn word(ways: &Ways) -> &'static str {
    match ways.recommended {
        Some(_) => "RECOMMENDED",
        None if ways.is_conclusive() => "NOT DECIDED",
        None => "NOT ENOUGH RUNS",
    }
}

/// What was compared, in how many runs.
pub(in crate::report) fn opening(ways: &Ways) -> String {
    let names: Vec<&str> = ways.columns().map(|column| column.way.name()).collect();
    let what = ways.recommended.map_or_else(|| "compression".to_owned(), |way| format!("compression {way}"));
    format!("{}: {what}, of {}, {} of {} blocks", ways.scenario, names.join(", "), ways.blocks, ways.asked)
}

/// A head for each way.
pub(in crate::report) fn heads(ways: &Ways) -> Vec<String> {
    std::iter::once(String::new()).chain(ways.columns().map(|column| column.way.name().to_owned())).collect()
}

/// A row for each figure that was measured, then costs and the price from which on each pays.
pub(in crate::report) fn rows(ways: &Ways) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for (place, (path, name)) in FIGURES.iter().enumerate() {
        if ways.columns().all(|column| column.figures[place].is_none()) {
            continue;
        }
        let value = |figure: Option<f64>| figure.map_or_else(|| "none".to_owned(), |value| shown(path, value));
        let mut row = vec![(*name).to_owned(), value(ways.off.figures[place])];
        row.extend(
            ways.others.iter().map(|other| format!("{}{}", value(other.column.figures[place]), beside(other, path))),
        );
        rows.push(row);
    }
    let cost = |price: Option<f64>| price.map_or_else(|| "not known".to_owned(), money);
    rows.push(
        std::iter::once("CPU and traffic of a million deliveries".to_owned())
            .chain(ways.columns().map(|c| cost(c.cost_per_million)))
            .collect(),
    );
    rows
}

/// ` (1.03 x, worse)`, ` (~)`.
fn beside(other: &Against, path: &str) -> String {
    let Some(metric) = other.comparison.metric(path) else { return String::new() };
    let times = ratio(metric.finding.effect.ratio);
    match metric.finding.verdict {
        Verdict::Better => format!(" ({times} x, better)"),
        Verdict::Worse => format!(" ({times} x, worse)"),
        Verdict::Unclear => format!(" (~ {})", percent(metric.visible_corrected)),
        Verdict::NotEnoughRuns => " (?)".to_owned(),
    }
}

/// What was not the same where the runs were made.
pub(in crate::report) fn drift(ways: &Ways) -> Vec<String> {
    let named = |found| difference(found).replace(": a ", ": off ").replace(", b ", ", compressed ");
    ways.environment.iter().map(named).collect()
}

/// From which price on each way pays.
pub(in crate::report) fn prices(ways: &Ways) -> Vec<String> {
    let hour = money(ways.tariff.per_core_hour);
    ways.others
        .iter()
        .map(|other| format!("{}, with a core hour at {hour}: {}", other.column.way, pays(other.break_even)))
        .collect()
}

/// What the cells mean.
pub(in crate::report) const EXPLAINED: &str = "medians; in brackets, beside off, the median over the blocks with its verdict (signed-rank, corrected for the number of metrics); \
     ~ 5 %: no difference can be told from noise, one of 5 % would have been seen; ?: too few runs. CPU of the server only is priced: \
     decompressing is the receivers', and fanout does it once for all that receive the same bytes";

/// The runs of each way.
pub(in crate::report) fn runs(ways: &Ways) -> Vec<String> {
    let of = |invalid: usize| if invalid > 0 { format!(", {invalid} invalid") } else { String::new() };
    ways.columns().map(|c| format!("{}: {} valid{}", c.way, c.runs.valid, of(c.runs.invalid))).collect()
}
