//! The publishes of one room in the order in which they were begun, by whichever worker or agent: the room's numbers.
//!
//! A connection that joins while messages flow, or leaves and comes back, is owed some of them and not others. Where one ends and the
//! other begins is a single number, read when the join is confirmed or the leave decided: whatever is begun later has a higher one.
//!
//! ```text
//! number    0    1    2    3    4    5    6    7    8
//! publish  a0   b0   a1   a2   b1   a3   b2   a4   b3
//!                    ▲ joined: owed from 2 on   ▲ left: nothing owed from 7 on
//! ```

use std::sync::atomic::Ordering;

use super::list::List;

/// Words of a number.
pub(super) const CELL: usize = 1;

/// The numbers of one room. Each cell is written once, by the publisher's worker, and read by all.
#[derive(Debug, Clone, Copy)]
pub struct RoomOrder<'b> {
    /// Its owner's word is the next number; a cell is publisher + 1 and sequence, 0: not written yet. `None`: nobody publishes.
    cells: Option<List<'b>>,
}

impl<'b> RoomOrder<'b> {
    pub(super) fn new(cells: Option<List<'b>>) -> Self {
        RoomOrder { cells }
    }

    /// The number that the next publish gets.
    pub fn next(&self) -> u32 {
        self.cells.map_or(0, |cells| cells.head().load(Ordering::SeqCst) as u32)
    }

    /// Takes the next number for a publish that begins now.
    pub(super) fn reserve(&self) -> u32 {
        self.cells.map_or(0, |cells| cells.head().fetch_add(1, Ordering::SeqCst) as u32)
    }

    /// Says which publish has a number.
    pub(super) fn enter(&self, number: u32, publisher: u32, seq: u32) {
        if let Some(cells) = self.cells {
            let entry = (u64::from(publisher) + 1) << 32 | u64::from(seq);
            cells.cell_to_write(number)[0].store(entry, Ordering::Release);
        }
    }

    /// Publisher and sequence of a number; `None` if there is none yet.
    pub fn publish(&self, number: u32) -> Option<(u32, u32)> {
        let entry = self.cells?.cell(number)?[0].load(Ordering::Acquire);
        Some(((entry >> 32).checked_sub(1)? as u32, entry as u32))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::ledger::list::prepare;

    #[test]
    fn every_number_names_its_publish_and_later_ones_are_not_there_yet() {
        let words: Vec<AtomicU64> = (0..10_000).map(|_| AtomicU64::new(0)).collect();
        prepare(&words, 1);
        let order = RoomOrder::new(Some(List::new(&words, 0, 1)));
        for seq in 0..100 {
            let number = order.reserve();
            assert_eq!(order.publish(number), None);
            order.enter(number, seq % 3, seq);
        }
        assert_eq!(order.next(), 100);
        assert!((0..100).all(|n| order.publish(n) == Some((n % 3, n))));
        assert_eq!(order.publish(100), None);
        assert_eq!((RoomOrder::new(None).next(), RoomOrder::new(None).publish(0)), (0, None));
    }
}
