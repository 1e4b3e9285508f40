//! `fanout ab`: two settings of a scenario, run in turn, and what they say together.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::run::{RESULTS, colour, complain, limits, runtime};
use super::{BAD_SCENARIO, COULD_NOT_RUN, INTERRUPTED, job_summary, say};
use crate::cli::{AbArgs, Format};
use crate::compare::{Arm, Asked, Comparison, DEFAULT_RUNS, Expectation, Names, Quality, Schedule, Trial, Turn};
use crate::plan::{Plan, TargetKind};
use crate::progress::{Progress, ProgressMode};
use crate::report::numbers::seconds;
use crate::report::{FilesError, Place, comparison, exit_code_of_all, files};
use crate::run::{RunError, Signals, execute};
use crate::scenario::{Ab, Changes, Limits, Measured, ScenarioError, open};

/// Two settings that are to be compared.
struct Pair {
    a: Plan,
    b: Plan,
    names: Names,
    runs: u32,
    expect: Vec<Expectation>,
    notes: Vec<String>,
}

impl Pair {
    fn plan(&self, arm: Arm) -> &Plan {
        match arm {
            Arm::A => &self.a,
            Arm::B => &self.b,
        }
    }

    fn name(&self, arm: Arm) -> &str {
        match arm {
            Arm::A => &self.names.a,
            Arm::B => &self.names.b,
        }
    }
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
enum PairError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(
        "what is to be compared? give --{0} a variant of the file or a change such as target.server.shards=2, or write [ab] in the file"
    )]
    NoArm(&'static str),
    #[error("--expect: {0}")]
    Expectation(String),
}

/// Why the runs ended before all were made.
enum End {
    Interrupted(String),
    CouldNotRun(String),
}

/// Compares two settings of a file.
pub fn file(args: &AbArgs) -> u8 {
    let limits = match limits() {
        Ok(limits) => limits,
        Err(code) => return code,
    };
    let pair = match pair(args, &limits) {
        Ok(pair) => pair,
        Err(PairError::Scenario(error)) => {
            complain(error);
            return BAD_SCENARIO;
        }
        Err(error) => {
            eprintln!("{error}");
            return BAD_SCENARIO;
        }
    };
    let directory = match directory(args, &pair.a.name) {
        Ok(directory) => directory,
        Err(error) => {
            eprintln!("{error}");
            return COULD_NOT_RUN;
        }
    };
    match runtime() {
        Ok(runtime) => runtime.block_on(compare(&pair, args, &directory)),
        Err(code) => code,
    }
}

fn pair(args: &AbArgs, limits: &Limits) -> Result<Pair, PairError> {
    let file = open(&args.file, Changes { variant: None, sets: &args.sets }, limits)?;
    let arm = |given: &Option<String>, of_file: fn(&Ab) -> &String, flag| {
        given.clone().or_else(|| file.ab.as_ref().map(|ab| of_file(ab).clone())).ok_or(PairError::NoArm(flag))
    };
    let (a, b) = (arm(&args.a, |ab| &ab.a, "a")?, arm(&args.b, |ab| &ab.b, "b")?);
    let plan = |arm: &str| -> Result<Plan, PairError> {
        let changed = arm.contains('=').then(|| arm.to_owned());
        let sets: Vec<String> = args.sets.iter().cloned().chain(changed.clone()).collect();
        let variant = if changed.is_some() { None } else { Some(arm) };
        let mut plan = open(&args.file, Changes { variant, sets: &sets }, limits)?.plan;
        plan.client = args.drive.client.into();
        Ok(plan)
    };
    let (plan_a, plan_b) = (plan(&a)?, plan(&b)?);
    let mut notes = Vec::new();
    // What the file expects is about its own two.
    let own = file.ab.filter(|ab| {
        let same = ab.a == a && ab.b == b;
        if !same && !ab.expect.is_empty() {
            notes.push(format!("`expect` of the file is about {} and {}: it was not used", ab.a, ab.b));
        }
        same
    });
    let runs = args.runs.or(own.as_ref().map(|ab| ab.runs)).unwrap_or(DEFAULT_RUNS);
    let mut expect = own.map_or_else(Vec::new, |ab| ab.expect);
    for text in &args.expect {
        let both = |path: &str| Measured::by(&plan_a).metric(path).and_then(|_| Measured::by(&plan_b).metric(path));
        expect.push(Expectation::parse(text, both).map_err(|error| PairError::Expectation(error.to_string()))?);
    }
    if [&plan_a, &plan_b].iter().any(|plan| matches!(plan.target.kind, TargetKind::Url { .. })) {
        notes.push("the server runs already: it was not started anew for each run".to_owned());
    }
    Ok(Pair { a: plan_a, b: plan_b, names: Names { a, b }, runs, expect, notes })
}

/// Where everything goes; runs of an earlier comparison would be mixed up with these.
fn directory(args: &AbArgs, name: &str) -> Result<PathBuf, FilesError> {
    match &args.out {
        None => {
            let claimed = files::claim(Path::new(RESULTS), name, "ab-")?;
            if let Some(note) = claimed.note {
                eprintln!("{note}");
            }
            Ok(claimed.directory)
        }
        Some(out) if ["comparison.json", "a-01", "b-01"].iter().any(|file| out.join(file).exists()) => {
            Err(FilesError::Taken { path: out.clone() })
        }
        Some(out) => Place::Exactly(out.clone()).check(name).map(|()| out.clone()),
    }
}

async fn compare(pair: &Pair, args: &AbArgs, directory: &Path) -> u8 {
    let mut trials = Vec::new();
    let end = match Signals::new() {
        Ok(signals) => runs(pair, args, directory, signals, &mut trials).await.err(),
        Err(error) => Some(End::CouldNotRun(format!("cannot listen for Ctrl-C: {error}"))),
    };
    let asked = Asked { scenario: &pair.a.name, names: pair.names.clone(), runs: pair.runs, expect: &pair.expect };
    let mut comparison = Comparison::of_blocks(&asked, &trials);
    comparison.notes.extend(pair.notes.iter().cloned());
    let ended = match end {
        None => None,
        Some(End::Interrupted(why)) => Some((INTERRUPTED, why)),
        Some(End::CouldNotRun(why)) => Some((COULD_NOT_RUN, why)),
    };
    if let Some((_, why)) = &ended {
        eprintln!("{why}");
        comparison.ended_early = Some(why.clone());
    }
    if !args.no_summary {
        job_summary::append(&comparison::markdown(&comparison));
    }
    let code = conclude(&comparison, &trials, args.format, Some(directory));
    exit_code_of_all(&[code, ended.map_or(0, |(code, _)| code)])
}

/// Writes and prints a comparison of these trials; gives its exit code.
pub(super) fn conclude(comparison: &Comparison, trials: &[Trial], format: Format, directory: Option<&Path>) -> u8 {
    let written =
        directory.map(|directory| files::write_into(directory, &comparison::contents(comparison, trials))).transpose();
    let said = say(&match format {
        Format::Text => comparison::render(comparison, written.as_ref().ok().and_then(Option::as_ref), colour()),
        Format::Json => comparison::json(comparison),
    });
    match written {
        Ok(_) => said.map_or_else(|code| code, |()| comparison.exit_code()),
        Err(error) => {
            eprintln!("{error}");
            COULD_NOT_RUN
        }
    }
}

async fn runs(
    pair: &Pair,
    args: &AbArgs,
    directory: &Path,
    mut signals: Signals,
    trials: &mut Vec<Trial>,
) -> Result<(), End> {
    let began = Instant::now();
    let mut schedule = Schedule::new(pair.a.seed, pair.runs);
    let all = schedule.left();
    while let Some(turn) = schedule.next() {
        eprintln!("{}", heading(pair, turn, left(began.elapsed(), trials.len(), schedule.left())));
        let done = run(pair, turn, args, directory).await;
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

/// Why a run gave nothing to compare.
enum RunEnd {
    Interrupted,
    CouldNotRun(String),
}

async fn run(pair: &Pair, turn: Turn, args: &AbArgs, directory: &Path) -> Result<Trial, RunEnd> {
    let name = format!("{}-{:02} ({})", turn.arm.letter(), turn.block, pair.name(turn.arm));
    let mut progress = Progress::new(ProgressMode::detect(), None);
    let result = execute(pair.plan(turn.arm).clone(), &args.drive.settings(), &mut progress).await;
    progress.finish();
    let (run, arrivals) = match result {
        Ok(done) => done,
        Err(RunError::Interrupted) => return Err(RunEnd::Interrupted),
        Err(error) => return Err(RunEnd::CouldNotRun(format!("{name}: {error}"))),
    };
    if run.interrupted {
        return Err(RunEnd::Interrupted);
    }
    let trial = Trial { block: turn.block, arm: turn.arm, run };
    let place = Place::Exactly(directory.join(turn.folder(quality(&trial))));
    let could_not = |why: String| RunEnd::CouldNotRun(format!("{name}: {why}"));
    files::write(&trial.run, &pair.a.name, &arrivals, &place).map_err(|error| could_not(error.to_string()))?;
    match &trial.run.ended_early {
        // Half a run has figures of another load.
        Some(why) if trial.run.validity.valid => Err(could_not(why.clone())),
        _ => Ok(trial),
    }
}

fn quality(trial: &Trial) -> Quality {
    if trial.run.validity.valid { Quality::Valid } else { Quality::Invalid }
}

/// How long the rest takes, if it goes as until now.
fn left(elapsed: Duration, made: usize, left: u32) -> Option<Duration> {
    let each = elapsed.checked_div(u32::try_from(made).ok().filter(|made| *made > 0)?)?;
    Some(each * left)
}

/// `block 3 of 10: b (shared), about 4 min left`.
fn heading(pair: &Pair, turn: Turn, left: Option<Duration>) -> String {
    let again = if turn.attempt > 1 { format!(", attempt {}", turn.attempt) } else { String::new() };
    let left = left.map_or_else(String::new, |left| format!(", about {} left", seconds(left.as_secs_f64().ceil())));
    format!("block {} of {}: {} ({}){again}{left}", turn.block, pair.runs, turn.arm.letter(), pair.name(turn.arm))
}
