//! The last message that a client has, as long polling names it: `GENERATION.INDEX`.

use std::fmt;
use std::str::FromStr;

use crate::resume::{NotACursor, ResumePoint};

/// The newest message that a client has received; with index -1 when it has none of this log.
///
/// There are two kinds of names for a place in a log, one apart. *What a client has* is named by a message's `seq`, `/poll`'s `after` and
/// `cursor`, and this type. *What it wants next* is named by `Fanout-Cursor` and `?resume=`, and by [`ResumePoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// The first message that it does not have.
    next: ResumePoint,
}

impl Received {
    /// Everything before `next`.
    #[must_use]
    pub fn all_before(next: ResumePoint) -> Self {
        Self { next }
    }

    /// The first message that it does not have.
    #[must_use]
    pub fn next(self) -> ResumePoint {
        self.next
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.next.index.checked_sub(1) {
            Some(index) => ResumePoint { index, ..self.next }.fmt(f),
            None => write!(f, "{}.-1", self.next.generation_name()),
        }
    }
}

impl FromStr for Received {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(generation) = text.strip_suffix(".-1") {
            let next = format!("{generation}.0").parse().map_err(|_| NotACursor::new(text))?;
            return Ok(Self { next });
        }
        let has: ResumePoint = text.parse()?;
        let index = has.index.checked_add(1).ok_or_else(|| NotACursor::new(text))?;
        Ok(Self { next: ResumePoint { index, ..has } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_printed_reads_back(generation: u64, index: u64) {
            let received = Received::all_before(ResumePoint { generation, index });
            prop_assert_eq!(received.to_string().parse(), Ok(received));
        }
    }

    #[test]
    fn it_names_the_message_before_the_next() {
        let next = |index| ResumePoint { generation: 35, index };
        assert_eq!(Received::all_before(next(8)).to_string(), "z.7");
        assert_eq!(Received::all_before(next(0)).to_string(), "z.-1");
        assert_eq!("z.7".parse::<Received>().unwrap().next(), next(8));
        for text in ["z", "z.", "z.-2", ".-1", "z.18446744073709551615"] {
            assert!(text.parse::<Received>().is_err(), "{text}");
        }
    }
}
