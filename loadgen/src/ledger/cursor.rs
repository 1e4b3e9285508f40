//! One connection's place in its canonical room, and what sets it apart from the others.

use wire::message::Assembler;

use super::absence::Absences;
use super::canonical::CanonicalRoom;
use super::ranges::Ranges;

/// Everything before `entry` was received, except what is missing. 24 bytes for a connection that never differed, nor left.
#[derive(Debug, Default)]
pub struct Cursor {
    /// Absolute offset in the canonical bytes up to which this connection's stream has been matched.
    pub(super) offset: u64,
    /// The entry that `offset` lies in, or at whose start it stands.
    pub(super) entry: u32,
    /// The room's number when this connection opened, if messages flowed already: what was begun before is replayed to it.
    pub(super) since: u32,
    pub(super) apart: Option<Box<Apart>>,
}

/// What a connection has that others have not.
#[derive(Debug, Default)]
pub(super) struct Apart {
    /// Bytes of a frame that is not whole yet and did not match the canonical ones.
    pub pending: Vec<u8>,
    /// Fragments of a message that is not whole yet.
    pub assembler: Assembler,
    /// Bytes of its frames so far, headers included.
    pub fragment_bytes: u64,
    /// Entries before the cursor that did not arrive (yet).
    pub missing: Ranges,
    /// What it was not there for.
    pub absences: Absences,
}

impl Cursor {
    /// Everything from here on is this connection's business: a cursor at the end of what the room has so far, which joins before the
    /// publish of number `next`.
    pub fn at_end(room: &CanonicalRoom, next: u32) -> Self {
        let mut cursor = Cursor { offset: room.end(), entry: room.len(), since: next, apart: None };
        if next > 0 {
            cursor.join_late(room, next);
        }
        cursor
    }

    pub(super) fn apart_mut(&mut self) -> &mut Apart {
        self.apart.get_or_insert_default()
    }

    /// Whether an entry has been received here.
    pub(super) fn has(&self, entry: u32) -> bool {
        entry < self.entry && self.apart.as_ref().is_none_or(|a| !a.missing.contains(entry))
    }

    /// Missing entries at most `window` before the cursor, oldest first.
    pub(super) fn missing_within(&self, window: u32) -> Vec<u32> {
        let from = self.entry.saturating_sub(window);
        let ranges = self.apart.iter().flat_map(|a| a.missing.iter());
        ranges.flat_map(|(a, b)| a.max(from)..b.max(from)).collect()
    }

    /// Nothing kept of a frame or message begun off the canonical bytes.
    pub(super) fn is_clean(&self) -> bool {
        self.apart.as_ref().is_none_or(|a| a.pending.is_empty() && a.assembler.is_idle())
    }

    /// What waits for the rest of its frame, with `input` behind it; `None` when nothing waits.
    pub(super) fn take_pending(&mut self, input: &[u8]) -> Option<Vec<u8>> {
        let apart = self.apart.as_mut().filter(|apart| !apart.pending.is_empty())?;
        let mut joined = std::mem::take(&mut apart.pending);
        joined.extend_from_slice(input);
        Some(joined)
    }

    /// Gives the extra state back once it holds nothing.
    pub(super) fn settle(&mut self) {
        if let Some(apart) = &self.apart
            && apart.pending.is_empty()
            && apart.assembler.is_idle()
            && apart.missing.is_empty()
            && apart.absences.is_empty()
        {
            self.apart = None;
        }
    }

    /// The frame of the entry before the cursor, if it is kept.
    pub fn last_frame<'r>(&self, room: &'r CanonicalRoom) -> Option<&'r [u8]> {
        let last = self.entry.checked_sub(1)?;
        room.slice(room.start_of(last), room.start_of(self.entry))
    }

    /// Offset of the first canonical byte this connection still compares with.
    pub fn needs_from(&self, room: &CanonicalRoom) -> u64 {
        room.start_of(self.entry)
    }

    /// Stops relying on canonical bytes before the cursor: the part of a frame matched so far becomes its own.
    pub fn detach(&mut self, room: &CanonicalRoom) {
        let start = room.start_of(self.entry);
        if start < self.offset
            && let Some(part) = room.slice(start, self.offset)
        {
            let part = part.to_vec();
            self.apart_mut().pending = part;
            self.offset = start;
        }
    }
}
