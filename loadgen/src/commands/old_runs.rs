//! Runs that were made before, read back from their directories.

use std::path::{Path, PathBuf};

use crate::report::json;
use crate::result::Run;

/// The file of a run.
pub(super) const RUN: &str = "run.json";
/// Folders below the one that is given are looked at so far: NAME/TIME/VARIANT/NUMBER.
const DEPTH: u32 = 4;

/// A run and where it was found.
pub(super) struct Found {
    /// Its run.json.
    pub(super) file: PathBuf,
    pub(super) run: Run,
}

/// The runs of a directory (or of one run.json), in the order of their names; at least one.
pub(super) fn below(path: &Path) -> Result<Vec<Found>, String> {
    let files = if path.is_file() { vec![path.to_owned()] } else { named(path, RUN)? };
    if files.is_empty() {
        return Err(format!("there is no {RUN} in {} or its folders", path.display()));
    }
    files.into_iter().map(|file| read(&file).map(|run| Found { file, run })).collect()
}

/// A run.json.
pub(super) fn read(file: &Path) -> Result<Run, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    json::read(&text).map_err(|e| format!("{}: {e}", file.display()))
}

/// The files of this name in a directory and below it, in the order of their paths; a directory that has one is not looked into.
pub(super) fn named(directory: &Path, name: &str) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    if directory.is_file() {
        return Ok(files);
    }
    find(directory, name, DEPTH, &mut files)
        .map_err(|error| format!("cannot read {}: {error}", directory.display()))?;
    files.sort();
    Ok(files)
}

/// Links, such as `latest`, are not followed: what they lead to is found by its own name.
fn find(directory: &Path, name: &str, depth: u32, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let file = directory.join(name);
    if file.is_file() {
        found.push(file);
        return Ok(());
    }
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if depth > 0 && entry.file_type()?.is_dir() {
            find(&entry.path(), name, depth - 1, found)?;
        }
    }
    Ok(())
}
