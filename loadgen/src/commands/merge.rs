//! `fanout merge`: several runs as one.

use std::path::Path;

use super::old_runs::below;
use super::run::{RESULTS, claimed, colour};
use super::{BAD_SCENARIO, COULD_NOT_RUN, say};
use crate::cli::{Format, MergeArgs};
use crate::merge::{Timing, merge};
use crate::report::{FilesError, exit_code, files, json, text};
use crate::result::Run;

/// Merges runs, writes and reports the result.
pub fn directories(args: &MergeArgs) -> u8 {
    let mut all = Vec::new();
    for path in &args.runs {
        match below(path) {
            Ok(found) => all.extend(found.into_iter().map(|found| found.run)),
            Err(message) => {
                eprintln!("{message}");
                return COULD_NOT_RUN;
            }
        }
    }
    let timing = if args.sequential { Timing::InTurn } else { Timing::Together };
    let run = match merge(&all, timing) {
        Ok(run) => run,
        Err(error) => {
            eprintln!("{error}");
            return BAD_SCENARIO;
        }
    };
    let written = write(&run, args.out.as_deref());
    let said = say(&match args.format {
        Format::Text => text::render(&run, written.as_ref().ok(), colour()),
        Format::Json => json::document(&run),
    });
    match written {
        Ok(_) => said.map_or_else(|code| code, |()| exit_code(&run)),
        Err(error) => {
            eprintln!("{error}");
            COULD_NOT_RUN
        }
    }
}

fn write(run: &Run, out: Option<&Path>) -> Result<files::Written, FilesError> {
    let contents = [("run.json", json::document(run))];
    let name = run.scenario.get("name").and_then(serde_json::Value::as_str).unwrap_or("run");
    match out {
        Some(out) => files::write_into(out, &contents),
        None => files::write_into(&files::claim(Path::new(RESULTS), name, "merged-").map(claimed)?, &contents),
    }
}
