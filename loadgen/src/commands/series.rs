//! `--runs N`: what several runs of the same scenario come to.

use std::path::Path;

use super::{COULD_NOT_RUN, job_summary, say};
use crate::cli::{Format, How};
use crate::report::files::write_into;
use crate::report::{Place, series::Series};
use crate::result::Run;

/// The runs of the scenario that is being repeated.
#[derive(Debug, Default)]
pub struct Repeats {
    series: Series,
}

impl Repeats {
    /// Adds a run under the name of its folder.
    pub fn push(&mut self, scenario: &str, folder: &str, run: Run) {
        if self.series.is_empty() {
            self.series = Series::new(scenario);
        }
        self.series.push(folder, run);
    }

    /// Shows what they come to, beside the folder of the last one, and begins anew.
    ///
    /// # Errors
    /// The exit code, when it could not be written.
    pub fn conclude(&mut self, last: &Place, how: &How) -> Result<(), u8> {
        let series = std::mem::take(&mut self.series);
        if series.is_empty() {
            return Ok(());
        }
        let markdown = series.markdown();
        if !how.no_summary {
            job_summary::append(&markdown);
        }
        if how.conduct.format == Format::Text {
            say(&format!("\n{}", series.text()))?;
        }
        let directory = match last {
            Place::Exactly(directory) => directory.parent(),
            Place::Under(_) => None,
        };
        let written = directory.map(|directory: &Path| write_into(directory, &[("summary.md", markdown)])).transpose();
        written.map(drop).map_err(|error| {
            eprintln!("{error}");
            COULD_NOT_RUN
        })
    }
}
