//! What a benchmark found, as a table or as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::Setting;
use crate::pairs::Comparison;

/// What must hold.
#[derive(Clone, Copy)]
pub enum Goal {
    /// The figure (or the ratio, where there is one) must be at least this.
    AtLeast(f64),
    /// It must be at most this.
    AtMost(f64),
}

/// One line of the table.
pub struct Row {
    /// What it is, with its unit.
    pub label: String,
    /// Ours, and beside it the bare loop's and the ratio where there was one.
    pub figure: Figure,
    /// What must hold, if anything.
    pub goal: Option<Goal>,
}

/// A figure of ours alone or of both arms.
pub enum Figure {
    /// A comparison over pairs.
    Ratio(Comparison),
    /// Only ours: the median and the range over the runs.
    Alone {
        /// Median.
        median: f64,
        /// Smallest.
        low: f64,
        /// Largest.
        high: f64,
    },
}

/// The arms of a comparison with a bare loop.
pub const BESIDE_BARE: [&str; 2] = ["fanout", "bare"];

/// What a benchmark found.
pub struct Outcome {
    /// Its name.
    pub name: &'static str,
    /// What its two arms are called; figures without a second arm are of the first or of both, as their labels say.
    pub arms: [&'static str; 2],
    /// Under which conditions, as sentences.
    pub conditions: Vec<String>,
    /// The figures.
    pub rows: Vec<Row>,
}

impl Figure {
    /// A figure of ours over some runs.
    pub fn alone(values: &[f64]) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self::Alone { median: bare_loops::median(values), low, high }
    }
}

impl Row {
    /// A figure without a goal.
    pub fn new(label: impl Into<String>, figure: Figure) -> Self {
        Self { label: label.into(), figure, goal: None }
    }

    /// With a goal for the ratio, or for the figure where there is no ratio.
    pub fn goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// Whether the goal is met, if there is one. A figure that could not be measured meets none.
    pub fn met(&self) -> Option<bool> {
        let value = match self.figure {
            Figure::Ratio(comparison) => comparison.ratio,
            Figure::Alone { median, .. } => median,
        };
        Some(match self.goal? {
            Goal::AtLeast(least) => value >= least,
            Goal::AtMost(most) => value <= most,
        })
    }
}

/// Prints a table for people.
pub fn print_text(outcome: &Outcome) {
    println!("{}", outcome.name);
    for condition in &outcome.conditions {
        println!("  {condition}");
    }
    let [first, second] = outcome.arms;
    println!("  {:<43}{first:>13}{second:>13}   {:<26}", "median", "ratio (95 % interval)");
    for row in &outcome.rows {
        let line = match row.figure {
            Figure::Ratio(Comparison { ours, bare, ratio, interval }) => format!(
                "{:>13}{:>13}   {:<26}",
                number(ours),
                number(bare),
                format!("{ratio:.3} ({:.3} to {:.3})", interval.low, interval.high)
            ),
            Figure::Alone { median, low, high } if low < high => {
                format!("{:>13}{:>13}   {:<26}", number(median), "", format!("({} to {})", number(low), number(high)))
            }
            Figure::Alone { median, .. } => format!("{:>13}{:>13}   {:<26}", number(median), "", ""),
        };
        println!("  {:<43}{}", row.label, format!("{line}{}", verdict(row)).trim_end());
    }
    println!();
}

fn verdict(row: &Row) -> String {
    let goal = match row.goal {
        None => return String::new(),
        Some(Goal::AtLeast(least)) => format!("at least {}", number(least)),
        Some(Goal::AtMost(most)) => format!("at most {}", number(most)),
    };
    format!("  goal {goal}: {}", if row.met() == Some(true) { "met" } else { "MISSED" })
}

/// Prints one JSON object on one line.
pub fn print_json(outcome: &Outcome, setting: &Setting) -> io::Result<()> {
    let machine = &setting.machine;
    let rows: Vec<Value> = outcome.rows.iter().map(|row| row_json(row, outcome.arms)).collect();
    let object = json!({
        "benchmark": outcome.name,
        "machine": { "cores": machine.cores, "cpu": machine.cpu, "kernel": machine.kernel,
                     "server_cpu": machine.server_cpu, "reader_cpu": machine.reader_cpu },
        "conditions": outcome.conditions,
        "figures": rows,
    });
    writeln!(io::stdout().lock(), "{object}")
}

fn row_json(row: &Row, [first, second]: [&str; 2]) -> Value {
    let mut object = match row.figure {
        Figure::Ratio(Comparison { ours, bare, ratio, interval }) => json!({
            "figure": row.label, first: ours, second: bare,
            "ratio": ratio, "ratio_low": interval.low, "ratio_high": interval.high,
        }),
        Figure::Alone { median, low, high } => {
            json!({ "figure": row.label, "median": median, "low": low, "high": high })
        }
    };
    match row.goal {
        Some(Goal::AtLeast(least)) => object["at_least"] = json!(least),
        Some(Goal::AtMost(most)) => object["at_most"] = json!(most),
        None => {}
    }
    if let Some(met) = row.met() {
        object["met"] = json!(met);
    }
    object
}

/// Three or four digits that matter, thousands apart.
fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        "unknown".to_owned()
    } else if size >= 1000.0 {
        grouped(value.round() as i64)
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    format!("{}{}", if value < 0 { "-" } else { "" }, groups.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_grouped() {
        let cases = [(0.953, "0.95"), (12.34, "12.3"), (312.4, "312"), (1_234_567.8, "1,234,568"), (-1000.0, "-1,000")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(number(f64::NAN), "unknown");
    }

    #[test]
    fn a_goal_is_for_the_ratio_where_there_is_one_and_what_is_unknown_meets_none() {
        assert_eq!(Row::new("x", Figure::alone(&[1.0, 2.0, 3.0])).goal(Goal::AtMost(2.0)).met(), Some(true));
        assert_eq!(Row::new("x", Figure::alone(&[1.0])).goal(Goal::AtLeast(2.0)).met(), Some(false));
        assert_eq!(Row::new("x", Figure::alone(&[])).goal(Goal::AtMost(2.0)).met(), Some(false));
        assert_eq!(Row::new("x", Figure::alone(&[1.0])).met(), None);
    }
}
