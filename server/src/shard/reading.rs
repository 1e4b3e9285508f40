//! From a readable socket to publishes, replies and closes.

use std::io::ErrorKind;

use wire::{CloseCode, Context, Flow, Inflater, ProtocolError, append_frame};

use super::connection::{Connection, Farewell, Finish, Place, Stage};
use super::letters::{Publisher, Up};
use super::relaying::no_memory;
use super::spread::{Means, Memory, Origin, Role};
use super::turn::Shard;
use super::turnstile::{Passage, Turnstile};
use crate::coding::Coding;
use crate::outbox::Outbox;
use crate::session::{Held, Outcome, Request};

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

/// What came of a read beside what was published and answered.
struct Reading {
    outcome: Result<Outcome, ProtocolError>,
    /// What the limits made of it, if there is anything to do about it.
    passage: Option<Passage>,
    memory: Memory,
}

impl Reading {
    #[inline]
    fn new(
        outcome: Result<Outcome, ProtocolError>,
        turnstile: Turnstile<'_>,
        connection: &Connection,
        memory: Memory,
    ) -> Self {
        let passage = turnstile.into_passage();
        let remarkable = passage.is_remarkable() || connection.session.is_midway() || connection.midway;
        Self { outcome, passage: remarkable.then_some(passage), memory }
    }
}

impl Shard {
    pub(super) fn readable(&mut self, id: u32, until: Until) {
        // Under TLS, an end or a violation may follow what was read without another event.
        let until = if self.lines.is_encrypted(id) { Until::Empty } else { until };
        for _ in 0..READ_BUDGET {
            if !self.post.is_alone() {
                self.park_if_full(id);
            }
            let Some(connection) = self.connections.get_mut(id) else { return };
            let Some(socket) = &connection.socket else { return };
            if matches!(connection.stage, Stage::Paused | Stage::Parked | Stage::Delayed) {
                return;
            }
            let scratch = &mut self.scratch[..self.limiting.read_size];
            match self.lines.read(id, socket, scratch) {
                Ok(0) => return self.lost(id),
                Ok(n) => {
                    self.received(id, n);
                    if until == Until::Short && n < self.limiting.read_size {
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
    #[inline]
    pub(super) fn received(&mut self, id: u32, n: usize) {
        self.take_in(id, n, None);
    }

    /// As [`received`](Self::received), after a message that has waited for its time.
    pub(super) fn take_in(&mut self, id: u32, n: usize, held: Option<&Held>) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.alive(self.now);
        let place = connection.place;
        let reading = match place {
            Place::Room { room, .. } => match self.rooms.get(room).map(|entry| &entry.role) {
                Some(Role::Home(_)) => self.read_at_home(id, room, n, held),
                Some(Role::Copy(home)) => self.read_for_home(id, room, *home, n, held),
                None => None,
            },
            Place::Echo => self.read_echo(id, n, held),
            Place::Nowhere => self.read_close(id, n),
        };
        let Some(Reading { outcome, passage, memory }) = reading else { return };
        if !self.replies.is_empty() {
            self.reply(id);
        }
        self.conclude(id, outcome, memory);
        if let Place::Room { room, .. } = place {
            self.published(room);
        }
        if let Some(passage) = passage {
            self.limit(id, passage);
        }
        if place == Place::Echo {
            self.pause_if_behind(id);
        }
    }

    /// From a member of a room whose home is here.
    #[inline]
    fn read_at_home(&mut self, id: u32, room: u32, n: usize, held: Option<&Held>) -> Option<Reading> {
        let Self { connections, rooms, chatters, accounts, post, lines, counters, now, .. } = self;
        let (connection, entry) = (connections.get_mut(id)?, rooms.get_mut(room)?);
        let replies = connection.outbox.as_deref_mut().unwrap_or(&mut self.replies);
        let mut turnstile = self.limiting.turnstile(id, connection.meter, held, &mut counters.limited, *now);
        // The room's own, which publishing leaves alone: out of the room's entry for the length of this read.
        let mut bucket = std::mem::take(&mut entry.bucket);
        turnstile.goes_to_room(&mut bucket);
        let mut voice = chatters.voice(id, entry, &mut counters.chat, *now);
        let down = &mut |to, letter| post.down(to, letter);
        let means = &mut Means { now: *now, accounts, down };
        let mut memory = Memory::Enough;
        let (bytes, inflater) = (&mut self.scratch[..n], inflater(&mut self.inflater, connection.coding));
        let outcome = connection.session.receive_after(held, bytes, &self.intake, inflater, |request| {
            match request {
                Request::Message { opcode, payload } => {
                    if let Err(flow) = turnstile.pass(opcode, payload) {
                        return flow;
                    }
                    let sink = &mut lines.sink();
                    let done = match &mut voice {
                        None => entry.publish(room, opcode, payload, means, sink),
                        Some(voice) => voice.say(room, entry, (opcode, payload), means, replies, sink),
                    };
                    if done == Memory::Exhausted {
                        memory = Memory::Exhausted;
                    }
                }
                control => answer(&control, &mut turnstile, replies, &mut counters.pongs),
            }
            Flow::Continue
        });
        let reading = Reading::new(outcome, turnstile, connection, memory);
        entry.bucket = bucket;
        Some(reading)
    }

    /// From a member of a room whose home is another shard. What it published is on its way there before anything tells the home that it
    /// has left. The limit on the room itself is kept there.
    #[inline]
    fn read_for_home(&mut self, id: u32, room: u32, home: Origin, n: usize, held: Option<&Held>) -> Option<Reading> {
        let Self { connections, rooms, chatters, counters, now, .. } = self;
        let (connection, entry) = (connections.get_mut(id)?, rooms.get_mut(room)?);
        let replies = connection.outbox.as_deref_mut().unwrap_or(&mut self.replies);
        let mut turnstile = self.limiting.turnstile(id, connection.meter, held, &mut counters.limited, *now);
        let mut voice = chatters.voice(id, entry, &mut counters.chat, *now);
        let mut frames = Vec::new();
        let (bytes, inflater) = (&mut self.scratch[..n], inflater(&mut self.inflater, connection.coding));
        let outcome = connection.session.receive_after(held, bytes, &self.intake, inflater, |request| {
            match request {
                Request::Message { opcode, payload } => {
                    if let Err(flow) = turnstile.pass(opcode, payload) {
                        return flow;
                    }
                    match &mut voice {
                        None => append_frame(&mut frames, opcode, payload),
                        Some(voice) => voice.hand_on(&entry.room, (opcode, payload), &mut frames, replies),
                    }
                }
                control => answer(&control, &mut turnstile, replies, &mut counters.pongs),
            }
            Flow::Continue
        });
        let reading = Reading::new(outcome, turnstile, connection, Memory::Enough);
        if !frames.is_empty() {
            let sender = chatters.name(id).map(Into::into);
            let publisher = Publisher { conn: id, serial: connection.serial };
            self.post.up(usize::from(home.shard), Up::Publish { room: home.room, publisher, sender, frames });
        }
        Some(reading)
    }

    /// From somebody who wants everything back.
    #[inline]
    fn read_echo(&mut self, id: u32, n: usize, held: Option<&Held>) -> Option<Reading> {
        let Self { connections, counters, accounts, .. } = self;
        let connection = connections.get_mut(id)?;
        let coding = connection.coding;
        let replies = connection.outbox.as_deref_mut().unwrap_or(&mut self.replies);
        let mut turnstile = self.limiting.turnstile(id, connection.meter, held, &mut counters.limited, self.now);
        let (bytes, inflater) = (&mut self.scratch[..n], inflater(&mut self.inflater, coding));
        let outcome = connection.session.receive_after(held, bytes, &self.intake, inflater, |request| {
            match request {
                Request::Message { opcode, payload } => {
                    if let Err(flow) = turnstile.pass(opcode, payload) {
                        return flow;
                    }
                    match accounts.compressors.private(coding, payload) {
                        None => replies.message(opcode, payload),
                        Some(compressed) => replies.compressed_message(opcode, compressed),
                    }
                }
                control => answer(&control, &mut turnstile, replies, &mut counters.pongs),
            }
            Flow::Continue
        });
        Some(Reading::new(outcome, turnstile, connection, Memory::Enough))
    }

    /// From somebody to whom a close frame is on the way: only the peer's is of interest.
    fn read_close(&mut self, id: u32, n: usize) -> Option<Reading> {
        let connection = self.connections.get_mut(id)?;
        let (bytes, inflater) = (&mut self.scratch[..n], inflater(&mut self.inflater, connection.coding));
        let outcome = connection.session.receive(bytes, &self.intake, inflater, |_| Flow::Continue);
        Some(Reading { outcome, passage: None, memory: Memory::Enough })
    }

    /// What reading means for the connection itself.
    fn conclude(&mut self, id: u32, outcome: Result<Outcome, ProtocolError>, memory: Memory) {
        match outcome {
            Ok(Outcome::Open) => {}
            Ok(Outcome::PeerCloses(frame)) => {
                let code = frame.map_or(CloseCode::NO_STATUS, |frame| frame.code);
                self.closed_by_peer(id, code);
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
            self.close(id, no_memory());
        }
    }

    /// After something may have been appended to a room: it is flushed at the end of the turn, or after the flush delay.
    pub(super) fn published(&mut self, room: u32) {
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

/// The shard's inflater, made when somebody first needs it; nobody does who agreed to no compression. All use the same one, because
/// every client was told to compress each message by itself.
fn inflater(shared: &mut Option<Inflater>, coding: Coding) -> Option<&mut Inflater> {
    (coding != Coding::Plain).then(|| shared.get_or_insert_with(|| Inflater::new(Context::Fresh)))
}

/// Counts a ping or pong, and answers a ping.
#[inline]
fn answer(control: &Request<'_>, turnstile: &mut Turnstile<'_>, replies: &mut Outbox, pongs: &mut u64) {
    turnstile.control();
    match control {
        Request::Ping(payload) => replies.pong(payload),
        Request::Pong => *pongs += 1,
        Request::Message { .. } => {}
    }
}
