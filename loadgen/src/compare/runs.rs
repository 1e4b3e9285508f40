//! The runs of each arm: how many counted, and what went wrong in the others.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Arm;
use super::comparison::{Design, Trial};
use crate::report::verdict::turned_away;

/// The runs of an arm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArmRuns {
    /// Variant or change that it is.
    pub name: String,
    /// Runs that the load generator measured well.
    pub valid: usize,
    /// Runs that it did not, by the rules that they broke; a run may break several.
    pub invalid: usize,
    /// Those rules.
    pub invalid_by: BTreeMap<String, usize>,
    /// Valid runs in which an objective of the scenario did not hold, by objective.
    pub failed: BTreeMap<String, usize>,
    /// Valid runs in which the server refused or dropped connections.
    pub turned_away: usize,
}

/// Counts the runs of an arm.
pub(super) fn arm(name: &str, arm: Arm, trials: &[Trial]) -> ArmRuns {
    let mut runs = ArmRuns {
        name: name.to_owned(),
        valid: 0,
        invalid: 0,
        invalid_by: BTreeMap::new(),
        failed: BTreeMap::new(),
        turned_away: 0,
    };
    for run in trials.iter().filter(|trial| trial.arm == arm).map(|trial| &trial.run) {
        if !run.validity.valid {
            runs.invalid += 1;
            run.validity.reasons.iter().for_each(|r| *runs.invalid_by.entry(r.rule.clone()).or_default() += 1);
            continue;
        }
        runs.valid += 1;
        runs.turned_away += usize::from(turned_away(run) > 0);
        for threshold in run.thresholds.iter().filter(|threshold| !threshold.pass) {
            *runs.failed.entry(format!("{} {}", threshold.metric, threshold.expr)).or_default() += 1;
        }
    }
    runs
}

/// What a reader must know of them.
pub(super) fn notes(a: &ArmRuns, b: &ArmRuns, design: Design) -> Vec<String> {
    let mut notes = Vec::new();
    for (letter, arm) in [("a", a), ("b", b)] {
        let of = |n: usize, all: usize| format!("{n} of {all} runs of {letter}");
        if arm.invalid > 0 {
            let rules: Vec<String> = arm.invalid_by.iter().map(|(rule, n)| format!("{rule} {n}")).collect();
            let done = if design == Design::Blocks { "do not count and were repeated" } else { "do not count" };
            let number = of(arm.invalid, arm.valid + arm.invalid);
            notes.push(format!("{number} were invalid ({}): they {done}", rules.join(", ")));
        }
        if arm.turned_away > 0 {
            notes.push(format!("in {} the server refused or dropped connections", of(arm.turned_away, arm.valid)));
        }
        for (objective, n) in &arm.failed {
            notes.push(format!("in {} the threshold {objective} failed", of(*n, arm.valid)));
        }
    }
    if a.name == b.name {
        notes.push("a and b are the same setting: every difference here is noise".to_owned());
    }
    notes
}
