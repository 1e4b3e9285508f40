//! What a search leaves in its directory for the one that goes on with it.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::capacity::{Outcome, Trial};

/// One line a trial.
pub(super) const TRIALS: &str = "trials.jsonl";
/// Everything that was found.
pub(in crate::commands) const OUTCOME: &str = "capacity.json";

/// What an earlier part of the search has written, if it can be read.
pub(super) fn earlier(directory: &Path) -> Option<Outcome> {
    serde_json::from_str(&fs::read_to_string(directory.join(OUTCOME)).ok()?).ok()
}

/// Why a search cannot be gone on with there.
pub(super) fn no_search(trials: &Path, error: &std::io::Error) -> String {
    let folder = "give the folder of a search that was broken off, such as results/NAME/capacity-TIME";
    match trials.parent().map(|folder| folder.join(OUTCOME).exists()) {
        Some(true) => format!(
            "it has the report of a search and not its trials ({TRIALS}), so it cannot be gone on with; {folder}"
        ),
        _ if error.kind() == std::io::ErrorKind::NotFound => {
            format!("no search is there ({TRIALS} is missing); {folder}")
        }
        _ => format!("{TRIALS}: {error}; {folder}"),
    }
}

/// The trials of a search that was broken off.
pub(super) fn trials_in(text: &str) -> Result<Vec<Trial>, String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut trials = Vec::new();
    for (number, line) in (1..).zip(&lines) {
        match serde_json::from_str(line) {
            Ok(trial) => trials.push(trial),
            // A line that was cut off when the machine went down is made again.
            Err(_) if number == lines.len() && !text.ends_with('\n') => {}
            Err(error) => return Err(format!("{TRIALS}, line {number}: {error}")),
        }
    }
    Ok(trials)
}

/// Keeps a trial.
pub(super) fn append(path: &Path, trial: &Trial) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    let line = serde_json::to_string(trial).map_err(|error| error.to_string())? + "\n";
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).map_err(wrong)?;
    file.write_all(line.as_bytes()).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::analyse::search::Length;
    use crate::result::Run;

    #[test]
    fn a_line_that_was_cut_off_is_left_out_and_a_wrong_one_is_not() {
        let trial = Trial::of(&Run::default(), 5.0, Length::Short, BTreeMap::new(), "001".to_owned());
        let line = serde_json::to_string(&trial).unwrap();
        assert_eq!(trials_in(&format!("{line}\n{line}\n")).unwrap(), [trial.clone(), trial.clone()]);
        assert_eq!(trials_in(&format!("{line}\n{}", &line[..20])).unwrap(), [trial]);
        assert!(trials_in(&format!("{}\n{line}\n", &line[..20])).unwrap_err().contains("line 1"));
    }
}
