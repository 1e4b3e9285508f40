//! A list in memory that processes share. It grows in chunks that never move, so readers need no lock.
//!
//! ```text
//! word 0      the first word that nobody has taken
//! then        directories: a word of the list's owner, and where each of its chunks begins (0: not yet)
//! then        chunks, each of one list; every chunk has twice as many cells as the one before
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

/// First chunk holds this many cells; each further chunk twice as many.
const FIRST_CHUNK: usize = 16;
const CHUNKS: usize = 26;
/// Words of a directory.
const DIRECTORY: usize = 1 + CHUNKS;

/// Gives the memory out: `lists` directories, and nothing in them.
pub(super) fn prepare(words: &[AtomicU64], lists: usize) {
    words[0].store((1 + lists * DIRECTORY) as u64, Ordering::Relaxed);
}

/// One list, whose cells have `size` words.
#[derive(Debug, Clone, Copy)]
pub(super) struct List<'w> {
    words: &'w [AtomicU64],
    /// Where its directory begins.
    at: usize,
    size: usize,
}

impl<'w> List<'w> {
    /// The list of this index, counted from 0.
    pub(super) fn new(words: &'w [AtomicU64], index: usize, size: usize) -> Self {
        List { words, at: 1 + index * DIRECTORY, size }
    }

    /// A word for its owner's use, 0 at first: such as how many cells are filled.
    pub(super) fn head(&self) -> &'w AtomicU64 {
        &self.words[self.at]
    }

    /// The words of a cell; `None` while nobody has asked to write near it.
    pub(super) fn cell(&self, index: u32) -> Option<&'w [AtomicU64]> {
        let (chunk, at) = place(index);
        let start = self.words[self.at + 1 + chunk].load(Ordering::Acquire) as usize;
        (start != 0).then(|| &self.words[start + at * self.size..][..self.size])
    }

    /// The words of a cell, to write into.
    pub(super) fn cell_to_write(&self, index: u32) -> &'w [AtomicU64] {
        if let Some(cell) = self.cell(index) {
            return cell;
        }
        let (chunk, at) = place(index);
        let len = (FIRST_CHUNK << chunk) * self.size;
        let taken = self.words[0].fetch_add(len as u64, Ordering::Relaxed);
        // Another writer may have been first: then the words taken here stay unused, and without a touch cost nothing.
        let entry = &self.words[self.at + 1 + chunk];
        let start = entry.compare_exchange(0, taken, Ordering::AcqRel, Ordering::Acquire);
        &self.words[start.map_or_else(|theirs| theirs, |_| taken) as usize + at * self.size..][..self.size]
    }
}

/// Chunk and position of a cell: chunk k holds `FIRST_CHUNK << k`.
fn place(index: u32) -> (usize, usize) {
    let n = index as usize / FIRST_CHUNK + 1;
    let chunk = n.ilog2() as usize;
    (chunk, index as usize - FIRST_CHUNK * ((1 << chunk) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_their_cells_apart() {
        let words: Vec<AtomicU64> = (0..100_000).map(|_| AtomicU64::new(0)).collect();
        prepare(&words, 3);
        let lists = [List::new(&words, 0, 1), List::new(&words, 1, 3), List::new(&words, 2, 2)];
        for i in 0..1000 {
            for (n, list) in (0..).zip(&lists) {
                assert_eq!(list.cell(i).map(|cell| cell[0].load(Ordering::Relaxed)), list.cell(i).map(|_| 0));
                list.cell_to_write(i).iter().for_each(|word| word.store(u64::from(i) * 3 + n + 1, Ordering::Relaxed));
            }
        }
        for (n, list) in (0..).zip(&lists) {
            for i in 0..1000 {
                let cell = list.cell(i).unwrap();
                assert!(cell.iter().all(|word| word.load(Ordering::Relaxed) == u64::from(i) * 3 + n + 1));
            }
            assert_eq!(list.head().load(Ordering::Relaxed), 0);
        }
        assert!(lists[0].cell(5000).is_none());
    }

    #[test]
    fn writers_that_need_a_chunk_at_the_same_time_agree_on_one() {
        let words: Vec<AtomicU64> = (0..500_000).map(|_| AtomicU64::new(0)).collect();
        prepare(&words, 1);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let list = List::new(&words, 0, 1);
                scope.spawn(move || {
                    (0..8000)
                        .filter(|i| i % 4 == writer)
                        .for_each(|i| list.cell_to_write(i)[0].store(1, Ordering::Relaxed));
                });
            }
        });
        let list = List::new(&words, 0, 1);
        assert!((0..8000).all(|i| list.cell(i).unwrap()[0].load(Ordering::Relaxed) == 1));
    }
}
