//! What must hold at a load, and what a run says about it.

use crate::analyse::search::Verdict;
use crate::result::Run;
use crate::thresholds::Threshold;

/// Thresholds that must all hold, under one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// The expression that makes it, such as `latency.due.p99 < 100ms`; without one, all thresholds of the file, with commas between.
    pub name: String,
    /// Everything that must hold.
    pub thresholds: Vec<Threshold>,
}

impl Objective {
    /// The objectives of a search: each `slo` with those thresholds of the file that are about other metrics; without any, the thresholds of
    /// the file together.
    #[must_use]
    pub fn of(file: &[Threshold], slos: &[Threshold]) -> Vec<Self> {
        if slos.is_empty() {
            return vec![Self { name: named(file), thresholds: file.to_vec() }];
        }
        slos.iter()
            .map(|slo| {
                let others = file.iter().filter(|threshold| threshold.metric != slo.metric).cloned();
                let name = format!("{} {}", slo.metric, slo.text);
                Self { name, thresholds: std::iter::once(slo.clone()).chain(others).collect() }
            })
            .collect()
    }

    /// How earlier versions named the thresholds of the file; trials that were made then have it.
    pub const OF_FILE: &str = "the thresholds of the file";

    /// What a run says. Of a run that is not valid nothing is known; connections that the server refused or dropped break every objective.
    #[must_use]
    pub fn judge(&self, run: &Run) -> Verdict {
        let lost_connections = run.connections.refused + run.connections.failed + run.connections.closed > 0;
        let held = |threshold: &Threshold| {
            let mut results = run.thresholds.iter();
            results.any(|result| result.metric == threshold.metric && result.expr == threshold.text && result.pass)
        };
        if !run.validity.valid {
            Verdict::Invalid
        } else if lost_connections || run.ended_early.is_some() || !self.thresholds.iter().all(held) {
            Verdict::Broke
        } else {
            Verdict::Held
        }
    }
}

fn named(thresholds: &[Threshold]) -> String {
    let each = thresholds.iter().map(|threshold| format!("{} {}", threshold.metric, threshold.text));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::ThresholdResult;
    use crate::thresholds::Metric;

    fn threshold(metric: &str, text: &str) -> Threshold {
        Threshold::parse(&Metric::find(metric, &[], &[]).unwrap(), text).unwrap()
    }

    fn run(results: &[(&str, &str, bool)]) -> Run {
        let mut run = Run::default();
        run.validity.valid = true;
        let result = |(metric, expr, pass): &(&str, &str, bool)| ThresholdResult {
            metric: (*metric).to_owned(),
            expr: (*expr).to_owned(),
            pass: *pass,
            ..ThresholdResult::default()
        };
        run.thresholds = results.iter().map(result).collect();
        run
    }

    #[test]
    fn each_slo_stands_in_for_what_the_file_says_of_its_metric() {
        let file = [threshold("latency.due.p99", "< 20ms"), threshold("deliveries.lost", "== 0")];
        let slos = [threshold("latency.due.p99", "< 50ms"), threshold("latency.due.p99", "< 100ms")];
        let objectives = Objective::of(&file, &slos);
        assert_eq!(objectives.len(), 2);
        assert_eq!(objectives[1].name, "latency.due.p99 < 100ms");
        assert_eq!(objectives[1].thresholds, [slos[1].clone(), file[1].clone()]);
        assert_eq!(Objective::of(&file, &[])[0].thresholds, file);
    }

    #[test]
    fn a_run_holds_breaks_or_says_nothing() {
        let all = [threshold("latency.due.p99", "< 20ms"), threshold("deliveries.lost", "== 0")];
        let [objective] = &Objective::of(&all, &[])[..] else { panic!("one objective") };
        let good = run(&[("latency.due.p99", "< 20ms", true), ("deliveries.lost", "== 0", true)]);
        assert_eq!(objective.judge(&good), Verdict::Held);
        let slow = run(&[("latency.due.p99", "< 20ms", false), ("deliveries.lost", "== 0", true)]);
        assert_eq!(objective.judge(&slow), Verdict::Broke);
        let mut dropped = good.clone();
        dropped.connections.closed = 1;
        assert_eq!(objective.judge(&dropped), Verdict::Broke);
        let mut invalid = slow;
        invalid.validity.valid = false;
        assert_eq!(objective.judge(&invalid), Verdict::Invalid);
    }
}
