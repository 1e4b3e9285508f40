//! Several runs of one scenario as one: made on several machines at the same time, or one after the other.
//!
//! ```text
//! agree     are these runs of one scenario, and made at times that fit?
//! figures   counts add up, percentiles come from merged histograms, shares and means are worked out anew
//! returns   connections that came back: how long they took, and the busiest tenth of a second
//! ```
//!
//! A merged percentile is, to the bucket, that of one recorder which had been given every sample. What cannot be known (percentiles of a
//! second, or of figures whose histogram a run has not) is null, and is not made up. Nothing is subtracted between two clocks: where runs
//! do not share one, a note says what hangs on how well theirs agree.

mod agree;
mod figures;
mod returns;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use self::agree::Clock;
use crate::by_second;
use crate::report::verdict::turned_away;
use crate::result::{Reason, Run, ThresholdResult, Validity};
use crate::thresholds::{Baseline, Evidence, Metric, Threshold, evaluate};

/// How the runs were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// At the same time: rates and sizes add up.
    Together,
    /// One after the other: rates are means over the time, sizes the largest.
    InTurn,
}

/// Why runs cannot be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// One is none too few.
    #[error("there is nothing to merge: give at least two runs")]
    TooFew,
    /// Different scenarios, by the first difference.
    #[error(
        "run {run} is of another scenario than run 1: its `{key}` is {theirs}, that of run 1 is {ours}; only runs of one scenario \
         (whose target may differ) can be merged"
    )]
    Scenario {
        /// Which, from 1.
        run: usize,
        /// Path in the resolved scenario.
        key: String,
        /// Of run 1.
        ours: String,
        /// Of this one.
        theirs: String,
    },
    /// Times that do not overlap.
    #[error(
        "run {run} was not made at the same time as the others (it ran from {from} to {to}{clocks}); if they were made one after the \
         other, give --sequential"
    )]
    NotTogether {
        /// Which, from 1.
        run: usize,
        /// Start.
        from: String,
        /// End.
        to: String,
        /// Whose clocks say so, where these are several.
        clocks: &'static str,
    },
    /// A time that is none.
    #[error("run {run} does not say when it began (`started` is `{started}`)")]
    NoTime {
        /// Which, from 1.
        run: usize,
        /// As it stands there.
        started: String,
    },
    /// A histogram that is none.
    #[error("run {run}: the histogram `{name}`: {why}")]
    Histogram {
        /// Which, from 1.
        run: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// Figures that do not fit each other.
    #[error("these runs cannot be put together ({0}): were they written by one version of fanout?")]
    Figures(String),
}

/// Merges runs into one.
///
/// # Errors
/// Runs that do not belong together, in a sentence.
pub fn merge(runs: &[Run], timing: Timing) -> Result<Run, MergeError> {
    let [first, _, ..] = runs else { return Err(MergeError::TooFew) };
    agree::same_scenario(runs)?;
    let elapsed_s = agree::elapsed_s(runs, timing)?;
    let document = figures::merged(runs, timing)?;
    let mut run: Run = serde_json::from_value(document).map_err(|error| MergeError::Figures(error.to_string()))?;
    run.elapsed_s = elapsed_s;
    run.interrupted = runs.iter().any(|run| run.interrupted);
    run.ended_early = one_by_one(runs, |run| run.ended_early.iter().cloned().collect()).into_iter().next();
    run.scenario = first.scenario.clone();
    run.environment = first.environment.clone();
    if agree::clock(runs) != Clock::One {
        run.environment.boot.clear();
    }
    by_seconds(&mut run);
    run.notes = agree::notes(runs, timing)?;
    run.notes.extend(returns::notes(runs, timing));
    run.notes.extend(one_by_one(runs, |run| run.notes.clone()));
    run.validity = validity(runs);
    run.invalid_before = runs.iter().flat_map(|run| run.invalid_before.clone()).collect();
    run.thresholds = thresholds(&run, runs);
    run.passed = run.validity.valid
        && !run.interrupted
        && run.ended_early.is_none()
        && turned_away(&run) == 0
        && run.thresholds.iter().all(|threshold| threshold.pass);
    Ok(run)
}

/// The middle and the highest of the seconds, from the merged ones: of sums no percentile follows from percentiles.
fn by_seconds(run: &mut Run) {
    let measures = |name: &str| run.phases.get(name).is_some_and(|phase| phase.measure);
    let seconds = by_second::measured(&run.intervals, measures);
    let (server, loadgen) = (by_second::server(&seconds), by_second::loadgen(&seconds));
    if let Some(cost) = &mut run.server {
        cost.by_second = server;
    }
    run.loadgen.by_second = loadgen;
}

/// Sentences of each run: those that all have as they are, others with the run's number.
fn one_by_one(runs: &[Run], of: impl Fn(&Run) -> Vec<String>) -> Vec<String> {
    let all: Vec<Vec<String>> = runs.iter().map(of).collect();
    let common = |sentence: &String| all.iter().all(|of_run| of_run.contains(sentence));
    let mut out: Vec<String> = all[0].iter().filter(|sentence| common(sentence)).cloned().collect();
    for (number, of_run) in (1..).zip(&all) {
        out.extend(of_run.iter().filter(|s| !common(s)).map(|sentence| format!("run {number}: {sentence}")));
    }
    out
}

fn validity(runs: &[Run]) -> Validity {
    let reasons = (1..).zip(runs).flat_map(|(number, run)| {
        let of_run =
            move |reason: &Reason| Reason { figure: format!("run {number}: {}", reason.figure), ..reason.clone() };
        run.validity.reasons.iter().map(of_run)
    });
    Validity { valid: runs.iter().all(|run| run.validity.valid), reasons: reasons.collect() }
}

/// The objectives, asked of the merged run; what can be asked only of a single one must have held in each.
fn thresholds(merged: &Run, runs: &[Run]) -> Vec<ThresholdResult> {
    let document: Value = json!(merged);
    let baseline = Baseline::default();
    let groups: Vec<&str> = merged.groups.keys().map(String::as_str).collect();
    let phases: Vec<&str> = merged.phases.keys().map(String::as_str).collect();
    let of_first = runs[0].thresholds.iter().enumerate();
    of_first
        .map(|(i, first)| {
            let metric = Metric::find(&first.metric, &groups, &phases).ok();
            let asked = metric.and_then(|metric| Threshold::parse(&metric, &first.expr).ok());
            // Windows and baselines are each run's own.
            let asked = asked.filter(|threshold| first.over_s.is_none() && threshold.value().is_some());
            let evidence = Evidence { run: &document, baseline: &baseline, windows: &[] };
            match asked.and_then(|threshold| evaluate(&[threshold], evidence).pop()) {
                Some(result) => result,
                None => {
                    let pass = runs.iter().all(|run| run.thresholds.get(i).is_some_and(|threshold| threshold.pass));
                    ThresholdResult { value: None, pass, ..first.clone() }
                }
            }
        })
        .collect()
}
