//! The words of chat rooms, as the native engine puts them.

use std::time::{SystemTime, UNIX_EPOCH};

use fastwebsockets::OpCode;
use hyper::body::Bytes;
use wire::Opcode;

use super::hub::{Message, Seat};
use crate::chat::{self, Calendar, Kind, Participant};
use crate::resume::ResumePoint;

/// What is said, and by whom.
pub(super) struct Words<'a> {
    pub kind: Kind,
    pub sender: &'a str,
    pub content: &'a str,
}

impl Words<'_> {
    /// As JSON, said now in `room` under the number `seq`.
    pub fn encode(&self, room: &str, seq: ResumePoint) -> Message {
        // A clock before 1970 is told as 1970.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut calendar = Calendar::default();
        let timestamp = calendar.format(u64::try_from(since.as_millis()).unwrap_or(u64::MAX));
        let Self { kind, sender, content } = *self;
        let mut text = Vec::new();
        chat::Message { kind, sender, content, timestamp }.encode(room, seq, &mut text);
        Message { opcode: OpCode::Text, payload: text.into() }
    }
}

/// Publishes what a member of a chat room says, or returns what to tell it instead.
pub(super) fn say(seat: &Seat, room: &str, who: &Participant, opcode: OpCode, payload: &Bytes) -> Option<Message> {
    let opcode = if opcode == OpCode::Text { Opcode::Text } else { Opcode::Binary };
    match chat::heard(opcode, payload, room) {
        Ok(content) => {
            seat.hub.say(room, who.name(), &content);
            None
        }
        Err(refusal) => seat.hub.refusal(room, &refusal),
    }
}
