//! Quantities as people write them: `"250ms"`, `"64KiB"`, `"128-512"`, `"1x-5x"`, `"5%"`.

use std::time::Duration;

/// A quantity that cannot be read, and what it should look like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a time with its unit.
    #[error("`{0}` is not a duration: write a number with its unit, such as \"250ms\", \"1.5s\" or \"2m\"")]
    Duration(String),
    /// Not a number of bytes.
    #[error("`{0}` is not a size: write bytes as a number, or with a unit such as \"64KiB\"")]
    Size(String),
    /// Not a size or a range of sizes.
    #[error("`{0}` is not a size or a range of sizes: write 128, \"2KiB\" or \"128-512\"")]
    Sizes(String),
    /// Not a duration or a range of durations.
    #[error("`{0}` is not a duration or a range of durations: write \"3s\" or \"1s-5s\"")]
    Durations(String),
    /// Not a load.
    #[error("`{0}` is not a load: write \"5x\" for five times the publishers' rates, or \"1x-5x\" to ramp")]
    Load(String),
}

/// A duration with its unit, such as `250ms`, `1.5s` or `1m 30s`.
///
/// # Errors
/// A missing or unknown unit, a negative number, or a number that is none.
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = || UnitError::Duration(text.to_owned());
    let trimmed = text.trim();
    // humantime reads whole numbers only; a fraction of one unit is common in scenarios ("1.5s").
    let number_end = trimmed.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(wrong)?;
    let (number, unit) = trimmed.split_at(number_end);
    if !number.contains('.') {
        return humantime::parse_duration(trimmed).map_err(|_| wrong());
    }
    let one = humantime::parse_duration(&format!("1{}", unit.trim())).map_err(|_| wrong())?;
    let number: f64 = number.parse().map_err(|_| wrong())?;
    Duration::try_from_secs_f64(number * one.as_secs_f64()).map_err(|_| wrong())
}

/// A number of bytes: `1024`, `64KiB`, `1MB`.
///
/// # Errors
/// An unknown unit or a number that is none.
pub fn size(text: &str) -> Result<u64, UnitError> {
    parse_size::parse_size(text.trim()).map_err(|_| UnitError::Size(text.to_owned()))
}

/// One duration, or the shortest and longest of a range: `3s`, `500ms-30s`.
///
/// # Errors
/// Anything else, and a range that runs backwards.
pub fn durations(text: &str) -> Result<(Duration, Duration), UnitError> {
    let wrong = |_| UnitError::Durations(text.to_owned());
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    let (least, most) = (duration(least).map_err(wrong)?, duration(most).map_err(wrong)?);
    if least > most { Err(UnitError::Durations(text.to_owned())) } else { Ok((least, most)) }
}

/// One size, or the smallest and largest of a range: `128`, `2KiB`, `128-512`.
///
/// # Errors
/// Anything else, and a range that runs backwards.
pub fn sizes(text: &str) -> Result<(u64, u64), UnitError> {
    let wrong = |_| UnitError::Sizes(text.to_owned());
    match text.split_once('-') {
        None => size(text).map(|size| (size, size)).map_err(wrong),
        Some((least, most)) => {
            let (least, most) = (size(least).map_err(wrong)?, size(most).map_err(wrong)?);
            if least > most { Err(UnitError::Sizes(text.to_owned())) } else { Ok((least, most)) }
        }
    }
}

/// A load, constant (`5x`) or ramping (`1x-5x`): its value at the start and at the end.
///
/// # Errors
/// A number without its `x`, below zero, or not finite.
pub fn load(text: &str) -> Result<(f64, f64), UnitError> {
    let one = |part: &str| -> Option<f64> {
        let number = part.trim().strip_suffix('x')?.trim();
        // A sign would read as a range, and `inf` or `1e9` as a typing error.
        if !number.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        }
        number.parse().ok().filter(|load: &f64| load.is_finite())
    };
    let both = match text.split_once('-') {
        None => one(text).map(|load| (load, load)),
        Some((from, to)) => one(from).zip(one(to)),
    };
    both.ok_or_else(|| UnitError::Load(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        for (text, ms) in [("250ms", 250), ("1.5s", 1500), ("2m", 120_000), ("1m 30s", 90_000), ("0s", 0), ("0.5ms", 0)]
        {
            assert_eq!(duration(text).unwrap().as_millis(), ms, "{text}");
        }
        assert_eq!(duration("0.5ms").unwrap(), Duration::from_micros(500));
        for text in ["10", "", "-1s", "10 parsecs", "1.2.3s", "s", "1.5"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert_eq!(
            duration("10").unwrap_err().to_string(),
            "`10` is not a duration: write a number with its unit, such as \"250ms\", \"1.5s\" or \"2m\""
        );
    }

    #[test]
    fn sizes_are_bytes_or_carry_their_unit() {
        assert_eq!(size("1024"), Ok(1024));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("1MB"), Ok(1_000_000));
        assert_eq!(sizes("128"), Ok((128, 128)));
        assert_eq!(sizes("128-512"), Ok((128, 512)));
        assert_eq!(sizes("1KiB-4KiB"), Ok((1024, 4096)));
        for text in ["512-128", "-5", "64 parsecs", "", "1-2-3"] {
            assert!(sizes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loads_are_times_the_rates() {
        assert_eq!(load("5x"), Ok((5.0, 5.0)));
        assert_eq!(load("1x-5x"), Ok((1.0, 5.0)));
        assert_eq!(load("0.5x - 0x"), Ok((0.5, 0.0)));
        for text in ["5", "-1x", "1x-", "x", "1-5x", "infx", "nanx"] {
            assert!(load(text).is_err(), "{text}");
        }
    }
}
