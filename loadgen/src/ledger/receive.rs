//! A read becomes deliveries: matched with the canonical room by bytes, decoded frame by frame where it differs.

use wire::close::CloseFrame;
use wire::deflate::Inflater;
use wire::frame::{Decoded, Header, Opcode, Role, Rsv1, Rules, decode};
use wire::message::{Assembler, Event, Limits, ProtocolError};

use super::book::Book;
use super::canonical::CanonicalRoom;
use super::content::{Certainty, Content};
use super::counting::Size;
use super::cursor::Cursor;
use super::observed::Sighting;
use crate::dialect::Receive;
use crate::recorder::Recorder;

/// What a server may send us at most in one message.
const LIMITS: Limits = Limits { max_message: 256 << 20, max_fragments: 1 << 20 };
const RULES: Rules = Rules { role: Role::Client, rsv1: Rsv1::Refused, max_frame: LIMITS.max_message as u64 };

/// Something the connection itself has to answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Control {
    /// To be answered with a pong of the same payload.
    Ping(Vec<u8>),
    /// The peer closes.
    Close(Option<CloseFrame>),
    /// To be said, in a text frame: what the dialect answers.
    Say(Vec<u8>),
}

/// One copy of a message, as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Copy<'a> {
    pub opcode: Opcode,
    /// What was published, if all is well.
    pub message: &'a [u8],
    /// The same in what the server wrapped around it.
    pub part: &'a [u8],
    /// Bytes in which it came, headers included.
    pub wire: u64,
}

/// Whose deliveries are counted, and when the read returned.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// CLOCK_MONOTONIC, taken right after the read.
    pub now: u64,
    /// Group of the subscriber; `None` for a connection whose copies are no deliveries (a separate publisher).
    pub group: Option<u16>,
    /// Run-wide publisher index of this connection, if it publishes: its own messages are its echoes.
    pub publisher: Option<u32>,
    /// Phase that runs now, for what names no publish.
    pub phase: u16,
}

/// One read of one connection on its way into the ledger.
#[derive(Debug)]
pub struct Reader<'a> {
    /// The connection's room.
    pub room: &'a mut CanonicalRoom,
    /// Its index in the plan.
    pub room_id: u32,
    /// What was published.
    pub book: &'a Book,
    /// What it must contain.
    pub content: &'a mut Content,
    /// What a frame holds; `None`: a message, as it is.
    pub dialect: Option<&'a Receive>,
    /// Where it is recorded.
    pub recorder: &'a mut Recorder,
    /// Pings, closes and questions of the dialect's met on the way.
    pub controls: &'a mut Vec<Control>,
    /// Publishers of messages that nobody in this worker had before.
    pub first_arrivals: &'a mut Vec<u32>,
    /// Whose read it is.
    pub delivery: Delivery,
    /// Messages of this read.
    pub delivered: u64,
    /// Data frames' messages of this read, whatever they were.
    pub messages: u64,
    /// How many of them are the connection's own.
    pub echoes: u32,
}

impl Reader<'_> {
    /// Takes in what a read returned.
    ///
    /// # Errors
    /// The server broke the protocol; the connection is of no use any more.
    pub fn receive(&mut self, cursor: &mut Cursor, input: &mut [u8]) -> Result<(), ProtocolError> {
        match cursor.take_pending(input) {
            Some(mut joined) => self.consume(cursor, &mut joined),
            None => self.consume(cursor, input),
        }
    }

    fn consume(&mut self, cursor: &mut Cursor, mut input: &mut [u8]) -> Result<(), ProtocolError> {
        while !input.is_empty() {
            if cursor.is_clean() {
                let matched = self.match_canonical(cursor, input);
                input = &mut input[matched..];
                if input.is_empty() {
                    break;
                }
                if self.room.start_of(cursor.entry) < cursor.offset {
                    // It differs inside a frame that an earlier read began.
                    cursor.detach(self.room);
                    return self.receive(cursor, input);
                }
            }
            match decode(input, &RULES)? {
                Decoded::Frame { header, payload, consumed } => {
                    if self.assemble(None, cursor, &header, payload)? == After::Close {
                        return Ok(());
                    }
                    input = &mut input[consumed..];
                }
                Decoded::Incomplete { .. } => {
                    cursor.apart_mut().pending = input.to_vec();
                    return Ok(());
                }
            }
        }
        cursor.settle();
        Ok(())
    }

    /// Moves the cursor over what equals the canonical bytes: part of a frame only if the input ends there.
    fn match_canonical(&mut self, cursor: &mut Cursor, input: &[u8]) -> usize {
        let end = self.room.end().min(cursor.offset + input.len() as u64);
        let Some(canonical) = self.room.slice(cursor.offset, end) else { return 0 };
        let equal = equal_prefix(canonical, input);
        let reached = cursor.offset + equal as u64;
        let mut to = cursor.entry;
        while self.room.entries.get(to as usize).is_some_and(|e| e.end <= reached) {
            to += 1;
        }
        let from = cursor.entry;
        let begun = cursor.offset;
        let boundary = self.room.start_of(to);
        cursor.offset = if equal == input.len() { reached } else { boundary.max(begun) };
        if to > from {
            self.run(cursor, from, to);
            cursor.entry = to;
        }
        (cursor.offset - begun) as usize
    }

    /// Takes in one frame by itself. `inflater` where compression was agreed.
    pub(super) fn assemble(
        &mut self,
        inflater: Option<&mut Inflater>,
        cursor: &mut Cursor,
        header: &Header,
        payload: &mut [u8],
    ) -> Result<After, ProtocolError> {
        let frame_len = frame_len(header.opcode, payload.len());
        let whole = header.fin && header.opcode != Opcode::Continuation;
        // A message in one frame needs no state: keep the connection as small as it is.
        let mut passing = Assembler::new();
        let mut open = match &mut cursor.apart {
            Some(apart) if !whole || !apart.assembler.is_idle() => std::mem::take(&mut apart.assembler),
            _ => std::mem::take(&mut passing),
        };
        let event = match inflater {
            Some(inflater) => open.accept_compressed(inflater, header, payload, &LIMITS)?,
            None => open.accept(header, payload, &LIMITS)?,
        };
        let after = match event {
            Event::Message { opcode, payload } => {
                let before = cursor.apart.as_mut().map_or(0, |apart| std::mem::take(&mut apart.fragment_bytes));
                self.frame(cursor, opcode, payload, before + frame_len);
                After::Continue
            }
            Event::Ping(payload) => {
                self.controls.push(Control::Ping(payload.to_vec()));
                After::Continue
            }
            Event::Incomplete => {
                cursor.apart_mut().fragment_bytes += frame_len;
                After::Continue
            }
            Event::Pong(_) => After::Continue,
            Event::Close(frame) => {
                self.controls.push(Control::Close(frame));
                After::Close
            }
        };
        if !open.is_idle() {
            cursor.apart_mut().assembler = open;
        }
        Ok(after)
    }

    /// Takes in one whole message. Its entry, where it is a published message, intact and not to be mistaken for another.
    pub(super) fn message(&mut self, cursor: &mut Cursor, copy: Copy<'_>) -> Option<u32> {
        let Copy { opcode, message: payload, part, wire } = copy;
        self.messages += 1;
        let found = match self.content.observed() {
            Some(observed) => {
                let Delivery { now, phase, .. } = self.delivery;
                let slot = self.recorder.phase(phase);
                let (room_id, room, book) = (self.room_id, &*self.room, self.book);
                observed.identify(payload, opcode, Sighting { room_id, room, cursor, book, now, phase, slot })
            }
            None => self.content.identify(payload, opcode, (self.room_id, &*self.room), cursor, self.book),
        };
        let Some(((publisher, seq), certainty)) = found else {
            self.unidentified(payload.len());
            return None;
        };
        let intact = self.content.is_intact(publisher, seq, opcode, payload);
        let entry = match self.room.position(publisher, seq) {
            Some(entry) => entry,
            None => {
                let table = self.book.table(publisher)?;
                let published = (table.get(seq)?, table.number(seq)?);
                self.first_arrivals.push(publisher);
                if intact || self.content.keeps_wrapping() {
                    self.room.append((publisher, seq), published, opcode, part, payload.len())
                } else {
                    // What was published, not what came: an altered copy must not become everybody's measure.
                    let (opcode, true_payload) = self.content.render(publisher, seq)?;
                    self.room.append((publisher, seq), published, opcode, true_payload, true_payload.len())
                }
            }
        };
        if certainty == Certainty::Ambiguous
            && let Some(group) = self.delivery.group
        {
            self.recorder.slot(self.room.entries[entry as usize].phase, group).ambiguous += 1;
        }
        self.arrived(cursor, entry, intact, Size { plain: frame_len(opcode, part.len()), wire });
        (intact && certainty == Certainty::Unique).then_some(entry)
    }
}

#[derive(PartialEq, Eq)]
pub(super) enum After {
    Continue,
    Close,
}

/// Bytes of an unmasked frame, header included.
pub fn frame_len(opcode: Opcode, payload: usize) -> u64 {
    (Header::unmasked(opcode, payload as u64).header_len() + payload) as u64
}

/// Length of the common prefix. One `memcmp` when all is equal, which is the rule.
pub(super) fn equal_prefix(a: &[u8], b: &[u8]) -> usize {
    let n = a.len().min(b.len());
    if a[..n] == b[..n] {
        return n;
    }
    const STEP: usize = 64;
    let whole = a[..n].chunks(STEP).zip(b[..n].chunks(STEP)).take_while(|(x, y)| x == y).count() * STEP;
    whole + a[whole..n].iter().zip(&b[whole..n]).take_while(|(x, y)| x == y).count()
}
