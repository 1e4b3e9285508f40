//! What publishers send: every byte a pure function of the seed, the publisher and the sequence number.
//!
//! The receiver renders a payload again to check what arrived, so rendering is cheap (no allocation beyond the output,
//! about 200 ns for 128 bytes) and [`PayloadSource`] never changes after it was made.
//!
//! Where the stamp goes, when there is one: first in generated words and bytes, in the `id` of generated JSON, at
//! `{stamp}` in a template or in a message from a file, and after a file's message that has no `{stamp}` (after a
//! space, when it is text). Replayed messages are sent as they were recorded.

pub mod file;
pub mod fill;
pub mod template;

use std::ops::RangeInclusive;
use std::sync::Arc;

use wire::stamp::Stamp;

use crate::corpus::Corpus;
use crate::payload::file::FileMessages;
use crate::payload::fill::Fill;
use crate::seeded::Seeded;
use crate::trace::Trace;

/// Opcode of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// Text messages.
    Text,
    /// Binary messages.
    Binary,
}

/// Whether payloads name their publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamping {
    /// With a stamp (`correlate = "stamp"`).
    Stamped,
    /// Without (`correlate = "content"`).
    Bare,
}

/// Total bytes of a payload, stamp included; drawn evenly for each message.
pub type Sizes = RangeInclusive<u32>;

/// What a publisher group sends.
#[derive(Debug, Clone)]
pub struct PayloadSource {
    content: Content,
    medium: Medium,
    stamping: Stamping,
    seed: u64,
}

/// Where payload bytes come from.
#[derive(Debug, Clone)]
pub enum Content {
    /// Made up message by message; `sizes` only for corpora that can be sized.
    Generated {
        /// What kind of message.
        corpus: Corpus,
        /// Total size, or as it comes.
        sizes: Option<Sizes>,
    },
    /// A text with placeholders.
    Template(Fill),
    /// Messages from a file, one after the other.
    File(FileMessages),
    /// A recorded trace.
    Replay {
        /// The trace.
        trace: Arc<Trace>,
        /// Run-wide index of the group's first publisher, which serves the trace's first room.
        first_publisher: u32,
    },
}

/// A payload that cannot be made as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// The fixed parts alone are longer.
    #[error("a size of {size} bytes is too small: what must be in every message takes up to {least} bytes")]
    TooSmall {
        /// Smallest size asked for.
        size: u32,
        /// Smallest size possible.
        least: u32,
    },
    /// Without a stamp a delivery could not be matched to its publish.
    #[error("the template has no {{stamp}}: add it, or set correlate = \"content\" at the top")]
    NoStamp,
    /// A size without a part that can grow.
    #[error("the template has a `size` but no {{text}} to fill up to it: add {{text}}, or remove `size`")]
    NoText,
    /// A size could be shared out in many ways.
    #[error("the template has several {{text}}: with a `size` there can be only one")]
    Texts,
    /// The corpus decides itself how long its messages are.
    #[error("messages of the corpus \"{0}\" have sizes of their own: remove `size`, or use a template with {{text}}")]
    Unsized(&'static str),
    /// The corpus makes whole messages.
    #[error("the corpus \"{0}\" makes whole messages, not {{text}}: use \"chat\" or \"random\", or remove `template`")]
    WholeMessages(&'static str),
    /// A placeholder that payloads do not have.
    #[error(
        "unknown placeholder {{{0}}}: payloads have {{text}}, {{stamp}}, {{seq}}, {{publisher}}, {{room}} and {{env.NAME}}; write \\{{ for a brace"
    )]
    Placeholder(String),
    /// Bytes that are no UTF-8 cannot go into text messages.
    #[error("these payloads are not UTF-8 and cannot be text messages: set binary = true")]
    NotText,
    /// Nothing to send.
    #[error("the file holds no message")]
    Empty,
}

impl PayloadSource {
    /// Puts a source together. `seed` is the run's.
    ///
    /// # Errors
    /// A combination that cannot work; see [`PayloadError`].
    pub fn new(content: Content, medium: Medium, stamping: Stamping, seed: u64) -> Result<Self, PayloadError> {
        match &content {
            Content::Generated { corpus, sizes } => {
                if medium == Medium::Text && corpus.is_binary() {
                    return Err(PayloadError::NotText);
                }
                if let Some(sizes) = sizes {
                    let least = corpus.least_size(stamping).ok_or(PayloadError::Unsized(corpus.name()))?;
                    if *sizes.start() < least {
                        return Err(PayloadError::TooSmall { size: *sizes.start(), least });
                    }
                }
            }
            Content::Template(fill) => {
                if stamping == Stamping::Stamped && !fill.has_stamp() {
                    return Err(PayloadError::NoStamp);
                }
            }
            Content::File(file) => {
                if medium == Medium::Text && !file.is_utf8() {
                    return Err(PayloadError::NotText);
                }
            }
            Content::Replay { .. } => {}
        }
        Ok(Self { content, medium, stamping, seed })
    }

    /// Appends the payload of a publish. `publisher` counts over the whole run; the same arguments give the same bytes.
    pub fn render(&self, publisher: u32, seq: u32, run: u16, out: &mut Vec<u8>) {
        let stamp = Stamp { run, publisher, seq };
        let mut rng = Seeded::new(self.seed, [u64::from(publisher), u64::from(seq)]);
        let stamp_if_asked = (self.stamping == Stamping::Stamped).then_some(stamp);
        match &self.content {
            Content::Generated { corpus, sizes } => {
                let size = sizes.as_ref().map(|sizes| draw(sizes, &mut rng));
                corpus.message(&mut rng, seq, stamp_if_asked, size, out);
            }
            Content::Template(fill) => fill.render(stamp, &mut rng, out),
            Content::File(file) => file.render(self.medium, stamp_if_asked, publisher, seq, out),
            Content::Replay { .. } => {
                if let Some((trace, message)) = self.replayed(publisher, seq) {
                    out.extend_from_slice(trace.payload(&trace.messages[message]));
                }
            }
        }
    }

    /// Whether this message is binary.
    pub fn is_binary(&self, publisher: u32, seq: u32) -> bool {
        match &self.content {
            Content::Replay { .. } => {
                self.replayed(publisher, seq).is_some_and(|(trace, message)| trace.messages[message].binary)
            }
            _ => self.medium == Medium::Binary,
        }
    }

    /// Whether any message is binary.
    pub fn has_binary(&self) -> bool {
        match &self.content {
            Content::Replay { trace, .. } => trace.messages.iter().any(|message| message.binary),
            _ => self.medium == Medium::Binary,
        }
    }

    /// Whether every payload holds the stamp of its publish.
    pub fn carries_stamp(&self) -> bool {
        match &self.content {
            Content::Replay { .. } => false,
            Content::Template(fill) => fill.has_stamp(),
            _ => self.stamping == Stamping::Stamped,
        }
    }

    /// Bytes of a message on average, for estimates.
    pub fn mean_size(&self) -> u64 {
        if let Content::Replay { trace, .. } = &self.content {
            return trace.payload_bytes() / trace.messages.len().max(1) as u64;
        }
        let sizes = match &self.content {
            Content::Generated { sizes, .. } => sizes.as_ref(),
            Content::Template(fill) => fill.sizes(),
            _ => None,
        };
        if let Some(sizes) = sizes {
            return (u64::from(*sizes.start()) + u64::from(*sizes.end())) / 2;
        }
        let (mut message, mut bytes) = (Vec::new(), 0);
        for seq in 0..64 {
            message.clear();
            self.render(0, seq, 0, &mut message);
            bytes += message.len() as u64;
        }
        bytes / 64
    }

    /// The recorded message that a publish repeats: message `seq` of the publisher's room, round and round.
    fn replayed(&self, publisher: u32, seq: u32) -> Option<(&Trace, usize)> {
        let Content::Replay { trace, first_publisher } = &self.content else { return None };
        let room = publisher.wrapping_sub(*first_publisher) % trace.rooms.len().max(1) as u32;
        let messages = trace.room_messages(room);
        let message = messages.get(seq as usize % messages.len().max(1))?;
        Some((trace, *message as usize))
    }
}

/// Bytes that the longest stamp takes.
pub const LONGEST_STAMP: u32 = wire::stamp::MAX_LEN as u32;

pub(crate) fn draw(sizes: &Sizes, rng: &mut Seeded) -> usize {
    let (least, most) = (u64::from(*sizes.start()), u64::from(*sizes.end()));
    if least == most {
        return least as usize;
    }
    (least + rng.below(most - least + 1)) as usize
}

#[cfg(test)]
#[path = "payload/tests.rs"]
mod tests;
