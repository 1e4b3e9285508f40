//! A feed that we do not publish: what anybody of a room received first is what all of it are expected to receive.
//!
//! A message that nobody had before is entered into the room's book as if it had been published then, so the rest of the ledger is the
//! same: the canonical room, cursors, losses, order. Which message a payload is, is told by its content, forward from where the
//! connection is. Each room belongs to one worker, so its union is complete.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use wire::frame::Opcode;

use super::book::{Book, NOT_DUE, Published};
use super::canonical::CanonicalRoom;
use super::content::Certainty;
use super::cursor::Cursor;
use super::marks::{Marks, Noted, Sight};
use crate::recorder::PhaseSlot;

/// How far back an equal message that says when or as which number it was sent is the same one once more.
const REORDER_WINDOW: u32 = 1024;

/// What is known of a feed's rooms.
#[derive(Debug)]
pub struct Observed {
    marks: Marks,
    rooms: HashMap<u32, Union>,
}

/// Everything that anybody of a room received.
#[derive(Debug, Default)]
struct Union {
    /// Entries by their content, in the order in which they came.
    by_content: HashMap<u64, Vec<u32>>,
    /// Highest sequence number so far.
    sequence: Option<u64>,
}

/// Where a payload was seen.
pub(super) struct Sighting<'a> {
    pub room_id: u32,
    pub room: &'a CanonicalRoom,
    pub cursor: &'a Cursor,
    pub book: &'a Book,
    /// CLOCK_MONOTONIC, after the read.
    pub now: u64,
    /// Phase that runs now.
    pub phase: u16,
    /// Where the feed's own marks are counted.
    pub slot: &'a mut PhaseSlot,
}

impl Observed {
    /// Nothing seen yet; `marks` finds what messages say of themselves.
    pub fn new(marks: Marks) -> Self {
        Observed { marks, rooms: HashMap::new() }
    }

    /// Which message of the room a payload is: its publisher (the room stands for it) and number. One that is new is entered.
    pub(super) fn identify(
        &mut self,
        payload: &[u8],
        opcode: Opcode,
        seen: Sighting<'_>,
    ) -> Option<((u32, u32), Certainty)> {
        let union = self.rooms.entry(seen.room_id).or_default();
        let equal = union.by_content.entry(content(opcode, payload)).or_default();
        let at = equal.partition_point(|entry| *entry < seen.cursor.entry);
        let found = |entry: u32, certainty| {
            let e = seen.room.entries[entry as usize];
            Some(((e.publisher, e.seq), certainty))
        };
        if let Some(&ahead) = equal.get(at) {
            let certainty = if equal.len() > at + 1 { Certainty::Ambiguous } else { Certainty::Unique };
            return found(ahead, certainty);
        }
        if let Some(&missing) = equal[..at].iter().rev().find(|entry| !seen.cursor.has(**entry)) {
            return found(missing, Certainty::Unique);
        }
        let noted = self.marks.read(payload);
        // What says when it was sent, or as which number, is sent once: the same again is a copy.
        if noted.is_marked()
            && let Some(&before) = equal.last().filter(|entry| **entry + REORDER_WINDOW >= seen.cursor.entry)
        {
            return found(before, Certainty::Unique);
        }
        let table = seen.book.table(seen.room_id)?;
        let due = count(seen.slot, &noted, &mut union.sequence, seen.now);
        equal.push(seen.room.len());
        let seq = table.begin(Published { due: due.unwrap_or(NOT_DUE), sent: seen.now, phase: seen.phase });
        Some(((seen.room_id, seq), Certainty::Unique))
    }
}

/// Counts what a new message says of itself; when it was sent, in CLOCK_MONOTONIC, where that can be believed.
fn count(slot: &mut PhaseSlot, noted: &Noted, sequence: &mut Option<u64>, now: u64) -> Option<u64> {
    let feed = &mut slot.feed;
    feed.messages += 1;
    slot.due += 1;
    slot.sent += 1;
    if let Some(number) = noted.sequence {
        feed.numbered += 1;
        match *sequence {
            Some(last) if number > last + 1 => {
                feed.gaps += 1;
                feed.gap_messages += number - last - 1;
            }
            Some(last) if number <= last => feed.went_back += 1,
            _ => {}
        }
        *sequence = Some(number);
    }
    match noted.sent(now) {
        Sight::None => None,
        Sight::Implausible => {
            feed.implausible += 1;
            None
        }
        Sight::Ahead { by_us } => {
            feed.timed += 1;
            feed.ahead += 1;
            feed.ahead_most_us = feed.ahead_most_us.max(by_us);
            Some(now)
        }
        Sight::At(sent) => {
            feed.timed += 1;
            Some(sent)
        }
    }
}

fn content(opcode: Opcode, payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (opcode == Opcode::Binary).hash(&mut hasher);
    payload.hash(&mut hasher);
    hasher.finish()
}
