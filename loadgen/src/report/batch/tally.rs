//! All scenarios of one command: what came of each run, the gravest first.

use std::fmt::Write as _;

use quick_junit::SerializeError;

use super::{Attempt, Batch};
use crate::report::junit;
use crate::report::markdown::{escaped, table};
use crate::report::numbers::plural;
use crate::report::summary::short;

/// Runs beyond so many are counted.
const ROWS: usize = 100;

/// The files of the folder that has those of all scenarios, by their names.
///
/// # Errors
/// As [`junit::documents`].
pub fn tally(batches: &[Batch]) -> Result<Vec<(&'static str, String)>, SerializeError> {
    Ok(vec![("summary.md", markdown(batches)), ("junit.xml", junit::documents(batches)?)])
}

fn markdown(batches: &[Batch]) -> String {
    let word = if batches.iter().all(Batch::passed) { "PASSED" } else { "NOT ALL PASSED" };
    let mut out = format!("## {word}: {}\n\n", plural(batches.len() as u64, "scenario"));
    let mut all: Vec<(&Batch, &Attempt)> =
        batches.iter().flat_map(|batch| batch.attempts.iter().map(move |attempt| (batch, attempt))).collect();
    all.sort_by_key(|(_, attempt)| attempt.standing().place());
    let rows = all.iter().take(ROWS).map(|(batch, attempt)| {
        let standing = attempt.standing();
        let word = if standing.passed() { "passed".to_owned() } else { format!("**{}**", standing.word()) };
        let place: Vec<String> = std::iter::once(batch.name.clone()).chain(attempt.which.folders()).collect();
        vec![word, escaped(&short(&place.join("/"))), escaped(&short(&attempt.why()))]
    });
    table(&mut out, &["", "run", "why"], rows);
    if all.len() > ROWS {
        // Writing into a String cannot fail.
        let _ = writeln!(out, "\nand {} more", all.len() - ROWS);
    }
    out += "\nEach scenario has a summary.md of its own, in the folder of its name.\n";
    out
}
