//! Medians over several runs of the same, and how far the runs lie apart.

use super::{Arm, beside};
use crate::analyse::median;
use crate::compare::{Figure, shown};
use crate::report::numbers::plural;

/// What the columns of [`rows`] are.
pub(super) const HEADS: [&str; 5] = ["figure", "median", "least", "most", "spread"];

/// Over which runs.
pub(super) fn over(arm: &Arm<'_>) -> String {
    let runs = arm.counted();
    let kind = if runs.iter().all(|run| run.validity.valid) { "valid run" } else { "run that is not valid" };
    match runs.len() {
        1 => format!("1 {kind}"),
        n if kind == "valid run" => plural(n as u64, kind),
        n => format!("{n} runs that are not valid"),
    }
}

/// The figures that comparisons and the table of variants look at, and those of the thresholds.
pub(super) fn rows(arm: &Arm<'_>) -> Vec<Vec<String>> {
    let runs = arm.counted();
    let documents: Vec<serde_json::Value> = runs.iter().filter_map(|run| serde_json::to_value(run).ok()).collect();
    let judged = runs.iter().flat_map(|run| run.thresholds.iter().map(|t| t.metric.as_str()));
    let row = |figure: Figure| {
        // A percentile that falls among the lost is later than everything.
        let mut values: Vec<f64> = documents.iter().map(|run| figure.of(run).unwrap_or(f64::INFINITY)).collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        least.is_finite().then(|| cells(&figure.path, median(&values), least, most))
    };
    Figure::compared(beside::paths(&runs).chain(judged)).into_iter().filter_map(row).collect()
}

fn cells(path: &str, median: f64, least: f64, most: f64) -> Vec<String> {
    let show = |value: f64| if value.is_finite() { shown(path, value) } else { "never".to_owned() };
    let spread = (most - least) / median.abs();
    let spread = if spread.is_finite() { format!("{:.0} %", spread * 100.0) } else { String::new() };
    vec![path.to_owned(), show(median), show(least), show(most), spread]
}
