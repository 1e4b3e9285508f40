//! Messages from a file.

use wire::stamp::Stamp;

use crate::payload::{Medium, PayloadError};

const STAMP: &[u8] = b"{stamp}";

/// The messages of a file, sent one after the other and from the start again.
#[derive(Debug, Clone)]
pub struct FileMessages {
    messages: Vec<Message>,
    utf8: bool,
}

#[derive(Debug, Clone)]
struct Message {
    bytes: Vec<u8>,
    /// Where `{stamp}` was, which is no longer in `bytes`.
    stamp_at: Option<usize>,
}

/// How a file is cut into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Every line that is not empty is a message (`.txt`, `.jsonl`, `.ndjson`).
    Lines,
    /// The file is one message.
    Whole,
}

impl FileMessages {
    /// Cuts a file's bytes into messages.
    ///
    /// # Errors
    /// A file without any.
    pub fn new(file: &[u8], cut: Cut) -> Result<Self, PayloadError> {
        let messages: Vec<Message> = match cut {
            Cut::Whole => vec![file].into_iter().filter(|m| !m.is_empty()).map(message).collect(),
            Cut::Lines => file
                .split(|b| *b == b'\n')
                .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
                .filter(|line| !line.is_empty())
                .map(message)
                .collect(),
        };
        if messages.is_empty() {
            return Err(PayloadError::Empty);
        }
        Ok(Self { messages, utf8: std::str::from_utf8(file).is_ok() })
    }

    /// Whether every message may be a text message.
    pub fn is_utf8(&self) -> bool {
        self.utf8
    }

    pub(super) fn render(&self, medium: Medium, stamp: Option<Stamp>, publisher: u32, seq: u32, out: &mut Vec<u8>) {
        // Publishers start at different messages, so that they do not all send the same one at once.
        let index = (u64::from(publisher) + u64::from(seq)) % self.messages.len() as u64;
        let message = &self.messages[index as usize];
        let (before, after) = message.bytes.split_at(message.stamp_at.unwrap_or(message.bytes.len()));
        out.extend_from_slice(before);
        if let Some(stamp) = stamp {
            if message.stamp_at.is_none() && medium == Medium::Text {
                out.push(b' ');
            }
            stamp.encode(out);
        }
        out.extend_from_slice(after);
    }
}

fn message(bytes: &[u8]) -> Message {
    let stamp_at = bytes.windows(STAMP.len()).position(|part| part == STAMP);
    let mut bytes = bytes.to_vec();
    if let Some(at) = stamp_at {
        bytes.drain(at..at + STAMP.len());
    }
    Message { bytes, stamp_at }
}
