//! A place in a room's log as the outside knows it: `GENERATION.INDEX`.

use std::fmt::{self, Write};
use std::str::FromStr;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

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
        self.digits().collect()
    }

    fn digits(self) -> impl Iterator<Item = char> {
        // The largest number has thirteen digits.
        let places = (1..13).rev().map(|place| 36_u64.pow(place)).skip_while(move |value| *value > self.generation);
        places.chain([1]).map(move |value| char::from(DIGITS[(self.generation / value % 36) as usize]))
    }
}

impl fmt::Display for ResumePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.digits().try_for_each(|digit| f.write_char(digit))?;
        write!(f, ".{}", self.index)
    }
}

/// What is wrong with a text that should name a place in a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a cursor; use GENERATION.INDEX: for resume= as the header Fanout-Cursor gave it, with the index of the next message \
     wanted; for after= as the last answer's cursor or a message's seq"
)]
pub struct NotACursor(String);

impl NotACursor {
    /// About `text`, of which the beginning is kept.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.chars().take(64).collect())
    }
}

impl FromStr for ResumePoint {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (generation, index) = text.split_once('.')?;
            Some(Self { generation: u64::from_str_radix(generation, 36).ok()?, index: index.parse().ok()? })
        };
        parse().ok_or_else(|| NotACursor::new(text))
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
