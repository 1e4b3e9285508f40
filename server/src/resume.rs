//! A place in a room's log as the outside knows it: `GENERATION.INDEX`.

use std::fmt;
use std::str::FromStr;

/// The next message that a client wants: its index, in the log of this generation.
///
/// The generation is random and new whenever a room's log begins anew, so a number from an earlier log, or from before a restart, is
/// recognised as such. Printed in base 36.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResumePoint {
    /// Which log.
    pub generation: u64,
    /// Which message.
    pub index: u64,
}

impl ResumePoint {
    /// The generation alone, in base 36.
    #[must_use]
    pub fn generation_name(self) -> String {
        let mut digits = Vec::with_capacity(13);
        let mut rest = self.generation;
        loop {
            digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize]);
            rest /= 36;
            if rest == 0 {
                break;
            }
        }
        digits.iter().rev().map(|digit| char::from(*digit)).collect()
    }
}

impl fmt::Display for ResumePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation_name(), self.index)
    }
}

/// What is wrong with a text that should name a place in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a cursor; use GENERATION.INDEX as the header Fanout-Cursor gave it, with the index of the next message wanted"
)]
pub struct NotACursor(String);

impl FromStr for ResumePoint {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (generation, index) = text.split_once('.')?;
            Some(Self { generation: u64::from_str_radix(generation, 36).ok()?, index: index.parse().ok()? })
        };
        parse().ok_or_else(|| NotACursor(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_cursor_reads_back(generation: u64, index: u64) {
            let point = ResumePoint { generation, index };
            prop_assert_eq!(point.to_string().parse(), Ok(point));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", ".", "12", "x.", ".5", "a.-1", "a.b", "zzzzzzzzzzzzzzzzzzzz.1"] {
            assert!(text.parse::<ResumePoint>().is_err(), "{text}");
        }
    }
}
