//! `--baseline RUN_OR_DIR`: finds the earlier run that thresholds compare with.

use std::path::Path;

use super::old_runs;
use crate::cli::{Client, How};
use crate::compare::{Found, Planned, baseline};
use crate::environment::gather;
use crate::plan::Plan;
use crate::result::ComparedWith;
use crate::thresholds::Baseline;

/// The baseline of a run that is about to be made; where there is none, it says why.
pub fn of(plan: &Plan, how: &How) -> Baseline {
    let found =
        how.baseline.as_deref().map_or_else(Baseline::default, |path| from(path, plan, how.conduct.drive.client));
    if how.require_baseline { found.required() } else { found }
}

fn from(path: &Path, plan: &Plan, client: Client) -> Baseline {
    let name = path.display().to_string();
    let planned = Planned { scenario: &plan.resolved, environment: &gather(), client: client.name() };
    match look(path) {
        Ok(found) => baseline(&name, found, planned),
        Err(error) => Baseline::unusable(ComparedWith { path: name, unused: Some(error), ..Default::default() }),
    }
}

fn look(path: &Path) -> Result<Found, String> {
    let named = if path.is_file() { path.to_owned() } else { path.join("run.json") };
    if named.is_file() {
        let only = old_runs::below(&named)?.into_iter().next();
        let only = only.ok_or_else(|| format!("there is no run in {}", path.display()))?;
        return Ok(Found::Run(path.display().to_string(), Box::new(only.run)));
    }
    let directory = |file: &Path| file.parent().unwrap_or(file).display().to_string();
    Ok(Found::All(old_runs::below(path)?.into_iter().map(|found| (directory(&found.file), found.run)).collect()))
}
