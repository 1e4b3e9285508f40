//! What `fanout ab` does whatever it compares: reads the file, makes the runs in turn, and has them compared.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::blocks::{Blocks, End};
use super::run::{RESULTS, claimed, complain, limits, progress, runtime};
use super::{BAD_SCENARIO, COULD_NOT_RUN, INTERRUPTED, client};
use crate::cli::AbArgs;
use crate::compare::Trial;
use crate::progress::Progress;
use crate::report::{FilesError, Place, exit_code_of_all, files};
use crate::run::Signals;
use crate::scenario::{Limits, ScenarioError};

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Client(#[from] client::Unable),
    #[error("{0}")]
    Asked(String),
}

/// Runs that were made in turn.
pub(super) struct Made<A> {
    pub(super) trials: Vec<Trial<A>>,
    /// Why there are not as many as asked for.
    pub(super) ended_early: Option<String>,
    /// Where they are, and what comes of them shall be.
    pub(super) directory: PathBuf,
}

/// Makes the runs that `read` finds in the file, and has `conclude` compare, write and say them; gives the exit code of both.
pub(super) fn carry_out<A: Copy + PartialEq + Display, R>(
    args: &AbArgs,
    read: impl FnOnce(&AbArgs, &Limits) -> Result<(Blocks<A>, R), Refusal>,
    conclude: impl FnOnce(&Blocks<A>, R, &Made<A>) -> u8,
) -> u8 {
    let limits = match limits() {
        Ok(limits) => limits,
        Err(code) => return code,
    };
    let (blocks, rest) = match read(args, &limits) {
        Ok(found) => found,
        Err(refusal) => {
            match refusal {
                Refusal::Scenario(error) => complain(error),
                other => eprintln!("{other}"),
            }
            return BAD_SCENARIO;
        }
    };
    let directory = match directory(args, blocks.scenario()) {
        Ok(directory) => directory,
        Err(error) => {
            eprintln!("{error}");
            return COULD_NOT_RUN;
        }
    };
    let (runtime, mut progress) = match (runtime(), progress(&args.conduct)) {
        (Ok(runtime), Ok(progress)) => (runtime, progress),
        (Err(code), _) | (_, Err(code)) => return code,
    };
    let (made, code) = runtime.block_on(make(&blocks, directory, &mut progress));
    exit_code_of_all(&[conclude(&blocks, rest, &made), code])
}

async fn make<A: Copy + PartialEq + Display>(
    blocks: &Blocks<A>,
    directory: PathBuf,
    progress: &mut Progress,
) -> (Made<A>, u8) {
    let mut trials = Vec::new();
    let end = match Signals::new() {
        Ok(signals) => blocks.make(&directory, (signals, progress), &mut trials).await.err(),
        Err(error) => Some(End::CouldNotRun(format!("cannot listen for Ctrl-C: {error}"))),
    };
    let (code, ended_early) = match end {
        None => (0, None),
        Some(End::Interrupted(why)) => (INTERRUPTED, Some(why)),
        Some(End::CouldNotRun(why)) => (COULD_NOT_RUN, Some(why)),
    };
    if let Some(why) = &ended_early {
        eprintln!("{why}");
    }
    (Made { trials, ended_early, directory }, code)
}

/// Where everything goes; runs of an earlier comparison would be mixed up with these.
fn directory(args: &AbArgs, name: &str) -> Result<PathBuf, FilesError> {
    const EARLIER: [&str; 5] = ["comparison.json", "compression.json", "a-01", "b-01", "off-01"];
    match &args.conduct.out {
        None => files::claim(Path::new(RESULTS), name, "ab-").map(claimed),
        Some(out) if EARLIER.iter().any(|file| out.join(file).exists()) => Err(FilesError::Taken { path: out.clone() }),
        Some(out) => Place::Exactly(out.clone()).check(name).map(|()| out.clone()),
    }
}
