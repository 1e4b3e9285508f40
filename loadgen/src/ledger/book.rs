//! When each publish was due and when it was really sent, by publisher and sequence.
//!
//! A publisher writes its own table just before the bytes go out; whoever receives the message reads it. Tables are
//! shared between workers, so the cells are atomics, but each is written by one thread and read long after.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::order::{RoomOrder, place};

/// Value of [`Published::due`] in a closed loop, where nothing is due.
pub const NOT_DUE: u64 = 0;

/// First chunk holds this many publishes; each further chunk twice as many.
const FIRST_CHUNK: usize = 16;
const CHUNKS: usize = 26;

#[derive(Debug, Default)]
struct Cell {
    due: AtomicU64,
    sent: AtomicU64,
    number: AtomicU32,
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
    publisher: u32,
    room: u32,
    order: Arc<RoomOrder>,
    next: AtomicU32,
    chunks: Box<[OnceLock<Box<[Cell]>>]>,
}

impl PublishTable {
    /// A table for a publisher of `room`, whose publishes get their numbers from `order`.
    fn new(publisher: u32, room: u32, order: Arc<RoomOrder>) -> Self {
        let chunks = (0..CHUNKS).map(|_| OnceLock::new()).collect();
        PublishTable { publisher, room, order, next: AtomicU32::new(0), chunks }
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
        let number = self.order.reserve();
        let (chunk, at) = place(seq);
        let cells = self.chunks[chunk].get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| Cell::default()).collect());
        cells[at].due.store(published.due, Ordering::Relaxed);
        cells[at].sent.store(published.sent, Ordering::Relaxed);
        cells[at].phase.store(published.phase, Ordering::Relaxed);
        cells[at].number.store(number, Ordering::Relaxed);
        self.next.store(seq + 1, Ordering::Release);
        self.order.enter(number, self.publisher, seq);
        seq
    }

    /// The socket took it only now.
    pub fn sent_at(&self, seq: u32, sent: u64) {
        let (chunk, at) = place(seq);
        if let Some(cells) = self.chunks[chunk].get() {
            cells[at].sent.store(sent, Ordering::Release);
        }
    }

    /// Its number in the room; `None` for a sequence that was never published.
    pub fn number(&self, seq: u32) -> Option<u32> {
        if seq >= self.count() {
            return None;
        }
        let (chunk, at) = place(seq);
        Some(self.chunks[chunk].get()?[at].number.load(Ordering::Relaxed))
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

/// The tables of all publishers of a run, by run-wide publisher index.
#[derive(Debug)]
pub struct Book {
    tables: Vec<PublishTable>,
    orders: HashMap<u32, Arc<RoomOrder>>,
    /// Of a room that nobody publishes to.
    silent: Arc<RoomOrder>,
}

impl Book {
    /// One table a publisher, given the room of each.
    pub fn new(rooms: impl IntoIterator<Item = u32>) -> Self {
        let mut orders: HashMap<u32, Arc<RoomOrder>> = HashMap::new();
        let table = |(publisher, room)| {
            let order = orders.entry(room).or_insert_with(|| Arc::new(RoomOrder::new()));
            PublishTable::new(publisher, room, Arc::clone(order))
        };
        let tables = (0..).zip(rooms).map(table).collect();
        Book { tables, orders, silent: Arc::new(RoomOrder::new()) }
    }

    /// The order in which a room's publishes were begun.
    pub fn order(&self, room: u32) -> &Arc<RoomOrder> {
        self.orders.get(&room).unwrap_or(&self.silent)
    }

    /// The phase in which the publish of this number of a room was due.
    pub fn phase_of(&self, room: u32, number: u32) -> Option<u16> {
        let (publisher, seq) = self.order(room).publish(number)?;
        Some(self.table(publisher)?.get(seq)?.phase)
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
        let book = Book::new([3]);
        let table = book.table(0).unwrap();
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
    fn publishes_of_a_room_are_numbered_together() {
        let book = Book::new([0, 1, 0]);
        let publish = |publisher: u32, phase| {
            let table = book.table(publisher).unwrap();
            table.number(table.begin(Published { due: 1, sent: 2, phase })).unwrap()
        };
        assert_eq!([publish(0, 0), publish(2, 0), publish(1, 1), publish(2, 1)], [0, 1, 0, 2]);
        assert_eq!((book.order(0).next(), book.order(1).next(), book.order(9).next()), (3, 1, 0));
        assert_eq!(book.phase_of(0, 2), Some(1));
        assert_eq!((book.order(0).publish(2), book.phase_of(0, 3)), (Some((2, 1)), None));
    }

    #[test]
    fn a_later_send_replaces_the_time() {
        let book = Book::new([0]);
        let table = book.table(0).unwrap();
        let seq = table.begin(Published { due: 5, sent: 6, phase: 0 });
        table.sent_at(seq, 9);
        assert_eq!(table.get(seq).map(|p| p.sent), Some(9));
    }
}
