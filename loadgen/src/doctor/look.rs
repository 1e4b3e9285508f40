//! Reads what the kernel says.

use std::fs::read_to_string;
use std::path::Path;

use super::readings::{FILES, GROUP_FILES, Readings, group_folders};

/// Reads everything that the doctor looks at, below `root` (`/`, but for tests). What is not there is left out.
#[must_use]
pub fn look(root: &Path) -> Readings {
    let cpus = net::available().map_or(1, |cpus| cpus.len());
    let mut readings = Readings { cpus, ..Readings::default() };
    for file in FILES {
        if let Ok(text) = read_to_string(root.join(file)) {
            readings.files.insert(file.to_owned(), text);
        }
    }
    let folders = readings.text("proc/self/cgroup").map(group_folders).unwrap_or_default();
    for folder in folders {
        for file in GROUP_FILES {
            if let Ok(text) = read_to_string(root.join("sys/fs/cgroup").join(&folder).join(file)) {
                readings.groups.entry(file.to_owned()).or_default().push(text);
            }
        }
    }
    readings
}
