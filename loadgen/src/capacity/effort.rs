//! How long a search takes, about: for people, never a limit.

use std::time::Duration;

use super::axis::Shortened;
use super::survey::Survey;
use super::trial::Trial;
use crate::analyse::search::Length;
use crate::plan::Plan;

/// How long trials take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    short: Duration,
    full: Duration,
}

impl Lengths {
    /// Of trials of a plan, one run of which takes `run`, connecting and all.
    #[must_use]
    pub fn of(plan: &Plan, run: Duration, short: Shortened) -> Self {
        let measured: Duration = plan.phases.iter().filter(|phase| phase.measure).map(|phase| phase.length).sum();
        Self { short: run.saturating_sub(measured).saturating_add(measured.min(short.0)), full: run }
    }

    /// Of one trial.
    #[must_use]
    pub fn of_one(self, length: Length) -> Duration {
        match length {
            Length::Short => self.short,
            Length::Full => self.full,
        }
    }
}

/// What is left of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Short trials.
    pub short: u32,
    /// Trials of full length.
    pub full: u32,
    /// What they take together.
    pub time: Duration,
}

impl Effort {
    /// Of a search after these trials.
    #[must_use]
    pub fn of(survey: &Survey, trials: &[Trial], lengths: Lengths) -> Self {
        let [short, full] = survey.left(trials);
        let time = lengths.short.saturating_mul(short).saturating_add(lengths.full.saturating_mul(full));
        Self { short, full, time }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::analyse::search::{Goal, Grain};
    use crate::capacity::Objective;
    use crate::scenario::{Limits, parse};

    #[test]
    fn short_trials_have_their_own_measured_length_and_all_the_rest_of_a_run() {
        let text = "name = \"x\"\n[[connections]]\nname = \"c\"\ncount = 10\n[[publishers]]\nname = \"p\"\nrate = 5\n\
                    [[phases]]\nname = \"warm-up\"\nfor = \"5s\"\nmeasure = false\n[[phases]]\nname = \"steady\"\nfor = \"30s\"\n";
        let limits = Limits { descriptors: 20_000, ports: 28_232 };
        let plan = parse(Path::new("x.toml"), text, &[], &limits).unwrap();
        let seconds = Duration::from_secs;
        let lengths = Lengths::of(&plan, seconds(37), Shortened(seconds(10)));
        assert_eq!([Length::Short, Length::Full].map(|length| lengths.of_one(length)), [seconds(17), seconds(37)]);
        let longer = Lengths::of(&plan, seconds(37), Shortened(seconds(60)));
        assert_eq!(longer.of_one(Length::Short), seconds(37), "never longer than a full one");
        let goal = Goal { min: 100.0, max: 1600.0, width: 0.25, grain: Grain::Whole };
        let survey = Survey { goal, objectives: Objective::of(&plan.thresholds, &[]) };
        let all = Effort::of(&survey, &[], lengths);
        // Four doublings and two halvings.
        assert_eq!(all, Effort { short: 6, full: 4, time: seconds(6 * 17 + 4 * 37) });
    }
}
