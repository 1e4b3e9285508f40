//! `fanout ab --compression`: off, standalone and shared, run in turn.

use super::blocks::Blocks;
use super::in_turn::{Made, Refusal, carry_out};
use super::run::colour;
use super::{COULD_NOT_RUN, client, job_summary, say};
use crate::cli::{AbArgs, Format};
use crate::compare::{DEFAULT_RUNS, Tariff, Ways};
use crate::plan::Plan;
use crate::report::{files, ways as report};
use crate::scenario::{Changes, Limits, open};
use crate::way::Way;

/// Compares the ways of a file.
pub(super) fn file(args: &AbArgs) -> u8 {
    carry_out(args, blocks, |blocks, (), made| compare(blocks, made, args))
}

fn blocks(args: &AbArgs, limits: &Limits) -> Result<(Blocks<Way>, ()), Refusal> {
    let file = open(&args.file, Changes { variant: None, sets: &args.conduct.sets }, limits)?;
    let plan = |way: Way| -> Result<Plan, Refusal> {
        let mut plan = open(&args.file, Changes { variant: Some(way.name()), sets: &args.conduct.sets }, limits)?.plan;
        client::drive(&mut plan, args.conduct.drive.client.into())?;
        Ok(plan)
    };
    let there = |way: &Way| file.variants.iter().any(|name| name == way.name());
    let ways: Vec<Way> = [Way::Off, Way::Standalone, Way::Shared].into_iter().filter(there).collect();
    if ways.first() != Some(&Way::Off) || ways.len() < 2 {
        let known = if file.variants.is_empty() { "no variants".to_owned() } else { file.variants.join(", ") };
        return Err(Refusal::Asked(format!(
            "--compression compares the variants off, standalone and shared, at least off and one more: the file has {known}; \
             scenarios/compression-ab.toml shows how they are written"
        )));
    }
    let arms: Result<Vec<_>, Refusal> =
        ways.into_iter().map(|way| Ok((way, way.name().to_owned(), plan(way)?))).collect();
    let runs = args.runs.or(file.ab.map(|ab| ab.runs)).unwrap_or(DEFAULT_RUNS);
    Ok((Blocks { arms: arms?, runs, drive: args.conduct.drive }, ()))
}

fn compare(blocks: &Blocks<Way>, made: &Made<Way>, args: &AbArgs) -> u8 {
    let tariff = Tariff { per_core_hour: args.price_per_core_hour, per_gb: args.price_per_gb };
    let mut ways = Ways::of(blocks.scenario(), blocks.runs, tariff, &made.trials);
    ways.ended_early.clone_from(&made.ended_early);
    if !args.no_summary {
        job_summary::append(&report::markdown(&ways));
    }
    let written = files::write_into(&made.directory, &report::contents(&ways));
    let said = say(&match args.conduct.format {
        Format::Text => report::render(&ways, written.as_ref().ok(), colour()),
        Format::Json => report::json(&ways),
    });
    match (written, said) {
        (Err(error), _) => {
            eprintln!("{error}");
            COULD_NOT_RUN
        }
        (Ok(_), Err(code)) => code,
        (Ok(_), Ok(())) => ways.exit_code(),
    }
}
