//! `fanout plan`: from what was measured to how many servers a load takes.

use std::path::Path;

use super::old_runs;
use super::run::colour;
use super::{BAD_SCENARIO, COULD_NOT_RUN, say};
use crate::capacity::Outcome;
use crate::cli::{Format, PlanArgs};
use crate::report::{files, sizing as report};
use crate::sizing::{Sizing, Source, What};

/// The file of a capacity search.
const CAPACITY: &str = "capacity.json";

/// Plans and reports.
pub fn load(args: &PlanArgs) -> u8 {
    let mut sources = Vec::new();
    for path in &args.results {
        match sources_in(path) {
            Ok(found) => sources.extend(found),
            Err(message) => {
                eprintln!("{message}");
                return COULD_NOT_RUN;
            }
        }
    }
    let sizing = match Sizing::of(&sources, &args.wanted(), args.objective.as_deref()) {
        Ok(sizing) => sizing,
        Err(refusal) => {
            eprintln!("{refusal}");
            return BAD_SCENARIO;
        }
    };
    let written =
        args.out.as_ref().map(|directory| files::write_into(directory, &report::contents(&sizing))).transpose();
    let said = say(&match args.format {
        Format::Text => report::render(&sizing, written.as_ref().ok().and_then(Option::as_ref), colour()),
        Format::Json => report::json(&sizing),
    });
    match written {
        Ok(_) => said.map_or_else(|code| code, |()| sizing.exit_code()),
        Err(error) => {
            eprintln!("{error}");
            COULD_NOT_RUN
        }
    }
}

/// The searches in a directory or below it, and the runs that are not trials of them.
fn sources_in(path: &Path) -> Result<Vec<Source>, String> {
    let is_search = path.file_name().is_some_and(|name| name == CAPACITY);
    let searches = if is_search { vec![path.to_owned()] } else { old_runs::named(path, CAPACITY)? };
    let mut sources = Vec::new();
    for file in &searches {
        let text = std::fs::read_to_string(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
        let outcome: Outcome = serde_json::from_str(&text)
            .map_err(|e| format!("{} is not a capacity search of fanout: {e}", file.display()))?;
        let name = file.parent().unwrap_or(file).display().to_string();
        sources.push(Source { name, what: What::Capacity(Box::new(outcome)) });
    }
    if is_search || (!searches.is_empty() && path.join(CAPACITY).is_file()) {
        return Ok(sources);
    }
    let of_a_search =
        |file: &Path| searches.iter().filter_map(|search| search.parent()).any(|search| file.starts_with(search));
    let files: Vec<_> = if path.is_file() { vec![path.to_owned()] } else { old_runs::named(path, old_runs::RUN)? };
    for file in files.iter().filter(|file| !of_a_search(file)) {
        let run = old_runs::read(file)?;
        let name = file.parent().unwrap_or(file).display().to_string();
        sources.push(Source { name, what: What::Run(Box::new(run)) });
    }
    if sources.is_empty() {
        return Err(format!("there is no {CAPACITY} and no {} in {} or its folders", old_runs::RUN, path.display()));
    }
    Ok(sources)
}
