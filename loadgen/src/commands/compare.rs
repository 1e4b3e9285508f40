//! `fanout compare`: two sets of old runs.

use std::path::{Path, PathBuf};

use super::ab::conclude;
use super::{BAD_SCENARIO, COULD_NOT_RUN};
use crate::cli::CompareArgs;
use crate::compare::{Arm, Asked, Comparison, Expectation, Names, Trial};
use crate::report::json;
use crate::result::Run;
use crate::thresholds::Metric;

/// Folders below the one that is given are looked at so far: a run, or the runs of a comparison.
const DEPTH: u32 = 2;

/// Compares the runs of two directories.
pub fn sets(args: &CompareArgs) -> u8 {
    let mut trials = Vec::new();
    for (arm, directory) in [(Arm::A, &args.a), (Arm::B, &args.b)] {
        match runs(directory) {
            Ok(runs) => trials.extend(runs.into_iter().map(|run| Trial { block: 0, arm, run })),
            Err(message) => {
                eprintln!("{message}");
                return COULD_NOT_RUN;
            }
        }
    }
    let expect: Result<Vec<Expectation>, _> =
        args.expect.iter().map(|text| Expectation::parse(text, |path| metric(path, &trials))).collect();
    let expect = match expect {
        Ok(expect) => expect,
        Err(error) => {
            eprintln!("--expect: {error}");
            return BAD_SCENARIO;
        }
    };
    let names = Names { a: args.a.display().to_string(), b: args.b.display().to_string() };
    let scenarios = [Arm::A, Arm::B].map(|arm| {
        let of_arm = trials.iter().find(|trial| trial.arm == arm);
        of_arm.and_then(|trial| trial.run.scenario.get("name")?.as_str()).unwrap_or("run").to_owned()
    });
    let scenario = if scenarios[0] == scenarios[1] { scenarios[0].clone() } else { scenarios.join(" and ") };
    let of = |arm: Arm| trials.iter().filter(|trial| trial.arm == arm && trial.run.validity.valid).count();
    let runs = u32::try_from(of(Arm::A).min(of(Arm::B))).unwrap_or(u32::MAX);
    let asked = Asked { scenario: &scenario, names, runs, expect: &expect };
    conclude(&Comparison::of_sets(&asked, &trials), args.format, args.out.as_deref())
}

fn metric(path: &str, trials: &[Trial]) -> Result<Metric, String> {
    let Some(run) = trials.first().map(|trial| &trial.run) else { return Err("there are no runs".to_owned()) };
    let groups: Vec<&str> = run.groups.keys().map(String::as_str).collect();
    let phases: Vec<&str> = run.phases.keys().map(String::as_str).collect();
    Metric::find(path, &groups, &phases).map_err(|error| error.to_string())
}

/// The runs of a directory (or of one run.json), in the order of their names.
pub(super) fn runs(path: &Path) -> Result<Vec<Run>, String> {
    let mut files = Vec::new();
    if path.is_file() {
        files.push(path.to_owned());
    } else {
        find(path, DEPTH, &mut files).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("there is no run.json in {} or its folders", path.display()));
    }
    files
        .iter()
        .map(|file| {
            let text = std::fs::read_to_string(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
            json::read(&text).map_err(|e| format!("{}: {e}", file.display()))
        })
        .collect()
}

/// Links, such as `latest`, are not followed: what they lead to is found by its own name.
fn find(directory: &Path, depth: u32, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let run = directory.join("run.json");
    if run.is_file() {
        found.push(run);
        return Ok(());
    }
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if depth > 0 && entry.file_type()?.is_dir() {
            find(&entry.path(), depth - 1, found)?;
        }
    }
    Ok(())
}
