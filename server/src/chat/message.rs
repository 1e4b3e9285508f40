//! What the server says in a chat room.

use serde::Serialize;
use wire::Opcode;

use crate::accounts::Accounts;
use crate::resume::ResumePoint;
use crate::room::{Full, Room};

/// The sender of what no participant said.
pub const SERVER: &str = "server";

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Somebody said it.
    Chat,
    /// Who joined and left, and what concerns one client alone: its welcome, a gap.
    System,
    /// Why a client's message was not taken.
    Error,
}

/// One message, without its number.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// What it is.
    pub kind: Kind,
    /// Who says it.
    pub sender: &'a str,
    /// What is said.
    pub content: &'a str,
    /// When, as [`Calendar`](super::Calendar) writes it.
    pub timestamp: &'a str,
}

/// The order of the fields is the order on the wire.
#[derive(Serialize)]
struct Encoded<'a> {
    r#type: Kind,
    room: &'a str,
    sender: &'a str,
    content: &'a str,
    timestamp: &'a str,
    #[serde(serialize_with = "as_text")]
    seq: ResumePoint,
}

fn as_text<S: serde::Serializer>(seq: &ResumePoint, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(seq)
}

impl Message<'_> {
    /// Replaces what is in `out` by the message as JSON, said in `room` under the number `seq`.
    pub fn encode(&self, room: &str, seq: ResumePoint, out: &mut Vec<u8>) {
        out.clear();
        let Self { kind, sender, content, timestamp } = *self;
        let encoded = Encoded { r#type: kind, room, sender, content, timestamp, seq };
        // Text and numbers are always JSON, and writing to memory does not fail.
        let _ = serde_json::to_writer(out, &encoded);
    }
}

/// Gives a message its number and appends it to the room's log, encoded once for all members. To be called where the room is sequenced.
/// `text` is a buffer that holds it meanwhile.
///
/// # Errors
/// [`Full`], as [`Room::append`]; nothing has changed then.
pub fn append(
    room: &mut Room,
    message: &Message<'_>,
    text: &mut Vec<u8>,
    now: u64,
    accounts: &mut Accounts,
) -> Result<u64, Full> {
    message.encode(room.name(), room.next(), text);
    room.append(Opcode::Text, text, now, accounts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::LagPolicy;
    use proptest::prelude::*;

    const SEQ: ResumePoint = ResumePoint { generation: 35, index: 7 };

    fn encoded(room: &str, message: &Message) -> String {
        let mut out = b"left over".to_vec();
        message.encode(room, SEQ, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_message_has_its_six_fields_in_this_order() {
        let message = Message {
            kind: Kind::Chat,
            sender: "k3v9x0qd",
            content: "a \"b\"\n",
            timestamp: "2026-11-20T16:28:21.123Z",
        };
        assert_eq!(
            encoded("general", &message),
            r#"{"type":"chat","room":"general","sender":"k3v9x0qd","content":"a \"b\"\n","timestamp":"2026-11-20T16:28:21.123Z","seq":"z.7"}"#
        );
    }

    #[test]
    fn each_message_is_numbered_by_its_place_in_the_log() {
        let mut room = Room::new("general", 35, 1 << 16, LagPolicy::Skip, 0);
        let mut accounts = Accounts::new(1 << 20);
        let (mut text, mut seqs) = (Vec::new(), Vec::new());
        let message = Message { kind: Kind::System, sender: SERVER, content: "", timestamp: "" };
        for index in 0..3 {
            assert_eq!(append(&mut room, &message, &mut text, 0, &mut accounts), Ok(index));
            seqs.push(serde_json::from_slice::<serde_json::Value>(&text).unwrap()["seq"].clone());
        }
        assert_eq!(seqs, ["z.0", "z.1", "z.2"]);
    }

    proptest! {
        #[test]
        fn anything_said_reads_back_as_json(room: String, sender: String, content: String) {
            let message = Message { kind: Kind::Error, sender: &sender, content: &content, timestamp: "t" };
            let read: serde_json::Value = serde_json::from_str(&encoded(&room, &message)).unwrap();
            prop_assert_eq!(
                read,
                serde_json::json!({ "type": "error", "room": room, "sender": sender, "content": content, "timestamp": "t", "seq": "z.7" })
            );
        }
    }
}
