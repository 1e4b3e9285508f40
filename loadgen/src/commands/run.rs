//! `fanout run` and `fanout quick`.

use std::collections::HashSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::batches::Batches;
use super::{BAD_SCENARIO, COULD_NOT_RUN, INTERRUPTED, baseline, client, coloured, job_summary, say};
use crate::cli::{Conduct, Format, How, QuickArgs, RunArgs};
use crate::live::serve::Page;
use crate::plan::{Mode, Plan};
use crate::progress::{Progress, ProgressMode};
use crate::report::batch::Which;
use crate::report::hlog::ArrivalLog;
use crate::report::{
    Colour, FilesError, Place, Written, exit_code, exit_code_of_all, files as run_files, is_spoiled, json, summary,
    text,
};
use crate::result::Run;
use crate::run::{RunError, Settings, execute};
use crate::scenario::{ALL_VARIANTS, Changes, Limits, Quick, ScenarioError, open, quick};
use crate::thresholds::Baseline;

/// Where results go without `--out`.
pub(super) const RESULTS: &str = "results";

/// One run that is to be made.
struct Job {
    plan: Plan,
    which: Which,
}

impl Job {
    /// What is said before it begins, where there are several.
    fn heading(&self, of: Option<u32>) -> Option<String> {
        let variant = self.which.variant.as_ref().map(|variant| format!("variant {variant}"));
        let number = self.which.number.zip(of).map(|(number, of)| format!("run {number} of {of}"));
        let parts: Vec<String> = variant.into_iter().chain(number).collect();
        (!parts.is_empty()).then(|| format!("{}: {}", self.plan.name, parts.join(", ")))
    }
}

/// Runs scenario files one after the other, each in its variants.
pub fn files(args: &RunArgs) -> u8 {
    let limits = match limits() {
        Ok(limits) => limits,
        Err(code) => return code,
    };
    let mut scenarios = Vec::new();
    let mut names = Vec::new();
    let mut wrong = false;
    for file in &args.files {
        match jobs_of(file, args, &limits) {
            Ok(jobs) => {
                names.extend(jobs.first().map(|job| job.plan.name.clone()));
                scenarios.push(jobs);
            }
            Err(error) => {
                complain(error);
                wrong = true;
            }
        }
    }
    if let (Some(name), true) = (twice(&names), args.how.conduct.out.is_some()) {
        eprintln!(
            "two scenarios are named `{name}`, and the second would overwrite the first in the folder of --out: change the \
             `name` of one, run them one at a time, or leave --out out"
        );
        wrong = true;
    }
    if wrong { BAD_SCENARIO } else { run_all(scenarios, &args.how) }
}

fn jobs_of(file: &Path, args: &RunArgs, limits: &Limits) -> Result<Vec<Job>, ScenarioError> {
    let sets = &args.how.conduct.sets;
    let job = |variant: Option<&str>| {
        let scenario = open(file, Changes { variant, sets }, limits)?;
        let which = Which { variant: variant.map(str::to_owned), number: None };
        Ok((Job { plan: scenario.plan, which }, scenario.variants))
    };
    if args.variants.is_empty() {
        return job(None).map(|(job, _)| vec![job]);
    }
    let mut wanted: Vec<String> = Vec::new();
    for name in &args.variants {
        let named = if name == ALL_VARIANTS { job(None)?.1 } else { vec![name.clone()] };
        if named.is_empty() {
            // There is none of this name, which says what there is.
            job(Some(ALL_VARIANTS))?;
        }
        wanted.extend(named);
    }
    let mut seen = HashSet::new();
    wanted.iter().filter(|name| seen.insert(*name)).map(|name| job(Some(name)).map(|(job, _)| job)).collect()
}

/// The first name that stands there twice.
fn twice(names: &[String]) -> Option<&str> {
    let mut seen = HashSet::new();
    names.iter().map(String::as_str).find(|name| !seen.insert(*name))
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
    match quick(&load, &args.how.conduct.sets, &limits) {
        Ok(plan) => run_all(vec![vec![Job { plan, which: Which::default() }]], &args.how),
        Err(error) => {
            complain(error);
            BAD_SCENARIO
        }
    }
}

pub(super) fn limits() -> Result<Limits, u8> {
    Limits::of_this_machine().map_err(|error| {
        eprintln!("cannot read this machine's limits from /proc: {error}");
        COULD_NOT_RUN
    })
}

/// Shows what is wrong with a scenario, with its place in the file.
pub(super) fn complain(error: ScenarioError) {
    eprintln!("{:?}", miette::Report::new(error));
}

/// A run with everything that is found out before the first one is made.
struct Prepared {
    job: Job,
    place: Place,
    baseline: Baseline,
}

/// The jobs of each scenario.
fn run_all(mut scenarios: Vec<Vec<Job>>, how: &How) -> u8 {
    for job in scenarios.iter_mut().flatten() {
        if let Err(unable) = client::drive(&mut job.plan, how.conduct.drive.client.into()) {
            eprintln!("{unable}");
            return BAD_SCENARIO;
        }
    }
    let scenarios: Vec<Vec<Job>> = scenarios.into_iter().map(|jobs| repeated(jobs, how.runs)).collect();
    let several_files = scenarios.len() > 1;
    let several = scenarios.iter().map(Vec::len).sum::<usize>() > 1;
    // Before any directory is made: `latest` may be the baseline.
    let baselines: Vec<Vec<Baseline>> =
        scenarios.iter().map(|jobs| jobs.iter().map(|job| baseline::of(&job.plan, how)).collect()).collect();
    let mut prepared = Vec::new();
    for (jobs, baselines) in scenarios.into_iter().zip(baselines) {
        match prepare(jobs, baselines, several_files, how) {
            Ok(scenario) => prepared.push(scenario),
            Err(error) => {
                eprintln!("{error}");
                return COULD_NOT_RUN;
            }
        }
    }
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(code) => return code,
    };
    let mut progress = match progress(&how.conduct) {
        Ok(progress) => progress,
        Err(code) => return code,
    };
    let mut codes = Vec::new();
    let mut batches = Batches::new(how);
    'all: for (directory, jobs) in prepared {
        let name = jobs.first().map_or_else(String::new, |first| first.job.plan.name.clone());
        batches.begin(&name, directory, jobs.len());
        for Prepared { job, place, baseline } in jobs {
            match job.heading(how.runs).filter(|_| several) {
                Some(heading) => progress.announce(heading, ""),
                None => progress.announce_nothing(),
            }
            let Job { plan, which } = job;
            let settings = Settings { baseline, ..how.conduct.drive.settings() };
            let output = Output { how, several, in_batch: which != Which::default() };
            let (code, made) = runtime.block_on(run_one(plan, &settings, &output, &place, &mut progress));
            codes.push(code);
            batches.push(which, made);
            if code == INTERRUPTED {
                break 'all;
            }
        }
        codes.extend(batches.conclude().err());
    }
    codes.extend(batches.conclude().err());
    if several_files {
        codes.extend(batches.tally().err());
    }
    exit_code_of_all(&codes)
}

/// Each job as often as asked for.
fn repeated(jobs: Vec<Job>, runs: Option<u32>) -> Vec<Job> {
    let Some(runs) = runs else { return jobs };
    let each = |job: Job| {
        let again = move |n| Job { plan: job.plan.clone(), which: Which { number: Some(n), ..job.which.clone() } };
        (1..=runs).map(again)
    };
    jobs.into_iter().flat_map(each).collect()
}

/// What shows the runs, one after the other; with `--serve` also to who looks at the live page.
pub(super) fn progress(conduct: &Conduct) -> Result<Progress, u8> {
    let page = conduct.serve.map(Page::listen).transpose().map_err(|error| {
        eprintln!("{error}");
        COULD_NOT_RUN
    })?;
    if let Some(page) = &page {
        eprintln!("live figures at {} (for Prometheus: {}metrics)", page.url(), page.url());
    }
    Ok(Progress::new(ProgressMode::detect(), page))
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, u8> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        eprintln!("cannot start: {error}");
        COULD_NOT_RUN
    })
}

/// What is shown of a run.
struct Output<'h> {
    how: &'h How,
    /// It is one of several, of whatever scenarios.
    several: bool,
    /// What the runs of its scenario come to is said at their end.
    in_batch: bool,
}

impl Output<'_> {
    /// It is one of several of the same, of which the head is enough.
    fn is_repeated(&self) -> bool {
        self.how.runs.is_some_and(|runs| runs > 1)
    }
}

/// Makes a run; gives the exit code, and the run or why there is none.
async fn run_one(
    plan: Plan,
    settings: &Settings,
    output: &Output<'_>,
    place: &Place,
    progress: &mut Progress,
) -> (u8, Result<Run, String>) {
    let name = plan.name.clone();
    let (run, arrivals) = match attempts(plan, settings, output.how.retries, progress).await {
        Ok(done) => done,
        Err(error) => {
            eprintln!("{name}: {error}");
            let code = if matches!(error, RunError::Interrupted) { INTERRUPTED } else { COULD_NOT_RUN };
            return (code, Err(error.to_string()));
        }
    };
    let written = run_files::write(&run, &name, &arrivals, place);
    if !output.in_batch && !output.how.no_summary {
        job_summary::append(&summary::markdown(&run));
    }
    let said = say(&match output.how.conduct.format {
        Format::Text if output.is_repeated() => text::head(&run, colour()),
        Format::Text => text::render(&run, written.as_ref().ok(), colour()),
        Format::Json if output.several => json::line(&run) + "\n",
        Format::Json => json::document(&run),
    });
    let code = match written {
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
    };
    (code, Ok(run))
}

/// Makes a run, and makes it again where nothing but the load generator was to blame, as often as is allowed.
async fn attempts(
    plan: Plan,
    settings: &Settings,
    retries: u32,
    progress: &mut Progress,
) -> Result<(Run, ArrivalLog), RunError> {
    let mut invalid_before = Vec::new();
    loop {
        let result = execute(plan.clone(), settings, progress).await;
        progress.finish();
        let (mut run, arrivals) = result?;
        if invalid_before.len() < retries as usize && is_spoiled(&run) {
            eprintln!("{}: not valid, so it is made again: {}", plan.name, run.validity.what_is_wrong());
            invalid_before.push(run.validity);
            continue;
        }
        run.invalid_before = invalid_before;
        return Ok((run, arrivals));
    }
}

/// Where the runs of a scenario go: a directory for all of them, where there may be several, and in it the folders of each. The directory
/// is `--out`, in it a folder for each of several scenarios, or results/NAME/TIME. Made sure of before the first of several long runs.
fn prepare(
    jobs: Vec<Job>,
    baselines: Vec<Baseline>,
    several_files: bool,
    how: &How,
) -> Result<(Option<PathBuf>, Vec<Prepared>), FilesError> {
    let name = jobs.first().map_or_else(String::new, |job| job.plan.name.clone());
    let in_folders = jobs.iter().any(|job| job.which != Which::default());
    let directory = match &how.conduct.out {
        Some(out) if several_files => Some(out.join(&name)),
        Some(out) => Some(out.clone()),
        // All variants and runs of a scenario in one directory, named by when the first began.
        None if in_folders => Some(run_files::claim(Path::new(RESULTS), &name, "").map(claimed)?),
        None => None,
    };
    let mut prepared = Vec::new();
    for (job, baseline) in jobs.into_iter().zip(baselines) {
        let place = match &directory {
            Some(directory) => Place::Exactly(directory.join(job.which.folders().join("/"))),
            None => Place::Under(PathBuf::from(RESULTS)),
        };
        place.check(&name)?;
        prepared.push(Prepared { job, place, baseline });
    }
    Ok((directory.filter(|_| in_folders), prepared))
}

/// The directory, after saying what went wrong with its neighbour `latest`.
pub(super) fn claimed(written: Written) -> PathBuf {
    if let Some(note) = written.note {
        eprintln!("{note}");
    }
    written.directory
}

pub(super) fn colour() -> Colour {
    if coloured(std::io::stdout().is_terminal()) { Colour::Always } else { Colour::Never }
}
