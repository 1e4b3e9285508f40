//! Bytes of a server on their way to become messages, one at a time: for what is said before a connection is in the ledger.

use wire::close::CloseFrame;
use wire::frame::{Decoded, Opcode, Role, Rsv1, Rules, decode};
use wire::message::{Assembler, Event, Limits, ProtocolError};

/// A server has nothing to say to us that is longer before we have joined.
const LIMITS: Limits = Limits { max_message: 16 << 20, max_fragments: 1 << 16 };
const RULES: Rules = Rules { role: Role::Client, rsv1: Rsv1::Refused, max_frame: LIMITS.max_message as u64 };

/// What arrived and was not asked for yet.
#[derive(Debug, Default)]
pub struct Inbound {
    bytes: Vec<u8>,
    assembler: Assembler,
}

/// What a server said.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// A whole message.
    Message(Opcode, Vec<u8>),
    /// To be answered with a pong of the same payload.
    Ping(Vec<u8>),
    /// It closes.
    Close(Option<CloseFrame>),
}

impl Inbound {
    /// With what has arrived already.
    pub fn new(bytes: Vec<u8>) -> Self {
        Inbound { bytes, assembler: Assembler::new() }
    }

    /// More has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What the server said next; `None`: its rest has not arrived.
    ///
    /// # Errors
    /// The server broke the protocol.
    pub fn heard(&mut self) -> Result<Option<Heard>, ProtocolError> {
        loop {
            let (event, consumed) = match decode(&mut self.bytes, &RULES)? {
                Decoded::Incomplete { .. } => return Ok(None),
                Decoded::Frame { header, payload, consumed } => {
                    let heard = match self.assembler.accept(&header, payload, &LIMITS)? {
                        Event::Message { opcode, payload } => Some(Heard::Message(opcode, payload.to_vec())),
                        Event::Ping(payload) => Some(Heard::Ping(payload.to_vec())),
                        Event::Close(frame) => Some(Heard::Close(frame)),
                        Event::Pong(_) | Event::Incomplete => None,
                    };
                    (heard, consumed)
                }
            };
            self.bytes.drain(..consumed);
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// What nobody asked for. Of a message in several frames, what has arrived of it is gone.
    pub fn into_rest(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use wire::frame::append_frame;

    use super::*;

    #[test]
    fn messages_come_one_at_a_time_however_the_bytes_are_cut() {
        let mut bytes = Vec::new();
        append_frame(&mut bytes, Opcode::Text, b"one");
        append_frame(&mut bytes, Opcode::Pong, b"");
        append_frame(&mut bytes, Opcode::Ping, b"p");
        append_frame(&mut bytes, Opcode::Binary, b"two");
        append_frame(&mut bytes, Opcode::Text, b"rest");
        let mut inbound = Inbound::new(bytes[..4].to_vec());
        assert_eq!(inbound.heard(), Ok(None));
        inbound.push(&bytes[4..]);
        assert_eq!(inbound.heard(), Ok(Some(Heard::Message(Opcode::Text, b"one".to_vec()))));
        assert_eq!(inbound.heard(), Ok(Some(Heard::Ping(b"p".to_vec()))));
        assert_eq!(inbound.heard(), Ok(Some(Heard::Message(Opcode::Binary, b"two".to_vec()))));
        assert_eq!(inbound.into_rest(), b"\x81\x04rest");
    }

    #[test]
    fn what_breaks_the_protocol_is_an_error() {
        assert!(Inbound::new(vec![0xc1, 0]).heard().is_err());
    }
}
