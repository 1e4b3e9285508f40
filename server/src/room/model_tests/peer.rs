//! A simulated connection, and what it makes of the bytes that reach it.

use wire::{Decoded, Header, Opcode, Role, Rsv1, Rules, decode};

use super::super::reference_tests::Decoder;
use super::super::*;
use crate::coding::Coding;
use crate::outbox::Outbox;
use crate::sse::parser::Parser;

/// A simulated connection: what arrived, and how much more its socket takes.
pub struct Peer {
    pub member: Option<MemberId>,
    pub variant: Variant,
    pub coding: Coding,
    pub window: usize,
    pub received: Vec<u8>,
    /// The first message that it is to get.
    pub first: u64,
    pub healthy: bool,
    pub resumed: bool,
    pub adopted: bool,
    pub outbox: Outbox,
    pub pongs: u64,
    pub departed: Option<Why>,
    pub deliveries: u64,
}

impl Peer {
    /// It may be served from a stream other than the plain one.
    pub fn is_derived(&self) -> bool {
        self.variant == Variant::Events || self.coding != Coding::Plain
    }

    /// The frames that arrived, and how many bytes are left of an incomplete one.
    pub fn whole_frames(&self) -> (Vec<(Opcode, Vec<u8>)>, usize) {
        match self.variant {
            variant if variant != Variant::Events => decoded(&self.received, self.coding),
            _ => {
                let mut parser = Parser::default();
                parser.feed(&self.received);
                let frame = |event: &crate::sse::parser::Event| {
                    let payload = event.payload();
                    assert_eq!(event.index(), u64::from_be_bytes(payload[..8].try_into().unwrap()), "its own id");
                    (Opcode::Binary, payload)
                };
                (parser.events.iter().map(frame).collect(), parser.unfinished())
            }
        }
    }
}

/// The frames of a server's stream, and how many bytes are left of an incomplete one.
pub fn whole_frames(bytes: &[u8]) -> (Vec<(Opcode, Vec<u8>)>, usize) {
    decoded(bytes, Coding::Plain)
}

/// The frames of a server's stream as a client decodes them that agreed on `coding`.
fn decoded(bytes: &[u8], coding: Coding) -> (Vec<(Opcode, Vec<u8>)>, usize) {
    let rsv1 = if coding == Coding::Plain { Rsv1::Refused } else { Rsv1::Allowed };
    let rules = Rules { role: Role::Client, rsv1, max_frame: 1 << 30 };
    let mut decoder = Decoder::new(coding);
    let mut bytes = bytes.to_vec();
    let mut rest = &mut bytes[..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        match decode(rest, &rules).expect("whole frames only") {
            Decoded::Frame { header: Header { opcode, rsv1, .. }, payload, consumed } => {
                frames.push((
                    opcode,
                    if rsv1 { decoder.decode(payload).expect("what it can decode") } else { payload.to_vec() },
                ));
                rest = &mut rest[consumed..];
            }
            Decoded::Incomplete { .. } => break,
        }
    }
    (frames, rest.len())
}
