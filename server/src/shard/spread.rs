//! Pure: what shards do together about a room that has members on several of them.
//!
//! A room's home numbers its messages. Once the room is large, the home begins copies of it on other shards and places newcomers there.
//! A copy's log is the home's: same messages, same indices, same offsets, handed over at each of the home's flushes. So members of the
//! copy are to their shard what members of any room are.

use std::sync::Arc;

use wire::Opcode;

use super::letters::{Copy, Down, messages};
use super::rooms::{Entry, Rooms};
use crate::accounts::Accounts;
use crate::chat::Presence;
use crate::log::Boundary;
use crate::protocol::Protocol;
use crate::resume::ResumePoint;
use crate::room::{Full, LagPolicy, Room, Sent, Variant};

/// A shard's part in a room.
#[derive(Debug)]
pub enum Role {
    /// It numbers the messages; other shards may have members too.
    Home(Option<Box<Remotes>>),
    /// It has members of a room whose home is another shard.
    Copy(Origin),
}

/// What a room is at its home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The home.
    pub shard: u8,
    /// The room's number there.
    pub room: u32,
}

impl Role {
    /// Of what room it is a copy.
    pub fn origin(&self) -> Option<Origin> {
        match self {
            Self::Home(_) => None,
            Self::Copy(origin) => Some(*origin),
        }
    }
}

/// The other shards that have a room's members. All have been sent the log up to where it was flushed at home.
#[derive(Debug, Default)]
pub struct Remotes(Vec<Remote>);

#[derive(Debug)]
struct Remote {
    shard: u8,
    /// Members placed there that have not left, as far as is known here.
    members: usize,
    /// Since when there are none, in nanoseconds.
    empty_since: u64,
}

impl Remotes {
    /// Which shards they are.
    pub fn shards(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|remote| usize::from(remote.shard))
    }

    fn deliver<N>(&self, number: u32, room: &Room, down: &mut dyn FnMut(usize, Down<N>)) {
        if !room.is_dirty() {
            return;
        }
        let (first, slices) = room.unflushed();
        let frames = joined(slices);
        for shard in self.shards() {
            down(shard, Down::Deliver { room: number, first, frames: Arc::clone(&frames) });
        }
    }
}

/// Where members of a room may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    /// This shard.
    pub me: usize,
    /// All shards.
    pub shards: usize,
    /// Members of a room that a shard takes before another shard is given some.
    pub above: usize,
}

/// What a step needs of the shard that takes it.
pub struct Means<'a, N> {
    /// Nanoseconds.
    pub now: u64,
    pub accounts: &'a mut Accounts,
    /// Sends a letter to another shard.
    pub down: &'a mut dyn FnMut(usize, Down<N>),
}

/// Whether there was memory for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    Enough,
    Exhausted,
}

impl Entry {
    /// Hands what was appended to the other shards of the room, then writes it to the members here.
    #[inline]
    pub fn flush<N>(
        &mut self,
        number: u32,
        means: &mut Means<'_, N>,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) {
        if let Role::Home(Some(remotes)) = &self.role {
            remotes.deliver(number, &self.room, means.down);
        }
        self.room.flush(means.now, means.accounts, sink);
    }

    /// At home: appends, flushing in between where the log asks for it, so that a burst cannot outrun those who read.
    #[inline]
    pub fn publish<N>(
        &mut self,
        number: u32,
        opcode: Opcode,
        payload: &[u8],
        means: &mut Means<'_, N>,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Memory {
        loop {
            match self.room.append(opcode, payload, means.now, means.accounts) {
                Ok(_) => return Memory::Enough,
                Err(Full::FlushFirst) => self.flush(number, means, sink),
                Err(Full::NoMemory) => return Memory::Exhausted,
            }
        }
    }

    /// At home: gives a newcomer its shard. Returns it if that is this one; else it is on its way.
    pub fn place<N>(
        &mut self,
        number: u32,
        spread: Spread,
        resume: Option<ResumePoint>,
        newcomer: N,
        means: &mut Means<'_, N>,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Option<N> {
        if resume.is_some_and(|point| !self.room.holds(point)) {
            return Some(newcomer);
        }
        let to = self.shard_for_newcomer(spread);
        if to == spread.me {
            return Some(newcomer);
        }
        // All copies stand where the log was flushed. After this, so does a new one, and the newcomer begins at the end.
        self.flush(number, means, sink);
        let Role::Home(remotes) = &mut self.role else { return Some(newcomer) };
        let remotes = &mut remotes.get_or_insert_default().0;
        let shard = to as u8;
        let at = remotes.iter().position(|remote| remote.shard == shard).unwrap_or_else(|| {
            (means.down)(to, Down::Replicate(Box::new(copy(number, &self.room, self.protocol))));
            remotes.push(Remote { shard, members: 0, empty_since: means.now });
            remotes.len() - 1
        });
        remotes[at].members += 1;
        let headcount = self.presence.as_deref().map_or(0, Presence::members);
        (means.down)(to, Down::Place { room: number, resume, headcount, newcomer });
        None
    }

    /// The shard with fewest members of the room, of those that have any; one more if they have enough.
    fn shard_for_newcomer(&self, spread: Spread) -> usize {
        let here = (self.room.members(), spread.me);
        let remotes = match &self.role {
            Role::Home(Some(remotes)) => &remotes.0[..],
            _ => &[],
        };
        let there = remotes.iter().map(|remote| (remote.members, usize::from(remote.shard)));
        // At equal numbers this shard: it spares a copy.
        let (members, shard) = there.fold(here, |best, next| if next.0 < best.0 { next } else { best });
        if members < spread.above {
            return shard;
        }
        let has = |shard: &usize| remotes.iter().any(|remote| usize::from(remote.shard) == *shard);
        let others = (1..spread.shards).map(|step| (spread.me + step) % spread.shards);
        others.into_iter().find(|other| !has(other)).unwrap_or(shard)
    }

    /// At home: a member that was placed on another shard is gone.
    pub fn left(&mut self, shard: usize, now: u64) {
        let Role::Home(Some(remotes)) = &mut self.role else { return };
        if let Some(remote) = remotes.0.iter_mut().find(|remote| usize::from(remote.shard) == shard) {
            remote.members = remote.members.saturating_sub(1);
            remote.empty_since = now;
        }
    }

    /// At home: ends the copies that have had no members for `retain` nanoseconds, and says when to ask again, if there is one without.
    pub fn dissolve_unused<N>(
        &mut self,
        number: u32,
        retain: u64,
        now: u64,
        down: &mut dyn FnMut(usize, Down<N>),
    ) -> Option<u64> {
        let Role::Home(slot) = &mut self.role else { return None };
        let remotes = &mut slot.as_mut()?.0;
        let mut next: Option<u64> = None;
        remotes.retain(|remote| {
            let end = remote.empty_since + retain;
            if remote.members > 0 {
                return true;
            }
            if end > now {
                next = Some(next.map_or(end, |next| next.min(end)));
                return true;
            }
            self.empty_since = self.empty_since.max(remote.empty_since);
            // Its members' departures came after everything that they published: nothing about this room is on its way from there.
            down(usize::from(remote.shard), Down::Dissolve { room: number });
            false
        });
        if remotes.is_empty() {
            *slot = None;
        }
        next
    }

    /// At home: whether anybody's presence decides what is spoken in it. Those who receive events understand either, and are all here.
    pub fn is_spoken_in(&self) -> bool {
        let elsewhere = match &self.role {
            Role::Home(Some(remotes)) => remotes.0.iter().any(|remote| remote.members > 0),
            Role::Home(None) | Role::Copy(_) => false,
        };
        elsewhere || self.room.members() > self.room.members_of(Variant::Events)
    }

    /// Whether no other shard has a part in it, so that it may be dropped here.
    pub fn is_alone(&self) -> bool {
        matches!(self.role, Role::Home(None))
    }
}

impl Rooms {
    /// On another shard than the home: begins a copy.
    pub fn replicate<N>(
        &mut self,
        home: usize,
        copy: &Copy,
        log_cap: usize,
        policy: LagPolicy,
        means: &mut Means<'_, N>,
    ) {
        let room = Room::replica(&copy.name, copy.generation, copy.first, log_cap, policy, means.now);
        let origin = Origin { shard: home as u8, room: copy.room };
        let number = self.insert(room, Role::Copy(origin), means.now);
        if let Some(entry) = self.get_mut(number) {
            entry.protocol = copy.protocol;
        }
        // There is nobody yet whom it could be sent to: it counts as flushed.
        let mut nobody = |_, _: &[u8], _: &[u8]| Sent::Failed;
        let id = self.deliver(home, copy.room, copy.first, &copy.frames, means, &mut nobody);
        if let Some(entry) = id.and_then(|id| self.get_mut(id)) {
            entry.room.flush(means.now, means.accounts, &mut nobody);
        }
    }

    /// Appends to a copy what its home sent, and returns the copy's number here.
    pub fn deliver<N>(
        &mut self,
        home: usize,
        room: u32,
        first: Boundary,
        frames: &[u8],
        means: &mut Means<'_, N>,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Option<u32> {
        let id = self.copy_of(Origin { shard: home as u8, room })?;
        let room = &mut self.get_mut(id)?.room;
        debug_assert_eq!(room.log().end(), first);
        for (opcode, payload) in messages(frames) {
            loop {
                match room.copy(opcode, payload, means.now, means.accounts) {
                    Ok(_) => break,
                    Err(Full::FlushFirst) => room.flush(means.now, means.accounts, sink),
                    Err(Full::NoMemory) => {
                        room.flush(means.now, means.accounts, sink);
                        let index = first.index + messages(frames).count() as u64;
                        let next = Boundary { index, offset: first.offset + frames.len() as u64 };
                        room.continue_at(next, means.now, means.accounts);
                        return Some(id);
                    }
                }
            }
        }
        Some(id)
    }
}

/// The log as it stands.
fn copy(number: u32, room: &Room, protocol: Option<Protocol>) -> Copy {
    let (log, next) = (room.log(), room.next());
    let (first, second) = log.slices(log.start().offset, log.end().offset);
    Copy {
        room: number,
        name: room.name().into(),
        generation: next.generation,
        protocol,
        first: log.start(),
        frames: joined([first, second]),
    }
}

fn joined([first, second]: [&[u8]; 2]) -> Arc<[u8]> {
    if second.is_empty() { first.into() } else { [first, second].concat().into() }
}

#[cfg(test)]
#[path = "spread_tests/mod.rs"]
mod tests;
