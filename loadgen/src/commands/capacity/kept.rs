//! What a search leaves in its directory for the one that goes on with it.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::capacity::{Outcome, Trial};
use crate::report::files;

/// One line a trial.
pub(in crate::commands) const TRIALS: &str = "trials.jsonl";
/// Everything that was found.
pub(in crate::commands) const OUTCOME: &str = "capacity.json";

/// What an earlier part of the search has written, if it can be read.
pub(super) fn earlier(directory: &Path) -> Option<Outcome> {
    serde_json::from_str(&fs::read_to_string(directory.join(OUTCOME)).ok()?).ok()
}

/// The trials of the search in a directory, which further ones can then be added to.
pub(super) fn taken_up(directory: &Path) -> Result<Vec<Trial>, String> {
    let path = directory.join(TRIALS);
    let text = fs::read_to_string(&path).map_err(|error| no_search(&path, &error))?;
    let trials = trials_in(&text)?;
    if !text.is_empty() && !text.ends_with('\n') {
        // The next trial would stand behind the rest of a line that was cut off.
        let whole = text.lines().take(trials.len()).flat_map(|line| [line, "\n"]).collect();
        files::write_into(directory, &[(TRIALS, whole)]).map_err(|error| error.to_string())?;
    }
    Ok(trials)
}

/// Why a search cannot be gone on with there.
fn no_search(trials: &Path, error: &std::io::Error) -> String {
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
fn trials_in(text: &str) -> Result<Vec<Trial>, String> {
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

    #[test]
    fn a_search_that_was_cut_off_twice_is_taken_up_twice() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(TRIALS);
        let trial = |load| Trial::of(&Run::default(), load, Length::Short, BTreeMap::new(), String::new());
        append(&file, &trial(1.0)).unwrap();
        for (rest, loads) in [(10, vec![1.0]), (0, vec![1.0, 2.0])] {
            let mut text = fs::read_to_string(&file).unwrap();
            // Once in the middle of a line, once before its end.
            text += &serde_json::to_string(&trial(7.0)).unwrap()[..rest];
            fs::write(&file, text.trim_end_matches('\n')).unwrap();
            let found = taken_up(directory.path()).unwrap();
            assert_eq!(found.iter().map(|trial| trial.load).collect::<Vec<_>>(), loads);
            append(&file, &trial(2.0)).unwrap();
        }
        assert_eq!(taken_up(directory.path()).unwrap().len(), 3);
    }
}
