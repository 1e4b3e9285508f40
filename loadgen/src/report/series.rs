//! Several runs of the same scenario: what each came to, and medians with their spread.

use std::fmt::Write as _;

use super::markdown::{escaped, table};
use super::summary::short;
use super::text::sentences::{self, plural};
use super::text::thresholds;
use super::verdict::{Verdict, exit_code, exit_code_of_all};
use crate::analyse::median;
use crate::compare::{Figure, shown};
use crate::result::{Run, ThresholdResult};

/// Runs of one scenario, in the order in which they were made.
#[derive(Debug, Clone, Default)]
pub struct Series {
    name: String,
    runs: Vec<(String, Run)>,
}

/// A figure over the valid runs. Infinite: a percentile that falls among the lost, later than everything.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    path: String,
    median: f64,
    least: f64,
    most: f64,
}

impl Series {
    /// An empty one.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), runs: Vec::new() }
    }

    /// Adds a run under the name of its folder.
    pub fn push(&mut self, folder: &str, run: Run) {
        self.runs.push((folder.to_owned(), run));
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    fn valid(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().map(|(_, run)| run).filter(|run| run.validity.valid && !run.interrupted)
    }

    /// `3 passed, 1 failed, 1 invalid`.
    fn outcomes(&self) -> String {
        let all = [Verdict::Passed, Verdict::Failed, Verdict::Invalid, Verdict::Interrupted];
        let counted =
            all.map(|verdict| (verdict, self.runs.iter().filter(|(_, run)| Verdict::of(run) == verdict).count()));
        let said =
            counted.iter().filter(|(_, n)| *n > 0).map(|(verdict, n)| format!("{n} {}", verdict.word().to_lowercase()));
        said.collect::<Vec<_>>().join(", ")
    }

    /// The figures that comparisons look at, and those of the thresholds.
    fn rows(&self) -> Vec<Row> {
        let documents: Vec<serde_json::Value> = self.valid().filter_map(|run| serde_json::to_value(run).ok()).collect();
        let named = self.runs.iter().flat_map(|(_, run)| run.thresholds.iter().map(|t| t.metric.as_str()));
        let row = |figure: Figure| {
            let mut values: Vec<f64> = documents.iter().map(|run| figure.of(run).unwrap_or(f64::INFINITY)).collect();
            values.sort_by(f64::total_cmp);
            let (least, most) = (*values.first()?, *values.last()?);
            least.is_finite().then(|| Row { median: median(&values), least, most, path: figure.path })
        };
        Figure::compared(named).into_iter().filter_map(row).collect()
    }

    /// For the terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{}: {} runs, {}\n", self.name, self.len(), self.outcomes());
        let rows: Vec<[String; 5]> =
            std::iter::once(HEADS.map(str::to_owned)).chain(self.rows().iter().map(Row::cells)).collect();
        let widths = [0, 1, 2, 3, 4].map(|i| rows.iter().map(|row| row[i].chars().count()).max().unwrap_or(0));
        for row in rows {
            let [name, median, least, most, spread] = &row;
            let line = format!(
                "  {name:<0$}  {median:>1$}  {least:>2$}  {most:>3$}  {spread:>4$}",
                widths[0], widths[1], widths[2], widths[3], widths[4]
            );
            // Writing into a String cannot fail.
            let _ = writeln!(out, "{}", line.trim_end());
        }
        out
    }

    /// For a job summary, and `summary.md` in the folder of all runs.
    #[must_use]
    pub fn markdown(&self) -> String {
        let verdict = if exit_code_of_all(&self.codes()) == 0 { "PASSED" } else { "NOT ALL PASSED" };
        let mut out = format!("## {verdict}: {}, {} runs\n\n{}", escaped(&self.name), self.len(), self.outcomes());
        if let Some((_, first)) = self.runs.first() {
            out += &format!("; the first of them: {}", escaped(&sentences::load(first)));
        }
        out += "\n\n";
        self.objectives(&mut out);
        // Writing into a String cannot fail.
        let _ = writeln!(out, "\nOver {}:\n", plural(self.valid().count() as u64, "valid run"));
        table(&mut out, &HEADS, self.rows().iter().map(|row| row.cells().map(|cell| escaped(&cell)).to_vec()));
        out += "\n<details><summary>Each run</summary>\n\n";
        let each = self.runs.iter().map(|(folder, run)| {
            let broken: Vec<String> = run.thresholds.iter().filter(|t| !t.pass).map(|t| t.name()).collect();
            let why = if run.validity.valid { broken.join("; ") } else { rules(run) };
            vec![escaped(folder), Verdict::of(run).word().to_owned(), escaped(&short(&why))]
        });
        table(&mut out, &["run", "", "why"], each.take(ROWS));
        if self.len() > ROWS {
            let _ = writeln!(out, "\nand {} more", self.len() - ROWS);
        }
        out += "\n</details>\n";
        out
    }

    /// Every threshold, in how many of the valid runs it held, and what it was in each.
    fn objectives(&self, out: &mut String) {
        let Some(first) = self.valid().next().filter(|run| !run.thresholds.is_empty()) else { return };
        let valid = self.valid().count();
        let row = |(i, threshold): (usize, &ThresholdResult)| {
            let of_each: Vec<(&Run, &ThresholdResult)> =
                self.valid().filter_map(|run| Some((run, run.thresholds.get(i)?))).collect();
            let judged = of_each.iter().filter(|(_, t)| !t.skipped).count();
            let held = of_each.iter().filter(|(_, t)| t.pass && !t.skipped).count();
            let word = match (judged, held) {
                (0, _) => "skipped".to_owned(),
                (judged, held) if judged == held => format!("held in {held} of {valid}"),
                (_, held) => format!("**FAILED**, held in {held} of {valid}"),
            };
            let mut values: Vec<String> = of_each.iter().take(VALUES).map(|(run, t)| was(run, t)).collect();
            values.dedup();
            let more = if of_each.len() > VALUES { ", ..." } else { "" };
            vec![word, escaped(&short(&threshold.name())), escaped(&(values.join(", ") + more))]
        };
        table(out, &["", "threshold", "was, run by run"], first.thresholds.iter().enumerate().take(ROWS).map(row));
    }

    fn codes(&self) -> Vec<u8> {
        self.runs.iter().map(|(_, run)| exit_code(run)).collect()
    }
}

const HEADS: [&str; 5] = ["figure", "median", "least", "most", "spread"];
/// Values of a threshold beyond so many are in the runs.
const VALUES: usize = 5;
/// Thresholds, and runs, beyond so many are not listed.
const ROWS: usize = 100;

/// What a threshold's figure was, or why there is none.
fn was(run: &Run, threshold: &ThresholdResult) -> String {
    short(&threshold.why.clone().unwrap_or_else(|| thresholds::value(run, threshold)))
}

fn rules(run: &Run) -> String {
    run.validity.reasons.iter().map(|reason| reason.rule.as_str()).collect::<Vec<_>>().join(", ")
}

impl Row {
    fn cells(&self) -> [String; 5] {
        let show = |value: f64| if value.is_finite() { shown(&self.path, value) } else { "never".to_owned() };
        let spread = (self.most - self.least) / self.median.abs();
        let spread = if spread.is_finite() { format!("{:.0} %", spread * 100.0) } else { String::new() };
        [self.path.clone(), show(self.median), show(self.least), show(self.most), spread]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn series() -> Series {
        let mut series = Series::new("chat-peak");
        for (i, us) in [900.0, 800.0, 1000.0].into_iter().enumerate() {
            let mut run = sample::good();
            if let Some(due) = &mut run.latency.due {
                due.p50 = Some(us);
            }
            series.push(&format!("0{}", i + 1), run);
        }
        series
    }

    #[test]
    fn medians_and_spread_of_the_valid_runs_are_shown() {
        let mut series = series();
        series.push("04", sample::invalid());
        let text = series.text();
        assert!(text.starts_with("chat-peak: 4 runs, 3 passed, 1 invalid\n  figure "), "{text}");
        let row = text.lines().find(|line| line.contains("latency.due.p50")).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells, ["latency.due.p50", "0.9", "ms", "0.8", "ms", "1", "ms", "22", "%"]);
    }

    #[test]
    fn a_percentile_among_the_lost_is_later_than_all_others() {
        let mut series = series();
        series.push("04", sample::lost());
        let text = series.text();
        let row = text.lines().find(|line| line.contains("latency.due.p99 ")).unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(cells, ["latency.due.p99", "12", "ms", "12", "ms", "never"], "{text}");
    }

    #[test]
    fn many_runs_of_many_thresholds_stay_small() {
        let mut series = Series::new("chat-peak");
        let mut run = sample::failed();
        run.thresholds = vec![run.thresholds[0].clone(); 500];
        (0..1000).for_each(|i| series.push(&format!("{i:04}"), run.clone()));
        let text = series.markdown();
        assert!(text.len() < super::super::summary::LIMIT, "{}", text.len());
        assert!(text.contains("\nand 900 more\n"));
    }

    #[test]
    fn each_run_is_listed_with_what_it_broke() {
        let mut series = series();
        series.push("04", sample::failed());
        let text = series.markdown();
        let opening = "## NOT ALL PASSED: chat-peak, 4 runs\n\n3 passed, 1 failed; the first of them: 5,000 subscribers in 50 rooms;";
        assert!(text.starts_with(opening), "{text}");
        assert!(text.contains("| held in 4 of 4 | deliveries.lost == 0 | 0 |"), "{text}");
        assert!(text.contains("| **FAILED**, held in 3 of 4 | latency.due.p99 &lt; 50ms | 12 ms |"), "{text}");
        assert!(text.contains("\nOver 4 valid runs:\n\n| figure | median |"), "{text}");
        assert!(text.contains("| 04 | FAILED | latency.due.p99 &lt; 10ms |"), "{text}");
    }
}
