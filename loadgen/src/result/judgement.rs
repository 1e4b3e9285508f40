//! What was judged: whether the run is valid, and which thresholds held.

use serde::{Deserialize, Serialize};

/// Whether the measurement is to be believed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Validity {
    /// No rule was broken.
    pub valid: bool,
    /// The rules that were broken.
    pub reasons: Vec<Reason>,
}

impl Validity {
    /// What is wrong, in words, without the cures.
    #[must_use]
    pub fn what_is_wrong(&self) -> String {
        let figures: Vec<&str> = self.reasons.iter().map(|reason| reason.figure.as_str()).collect();
        figures.join("; ")
    }
}

/// A broken validity rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// Its name, such as `schedule-lag`.
    pub rule: String,
    /// The figure, in words.
    pub figure: String,
    /// What to do about it.
    pub cure: String,
}

/// A threshold and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ThresholdResult {
    /// Metric path, such as `latency.due.p99`.
    pub metric: String,
    /// Expression, such as `< 50ms`.
    pub expr: String,
    /// Measured value; `None`: no samples, or it falls among the lost. With `over_s`, that of the worst window.
    pub value: Option<f64>,
    /// Whether it held. One that was skipped did not fail the run either: see `skipped`.
    pub pass: bool,
    /// What the value was compared with, in the metric's unit; `None`: not known, or an older version wrote this.
    #[serde(default)]
    pub limit: Option<f64>,
    /// The same figure of the baseline, where the expression names it.
    #[serde(default)]
    pub baseline: Option<f64>,
    /// Not judged, for the reason in `why`.
    #[serde(default)]
    pub skipped: bool,
    /// Why it was not judged, or what a required baseline lacks.
    #[serde(default)]
    pub why: Option<String>,
    /// Seconds of the windows in each of which it must hold; `None`: the whole run, or phase, at once.
    #[serde(default)]
    pub over_s: Option<u32>,
    /// The first window that broke it (with `abort` and without windows: all from 0 s until then).
    #[serde(default)]
    pub broken: Option<BrokenWindow>,
}

impl ThresholdResult {
    /// Metric and expression, and never a value: `latency.due.p99 < 80ms in every 10 s`.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { metric, expr, .. } = self;
        match self.over_s {
            Some(seconds) => format!("{metric} {expr} in every {seconds} s"),
            None => format!("{metric} {expr}"),
        }
    }
}

/// A window in which a threshold did not hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BrokenWindow {
    /// Its begin, seconds from the start of the first phase.
    pub from_s: f64,
    /// Its end.
    pub to_s: f64,
    /// The figure in it; `None`: nothing arrived though something was published.
    pub value: Option<f64>,
}

/// The earlier run that thresholds were compared with. One run against one is a tripwire, not a verdict.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ComparedWith {
    /// Where it is, as it was named.
    pub path: String,
    /// RFC 3339 UTC, when it began.
    pub started: String,
    /// Its git revision, where known.
    pub git: Option<String>,
    /// Why it could not be used; `None`: it was.
    pub unused: Option<String>,
}
