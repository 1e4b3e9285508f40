//! What the wrappers of this crate share: libc return values to [`io::Result`], and words and lines of `/proc` files.

use std::fs;
use std::io;

/// Turns the `-1` of a libc call into the error that `errno` names.
#[inline]
pub(crate) fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The same for calls that return a length.
#[inline]
pub(crate) fn check_len(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Reads a small `/proc` file; the error names the file.
pub(crate) fn read_proc(path: &str) -> io::Result<String> {
    fs::read_to_string(path).map_err(|e| io::Error::new(e.kind(), format!("cannot read {path}: {e}")))
}

/// The number after `key` in a file of `key value [unit]` lines such as `/proc/meminfo`.
pub(crate) fn field(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok())
}

/// The error for a `/proc` file that does not hold what its manual page says.
pub(crate) fn malformed(path: &str, missing: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{path} has no readable {missing}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_key() {
        let text = "VmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        assert_eq!(field(text, "VmRSS:"), Some(1024));
        assert_eq!(field(text, "VmHWM:"), Some(2048));
        assert_eq!(field(text, "VmSwap:"), None);
    }

    #[test]
    fn a_missing_proc_file_is_named_in_the_error() {
        let error = read_proc("/proc/no-such-file").unwrap_err();
        assert!(error.to_string().contains("/proc/no-such-file"), "{error}");
    }
}
