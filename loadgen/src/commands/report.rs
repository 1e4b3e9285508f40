//! `fanout report`: the report of an old run, again.

use std::path::{Path, PathBuf};

use super::capacity::{OUTCOME, TRIALS};
use super::old_runs::{Found, below, named};
use super::run::colour;
use super::{COULD_NOT_RUN, DONE, say};
use crate::capacity::Outcome;
use crate::cli::ReportArgs;
use crate::report::{Colour, capacity, html, json, summary, text};

/// Pages about several runs, which are made with their commands.
const PAGES: [&str; 4] = ["comparison.html", "compression.html", "variants.html", "plan.html"];

/// Where a report goes.
enum Place {
    StandardOutput,
    File(PathBuf),
}

/// Writes the report of one run, or of a capacity search.
pub fn old(args: &ReportArgs) -> u8 {
    match written_again(args) {
        Ok((report, place)) => put(&report, place),
        Err(message) => {
            eprintln!("{message}");
            COULD_NOT_RUN
        }
    }
}

/// The report, and where it goes.
fn written_again(args: &ReportArgs) -> Result<(String, Place), String> {
    let colour_at = |place: &Place| if matches!(place, Place::File(_)) { Colour::Never } else { colour() };
    if let Some((file, outcome)) = search(&args.run)? {
        let place = place(args, &file, "capacity.html");
        let report = if args.form.text {
            capacity::render(&outcome, None, colour_at(&place))
        } else if args.form.md {
            capacity::markdown(&outcome)
        } else if args.form.json {
            capacity::json(&outcome)
        } else {
            html::capacity(&outcome)
        };
        return Ok((report, place));
    }
    if let Some(page) = PAGES.iter().map(|name| args.run.join(name)).find(|page| page.is_file()) {
        return Err(format!(
            "{} is about several runs: its report is {}, to be opened in a browser; of one run of it, name the directory",
            args.run.display(),
            page.display()
        ));
    }
    if args.run.join(TRIALS).is_file() {
        return Err(format!(
            "{0} holds a capacity search that goes on, or that was broken off before it could write its report: go on with it by fanout \
             capacity FILE --resume {0}; of one trial of it, name the directory",
            args.run.display()
        ));
    }
    let searches = named(&args.run, OUTCOME)?;
    if let Some(search) = searches.first().and_then(|file| file.parent()) {
        let (dir, search) = (args.run.display(), search.display());
        return Err(match searches.len() {
            1 => format!("there is a capacity search in {dir}: name its directory, {search}"),
            n => format!("there are {n} capacity searches in {dir}: name the directory of one, such as {search}"),
        });
    }
    let found = one(&args.run)?;
    let place = place(args, &found.file, "report.html");
    let report = if args.form.text {
        text::render(&found.run, None, colour_at(&place))
    } else if args.form.md {
        summary::markdown(&found.run)
    } else if args.form.json {
        json::document(&found.run)
    } else {
        html::page(&found.run)
    };
    Ok((report, place))
}

/// The capacity search of a directory, or of one capacity.json, if there is one.
fn search(path: &Path) -> Result<Option<(PathBuf, Outcome)>, String> {
    let file = if path.is_file() { path.to_owned() } else { path.join(OUTCOME) };
    if !file.is_file() || file.file_name().is_none_or(|name| name != OUTCOME) {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    let outcome = serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(Some((file, outcome)))
}

fn put(report: &str, place: Place) -> u8 {
    match place {
        Place::StandardOutput => say(report).map_or_else(|code| code, |()| DONE),
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

fn place(args: &ReportArgs, run: &Path, page: &str) -> Place {
    match &args.out {
        Some(out) if out.as_os_str() == "-" => Place::StandardOutput,
        Some(out) => Place::File(out.clone()),
        None if args.form.md || args.form.text || args.form.json => Place::StandardOutput,
        None => Place::File(run.with_file_name(page)),
    }
}
