//! Each threshold with what was measured.

use super::page::{Page, Tone};
use super::sentences::missing;
use crate::result::{ComparedWith, Run, ThresholdResult};
use crate::thresholds::shown;

pub(super) fn write(page: &mut Page, run: &Run) {
    if run.thresholds.is_empty() {
        return;
    }
    page.section("thresholds");
    let names = run.thresholds.iter().map(|t| t.name().chars().count()).max().unwrap_or(0);
    let words = if run.thresholds.iter().any(|t| t.skipped) { "skipped".len() } else { "FAILED".len() };
    for threshold in &run.thresholds {
        let (word, tone) = match (threshold.skipped, threshold.pass) {
            (true, _) => ("skipped", Tone::Doubt),
            (false, true) => ("held", Tone::Good),
            (false, false) => ("FAILED", Tone::Bad),
        };
        let name = threshold.name();
        let word = page.tone(tone, &format!("{word:<words$}"));
        page.headline(&format!("  {word}  {name:<names$}  {}", outcome(run, threshold)));
    }
    if let Some(baseline) = &run.baseline {
        page.aside(&compared_with(baseline));
    }
}

/// What was measured, and what it was compared with.
pub(in crate::report) fn outcome(run: &Run, threshold: &ThresholdResult) -> String {
    if let Some(why) = &threshold.why {
        return why.clone();
    }
    let mut said = value(run, threshold);
    if let (Some(baseline), Some(limit)) = (threshold.baseline, threshold.limit) {
        let [baseline, limit] = [baseline, limit].map(|value| shown(&threshold.metric, value));
        said += &format!("; baseline {baseline}, so the limit is {limit}");
    }
    if let Some(window) = &threshold.broken {
        said += &format!("; first broken from {:.0} s to {:.0} s", window.from_s, window.to_s);
        if window.value != threshold.value {
            said += &window.value.map_or(", where nothing arrived".to_owned(), |value| {
                format!(", where it was {}", shown(&threshold.metric, value))
            });
        }
    }
    said
}

/// Which earlier run, and how much that says.
pub(in crate::report) fn compared_with(baseline: &ComparedWith) -> String {
    let ComparedWith { path, started, git, unused } = baseline;
    match unused {
        Some(why) => format!("the baseline {path} was not used: {why}"),
        None => {
            let git = git.as_ref().map_or_else(String::new, |git| format!(", revision {git:.12}"));
            // What is beyond whole seconds tells nobody anything.
            let begun = started.split_once('.').map_or(started.as_str(), |(seconds, _)| seconds).trim_end_matches('Z');
            format!(
                "baseline: {path}, begun {begun}Z{git}; one run against one is a tripwire and no verdict: for that, fanout ab makes ten of \
                 each in turn"
            )
        }
    }
}

/// What was measured, in its unit.
pub(in crate::report) fn value(run: &Run, threshold: &ThresholdResult) -> String {
    threshold.value.map_or_else(|| without_value(run, &threshold.metric), |value| shown(&threshold.metric, value))
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
