//! What a member of a chat room says: `{"type":"chat","content":".."}`, and `"room"` where it likes to.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use wire::Opcode;

/// The longest content of a message, in bytes of UTF-8. What exceeds `--max-message` as a whole ends the connection (1009).
pub const MAX_CONTENT: usize = 64 << 10;
/// So many characters of what a client sent are repeated in the error that answers it.
const REPEATED: usize = 64;

/// Why a member's message is not taken. Said to that member alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A binary message.
    #[error("a chat message is a text message; this one was binary")]
    Binary,
    /// Text that is not JSON.
    #[error("this is not JSON ({0}); send {{\"type\":\"chat\",\"content\":\"..\"}}")]
    NotJson(String),
    /// JSON that is no chat message: not an object, or a field twice.
    #[error("this is not a chat message ({0}); send {{\"type\":\"chat\",\"content\":\"..\"}}")]
    NotAMessage(String),
    /// Another type than `chat`, or none.
    #[error("the type must be \"chat\"; this one was {0}")]
    Type(String),
    /// No content, or one that is not text.
    #[error("the content must be text, as in {{\"type\":\"chat\",\"content\":\"..\"}}")]
    Content,
    /// A room's name that is not text.
    #[error("the room must be text, or be left out")]
    Room,
    /// A room that this connection is not in.
    #[error("this connection is in another room than {0:?}; connect to that one to speak there")]
    OtherRoom(String),
    /// More than [`MAX_CONTENT`].
    #[error("the content has {0} bytes, the limit is {MAX_CONTENT}")]
    TooLong(usize),
    /// Messages beyond a limit on their sender or on the room.
    #[error("{limit}; {}", dropped(*.messages))]
    Limited {
        /// Which limit, such as `rate limit: 10/s, burst 20`.
        limit: String,
        /// How many messages were dropped at once.
        messages: u32,
    },
}

impl Refusal {
    /// What it is counted under.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::NotJson(_) => "not_json",
            Self::NotAMessage(_) => "not_a_message",
            Self::Type(_) => "type",
            Self::Content => "content",
            Self::Room => "room",
            Self::OtherRoom(_) => "other_room",
            Self::TooLong(_) => "too_long",
            Self::Limited { .. } => "limited",
        }
    }

    /// How many messages it is about.
    #[must_use]
    pub fn messages(&self) -> u64 {
        match self {
            Self::Limited { messages, .. } => u64::from(*messages),
            _ => 1,
        }
    }
}

fn dropped(messages: u32) -> String {
    match messages {
        1 => "1 message was dropped, send it again later".to_owned(),
        _ => format!("{messages} messages were dropped, send them again later"),
    }
}

/// Fields that are not named here are ignored.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    room: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

/// The content of a message that a member of `room` sent; borrowed from it unless it holds escapes.
///
/// # Errors
/// See [`Refusal`].
pub fn heard<'a>(opcode: Opcode, payload: &'a [u8], room: &str) -> Result<Cow<'a, str>, Refusal> {
    if opcode != Opcode::Text {
        return Err(Refusal::Binary);
    }
    let request: Request = serde_json::from_slice(payload).map_err(|error| diagnose(payload, &error))?;
    if request.kind != "chat" {
        return Err(Refusal::Type(repeated(&format!("{:?}", request.kind))));
    }
    if let Some(other) = request.room.filter(|named| named != room) {
        return Err(Refusal::OtherRoom(repeated(&other)));
    }
    if request.content.len() > MAX_CONTENT {
        return Err(Refusal::TooLong(request.content.len()));
    }
    Ok(request.content)
}

/// What is wrong with a message that does not parse as a [`Request`], which failed with `error`.
#[cold]
fn diagnose(payload: &[u8], error: &serde_json::Error) -> Refusal {
    let fields = match serde_json::from_slice::<Value>(payload) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return Refusal::NotAMessage("not an object".to_owned()),
        Err(error) => return Refusal::NotJson(error.to_string()),
    };
    match (fields.get("type"), fields.get("room"), fields.get("content")) {
        (None, ..) => Refusal::Type("missing".to_owned()),
        (Some(kind), ..) if kind != "chat" => Refusal::Type(repeated(&kind.to_string())),
        (_, Some(room), _) if !room.is_string() && !room.is_null() => Refusal::Room,
        (_, _, content) if !content.is_some_and(Value::is_string) => Refusal::Content,
        _ => Refusal::NotAMessage(repeated(&error.to_string())),
    }
}

fn repeated(text: &str) -> String {
    text.chars().take(REPEATED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(text: &str) -> Result<String, Refusal> {
        heard(Opcode::Text, text.as_bytes(), "lobby").map(Cow::into_owned)
    }

    #[test]
    fn a_chat_message_is_its_content() {
        assert_eq!(said(r#"{"type":"chat","content":"hello"}"#).unwrap(), "hello");
        assert_eq!(said(r#"{"content":"","type":"chat"}"#).unwrap(), "");
        assert_eq!(said(r#" {"type":"chat","room":"lobby","content":"gr\u00fc\u00dfe"} "#).unwrap(), "grüße");
        assert_eq!(said(r#"{"type":"chat","room":null,"content":"x","id":[1,{"a":2}]}"#).unwrap(), "x");
    }

    #[test]
    fn content_without_escapes_is_not_copied() {
        assert!(matches!(heard(Opcode::Text, br#"{"type":"chat","content":"x"}"#, "r"), Ok(Cow::Borrowed("x"))));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, name) in [
            ("", "not_json"),
            ("hello", "not_json"),
            (r#"{"type":"chat","content":"x""#, "not_json"),
            (r#"{"type":"chat","content":"x"} more"#, "not_json"),
            (r#"{"type":"chat","content":"\ud800"}"#, "not_json"),
            ("[1]", "not_a_message"),
            ("\"chat\"", "not_a_message"),
            (r#"{"type":"chat","content":"a","content":"b"}"#, "not_a_message"),
            ("{}", "type"),
            (r#"{"type":1,"content":"x"}"#, "type"),
            (r#"{"type":"system","content":"x"}"#, "type"),
            (r#"{"type":"join","channel":"x"}"#, "type"),
            (r#"{"type":"chat"}"#, "content"),
            (r#"{"type":"chat","content":7}"#, "content"),
            (r#"{"type":"chat","content":null}"#, "content"),
            (r#"{"type":"chat","room":7,"content":"x"}"#, "room"),
            (r#"{"type":"chat","room":"other","content":"x"}"#, "other_room"),
        ] {
            assert_eq!(said(text).unwrap_err().name(), name, "{text}");
        }
        assert_eq!(heard(Opcode::Binary, br#"{"type":"chat","content":"x"}"#, "r"), Err(Refusal::Binary));
        assert!(said(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn content_is_taken_up_to_its_limit() {
        let message = |len| format!(r#"{{"type":"chat","content":"{}"}}"#, "x".repeat(len));
        assert_eq!(said(&message(MAX_CONTENT)).unwrap().len(), MAX_CONTENT);
        assert_eq!(said(&message(MAX_CONTENT + 1)), Err(Refusal::TooLong(MAX_CONTENT + 1)));
    }

    #[test]
    fn an_error_repeats_little_of_what_it_is_about() {
        let text = format!(r#"{{"type":"{0}","room":"{0}","content":"x"}}"#, "x".repeat(10_000));
        assert!(said(&text).unwrap_err().to_string().len() < 200);
    }

    proptest! {
        #[test]
        fn any_content_arrives_as_it_was_said(content: String) {
            let text = serde_json::json!({ "type": "chat", "content": content }).to_string();
            prop_assert_eq!(said(&text), Ok(content));
        }

        #[test]
        fn nothing_that_a_client_sends_panics(payload: Vec<u8>) {
            let _ = heard(Opcode::Text, &payload, "r");
        }
    }
}
