//! Objectives of a run: expressions such as `< 50ms` on metrics of [`Run`](crate::result::Run), and what came of them.

mod metric;

pub use metric::{Metric, MetricError, known_metrics, unit_of};

use serde_json::Value;

use crate::result::ThresholdResult;
use crate::units;

/// One objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// Path of a figure in `run.json`, such as `latency.due.p99`.
    pub metric: String,
    /// How the figure is compared.
    pub op: Op,
    /// With what, in the metric's own unit (microseconds for times, 0.05 for 5 %).
    pub value: f64,
    /// The expression as it was written.
    pub text: String,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>=`
    AtLeast,
    /// `>`
    Greater,
}

impl Op {
    /// Every operator by its sign, the longer ones first.
    const SIGNS: [(&'static str, Self); 6] = [
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    /// The operator that an expression begins with, and what follows it.
    pub fn split(text: &str) -> Option<(Self, &str)> {
        let text = text.trim();
        Self::SIGNS.iter().find_map(|(sign, op)| text.strip_prefix(sign).map(|rest| (*op, rest.trim())))
    }

    /// Whether a figure stands in this relation to a value.
    pub fn holds(self, figure: f64, value: f64) -> bool {
        match self {
            Self::Less => figure < value,
            Self::AtMost => figure <= value,
            Self::Equal => figure == value,
            Self::NotEqual => figure != value,
            Self::AtLeast => figure >= value,
            Self::Greater => figure > value,
        }
    }
}

/// An expression that cannot be read, and what it should look like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// No operator in front.
    #[error("`{0}` does not begin with a comparison: write <, <=, ==, !=, >= or > and a value, such as \"< 50ms\"")]
    Operator(String),
    /// Comparing with another run.
    #[error("`{0}`: comparing with a baseline is not built yet in this version; write a value")]
    Baseline(String),
    /// Not a number.
    #[error("`{text}`: `{value}` is not a value of {metric}, which {unit}")]
    Value {
        /// The expression.
        text: String,
        /// The part after the operator.
        value: String,
        /// The metric.
        metric: String,
        /// What values of the metric look like.
        unit: &'static str,
    },
}

/// What values of a metric are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A time, microseconds in results; the expression names its unit.
    Time,
    /// A share, 0 to 1 in results; `5%` or `0.05`.
    Share,
    /// Bytes; `64KiB` or a number.
    Bytes,
    /// A plain number in the metric's own unit.
    Number,
}

impl Unit {
    fn example(self) -> &'static str {
        match self {
            Self::Time => "is a time with its unit, such as \"50ms\"",
            Self::Share => "is a share, such as \"5%\" or 0.05",
            Self::Bytes => "is a size, such as \"64KiB\" or 65536",
            Self::Number => "is a plain number",
        }
    }

    fn read(self, text: &str) -> Option<f64> {
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        match self {
            // 0 is the same time in every unit.
            Self::Time if number(text) == Some(0.0) => Some(0.0),
            Self::Time => units::duration(text).ok().map(|d| d.as_nanos() as f64 / 1000.0),
            Self::Share => match text.strip_suffix('%') {
                Some(percent) => number(percent).map(|p| p / 100.0),
                None => number(text),
            },
            Self::Bytes => number(text).or_else(|| units::size(text).ok().map(|n| n as f64)),
            Self::Number => number(text),
        }
    }
}

impl Threshold {
    /// Reads an expression on a metric that exists.
    ///
    /// # Errors
    /// No operator, a baseline (not built yet), or a value that is not in the metric's unit.
    pub fn parse(metric: &Metric, text: &str) -> Result<Self, ExpressionError> {
        let trimmed = text.trim();
        let (op, rest) = Op::split(text).ok_or_else(|| ExpressionError::Operator(text.to_owned()))?;
        if rest.contains("baseline") {
            return Err(ExpressionError::Baseline(text.to_owned()));
        }
        let value = metric.unit.read(rest).ok_or_else(|| ExpressionError::Value {
            text: text.to_owned(),
            value: rest.to_owned(),
            metric: metric.path.clone(),
            unit: metric.unit.example(),
        })?;
        Ok(Self { metric: metric.path.clone(), op, value, text: trimmed.to_owned() })
    }
}

/// Compares each objective with a finished run, given as the JSON of `run.json`. A figure that the run has not (no
/// samples, or a percentile that falls among the lost) fails its objective.
pub fn evaluate(thresholds: &[Threshold], run: &Value) -> Vec<ThresholdResult> {
    thresholds
        .iter()
        .map(|threshold| {
            let value = threshold.metric.split('.').try_fold(run, |at, key| at.get(key)).and_then(Value::as_f64);
            ThresholdResult {
                metric: threshold.metric.clone(),
                expr: threshold.text.clone(),
                value,
                pass: value.is_some_and(|figure| threshold.op.holds(figure, threshold.value)),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn threshold(metric: &str, text: &str) -> Result<Threshold, ExpressionError> {
        Threshold::parse(&Metric::find(metric, &["phones"], &["goal"]).unwrap(), text)
    }

    fn value(metric: &str, text: &str) -> f64 {
        threshold(metric, text).unwrap().value
    }

    #[test]
    fn values_are_read_in_the_metrics_unit() {
        assert_eq!(value("latency.due.p99", "< 50ms"), 50_000.0);
        assert_eq!(value("latency.due.p99", "<1.5s"), 1_500_000.0);
        assert_eq!(value("latency.due.p50", "< 0.5us"), 0.5);
        assert_eq!(value("latency.due.max", "> 0"), 0.0);
        assert_eq!(value("deliveries.lost_share", "<= 5%"), 0.05);
        assert_eq!(value("deliveries.lost_share", "<= 0.05"), 0.05);
        assert_eq!(value("deliveries.lost", "== 0"), 0.0);
        assert_eq!(value("rates.deliveries_per_s", ">= 1000"), 1000.0);
        assert_eq!(value("server.rss_bytes", "< 64MiB"), 67_108_864.0);
        assert_eq!(value("server.cpu_us_per_delivery", "< 4"), 4.0);
        assert_eq!(value("phases.goal.latency.due.p99", "< 1ms"), 1000.0);
        assert_eq!(value("groups.phones.deliveries.lost", "== 0"), 0.0);
    }

    #[test]
    fn every_operator_compares_as_it_reads() {
        for (text, below, equal, above) in [
            ("< 5", true, false, false),
            ("<= 5", true, true, false),
            ("== 5", false, true, false),
            ("!= 5", true, false, true),
            (">= 5", false, true, true),
            ("> 5", false, false, true),
        ] {
            let t = threshold("deliveries.lost", text).unwrap();
            let held = [4.0, 5.0, 6.0].map(|figure| t.op.holds(figure, t.value));
            assert_eq!(held, [below, equal, above], "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_expression_is_said() {
        let said = |metric, text| threshold(metric, text).unwrap_err().to_string();
        assert_eq!(
            said("latency.due.p99", "50ms"),
            "`50ms` does not begin with a comparison: write <, <=, ==, !=, >= or > and a value, such as \"< 50ms\""
        );
        assert_eq!(
            said("latency.due.p99", "< 50"),
            "`< 50`: `50` is not a value of latency.due.p99, which is a time with its unit, such as \"50ms\""
        );
        assert_eq!(
            said("deliveries.lost", "< 5ms"),
            "`< 5ms`: `5ms` is not a value of deliveries.lost, which is a plain number"
        );
        assert_eq!(
            said("latency.due.p99", "< 1.5 x baseline"),
            "`< 1.5 x baseline`: comparing with a baseline is not built yet in this version; write a value"
        );
        assert!(said("deliveries.lost", "== ").contains("`` is not a value"));
        assert!(said("deliveries.lost", "< nan").contains("`nan` is not a value"));
    }

    #[test]
    fn a_figure_that_the_run_has_not_fails() {
        let all = [
            threshold("latency.due.p99", "< 50ms").unwrap(),
            threshold("deliveries.lost", "== 0").unwrap(),
            threshold("server.cpu_us_per_delivery", "< 4").unwrap(),
        ];
        let run = json!({ "latency": { "due": { "p99": null } }, "deliveries": { "lost": 0 }, "server": null });
        let results = evaluate(&all, &run);
        assert_eq!(results.iter().map(|r| r.pass).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(results[1].value, Some(0.0));
        assert_eq!(results[0].value, None);
        assert_eq!(results[0].expr, "< 50ms");
    }
}
