//! The publishes of one room in the order in which they were begun, by whichever worker: the room's numbers.
//!
//! A connection that joins while messages flow, or leaves and comes back, is owed some of them and not others. Where one ends and the
//! other begins is a single number, read when the join is confirmed or the leave decided: whatever is begun later has a higher one.
//!
//! ```text
//! number    0    1    2    3    4    5    6    7    8
//! publish  a0   b0   a1   a2   b1   a3   b2   a4   b3
//!                    ▲ joined: owed from 2 on   ▲ left: nothing owed from 7 on
//! ```

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// First chunk holds this many publishes; each further chunk twice as many.
const FIRST_CHUNK: usize = 16;
const CHUNKS: usize = 26;

/// The numbers of one room. Each cell is written once, by the publisher's worker, and read by all; it never moves.
#[derive(Debug)]
pub struct RoomOrder {
    next: AtomicU32,
    /// Publisher + 1 and sequence; 0: not written yet.
    chunks: Box<[OnceLock<Box<[AtomicU64]>>]>,
}

impl RoomOrder {
    pub(super) fn new() -> Self {
        RoomOrder { next: AtomicU32::new(0), chunks: (0..CHUNKS).map(|_| OnceLock::new()).collect() }
    }

    /// The number that the next publish gets.
    pub fn next(&self) -> u32 {
        self.next.load(Ordering::SeqCst)
    }

    /// Takes the next number for a publish that begins now.
    pub(super) fn reserve(&self) -> u32 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    /// Says which publish has a number.
    pub(super) fn enter(&self, number: u32, publisher: u32, seq: u32) {
        let (chunk, at) = place(number);
        let cells = self.chunks[chunk].get_or_init(|| (0..FIRST_CHUNK << chunk).map(|_| AtomicU64::new(0)).collect());
        cells[at].store((u64::from(publisher) + 1) << 32 | u64::from(seq), Ordering::Release);
    }

    /// Publisher and sequence of a number; `None` if there is none yet.
    pub fn publish(&self, number: u32) -> Option<(u32, u32)> {
        let (chunk, at) = place(number);
        let cell = self.chunks.get(chunk)?.get()?[at].load(Ordering::Acquire);
        Some(((cell >> 32).checked_sub(1)? as u32, cell as u32))
    }
}

/// Chunk and position of a number: chunk k holds `FIRST_CHUNK << k`.
pub(super) fn place(number: u32) -> (usize, usize) {
    let n = number as usize / FIRST_CHUNK + 1;
    let chunk = n.ilog2() as usize;
    (chunk, number as usize - FIRST_CHUNK * ((1 << chunk) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_names_its_publish_and_later_ones_are_not_there_yet() {
        let order = RoomOrder::new();
        for seq in 0..100 {
            let number = order.reserve();
            assert_eq!(order.publish(number), None);
            order.enter(number, seq % 3, seq);
        }
        assert_eq!(order.next(), 100);
        assert!((0..100).all(|n| order.publish(n) == Some((n % 3, n))));
        assert_eq!(order.publish(100), None);
    }
}
