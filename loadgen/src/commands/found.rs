//! Runs that were made before, found by their `run.json`.

use std::path::{Path, PathBuf};

use crate::report::json::{self, ReadError};
use crate::result::Run;

/// Why there are no runs to be had.
#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    /// A directory or file.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A directory without a run.
    #[error("there is no run.json in {0} or its folders")]
    Nothing(PathBuf),
    /// A file that is no run.
    #[error("{path}: {source}")]
    NoRun {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: ReadError,
    },
}

/// The runs of a directory and so many levels of folders below it (or of one run.json), with their paths, in the order of those.
///
/// # Errors
/// When there is none, or one of them cannot be read.
pub fn runs(path: &Path, depth: u32) -> Result<Vec<(PathBuf, Run)>, FoundError> {
    let mut files = Vec::new();
    if path.is_file() {
        files.push(path.to_owned());
    } else {
        let unreadable = |source| FoundError::Unreadable { path: path.to_owned(), source };
        find(path, depth, &mut files).map_err(unreadable)?;
    }
    files.sort();
    if files.is_empty() {
        return Err(FoundError::Nothing(path.to_owned()));
    }
    files.into_iter().map(|file| read(&file).map(|run| (file, run))).collect()
}

/// The run of one run.json.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read(file: &Path) -> Result<Run, FoundError> {
    let path = || file.to_owned();
    let text = std::fs::read_to_string(file).map_err(|source| FoundError::Unreadable { path: path(), source })?;
    json::read(&text).map_err(|source| FoundError::NoRun { path: path(), source })
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
