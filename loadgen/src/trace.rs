//! A recorded feed, to be published again at its own times.
//!
//! The file holds one JSON object a line, in the order of time:
//!
//! ```text
//! {"at_us":0,"room":"btc-usd","text":"{\"price\":..}"}
//! {"at_us":1250,"room":"ADA/XBT","base64":"AAECAw=="}
//! ```
//!
//! It may be compressed with gzip. All payloads lie in one arena, so a message costs its bytes and 32 more.

mod packed;

pub use packed::{Ending, unpack};

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use base64::Engine as _;
use serde::Deserialize;

/// A year and a day: no recording is longer, and a time since 1970 is caught.
const LONGEST_US: u64 = 366 * 24 * 3600 * 1_000_000;

/// A recorded feed.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Its rooms, in the order in which they first appear.
    pub rooms: Vec<String>,
    /// Its messages, in the order of time.
    pub messages: Vec<TraceMessage>,
    arena: Vec<u8>,
    by_room: Vec<Vec<u32>>,
}

/// One recorded message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceMessage {
    /// Microseconds from the start of the recording.
    pub at_us: u64,
    /// Index into [`Trace::rooms`].
    pub room: u32,
    /// Whether it is a binary message (`"base64"`), not a text one.
    pub binary: bool,
    bytes: Range<usize>,
}

/// What is wrong with a trace, and where.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TraceError {
    /// A line is not the object that was expected.
    #[error("line {line}: {reason}; a line is {{\"at_us\":0,\"room\":\"name\",\"text\":\"..\"}} (or \"base64\")")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What the parser found.
        reason: String,
    },
    /// A message has no payload, or two.
    #[error("line {line}: give either \"text\" or \"base64\"")]
    Payload {
        /// Counted from 1.
        line: usize,
    },
    /// Times must not go back.
    #[error("line {line}: at_us goes back from {before} to {after}; sort the lines by at_us")]
    Order {
        /// Counted from 1.
        line: usize,
        /// Of the line before, microseconds.
        before: u64,
        /// Of this line, microseconds.
        after: u64,
    },
    /// Probably a time of day, or another unit.
    #[error("line {line}: at_us {at_us} is more than a year: it counts microseconds from the start of the recording")]
    Late {
        /// Counted from 1.
        line: usize,
        /// As written.
        at_us: u64,
    },
    /// A room needs a name.
    #[error("line {line}: the room has an empty name")]
    Room {
        /// Counted from 1.
        line: usize,
    },
    /// Nothing to play.
    #[error("it holds no message")]
    Empty,
    /// Compressed, and not to its end.
    #[error(
        "the gzip file is cut off: whoever recorded it was stopped. `fanout record` mends it when it goes on with it, and \
         `gzip -dc` unpacks what is there"
    )]
    CutOff,
    /// Nothing is left to play.
    #[error("it ends after {}, so nothing is left from {} on: begin earlier", seconds(*.end_us), seconds(*.start_us))]
    Over {
        /// Where it was to begin, microseconds.
        start_us: u64,
        /// Its last message, microseconds.
        end_us: u64,
    },
    /// Message indices are 32 bits.
    #[error("line {line}: more than 4,294,967,295 messages; split the file")]
    TooLong {
        /// Counted from 1.
        line: usize,
    },
}

#[derive(Deserialize)]
struct Line<'a> {
    at_us: u64,
    #[serde(borrow)]
    room: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    base64: Option<Cow<'a, str>>,
}

fn seconds(us: u64) -> String {
    format!("{} s", us as f64 / 1e6)
}

impl Trace {
    /// Reads a trace from the bytes of its file, which may be gzip. Empty lines are passed over.
    ///
    /// # Errors
    /// A gzip file that is cut off, and the first line that is not a message, names no room, goes back in time, or holds broken base64.
    pub fn parse(file: &[u8]) -> Result<Self, TraceError> {
        let (file, ending) = unpack(file);
        if ending == Ending::TornOff {
            return Err(TraceError::CutOff);
        }
        let mut trace = Self {
            rooms: Vec::new(),
            messages: Vec::new(),
            arena: Vec::with_capacity(file.len()),
            by_room: Vec::new(),
        };
        let mut index_of: HashMap<String, u32> = HashMap::new();
        for (at, bytes) in file.split(|byte| *byte == b'\n').enumerate() {
            let line = at + 1;
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let parsed: Line<'_> =
                serde_json::from_slice(bytes).map_err(|e| TraceError::Line { line, reason: reason(&e) })?;
            if parsed.room.is_empty() {
                return Err(TraceError::Room { line });
            }
            if parsed.at_us > LONGEST_US {
                return Err(TraceError::Late { line, at_us: parsed.at_us });
            }
            let before = trace.messages.last().map_or(0, |m| m.at_us);
            if parsed.at_us < before {
                return Err(TraceError::Order { line, before, after: parsed.at_us });
            }
            let start = trace.arena.len();
            let binary = match (&parsed.text, &parsed.base64) {
                (Some(text), None) => {
                    trace.arena.extend_from_slice(text.as_bytes());
                    false
                }
                (None, Some(encoded)) => {
                    base64::engine::general_purpose::STANDARD
                        .decode_vec(encoded.as_bytes(), &mut trace.arena)
                        .map_err(|e| TraceError::Line { line, reason: format!("broken base64: {e}") })?;
                    true
                }
                _ => return Err(TraceError::Payload { line }),
            };
            let index = u32::try_from(trace.messages.len()).map_err(|_| TraceError::TooLong { line })?;
            let room = match index_of.get(parsed.room.as_ref()) {
                Some(room) => *room,
                None => {
                    let room = trace.rooms.len() as u32;
                    index_of.insert(parsed.room.to_string(), room);
                    trace.rooms.push(parsed.room.into_owned());
                    trace.by_room.push(Vec::new());
                    room
                }
            };
            trace.by_room[room as usize].push(index);
            trace.messages.push(TraceMessage { at_us: parsed.at_us, room, binary, bytes: start..trace.arena.len() });
        }
        if trace.messages.is_empty() {
            return Err(TraceError::Empty);
        }
        trace.arena.shrink_to_fit();
        Ok(trace)
    }

    /// The payload of a message of this trace.
    pub fn payload(&self, message: &TraceMessage) -> &[u8] {
        &self.arena[message.bytes.clone()]
    }

    /// Indices into [`Trace::messages`] of one room's messages, in order; empty for a room that it has not.
    pub fn room_messages(&self, room: u32) -> &[u32] {
        self.by_room.get(room as usize).map_or(&[], Vec::as_slice)
    }

    /// How long one pass takes at speed 1: up to the last message and one mean gap more (at least a millisecond), so
    /// that a repeated trace keeps its pace over the seam and a phase of this length holds the last message.
    pub fn length_us(&self) -> u64 {
        let last = self.messages.last().map_or(0, |m| m.at_us);
        last + (last / self.messages.len().max(1) as u64).max(1000)
    }

    /// Bytes of all payloads together.
    pub fn payload_bytes(&self) -> u64 {
        self.arena.len() as u64
    }

    /// What is left of it from `start_us` on, with times from there: the rooms that then still speak, in the order in which they do.
    ///
    /// # Errors
    /// When its last message comes before.
    pub fn starting_at(self, start_us: u64) -> Result<Self, TraceError> {
        let first = self.messages.partition_point(|message| message.at_us < start_us);
        if first == self.messages.len() {
            let end_us = self.messages.last().map_or(0, |message| message.at_us);
            return Err(TraceError::Over { start_us, end_us });
        }
        if start_us == 0 {
            return Ok(self);
        }
        let mut rest = Self { rooms: Vec::new(), messages: Vec::new(), arena: self.arena, by_room: Vec::new() };
        let mut new_index: Vec<Option<u32>> = vec![None; self.rooms.len()];
        for message in &self.messages[first..] {
            let room = *new_index[message.room as usize].get_or_insert_with(|| {
                rest.rooms.push(self.rooms[message.room as usize].clone());
                rest.by_room.push(Vec::new());
                rest.rooms.len() as u32 - 1
            });
            rest.by_room[room as usize].push(rest.messages.len() as u32);
            rest.messages.push(TraceMessage { at_us: message.at_us - start_us, room, ..message.clone() });
        }
        Ok(rest)
    }

    /// The same messages, all in one room of this name.
    pub fn into_one_room(mut self, room: String) -> Self {
        for message in &mut self.messages {
            message.room = 0;
        }
        self.by_room = vec![(0..self.messages.len() as u32).collect()];
        self.rooms = vec![room];
        self
    }
}

/// What serde_json says without its "at line 1", which is a line of the line.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(cut) => format!("{} at column {}", &text[..cut], error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Trace, TraceError> {
        Trace::parse(text.as_bytes())
    }

    #[test]
    fn rooms_come_in_order_of_first_appearance_with_their_messages() {
        let trace = parse(concat!(
            "{\"at_us\":0,\"room\":\"ADA/XBT\",\"text\":\"a\"}\n",
            "{\"at_us\":5,\"room\":\"b\",\"text\":\"\"}\n\n",
            "{\"at_us\":5,\"room\":\"ADA/XBT\",\"base64\":\"AAEC\",\"source\":\"recorder\"}\r\n",
        ))
        .unwrap();
        assert_eq!(trace.rooms, ["ADA/XBT", "b"]);
        assert_eq!(trace.room_messages(0), [0, 2]);
        assert_eq!(trace.room_messages(1), [1]);
        assert!(trace.room_messages(2).is_empty());
        assert_eq!(trace.payload(&trace.messages[0]), b"a");
        assert_eq!(trace.payload(&trace.messages[1]), b"");
        assert_eq!(trace.payload(&trace.messages[2]), [0, 1, 2]);
        assert!(trace.messages[2].binary && !trace.messages[0].binary);
    }

    #[test]
    fn a_message_of_700_kilobytes_is_kept_whole() {
        let big = "x".repeat(700_000);
        let trace = parse(&format!("{{\"at_us\":0,\"room\":\"book\",\"text\":\"{big}\"}}")).unwrap();
        assert_eq!(trace.payload(&trace.messages[0]), big.as_bytes());
        assert_eq!(trace.payload_bytes(), 700_000);
    }

    #[test]
    fn escapes_are_resolved() {
        let trace = parse(r#"{"at_us":0,"room":"k\u00f6ln","text":"{\"p\":1}"}"#).unwrap();
        assert_eq!(trace.rooms, ["köln"]);
        assert_eq!(trace.payload(&trace.messages[0]), br#"{"p":1}"#);
    }

    #[test]
    fn errors_name_the_line() {
        let good = "{\"at_us\":9,\"room\":\"a\",\"text\":\"\"}\n";
        let said = |bad: &str| parse(&format!("{good}{bad}")).unwrap_err().to_string();
        assert!(said("{\"at_us\":").starts_with("line 2: EOF while parsing a value at column 9; a line is"));
        assert!(said("{\"room\":\"a\",\"text\":\"\"}").starts_with("line 2: missing field `at_us`"));
        assert!(said("{\"at_us\":-1,\"room\":\"a\",\"text\":\"\"}").starts_with("line 2: invalid value: integer `-1`"));
        assert!(said("{\"at_us\":9,\"room\":\"a\",\"base64\":\"=\"}").starts_with("line 2: broken base64"));
        assert_eq!(said("{\"at_us\":9,\"room\":\"a\"}"), "line 2: give either \"text\" or \"base64\"");
        assert_eq!(
            said("{\"at_us\":9,\"room\":\"a\",\"text\":\"\",\"base64\":\"\"}"),
            "line 2: give either \"text\" or \"base64\""
        );
        assert_eq!(
            said("{\"at_us\":8,\"room\":\"a\",\"text\":\"\"}"),
            "line 2: at_us goes back from 9 to 8; sort the lines by at_us"
        );
        assert_eq!(
            said("{\"at_us\":1618617600000000,\"room\":\"a\",\"text\":\"\"}"),
            "line 2: at_us 1618617600000000 is more than a year: it counts microseconds from the start of the recording"
        );
        assert_eq!(said("{\"at_us\":9,\"room\":\"\",\"text\":\"\"}"), "line 2: the room has an empty name");
        assert_eq!(parse("\n \n").unwrap_err(), TraceError::Empty);
    }

    #[test]
    fn one_pass_ends_a_mean_gap_after_the_last_message() {
        let line = |at: u64| format!("{{\"at_us\":{at},\"room\":\"a\",\"text\":\"\"}}\n");
        assert_eq!(parse(&[0, 10_000, 20_000, 30_000].map(line).concat()).unwrap().length_us(), 37_500);
        assert_eq!(parse(&line(0)).unwrap().length_us(), 1000);
    }

    #[test]
    fn put_into_one_room_every_message_is_there_in_order() {
        let trace = parse("{\"at_us\":0,\"room\":\"a\",\"text\":\"1\"}\n{\"at_us\":1,\"room\":\"b\",\"text\":\"2\"}")
            .unwrap()
            .into_one_room("r0".into());
        assert_eq!(trace.rooms, ["r0"]);
        assert_eq!(trace.room_messages(0), [0, 1]);
    }

    #[test]
    fn begun_later_it_has_the_rest_at_its_own_distances_and_only_the_rooms_that_still_speak() {
        let line = |at: u64, room: &str| format!("{{\"at_us\":{at},\"room\":\"{room}\",\"text\":\"{at}\"}}\n");
        let trace = parse(&[line(0, "a"), line(1_000, "b"), line(2_500, "c"), line(2_750, "b")].concat()).unwrap();
        let rest = trace.clone().starting_at(1_001).unwrap();
        assert_eq!(rest.rooms, ["c", "b"]);
        assert_eq!(rest.messages.iter().map(|m| m.at_us).collect::<Vec<_>>(), [1_499, 1_749]);
        assert_eq!(rest.payload(&rest.messages[1]), b"2750");
        assert_eq!(rest.room_messages(1), [1]);
        assert_eq!(trace.clone().starting_at(1_000).unwrap().messages.len(), 3);
        assert_eq!(
            trace.starting_at(2_751).unwrap_err().to_string(),
            "it ends after 0.00275 s, so nothing is left from 0.002751 s on: begin earlier"
        );
    }
}
