//! The compressed frames of a room as they were first received by anybody, and what they decompress to.
//!
//! ```text
//! bytes   | frame 0 | frame 1 | frame 2 | frame 3 |        as received, headers included
//! items     entry 0   entry 1   entry 3   entry 2          what each one is, found out once
//! follower                 ▲ its next bytes are compared here
//! ```
//!
//! A decompressor depends on nothing but the compressed frames that it was given. So a connection that received, byte for byte, what
//! this stream did has received what the items say, and needs no decompressor of its own:
//!
//! * without context every frame stands for itself, and a follower may begin and go on anywhere;
//! * with context it must have followed from before the first compressed frame, when every decompressor is empty, or have received
//!   [`WINDOW`] bytes by the same frames: that is all the history there is (RFC 1951 section 2).
//!
//! Who leaves the stream takes a decompressor along that was given the window as it stood there. Between messages the window is the
//! whole state, because a message ends where a block ends (RFC 7692 section 7.2.1).

use wire::deflate::{Context, Direction, Inflater};
use wire::frame::{Header, Parsed};

use super::equal_prefix;

/// How far deflate can refer back, in bytes, whatever window was agreed.
pub(super) const WINDOW: usize = 32 << 10;
/// A new decompressor is given its window in parts of this many bytes: its buffer for output grows no larger for it.
const PART: usize = 1 << 10;

/// One whole message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    /// Absolute offset in the stream where its frame ends.
    pub end: u64,
    /// Bytes that all compressed messages up to this one have given.
    out_end: u64,
    /// Its entry in the canonical room; that of the item before where [`Known::No`].
    pub entry: u32,
    pub known: Known,
    pub coding: Coding,
}

/// Whether an item is a published message, intact and not to be mistaken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Exactly,
    /// Every connection must judge it for itself.
    No,
}

/// How a message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Deflate,
}

/// One stream.
#[derive(Debug)]
pub struct Stream {
    direction: Direction,
    /// Frames back to back, from absolute offset `base` on.
    bytes: Vec<u8>,
    base: u64,
    pub(super) items: Vec<Item>,
    /// What the compressed ones gave, from offset `out_base` on. Empty without context.
    out: Vec<u8>,
    out_base: u64,
    /// At the end of the stream; made when needed. `None` without context.
    inflater: Option<Inflater>,
}

impl Stream {
    fn new(direction: Direction) -> Self {
        let (bytes, items, out) = (Vec::new(), Vec::new(), Vec::new());
        Stream { direction, bytes, base: 0, items, out, out_base: 0, inflater: None }
    }

    pub(super) fn context(&self) -> Context {
        self.direction.context
    }

    /// Index of the item after the last.
    pub(super) fn len(&self) -> u32 {
        self.items.len() as u32
    }

    pub(super) fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// Absolute offset where an item begins.
    pub(super) fn start_of(&self, item: u32) -> u64 {
        item.checked_sub(1).map_or(0, |before| self.items[before as usize].end)
    }

    /// Bytes `from..to`; `None` where they were trimmed.
    pub(super) fn slice(&self, from: u64, to: u64) -> Option<&[u8]> {
        let from = from.checked_sub(self.base)? as usize;
        self.bytes.get(from..(to - self.base) as usize)
    }

    /// How many bytes of `input` equal the stream's from `offset` on.
    pub(super) fn equal(&self, offset: u64, input: &[u8]) -> usize {
        let end = self.end().min(offset + input.len() as u64);
        self.slice(offset, end).map_or(0, |stream| equal_prefix(stream, input))
    }

    /// An item's frame; `None` for one that there is not, or no more.
    pub(super) fn frame(&self, item: u32) -> Option<&[u8]> {
        self.slice(self.start_of(item), self.items.get(item as usize)?.end)
    }

    /// An item's payload as it was sent.
    pub(super) fn payload(&self, item: u32) -> Option<(Header, &[u8])> {
        let frame = self.frame(item)?;
        match Header::parse(frame) {
            Ok(Parsed::Whole(header)) => Some((header, &frame[header.header_len()..])),
            _ => None,
        }
    }

    /// What a compressed item gave; only with context.
    pub(super) fn output(&self, item: u32) -> Option<&[u8]> {
        let end = self.items.get(item as usize)?.out_end;
        self.out_slice(self.out_end_before(item), end)
    }

    /// The item that is this entry, if there is one.
    pub(super) fn item_of(&self, entry: u32) -> Option<u32> {
        let at = self.items.partition_point(|item| item.entry < entry);
        let item = self.items.get(at)?;
        (item.entry == entry && item.known == Known::Exactly).then_some(at as u32)
    }

    /// A decompressor in the state that one has before `item`.
    pub(super) fn fork(&self, item: u32) -> Inflater {
        let end = self.out_end_before(item);
        let begin = end.saturating_sub(WINDOW as u64).max(self.out_base);
        primed(self.out_slice(begin, end).unwrap_or_default())
    }

    /// The decompressor at the end, to be given back by [`append`](Self::append). One that failed is not: the next is made anew.
    pub(super) fn lend(&mut self) -> Inflater {
        self.inflater.take().unwrap_or_else(|| self.fork(self.len()))
    }

    /// Appends what a compressed message gave, before its frame.
    pub(super) fn append_output(&mut self, payload: &[u8]) {
        self.out.extend_from_slice(payload);
    }

    /// Appends a frame; `entry` if it is known exactly.
    pub(super) fn append(&mut self, frame: &[u8], coding: Coding, entry: Option<u32>, inflater: Option<Inflater>) {
        if inflater.is_some() {
            self.inflater = inflater;
        }
        self.bytes.extend_from_slice(frame);
        self.items.push(Item {
            end: self.end(),
            out_end: self.out_base + self.out.len() as u64,
            entry: entry.or(self.items.last().map(|item| item.entry)).unwrap_or(0),
            known: if entry.is_some() { Known::Exactly } else { Known::No },
            coding,
        });
    }

    /// Lets go of what stands before `item`, but for the window that a decompressor there needs.
    fn trim_to(&mut self, item: u32) {
        if let Some(n) = self.start_of(item).checked_sub(self.base) {
            self.bytes.drain(..n as usize);
            self.base += n;
        }
        if let Some(n) = self.out_end_before(item).saturating_sub(WINDOW as u64).checked_sub(self.out_base) {
            self.out.drain(..n as usize);
            self.out_base += n;
        }
    }

    fn out_end_before(&self, item: u32) -> u64 {
        item.checked_sub(1).map_or(0, |before| self.items[before as usize].out_end)
    }

    fn out_slice(&self, from: u64, to: u64) -> Option<&[u8]> {
        let from = from.checked_sub(self.out_base)? as usize;
        self.out.get(from..(to - self.out_base) as usize)
    }
}

/// A decompressor whose window holds this, which it is given as stored blocks.
fn primed(window: &[u8]) -> Inflater {
    let mut inflater = Inflater::new(Context::Kept);
    let mut message = Vec::with_capacity(PART + 6);
    for part in window.chunks(PART) {
        let len = part.len() as u16;
        message.clear();
        message.push(0);
        message.extend_from_slice(&len.to_le_bytes());
        message.extend_from_slice(&(!len).to_le_bytes());
        message.extend_from_slice(part);
        // The header of the empty block that ends every message; the decompressor adds the rest.
        message.push(0);
        let stored = inflater.inflate(&message, PART);
        debug_assert!(stored.is_ok(), "a stored block is always valid");
    }
    inflater
}

/// The streams of one room: one for each way of compressing that was agreed.
#[derive(Debug, Default)]
pub struct Streams(Vec<Stream>);

impl Streams {
    /// The stream of connections that agreed on this.
    pub(super) fn of(&mut self, direction: Direction) -> u32 {
        let at = self.0.iter().position(|stream| stream.direction == direction).unwrap_or_else(|| {
            self.0.push(Stream::new(direction));
            self.0.len() - 1
        });
        at as u32
    }

    pub(super) fn get(&self, stream: u32) -> &Stream {
        &self.0[stream as usize]
    }

    pub(super) fn get_mut(&mut self, stream: u32) -> &mut Stream {
        &mut self.0[stream as usize]
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.0.iter().map(|stream| stream.bytes.len() + stream.out.len()).sum()
    }

    /// Lets go of what stands before the item that is given for each stream.
    pub(super) fn trim(&mut self, first: &[u32]) {
        self.0.iter_mut().zip(first).for_each(|(stream, first)| stream.trim_to(*first));
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use wire::deflate::Deflater;

    use super::*;

    #[test]
    fn a_decompressor_that_was_given_a_window_goes_on_as_the_one_that_had_it() {
        let direction = Direction { context: Context::Kept, window_bits: 15 };
        let (mut deflater, mut whole) = (Deflater::new(direction, 6), Inflater::new(Context::Kept));
        let mut rng = crate::seeded::Seeded::new(1, [2, 3]);
        let mut history = Vec::new();
        for n in 0..400 {
            let mut message = Vec::new();
            crate::corpus::Corpus::Chat.message(&mut rng, n, None, None, &mut message);
            let mut compressed = Vec::new();
            deflater.deflate(&message, &mut compressed);
            if n % 37 == 0 {
                let window = &history[usize::saturating_sub(history.len(), WINDOW)..];
                let mut fork = primed(window);
                assert_eq!(fork.inflate(&compressed, 1 << 20).unwrap(), message, "after {} bytes", history.len());
            }
            assert_eq!(whole.inflate(&compressed, 1 << 20).unwrap(), message);
            history.extend_from_slice(&message);
        }
        assert!(history.len() > WINDOW);
    }
}
