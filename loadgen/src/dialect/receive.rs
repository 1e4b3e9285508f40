//! What a frame of the server's holds: messages, one or several, and what is none of them.

use std::borrow::Cow;

use super::matching::Match;
use super::pointer::{Pointer, elements, string};

/// How a dialect's frames are read.
#[derive(Debug, Clone, Default)]
pub struct Receive {
    /// How several messages stand in one frame.
    pub split: Split,
    /// What every message begins with, before its JSON.
    pub prefix: Option<String>,
    /// What a part (behind the prefix) must be like to hold a message.
    pub when: Match,
    /// Where the message stands in it; `None`: the part is the message.
    pub message: Option<Pointer>,
    /// What is answered to parts that ask for it.
    pub answers: Vec<(Match, Vec<u8>)>,
}

/// How several messages stand in one frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Split {
    /// There is only one.
    #[default]
    One,
    /// One a line.
    Lines,
    /// As the elements of a JSON array that stands there.
    Array(Pointer),
}

/// A part of a frame, and how far into the frame it has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'f> {
    /// Its bytes.
    pub bytes: &'f [u8],
    /// Bytes of the frame up to its end; of an array all of them.
    pub end: usize,
}

/// What a part says.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'p> {
    /// A message.
    Message(Cow<'p, [u8]>),
    /// Something that is to be answered with this.
    Answer(&'p [u8]),
    /// Something that is no message: an acknowledgement, a note of somebody's arrival.
    Nothing,
}

impl Receive {
    /// The parts of a frame.
    pub fn parts<'f>(&self, frame: &'f [u8]) -> Vec<Part<'f>> {
        match &self.split {
            Split::One => vec![Part { bytes: frame, end: frame.len() }],
            Split::Lines => {
                let mut end = 0;
                let line = |line: &'f [u8]| {
                    end += line.len() + 1;
                    Part { bytes: line.strip_suffix(b"\r").unwrap_or(line), end: end.min(frame.len()) }
                };
                frame.split(|b| *b == b'\n').map(line).filter(|part| !part.bytes.is_empty()).collect()
            }
            Split::Array(pointer) => {
                let list = pointer.find(frame).map(elements).unwrap_or_default();
                list.into_iter().map(|bytes| Part { bytes, end: frame.len() }).collect()
            }
        }
    }

    /// What a part says.
    pub fn read<'p>(&'p self, part: &'p [u8]) -> Said<'p> {
        if let Some((_, answer)) = self.answers.iter().find(|(on, _)| on.fits(part)) {
            return Said::Answer(answer);
        }
        self.message(part).map_or(Said::Nothing, Said::Message)
    }

    fn message<'p>(&self, part: &'p [u8]) -> Option<Cow<'p, [u8]>> {
        let inner = match &self.prefix {
            Some(prefix) => part.strip_prefix(prefix.as_bytes())?,
            None => part,
        };
        if !self.when.fits(inner) {
            return None;
        }
        let Some(pointer) = &self.message else { return Some(Cow::Borrowed(inner)) };
        let found = pointer.find(inner)?;
        if found.first() != Some(&b'"') {
            return Some(Cow::Borrowed(found));
        }
        Some(match string(found)? {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<'f>(receive: &Receive, frame: &'f str) -> Vec<(&'f str, usize)> {
        let parts = receive.parts(frame.as_bytes()).into_iter();
        parts.map(|part| (std::str::from_utf8(part.bytes).unwrap(), part.end)).collect()
    }

    #[test]
    fn a_frame_is_one_message_unless_the_dialect_says_otherwise() {
        let plain = Receive::default();
        assert_eq!(bytes(&plain, "a\nb"), [("a\nb", 3)]);
        assert_eq!(plain.read(b"a\nb"), Said::Message(Cow::Borrowed(b"a\nb")));
    }

    #[test]
    fn lines_are_parts_and_empty_ones_are_not() {
        let lines = Receive { split: Split::Lines, ..Receive::default() };
        assert_eq!(bytes(&lines, "a\r\nbc\n\nd"), [("a", 3), ("bc", 6), ("d", 8)]);
        assert_eq!(bytes(&lines, "a\n"), [("a", 2)]);
        assert!(bytes(&lines, "").is_empty());
    }

    #[test]
    fn elements_of_an_array_are_parts() {
        let array = |at| Receive { split: Split::Array(Pointer::parse(at).unwrap()), ..Receive::default() };
        assert_eq!(bytes(&array(""), "[1, 2]"), [("1", 6), ("2", 6)]);
        assert_eq!(bytes(&array("/batch"), r#"{"batch":["a"]}"#), [("\"a\"", 15)]);
        assert!(bytes(&array("/batch"), "{}").is_empty());
    }

    #[test]
    fn a_message_is_what_the_pointer_finds_decoded_if_it_is_a_string() {
        let pointer = Pointer::parse("/data").ok();
        let receive = Receive { message: pointer, ..Receive::default() };
        assert_eq!(receive.read(br#"{"data":"a\"b"}"#), Said::Message(Cow::Borrowed(b"a\"b")));
        assert_eq!(receive.read(br#"{"data":{"x": 1}}"#), Said::Message(Cow::Borrowed(br#"{"x": 1}"#)));
        assert_eq!(receive.read(br#"{"ack":1}"#), Said::Nothing);
        assert_eq!(receive.read(b"no json"), Said::Nothing);
    }

    #[test]
    fn a_question_is_answered_and_is_no_message() {
        let ping = Match { text: Some("2".to_owned()), ..Match::default() };
        let receive = Receive { answers: vec![(ping, b"3".to_vec())], ..Receive::default() };
        assert_eq!(receive.read(b"2"), Said::Answer(b"3"));
        assert_eq!(receive.read(b"22"), Said::Message(Cow::Borrowed(b"22")));
    }
}
