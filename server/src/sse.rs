//! Pure: a room's messages as an event stream (server-sent events, WHATWG HTML section 9.2), each event in one HTTP/1.1 chunk.
//!
//! ```text
//! id: 2f9k.41              which message this is: GENERATION.INDEX
//! data: first line         a text message, one field a line
//! data: second line
//!
//! id: 2f9k.42
//! event: binary            a binary message, in base64
//! data: AAECAw==
//!
//! :                        nothing for too long: keeps proxies awake
//! ```
//!
//! An id names the message that it came with, so who comes back with it (`Last-Event-ID`) wants the one after it, whereas `?resume=`
//! and `Fanout-Cursor` name the next message wanted. Line ends of a text message (CR, LF, CRLF) all arrive as LF: the format has
//! no other.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::Opcode;

use crate::resume::ResumePoint;

/// A comment in a chunk: no event, just a sign of life.
pub const COMMENT: &[u8] = b"2\r\n:\n\r\n";
/// The chunk that ends the body, and with it the stream.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// From where on a client wants events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// From now on.
    Now,
    /// From this message on.
    Point(ResumePoint),
    /// From an id that is none of ours: it has missed something, nobody knows what.
    Unknown,
}

impl Since {
    /// What the header `Last-Event-ID` asks for: what comes after the event of this id. An id without an event before it is `-1`.
    #[must_use]
    pub fn after(id: &str) -> Self {
        let parse = || {
            let (generation, index) = id.trim().split_once('.')?;
            let index = if index == "-1" { 0 } else { index.parse::<u64>().ok()?.saturating_add(1) };
            Some(ResumePoint { generation: u64::from_str_radix(generation, 36).ok()?, index })
        };
        parse().map_or(Self::Unknown, Self::Point)
    }
}

/// The first chunk of a stream, which begins with message `next`: it gives the client an id to come back with even before there is an
/// event. To who asked for something else than it gets it says so, in an event `gap`.
#[must_use]
pub fn opening(since: Since, next: ResumePoint) -> Vec<u8> {
    let before = next.index.checked_sub(1).map_or_else(|| "-1".to_owned(), |index| index.to_string());
    let id = format!("id: {}.{before}\n", next.generation_name());
    let event = match since {
        Since::Point(point) if point == next => format!("{id}\n"),
        Since::Now => format!("{id}\n"),
        Since::Point(_) | Since::Unknown => format!("{id}event: gap\ndata: {{\"oldest\":\"{next}\"}}\n\n"),
    };
    let mut out = Vec::new();
    chunk(event.as_bytes(), &mut out);
    out
}

/// Encodes the messages of one room.
#[derive(Debug)]
pub struct Encoder {
    /// `id: GENERATION.`
    id: Box<str>,
}

impl Encoder {
    /// For the log of this generation.
    #[must_use]
    pub fn new(generation: u64) -> Self {
        let name = ResumePoint { generation, index: 0 }.generation_name();
        Self { id: format!("id: {name}.").into() }
    }

    /// Appends message `index` to `out`, as one event in one chunk. Text must be UTF-8.
    pub fn encode(&self, index: u64, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        let mut event = Vec::with_capacity(self.id.len() + payload.len() * 4 / 3 + 64);
        event.extend_from_slice(self.id.as_bytes());
        number(&mut event, index);
        event.push(b'\n');
        if opcode == Opcode::Text {
            lines(payload, &mut event);
        } else {
            event.extend_from_slice(b"event: binary\ndata: ");
            let at = event.len();
            event.resize(at + payload.len().div_ceil(3) * 4, 0);
            // The slice is as long as the encoding is.
            let len = STANDARD.encode_slice(payload, &mut event[at..]).unwrap_or(0);
            event.truncate(at + len);
            event.push(b'\n');
        }
        event.push(b'\n');
        chunk(&event, out);
    }
}

/// One `data` field a line, and one for no line at all: without it there would be no event.
fn lines(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        out.extend_from_slice(b"data: ");
        let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            out.extend_from_slice(rest);
            out.push(b'\n');
            return;
        };
        out.extend_from_slice(&rest[..end]);
        out.push(b'\n');
        rest = rest[end..].strip_prefix(b"\r\n").unwrap_or(&rest[end + 1..]);
    }
}

fn chunk(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len() + 20);
    // Writing to a vector does not fail.
    let _ = write!(out, "{:x}\r\n", bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

fn number(out: &mut Vec<u8>, number: u64) {
    let _ = write!(out, "{number}");
}

#[cfg(test)]
#[path = "../tests/common/events.rs"]
pub(crate) mod parser;

#[cfg(test)]
mod tests {
    use super::parser::{Event, Parser};
    use super::*;
    use proptest::prelude::*;

    fn events(bytes: &[u8]) -> Vec<Event> {
        let mut parser = Parser::default();
        parser.feed(bytes);
        assert!(parser.is_between_chunks());
        parser.events
    }

    fn event(opcode: Opcode, payload: &[u8]) -> Event {
        let mut out = Vec::new();
        Encoder::new(35).encode(7, opcode, payload, &mut out);
        let mut events = events(&out);
        assert_eq!(events.len(), 1);
        events.remove(0)
    }

    #[test]
    fn a_text_message_is_an_event_with_an_id() {
        let mut out = Vec::new();
        Encoder::new(35).encode(7, Opcode::Text, b"hello", &mut out);
        assert_eq!(out, b"15\r\nid: z.7\ndata: hello\n\n\r\n");
    }

    #[test]
    fn every_kind_of_line_end_splits_a_text() {
        assert_eq!(event(Opcode::Text, b"a\nb\rc\r\nd\n\re").data, "a\nb\nc\nd\n\ne");
        assert_eq!(event(Opcode::Text, b"\n").data, "\n");
        assert_eq!(event(Opcode::Text, b"a\r\n").data, "a\n");
    }

    #[test]
    fn an_empty_message_is_an_event_too() {
        assert_eq!(event(Opcode::Text, b"").data, "");
        assert_eq!(event(Opcode::Binary, b"").payload(), b"");
    }

    #[test]
    fn a_text_that_looks_like_fields_stays_a_text() {
        for text in [" data: x", "id: 5", ": comment", "\u{feff}", "event: gap\ndata: no"] {
            assert_eq!(event(Opcode::Text, text.as_bytes()).data, text);
        }
    }

    #[test]
    fn a_comment_is_no_event() {
        assert_eq!(events(COMMENT), []);
    }

    #[test]
    fn an_id_comes_back_as_the_message_after_it() {
        assert_eq!(Since::after("z.41"), Since::Point(ResumePoint { generation: 35, index: 42 }));
        assert_eq!(Since::after("z.-1"), Since::Point(ResumePoint { generation: 35, index: 0 }));
        for id in ["", "z", "z.", ".1", "z.-2", "a b.c", "z.1.2"] {
            assert_eq!(Since::after(id), Since::Unknown, "{id}");
        }
    }

    #[test]
    fn a_stream_opens_with_an_id_to_come_back_with() {
        for index in [0, 1, 42] {
            let next = ResumePoint { generation: 35, index };
            for since in [Since::Now, Since::Point(next)] {
                let mut parser = Parser::default();
                parser.feed(&opening(since, next));
                assert_eq!(parser.events, []);
                assert_eq!(Since::after(&parser.last_event_id), Since::Point(next));
            }
        }
    }

    #[test]
    fn who_does_not_get_what_it_asked_for_is_told() {
        let next = ResumePoint { generation: 35, index: 9 };
        for since in [Since::Unknown, Since::Point(ResumePoint { index: 3, ..next })] {
            let events = events(&opening(since, next));
            assert_eq!(events.len(), 1);
            assert_eq!((&*events[0].kind, &*events[0].data), ("gap", r#"{"oldest":"z.9"}"#));
            assert_eq!(Since::after(&events[0].id), Since::Point(next));
        }
    }

    proptest! {
        /// Another's parser gets every message back, in whatever pieces it arrives.
        #[test]
        fn every_message_is_read_back(
            messages in proptest::collection::vec(prop_oneof![
                "(\\PC|\n|\r| |:|data|id){0,60}".prop_map(|text| (Opcode::Text, text.into_bytes())),
                proptest::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| (Opcode::Binary, bytes)),
            ], 1..20),
            first in 0_u64..u64::MAX - 20,
            piece in 1_usize..50,
        ) {
            let encoder = Encoder::new(123_456);
            let mut out = Vec::new();
            for (index, (opcode, payload)) in (first..).zip(&messages) {
                encoder.encode(index, *opcode, payload, &mut out);
                out.extend_from_slice(COMMENT);
            }
            out.extend_from_slice(LAST_CHUNK);
            let mut parser = Parser::default();
            out.chunks(piece).for_each(|bytes| parser.feed(bytes));
            prop_assert!(parser.has_ended());
            prop_assert_eq!(parser.events.len(), messages.len());
            for ((index, (opcode, payload)), event) in (first..).zip(&messages).zip(&parser.events) {
                prop_assert_eq!(Since::after(&event.id), Since::Point(ResumePoint { generation: 123_456, index: index + 1 }));
                if *opcode == Opcode::Text {
                    let text = String::from_utf8(payload.clone()).unwrap().replace("\r\n", "\n").replace('\r', "\n");
                    prop_assert_eq!((&*event.kind, &event.data), ("message", &text));
                } else {
                    prop_assert_eq!((&*event.kind, event.payload()), ("binary", payload.clone()));
                }
            }
        }
    }
}
