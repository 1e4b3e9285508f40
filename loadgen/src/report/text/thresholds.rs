//! Each threshold with what was measured.

use super::page::{Page, Tone};
use super::sentences::missing;
use crate::report::numbers::{bytes, count, duration_us_exact, percent, significant};
use crate::result::{Run, ThresholdResult};
use crate::thresholds::{Metric, Unit};

pub(super) fn write(page: &mut Page, run: &Run) {
    if run.thresholds.is_empty() {
        return;
    }
    page.section("thresholds");
    let room = |text: fn(&ThresholdResult) -> String| run.thresholds.iter().map(|t| text(t).chars().count()).max();
    let names = room(|threshold| format!("{} {}", threshold.metric, threshold.expr)).unwrap_or(0);
    for threshold in &run.thresholds {
        let (word, tone) = if threshold.pass { ("held  ", Tone::Good) } else { ("FAILED", Tone::Bad) };
        let name = format!("{} {}", threshold.metric, threshold.expr);
        let word = page.tone(tone, word);
        page.headline(&format!("  {word}  {name:<names$}  {}", value(run, threshold)));
    }
}

/// What was measured, in its unit.
pub(in crate::report) fn value(run: &Run, threshold: &ThresholdResult) -> String {
    let Some(value) = threshold.value else {
        return without_value(run, &threshold.metric);
    };
    match unit(run, &threshold.metric) {
        Unit::Time => duration_us_exact(value),
        Unit::Share => percent(value),
        Unit::Bytes => bytes(value),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Unit::Number if value >= 0.0 && value.fract() == 0.0 => count(value as u64),
        Unit::Number => significant(value, 3),
    }
}

/// A percentile of expected deliveries is missing because it falls among the lost; anything else because nothing was there.
fn without_value(run: &Run, metric: &str) -> String {
    let part = |rest: &str| rest.split('.').next().map(str::to_owned);
    let deliveries = match metric.split_once('.') {
        Some(("phases", rest)) => {
            part(rest).and_then(|name| run.phases.get(&name)).map(|phase| &phase.figures.deliveries)
        }
        Some(("groups", rest)) => part(rest).and_then(|name| run.groups.get(&name)).map(|group| &group.deliveries),
        _ => Some(&run.deliveries),
    };
    match deliveries {
        Some(deliveries) if metric.contains("latency.due.") && deliveries.expected > 0 => {
            format!("never ({})", missing(deliveries))
        }
        _ => "not measured (no samples)".to_owned(),
    }
}

fn unit(run: &Run, metric: &str) -> Unit {
    let groups: Vec<&str> = run.groups.keys().map(String::as_str).collect();
    let phases: Vec<&str> = run.phases.keys().map(String::as_str).collect();
    Metric::find(metric, &groups, &phases).map_or(Unit::Number, |metric| metric.unit)
}
