//! What a dialect says on a connection: the steps to join, answers, signs of life, a goodbye.

use std::cmp::Reverse;
use std::io;
use std::sync::Arc;

use net::now;
use rand::Rng;
use wire::close::CloseCode;
use wire::frame::{Opcode, append_masked_frame};

use super::Native;
use super::connection::{Joining, State};
use super::reading::SCRATCH;
use super::sending::close_payload;
use crate::dialect::{Dialect, Join, Progress};
use crate::inbound::{Heard, Inbound};
use crate::worker::Common;
use crate::worker::causes::{END_OF_STREAM, broke_protocol, broken, closed_by};
use crate::worker::tally::Blame;

impl Native {
    /// The upgrade was answered; `rest` came behind the answer. Joins, or is open at once.
    pub(super) fn upgraded(&mut self, id: u32, at: u64, rest: Vec<u8>) {
        let common = Arc::clone(&self.course.common);
        let Some(dialect) = dialect_of(&common).filter(|dialect| !dialect.join.is_empty()) else {
            return self.opened(id, at, rest);
        };
        let connection = &mut self.connections[id as usize];
        let Some(opening) = &mut connection.opening else { return };
        connection.state = State::Joining;
        let words = common.plan.words(connection.path_room, connection.number);
        let mut say = Vec::new();
        let (join, progress) = Join::begin(dialect, &words, at, &mut say);
        opening.joining = Some(Joining { join, inbound: Inbound::new(rest) });
        if self.progress(id, at, progress, say) {
            self.hear(id, at);
            self.read_join(id);
        }
    }

    /// Reads what the server says to one who joins.
    pub(super) fn read_join(&mut self, id: u32) {
        while self.connections[id as usize].state == State::Joining {
            let connection = &mut self.connections[id as usize];
            let (Some(line), Some(opening)) = (&mut connection.line, &mut connection.opening) else { return };
            let Some(joining) = &mut opening.joining else { return };
            match line.read(&mut self.scratch) {
                Ok(0) => return self.broke_off(id, END_OF_STREAM),
                Ok(n) => {
                    let at = now();
                    let drained = n < SCRATCH && line.is_drained_by_short_reads();
                    joining.inbound.push(&self.scratch[..n]);
                    self.hear(id, at);
                    if drained {
                        return;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return self.broke_off(id, &broken(&e)),
            }
        }
    }

    /// Takes in what has arrived, up to the end of the join.
    fn hear(&mut self, id: u32, at: u64) {
        let common = Arc::clone(&self.course.common);
        let Some(dialect) = dialect_of(&common) else { return };
        loop {
            let connection = &mut self.connections[id as usize];
            let Some(opening) = &mut connection.opening else { return };
            let words = common.plan.words(connection.path_room, connection.number);
            let Some(Joining { join, inbound }) = &mut opening.joining else { return };
            match inbound.heard() {
                Ok(None) => return,
                Ok(Some(Heard::Ping(payload))) => self.send_control(id, Opcode::Pong, &payload),
                Ok(Some(Heard::Close(frame))) => {
                    let code = frame.as_ref().map_or(CloseCode::NORMAL, |f| f.code);
                    let cause = closed_by(frame);
                    self.send_control(id, Opcode::Close, &close_payload(code, ""));
                    return self.broke_off(id, &cause);
                }
                Ok(Some(Heard::Message(opcode, payload))) => {
                    let mut say = Vec::new();
                    let progress = join.hear(dialect, &words, &payload, at, &mut say);
                    let begins = if let Progress::Joined(begins) = progress { begins } else { payload.len() };
                    if !self.progress(id, at, progress, say) {
                        if begins < payload.len() {
                            self.take_message(id, opcode, &payload[begins..], at);
                        }
                        return;
                    }
                }
                Err(error) => return self.broke_off(id, broke_protocol(&error)),
            }
        }
    }

    /// Says what is to be said; whether the connection still joins.
    fn progress(&mut self, id: u32, at: u64, progress: Progress, say: Vec<Vec<u8>>) -> bool {
        for frame in say {
            self.say(id, &frame);
        }
        let connection = &mut self.connections[id as usize];
        let Some(joining) = connection.opening.as_mut().and_then(|opening| opening.joining.as_mut()) else {
            // The socket did not take it.
            return false;
        };
        match progress {
            Progress::Waiting => {
                self.joins.push(Reverse((joining.join.until(), id)));
                true
            }
            Progress::Joined(_) => {
                let rest = std::mem::take(&mut joining.inbound).into_rest();
                self.opened(id, at, rest);
                false
            }
            Progress::Failed(cause) => {
                self.failed(id, cause, Blame::Server);
                false
            }
        }
    }

    /// A connection ended before it had joined.
    pub(super) fn broke_off(&mut self, id: u32, cause: &str) {
        let connection = &self.connections[id as usize];
        let joining = connection.opening.as_ref().and_then(|opening| opening.joining.as_ref());
        let named = joining.zip(dialect_of(&self.course.common)).map(|(j, dialect)| j.join.broken(dialect, cause));
        if let Some(cause) = named {
            self.failed(id, cause, Blame::Server);
        }
    }

    /// Gives up on steps that take too long, and says what is to be said from time to time.
    pub(super) fn keep_speaking(&mut self) {
        let common = Arc::clone(&self.course.common);
        let Some(dialect) = dialect_of(&common) else { return };
        let woke = self.course.woke;
        while let Some(&Reverse((until, id))) = self.joins.peek()
            && until <= woke
        {
            self.joins.pop();
            let joining = self.connections[id as usize].opening.as_ref().and_then(|opening| opening.joining.as_ref());
            // It may have gone on since.
            let late = joining.filter(|j| j.join.until() == until).and_then(|j| j.join.late(dialect, woke));
            if let Some(cause) = late {
                self.failed(id, cause, Blame::Server);
            }
        }
        let Some(beat) = &dialect.beat else { return };
        while let Some((_, id)) = self.beats.pop_front_if(|(at, _)| *at <= woke) {
            let connection = &mut self.connections[id as usize];
            connection.beats = connection.state == State::Open;
            if connection.beats {
                let frame = beat.send.filled(&common.plan.words(connection.path_room, connection.number));
                self.beats.push_back((woke + beat.every.as_nanos() as u64, id));
                self.say(id, &frame);
            }
        }
    }

    /// When [`keep_speaking`](Self::keep_speaking) must be called next.
    pub(super) fn speaks_at(&self) -> Option<u64> {
        let join = self.joins.peek().map(|Reverse((until, _))| *until);
        join.into_iter().chain(self.beats.front().map(|(at, _)| *at)).min()
    }

    /// A connection is open: its signs of life begin.
    pub(super) fn begin_beats(&mut self, id: u32, at: u64) {
        let Some(beat) = dialect_of(&self.course.common).and_then(|dialect| dialect.beat.as_ref()) else { return };
        // One that comes back before its last beat fell due goes on with it.
        if !std::mem::replace(&mut self.connections[id as usize].beats, true) {
            self.beats.push_back((at + beat.every.as_nanos() as u64, id));
        }
    }

    /// Says goodbye in the words of the dialect.
    pub(super) fn say_goodbye(&mut self, id: u32) {
        let connection = &self.connections[id as usize];
        let common = Arc::clone(&self.course.common);
        if let Some(leave) = dialect_of(&common).and_then(|dialect| dialect.leave.as_ref()) {
            let frame = leave.filled(&common.plan.words(connection.path_room, connection.number));
            self.say(id, &frame);
        }
    }

    /// Sends a text frame, behind what waits already.
    pub(super) fn say(&mut self, id: u32, text: &[u8]) {
        let key = self.rng.next_u32().to_ne_bytes();
        let outbox = self.connections[id as usize].outbox.get_or_insert_default();
        append_masked_frame(outbox.bytes_mut(), Opcode::Text, text, key);
        self.push(id);
    }
}

fn dialect_of(common: &Common) -> Option<&Dialect> {
    common.plan.target.dialect.as_deref()
}
