//! Runs of several settings in blocks, one after the other.

use std::fmt::Display;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cli::Drive;
use crate::compare::{Quality, Schedule, Trial, Turn};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::report::numbers::seconds;
use crate::report::{Place, files};
use crate::run::{RunError, Signals, execute};

/// Settings that are to be compared.
pub(super) struct Blocks<A> {
    /// Each with its name and its scenario; the first is what the others are compared to.
    pub(super) arms: Vec<(A, String, Plan)>,
    /// Valid runs of each.
    pub(super) runs: u32,
    /// What drives the connections.
    pub(super) drive: Drive,
}

/// Why the runs ended before all were made.
pub(super) enum End {
    Interrupted(String),
    CouldNotRun(String),
}

impl<A> Blocks<A> {
    /// Name of the scenario.
    pub(super) fn scenario(&self) -> &str {
        self.arms.first().map_or("run", |(.., plan)| plan.name.as_str())
    }
}

impl<A: Copy + PartialEq + Display> Blocks<A> {
    /// Makes the runs, each into its own folder; `trials` has those that ran to their end, also where this one did not.
    pub(super) async fn make(
        &self,
        directory: &Path,
        (mut signals, progress): (Signals, &mut Progress),
        trials: &mut Vec<Trial<A>>,
    ) -> Result<(), End> {
        let began = Instant::now();
        let order: Vec<A> = self.arms.iter().map(|(arm, ..)| *arm).collect();
        let seed = self.arms.first().map_or(1, |(.., plan)| plan.seed);
        let mut schedule = Schedule::new(seed, self.runs, &order);
        let all = schedule.left();
        while let Some(turn) = schedule.next() {
            let Some((_, name, plan)) = self.arms.iter().find(|(arm, ..)| *arm == turn.arm) else { break };
            let left = left(began.elapsed(), trials.len(), schedule.left());
            let left =
                left.map_or_else(String::new, |left| format!(", about {} left", seconds(left.as_secs_f64().ceil())));
            progress.announce(self.heading(turn, name), &left);
            let done = self.one(turn, (name, plan), directory, progress).await;
            let so_far = format!("{} of {all} runs", all - schedule.left());
            // A signal between two runs ends the comparison as one during a run does.
            if signals.came().await || matches!(done, Err(RunEnd::Interrupted)) {
                return Err(End::Interrupted(format!("interrupted after {so_far}")));
            }
            let trial = match done {
                Ok(trial) => trial,
                Err(RunEnd::CouldNotRun(why)) => return Err(End::CouldNotRun(format!("{why} (after {so_far})"))),
                Err(RunEnd::Interrupted) => break,
            };
            let quality = quality(&trial);
            if quality == Quality::Invalid {
                let rules: Vec<&str> = trial.run.validity.reasons.iter().map(|reason| reason.rule.as_str()).collect();
                eprintln!("this run is invalid ({}) and does not count", rules.join(", "));
            }
            schedule.done(quality);
            trials.push(trial);
        }
        Ok(())
    }

    async fn one(
        &self,
        turn: Turn<A>,
        (name, plan): (&str, &Plan),
        directory: &Path,
        progress: &mut Progress,
    ) -> Result<Trial<A>, RunEnd> {
        let title = format!("{}-{:02} ({name})", turn.arm, turn.block);
        let result = execute(plan.clone(), &self.drive.settings(), progress).await;
        progress.finish();
        let (run, arrivals) = match result {
            Ok(done) => done,
            Err(RunError::Interrupted) => return Err(RunEnd::Interrupted),
            Err(error) => return Err(RunEnd::CouldNotRun(format!("{title}: {error}"))),
        };
        if run.interrupted {
            return Err(RunEnd::Interrupted);
        }
        let trial = Trial { block: turn.block, arm: turn.arm, run };
        let place = Place::Exactly(directory.join(turn.folder(quality(&trial))));
        let could_not = |why: String| RunEnd::CouldNotRun(format!("{title}: {why}"));
        files::write(&trial.run, &plan.name, &arrivals, &place).map_err(|error| could_not(error.to_string()))?;
        match &trial.run.ended_early {
            // Half a run has figures of another load.
            Some(why) if trial.run.validity.valid => Err(could_not(why.clone())),
            _ => Ok(trial),
        }
    }

    /// `block 3 of 10: b (shared)`.
    fn heading(&self, turn: Turn<A>, name: &str) -> String {
        let again = if turn.attempt > 1 { format!(", attempt {}", turn.attempt) } else { String::new() };
        let arm = turn.arm.to_string();
        let arm = if arm == name { arm } else { format!("{arm} ({name})") };
        format!("block {} of {}: {arm}{again}", turn.block, self.runs)
    }
}

/// Why a run gave nothing to compare.
enum RunEnd {
    Interrupted,
    CouldNotRun(String),
}

fn quality<A>(trial: &Trial<A>) -> Quality {
    if trial.run.validity.valid { Quality::Valid } else { Quality::Invalid }
}

/// How long the rest takes, if it goes as until now.
fn left(elapsed: Duration, made: usize, left: u32) -> Option<Duration> {
    let each = elapsed.checked_div(u32::try_from(made).ok().filter(|made| *made > 0)?)?;
    Some(each * left)
}
