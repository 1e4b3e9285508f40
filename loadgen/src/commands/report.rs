//! `fanout report`: the report of an old run, again.

use std::path::{Path, PathBuf};

use super::old_runs::{Found, below};
use super::run::colour;
use super::{COULD_NOT_RUN, DONE, say};
use crate::cli::ReportArgs;
use crate::report::{Colour, html, json, summary, text};

/// Where a report goes.
enum Place {
    StandardOutput,
    File(PathBuf),
}

/// Writes the report of one run.
pub fn old(args: &ReportArgs) -> u8 {
    let found = match one(&args.run) {
        Ok(found) => found,
        Err(message) => {
            eprintln!("{message}");
            return COULD_NOT_RUN;
        }
    };
    let place = place(args, &found.file);
    let report = if args.form.text {
        let colour = if matches!(place, Place::File(_)) { Colour::Never } else { colour() };
        text::render(&found.run, None, colour)
    } else if args.form.md {
        summary::markdown(&found.run)
    } else if args.form.json {
        json::document(&found.run)
    } else {
        html::page(&found.run)
    };
    match place {
        Place::StandardOutput => say(&report).map_or_else(|code| code, |()| DONE),
        Place::File(file) => match std::fs::write(&file, report) {
            Ok(()) => say(&format!("{}\n", file.display())).map_or_else(|code| code, |()| DONE),
            Err(error) => {
                eprintln!("cannot write {}: {error}; write elsewhere with -o FILE", file.display());
                COULD_NOT_RUN
            }
        },
    }
}

fn one(path: &Path) -> Result<Found, String> {
    let mut found = below(path)?;
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (Some(_), others) => {
            Err(format!("there are {} runs in {}: name the directory of one", others + 1, path.display()))
        }
        (None, _) => Err(format!("there is no run.json in {}", path.display())),
    }
}

fn place(args: &ReportArgs, run: &Path) -> Place {
    match &args.out {
        Some(out) if out.as_os_str() == "-" => Place::StandardOutput,
        Some(out) => Place::File(out.clone()),
        None if args.form.md || args.form.text || args.form.json => Place::StandardOutput,
        None => Place::File(run.with_file_name("report.html")),
    }
}
