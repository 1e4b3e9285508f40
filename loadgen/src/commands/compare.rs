//! `fanout compare`: two sets of old runs.

use super::ab::conclude;
use super::old_runs::below;
use super::{BAD_SCENARIO, COULD_NOT_RUN};
use crate::cli::CompareArgs;
use crate::compare::{Arm, Asked, Comparison, Expectation, Names, Trial};
use crate::thresholds::Metric;

/// Compares the runs of two directories.
pub fn sets(args: &CompareArgs) -> u8 {
    let mut trials = Vec::new();
    for (arm, directory) in [(Arm::A, &args.a), (Arm::B, &args.b)] {
        match below(directory) {
            Ok(found) => trials.extend(found.into_iter().map(|found| Trial { block: 0, arm, run: found.run })),
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
    conclude(&Comparison::of_sets(&asked, &trials), &trials, args.format, args.out.as_deref())
}

fn metric(path: &str, trials: &[Trial]) -> Result<Metric, String> {
    let Some(run) = trials.first().map(|trial| &trial.run) else { return Err("there are no runs".to_owned()) };
    let groups: Vec<&str> = run.groups.keys().map(String::as_str).collect();
    let phases: Vec<&str> = run.phases.keys().map(String::as_str).collect();
    Metric::find(path, &groups, &phases).map_err(|error| error.to_string())
}
