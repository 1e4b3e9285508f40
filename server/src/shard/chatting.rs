//! What is particular to chat rooms: who speaks, welcomes, messages, who joined and left, notices of gaps.
//!
//! ```text
//!   member of a copy ─► checked there: Voice ─ content ─► home: numbered, encoded once ─► every shard's log
//!                             └ refused: an error, from its own shard
//!   welcomed, left: Joined, Left ───────────────────────► home: Presence, the only one
//! ```

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use wire::{Opcode, append_frame};

use super::connection::Place;
use super::inbox::NoPlace;
use super::letters::Up;
use super::rooms::Entry;
use super::scribe::{Scribe, Words};
use super::spread::{Means, Memory, Role};
use super::turn::Shard;
use crate::admission::Visitor;
use crate::chat::{self, ClientId, Kind, Participant, Refusal, SERVER};
use crate::outbox::Outbox;
use crate::protocol::Protocol;
use crate::room::{MemberId, Private, Room, Sent};
use crate::stats::ChatCounters;

/// A client with more than this unread is not told what is wrong with what it sends, in bytes: it would not read that either.
const ERRORS_WAITING: usize = 16 << 10;

/// Everybody of a shard who is in a chat room or about to be. Connections of other rooms are not in here and cost nothing.
#[derive(Debug, Default)]
pub(super) struct Chatters {
    /// By connection.
    seats: HashMap<u32, Seat>,
    ids: HashSet<ClientId>,
    pub scribe: Scribe,
}

#[derive(Debug)]
struct Seat {
    who: Participant,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its handshake goes on: nobody knows of it yet.
    Expected,
    /// It was welcomed, and counts among the room's members.
    Present,
}

/// One member of a chat room, while what it sent is read.
pub(super) struct Voice<'a> {
    who: &'a Participant,
    scribe: &'a mut Scribe,
    counters: &'a mut ChatCounters,
    now: u64,
}

impl Voice<'_> {
    /// At home: publishes what it says, or tells it why not.
    pub fn say<N>(
        &mut self,
        number: u32,
        entry: &mut Entry,
        (opcode, payload): (Opcode, &[u8]),
        means: &mut Means<'_, N>,
        replies: &mut Outbox,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Memory {
        let Some(content) = self.heard(&entry.room, opcode, payload, replies) else { return Memory::Enough };
        let words = Words { kind: Kind::Chat, sender: self.who.name(), content: &content };
        self.scribe.publish(words, number, entry, means, sink)
    }

    /// On another shard: puts the content of what it says into `frames`, for the home, or tells it why not.
    pub fn hand_on(
        &mut self,
        room: &Room,
        (opcode, payload): (Opcode, &[u8]),
        frames: &mut Vec<u8>,
        replies: &mut Outbox,
    ) {
        if let Some(content) = self.heard(room, opcode, payload, replies) {
            append_frame(frames, Opcode::Text, content.as_bytes());
        }
    }

    fn heard<'p>(
        &mut self,
        room: &Room,
        opcode: Opcode,
        payload: &'p [u8],
        replies: &mut Outbox,
    ) -> Option<Cow<'p, str>> {
        chat::heard(opcode, payload, room.name()).map_err(|refusal| self.refuse(room, &refusal, replies)).ok()
    }

    /// Tells it, and nobody else, that what it said is not published.
    fn refuse(&mut self, room: &Room, refusal: &Refusal, replies: &mut Outbox) {
        let messages = refusal.messages();
        *self.counters.refused.entry(refusal.name()).or_default() += messages;
        if replies.unsent().len() > ERRORS_WAITING {
            self.counters.refused_silently += messages;
            return;
        }
        let words = Words { kind: Kind::Error, sender: SERVER, content: &refusal.to_string() };
        replies.message(Opcode::Text, self.scribe.write(words, room, room.next(), self.now));
    }
}

impl Chatters {
    /// The voice of a connection; `None` where the room is not for chatting.
    #[inline]
    pub fn voice<'a>(
        &'a mut self,
        conn: u32,
        entry: &Entry,
        counters: &'a mut ChatCounters,
        now: u64,
    ) -> Option<Voice<'a>> {
        if entry.protocol != Some(Protocol::Chat) {
            return None;
        }
        let Self { seats, scribe, .. } = self;
        seats.get(&conn).map(|seat| Voice { who: &seat.who, scribe, counters, now })
    }

    /// What a connection in a chat room is called.
    pub fn name(&self, conn: u32) -> Option<&str> {
        self.seats.get(&conn).map(|seat| seat.who.name())
    }

    /// Tells a member of a chat room that it was skipped over; the message, as JSON. `None` for members of other rooms.
    pub fn notice(&mut self, conn: u32, room: &Room, member: MemberId, skipped: u64, now: u64) -> Option<&[u8]> {
        let seat = self.seats.get(&conn)?;
        let content = match skipped {
            1 => "1 message was skipped: you were too far behind".to_owned(),
            _ => format!("{skipped} messages were skipped: you were too far behind"),
        };
        let words = Words { kind: Kind::System, sender: seat.who.name(), content: &content };
        Some(self.scribe.write(words, room, room.next_for(member), now))
    }

    /// Gives a connection that has a place in a chat room an id that nobody else of this shard has.
    pub fn expect(&mut self, conn: u32, visitor: Visitor) {
        let mut id = ClientId::from_random(rand::random());
        while !self.ids.insert(id) {
            id = ClientId::from_random(rand::random());
        }
        self.seats.insert(conn, Seat { who: Participant::new(id, visitor.user), state: State::Expected });
    }

    /// A connection is not in its room any more; its name, if the others knew of it.
    pub fn unseat(&mut self, conn: u32) -> Option<Box<str>> {
        let seat = self.seats.remove(&conn)?;
        self.ids.remove(&seat.who.id());
        if self.seats.is_empty() {
            // A crowd that has left leaves no memory behind.
            (self.seats, self.ids) = (HashMap::new(), HashSet::new());
        }
        (seat.state == State::Present).then(|| seat.who.name().into())
    }
}

impl Shard {
    /// Sees to it that everybody in a room speaks the same protocol: who comes into one where nobody speaks decides.
    pub(super) fn agree(&mut self, room: u32, protocol: Protocol) -> Result<(), NoPlace> {
        let Some(entry) = self.rooms.get_mut(room) else { return Ok(()) };
        match entry.protocol {
            Some(spoken) if spoken == protocol => {}
            Some(spoken) if entry.is_spoken_in() => return Err(NoPlace::Protocol(spoken)),
            before => {
                // The copies are of a room that was spoken to otherwise, and have no members.
                let post = &self.post;
                entry.dissolve_unused(room, 0, self.now, &mut |to, letter| post.down(to, letter));
                entry.protocol = Some(protocol);
                entry.presence = (protocol == Protocol::Chat).then(Box::default);
                if before.is_some() || protocol == Protocol::Chat {
                    // What was said in another protocol is nothing to resume from.
                    self.flush_room(room);
                    if let Some(entry) = self.rooms.get_mut(room) {
                        entry.room.forget_history(&mut self.accounts);
                    }
                }
            }
        }
        Ok(())
    }

    /// Counts a connection whose handshake is done among the members of its chat room and puts its welcome, the first thing that it is
    /// sent, into its outbox. Says whether there is one.
    pub(super) fn welcome(&mut self, id: u32, room: u32, member: MemberId) -> Private {
        let (Some(entry), Some(connection)) = (self.rooms.get_mut(room), self.connections.get_mut(id)) else {
            return Private::None;
        };
        let Chatters { seats, scribe, .. } = &mut self.chatters;
        let Some(seat) = seats.get_mut(&id) else { return Private::None };
        let name = seat.who.name();
        let members = match (&entry.role, &mut entry.presence) {
            (Role::Home(_), Some(presence)) => {
                presence.joined(name);
                presence.members()
            }
            (Role::Home(_), None) => return Private::None,
            (Role::Copy(home), _) => {
                self.post.up(usize::from(home.shard), Up::Joined { room: home.room, name: name.into() });
                entry.headcount += 1;
                entry.headcount
            }
        };
        seat.state = State::Present;
        let words = Words { kind: Kind::System, sender: name, content: &seat.who.welcome(members) };
        let welcome = scribe.write(words, &entry.room, entry.room.next_for(member), self.now);
        connection.outbox.get_or_insert_default().message(Opcode::Text, welcome);
        self.counters.chat.welcomes += 1;
        Private::Waiting
    }

    /// At home: a member of a chat room is here now that is on another shard.
    pub(super) fn joined_elsewhere(&mut self, room: u32, name: &str) {
        if let Some(presence) = self.rooms.get_mut(room).and_then(|entry| entry.presence.as_mut()) {
            presence.joined(name);
            self.announce(room);
        }
    }

    /// At home: a member of a chat room that had joined, on whichever shard, is not here any more.
    pub(super) fn absent(&mut self, room: u32, name: &str) {
        let Some(presence) = self.rooms.get_mut(room).and_then(|entry| entry.presence.as_mut()) else { return };
        presence.left(name);
        if let Some(due) = presence.due() {
            // Not at once, even if it is due: whoever called is in the middle of something.
            self.rooms.wake_at(room, due.max(self.now), self.now);
        }
    }

    /// At home: tells the members of a chat room who joined and left, if that is due; otherwise has the room looked at when it is. Nobody
    /// is told who leaves while the server stops.
    pub(super) fn announce(&mut self, room: u32) {
        let Some(entry) = self.rooms.get_mut(room) else { return };
        let Some(presence) = &mut entry.presence else { return };
        let Some(due) = presence.due() else { return };
        if due > self.now {
            return self.rooms.wake_at(room, due, self.now);
        }
        let Some(content) = presence.take(self.now).filter(|_| self.drain.is_none()) else { return };
        match self.say_as_server(room, Kind::System, &content) {
            Memory::Enough => self.counters.chat.announcements += 1,
            Memory::Exhausted => self.counters.chat.announcements_lost += 1,
        }
        self.published(room);
    }

    /// At home: publishes what nobody in the room says.
    pub(super) fn say_as_server(&mut self, room: u32, kind: Kind, content: &str) -> Memory {
        let Some(entry) = self.rooms.get_mut(room) else { return Memory::Exhausted };
        let post = &self.post;
        let down = &mut |to, letter| post.down(to, letter);
        let means = &mut Means { now: self.now, accounts: &mut self.accounts, down };
        let words = Words { kind, sender: SERVER, content };
        self.chatters.scribe.publish(words, room, entry, means, &mut self.lines.sink())
    }

    /// Tells a member of a chat room that messages of it are not published because of a limit. In other rooms there are no words for it.
    pub(super) fn tell_limited(&mut self, id: u32, messages: u32, limit: String) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let Place::Room { room, .. } = connection.place else { return };
        let Some(entry) = self.rooms.get(room) else { return };
        let Some(mut voice) = self.chatters.voice(id, entry, &mut self.counters.chat, self.now) else { return };
        let replies = connection.outbox.as_deref_mut().unwrap_or(&mut self.replies);
        voice.refuse(&entry.room, &Refusal::Limited { limit, messages }, replies);
        if !self.replies.is_empty() {
            self.reply(id);
        }
    }
}
