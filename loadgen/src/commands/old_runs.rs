//! Runs that were made before, read back from their directories.

use std::path::{Path, PathBuf};

use crate::report::json;
use crate::result::Run;

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
    let mut files = Vec::new();
    if path.is_file() {
        files.push(path.to_owned());
    } else {
        find(path, DEPTH, &mut files).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    }
    files.sort();
    if files.is_empty() {
        return Err(format!("there is no run.json in {} or its folders", path.display()));
    }
    files
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(&file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
            let run = json::read(&text).map_err(|e| format!("{}: {e}", file.display()))?;
            Ok(Found { file, run })
        })
        .collect()
}

/// Links, such as `latest`, are not followed: what they lead to is found by its own name.
fn find(directory: &Path, depth: u32, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let run = directory.join("run.json");
    if run.is_file() {
        found.push(run);
        return Ok(());
    }
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if depth > 0 && entry.file_type()?.is_dir() {
            find(&entry.path(), depth - 1, found)?;
        }
    }
    Ok(())
}
