//! Pure: the rooms of a shard, by name and by number.

use std::collections::HashMap;

use super::spread::{Origin, Role};
use crate::accounts::Accounts;
use crate::bucket::Bucket;
use crate::chat::Presence;
use crate::protocol::Protocol;
use crate::room::Room;
use crate::wheel::Wheel;

/// A room and what its shard has to remember about it.
#[derive(Debug)]
pub struct Entry {
    pub room: Room,
    /// This shard's part in it.
    pub role: Role,
    /// What its members speak; `None` before the first.
    pub protocol: Option<Protocol>,
    /// At home: who joins and leaves, in a chat room.
    pub presence: Option<Box<Presence>>,
    /// In a copy of a chat room: members on all shards, as far as is known here.
    pub headcount: u64,
    /// Of messages from all members together.
    pub bucket: Bucket,
    /// It is in `dirty`.
    dirty: bool,
    /// When its wheel entry is due; `u64::MAX` when it has none.
    due: u64,
    /// When its last member left (or it was made), in nanoseconds.
    pub empty_since: u64,
}

/// The table. What shards do together about a room is in `spread`.
#[derive(Debug)]
pub struct Rooms {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    names: HashMap<Box<str>, u32>,
    /// The copies of rooms of other shards, by what they are at home.
    copies: HashMap<Origin, u32>,
    /// Rooms that something was appended to since their last flush.
    dirty: Vec<u32>,
    pub wheel: Wheel,
}

impl Rooms {
    pub fn new(now: u64) -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            names: HashMap::new(),
            copies: HashMap::new(),
            dirty: Vec::new(),
            wheel: Wheel::new(now),
        }
    }

    /// The room called `name`.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The copy of another shard's room.
    #[inline]
    pub fn copy_of(&self, origin: Origin) -> Option<u32> {
        self.copies.get(&origin).copied()
    }

    /// Takes in a room that is not there yet.
    pub fn insert(&mut self, room: Room, role: Role, now: u64) -> u32 {
        let name = room.name().into();
        let origin = role.origin();
        let entry = Some(Entry {
            room,
            role,
            protocol: None,
            presence: None,
            headcount: 0,
            bucket: Bucket::default(),
            dirty: false,
            due: u64::MAX,
            empty_since: now,
        });
        let id = match self.free.pop() {
            Some(id) => {
                self.entries[id as usize] = entry;
                id
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        self.names.insert(name, id);
        if let Some(origin) = origin {
            self.copies.insert(origin, id);
        }
        id
    }

    #[inline]
    pub fn get_mut(&mut self, id: u32) -> Option<&mut Entry> {
        self.entries.get_mut(id as usize)?.as_mut()
    }

    pub fn get(&self, id: u32) -> Option<&Entry> {
        self.entries.get(id as usize)?.as_ref()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().flatten()
    }

    /// Rooms, those of other shards not counted.
    pub fn homes(&self) -> usize {
        self.names.len() - self.copies.len()
    }

    /// Copies of rooms of other shards.
    pub fn copies(&self) -> usize {
        self.copies.len()
    }

    /// Notes that a room must be flushed; true if it is the first.
    #[inline]
    pub fn mark_dirty(&mut self, id: u32) -> bool {
        let first = self.dirty.is_empty();
        match self.get_mut(id) {
            Some(entry) if !entry.dirty => entry.dirty = true,
            _ => return false,
        }
        self.dirty.push(id);
        first
    }

    /// One room to be flushed.
    #[inline]
    pub fn next_dirty(&mut self) -> Option<u32> {
        let id = self.dirty.pop()?;
        if let Some(entry) = self.get_mut(id) {
            entry.dirty = false;
        }
        Some(id)
    }

    /// Has the room looked at by `due` at the latest.
    #[inline]
    pub fn wake_at(&mut self, id: u32, due: u64, now: u64) {
        if let Some(entry) = self.get_mut(id)
            && due < entry.due
        {
            entry.due = due;
            self.wheel.schedule(id, due, now);
        }
    }

    /// One room that is due.
    pub fn pop_due(&mut self, now: u64) -> Option<u32> {
        let id = self.wheel.pop(now)?;
        if let Some(entry) = self.get_mut(id) {
            entry.due = u64::MAX;
        }
        Some(id)
    }

    /// Drops a room without members.
    pub fn drop_room(&mut self, id: u32, accounts: &mut Accounts) {
        if let Some(entry) = self.entries.get_mut(id as usize).and_then(Option::take) {
            self.wheel.cancel(id);
            self.names.remove(entry.room.name());
            if let Some(origin) = entry.role.origin() {
                self.copies.remove(&origin);
            }
            entry.room.dissolve(accounts);
            self.free.push(id);
        }
    }
}
