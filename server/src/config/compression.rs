//! `--compression` and the flags that belong to it.

use wire::Sharing;

use super::check::{ConfigError, size};
use super::flags::Flags;
use crate::compressors::{Compression, Compressors};

/// Reads them.
///
/// # Errors
/// A mode that there is not, a level outside 1 to 9, or less memory than one compressor for each shard.
pub(super) fn compression(flags: &Flags, shards: usize) -> Result<Compression, ConfigError> {
    let sharing = match flags.compression.as_deref() {
        None | Some("shared") => Some(Sharing::Shared),
        Some("standalone") => Some(Sharing::Standalone),
        Some("off") => None,
        Some(other) => return Err(invalid("compression", other, "use off, standalone or shared")),
    };
    let level = flags.compression_level.unwrap_or(6);
    if !(1..=9).contains(&level) {
        return Err(invalid("compression-level", &level.to_string(), "use a number from 1 (fast) to 9 (small)"));
    }
    let least = if sharing.is_some() { shards * Compressors::LARGEST } else { 0 } as u64;
    Ok(Compression {
        sharing,
        threshold: size("compression-threshold", flags.compression_threshold, 64, 0, 1 << 40)?,
        level,
        memory: size("deflate-memory", flags.deflate_memory, 256 << 20, least, 1 << 50)?,
    })
}

fn invalid(flag: &'static str, value: &str, problem: &str) -> ConfigError {
    ConfigError::Invalid { flag, value: value.to_owned(), problem: problem.to_owned() }
}
