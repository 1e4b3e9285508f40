//! What is expected of b: `server.cpu_us_per_delivery <= 1.05 x a`, or of b alone, `latency.due.p99 < 50ms`.

use serde::Serialize;

use super::figures::shown;
use crate::analyse::Interval;
use crate::report::numbers::significant;
use crate::thresholds::{Metric, Op, read_value};

/// Something that must hold of arm b.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// A figure of `run.json`.
    pub metric: String,
    /// How it is compared.
    pub op: Op,
    /// With what.
    pub bound: Bound,
    /// As it was written.
    pub text: String,
}

/// What a figure of b is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// So many times that of a.
    TimesA(f64),
    /// This value, in the metric's own unit.
    Value(f64),
}

/// An expectation that cannot be read, and what it should look like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpectationError {
    /// No comparison.
    #[error("`{0}` is not an expectation: write METRIC <= 1.05 x a, or of b alone METRIC < 50ms")]
    Form(String),
    /// Not equal: hardly ever untrue of two medians.
    #[error("`{0}`: != says nothing of two measurements; write <, <=, ==, >= or >")]
    NotEqual(String),
    /// Not a factor.
    #[error("`{text}`: `{factor}` is not a factor: write a number above zero, such as 1.05 x a")]
    Factor {
        /// The expectation.
        text: String,
        /// What stands where the factor should.
        factor: String,
    },
    /// The metric or the value, as thresholds say it.
    #[error("{0}")]
    Threshold(String),
}

impl Expectation {
    /// Reads an expectation; `find` knows the metrics of the runs.
    ///
    /// # Errors
    /// A form, a metric, a factor or a value that makes no sense.
    pub fn parse(text: &str, find: impl Fn(&str) -> Result<Metric, String>) -> Result<Self, ExpectationError> {
        let form = || ExpectationError::Form(text.to_owned());
        let at = text.find(['<', '>', '=', '!']).ok_or_else(form)?;
        let (path, rest) = (text[..at].trim(), &text[at..]);
        let (op, value) = Op::split(rest).ok_or_else(form)?;
        if path.is_empty() || value.is_empty() {
            return Err(form());
        }
        let metric = find(path).map_err(ExpectationError::Threshold)?;
        if op == Op::NotEqual {
            return Err(ExpectationError::NotEqual(text.to_owned()));
        }
        let bound =
            match value.strip_suffix('a').map(str::trim_end).and_then(|rest| rest.strip_suffix(['x', '\u{d7}'])) {
                Some(factor) => Bound::TimesA(read_factor(factor.trim()).ok_or_else(|| ExpectationError::Factor {
                    text: text.to_owned(),
                    factor: factor.trim().to_owned(),
                })?),
                None if value == "a" => Bound::TimesA(1.0),
                None => {
                    let value = read_value(&metric, rest, value);
                    Bound::Value(value.map_err(|e| ExpectationError::Threshold(e.to_string()))?)
                }
            };
        Ok(Self { metric: metric.path, op, bound, text: text.trim().to_owned() })
    }
}

fn read_factor(text: &str) -> Option<f64> {
    text.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor > 0.0)
}

/// Whether an expectation held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// It did.
    Held,
    /// It did not, or the runs have no such value.
    Broken,
}

/// An expectation and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// As it was written.
    pub expectation: String,
    /// A figure of `run.json`.
    pub metric: String,
    /// b / a where it is about a factor, otherwise the median of b; `None`: there is no such value.
    pub value: Option<f64>,
    /// Its 95 % interval, where there is one.
    pub interval: Option<Interval>,
    /// Whether it held.
    pub standing: Standing,
    /// What it was, in words, and how sure that is.
    pub said: String,
}

/// What the runs say of a metric, for its expectations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Median of a; infinite where more than half of its runs have no value; not a number without runs.
    pub a: f64,
    /// The same of b.
    pub b: f64,
    /// Median ratio b / a with its interval, where the metric was compared.
    pub ratio: Option<(f64, Interval)>,
    /// Interval of the median of b.
    pub b_interval: Interval,
}

impl Outcome {
    /// Decides an expectation on the medians.
    #[must_use]
    pub fn of(expectation: &Expectation, evidence: &Evidence) -> Self {
        let metric = &expectation.metric;
        let (value, interval, bound, known) = match (expectation.bound, evidence.ratio) {
            (Bound::TimesA(factor), Some((ratio, interval))) => (ratio, Some(interval), factor, true),
            // Without a ratio (a is zero, or it is the same in every run) the medians themselves are compared.
            (Bound::TimesA(factor), None) => (evidence.b, None, factor * evidence.a, evidence.a.is_finite()),
            (Bound::Value(value), _) => (evidence.b, Some(evidence.b_interval), value, true),
        };
        let known = known && value.is_finite();
        let held = known && expectation.op.holds(value, bound);
        let said = match (known, expectation.bound, evidence.ratio) {
            (false, ..) => "the runs have no such value".to_owned(),
            (true, Bound::TimesA(_), Some(_)) => format!("it was {} x a", significant(value, 3)),
            (true, Bound::TimesA(_), None) => {
                format!("it was {} where a has {}", shown(metric, evidence.b), shown(metric, evidence.a))
            }
            (true, Bound::Value(_), _) => format!("it was {}", shown(metric, value)),
        };
        let interval = interval.filter(|interval| known && interval.low.is_finite() && interval.high.is_finite());
        // Held or broken by luck: other runs of the same could decide otherwise.
        let open = interval.is_some_and(|i| {
            let ends = [i.low, value, i.high].map(|end| expectation.op.holds(end, bound));
            expectation.op != Op::Equal && ends.contains(&!held)
        });
        let said =
            if open { format!("{said}, but the 95 % interval reaches across the bound: not settled") } else { said };
        Self {
            expectation: expectation.text.clone(),
            metric: metric.clone(),
            value: known.then_some(value),
            interval,
            standing: if held { Standing::Held } else { Standing::Broken },
            said,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Expectation, String> {
        Expectation::parse(text, |path| Metric::find(path, &[], &["steady"]).map_err(|e| e.to_string()))
            .map_err(|e| e.to_string())
    }

    fn evidence(a: f64, b: f64, low: f64, high: f64) -> Evidence {
        let interval = Interval { low, high };
        let ratio = (a > 0.0 && a.is_finite() && b.is_finite()).then_some((b / a, interval));
        Evidence { a, b, ratio, b_interval: Interval { low: low * a, high: high * a } }
    }

    fn decided(text: &str, evidence: Evidence) -> (Standing, String) {
        let outcome = Outcome::of(&parse(text).unwrap(), &evidence);
        (outcome.standing, outcome.said)
    }

    #[test]
    fn a_bound_is_a_factor_of_a_or_a_value() {
        let bound = |text| parse(text).unwrap().bound;
        assert_eq!(bound("server.cpu_us_per_delivery <= 1.05 x a"), Bound::TimesA(1.05));
        assert_eq!(bound("server.cpu_us_per_delivery<=1.05xa"), Bound::TimesA(1.05));
        assert_eq!(bound("latency.due.p99 < a"), Bound::TimesA(1.0));
        assert_eq!(bound("latency.due.p99 < 50ms"), Bound::Value(50_000.0));
        assert_eq!(bound("phases.steady.deliveries.lost == 0"), Bound::Value(0.0));
        assert_eq!(parse("deliveries.lost_share >= 5%").unwrap().op, Op::AtLeast);
    }

    #[test]
    fn what_is_no_expectation_is_refused_with_what_would_be() {
        let said = |text| parse(text).unwrap_err();
        let form = "is not an expectation: write METRIC <= 1.05 x a, or of b alone METRIC < 50ms";
        assert_eq!(said("latency.due.p99"), format!("`latency.due.p99` {form}"));
        assert_eq!(said("< 1.05 x a"), format!("`< 1.05 x a` {form}"));
        assert_eq!(said("latency.due.p99 <"), format!("`latency.due.p99 <` {form}"));
        assert_eq!(
            said("latency.due.p98 < 1 x a"),
            "unknown metric `latency.due.p98`; did you mean `latency.due.p99`?"
        );
        assert_eq!(
            said("latency.due.p99 < -1 x a"),
            "`latency.due.p99 < -1 x a`: `-1` is not a factor: write a number above zero, such as 1.05 x a"
        );
        assert_eq!(
            said("latency.due.p99 != 1 x a"),
            "`latency.due.p99 != 1 x a`: != says nothing of two measurements; write <, <=, ==, >= or >"
        );
        assert!(said("latency.due.p99 < 50").contains("is a time with its unit"));
        assert!(said("latency.due.p99 < 1.5 x b").contains("is not a value of latency.due.p99"));
    }

    #[test]
    fn the_median_ratio_decides() {
        let text = "server.cpu_us_per_delivery <= 1.05 x a";
        assert_eq!(decided(text, evidence(2.0, 2.06, 1.02, 1.04)), (Standing::Held, "it was 1.03 x a".to_owned()));
        assert_eq!(decided(text, evidence(2.0, 2.2, 1.08, 1.12)), (Standing::Broken, "it was 1.1 x a".to_owned()));
    }

    #[test]
    fn an_interval_across_the_bound_is_told() {
        let (standing, said) = decided("server.cpu_us_per_delivery <= 1.05 x a", evidence(2.0, 2.06, 0.99, 1.07));
        assert_eq!(standing, Standing::Held);
        assert_eq!(said, "it was 1.03 x a, but the 95 % interval reaches across the bound: not settled");
    }

    #[test]
    fn where_a_has_none_the_medians_decide() {
        let text = "deliveries.lost <= 1 x a";
        assert_eq!(decided(text, evidence(0.0, 0.0, 0.0, 0.0)).0, Standing::Held);
        assert_eq!(
            decided(text, evidence(0.0, 7.0, 0.0, 0.0)),
            (Standing::Broken, "it was 7 where a has 0".to_owned())
        );
    }

    #[test]
    fn what_no_run_has_is_broken() {
        let none = evidence(f64::NAN, f64::NAN, f64::NAN, f64::NAN);
        assert_eq!(
            decided("latency.due.p99 < 1 x a", none),
            (Standing::Broken, "the runs have no such value".to_owned())
        );
        let lost = evidence(100.0, f64::INFINITY, 1.0, 1.0);
        assert_eq!(decided("latency.due.p99 < 50ms", lost).0, Standing::Broken);
    }
}
