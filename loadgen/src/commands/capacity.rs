//! `fanout capacity`: trials at one load after the other, until the bounds are found.

mod command_line;
mod kept;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use command_line::command_line;
pub(super) use kept::{OUTCOME, TRIALS};
use kept::{append, earlier, taken_up};

use super::run::{RESULTS, claimed, colour, complain, limits, progress, runtime};
use super::{BAD_SCENARIO, COULD_NOT_RUN, INTERRUPTED, client, say};
use crate::analyse::search::{Goal, Length, Verdict};
use crate::capacity::{
    Axis, AxisError, Cause, Effort, Lengths, Next, Objective, Outcome, Resource, Shortened, Survey, Trial,
};
use crate::cli::{CapacityArgs, Format};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::report::numbers::seconds;
use crate::report::{FilesError, Place, capacity as report, exit_code_of_all, files};
use crate::result::{Environment, Run};
use crate::run::{RunError, Signals, execute};
use crate::scenario::capacity::{TRIAL, WIDTH, range, width};
use crate::scenario::{Changes, Limits, Measured, ScenarioError, needs, open};
use crate::thresholds::Threshold;

/// Why there is nothing to search.
#[derive(Debug, thiserror::Error)]
enum SearchError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Client(#[from] client::Unable),
    #[error("what is to be raised? give --axis connections, rate or size, or write [capacity] in the file")]
    NoAxis,
    #[error("how far? give --range, such as --range 1000-19000, or write [capacity] in the file")]
    NoRange,
    #[error("what must hold? give --slo 'latency.due.p99 < 100ms', or write [thresholds] in the file")]
    NoObjective,
    #[error("--{0}: {1}")]
    Flag(&'static str, String),
    #[error(transparent)]
    Axis(#[from] AxisError),
    #[error("--resume {path}: {why}", path = path.display())]
    Resume { path: PathBuf, why: String },
}

/// A search that can begin.
struct Search<'a> {
    args: &'a CapacityArgs,
    limits: &'a Limits,
    /// The scenario as it is.
    plan: Plan,
    slos: Vec<Threshold>,
    axis: Axis,
    short: Shortened,
    survey: Survey,
}

/// Why a search ended before its bounds were found.
enum End {
    Interrupted,
    /// What was left of it is shorter than the next trial.
    Budget {
        left: Duration,
        takes: Duration,
    },
    CouldNotRun(String),
}

/// Finds the bounds of a file.
pub fn file(args: &CapacityArgs) -> u8 {
    let limits = match limits() {
        Ok(limits) => limits,
        Err(code) => return code,
    };
    let search = match Search::prepare(args, &limits) {
        Ok(search) => search,
        Err(SearchError::Scenario(error)) => {
            complain(error);
            return BAD_SCENARIO;
        }
        Err(error) => {
            eprintln!("{error}");
            return BAD_SCENARIO;
        }
    };
    let (directory, trials) = match search.directory() {
        Ok(place) => place,
        Err(error) => {
            eprintln!("{error}");
            return COULD_NOT_RUN;
        }
    };
    match (runtime(), progress(&args.conduct)) {
        (Ok(runtime), Ok(mut progress)) => runtime.block_on(search.carry_out(&directory, trials, &mut progress)),
        (Err(code), _) | (_, Err(code)) => code,
    }
}

impl<'a> Search<'a> {
    fn prepare(args: &'a CapacityArgs, limits: &'a Limits) -> Result<Self, SearchError> {
        let scenario =
            open(&args.file, Changes { variant: args.variant.as_deref(), sets: &args.conduct.sets }, limits)?;
        let mut plan = scenario.plan;
        client::drive(&mut plan, args.conduct.drive.client.into())?;
        let of_file = scenario.capacity;
        let axis = match (&args.axis, &of_file) {
            (Some(axis), _) => axis.parse()?,
            (None, Some(capacity)) => capacity.axis,
            (None, None) => return Err(SearchError::NoAxis),
        };
        let of_file = of_file.filter(|capacity| capacity.axis == axis);
        let flag = |name| move |why| SearchError::Flag(name, why);
        let (min, max) = match (&args.range, &of_file) {
            (Some(text), _) => range(text).map_err(flag("range"))?,
            (None, Some(capacity)) => capacity.range,
            (None, None) => return Err(SearchError::NoRange),
        };
        let width = match &args.width {
            Some(text) => width(text).map_err(flag("width"))?,
            None => of_file.map_or(WIDTH, |capacity| capacity.width),
        };
        let short = Shortened(args.trial.or(of_file.map(|capacity| capacity.trial)).unwrap_or(TRIAL));
        let slos = slos(args, &plan)?;
        if slos.is_empty() && plan.thresholds.is_empty() {
            return Err(SearchError::NoObjective);
        }
        // What cannot be raised at all is said now, not after the first trial.
        axis.changes(&plan, min, Length::Full, short)?;
        let objectives = Objective::of(&plan.thresholds, &slos);
        let goal = Goal { min, max, width, grain: axis.grain() };
        Ok(Self { args, limits, plan, slos, axis, short, survey: Survey { goal, objectives } })
    }

    /// Where everything goes, and the trials of a search that is taken up again.
    fn directory(&self) -> Result<(PathBuf, Vec<Trial>), String> {
        if let Some(path) = &self.args.resume {
            let wrong = |why: String| SearchError::Resume { path: path.clone(), why }.to_string();
            let mut trials = taken_up(path).map_err(wrong)?;
            if let Some(earlier) = earlier(path) {
                if earlier.axis != self.axis {
                    let (then, now) = (earlier.axis.name(), self.axis.name());
                    return Err(wrong(format!(
                        "it is a search over {then}, and not over {now}: give --axis {then} again"
                    )));
                }
                if earlier.scenario != self.plan.name {
                    let (then, now) = (earlier.scenario, &self.plan.name);
                    return Err(wrong(format!(
                        "it is a search of {then}, and this file is {now}: give that of {then}"
                    )));
                }
            }
            if let ([only], true) = (&self.survey.objectives[..], self.slos.is_empty()) {
                trials.iter_mut().for_each(|trial| trial.rename(Objective::OF_FILE, &only.name));
            }
            let known = |trial: &Trial| self.survey.objectives.iter().any(|o| trial.verdicts.contains_key(&o.name));
            if !trials.iter().all(known) {
                return Err(wrong(
                    "its trials are about other objectives: give the same --slo and file as then".to_owned(),
                ));
            }
            return Ok((path.clone(), trials));
        }
        let directory = match &self.args.conduct.out {
            None => files::claim(Path::new(RESULTS), &self.plan.name, "capacity-")
                .map(claimed)
                .map_err(|error| error.to_string())?,
            Some(out) if out.join(TRIALS).exists() => {
                return Err(format!(
                    "{} holds an earlier search; go on with it by --resume, or write elsewhere",
                    out.display()
                ));
            }
            Some(out) => {
                let made: Result<(), FilesError> = Place::Exactly(out.clone()).check(&self.plan.name);
                made.map_err(|e| e.to_string())?;
                out.clone()
            }
        };
        Ok((directory, Vec::new()))
    }

    async fn carry_out(&self, directory: &Path, mut trials: Vec<Trial>, progress: &mut Progress) -> u8 {
        // A search that is taken up again may have nothing to add to what is known of where it ran.
        let earlier = self.args.resume.as_deref().and_then(earlier);
        let mut environment = earlier.map_or_else(Environment::default, |earlier| earlier.environment);
        if self.args.resume.is_some() && matches!(self.survey.next(&trials), Next::Done(_)) {
            eprintln!(
                "{} holds a search that has ended: there is nothing left to try, so flags that are about trials (such as --set, --keep-awake, \
                 --trial) change nothing now. Its report is written again. To search anew: {}",
                directory.display(),
                command_line(self.args, None)
            );
        }
        let end = match Signals::new() {
            Ok(signals) => self.trials(directory, (signals, progress), &mut trials, &mut environment).await.err(),
            Err(error) => Some(End::CouldNotRun(format!("cannot listen for Ctrl-C: {error}"))),
        };
        let mut outcome = Outcome::of(&self.plan.name, self.axis, &self.survey, trials, environment);
        outcome.target = self.plan.resolved.get("target").cloned().unwrap_or_default();
        let again = format!("go on with: {}", command_line(self.args, Some(directory)));
        let early = match end {
            None => None,
            Some(End::Interrupted) => Some((INTERRUPTED, format!("interrupted; {again}"))),
            Some(End::Budget { left, takes }) => {
                let [left, takes] = [left, takes].map(|time| seconds(time.as_secs_f64().round()));
                let rest = format!("{left} were left, the next trial takes about {takes}");
                Some((0, format!("the budget was used up before every bound was found ({rest}); {again}")))
            }
            Some(End::CouldNotRun(why)) => Some((COULD_NOT_RUN, format!("{why}; {again}"))),
        };
        if let Some((_, why)) = &early {
            eprintln!("{why}");
            outcome.notes.push(why.clone());
        }
        let written = files::write_into(directory, &report::contents(&outcome));
        let said = say(&match self.args.conduct.format {
            Format::Text => report::render(&outcome, written.as_ref().ok(), colour()),
            Format::Json => report::json(&outcome),
        });
        let code = match (written, said) {
            (Err(error), _) => {
                eprintln!("{error}");
                COULD_NOT_RUN
            }
            (Ok(_), Err(code)) => code,
            (Ok(_), Ok(())) => outcome.exit_code(),
        };
        exit_code_of_all(&[code, early.map_or(0, |(code, _)| code)])
    }

    async fn trials(
        &self,
        directory: &Path,
        (mut signals, progress): (Signals, &mut Progress),
        trials: &mut Vec<Trial>,
        environment: &mut Environment,
    ) -> Result<(), End> {
        let began = Instant::now();
        let objectives = &self.survey.objectives;
        let lengths = Lengths::of(&self.plan, needs(&self.plan).duration, self.short);
        while let Next::Try { load, length, objective } = self.survey.next(trials) {
            let of_budget = self.args.budget.map(|budget| budget.saturating_sub(began.elapsed()));
            let takes = lengths.of_one(length);
            if let Some(left) = of_budget.filter(|left| *left < takes) {
                return Err(End::Budget { left, takes });
            }
            let left = of_budget.unwrap_or(Duration::MAX).min(Effort::of(&self.survey, trials, lengths).time);
            let part = format!(
                "trial {}: {}, {}, for {}",
                trials.len() + 1,
                self.axis.amount(load),
                if length == Length::Short { "short" } else { "full length" },
                objectives[objective].name,
            );
            progress.announce(part, &format!("; about {} left", seconds(left.as_secs_f64().ceil())));
            let name =
                format!("{:03}-{load}-{}", trials.len() + 1, if length == Length::Short { "short" } else { "full" });
            let trial = self.trial((load, length), directory, &name, environment, progress).await;
            if signals.came().await || matches!(trial, Err(End::Interrupted)) {
                return Err(End::Interrupted);
            }
            let trial = trial?;
            append(&directory.join(TRIALS), &trial).map_err(End::CouldNotRun)?;
            progress.note(&format!("trial {} {}", trials.len() + 1, trial.said()));
            trials.push(trial);
        }
        Ok(())
    }

    async fn trial(
        &self,
        (load, length): (f64, Length),
        directory: &Path,
        name: &str,
        environment: &mut Environment,
        progress: &mut Progress,
    ) -> Result<Trial, End> {
        let mut sets = self.args.conduct.sets.clone();
        let could_not = |why: String| End::CouldNotRun(format!("trial {name}: {why}"));
        sets.extend(self.axis.changes(&self.plan, load, length, self.short).map_err(|e| could_not(e.to_string()))?);
        let mut plan =
            match open(&self.args.file, Changes { variant: self.args.variant.as_deref(), sets: &sets }, self.limits) {
                Ok(scenario) => scenario.plan,
                // Too many descriptors, ports or bytes for this machine: the load generator gives way before it has begun.
                Err(error) => return Ok(self.impossible(load, length, &error)),
            };
        client::drive(&mut plan, self.args.conduct.drive.client.into()).map_err(|e| could_not(e.to_string()))?;
        plan.thresholds.extend(self.slos.iter().cloned());
        let result = execute(plan, &self.args.conduct.drive.settings(), progress).await;
        progress.finish();
        let (run, arrivals) = match result {
            Ok(done) => done,
            Err(RunError::Interrupted) => return Err(End::Interrupted),
            Err(error) => return Err(could_not(error.to_string())),
        };
        if run.interrupted {
            return Err(End::Interrupted);
        }
        let place = Place::Exactly(directory.join(name));
        files::write(&run, &self.plan.name, &arrivals, &place).map_err(|error| could_not(error.to_string()))?;
        *environment = run.environment.clone();
        Ok(Trial::of(&run, load, length, self.verdicts(&run), name.to_owned()))
    }

    fn verdicts(&self, run: &Run) -> BTreeMap<String, Verdict> {
        self.survey.objectives.iter().map(|objective| (objective.name.clone(), objective.judge(run))).collect()
    }

    fn impossible(&self, load: f64, length: Length, error: &ScenarioError) -> Trial {
        let verdicts = self.survey.objectives.iter().map(|o| (o.name.clone(), Verdict::Invalid)).collect();
        let mut trial = Trial::of(&Run::default(), load, length, verdicts, String::new());
        trial.cause = Some(Cause { resource: Resource::LoadGenerator, figure: error.to_string() });
        trial
    }
}

fn slos(args: &CapacityArgs, plan: &Plan) -> Result<Vec<Threshold>, SearchError> {
    let measured = Measured::by(plan);
    let one = |text: &String| {
        let at = text.find(['<', '>', '=', '!']).ok_or_else(|| {
            format!(
                "`{text}` is no objective: write a metric, a comparison and a value, such as 'latency.due.p99 < 100ms'"
            )
        })?;
        let metric = measured.metric(text[..at].trim())?;
        let slo = Threshold::parse(&metric, &text[at..]).map_err(|error| error.to_string())?;
        // Without a baseline it would be skipped, and hold at any load.
        if slo.value().is_none() {
            Err(format!("`{text}`: an objective needs a value, not a baseline"))
        } else {
            Ok(slo)
        }
    };
    args.slo.iter().map(|text| one(text).map_err(|why| SearchError::Flag("slo", why))).collect()
}
