//! `fanout run` and `fanout quick`.

use std::collections::{HashMap, HashSet};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use super::series::Repeats;
use super::{BAD_SCENARIO, COULD_NOT_RUN, INTERRUPTED, baseline, client, coloured, job_summary, say};
use crate::cli::{Conduct, Format, How, QuickArgs, RunArgs};
use crate::live::serve::Page;
use crate::plan::{Mode, Plan};
use crate::progress::{Progress, ProgressMode};
use crate::report::{Colour, FilesError, Place, exit_code, exit_code_of_all, files as run_files, json, summary, text};
use crate::result::Run;
use crate::run::{RunError, Settings, execute};
use crate::scenario::{ALL_VARIANTS, Changes, Limits, Quick, ScenarioError, open, quick};

/// Where results go without `--out`.
pub(super) const RESULTS: &str = "results";

/// One run that is to be made.
struct Job {
    plan: Plan,
    /// Of the file; `None`: the file as it is.
    variant: Option<String>,
    /// Which of `--runs` it is, from 1; `None`: the only one.
    number: Option<u32>,
}

impl Job {
    /// The folder of one of several runs.
    fn folder(number: u32) -> String {
        format!("{number:02}")
    }

    /// What is said before it begins, where there are several.
    fn heading(&self, of: Option<u32>) -> Option<String> {
        let variant = self.variant.as_ref().map(|variant| format!("variant {variant}"));
        let number = self.number.zip(of).map(|(number, of)| format!("run {number} of {of}"));
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
    let mut jobs = Vec::new();
    let mut names = Vec::new();
    let mut wrong = false;
    for file in &args.files {
        match jobs_of(file, args, &limits) {
            Ok(of_file) => {
                names.extend(of_file.first().map(|job| job.plan.name.clone()));
                jobs.extend(of_file);
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
    if wrong { BAD_SCENARIO } else { run_all(jobs, args.files.len() > 1, &args.how) }
}

fn jobs_of(file: &Path, args: &RunArgs, limits: &Limits) -> Result<Vec<Job>, ScenarioError> {
    let sets = &args.how.conduct.sets;
    let job = |variant: Option<&str>| {
        let scenario = open(file, Changes { variant, sets }, limits)?;
        Ok((Job { plan: scenario.plan, variant: variant.map(str::to_owned), number: None }, scenario.variants))
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
        Ok(plan) => run_all(vec![Job { plan, variant: None, number: None }], false, &args.how),
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

fn run_all(mut jobs: Vec<Job>, several_files: bool, how: &How) -> u8 {
    for job in &mut jobs {
        if let Err(unable) = client::drive(&mut job.plan, how.conduct.drive.client.into()) {
            eprintln!("{unable}");
            return BAD_SCENARIO;
        }
    }
    let jobs = repeated(jobs, how.runs);
    let several = jobs.len() > 1;
    // Before any directory is made: `latest` may be the baseline.
    let baselines: Vec<_> = jobs.iter().map(|job| baseline::of(&job.plan, how)).collect();
    let mut places = Vec::new();
    let mut claimed: HashMap<String, PathBuf> = HashMap::new();
    for job in &jobs {
        match place(job, several_files, how, &mut claimed) {
            Ok(place) => places.push(place),
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
    let mut repeats = Repeats::default();
    for ((job, place), baseline) in jobs.into_iter().zip(places).zip(baselines) {
        match job.heading(how.runs).filter(|_| several) {
            Some(heading) => progress.announce(heading, ""),
            None => progress.announce_nothing(),
        }
        let name = job.plan.name.clone();
        let settings = Settings { baseline, ..how.conduct.drive.settings() };
        let output = Output { how, several, repeated: job.number.is_some() };
        let (code, run) = runtime.block_on(run_one(job.plan, &settings, &output, &place, &mut progress));
        codes.push(code);
        let last = job.number == how.runs || code == INTERRUPTED;
        if let (Some(number), Some(run)) = (job.number, run) {
            repeats.push(&name, &Job::folder(number), run);
        }
        if job.number.is_some() && last {
            codes.extend(repeats.conclude(&place, how).err());
        }
        if code == INTERRUPTED {
            break;
        }
    }
    exit_code_of_all(&codes)
}

/// Each job as often as asked for.
fn repeated(jobs: Vec<Job>, runs: Option<u32>) -> Vec<Job> {
    let Some(runs) = runs else { return jobs };
    let each = |job: Job| {
        let again = move |n| Job { plan: job.plan.clone(), variant: job.variant.clone(), number: Some(n) };
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
    /// It is one of several of the same scenario, which are summed up at their end.
    repeated: bool,
}

/// Makes a run; gives the exit code, and the run if there is one.
async fn run_one(
    plan: Plan,
    settings: &Settings,
    output: &Output<'_>,
    place: &Place,
    progress: &mut Progress,
) -> (u8, Option<Run>) {
    let name = plan.name.clone();
    let result = execute(plan, settings, progress).await;
    progress.finish();
    let (run, arrivals) = match result {
        Ok(done) => done,
        Err(error) => {
            eprintln!("{name}: {error}");
            let code = if matches!(error, RunError::Interrupted) { INTERRUPTED } else { COULD_NOT_RUN };
            return (code, None);
        }
    };
    let written = run_files::write(&run, &name, &arrivals, place);
    if !output.repeated && !output.how.no_summary {
        job_summary::append(&summary::markdown(&run));
    }
    let said = say(&match output.how.conduct.format {
        Format::Text if output.repeated => text::head(&run, colour()),
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
    (code, Some(run))
}

/// Where a run's files go: `--out` itself or results/NAME/TIME, in it a folder for each of several scenarios, in that one for each variant,
/// and in that one for each of `--runs`. Made sure of before the first of several long runs.
fn place(
    job: &Job,
    several_files: bool,
    how: &How,
    claimed: &mut HashMap<String, PathBuf>,
) -> Result<Place, FilesError> {
    let name = &job.plan.name;
    let folders: Vec<String> = job.variant.iter().cloned().chain(job.number.map(Job::folder)).collect();
    let below = |directory: PathBuf| Place::Exactly(folders.iter().fold(directory, |path, folder| path.join(folder)));
    let place = match &how.conduct.out {
        Some(out) if several_files => below(out.join(name)),
        Some(out) => below(out.clone()),
        None if folders.is_empty() => Place::Under(PathBuf::from(RESULTS)),
        None => {
            // All variants and runs of a scenario in one directory, named by when the first began.
            let directory = match claimed.get(name) {
                Some(directory) => directory.clone(),
                None => run_files::claim(Path::new(RESULTS), name, "")?.directory,
            };
            claimed.insert(name.clone(), directory.clone());
            below(directory)
        }
    };
    place.check(name)?;
    Ok(place)
}

pub(super) fn colour() -> Colour {
    if coloured(std::io::stdout().is_terminal()) { Colour::Always } else { Colour::Never }
}
