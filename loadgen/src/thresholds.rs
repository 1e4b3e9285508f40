//! Objectives of a run: expressions such as `< 50ms` on metrics of [`Run`](crate::result::Run), and what came of them.
//!
//! ```text
//! expression   "< 50ms", "< 1.5 x baseline"
//! baseline     the earlier run that the second one names
//! metric       which figures may be named, and in what unit
//! second       one second of a run, kept small           ┐ thresholds with `over` or `abort`
//! watch        windows of them, while the run goes       ┘
//! ```

mod baseline;
mod expression;
mod metric;
mod second;
mod watch;

use std::time::Duration;

use serde_json::Value;

pub use baseline::{Baseline, Missing};
pub use expression::{Bound, ExpressionError, Op, Unit, read_value};
pub use metric::{Metric, MetricError, bare, known_metrics, unit_of};
pub use second::Second;
pub use watch::{Shape, Stretch, Watch, can_be_watched};

use crate::report::numbers::{bytes, count, duration_us_exact, percent, significant};
use crate::result::{BrokenWindow, ThresholdResult};

/// One objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// Path of a figure in `run.json`, such as `latency.due.p99`.
    pub metric: String,
    /// How the figure is compared.
    pub op: Op,
    /// With what.
    pub bound: Bound,
    /// The expression as it was written.
    pub text: String,
    /// Seconds of a window: it must hold in every window of this length. `None`: once, of the whole run or phase.
    pub over_s: Option<u32>,
    /// The run ends when it has been broken for so long without a break; `None`: it goes on.
    pub abort: Option<Duration>,
}

impl Threshold {
    /// Reads an expression on a metric that exists.
    ///
    /// # Errors
    /// No operator, a value that is not in the metric's unit, or a baseline's factor that makes no sense.
    pub fn parse(metric: &Metric, text: &str) -> Result<Self, ExpressionError> {
        let (op, bound) = expression::read(metric, text)?;
        let (metric, text) = (metric.path.clone(), text.trim().to_owned());
        Ok(Self { metric, op, bound, text, over_s: None, abort: None })
    }

    /// The value that the figure is compared with; `None` where a baseline gives it.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        match self.bound {
            Bound::Value(value) => Some(value),
            Bound::TimesBaseline(_) => None,
        }
    }
}

/// What the windows of a threshold said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WindowVerdict {
    /// How many there were.
    pub windows: u64,
    /// The figure of the worst.
    pub worst: Option<f64>,
    /// The first that broke it.
    pub broken: Option<BrokenWindow>,
    /// It ended the run.
    pub ended_the_run: bool,
}

/// What thresholds are decided on.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'e> {
    /// The run, as the JSON of `run.json`.
    pub run: &'e Value,
    /// The run that it is compared with.
    pub baseline: &'e Baseline,
    /// What the windows said, by the place of their threshold.
    pub windows: &'e [(usize, WindowVerdict)],
}

/// Decides each objective. A figure that the run has not (no samples, or a percentile that falls among the lost) breaks it; without a
/// baseline to compare with it is skipped.
#[must_use]
pub fn evaluate(thresholds: &[Threshold], evidence: Evidence<'_>) -> Vec<ThresholdResult> {
    thresholds.iter().enumerate().map(|(index, threshold)| decide(index, threshold, evidence)).collect()
}

fn decide(index: usize, threshold: &Threshold, evidence: Evidence<'_>) -> ThresholdResult {
    let Threshold { metric, op, text, over_s, .. } = threshold;
    let windows = evidence.windows.iter().find(|(of, _)| *of == index).map(|(_, verdict)| verdict);
    let mut result = ThresholdResult {
        metric: metric.clone(),
        expr: text.clone(),
        value: figure(evidence.run, metric),
        over_s: *over_s,
        ..ThresholdResult::default()
    };
    if let Some(phase) = never_began(metric, evidence.run) {
        return ThresholdResult { why: Some(phase), skipped: true, pass: true, ..result };
    }
    let limit = match threshold.bound {
        Bound::Value(value) => value,
        Bound::TimesBaseline(factor) => match evidence.baseline.figure(metric) {
            Ok(baseline) => {
                result.baseline = Some(baseline);
                factor * baseline
            }
            Err(missing) => {
                let skipped = !missing.is_required;
                return ThresholdResult { why: Some(missing.why), skipped, pass: skipped, ..result };
            }
        },
    };
    result.limit = Some(limit);
    result.pass = result.value.is_some_and(|figure| op.holds(figure, limit));
    if let Some(verdict) = windows {
        result.broken.clone_from(&verdict.broken);
        if over_s.is_some() {
            result.value = verdict.worst;
            result.pass = verdict.windows > 0 && verdict.broken.is_none();
        }
        result.pass &= !verdict.ended_the_run;
    }
    result
}

fn figure(run: &Value, metric: &str) -> Option<f64> {
    metric.split('.').try_fold(run, |at, key| at.get(key)).and_then(Value::as_f64)
}

/// Of a run that ended early: why there is nothing to decide about a phase.
fn never_began(metric: &str, run: &Value) -> Option<String> {
    let (phase, _) = metric.strip_prefix("phases.")?.split_once('.')?;
    let cut =
        run.get("interrupted") == Some(&Value::Bool(true)) || run.get("ended_early").is_some_and(Value::is_string);
    let length = run.get("phases")?.get(phase)?.get("length_s")?.as_f64()?;
    (cut && length == 0.0).then(|| format!("the run ended before {phase} began"))
}

/// A figure's value with its unit.
#[must_use]
pub fn shown(metric: &str, value: f64) -> String {
    match unit_of(bare(metric)) {
        Unit::Time => duration_us_exact(value),
        Unit::Share => percent(value),
        Unit::Bytes => bytes(value),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number, not negative")]
        Unit::Number if value >= 0.0 && value.fract() == 0.0 => count(value as u64),
        Unit::Number => significant(value, 3),
    }
}

#[cfg(test)]
mod tests;
