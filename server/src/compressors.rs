//! Pure: the compressors of one shard: the one that compresses messages each by itself, and the memory for those that rooms share.
//!
//! `--deflate-memory` is divided among the shards. The standalone compressor is always paid for; what is left is for rooms. A room that gets
//! none serves its members with standalone messages.

use wire::{Context, Deflater, Direction, Sharing};

use crate::budget::{Budget, Grant};
use crate::coding::{Coding, Window};

/// `--compression` and what belongs to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// What clients are offered; `None` is nothing.
    pub sharing: Option<Sharing>,
    /// Messages of fewer payload bytes are not compressed.
    pub threshold: usize,
    /// From 1, fast, to 9, small.
    pub level: u32,
    /// Bytes for compressors.
    pub memory: usize,
}

impl Compression {
    /// No compression.
    pub const OFF: Self = Self { sharing: None, threshold: 64, level: 6, memory: 0 };
}

/// What happens to a message in every stream of a room that is compressed. Decided once, before compressing and never by the result, so
/// that all decoders keep the same history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It is compressed.
    Compress,
    /// It is under the threshold, and sent as it is.
    Leave,
}

/// What compressing did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeflateTally {
    /// Nanoseconds that it took.
    pub ns: u64,
    /// Messages compressed, once for each compressor that they went through.
    pub compressed: u64,
    /// Messages of rooms with compressed streams that were left plain because they are under the threshold.
    pub under_threshold: u64,
    /// Messages left plain in a standalone stream because they are larger than its members' window.
    pub beyond_window: u64,
    /// Times that a compressor began anew for newcomers.
    pub resets: u64,
    /// Members that went from one stream to another.
    pub moves: u64,
    /// Times that a room was refused a compressor because there is no memory left for one.
    pub refused: u64,
}

/// One shard's compressors.
#[derive(Debug)]
pub struct Compressors {
    settings: Compression,
    /// Where time is read.
    clock: fn() -> u64,
    budget: Budget,
    /// Compresses for everybody whose messages are compressed each by itself; made when first needed.
    alone: Option<Deflater>,
    /// Of no meaning between two walks along a log.
    desk: Desk,
    /// What they did.
    pub tally: DeflateTally,
    /// Compressors that rooms have.
    shared: usize,
}

/// A buffer for compressed messages larger than this is not kept, in bytes.
const KEPT: usize = 256 << 10;

/// The buffers of one walk along a room's log.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// What one stream sends of the message at hand.
    pub own: Vec<u8>,
    /// That message compressed by itself, for all streams.
    alone: Vec<u8>,
    /// Which message that is.
    alone_of: Option<u64>,
}

impl Desk {
    /// Makes room for what one stream sends.
    pub fn clear(&mut self) {
        self.own.clear();
        self.own.shrink_to(KEPT);
    }
}

impl Compressors {
    /// The most memory that one compressor takes, in bytes.
    pub const LARGEST: usize = Deflater::memory(Window::Fifteen.bits());

    /// None yet. `clock` gives the time in nanoseconds, to know how long compressing takes.
    #[must_use]
    pub fn new(settings: Compression, clock: fn() -> u64) -> Self {
        let budget = Budget::new(settings.memory.saturating_sub(Self::LARGEST));
        Self { settings, clock, budget, alone: None, desk: Desk::default(), tally: DeflateTally::default(), shared: 0 }
    }

    /// For rooms in which nothing is compressed.
    #[must_use]
    pub fn off() -> Self {
        Self::new(Compression::OFF, || 0)
    }

    /// Whether a message is compressed, where anything is.
    #[must_use]
    #[inline]
    pub fn choose(&self, payload: &[u8]) -> Choice {
        // An empty message has nothing that could be flushed out of a compressor.
        if payload.len() >= self.settings.threshold.max(1) { Choice::Compress } else { Choice::Leave }
    }

    /// The time.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        (self.clock)()
    }

    /// A compressor for a room, if there is memory for it. To be given back with [`close`](Self::close).
    pub(crate) fn open(&mut self, window: Window) -> Option<Deflater> {
        match self.budget.take(Deflater::memory(window.bits())) {
            Grant::Given => {
                self.shared += 1;
                let direction = Direction { context: Context::Kept, window_bits: window.bits() };
                Some(Deflater::new(direction, self.settings.level))
            }
            Grant::Refused => {
                self.tally.refused += 1;
                None
            }
        }
    }

    /// Takes a room's compressor back.
    pub(crate) fn close(&mut self, window: Window, deflater: Deflater) {
        drop(deflater);
        self.shared -= 1;
        self.budget.give_back(Deflater::memory(window.bits()));
    }

    /// The buffers, for one walk along a room's log.
    pub(crate) fn desk(&mut self) -> Desk {
        Desk { alone_of: None, ..std::mem::take(&mut self.desk) }
    }

    /// Takes them back, so that their memory is used again.
    pub(crate) fn put_back(&mut self, desk: Desk) {
        self.desk = desk;
    }

    /// The message with this index compressed by itself, which is done once for all streams.
    pub(crate) fn alone<'a>(&mut self, index: u64, payload: &[u8], desk: &'a mut Desk) -> &'a [u8] {
        if desk.alone_of != Some(index) {
            self.compress_alone(payload, &mut desk.alone);
            desk.alone_of = Some(index);
        }
        &desk.alone
    }

    /// Compresses a message by itself, into `out` in place of what was there.
    fn compress_alone(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.shrink_to(KEPT);
        let level = self.settings.level;
        let direction = Direction { context: Context::Fresh, window_bits: Window::Fifteen.bits() };
        self.alone.get_or_insert_with(|| Deflater::new(direction, level)).deflate(payload, out);
        self.tally.compressed += 1;
    }

    /// A message as it is sent to one connection alone: compressed if that was agreed and is worth it; `None` if it is to stay as it is.
    pub fn private(&mut self, coding: Coding, payload: &[u8]) -> Option<&[u8]> {
        let window = match coding {
            Coding::Plain => return None,
            Coding::Standalone(window) | Coding::Shared(window) => window,
        };
        if self.choose(payload) == Choice::Leave {
            return None;
        }
        if fits(window, payload) == Fits::No {
            self.tally.beyond_window += 1;
            return None;
        }
        let begun = self.now();
        let mut desk = self.desk();
        self.compress_alone(payload, &mut desk.alone);
        self.desk = desk;
        self.tally.ns += self.now().saturating_sub(begun);
        Some(&self.desk.alone)
    }

    /// How many there are: those that rooms have, and the standalone one.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.shared + usize::from(self.alone.is_some())
    }

    /// Bytes that they occupy.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.budget.used() + if self.alone.is_some() { Self::LARGEST } else { 0 }
    }

    /// Bytes that they may occupy.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.settings.memory
    }

    /// Messages of fewer payload bytes are not compressed.
    #[must_use]
    pub fn threshold(&self) -> usize {
        self.settings.threshold
    }
}

/// Whether a message that was compressed by itself can be decoded with a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fits {
    Yes,
    /// It may refer further back than the window reaches.
    No,
}

/// See [`Fits`]. The standalone compressor has the largest window.
pub(crate) fn fits(window: Window, payload: &[u8]) -> Fits {
    if window == Window::Fifteen || payload.len() <= window.bytes() { Fits::Yes } else { Fits::No }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Inflater;

    fn compressors(memory: usize) -> Compressors {
        let sharing = Some(Sharing::Shared);
        Compressors::new(Compression { sharing, memory, ..Compression::OFF }, || 0)
    }

    #[test]
    fn rooms_get_what_the_standalone_compressor_leaves() {
        let mut compressors = compressors(3 * Compressors::LARGEST + 100);
        let first = compressors.open(Window::Fifteen).unwrap();
        let second = compressors.open(Window::Twelve).unwrap();
        assert!(compressors.open(Window::Fifteen).is_none());
        assert_eq!((compressors.in_use(), compressors.tally.refused), (2, 1));
        assert!(compressors.memory() < 2 * Compressors::LARGEST);
        compressors.close(Window::Twelve, second);
        compressors.close(Window::Fifteen, first);
        assert_eq!((compressors.in_use(), compressors.memory()), (0, 0));
    }

    #[test]
    fn a_private_message_is_compressed_where_that_was_agreed_and_its_window_is_large_enough() {
        let mut compressors = compressors(Compressors::LARGEST);
        let long = b"abcdefgh".repeat(100);
        assert_eq!(compressors.private(Coding::Plain, &long), None);
        assert_eq!(compressors.private(Coding::Standalone(Window::Nine), &long), None);
        assert_eq!(compressors.private(Coding::Standalone(Window::Ten), &long[..63]), None);
        let small = compressors.private(Coding::Standalone(Window::Ten), &long).unwrap().to_vec();
        assert!(small.len() < 40);
        assert_eq!(Inflater::new(Context::Fresh).inflate(&small, 1000).unwrap(), &long[..]);
        assert_eq!((compressors.in_use(), compressors.tally.beyond_window), (1, 1));
    }

    #[test]
    fn empty_messages_are_left_alone_whatever_the_threshold() {
        let settings = Compression { threshold: 0, ..Compression::OFF };
        let compressors = Compressors::new(settings, || 0);
        assert_eq!((compressors.choose(b""), compressors.choose(b"x")), (Choice::Leave, Choice::Compress));
    }
}
