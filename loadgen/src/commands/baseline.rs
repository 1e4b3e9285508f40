//! `--baseline RUN_OR_DIR`: finds the earlier run that thresholds compare with.

use std::path::Path;

use super::found::{self, FoundError};
use crate::cli::{Client, How};
use crate::compare::{Found, Planned, baseline};
use crate::environment::gather;
use crate::plan::Plan;
use crate::result::ComparedWith;
use crate::thresholds::Baseline;

/// Folders below a directory are looked at so far: results/NAME/TIME/VARIANT/01.
const DEPTH: u32 = 4;

/// The baseline of a run that is about to be made; where there is none, it says why.
pub fn of(plan: &Plan, how: &How) -> Baseline {
    let found = how.baseline.as_deref().map_or_else(Baseline::default, |path| from(path, plan, how.drive.client));
    if how.require_baseline { found.required() } else { found }
}

fn from(path: &Path, plan: &Plan, client: Client) -> Baseline {
    let name = path.display().to_string();
    let planned = Planned { scenario: &plan.resolved, environment: &gather(), client: client.name() };
    match look(path) {
        Ok(found) => baseline(&name, found, planned),
        Err(error) => {
            Baseline::unusable(ComparedWith { path: name, unused: Some(error.to_string()), ..Default::default() })
        }
    }
}

fn look(path: &Path) -> Result<Found, FoundError> {
    let named = if path.is_file() { path.to_owned() } else { path.join("run.json") };
    if named.is_file() {
        return Ok(Found::Run(path.display().to_string(), Box::new(found::read(&named)?)));
    }
    let directory = |file: &Path| file.parent().unwrap_or(file).display().to_string();
    let all = found::runs(path, DEPTH)?;
    Ok(Found::All(all.into_iter().map(|(file, run)| (directory(&file), run)).collect()))
}
