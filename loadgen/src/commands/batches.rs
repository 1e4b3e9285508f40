//! What the runs of a command come to, scenario by scenario: said, and written beside their folders, when they have been made.

use std::path::{Path, PathBuf};

use quick_junit::SerializeError;

use super::run::colour;
use super::{COULD_NOT_RUN, job_summary, say};
use crate::cli::{Format, How};
use crate::report::batch::{Batch, Which, contents, markdown, render, tally};
use crate::report::files::{Written, write_into};
use crate::result::Run;

/// The runs of a command.
pub(super) struct Batches<'h> {
    how: &'h How,
    /// The scenario that is being run, with the directory of its runs where each has a folder in it.
    current: Option<(Batch, Option<PathBuf>)>,
    /// The scenarios before it.
    done: Vec<Batch>,
}

impl<'h> Batches<'h> {
    pub(super) fn new(how: &'h How) -> Self {
        Self { how, current: None, done: Vec::new() }
    }

    /// The next scenario, of which so many runs are to be made.
    pub(super) fn begin(&mut self, scenario: &str, directory: Option<PathBuf>, asked: usize) {
        self.current = Some((Batch::new(scenario, asked), directory));
    }

    /// Adds a run of it, or why there is none.
    pub(super) fn push(&mut self, which: Which, made: Result<Run, String>) {
        if let Some((batch, _)) = &mut self.current {
            batch.push(which, made);
        }
    }

    /// Shows what the runs of the scenario come to, and writes it where all of them are.
    ///
    /// # Errors
    /// The exit code, when it could not be written.
    pub(super) fn conclude(&mut self) -> Result<(), u8> {
        let Some((batch, directory)) = self.current.take() else { return Ok(()) };
        let concluded = directory.map_or(Ok(()), |directory| self.write(&batch, &directory));
        self.done.push(batch);
        concluded
    }

    fn write(&self, batch: &Batch, directory: &Path) -> Result<(), u8> {
        if !self.how.no_summary {
            job_summary::append(&markdown(batch));
        }
        let written = write(directory, contents(batch));
        if self.how.conduct.format == Format::Text && batch.only().is_none() {
            say(&format!("\n{}", render(batch, written.as_ref().ok(), colour())))?;
        }
        written.map(drop)
    }

    /// Writes what came of all scenarios into the folder of `--out`, where there is one.
    ///
    /// # Errors
    /// The exit code, when it could not be written.
    pub(super) fn tally(&self) -> Result<(), u8> {
        let Some(out) = &self.how.conduct.out else { return Ok(()) };
        write(out, tally(&self.done)).map(drop)
    }
}

fn write(directory: &Path, contents: Result<Vec<(&'static str, String)>, SerializeError>) -> Result<Written, u8> {
    let could_not = |error: &dyn std::fmt::Display| {
        eprintln!("{error}");
        COULD_NOT_RUN
    };
    let contents = contents.map_err(|error| could_not(&error))?;
    write_into(directory, &contents).map_err(|error| could_not(&error))
}
