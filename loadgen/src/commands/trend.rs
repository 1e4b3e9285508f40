//! `fanout trend`: how figures went over the runs of a directory.

use super::old_runs::below;
use super::run::colour;
use super::{COULD_NOT_RUN, DONE, say};
use crate::cli::{Format, TrendArgs};
use crate::report::{files, html, trend};
use crate::trend::{Past, trends};

/// Reads the runs and reports.
pub fn runs(args: &TrendArgs) -> u8 {
    let found = match below(&args.directory) {
        Ok(found) => found,
        Err(message) => {
            eprintln!("{message}");
            return COULD_NOT_RUN;
        }
    };
    let past = found.into_iter().map(|found| {
        let directory = found.file.parent().unwrap_or(&found.file);
        Past { name: directory.display().to_string(), run: found.run }
    });
    let trends = trends(past.collect());
    let written = args.out.as_ref().map(|directory| {
        files::write_into(directory, &[("trend.json", trend::json(&trends)), ("trend.html", html::trend(&trends))])
    });
    let said = say(&match args.format {
        Format::Text => trend::text(&trends, colour()),
        Format::Json => trend::json(&trends),
    });
    match written.transpose() {
        Ok(_) => said.map_or_else(|code| code, |()| DONE),
        Err(error) => {
            eprintln!("{error}");
            COULD_NOT_RUN
        }
    }
}
