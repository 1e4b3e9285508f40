//! The canonical room: every message of a room as it was first received by anybody, and its bytes.

use std::collections::{HashMap, HashSet};

use wire::frame::{Opcode, append_frame};

use super::book::Published;
use super::receive::frame_len;
use super::spread::{MessageSpread, Sampled, SpreadSample};

/// One received message. Its place in the list is its entry number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Absolute offset in the canonical bytes where its frame ends.
    pub end: u64,
    /// From the publisher's book.
    pub due: u64,
    /// From the publisher's book.
    pub sent: u64,
    /// When the first subscriber had it; 0: none yet.
    pub first: u64,
    /// When the latest subscriber had it.
    pub last: u64,
    pub publisher: u32,
    pub seq: u32,
    /// Of the room's publishes in the order in which they were begun.
    pub number: u32,
    pub payload_len: u32,
    pub phase: u16,
    /// An entry of the same publisher with a higher sequence stands before it: whoever receives it must be asked
    /// whether that was a reordering.
    pub out_of_order: bool,
}

/// Where one publisher's sequences stand in the list.
#[derive(Debug, Default)]
struct Positions {
    /// Entry number + 1 by sequence; 0: not received by anybody.
    by_seq: Vec<u32>,
    /// Highest sequence in the list + 1.
    seen: u32,
}

/// The canonical log of one room in one worker.
#[derive(Debug, Default)]
pub struct CanonicalRoom {
    /// Frames of all entries back to back, from absolute offset `base` on.
    bytes: Vec<u8>,
    base: u64,
    pub(super) entries: Vec<Entry>,
    positions: HashMap<u32, Positions>,
    /// One bit a number: whether anybody received it.
    numbers: Vec<u64>,
    lengths: HashSet<u32>,
    any_out_of_order: bool,
    sample: SpreadSample,
}

impl CanonicalRoom {
    /// An empty room whose spread sample keeps at most about `sample_values` values.
    pub fn new(subscribers: u32, sample_values: usize) -> Self {
        CanonicalRoom { sample: SpreadSample::new(subscribers, sample_values), ..Default::default() }
    }

    /// How many messages anybody has received.
    pub fn len(&self) -> u32 {
        self.entries.len() as u32
    }

    /// Nobody received anything.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Absolute offset of the end of all bytes.
    pub fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// Absolute offset where an entry's frame starts.
    pub(super) fn start_of(&self, entry: u32) -> u64 {
        match entry {
            0 => 0,
            n => self.entries[n as usize - 1].end,
        }
    }

    /// Bytes `from..to`; `None` where they were trimmed already.
    pub(super) fn slice(&self, from: u64, to: u64) -> Option<&[u8]> {
        let from = from.checked_sub(self.base)? as usize;
        self.bytes.get(from..(to - self.base) as usize)
    }

    /// The entry that holds a publish, if anybody received it.
    pub(super) fn position(&self, publisher: u32, seq: u32) -> Option<u32> {
        self.positions.get(&publisher)?.by_seq.get(seq as usize)?.checked_sub(1)
    }

    /// The numbers of `from..to` that nobody received.
    pub(super) fn unseen(&self, from: u32, to: u32) -> impl Iterator<Item = u32> + '_ {
        let word = |n: u32| self.numbers.get(n as usize / 64).copied().unwrap_or(0);
        let mut next = from;
        std::iter::from_fn(move || {
            while next < to {
                let n = next;
                // Whole words of received ones are the rule.
                if n.is_multiple_of(64) && word(n) == u64::MAX {
                    next = n.saturating_add(64);
                    continue;
                }
                next += 1;
                if word(n) & (1 << (n % 64)) == 0 {
                    return Some(n);
                }
            }
            None
        })
    }

    /// Highest sequence of a publisher that anybody received, plus one.
    pub(super) fn seen_of(&self, publisher: u32) -> u32 {
        self.positions.get(&publisher).map_or(0, |p| p.seen)
    }

    /// Whether any entry stands behind a later one of the same publisher.
    pub(super) fn any_out_of_order(&self) -> bool {
        self.any_out_of_order
    }

    /// Appends a message that nobody received before, and gives its entry. `part` is the message, of `len` bytes, with what the server
    /// wraps around it.
    pub(super) fn append(
        &mut self,
        (publisher, seq): (u32, u32),
        (published, number): (Published, u32),
        opcode: Opcode,
        part: &[u8],
        len: usize,
    ) -> u32 {
        let entry = self.len();
        append_frame(&mut self.bytes, opcode, part);
        let positions = self.positions.entry(publisher).or_default();
        let out_of_order = seq < positions.seen;
        if positions.by_seq.len() <= seq as usize {
            positions.by_seq.resize(seq as usize + 1, 0);
        }
        positions.by_seq[seq as usize] = entry + 1;
        let (word, bit) = (number as usize / 64, number % 64);
        if self.numbers.len() <= word {
            self.numbers.resize(word + 1, 0);
        }
        self.numbers[word] |= 1 << bit;
        self.any_out_of_order |= out_of_order;
        positions.seen = positions.seen.max(seq + 1);
        // A bound on the set keeps a run of random sizes from growing it without end.
        if self.lengths.len() < 4096 {
            self.lengths.insert(len as u32);
        }
        self.entries.push(Entry {
            end: self.end(),
            due: published.due,
            sent: published.sent,
            first: 0,
            last: 0,
            publisher,
            seq,
            number,
            payload_len: len as u32,
            phase: published.phase,
            out_of_order,
        });
        entry
    }

    /// Whether a message of this room had this payload length: an unreadable one of the same length is taken to be an
    /// altered copy, any other for something the server itself says.
    pub(super) fn has_length(&self, len: usize) -> bool {
        self.lengths.contains(&(len as u32))
    }

    /// Whether an entry's frame has this payload and opcode.
    pub(super) fn holds(&self, entry: u32, opcode: Opcode, payload: &[u8]) -> bool {
        let Some(end) = self.entries.get(entry as usize).map(|e| e.end) else { return false };
        let start = self.start_of(entry);
        end - start == frame_len(opcode, payload.len())
            && self.slice(start, end).is_some_and(|frame| frame[0] & 0x0f == opcode as u8 && frame.ends_with(payload))
    }

    /// The spread sample, to which every delivery adds.
    pub(super) fn sample_mut(&mut self) -> (&mut [Entry], &mut SpreadSample) {
        (&mut self.entries, &mut self.sample)
    }

    /// Drops bytes before `offset` (nobody needs them); connections behind it are decoded from then on.
    pub fn trim_to(&mut self, offset: u64) {
        let keep_from = offset.min(self.end());
        if let Some(n) = keep_from.checked_sub(self.base).filter(|&n| n > 0) {
            self.bytes.drain(..n as usize);
            self.base = keep_from;
        }
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.bytes.len()
    }

    /// First and last subscriber of every message that any subscriber had.
    pub fn spreads(&self) -> impl Iterator<Item = MessageSpread> + '_ {
        self.entries.iter().filter(|e| e.first != 0).map(|e| MessageSpread {
            publisher: e.publisher,
            seq: e.seq,
            phase: e.phase,
            sent: e.sent,
            first: e.first,
            last: e.last,
        })
    }

    /// Median and 99 % subscriber of the sampled messages, microseconds after sending.
    pub fn sampled(&self) -> Vec<Sampled> {
        self.sample.quantiles(|entry| self.entries[entry as usize].phase)
    }
}
