//! `fanout ab --compression`: off, standalone and shared, run in turn.

use std::path::Path;

use super::ab::directory;
use super::blocks::{Blocks, End};
use super::run::{colour, complain, limits, progress, runtime};
use super::{BAD_SCENARIO, COULD_NOT_RUN, INTERRUPTED, client, job_summary, say};
use crate::cli::{AbArgs, Format};
use crate::compare::{DEFAULT_RUNS, Tariff, Ways};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::report::{exit_code_of_all, files, ways as report};
use crate::run::Signals;
use crate::scenario::{Changes, Limits, ScenarioError, open};
use crate::way::Way;

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
enum WaysError {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Client(#[from] client::Unable),
    #[error(
        "--compression compares the variants off, standalone and shared, at least off and one more: the file has {0}; \
         scenarios/compression-ab.toml shows how they are written"
    )]
    Missing(String),
}

/// Compares the ways of a file.
pub(super) fn file(args: &AbArgs) -> u8 {
    let limits = match limits() {
        Ok(limits) => limits,
        Err(code) => return code,
    };
    let blocks = match blocks(args, &limits) {
        Ok(blocks) => blocks,
        Err(WaysError::Scenario(error)) => {
            complain(error);
            return BAD_SCENARIO;
        }
        Err(error) => {
            eprintln!("{error}");
            return BAD_SCENARIO;
        }
    };
    let name = blocks.arms.first().map_or_else(|| "run".to_owned(), |(.., plan)| plan.name.clone());
    let directory = match directory(args, &name) {
        Ok(directory) => directory,
        Err(error) => {
            eprintln!("{error}");
            return COULD_NOT_RUN;
        }
    };
    match (runtime(), progress(&args.conduct)) {
        (Ok(runtime), Ok(mut progress)) => runtime.block_on(compare(&blocks, &name, args, &directory, &mut progress)),
        (Err(code), _) | (_, Err(code)) => code,
    }
}

fn blocks(args: &AbArgs, limits: &Limits) -> Result<Blocks<Way>, WaysError> {
    let file = open(&args.file, Changes { variant: None, sets: &args.conduct.sets }, limits)?;
    let plan = |way: Way| -> Result<Plan, WaysError> {
        let mut plan = open(&args.file, Changes { variant: Some(way.name()), sets: &args.conduct.sets }, limits)?.plan;
        client::drive(&mut plan, args.conduct.drive.client.into())?;
        Ok(plan)
    };
    let there = |way: &Way| file.variants.iter().any(|name| name == way.name());
    let ways: Vec<Way> = [Way::Off, Way::Standalone, Way::Shared].into_iter().filter(there).collect();
    if ways.first() != Some(&Way::Off) || ways.len() < 2 {
        let known = if file.variants.is_empty() { "no variants".to_owned() } else { file.variants.join(", ") };
        return Err(WaysError::Missing(known));
    }
    let arms: Result<Vec<_>, WaysError> =
        ways.into_iter().map(|way| Ok((way, way.name().to_owned(), plan(way)?))).collect();
    let runs = args.runs.or(file.ab.map(|ab| ab.runs)).unwrap_or(DEFAULT_RUNS);
    Ok(Blocks { arms: arms?, runs, drive: args.conduct.drive })
}

async fn compare(blocks: &Blocks<Way>, name: &str, args: &AbArgs, directory: &Path, progress: &mut Progress) -> u8 {
    let mut trials = Vec::new();
    let end = match Signals::new() {
        Ok(signals) => blocks.make(directory, (signals, progress), &mut trials).await.err(),
        Err(error) => Some(End::CouldNotRun(format!("cannot listen for Ctrl-C: {error}"))),
    };
    let tariff = Tariff { per_core_hour: args.price_per_core_hour, per_gb: args.price_per_gb };
    let mut ways = Ways::of(name, blocks.runs, tariff, &trials);
    let ended = match end {
        None => None,
        Some(End::Interrupted(why)) => Some((INTERRUPTED, why)),
        Some(End::CouldNotRun(why)) => Some((COULD_NOT_RUN, why)),
    };
    if let Some((_, why)) = &ended {
        eprintln!("{why}");
        ways.ended_early = Some(why.clone());
    }
    if !args.no_summary {
        job_summary::append(&report::markdown(&ways));
    }
    let written = files::write_into(directory, &report::contents(&ways));
    let said = say(&match args.conduct.format {
        Format::Text => report::render(&ways, written.as_ref().ok(), colour()),
        Format::Json => report::json(&ways),
    });
    let code = match (written, said) {
        (Err(error), _) => {
            eprintln!("{error}");
            COULD_NOT_RUN
        }
        (Ok(_), Err(code)) => code,
        (Ok(_), Ok(())) => ways.exit_code(),
    };
    exit_code_of_all(&[code, ended.map_or(0, |(code, _)| code)])
}
