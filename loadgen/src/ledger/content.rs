//! What a publish must contain, and which publish a payload is.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wire::frame::Opcode;
use wire::stamp::Stamp;

use super::book::Book;
use super::canonical::CanonicalRoom;
use super::cursor::Cursor;
use super::observed::Observed;
use crate::payload::PayloadSource;
use crate::plan::Correlate;

/// How far from the expected position content is looked for, in messages of one publisher.
const REORDER_WINDOW: u32 = 1024;

/// How much of a payload is compared with what was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verify {
    /// Every byte.
    Exact,
    /// Only the stamp: the probe saw that this server wraps messages in something of its own.
    StampOnly,
}

/// The payloads of a run, made again from the seed by whoever needs them.
#[derive(Debug)]
pub struct Content {
    run: u16,
    correlate: Correlate,
    /// Some payloads carry no stamp, whatever `correlate` says (replayed traffic).
    some_bare: bool,
    verify: Verify,
    /// A feed that we do not publish.
    observed: Option<Observed>,
    /// Run-wide publisher indices of each source.
    sources: Vec<(Range<u32>, Arc<PayloadSource>)>,
    scratch: Vec<u8>,
}

impl Content {
    /// Content of a run; `sources` in ascending order of publisher index.
    pub fn new(run: u16, correlate: Correlate, verify: Verify, sources: Vec<(Range<u32>, Arc<PayloadSource>)>) -> Self {
        let some_bare = correlate == Correlate::Content || sources.iter().any(|(_, s)| !s.carries_stamp());
        Content { run, correlate, some_bare, verify, observed: None, sources, scratch: Vec::new() }
    }

    /// Content of a feed that we do not publish: whatever comes.
    pub fn observing(observed: Observed) -> Self {
        let content = Content::new(0, Correlate::Observed, Verify::StampOnly, Vec::new());
        Content { observed: Some(observed), ..content }
    }

    /// The feed, where it is not ours.
    pub(super) fn observed(&mut self) -> Option<&mut Observed> {
        self.observed.as_mut()
    }

    /// Payload and opcode of a publish; `None` for a publisher that the run does not have.
    pub fn render(&mut self, publisher: u32, seq: u32) -> Option<(Opcode, &[u8])> {
        let at = self.sources.partition_point(|(range, _)| range.end <= publisher);
        let (_, source) = self.sources.get(at).filter(|(range, _)| range.contains(&publisher))?;
        self.scratch.clear();
        source.render(publisher, seq, self.run, &mut self.scratch);
        let opcode = if source.is_binary(publisher, seq) { Opcode::Binary } else { Opcode::Text };
        Some((opcode, &self.scratch))
    }

    /// Whether a payload is what was published.
    pub(super) fn is_intact(&mut self, publisher: u32, seq: u32, opcode: Opcode, payload: &[u8]) -> bool {
        if self.observed.is_some() || (self.verify == Verify::StampOnly && self.correlate == Correlate::Stamp) {
            return true;
        }
        self.render(publisher, seq) == Some((opcode, payload))
    }

    /// Whether the bytes received may stand for the publish in the canonical room.
    pub(super) fn keeps_wrapping(&self) -> bool {
        self.verify == Verify::StampOnly
    }

    /// Which publish of `room` a payload is; the second value says that another one within the window is equal.
    pub(super) fn identify(
        &mut self,
        payload: &[u8],
        opcode: Opcode,
        (room_id, room): (u32, &CanonicalRoom),
        cursor: &Cursor,
        book: &Book,
    ) -> Option<((u32, u32), Certainty)> {
        if self.correlate == Correlate::Stamp
            && let Some((stamp, _)) = Stamp::find(payload, self.run)
            && let Some(table) = book.table(stamp.publisher).filter(|t| t.room() == room_id)
            && stamp.seq < table.count()
        {
            return Some(((stamp.publisher, stamp.seq), Certainty::Unique));
        }
        if !self.some_bare {
            return None;
        }
        self.by_content(payload, opcode, (room_id, room), cursor, book)
    }

    /// Forward from the expected position, then what is missing, then what nobody received yet, then backward.
    fn by_content(
        &mut self,
        payload: &[u8],
        opcode: Opcode,
        (room_id, room): (u32, &CanonicalRoom),
        cursor: &Cursor,
        book: &Book,
    ) -> Option<((u32, u32), Certainty)> {
        let forward = cursor.entry..room.len().min(cursor.entry + REORDER_WINDOW);
        let missing = cursor.missing_within(REORDER_WINDOW);
        let mut candidates: Vec<(u32, u32)> = Vec::new();
        for entry in forward.chain(missing) {
            let e = room.entries[entry as usize];
            if e.payload_len as usize == payload.len() && self.is_intact(e.publisher, e.seq, opcode, payload) {
                if entry == cursor.entry {
                    return Some(((e.publisher, e.seq), Certainty::Unique));
                }
                candidates.push((e.publisher, e.seq));
            }
        }
        for publisher in book.publishers_of(room_id) {
            let count = book.table(publisher).map_or(0, |t| t.count());
            let from = room.seen_of(publisher).saturating_sub(REORDER_WINDOW);
            let unseen = (from..count.min(from.saturating_add(2 * REORDER_WINDOW)))
                .filter(|&seq| room.position(publisher, seq).is_none());
            for seq in unseen {
                if self.is_intact(publisher, seq, opcode, payload) {
                    // At the head the next unseen publish is the expected one: no search, no ambiguity.
                    if candidates.is_empty() && cursor.entry == room.len() && seq == room.seen_of(publisher) {
                        return Some(((publisher, seq), Certainty::Unique));
                    }
                    candidates.push((publisher, seq));
                    break;
                }
            }
        }
        if let Some(&first) = candidates.first() {
            let certainty = if candidates.len() > 1 { Certainty::Ambiguous } else { Certainty::Unique };
            return Some((first, certainty));
        }
        (cursor.entry.saturating_sub(REORDER_WINDOW)..cursor.entry).rev().find_map(|entry| {
            let e = room.entries[entry as usize];
            (e.payload_len as usize == payload.len() && self.is_intact(e.publisher, e.seq, opcode, payload))
                .then_some(((e.publisher, e.seq), Certainty::Unique))
        })
    }
}

/// Whether another publish within the window has the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    Unique,
    Ambiguous,
}
