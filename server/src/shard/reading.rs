//! From a readable socket to publishes, replies and closes.

use std::io::ErrorKind;

use wire::{CloseCode, ProtocolError};

use super::connection::{Farewell, Finish, Place, Stage};
use super::turn::Shard;
use super::writing::send;
use crate::accounts::Accounts;
use crate::room::{Full, Room};
use crate::session::{Outcome, Request};

/// Reads of one socket in a turn; then others have their chance.
const READ_BUDGET: usize = 4;
/// An echo client with more than this unread is not read until it has caught up, in bytes.
const ECHO_WAITING: usize = 64 << 10;

/// When a socket counts as drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// After a read that did not fill the buffer.
    Short,
    /// When the kernel says that nothing is there, or the stream ends: after a hang-up no further event comes.
    Empty,
}

impl Shard {
    pub(super) fn readable(&mut self, id: u32, until: Until) {
        for _ in 0..READ_BUDGET {
            let Some(connection) = self.connections.get_mut(id) else { return };
            let Some(socket) = &connection.socket else { return };
            if connection.stage == Stage::Paused {
                return;
            }
            match socket.read(&mut self.scratch) {
                Ok(0) => return self.lost(id),
                Ok(n) => {
                    self.received(id, n);
                    if until == Until::Short && n < self.scratch.len() {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.lost(id),
            }
        }
        self.poller.again(net::Token(id));
    }

    /// Takes in the first `n` bytes of the scratch buffer as read from a connection.
    pub(super) fn received(&mut self, id: u32, n: usize) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.alive(self.now);
        let (intake, now) = (self.intake, self.now);
        let bytes = &mut self.scratch[..n];
        let (counters, accounts) = (&mut self.counters, &mut self.accounts);
        // Where private frames wait already, replies join them, so that their bound holds over all reads.
        let replies = connection.outbox.as_deref_mut().unwrap_or(&mut self.replies);
        let mut memory = Memory::Enough;
        let mut published = None;
        let mut echo = false;
        let outcome = match connection.place {
            Place::Room { room: id, .. } => {
                let Some(entry) = self.rooms.get_mut(id) else { return };
                let room = &mut entry.room;
                let outcome = connection.session.receive(bytes, &intake, |request| match request {
                    Request::Message { opcode, payload } => {
                        if publish(room, opcode, payload, now, accounts) == Memory::Exhausted {
                            memory = Memory::Exhausted;
                        }
                    }
                    Request::Ping(payload) => replies.pong(payload),
                    Request::Pong => counters.pongs += 1,
                });
                published = Some(id);
                outcome
            }
            Place::Echo => {
                echo = true;
                connection.session.receive(bytes, &intake, |request| match request {
                    Request::Message { opcode, payload } => replies.message(opcode, payload),
                    Request::Ping(payload) => replies.pong(payload),
                    Request::Pong => counters.pongs += 1,
                })
            }
            // Its close frame is on the way: only the peer's is of interest.
            Place::Nowhere => connection.session.receive(bytes, &intake, |_| {}),
        };
        if !self.replies.is_empty() {
            self.reply(id);
        }
        self.conclude(id, outcome, memory);
        if let Some(room) = published {
            self.published(room);
        }
        if echo {
            self.pause_if_behind(id);
        }
    }

    /// What reading means for the connection itself.
    fn conclude(&mut self, id: u32, outcome: Result<Outcome, ProtocolError>, memory: Memory) {
        match outcome {
            Ok(Outcome::Open) => {}
            Ok(Outcome::PeerCloses(frame)) => {
                let code = frame.map_or(CloseCode::NO_STATUS, |frame| frame.code);
                self.close(id, Farewell::new(code, ""));
                self.finish(id, Finish::Close);
                return;
            }
            Ok(Outcome::Closed) => return self.finish(id, Finish::Close),
            Err(error) => {
                let name: String = format!("{error:?}").chars().take_while(char::is_ascii_alphanumeric).collect();
                *self.counters.protocol_errors.entry(name).or_default() += 1;
                self.close(id, Farewell::new(error.close_code(), error.to_string()));
                self.finish(id, Finish::Linger);
                return;
            }
        }
        if memory == Memory::Exhausted {
            let reason = "the server has no memory left for this room; the message was not published";
            self.close(id, Farewell::new(CloseCode::TRY_AGAIN_LATER, reason));
        }
    }

    fn published(&mut self, room: u32) {
        let Some(entry) = self.rooms.get_mut(room) else { return };
        if entry.room.is_dirty() {
            self.rooms.wake_at(room, self.now + self.config.room_retain, self.now);
            if self.rooms.mark_dirty(room) && self.config.flush_delay > 0 {
                self.flush_at = Some(self.now + self.config.flush_delay);
            }
        }
        self.after_writing(room);
    }

    fn pause_if_behind(&mut self, id: u32) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.stage == Stage::Open && connection.waiting() > ECHO_WAITING {
            connection.stage = Stage::Paused;
            if let Some(timeout) = self.config.write_timeout {
                self.wheel.schedule(id, self.now + timeout, self.now);
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    Enough,
    Exhausted,
}

/// Appends, flushing in between where the log asks for it, so that a burst cannot outrun those who read.
#[inline]
fn publish(room: &mut Room, opcode: wire::Opcode, payload: &[u8], now: u64, accounts: &mut Accounts) -> Memory {
    loop {
        match room.append(opcode, payload, now, accounts) {
            Ok(_) => return Memory::Enough,
            Err(Full::FlushFirst) => room.flush(now, accounts, &mut send),
            Err(Full::NoMemory) => return Memory::Exhausted,
        }
    }
}
