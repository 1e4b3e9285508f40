//! `< 50ms`, `<= 5%`, `< 1.5 x baseline`: what a figure is compared with, and how.

use super::metric::Metric;
use crate::units;

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

    /// As it is written.
    pub fn sign(self) -> &'static str {
        Self::SIGNS.iter().find(|(_, op)| *op == self).map_or("", |(sign, _)| sign)
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

    /// Whether it bounds a figure from above.
    fn is_upper(self) -> bool {
        matches!(self, Self::Less | Self::AtMost)
    }

    /// Of two figures the one that is less likely to hold against `value`: the larger one for `<`, the smaller one for `>`, the one
    /// further away for `==`, the nearer one for `!=`.
    pub fn worse(self, a: f64, b: f64, value: f64) -> f64 {
        let away = |figure: f64| (figure - value).abs();
        let keep_a = match self {
            Self::Less | Self::AtMost => a >= b,
            Self::AtLeast | Self::Greater => a <= b,
            Self::Equal => away(a) >= away(b),
            Self::NotEqual => away(a) <= away(b),
        };
        if keep_a { a } else { b }
    }
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

/// What a figure is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// This value, in the metric's own unit (microseconds for times, 0.05 for 5 %).
    Value(f64),
    /// So many times the same figure of the baseline.
    TimesBaseline(f64),
}

/// Two single runs of the same differ in their tails by less than this factor almost always, and by less than smaller ones often not.
const LEAST_FACTOR_OF_A_TAIL: f64 = 1.5;

/// An expression that cannot be read, and what it should look like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// No operator in front.
    #[error("`{0}` does not begin with a comparison: write <, <=, ==, !=, >= or > and a value, such as \"< 50ms\"")]
    Operator(String),
    /// Not a factor of the baseline.
    #[error("`{0}`: a baseline is compared with as \"< 1.5 x baseline\" or \"<= baseline\"")]
    Baseline(String),
    /// Closer to the baseline than two runs of the same are to each other.
    #[error(
        "`{text}`: {metric} of two single runs differs by more than that by chance: allow at least 1.5 x baseline, or compare ten runs of \
         each with `fanout ab`"
    )]
    Narrow {
        /// The expression.
        text: String,
        /// The metric.
        metric: String,
    },
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

/// Reads an expression on a metric that exists.
///
/// # Errors
/// No operator, a value that is not in the metric's unit, or a baseline's factor that makes no sense.
pub fn read(metric: &Metric, text: &str) -> Result<(Op, Bound), ExpressionError> {
    let (op, rest) = Op::split(text).ok_or_else(|| ExpressionError::Operator(text.to_owned()))?;
    if !rest.contains("baseline") {
        return read_value(metric, text, rest).map(|value| (op, Bound::Value(value)));
    }
    let wrong = || ExpressionError::Baseline(text.to_owned());
    let before = rest.strip_suffix("baseline").ok_or_else(wrong)?.trim_end();
    let factor = match before.strip_suffix(['x', '\u{d7}']) {
        Some(factor) => factor.trim().parse().ok().filter(|factor: &f64| factor.is_finite() && *factor > 0.0),
        None => before.is_empty().then_some(1.0),
    }
    .ok_or_else(wrong)?;
    if matches!(op, Op::Equal | Op::NotEqual) && metric.unit == Unit::Time {
        return Err(wrong());
    }
    if op.is_upper() && is_tail(metric) && factor < LEAST_FACTOR_OF_A_TAIL {
        return Err(ExpressionError::Narrow { text: text.to_owned(), metric: metric.path.clone() });
    }
    Ok((op, Bound::TimesBaseline(factor)))
}

/// Reads what stands after the operator.
///
/// # Errors
/// A value that is not in the metric's unit.
pub fn read_value(metric: &Metric, text: &str, value: &str) -> Result<f64, ExpressionError> {
    metric.unit.read(value).ok_or_else(|| ExpressionError::Value {
        text: text.to_owned(),
        value: value.to_owned(),
        metric: metric.path.clone(),
        unit: metric.unit.example(),
    })
}

/// Percentiles that a few samples decide.
fn is_tail(metric: &Metric) -> bool {
    let leaf = metric.path.rsplit('.').next().unwrap_or("");
    metric.unit == Unit::Time && ["p90", "p95", "p99", "p999", "p9999", "max"].contains(&leaf)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expression(metric: &str, text: &str) -> Result<(Op, Bound), ExpressionError> {
        read(&Metric::find(metric, &["phones"], &["goal"]).unwrap(), text)
    }

    fn value(metric: &str, text: &str) -> f64 {
        match expression(metric, text).unwrap().1 {
            Bound::Value(value) => value,
            Bound::TimesBaseline(_) => panic!("{text}"),
        }
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
    fn a_baseline_has_a_factor_or_none() {
        let bound = |metric, text| expression(metric, text).unwrap();
        assert_eq!(bound("latency.due.p99", "< 1.5 x baseline"), (Op::Less, Bound::TimesBaseline(1.5)));
        assert_eq!(bound("latency.due.p50", "<1.2xbaseline"), (Op::Less, Bound::TimesBaseline(1.2)));
        assert_eq!(bound("deliveries.lost", "<= baseline"), (Op::AtMost, Bound::TimesBaseline(1.0)));
        assert_eq!(bound("rates.deliveries_per_s", ">= 0.9 x baseline"), (Op::AtLeast, Bound::TimesBaseline(0.9)));
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
            let (op, bound) = expression("deliveries.lost", text).unwrap();
            assert_eq!(bound, Bound::Value(5.0));
            assert_eq!([4.0, 5.0, 6.0].map(|figure| op.holds(figure, 5.0)), [below, equal, above], "{text}");
            assert!(text.starts_with(op.sign()));
        }
    }

    #[test]
    fn the_worse_of_two_figures_is_the_one_that_holds_less() {
        assert_eq!(Op::Less.worse(3.0, 4.0, 5.0), 4.0);
        assert_eq!(Op::AtLeast.worse(3.0, 4.0, 5.0), 3.0);
        assert_eq!(Op::Equal.worse(5.0, 7.0, 5.0), 7.0);
        assert_eq!(Op::NotEqual.worse(5.0, 7.0, 5.0), 5.0);
    }

    #[test]
    fn what_is_wrong_with_an_expression_is_said() {
        let said = |metric, text| expression(metric, text).unwrap_err().to_string();
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
        assert!(said("deliveries.lost", "== ").contains("`` is not a value"));
        assert!(said("deliveries.lost", "< nan").contains("`nan` is not a value"));
    }

    #[test]
    fn a_baseline_that_cannot_be_compared_with_is_refused() {
        let said = |metric, text| expression(metric, text).unwrap_err().to_string();
        let form = "a baseline is compared with as \"< 1.5 x baseline\" or \"<= baseline\"";
        for text in ["< baseline x 1.5", "< 1.5 baseline", "< 0 x baseline", "< -1 x baseline", "== baseline"] {
            assert_eq!(said("latency.due.p50", text), format!("`{text}`: {form}"));
        }
        assert_eq!(
            said("latency.due.p99", "< 1.1 x baseline"),
            "`< 1.1 x baseline`: latency.due.p99 of two single runs differs by more than that by chance: allow at least 1.5 x baseline, or \
             compare ten runs of each with `fanout ab`"
        );
        assert!(said("phases.goal.latency.due.max", "<= baseline").contains("at least 1.5 x baseline"));
    }
}
