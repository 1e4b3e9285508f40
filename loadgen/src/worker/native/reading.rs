//! From a readable socket into the ledger.

use std::cmp::Reverse;
use std::io;

use net::{Token, now};
use wire::close::CloseCode;
use wire::frame::Opcode;

use super::connection::State;
use super::sending::close_payload;
use super::{Native, READS};
use crate::ledger::{Control, Delivery, Reader, frame_len};
use crate::worker::causes::{END_OF_STREAM, broke_protocol, broken, closed_by};
use crate::worker::life::Farewell;

/// One read takes at most this much; it fits the cores' second-level cache beside the canonical bytes.
pub(super) const SCRATCH: usize = 256 << 10;
/// Reads of one socket before others have their turn.
const READ_BUDGET: usize = 4;

/// When a socket counts as drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// After a read that did not fill the buffer.
    Short,
    /// When the kernel says that nothing is there, or the stream ends: after a hang-up no further event comes.
    Empty,
}

impl Native {
    pub(super) fn read(&mut self, id: u32, until: Until) {
        if self.connections[id as usize].throttle.is_some() {
            return self.read_slowly(id);
        }
        for _ in 0..READ_BUDGET {
            let connection = &mut self.connections[id as usize];
            let Some(line) = &mut connection.line else { return };
            let result = line.read(&mut self.scratch);
            let drains = line.is_drained_by_short_reads();
            let at = now();
            self.reads += 1;
            match result {
                Ok(0) => return self.closed(id, END_OF_STREAM, Farewell::None),
                Ok(n) => {
                    let open = self.take(id, n, at);
                    if self.reads >= READS {
                        self.pace();
                    }
                    if !open || (until == Until::Short && n < SCRATCH && drains) {
                        return;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return self.closed(id, &broken(&e), Farewell::None),
            }
        }
        self.poller.again(Token(id));
    }

    /// Reads what a slow consumer may, and has it rest where more may be there.
    fn read_slowly(&mut self, id: u32) {
        for _ in 0..READ_BUDGET {
            let connection = &mut self.connections[id as usize];
            let (Some(line), Some(throttle)) = (&mut connection.line, &mut connection.throttle) else { return };
            if throttle.resting {
                return;
            }
            let allowed = throttle.allowance(now()).min(SCRATCH);
            if allowed == 0 {
                return self.rest(id);
            }
            let result = line.read(&mut self.scratch[..allowed]);
            let at = now();
            self.reads += 1;
            match result {
                Ok(0) => return self.closed(id, END_OF_STREAM, Farewell::None),
                Ok(n) => {
                    throttle.took(n, at);
                    let open = self.take(id, n, at);
                    if self.reads >= READS {
                        self.pace();
                    }
                    if !open {
                        return;
                    }
                    if n == allowed {
                        return self.rest(id);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return self.closed(id, &broken(&e), Farewell::None),
            }
        }
        self.poller.again(Token(id));
    }

    /// A slow consumer has read what it may: it goes on when it may read a whole step.
    fn rest(&mut self, id: u32) {
        if let Some(throttle) = &mut self.connections[id as usize].throttle {
            throttle.resting = true;
            self.resting.push(Reverse((throttle.next(), id)));
        }
    }

    /// Slow consumers that have rested read on.
    pub(super) fn read_rested(&mut self) {
        while let Some(&Reverse((at, id))) = self.resting.peek()
            && at <= self.course.woke
        {
            self.resting.pop();
            let connection = &mut self.connections[id as usize];
            // It may have ended, or been told to read on, in the meantime.
            if let Some(throttle) = connection.throttle.as_mut().filter(|throttle| throttle.resting) {
                throttle.resting = false;
                if connection.state == State::Open {
                    self.read_slowly(id);
                }
            }
        }
    }

    /// Takes `scratch[..n]`, read at `at`, into the ledger; whether the connection is still open.
    pub(super) fn take(&mut self, id: u32, n: usize, at: u64) -> bool {
        let connection = &mut self.connections[id as usize];
        if matches!(connection.state, State::Leaving | State::Departing) {
            // It has left: only the server's close is of interest, and any end will do.
            return true;
        }
        let publisher = connection.publisher;
        let delivery = Delivery {
            now: at,
            group: connection.group,
            publisher: publisher.map(|p| self.course.publishers[p as usize].index),
            phase: self.course.phase,
        };
        let bytes = &mut self.scratch[..n];
        let (room, cursor) = (connection.room, &mut connection.cursor);
        let (taken, result) = match &mut connection.compressed {
            None => self.course.ledgers.take(room, delivery, |reader| reader.receive(cursor, bytes)),
            Some(compressed) => self.course.ledgers.take_shared(room, delivery, |reader, shared| {
                reader.receive_compressed(cursor, compressed, shared, bytes)
            }),
        };
        let phase = self.course.ledgers.recorder.phase(self.course.phase);
        phase.reads += 1;
        if taken.delivered > 0 && connection.group.is_some() {
            phase.read_age.record_n((at - self.course.woke) / 1000, taken.delivered);
        }
        connection.received = connection.received.saturating_add(taken.messages as u32);
        let hears_again = connection.waits && taken.messages > 0;
        self.course.complete(publisher, taken);
        if hears_again {
            self.hears_again(id, at);
        }
        if let Err(error) = result {
            self.send_control(id, Opcode::Close, &close_payload(error.close_code(), ""));
            self.closed(id, broke_protocol(&error), Farewell::Said);
            return false;
        }
        !self.answer_controls(id)
    }

    /// Takes a whole message, read at `at`, into the ledger.
    pub(super) fn take_message(&mut self, id: u32, opcode: Opcode, payload: &[u8], at: u64) {
        let connection = &mut self.connections[id as usize];
        if connection.state != State::Open {
            return;
        }
        let publisher = connection.publisher;
        let delivery = Delivery {
            now: at,
            group: connection.group,
            publisher: publisher.map(|p| self.course.publishers[p as usize].index),
            phase: self.course.phase,
        };
        let cursor = &mut connection.cursor;
        let wire = frame_len(opcode, payload.len());
        let take = |reader: &mut Reader<'_>| reader.frame(cursor, opcode, payload, wire);
        let (taken, _) = self.course.ledgers.take(connection.room, delivery, take);
        self.course.complete(publisher, taken);
        self.answer_controls(id);
    }

    /// Answers pings and closes, and what the dialect answers; whether the connection ended.
    fn answer_controls(&mut self, id: u32) -> bool {
        if self.course.ledgers.controls.is_empty() {
            return false;
        }
        for control in std::mem::take(&mut self.course.ledgers.controls) {
            match control {
                Control::Say(text) => self.say(id, &text),
                Control::Ping(payload) => self.send_control(id, Opcode::Pong, &payload),
                Control::Close(frame) => {
                    let code = frame.as_ref().map_or(CloseCode::NORMAL, |f| f.code);
                    self.send_control(id, Opcode::Close, &close_payload(code, ""));
                    self.closed(id, &closed_by(frame), Farewell::Said);
                    return true;
                }
            }
        }
        !matches!(self.connections[id as usize].state, State::Open | State::Leaving)
    }
}
