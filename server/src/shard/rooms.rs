//! The rooms of a shard, by name and by number.

use std::collections::HashMap;

use crate::accounts::Accounts;
use crate::config::Config;
use crate::room::Room;
use crate::wheel::Wheel;

/// A room and what its shard has to remember about it.
#[derive(Debug)]
pub struct Entry {
    pub room: Room,
    /// It is in `dirty`.
    dirty: bool,
    /// When its wheel entry is due; `u64::MAX` when it has none.
    due: u64,
    /// When its last member left (or it was made), in nanoseconds.
    pub empty_since: u64,
}

#[derive(Debug)]
pub struct Rooms {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    names: HashMap<Box<str>, u32>,
    /// Rooms that something was appended to since their last flush.
    dirty: Vec<u32>,
    pub wheel: Wheel,
}

impl Rooms {
    pub fn new(now: u64) -> Self {
        Self { entries: Vec::new(), free: Vec::new(), names: HashMap::new(), dirty: Vec::new(), wheel: Wheel::new(now) }
    }

    /// The room called `name`, made if there is none.
    pub fn open(&mut self, name: &str, config: &Config, now: u64) -> u32 {
        if let Some(&room) = self.names.get(name) {
            return room;
        }
        let fresh = Room::new(name, rand::random(), config.room_log, config.lag_policy, now);
        let entry = Some(Entry { room: fresh, dirty: false, due: u64::MAX, empty_since: now });
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
        self.names.insert(name.into(), id);
        self.wake_at(id, now + config.room_retain, now);
        id
    }

    #[inline]
    pub fn get_mut(&mut self, id: u32) -> Option<&mut Entry> {
        self.entries.get_mut(id as usize)?.as_mut()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Room> {
        self.entries.iter().flatten().map(|entry| &entry.room)
    }

    pub fn len(&self) -> usize {
        self.names.len()
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
            entry.room.dissolve(accounts);
            self.free.push(id);
        }
    }
}
