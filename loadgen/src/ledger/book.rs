//! When each publish was due and when it was really sent, by publisher and sequence.
//!
//! A publisher writes its own table just before the bytes go out; whoever receives the message reads it, in whichever worker or
//! agent. So the tables are atomics in memory that processes share, and each is written by one thread, before anybody can ask.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering;

use net::SharedWords;

use super::list::{self, List};
use super::order::{self, RoomOrder};

/// Value of [`Published::due`] in a closed loop, where nothing is due.
pub const NOT_DUE: u64 = 0;

/// Words of a publish: due, sent, phase, number in its room.
pub(super) const CELL: usize = 4;
/// Words of addresses for a book: a thousand million publishes. Only what is used takes memory.
const WORDS: usize = 1 << 33;

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

/// What one publisher has published.
#[derive(Debug, Clone, Copy)]
pub struct PublishTable<'b> {
    /// Its owner's word is how many publishes were begun.
    cells: List<'b>,
    publisher: u32,
    room: u32,
    order: RoomOrder<'b>,
}

impl PublishTable<'_> {
    /// The room it publishes to.
    pub fn room(&self) -> u32 {
        self.room
    }

    /// How many publishes were begun; sequences below this are known.
    pub fn count(&self) -> u32 {
        self.cells.head().load(Ordering::Acquire) as u32
    }

    /// Enters the next publish and gives its sequence. Only the publisher's own worker calls this.
    pub fn begin(&self, published: Published) -> u32 {
        let seq = self.cells.head().load(Ordering::Relaxed) as u32;
        let number = self.order.reserve();
        let cell = self.cells.cell_to_write(seq);
        cell[0].store(published.due, Ordering::Relaxed);
        cell[1].store(published.sent, Ordering::Relaxed);
        cell[2].store(published.phase.into(), Ordering::Relaxed);
        cell[3].store(number.into(), Ordering::Relaxed);
        self.cells.head().store(u64::from(seq) + 1, Ordering::Release);
        self.order.enter(number, self.publisher, seq);
        seq
    }

    /// The socket took it only now.
    pub fn sent_at(&self, seq: u32, sent: u64) {
        if let Some(cell) = self.cells.cell(seq) {
            cell[1].store(sent, Ordering::Release);
        }
    }

    /// Its number in the room; `None` for a sequence that was never published.
    pub fn number(&self, seq: u32) -> Option<u32> {
        if seq >= self.count() {
            return None;
        }
        Some(self.cells.cell(seq)?[3].load(Ordering::Relaxed) as u32)
    }

    /// What is known of a publish; `None` for a sequence that was never published.
    pub fn get(&self, seq: u32) -> Option<Published> {
        if seq >= self.count() {
            return None;
        }
        let cell = self.cells.cell(seq)?;
        Some(Published {
            due: cell[0].load(Ordering::Relaxed),
            sent: cell[1].load(Ordering::Acquire),
            phase: cell[2].load(Ordering::Relaxed) as u16,
        })
    }
}

/// The tables of all publishers of a run, by run-wide publisher index.
#[derive(Debug)]
pub struct Book {
    words: SharedWords,
    rooms: Vec<u32>,
    /// The list of each room that is published to.
    orders: HashMap<u32, usize>,
}

impl Book {
    /// An empty book with one table a publisher, given the room of each.
    ///
    /// # Errors
    /// When this process is out of descriptors or addresses.
    pub fn new(rooms: Vec<u32>) -> io::Result<Self> {
        let words = SharedWords::new(WORDS)?;
        let orders = orders(&rooms);
        list::prepare(&words, rooms.len() + orders.len());
        Ok(Book { words, rooms, orders })
    }

    /// The book that another process of this run made, by its [`path`](Book::path) there.
    ///
    /// # Errors
    /// When that process has ended.
    pub fn open(path: &str, rooms: Vec<u32>) -> io::Result<Self> {
        Ok(Book { words: SharedWords::open(path)?, orders: orders(&rooms), rooms })
    }

    /// What [`open`](Book::open) takes in another process, as long as this one has the book.
    pub fn path(&self) -> String {
        self.words.path()
    }

    /// The table of a publisher; `None` for an index the run does not have.
    pub fn table(&self, publisher: u32) -> Option<PublishTable<'_>> {
        let index = publisher as usize;
        let room = *self.rooms.get(index)?;
        Some(PublishTable { cells: List::new(&self.words, index, CELL), publisher, room, order: self.order(room) })
    }

    /// The order in which a room's publishes were begun.
    pub fn order(&self, room: u32) -> RoomOrder<'_> {
        RoomOrder::new(self.orders.get(&room).map(|&index| List::new(&self.words, index, order::CELL)))
    }

    /// The phase in which the publish of this number of a room was due.
    pub fn phase_of(&self, room: u32, number: u32) -> Option<u16> {
        let (publisher, seq) = self.order(room).publish(number)?;
        Some(self.table(publisher)?.get(seq)?.phase)
    }

    /// Publishers of a room, in order.
    pub fn publishers_of(&self, room: u32) -> impl Iterator<Item = u32> + '_ {
        (0..).zip(&self.rooms).filter(move |(_, r)| **r == room).map(|(i, _)| i)
    }
}

/// A list for each room, behind those of the publishers.
fn orders(rooms: &[u32]) -> HashMap<u32, usize> {
    let mut orders = HashMap::new();
    for room in rooms {
        let next = rooms.len() + orders.len();
        orders.entry(*room).or_insert(next);
    }
    orders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_gives_back_every_publish_across_chunks() {
        let book = Book::new(vec![3, 4]).unwrap();
        let published = |i: u64| Published { due: i + 1, sent: i + 2, phase: (i % 7) as u16 };
        for i in 0..1000 {
            for publisher in 0..2 {
                assert_eq!(u64::from(book.table(publisher).unwrap().begin(published(i * 2 + u64::from(publisher)))), i);
            }
        }
        for publisher in 0..2 {
            let table = book.table(publisher).unwrap();
            assert_eq!(table.room(), 3 + publisher);
            for i in 0..1000 {
                assert_eq!(table.get(i as u32), Some(published(i * 2 + u64::from(publisher))));
            }
            assert_eq!(table.get(1000), None);
        }
        assert!(book.table(2).is_none());
    }

    #[test]
    fn publishes_of_a_room_are_numbered_together() {
        let book = Book::new(vec![0, 1, 0]).unwrap();
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
        let book = Book::new(vec![0]).unwrap();
        let table = book.table(0).unwrap();
        let seq = table.begin(Published { due: 5, sent: 6, phase: 0 });
        table.sent_at(seq, 9);
        assert_eq!(table.get(seq).map(|p| p.sent), Some(9));
    }

    #[test]
    fn what_one_process_publishes_another_can_look_up() {
        let ours = Book::new(vec![0, 0]).unwrap();
        let theirs = Book::open(&ours.path(), vec![0, 0]).unwrap();
        let published = Published { due: 5, sent: 6, phase: 1 };
        for _ in 0..100 {
            ours.table(0).unwrap().begin(published);
            theirs.table(1).unwrap().begin(published);
        }
        assert_eq!(theirs.table(0).unwrap().get(99), Some(published));
        assert_eq!(ours.table(1).unwrap().get(99), Some(published));
        assert_eq!((ours.table(0).unwrap().count(), theirs.table(1).unwrap().count()), (100, 100));
    }
}
