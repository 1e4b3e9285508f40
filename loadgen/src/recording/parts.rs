//! A recording in several files: when the next one begins, and what it is called.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::units;

/// When a recording goes on in its next file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// After this many bytes of lines (before compression).
    Bytes(u64),
    /// After this long.
    Time(Duration),
}

impl FromStr for Rotation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is neither a size nor a time: write \"100MB\", \"1GiB\", \"10m\" or \"1h\"");
        let is_time = text.trim_end().ends_with(['s', 'm', 'h', 'd', 'y']);
        let rotation = match is_time {
            true => Rotation::Time(units::duration(text).map_err(|_| wrong())?),
            false => Rotation::Bytes(units::size(text).map_err(|_| wrong())?),
        };
        match rotation {
            Rotation::Bytes(0) | Rotation::Time(Duration::ZERO) => Err(wrong()),
            rotation => Ok(rotation),
        }
    }
}

impl Rotation {
    /// Whether a file that has `bytes`, from `began_us` on, is full when the next line comes at `at_us`. A file has at least one line.
    pub fn is_full(self, bytes: u64, began_us: u64, at_us: u64) -> bool {
        match self {
            Rotation::Bytes(most) => bytes >= most,
            Rotation::Time(length) => u128::from(at_us.saturating_sub(began_us)) >= length.as_micros(),
        }
    }
}

/// The name of part `number`, from 1: `feed.jsonl.gz` has `feed-0001.jsonl.gz`, `feed-0002.jsonl.gz` and so on. Together, in this order,
/// they are one recording.
pub fn part(file: &Path, number: u32) -> PathBuf {
    let (stem, ends) = split(file);
    file.with_file_name(format!("{stem}-{number:04}{ends}"))
}

/// Which part of `file` the name of another file is, if it is one.
pub fn number(file: &Path, name: &OsStr) -> Option<u32> {
    let (stem, ends) = split(file);
    let digits = name.to_str()?.strip_prefix(&stem)?.strip_prefix('-')?.strip_suffix(&ends)?;
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    (part(file, number).file_name() == Some(name)).then_some(number)
}

/// Whether the name says that the file is compressed.
pub fn is_gzip(file: &Path) -> bool {
    file.extension().is_some_and(|end| end == "gz")
}

/// `feed` and `.jsonl.gz`.
fn split(file: &Path) -> (String, String) {
    let name = file.file_name().map_or_else(|| "feed".into(), OsStr::to_string_lossy).into_owned();
    let before_gz = name.strip_suffix(".gz").unwrap_or(&name);
    let stem = before_gz.rfind('.').filter(|dot| *dot > 0).map_or(before_gz, |dot| &before_gz[..dot]);
    (stem.to_owned(), name[stem.len()..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_is_a_size_or_a_time() {
        assert_eq!("100MB".parse(), Ok(Rotation::Bytes(100_000_000)));
        assert_eq!("1GiB".parse(), Ok(Rotation::Bytes(1 << 30)));
        assert_eq!("5000".parse(), Ok(Rotation::Bytes(5000)));
        assert_eq!("1h".parse(), Ok(Rotation::Time(Duration::from_secs(3600))));
        assert_eq!("1.5m".parse(), Ok(Rotation::Time(Duration::from_secs(90))));
        for wrong in ["", "often", "0s", "0", "-1h", "1 parsec"] {
            assert!(wrong.parse::<Rotation>().unwrap_err().contains("write \"100MB\""), "{wrong}");
        }
    }

    #[test]
    fn a_file_is_full_by_what_it_holds() {
        assert!(!Rotation::Bytes(10).is_full(9, 0, u64::MAX));
        assert!(Rotation::Bytes(10).is_full(10, 0, 0));
        let second = Rotation::Time(Duration::from_secs(1));
        assert!(!second.is_full(u64::MAX, 5_000_000, 5_999_999));
        assert!(second.is_full(0, 5_000_000, 6_000_000));
    }

    #[test]
    fn parts_are_numbered_before_the_ends_of_the_name() {
        for (file, second) in [
            ("feed.jsonl", "feed-0002.jsonl"),
            ("a/b.c/feed.jsonl.gz", "a/b.c/feed-0002.jsonl.gz"),
            ("feed", "feed-0002"),
            (".hidden", ".hidden-0002"),
        ] {
            let path = part(Path::new(file), 2);
            assert_eq!(path, Path::new(second));
            assert_eq!(number(Path::new(file), path.file_name().unwrap()), Some(2));
        }
        for other in ["feed.jsonl", "feed-0000.jsonl", "feed-2.jsonl", "feed-0002.jsonl.gz", "food-0002.jsonl"] {
            assert_eq!(number(Path::new("feed.jsonl"), OsStr::new(other)), None, "{other}");
        }
        assert!(is_gzip(Path::new("x.gz")) && !is_gzip(Path::new("gz")));
    }
}
