//! Letters from other shards: what a room's home hands to this one, and what members elsewhere publish in rooms whose home this is.

use wire::CloseCode;

use super::arriving::Newcomer;
use super::connection::{Farewell, Place, Stage};
use super::letters::{Down, Publisher, Untaken, Up, messages};
use super::post::Mailbox;
use super::reading::Until;
use super::scribe::Words;
use super::spread::{Means, Memory, Origin, Role};
use super::turn::Shard;
use crate::bucket::Decision;
use crate::chat::Kind;
use crate::rate::{Cause, Class};
use crate::resume::ResumePoint;

/// Letters of a kind taken in one turn; then sockets have their chance.
const LETTERS: usize = 256;

impl Shard {
    /// Takes in every delivery, then the publishes that may be taken, then reads from connections that waited for room.
    pub(super) fn read_letters(&mut self) {
        let mut left = LETTERS;
        while left > 0
            && let Some((home, letter)) = self.post.next_down()
        {
            self.take_down(home, letter);
            left -= 1;
        }
        let mut publishes = LETTERS;
        while publishes > 0
            && let Some((from, letter)) = self.next_publish()
        {
            self.take_up(from, letter);
            publishes -= 1;
        }
        if left == 0 || publishes == 0 {
            self.post.look_again();
        }
        while let Some(id) = self.post.unpark() {
            self.unpark(id);
        }
    }

    /// Takes in every delivery that waits, before something that must not overtake it.
    pub(super) fn take_deliveries(&mut self) {
        while let Some((home, letter)) = self.post.next_down() {
            self.take_down(home, letter);
        }
    }

    fn next_publish(&mut self) -> Option<(usize, Up<Newcomer>)> {
        let room = match self.post.peek_up()? {
            Up::Publish { room, .. } => Some(*room),
            Up::Joined { .. } | Up::Left { .. } | Up::Return { .. } | Up::Settle => None,
        };
        if room.is_some_and(|room| self.full_box(room).is_some()) {
            return None;
        }
        self.post.next_up()
    }

    /// The letter box that must have room before more may be published in a room here; `None` if all have.
    pub(super) fn full_box(&self, room: u32) -> Option<Mailbox> {
        match &self.rooms.get(room)?.role {
            Role::Home(None) => None,
            Role::Home(Some(remotes)) => {
                remotes.shards().map(Mailbox::Deliveries).find(|mailbox| !self.post.has_room(*mailbox))
            }
            Role::Copy(home) => {
                let mailbox = Mailbox::Publishes(usize::from(home.shard));
                (!self.post.has_room(mailbox)).then_some(mailbox)
            }
        }
    }

    /// Parks a connection whose messages a box has no room for: its bytes stay in the kernel, and TCP holds the peer back.
    pub(super) fn park_if_full(&mut self, id: u32) {
        if let Some(connection) = self.connections.get(id)
            && let (Stage::Open, Place::Room { room, .. }) = (connection.stage, connection.place)
            && let Some(mailbox) = self.full_box(room)
            && let Some(connection) = self.connections.get_mut(id)
        {
            connection.stage = Stage::Parked;
            self.counters.parked += 1;
            self.post.park(mailbox, id);
        }
    }

    /// While it was parked we would not have seen a pong: its silence counts from now.
    fn unpark(&mut self, id: u32) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.stage != Stage::Parked {
            return;
        }
        connection.stage = Stage::Open;
        connection.alive(self.now);
        self.read_again_from(id);
        self.schedule_ping(id);
        self.pass_kept(id);
        self.readable(id, Until::Empty);
    }

    /// From a room's home.
    fn take_down(&mut self, home: usize, letter: Down<Newcomer>) {
        let origin = |room| Origin { shard: home as u8, room };
        // A copy hands nothing on.
        let means = &mut Means { now: self.now, accounts: &mut self.accounts, down: &mut |_, _: Down<Newcomer>| {} };
        match letter {
            Down::Replicate(copy) => {
                let (log_cap, policy) = (self.config.room_log, self.config.lag_policy);
                self.rooms.replicate(home, &copy, log_cap, policy, means);
                if let Some(id) = self.rooms.copy_of(origin(copy.room)) {
                    self.rooms.wake_at(id, self.now + self.config.room_retain, self.now);
                }
            }
            Down::Deliver { room, first, frames } => {
                let copy = self.rooms.deliver(home, room, first, &frames, means, &mut self.lines.sink());
                if let Some(id) = copy {
                    self.delivered(id);
                }
            }
            Down::Place { room, resume, headcount, newcomer } => {
                // The home begins a copy before it places anybody there.
                let Some(id) = self.rooms.copy_of(origin(room)) else { return };
                let Some(entry) = self.rooms.get_mut(id) else { return };
                entry.headcount = headcount;
                if resume.is_none_or(|point| entry.room.holds(point)) {
                    self.seat(id, resume, newcomer);
                } else {
                    self.post.up(home, Up::Return { room, resume, newcomer });
                }
            }
            Down::Refused { room, publisher, why } => {
                if let Some(id) = self.rooms.copy_of(origin(room)) {
                    self.refused(id, publisher, why);
                }
            }
            Down::Dissolve { room } => {
                if let Some(id) = self.rooms.copy_of(origin(room)) {
                    self.rooms.drop_room(id, &mut self.accounts);
                }
            }
            Down::Settled => self.settled(),
        }
    }

    /// What a member of a copy published was not taken at home. It may have left since.
    fn refused(&mut self, copy: u32, publisher: Publisher, why: Untaken) {
        let Publisher { conn, serial } = publisher;
        let Some(connection) = self.connections.get(conn) else { return };
        if connection.serial != serial || !matches!(connection.place, Place::Room { room, .. } if room == copy) {
            return;
        }
        match why {
            Untaken::Memory => self.close(conn, no_memory()),
            Untaken::RoomLimit { messages } => {
                let limit = self.limiting.rates.sentence(Cause::Room, Class::Anonymous);
                self.tell_limited(conn, messages, limit);
            }
        }
    }

    /// Something was appended to a copy. The home has waited for more already where a flush is to be delayed.
    fn delivered(&mut self, room: u32) {
        self.rooms.wake_at(room, self.now + self.config.room_retain, self.now);
        if self.config.flush_delay > 0 {
            self.flush_room(room);
        } else {
            self.rooms.mark_dirty(room);
            self.after_writing(room);
        }
    }

    /// From a shard that has members of rooms whose home this is.
    fn take_up(&mut self, from: usize, letter: Up<Newcomer>) {
        match letter {
            Up::Publish { room, publisher, sender, frames } => {
                if let Some(why) = self.publish_for(room, sender.as_deref(), &frames) {
                    self.post.down(from, Down::Refused { room, publisher, why });
                }
                self.published(room);
            }
            Up::Joined { room, name } => self.joined_elsewhere(room, &name),
            Up::Left { room, name } => {
                self.left_elsewhere(room, from);
                if let Some(name) = name {
                    self.absent(room, &name);
                }
            }
            Up::Return { room, resume, newcomer } => {
                self.seat(room, resume, newcomer);
                self.left_elsewhere(room, from);
            }
            Up::Settle => self.settle(),
        }
    }

    /// Publishes what a member on another shard sent, as far as the room takes it; in a chat room, what `sender` says. Returns why not
    /// all of it was taken, if somebody is to know.
    fn publish_for(&mut self, room: u32, sender: Option<&str>, frames: &[u8]) -> Option<Untaken> {
        let entry = self.rooms.get_mut(room)?;
        let post = &self.post;
        let down = &mut |to, letter| post.down(to, letter);
        let means = &mut Means { now: self.now, accounts: &mut self.accounts, down };
        let sink = &mut self.lines.sink();
        let limit = self.limiting.rates.room.map(|rate| rate.limit);
        let (mut dropped, mut memory) = (0, Memory::Enough);
        for (opcode, payload) in messages(frames) {
            if let Some(limit) = &limit
                && entry.bucket.take(limit, self.now, 1) != Decision::Pass
            {
                dropped += 1;
                continue;
            }
            let done = match sender {
                None => entry.publish(room, opcode, payload, means, sink),
                Some(sender) => {
                    // It was text where it was heard, so nothing is replaced here.
                    let content = &String::from_utf8_lossy(payload);
                    let words = Words { kind: Kind::Chat, sender, content };
                    self.chatters.scribe.publish(words, room, entry, means, sink)
                }
            };
            if done == Memory::Exhausted {
                memory = Memory::Exhausted;
            }
        }
        self.counters.limited.by(Cause::Room).dropped += u64::from(dropped);
        match memory {
            Memory::Exhausted => Some(Untaken::Memory),
            // In a broadcast room there are no words for it.
            Memory::Enough if dropped > 0 && sender.is_some() => Some(Untaken::RoomLimit { messages: dropped }),
            Memory::Enough => None,
        }
    }

    fn left_elsewhere(&mut self, room: u32, shard: usize) {
        if let Some(entry) = self.rooms.get_mut(room) {
            entry.left(shard, self.now);
            self.rooms.wake_at(room, self.now + self.config.room_retain, self.now);
        }
    }

    /// Finds a newcomer its shard; returns it if that is this one.
    pub(super) fn place(&mut self, room: u32, resume: Option<ResumePoint>, newcomer: Newcomer) -> Option<Newcomer> {
        if self.post.is_alone() {
            return Some(newcomer);
        }
        let spread = self.spread();
        let Some(entry) = self.rooms.get_mut(room) else { return Some(newcomer) };
        let post = &self.post;
        let down = &mut |to, letter| post.down(to, letter);
        let means = &mut Means { now: self.now, accounts: &mut self.accounts, down };
        let newcomer = entry.place(room, spread, resume, newcomer, means, &mut self.lines.sink());
        self.after_writing(room);
        newcomer
    }
}

/// Why a message was not published, to the one that sent it.
pub(super) fn no_memory() -> Farewell {
    let reason = "the server has no memory left for this room; the message was not published";
    Farewell::new(CloseCode::TRY_AGAIN_LATER, reason)
}
