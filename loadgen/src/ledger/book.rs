//! When each publish was due and when it was really sent, by publisher and sequence.
//!
//! A publisher writes its own table just before the bytes go out; whoever receives the message reads it. Tables are
//! shared between workers, so the cells are atomics, but each is written by one thread and read long after.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

/// Value of [`Published::due`] in a closed loop, where nothing is due.
pub const NOT_DUE: u64 = 0;

/// First chunk holds this many publishes; each further chunk twice as many.
const FIRST_CHUNK: usize = 16;
const CHUNKS: usize = 26;

#[derive(Debug, Default)]
struct Cell {
    due: AtomicU64,
    sent: AtomicU64,
    phase: AtomicU16,
}

/// One publish, in nanoseconds of CLOCK_MONOTONIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// When the schedule wanted it; [`NOT_DUE`] in a closed loop.
    pub due: u64,
    /// When it was handed to the socket (the last attempt before it went).
    pub sent: u64,
    /// Phase in which it was due (in a closed loop: sent).
    pub phase: u16,
}

/// What one publisher has published. Grows in chunks that never move, so readers need no lock.
#[derive(Debug)]
pub struct PublishTable {
    room: u32,
    next: AtomicU32,
    chunks: Box<[OnceLock<Box<[Cell]>>]>,
}

impl PublishTable {
    /// A table for a publisher of `room`.
    pub fn new(room: u32) -> Self {
        PublishTable { room, next: AtomicU32::new(0), chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect() }
    }

    /// The room it publishes to.
    pub fn room(&self) -> u32 {
        self.room
    }

    /// How many publishes were begun; sequences below this are known.
    pub fn count(&self) -> u32 {
        self.next.load(Ordering::Acquire)
    }

    /// Enters the next publish and gives its sequence. Only the publisher's own worker calls this.
    pub fn begin(&self, published: Published) -> u32 {
        let seq = self.next.load(Ordering::Relaxed);
        let (chunk, at) = place(seq);
        let cells = self.chunks[chunk].get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| Cell::default()).collect());
        cells[at].due.store(published.due, Ordering::Relaxed);
        cells[at].sent.store(published.sent, Ordering::Relaxed);
        cells[at].phase.store(published.phase, Ordering::Relaxed);
        self.next.store(seq + 1, Ordering::Release);
        seq
    }

    /// The socket took it only now.
    pub fn sent_at(&self, seq: u32, sent: u64) {
        let (chunk, at) = place(seq);
        if let Some(cells) = self.chunks[chunk].get() {
            cells[at].sent.store(sent, Ordering::Release);
        }
    }

    /// What is known of a publish; `None` for a sequence that was never published.
    pub fn get(&self, seq: u32) -> Option<Published> {
        if seq >= self.count() {
            return None;
        }
        let (chunk, at) = place(seq);
        let cell = &self.chunks[chunk].get()?[at];
        Some(Published {
            due: cell.due.load(Ordering::Relaxed),
            sent: cell.sent.load(Ordering::Acquire),
            phase: cell.phase.load(Ordering::Relaxed),
        })
    }
}

/// Chunk and position of a sequence: chunk k holds `FIRST_CHUNK << k`.
fn place(seq: u32) -> (usize, usize) {
    let n = seq as usize / FIRST_CHUNK + 1;
    let chunk = n.ilog2() as usize;
    (chunk, seq as usize - FIRST_CHUNK * ((1 << chunk) - 1))
}

/// The tables of all publishers of a run, by run-wide publisher index.
#[derive(Debug, Default)]
pub struct Book {
    tables: Vec<PublishTable>,
}

impl Book {
    /// One table a publisher, given the room of each.
    pub fn new(rooms: impl IntoIterator<Item = u32>) -> Self {
        Book { tables: rooms.into_iter().map(PublishTable::new).collect() }
    }

    /// The table of a publisher; `None` for an index the run does not have.
    pub fn table(&self, publisher: u32) -> Option<&PublishTable> {
        self.tables.get(publisher as usize)
    }

    /// Publishers of a room, in order.
    pub fn publishers_of(&self, room: u32) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.tables).filter(move |(_, t)| t.room == room).map(|(i, _)| i)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_gives_back_every_publish_across_chunks() {
        let table = PublishTable::new(3);
        for i in 0..1000u64 {
            let seq = table.begin(Published { due: i + 1, sent: i + 2, phase: (i % 7) as u16 });
            assert_eq!(u64::from(seq), i);
        }
        for i in 0..1000u64 {
            assert_eq!(table.get(i as u32), Some(Published { due: i + 1, sent: i + 2, phase: (i % 7) as u16 }));
        }
        assert_eq!(table.get(1000), None);
    }

    #[test]
    fn a_later_send_replaces_the_time() {
        let table = PublishTable::new(0);
        let seq = table.begin(Published { due: 5, sent: 6, phase: 0 });
        table.sent_at(seq, 9);
        assert_eq!(table.get(seq).map(|p| p.sent), Some(9));
    }
}
