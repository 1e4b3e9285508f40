//! A run's directory: written beside its place and moved there whole, so that nobody ever sees half of it.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{ArrivalLog, html, intervals, json, junit, openmetrics, summary};
use crate::result::Run;

/// Where a run's directory goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// `ROOT/NAME/20251120T121603Z`, and `ROOT/NAME/latest` points to it. Never overwrites: a run of the same second
    /// gets `-2`.
    Under(PathBuf),
    /// This directory (`--out`): made if missing, files of an earlier run in it replaced one by one, others left alone.
    Exactly(PathBuf),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The run's directory.
    pub directory: PathBuf,
    /// The names of the files in it.
    pub files: Vec<&'static str>,
    /// What went wrong without losing anything: `latest` could not be moved.
    pub note: Option<String>,
}

/// Why a run's files could not be written. Nothing of a failed attempt is left.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// ENOSPC or a quota.
    #[error("the disk is full: cannot write {path}; free some space, or write elsewhere with --out DIR")]
    Full {
        /// What was being written.
        path: PathBuf,
    },
    /// EACCES, EPERM, or a read-only file system.
    #[error("not allowed to write {path}; make its directory writable, or write elsewhere with --out DIR")]
    NotAllowed {
        /// What was being written.
        path: PathBuf,
    },
    /// A file is where a directory has to be.
    #[error("{path} is not a directory; remove it, or write elsewhere with --out DIR")]
    NotADirectory {
        /// What is in the way.
        path: PathBuf,
    },
    /// An earlier comparison, whose runs would be mixed up with those of this one.
    #[error("{path} holds an earlier comparison; remove it, or write elsewhere with --out DIR")]
    Taken {
        /// Its directory.
        path: PathBuf,
    },
    /// Anything else.
    #[error("cannot write {path}: {source}; write elsewhere with --out DIR")]
    Other {
        /// What was being written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl FilesError {
    fn new(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { path },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::NotAllowed { path },
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => Self::NotADirectory { path },
            _ => Self::Other { path, source },
        }
    }
}

impl Place {
    /// Makes sure, before a long run, that its directory can be made and written to when it ends.
    ///
    /// # Errors
    /// What [`write()`] would say.
    pub fn check(&self, name: &str) -> Result<(), FilesError> {
        let directory = self.parent(name);
        make(&directory)?;
        scratch(&directory).map(drop)
    }

    /// The directory that files are prepared in: on the same file system as their place, or they could not be moved there.
    fn parent(&self, name: &str) -> PathBuf {
        match self {
            Self::Under(root) => root.join(name),
            Self::Exactly(directory) => directory.clone(),
        }
    }
}

/// Writes the directory of a run called `name` (`[a-z0-9-]+`).
///
/// # Errors
/// When the disk is full, or the place cannot be written to; nothing is left then.
pub fn write(run: &Run, name: &str, arrivals: &ArrivalLog, place: &Place) -> Result<Written, FilesError> {
    let contents = contents(run, arrivals).map_err(|source| FilesError::new(&place.parent(name), source))?;
    let parent = place.parent(name);
    if let Place::Exactly(directory) = place {
        return write_into(directory, &contents);
    }
    make(&parent)?;
    let scratch = scratch(&parent)?;
    let prepared = prepare(&scratch, &contents)?;
    let directory = settle(&prepared, &parent, &stamp(&run.started))?;
    let note = latest(&parent, &directory, &scratch);
    Ok(Written { directory, files: names(&contents), note })
}

/// Every file of a run.
fn contents(run: &Run, arrivals: &ArrivalLog) -> io::Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("run.json", json::document(run)),
        ("report.html", html::page(run)),
        ("summary.md", summary::markdown(run)),
        ("junit.xml", junit::document(run).map_err(io::Error::other)?),
        ("latency.hlog", arrivals.text().to_owned()),
        ("intervals.csv", intervals::csv(&run.intervals).map_err(io::Error::other)?),
        ("metrics.om", openmetrics::text(run)),
    ])
}

/// Writes files into a directory, made if missing; each replaces an earlier one at once, others are left alone.
///
/// # Errors
/// As [`write()`].
pub fn write_into(directory: &Path, contents: &[(&'static str, String)]) -> Result<Written, FilesError> {
    make(directory)?;
    let scratch = scratch(directory)?;
    let prepared = prepare(&scratch, contents)?;
    for (file, _) in contents {
        rename(&prepared.join(file), &directory.join(file))?;
    }
    Ok(Written { directory: directory.to_owned(), files: names(contents), note: None })
}

/// Makes the directory of several runs that begin now, `ROOT/NAME/PREFIX20251120T121603Z`, with `ROOT/NAME/latest` pointing to it.
///
/// # Errors
/// As [`write()`].
pub fn claim(root: &Path, name: &str, prefix: &str) -> Result<Written, FilesError> {
    let parent = root.join(name);
    make(&parent)?;
    let scratch = scratch(&parent)?;
    let now = format!("{prefix}{}", stamp(&jiff::Timestamp::now().to_string()));
    // `create_dir` fails where there is one, whoever made it: nobody else has this directory.
    let directory = free(&parent, &now, |directory| fs::create_dir(directory))?;
    let note = latest(&parent, &directory, &scratch);
    Ok(Written { directory, files: Vec::new(), note })
}

fn names(contents: &[(&'static str, String)]) -> Vec<&'static str> {
    contents.iter().map(|(file, _)| *file).collect()
}

/// Writes the files into a directory of its own inside the scratch one, which is private to this user; results are not.
fn prepare(scratch: &tempfile::TempDir, contents: &[(&'static str, String)]) -> Result<PathBuf, FilesError> {
    let prepared = scratch.path().join("run");
    make(&prepared)?;
    for (file, text) in contents {
        write_file(&prepared.join(file), text.as_bytes())?;
    }
    Ok(prepared)
}

fn latest(parent: &Path, directory: &Path, scratch: &tempfile::TempDir) -> Option<String> {
    let moved = point_latest(parent, directory, scratch.path());
    moved.err().map(|error| format!("{} was not moved to this run: {error}", parent.join("latest").display()))
}

fn make(directory: &Path) -> Result<(), FilesError> {
    fs::create_dir_all(directory).map_err(|error| FilesError::new(directory, error))
}

fn scratch(parent: &Path) -> Result<tempfile::TempDir, FilesError> {
    tempfile::Builder::new().prefix(".fanout-").tempdir_in(parent).map_err(|error| FilesError::new(parent, error))
}

/// Synchronised before it is moved: some file systems report a full disk only then.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), FilesError> {
    let write = || {
        let mut file = fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error: io::Error| FilesError::new(path, error))
}

fn rename(from: &Path, to: &Path) -> Result<(), FilesError> {
    fs::rename(from, to).map_err(|error| FilesError::new(to, error))
}

/// Moves the finished directory to the first free name. `rename` replaces no directory that has files, so of two runs
/// that end in the same second neither overwrites the other.
fn settle(prepared: &Path, parent: &Path, stamp: &str) -> Result<PathBuf, FilesError> {
    free(parent, stamp, |directory| fs::rename(prepared, directory))
}

/// The first of `STAMP`, `STAMP-2` and so on that `take` can have.
fn free(parent: &Path, stamp: &str, take: impl Fn(&Path) -> io::Result<()>) -> Result<PathBuf, FilesError> {
    let mut attempt = 1_u32;
    loop {
        let name = if attempt == 1 { stamp.to_owned() } else { format!("{stamp}-{attempt}") };
        let directory = parent.join(name);
        match take(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if taken(&error) && attempt < 10_000 => attempt += 1,
            Err(error) => return Err(FilesError::new(&directory, error)),
        }
    }
}

fn taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory
    )
}

/// `20251120T121603Z` of an RFC 3339 time; a time that cannot be read is kept, with what no file name should have left out.
fn stamp(started: &str) -> String {
    match started.parse::<jiff::Timestamp>() {
        Ok(at) => at.strftime("%Y%m%dT%H%M%SZ").to_string(),
        Err(_) => started.chars().filter(char::is_ascii_alphanumeric).collect(),
    }
}

/// Points `latest` to the run, in one step: there is no moment without it.
fn point_latest(parent: &Path, directory: &Path, scratch: &Path) -> io::Result<()> {
    let (Some(target), prepared) = (directory.file_name(), scratch.join("latest")) else {
        return Ok(());
    };
    std::os::unix::fs::symlink(target, &prepared)?;
    fs::rename(prepared, parent.join("latest"))
}

#[cfg(test)]
mod tests;
