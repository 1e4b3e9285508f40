//! `fanout ab`: two settings of a scenario, run in turn, and what they say together.

use std::path::{Path, PathBuf};

use super::blocks::{Blocks, End};
use super::run::{RESULTS, colour, complain, limits, progress, runtime};
use super::{BAD_SCENARIO, COULD_NOT_RUN, INTERRUPTED, client, job_summary, say, ways};
use crate::cli::{AbArgs, Format};
use crate::compare::{Arm, Asked, Comparison, DEFAULT_RUNS, Expectation, Names, Trial};
use crate::plan::{Plan, TargetKind};
use crate::progress::Progress;
use crate::report::{FilesError, Place, comparison, exit_code_of_all, files};
use crate::run::Signals;
use crate::scenario::{Ab, Changes, Limits, Measured, ScenarioError, open};

/// Two settings that are to be compared.
struct Pair {
    blocks: Blocks<Arm>,
    expect: Vec<Expectation>,
    notes: Vec<String>,
}

impl Pair {
    fn scenario(&self) -> &str {
        self.blocks.arms.first().map_or("run", |(.., plan)| plan.name.as_str())
    }

    fn names(&self) -> Names {
        let name = |arm: Arm| {
            let found = self.blocks.arms.iter().find(|(of, ..)| *of == arm);
            found.map_or_else(String::new, |(_, name, _)| name.clone())
        };
        Names { a: name(Arm::A), b: name(Arm::B) }
    }
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
enum PairError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Client(#[from] client::Unable),
    #[error(
        "what is to be compared? give --{0} a variant of the file or a change such as target.server.shards=2, or write [ab] in the file"
    )]
    NoArm(&'static str),
    #[error("--expect: {0}")]
    Expectation(String),
}

/// Compares two settings of a file.
pub fn file(args: &AbArgs) -> u8 {
    if args.compression {
        return ways::file(args);
    }
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
    let directory = match directory(args, pair.scenario()) {
        Ok(directory) => directory,
        Err(error) => {
            eprintln!("{error}");
            return COULD_NOT_RUN;
        }
    };
    match (runtime(), progress(&args.conduct)) {
        (Ok(runtime), Ok(mut progress)) => runtime.block_on(compare(&pair, args, &directory, &mut progress)),
        (Err(code), _) | (_, Err(code)) => code,
    }
}

fn pair(args: &AbArgs, limits: &Limits) -> Result<Pair, PairError> {
    let file = open(&args.file, Changes { variant: None, sets: &args.conduct.sets }, limits)?;
    let arm = |given: &Option<String>, of_file: fn(&Ab) -> &String, flag| {
        given.clone().or_else(|| file.ab.as_ref().map(|ab| of_file(ab).clone())).ok_or(PairError::NoArm(flag))
    };
    let (a, b) = (arm(&args.a, |ab| &ab.a, "a")?, arm(&args.b, |ab| &ab.b, "b")?);
    let plan = |arm: &str| -> Result<Plan, PairError> {
        let changed = arm.contains('=').then(|| arm.to_owned());
        let sets: Vec<String> = args.conduct.sets.iter().cloned().chain(changed.clone()).collect();
        let variant = if changed.is_some() { None } else { Some(arm) };
        let mut plan = open(&args.file, Changes { variant, sets: &sets }, limits)?.plan;
        client::drive(&mut plan, args.conduct.drive.client.into())?;
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
    let arms = vec![(Arm::A, a, plan_a), (Arm::B, b, plan_b)];
    Ok(Pair { blocks: Blocks { arms, runs, drive: args.conduct.drive }, expect, notes })
}

/// Where everything goes; runs of an earlier comparison would be mixed up with these.
pub(super) fn directory(args: &AbArgs, name: &str) -> Result<PathBuf, FilesError> {
    match &args.conduct.out {
        None => {
            let claimed = files::claim(Path::new(RESULTS), name, "ab-")?;
            if let Some(note) = claimed.note {
                eprintln!("{note}");
            }
            Ok(claimed.directory)
        }
        Some(out)
            if ["comparison.json", "compression.json", "a-01", "b-01", "off-01"]
                .iter()
                .any(|file| out.join(file).exists()) =>
        {
            Err(FilesError::Taken { path: out.clone() })
        }
        Some(out) => Place::Exactly(out.clone()).check(name).map(|()| out.clone()),
    }
}

async fn compare(pair: &Pair, args: &AbArgs, directory: &Path, progress: &mut Progress) -> u8 {
    let mut trials = Vec::new();
    let end = match Signals::new() {
        Ok(signals) => pair.blocks.make(directory, (signals, progress), &mut trials).await.err(),
        Err(error) => Some(End::CouldNotRun(format!("cannot listen for Ctrl-C: {error}"))),
    };
    let asked = Asked { scenario: pair.scenario(), names: pair.names(), runs: pair.blocks.runs, expect: &pair.expect };
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
    let code = conclude(&comparison, &trials, args.conduct.format, Some(directory));
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
