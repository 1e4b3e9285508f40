//! A read becomes deliveries: matched with the canonical room by bytes, decoded frame by frame where it differs.

use wire::close::CloseFrame;
use wire::deflate::Inflater;
use wire::frame::{Decoded, Header, Opcode, Role, Rsv1, Rules, decode};
use wire::message::{Assembler, Event, Limits, ProtocolError};

use super::book::{Book, NOT_DUE};
use super::canonical::CanonicalRoom;
use super::content::{Certainty, Content};
use super::cursor::Cursor;
use super::observed::Sighting;
use crate::dialect::Receive;
use crate::recorder::{NotOwed, Recorder};

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

    /// Counts entries `from..to`, received in this order and right after everything before the cursor.
    pub(super) fn run(&mut self, cursor: &Cursor, from: u32, to: u32) {
        self.delivered += u64::from(to - from);
        self.messages += u64::from(to - from);
        let Delivery { now, group, publisher, .. } = self.delivery;
        if let Some(publisher) = publisher {
            self.own_echoes(publisher, from, to);
        }
        let Some(group) = group else { return };
        let late = self.count_reordered(cursor, from, to);
        let since = cursor.since;
        let frame_start = self.room.start_of(from);
        let (entries, sample) = self.room.sample_mut();
        let mut frame_start = frame_start;
        let mut rest = &mut entries[from as usize..to as usize];
        while let Some(head) = rest.first() {
            let phase = head.phase;
            let same = rest.iter().take_while(|e| e.phase == phase).count();
            let (these, others) = rest.split_at_mut(same);
            rest = others;
            let slot = self.recorder.slot(phase, group);
            // Messages published in one write share their times: record them together.
            let (mut due, mut sent, mut n) = (these[0].due, these[0].sent, 0);
            for e in these.iter_mut() {
                slot.payload_bytes += u64::from(e.payload_len);
                if e.number < since {
                    slot.replayed(now, e.due, e.sent, not_owed(cursor, e.number));
                    continue;
                }
                if e.first == 0 {
                    e.first = now;
                }
                e.last = now;
                if e.due != due || e.sent != sent {
                    slot.times(now, due, sent, n);
                    (due, sent, n) = (e.due, e.sent, 0);
                }
                n += 1;
            }
            slot.times(now, due, sent, n);
            let end = these[same - 1].end;
            slot.frame_bytes += end - frame_start;
            slot.delivered += same as u64;
            frame_start = end;
        }
        let mut sampled = sample.next_from(from);
        while sampled < to {
            let e = &entries[sampled as usize];
            if e.number >= since {
                sample.add(sampled, now.saturating_sub(e.sent) / 1000);
            }
            sampled += sample.step();
        }
        for phase in late {
            self.recorder.slot(phase, group).reordered += 1;
        }
    }

    fn own_echoes(&mut self, publisher: u32, from: u32, to: u32) {
        for e in &self.room.entries[from as usize..to as usize] {
            if e.publisher == publisher {
                self.echoes += 1;
                if e.due == NOT_DUE {
                    let us = self.delivery.now.saturating_sub(e.sent) / 1000;
                    self.recorder.phase(e.phase).round_trip.record(us);
                }
            }
        }
    }

    /// Phases of the entries among `from..to` that this connection received after a later one of the same publisher.
    fn count_reordered(&self, cursor: &Cursor, from: u32, to: u32) -> Vec<u16> {
        if !self.room.any_out_of_order() {
            return Vec::new();
        }
        let of = |n: &u32| self.room.entries[*n as usize];
        (from..to).filter(|n| of(n).out_of_order && self.overtaken(cursor, *n, from)).map(|n| of(&n).phase).collect()
    }

    /// Whether a later message of the same publisher has been received: one before the cursor, or in the run that
    /// began at `run` before this entry.
    fn overtaken(&self, cursor: &Cursor, entry: u32, run: u32) -> bool {
        let e = self.room.entries[entry as usize];
        (e.seq + 1..self.room.seen_of(e.publisher))
            .filter_map(|seq| self.room.position(e.publisher, seq))
            .any(|n| if n >= run { n < entry } else { cursor.has(n) })
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

    /// Counts one identified message that did not come as part of a run.
    fn arrived(&mut self, cursor: &mut Cursor, entry: u32, intact: bool, size: Size) {
        let phase = self.room.entries[entry as usize].phase;
        let group = self.delivery.group;
        if entry < cursor.entry {
            if !cursor.apart.as_mut().is_some_and(|a| a.missing.remove(entry)) {
                if let Some(group) = group {
                    self.recorder.slot(phase, group).duplicated += 1;
                }
                return;
            }
            if let Some(group) = group {
                self.recorder.slot(phase, group).passed_over -= 1;
            }
        } else {
            if entry > cursor.entry {
                let from = cursor.entry;
                cursor.apart_mut().missing.push(from, entry);
                if let Some(group) = group {
                    self.recorder.slot(phase, group).passed_over += i64::from(entry - from);
                }
            }
            cursor.entry = entry + 1;
            cursor.offset = self.room.start_of(cursor.entry);
        }
        if let Some(publisher) = self.delivery.publisher {
            self.own_echoes(publisher, entry, entry + 1);
        }
        let Some(group) = group else { return };
        let number = self.room.entries[entry as usize].number;
        let replayed = number < cursor.since;
        if !intact {
            let slot = self.recorder.slot(phase, group);
            slot.corrupted += 1;
            if let Some(why) = not_owed(cursor, number).filter(|_| replayed) {
                slot.absences_mut().regain(why);
            }
            return;
        }
        self.delivered += 1;
        // Asked as a run of its own: everything before the cursor is what `has` says.
        let overtaken = self.overtaken(cursor, entry, u32::MAX);
        let now = self.delivery.now;
        let (entries, sample) = self.room.sample_mut();
        let e = &mut entries[entry as usize];
        let slot = self.recorder.slot(phase, group);
        if replayed {
            slot.replayed(now, e.due, e.sent, not_owed(cursor, number));
        } else {
            if e.first == 0 {
                e.first = now;
            }
            e.last = now;
            if sample.next_from(entry) == entry {
                sample.add(entry, now.saturating_sub(e.sent) / 1000);
            }
            slot.times(now, e.due, e.sent, 1);
        }
        slot.delivered += 1;
        slot.reordered += u64::from(overtaken);
        slot.payload_bytes += u64::from(e.payload_len);
        slot.frame_bytes += size.plain;
        slot.saved += size.plain as i64 - size.wire as i64;
    }

    fn unidentified(&mut self, len: usize) {
        let Some(group) = self.delivery.group else { return };
        let slot = self.recorder.slot(self.delivery.phase, group);
        if self.room.has_length(len) {
            slot.unreadable += 1;
        } else {
            slot.foreign += 1;
        }
    }
}

/// Why a message that was begun before the connection opened is not owed to it, if it is not.
fn not_owed(cursor: &Cursor, number: u32) -> Option<NotOwed> {
    cursor.apart.as_ref().and_then(|apart| apart.absences.why(number))
}

#[derive(PartialEq, Eq)]
pub(super) enum After {
    Continue,
    Close,
}

/// Bytes of one message with its headers.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// As one plain frame.
    plain: u64,
    /// As they came.
    wire: u64,
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
