//! `fanout run` and `fanout quick`.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::{BAD_SCENARIO, COULD_NOT_RUN, INTERRUPTED, coloured, say};
use crate::cli::{Format, How, QuickArgs, RunArgs};
use crate::plan::{Mode, Plan};
use crate::progress::{Progress, ProgressMode};
use crate::report::{Colour, Place, exit_code, exit_code_of_all, files as run_files, json, text};
use crate::run::{RunError, Settings, execute};
use crate::scenario::{Limits, Quick, ScenarioError, load, quick};

/// Runs scenario files one after the other.
pub fn files(args: &RunArgs) -> u8 {
    let limits = match limits() {
        Ok(limits) => limits,
        Err(code) => return code,
    };
    let mut plans = Vec::new();
    let mut wrong = false;
    for file in &args.files {
        match load(file, &args.how.sets, &limits) {
            Ok(plan) => plans.push(plan),
            Err(error) => {
                complain(error);
                wrong = true;
            }
        }
    }
    if let (Some(name), true) = (twice(&plans), args.how.out.is_some()) {
        eprintln!(
            "two scenarios are named `{name}`, and the second would overwrite the first in the folder of --out: change the \
             `name` of one, run them one at a time, or leave --out out"
        );
        wrong = true;
    }
    if wrong { BAD_SCENARIO } else { run_all(plans, &args.how) }
}

/// The first name that an earlier plan has as well.
fn twice(plans: &[Plan]) -> Option<&str> {
    let mut seen = HashSet::new();
    plans.iter().map(|plan| plan.name.as_str()).find(|name| !seen.insert(*name))
}

/// Runs the load that a few flags describe.
pub fn quick_load(args: &QuickArgs) -> u8 {
    let limits = match limits() {
        Ok(limits) => limits,
        Err(code) => return code,
    };
    let load = Quick {
        url: args.url.clone(),
        connections: args.connections,
        rooms: args.rooms,
        rate: args.rate,
        duration: args.duration,
        size: args.size.clone(),
        mode: if args.echo { Mode::Echo } else { Mode::Broadcast },
    };
    match quick(&load, &args.how.sets, &limits) {
        Ok(plan) => run_all(vec![plan], &args.how),
        Err(error) => {
            complain(error);
            BAD_SCENARIO
        }
    }
}

fn limits() -> Result<Limits, u8> {
    Limits::of_this_machine().map_err(|error| {
        eprintln!("cannot read this machine's limits from /proc: {error}");
        COULD_NOT_RUN
    })
}

/// Shows what is wrong with a scenario, with its place in the file.
pub(super) fn complain(error: ScenarioError) {
    eprintln!("{:?}", miette::Report::new(error));
}

fn run_all(plans: Vec<Plan>, how: &How) -> u8 {
    let several = plans.len() > 1;
    for plan in &plans {
        if let Err(error) = place(how, &plan.name, several).check(&plan.name) {
            eprintln!("{error}");
            return COULD_NOT_RUN;
        }
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start: {error}");
            return COULD_NOT_RUN;
        }
    };
    let mut codes = Vec::new();
    for mut plan in plans {
        plan.client = how.client.into();
        let code = runtime.block_on(run_one(plan, how, several));
        codes.push(code);
        if code == INTERRUPTED {
            break;
        }
    }
    exit_code_of_all(&codes)
}

async fn run_one(plan: Plan, how: &How, several: bool) -> u8 {
    let name = plan.name.clone();
    let progress = Progress::new(ProgressMode::detect());
    let result = execute(plan, &Settings { workers: how.workers }, &progress).await;
    progress.finish();
    let (run, arrivals) = match result {
        Ok(done) => done,
        Err(error) => {
            eprintln!("{name}: {error}");
            return if matches!(error, RunError::Interrupted) { INTERRUPTED } else { COULD_NOT_RUN };
        }
    };
    let written = run_files::write(&run, &name, &arrivals, &place(how, &name, several));
    let said = say(&match how.format {
        Format::Text => text::render(&run, written.as_ref().ok(), colour()),
        Format::Json if several => json::line(&run) + "\n",
        Format::Json => json::document(&run),
    });
    match written {
        Ok(written) => {
            if let Some(note) = written.note {
                eprintln!("{note}");
            }
            said.map_or_else(|code| code, |()| exit_code(&run))
        }
        Err(error) => {
            eprintln!("{error}");
            COULD_NOT_RUN
        }
    }
}

/// Where a run's files go: `--out` itself, a folder in it for each of several runs, or results/.
fn place(how: &How, name: &str, several: bool) -> Place {
    match &how.out {
        Some(out) if several => Place::Exactly(Path::new(out).join(name)),
        Some(out) => Place::Exactly(out.clone()),
        None => Place::Under(PathBuf::from("results")),
    }
}

fn colour() -> Colour {
    if coloured(std::io::stdout().is_terminal()) { Colour::Always } else { Colour::Never }
}
