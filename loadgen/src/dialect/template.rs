//! What a dialect says, with places to be filled in: `{room}`, `{id}`, `{seq}`, `{message}`, the columns of a feed; with `.json` behind the
//! name as it must stand between the quotes of a JSON string, and `.json.json` for JSON in a string of JSON.

use crate::payload::template::{Piece, pieces};

/// A text with places to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A word, and how often it is escaped for the inside of a JSON string (RFC 8259 section 7).
    Place(Word, u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Room,
    Id,
    Seq,
    Message,
    /// By its place in the row.
    Column(usize),
}

/// What places are filled with.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// Name of the connection's room.
    pub room: &'a str,
    /// Number of the connection in the run, from 0.
    pub id: u32,
    /// Number of the publish at its publisher, from 0.
    pub seq: u32,
    /// The message, which is UTF-8 wherever a template is used.
    pub message: &'a [u8],
    /// The connection's row of the feed, in the order of its columns.
    pub row: &'a [String],
}

impl<'a> Words<'a> {
    /// Of a connection that publishes nothing now and has no feed.
    pub fn of(room: &'a str, id: u32) -> Self {
        Words { room, id, seq: 0, message: b"", row: &[] }
    }
}

/// A place that cannot be filled here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// No such word.
    #[error(
        "unknown placeholder {{{name}}}: here there is {known}, each also with .json behind it, and {{env.NAME}}; write \\{{ for a brace"
    )]
    Unknown {
        /// As it is written.
        name: String,
        /// What could stand there.
        known: String,
    },
    /// A variable that is not there.
    #[error("{0}")]
    Environment(String),
}

/// Where a template stands, and so what it can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// A message is published.
    Publish,
    /// Anything else.
    Other,
}

/// What the world puts into templates when they are read.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// The value of an environment variable, or a sentence on why there is none.
    pub environment: &'a dyn Fn(&str) -> Result<String, String>,
    /// Columns of the scenario's feed.
    pub columns: &'a [String],
}

impl Template {
    pub(super) fn parse(text: &str, occasion: Occasion, names: Names<'_>) -> Result<Self, TemplateError> {
        let part = |piece| match piece {
            Piece::Literal(text) => Ok(Part::Text(text)),
            Piece::Placeholder(name) => match name.strip_prefix("env.") {
                Some(variable) => (names.environment)(variable).map(Part::Text).map_err(TemplateError::Environment),
                None => place(name, occasion, names.columns),
            },
        };
        pieces(text).into_iter().map(part).collect::<Result<_, _>>().map(Template)
    }

    /// Appends the text.
    pub fn fill(&self, words: &Words<'_>, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Place(Word::Id, _) => out.extend_from_slice(words.id.to_string().as_bytes()),
                Part::Place(Word::Seq, _) => out.extend_from_slice(words.seq.to_string().as_bytes()),
                Part::Place(word, escapes) => {
                    let value = match word {
                        Word::Message => words.message,
                        Word::Column(at) => words.row.get(*at).map_or(&b""[..], |value| value.as_bytes()),
                        _ => words.room.as_bytes(),
                    };
                    match escapes {
                        0 => out.extend_from_slice(value),
                        1 => escape(value, out),
                        more => {
                            let mut inner = value.to_vec();
                            for _ in 1..*more {
                                let mut escaped = Vec::new();
                                escape(&inner, &mut escaped);
                                inner = escaped;
                            }
                            escape(&inner, out);
                        }
                    }
                }
            }
        }
    }

    /// The text, where it is not a publish.
    pub fn filled(&self, words: &Words<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.fill(words, &mut out);
        out
    }

    pub(super) fn names_room(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Place(Word::Room, _)))
    }

    pub(super) fn holds_message(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Place(Word::Message, _)))
    }
}

fn place(name: String, occasion: Occasion, columns: &[String]) -> Result<Part, TemplateError> {
    let (mut base, mut escapes) = (name.as_str(), 0);
    while let Some(inner) = base.strip_suffix(".json") {
        (base, escapes) = (inner, escapes + 1);
    }
    let word = match (base, occasion) {
        ("room", _) => Word::Room,
        ("id", _) => Word::Id,
        ("seq", Occasion::Publish) => Word::Seq,
        ("message", Occasion::Publish) => Word::Message,
        _ => {
            if let Some(at) = columns.iter().position(|column| column == base) {
                return Ok(Part::Place(Word::Column(at), escapes));
            }
            let usual: &[&str] = match occasion {
                Occasion::Publish => &["room", "id", "seq", "message"],
                Occasion::Other => &["room", "id"],
            };
            let known = usual.iter().copied().chain(columns.iter().map(String::as_str));
            let known = known.map(|word| format!("{{{word}}}")).collect::<Vec<_>>().join(", ");
            return Err(TemplateError::Unknown { name, known });
        }
    };
    Ok(Part::Place(word, escapes))
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            ..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NAMES: Names<'_> = Names { environment: &|name| Ok(format!("<{name}>")), columns: &[] };

    fn filled(text: &str, words: &Words<'_>) -> String {
        let template = Template::parse(text, Occasion::Publish, NAMES).unwrap();
        String::from_utf8(template.filled(words)).unwrap()
    }

    #[test]
    fn places_are_filled_and_json_is_left_alone() {
        let words = Words { message: b"say \"hi\"\n", seq: 7, ..Words::of("a/b", 12) };
        assert_eq!(
            filled(r#"{"id":{seq},"publish":{"channel":"{room.json}","data":"{message.json}"}}"#, &words),
            r#"{"id":7,"publish":{"channel":"a/b","data":"say \"hi\"\n"}}"#
        );
        assert_eq!(filled(r#""{message.json.json}""#, &words), r#""say \\\"hi\\\"\\n""#);
        assert_eq!(filled("{message}|{id}|{env.KEY}", &words), "say \"hi\"\n|12|<KEY>");
    }

    #[test]
    fn a_feed_s_columns_are_words_too() {
        let names = Names { columns: &["age".to_owned(), "user".to_owned()], ..NAMES };
        let template = Template::parse(r#"{"user":"{user.json}"}"#, Occasion::Other, names).unwrap();
        let words = Words { row: &["31".to_owned(), "J\"o".to_owned()], ..Words::of("r0", 0) };
        assert_eq!(template.filled(&words), br#"{"user":"J\"o"}"#);
    }

    #[test]
    fn what_cannot_be_filled_is_refused() {
        let refused = |text| Template::parse(text, Occasion::Other, NAMES).unwrap_err().to_string();
        assert_eq!(
            refused("{message}"),
            "unknown placeholder {message}: here there is {room}, {id}, each also with .json behind it, and {env.NAME}; write \\{ for a brace"
        );
        let names = Names { environment: &|_| Err("TOKEN is not set".to_owned()), columns: &[] };
        assert_eq!(Template::parse("{env.TOKEN}", Occasion::Other, names).unwrap_err().to_string(), "TOKEN is not set");
    }

    proptest! {
        #[test]
        fn any_text_survives_inside_a_json_string(text in "\\PC{0,12}[\u{0}-\u{1f}\"\\\\]{0,4}") {
            let words = Words { message: text.as_bytes(), ..Words::of("r", 0) };
            let json = filled("\"{message.json}\"", &words);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }
}
