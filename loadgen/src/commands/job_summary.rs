//! The summary page of a CI job: GitHub names a file in GITHUB_STEP_SUMMARY, and what is appended to it is shown there.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

/// Appends Markdown, where there is such a file. That it cannot be written is said, and fails no run.
pub fn append(markdown: &str) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return;
    };
    let file = OpenOptions::new().create(true).append(true).open(&path);
    if let Err(error) = file.and_then(|mut file| file.write_all(format!("{markdown}\n").as_bytes())) {
        eprintln!("the job summary {} was not written: {error}", path.display());
    }
}
