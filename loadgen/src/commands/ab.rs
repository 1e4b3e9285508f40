//! `fanout ab`: two settings of a scenario, run in turn, and what they say together.

use std::path::Path;

use super::blocks::Blocks;
use super::in_turn::{Made, Refusal, carry_out};
use super::run::colour;
use super::{COULD_NOT_RUN, client, job_summary, say, ways};
use crate::cli::{AbArgs, Format};
use crate::compare::{Arm, Asked, Comparison, DEFAULT_RUNS, Expectation, Names, Trial};
use crate::plan::{Plan, TargetKind};
use crate::report::{comparison, files};
use crate::scenario::{Ab, Changes, Limits, Measured, masked, open};

/// What is asked beside the runs of two settings.
struct Beside {
    expect: Vec<Expectation>,
    notes: Vec<String>,
}

/// Compares two settings of a file.
pub fn file(args: &AbArgs) -> u8 {
    if args.compression {
        return ways::file(args);
    }
    carry_out(args, pair, |blocks, beside, made| compare(blocks, &beside, made, args))
}

fn pair(args: &AbArgs, limits: &Limits) -> Result<(Blocks<Arm>, Beside), Refusal> {
    let file = open(&args.file, Changes { variant: None, sets: &args.conduct.sets }, limits)?;
    let arm = |given: &Option<String>, of_file: fn(&Ab) -> &String, flag| {
        given.clone().or_else(|| file.ab.as_ref().map(|ab| of_file(ab).clone())).ok_or_else(|| Refusal::Asked(format!(
            "what is to be compared? give --{flag} a variant of the file or a change such as target.server.shards=2, or write [ab] in the file"
        )))
    };
    let (a, b) = (arm(&args.a, |ab| &ab.a, "a")?, arm(&args.b, |ab| &ab.b, "b")?);
    let plan = |arm: &str| -> Result<Plan, Refusal> {
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
        expect.push(Expectation::parse(text, both).map_err(|error| Refusal::Asked(format!("--expect: {error}")))?);
    }
    if [&plan_a, &plan_b].iter().any(|plan| matches!(plan.target.kind, TargetKind::Url { .. })) {
        notes.push("the server runs already: it was not started anew for each run".to_owned());
    }
    // From here on they are only names, in what is said and written.
    let arms = vec![(Arm::A, masked(&a), plan_a), (Arm::B, masked(&b), plan_b)];
    Ok((Blocks { arms, runs, drive: args.conduct.drive }, Beside { expect, notes }))
}

fn compare(blocks: &Blocks<Arm>, beside: &Beside, made: &Made<Arm>, args: &AbArgs) -> u8 {
    let name = |arm: Arm| {
        let found = blocks.arms.iter().find(|(of, ..)| *of == arm);
        found.map_or_else(String::new, |(_, name, _)| name.clone())
    };
    let names = Names { a: name(Arm::A), b: name(Arm::B) };
    let asked = Asked { scenario: blocks.scenario(), names, runs: blocks.runs, expect: &beside.expect };
    let mut comparison = Comparison::of_blocks(&asked, &made.trials);
    comparison.notes.extend(beside.notes.iter().cloned());
    comparison.ended_early.clone_from(&made.ended_early);
    if !args.no_summary {
        job_summary::append(&comparison::markdown(&comparison));
    }
    conclude(&comparison, &made.trials, args.conduct.format, Some(&made.directory))
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
