//! Several objectives searched one after the other, with the same trials: what one has learnt the next need not try again.

use super::objective::Objective;
use super::trial::Trial;
use crate::analyse::search::{Bounds, Goal, Length, Step};

/// A search for each objective.
#[derive(Debug, Clone)]
pub struct Survey {
    /// What is searched.
    pub goal: Goal,
    /// For what.
    pub objectives: Vec<Objective>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Try this load, for this objective (its index).
    Try {
        /// The load.
        load: f64,
        /// How long.
        length: Length,
        /// The objective that asks.
        objective: usize,
    },
    /// Every bound is found, in the order of the objectives.
    Done(Vec<Bounds>),
}

impl Survey {
    /// What to do after these trials.
    #[must_use]
    pub fn next(&self, trials: &[Trial]) -> Next {
        let mut bounds = Vec::new();
        for (index, objective) in self.objectives.iter().enumerate() {
            let seen: Vec<_> = trials.iter().filter_map(|trial| trial.of_objective(&objective.name)).collect();
            match self.goal.next(&seen) {
                Step::Try(load, length) => return Next::Try { load, length, objective: index },
                Step::Done(found) => bounds.push(found),
            }
        }
        Next::Done(bounds)
    }

    /// About how many trials are left, by length: what a bisection of what is still open takes. An estimate for people, never a limit.
    #[must_use]
    pub fn left(&self, trials: &[Trial]) -> [u32; 2] {
        let mut left = [0, 0];
        for objective in &self.objectives {
            let seen: Vec<_> = trials.iter().filter_map(|trial| trial.of_objective(&objective.name)).collect();
            match self.goal.next(&seen) {
                Step::Done(_) => {}
                Step::Try(_, Length::Full) => left[1] += 3,
                Step::Try(..) => {
                    let tried = seen.len() as f64;
                    let all = (self.goal.max / self.goal.min).log2().max(0.0) + (1.0 / self.goal.width).log2().max(0.0);
                    left[0] += (all - tried).max(1.0).ceil() as u32;
                    left[1] += 4;
                }
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::search::{Grain, Upper, Verdict};

    fn objective(name: &str) -> Objective {
        Objective { name: name.to_owned(), thresholds: Vec::new() }
    }

    fn trial(load: f64, length: Length, limits: [f64; 2]) -> Trial {
        let verdict = |limit| if load < limit { Verdict::Held } else { Verdict::Broke };
        let run = crate::result::Run::default();
        let verdicts = [("tight".to_owned(), verdict(limits[0])), ("loose".to_owned(), verdict(limits[1]))].into();
        Trial::of(&run, load, length, verdicts, String::new())
    }

    #[test]
    fn objectives_share_their_trials_and_each_has_its_own_bounds() {
        let goal = Goal { min: 100.0, max: 10_000.0, width: 0.05, grain: Grain::Whole };
        let search = |names: &[&str], limits: [f64; 2]| {
            let survey = Survey { goal, objectives: names.iter().map(|name| objective(name)).collect() };
            let mut trials = Vec::new();
            loop {
                match survey.next(&trials) {
                    Next::Try { load, length, .. } => trials.push(trial(load, length, limits)),
                    Next::Done(bounds) => return (bounds, trials.len()),
                }
            }
        };
        let (_, alone) = search(&["tight"], [1000.0, 1000.0]);
        let (_, alike) = search(&["tight", "loose"], [1000.0, 1000.0]);
        assert_eq!(alike, alone, "what the first has tried decides the second");
        let (both, _) = search(&["tight", "loose"], [1000.0, 4000.0]);
        for (bounds, limit) in both.iter().zip([1000.0, 4000.0]) {
            let Upper::Broke(upper) = bounds.upper else { panic!("{bounds:?}") };
            assert!(bounds.lower.is_some_and(|lower| lower < limit) && upper >= limit, "{bounds:?}");
        }
    }
}
