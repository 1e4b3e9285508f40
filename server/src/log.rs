//! A room's messages as one growable ring of finished frames, addressed by offsets that never repeat.
//!
//! ```text
//!        start                    cursor          flushed      end
//!          │ oldest frame held      │ a subscriber    │          │ next frame goes here
//!   ───────┴────────────────────────┴─────────────────┴──────────┴───────►  absolute u64 offsets
//!          └──────────── at most `capacity` bytes, a power of two ─────┘
//! ```
//!
//! An offset is a byte's place in everything the room ever carried, so a subscriber's position is one `u64` and the ring's place of it
//! is `offset & (capacity - 1)`. Every 64th message is marked with (index, offset); what lies between is found by walking the frames, whose
//! lengths stand at their beginnings: how, says the log's [`Framing`].

use std::collections::VecDeque;

/// A new log's first ring, in bytes.
pub const FIRST_CAPACITY: usize = 4096;
/// One mark in so many messages.
pub const MARK_EVERY: u64 = 64;
/// A log holds at least so many of its largest frames once it has grown.
const LARGEST_FRAMES_HELD: usize = 8;
/// One eviction frees a capacity's so-manieth part.
const EVICTION_PART: usize = 8;

/// The beginning of a message: where it is and which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boundary {
    /// The message's number, counted from 0 at the log's creation.
    pub index: u64,
    /// Absolute offset of its first byte.
    pub offset: u64,
}

/// What a frame of a log looks like, so that its end can be found from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A whole WebSocket message as a server sends it: one unmasked frame (RFC 6455 section 5.2).
    WebSocket,
    /// One chunk of an HTTP/1.1 body without extensions (RFC 9112 section 7.1).
    Chunk,
}

/// What must happen before a frame can be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It fits.
    Nothing,
    /// The ring may still grow, to this capacity in bytes.
    Grow(usize),
    /// Everything before this boundary must be evicted.
    Evict(Boundary),
}

/// The ring. Holds whole frames only.
#[derive(Debug)]
pub struct Log {
    framing: Framing,
    ring: Box<[u8]>,
    cap: usize,
    start: Boundary,
    end: Boundary,
    newest: u64,
    marks: VecDeque<Boundary>,
}

impl Log {
    /// An empty log of WebSocket frames that will grow to at most `cap` bytes (rounded up to a power of two, at least
    /// [`FIRST_CAPACITY`]), or to eight of the largest frame it is given, if that is more. Allocates nothing yet.
    #[must_use]
    pub fn new(cap: usize) -> Self {
        Self::starting_at(Boundary { index: 0, offset: 0 }, Framing::WebSocket, cap)
    }

    /// As [`new`](Self::new), with another framing and the first message's place given. Leave offsets below it free for
    /// [`prepend`](Self::prepend).
    #[must_use]
    pub fn starting_at(at: Boundary, framing: Framing, cap: usize) -> Self {
        Self {
            framing,
            ring: Box::default(),
            cap: cap.max(FIRST_CAPACITY).next_power_of_two(),
            start: at,
            end: at,
            newest: 0,
            marks: VecDeque::new(),
        }
    }

    /// The oldest message held (or the end, when none is).
    #[must_use]
    pub fn start(&self) -> Boundary {
        self.start
    }

    /// Where the next message will go.
    #[must_use]
    #[inline]
    pub fn end(&self) -> Boundary {
        self.end
    }

    /// Bytes allocated.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ring.len()
    }

    /// Bytes it may grow to.
    #[must_use]
    pub fn cap(&self) -> usize {
        self.cap
    }

    /// Bytes held.
    #[must_use]
    pub fn held(&self) -> usize {
        (self.end.offset - self.start.offset) as usize
    }

    /// Where the newest message begins; the end, when none is held.
    #[must_use]
    pub fn newest(&self) -> Boundary {
        if self.start.index == self.end.index {
            return self.end;
        }
        Boundary { index: self.end.index - 1, offset: self.newest }
    }

    /// What a frame of `len` bytes needs. A large one raises the cap for good.
    pub fn need(&mut self, len: usize) -> Need {
        let wanted = len.saturating_mul(LARGEST_FRAMES_HELD);
        if wanted > self.cap {
            self.cap = wanted.next_power_of_two();
        }
        let filled = self.held() + len;
        if filled <= self.capacity() {
            Need::Nothing
        } else if self.capacity() < self.cap {
            Need::Grow(filled.next_power_of_two().max(FIRST_CAPACITY).min(self.cap))
        } else {
            Need::Evict(self.eviction_for(len))
        }
    }

    /// The boundary that must become the start so that a frame of `len` bytes fits without growing: an eighth of the capacity further,
    /// or more if that is not enough. The end, when even an empty ring is too small.
    #[must_use]
    pub fn eviction_for(&self, len: usize) -> Boundary {
        let missing = (self.held() + len).saturating_sub(self.capacity());
        let step = missing.max(self.capacity() / EVICTION_PART) as u64;
        self.at_or_after((self.start.offset + step).min(self.end.offset))
    }

    /// Reallocates the ring with `capacity` bytes, which must be a power of two and hold what is held.
    pub fn grow(&mut self, capacity: usize) {
        debug_assert!(capacity.is_power_of_two() && capacity >= self.held());
        let mut ring = vec![0; capacity].into_boxed_slice();
        let at = place(self.start.offset, capacity);
        let (first, second) = self.slices(self.start.offset, self.end.offset);
        for (part, from) in [(first, at), (second, at + first.len())] {
            let from = from & (capacity - 1);
            let head = part.len().min(capacity - from);
            ring[from..from + head].copy_from_slice(&part[..head]);
            ring[..part.len() - head].copy_from_slice(&part[head..]);
        }
        self.ring = ring;
    }

    /// Appends one frame, `header` and `payload`, and returns where it begins. [`need`](Self::need) must have said that it fits.
    #[inline]
    pub fn append(&mut self, header: &[u8], payload: &[u8]) -> Boundary {
        let at = self.end;
        debug_assert!(self.held() + header.len() + payload.len() <= self.capacity());
        self.write(at.offset, header);
        self.write(at.offset + header.len() as u64, payload);
        if at.index.is_multiple_of(MARK_EVERY) {
            self.marks.push_back(at);
        }
        self.newest = at.offset;
        self.end = Boundary { index: at.index + 1, offset: at.offset + (header.len() + payload.len()) as u64 };
        at
    }

    /// Puts one frame before the oldest: the message before [`start`](Self::start). It must fit into the ring as it is, and the log must
    /// have started at an offset that leaves so much room below.
    pub fn prepend(&mut self, frame: &[u8]) {
        debug_assert!(self.held() + frame.len() <= self.capacity() && self.start.index > 0);
        let at = Boundary { index: self.start.index - 1, offset: self.start.offset - frame.len() as u64 };
        if self.start.index == self.end.index {
            self.newest = at.offset;
        }
        self.write(at.offset, frame);
        if at.index.is_multiple_of(MARK_EVERY) {
            self.marks.push_front(at);
        }
        self.start = at;
    }

    #[inline]
    fn write(&mut self, offset: u64, bytes: &[u8]) {
        let at = place(offset, self.ring.len());
        if let Some(whole) = self.ring.get_mut(at..at + bytes.len()) {
            whole.copy_from_slice(bytes);
        } else {
            let head = self.ring.len() - at;
            self.ring[at..].copy_from_slice(&bytes[..head]);
            self.ring[..bytes.len() - head].copy_from_slice(&bytes[head..]);
        }
    }

    /// The bytes from one offset to another, both held: one slice, or two at the ring's seam.
    #[must_use]
    #[inline]
    pub fn slices(&self, from: u64, to: u64) -> (&[u8], &[u8]) {
        debug_assert!(self.start.offset <= from && from <= to && to <= self.end.offset);
        let len = (to - from) as usize;
        if len == 0 {
            return (&[], &[]);
        }
        let at = place(from, self.ring.len());
        let head = len.min(self.ring.len() - at);
        (&self.ring[at..at + head], &self.ring[..len - head])
    }

    /// The message that `offset` lies in; the end, for the end's offset. `offset` must be held.
    #[must_use]
    pub fn containing(&self, offset: u64) -> Boundary {
        if offset == self.end.offset {
            return self.end;
        }
        let mut at = self.marked(|mark| mark.offset <= offset);
        loop {
            let next = self.after(at);
            if next.offset > offset {
                return at;
            }
            at = next;
        }
    }

    /// The first boundary at `offset` or after it; the end at the latest. `offset` must be held.
    #[must_use]
    pub fn at_or_after(&self, offset: u64) -> Boundary {
        let at = self.containing(offset);
        if at.offset == offset { at } else { self.after(at) }
    }

    /// The boundary after the message that begins at `at`, which must be held.
    #[must_use]
    pub fn after(&self, at: Boundary) -> Boundary {
        Boundary { index: at.index + 1, offset: at.offset + self.frame_len(at.offset) }
    }

    /// Where message `index` begins: `None` if it is evicted or not yet written; the end, for the next one.
    #[must_use]
    pub fn offset_of(&self, index: u64) -> Option<u64> {
        if index < self.start.index || index > self.end.index {
            return None;
        }
        if index == self.end.index {
            return Some(self.end.offset);
        }
        let mut at = self.marked(|mark| mark.index <= index);
        while at.index < index {
            at = self.after(at);
        }
        Some(at.offset)
    }

    /// Forgets everything before `to`, a boundary of this log.
    pub fn evict(&mut self, to: Boundary) {
        debug_assert!(self.start.offset <= to.offset && to.offset <= self.end.offset);
        self.start = to;
        while self.marks.front().is_some_and(|mark| mark.offset < to.offset) {
            self.marks.pop_front();
        }
    }

    /// Forgets every message and frees the ring; numbering goes on. Returns the bytes freed.
    pub fn release(&mut self) -> usize {
        let freed = self.capacity();
        self.evict(self.end);
        self.marks = VecDeque::new();
        self.ring = Box::default();
        freed
    }

    /// As [`release`](Self::release), and numbering goes on with `next`: the messages before it were lost.
    pub fn continue_at(&mut self, next: Boundary) -> usize {
        let freed = self.release();
        (self.start, self.end, self.newest) = (next, next, next.offset);
        freed
    }

    /// The last known boundary for which `before` holds; it holds for the start.
    fn marked(&self, before: impl Fn(&Boundary) -> bool) -> Boundary {
        match self.marks.partition_point(before) {
            0 => self.start,
            n => self.marks[n - 1],
        }
    }

    /// Length of the frame that begins at `offset`.
    fn frame_len(&self, offset: u64) -> u64 {
        let byte = |i: u64| u64::from(self.ring[place(offset + i, self.ring.len())]);
        match self.framing {
            Framing::WebSocket => websocket_len(byte),
            Framing::Chunk => chunk_len(byte),
        }
    }
}

/// Length of a frame whose bytes `byte` gives: always minimal and without a mask here.
#[inline]
fn websocket_len(byte: impl Fn(u64) -> u64) -> u64 {
    let number = |count: u64| (2..2 + count).fold(0, |n, i| n << 8 | byte(i));
    match byte(1) & 0x7f {
        126 => 4 + number(2),
        127 => 10 + number(8),
        short => 2 + short,
    }
}

/// Length of a chunk whose bytes `byte` gives: its size in hexadecimal, and CRLF after that and at the end.
fn chunk_len(byte: impl Fn(u64) -> u64) -> u64 {
    let mut digits = 0;
    let mut size = 0;
    while let Some(digit) = char::from(byte(digits) as u8).to_digit(16) {
        size = size << 4 | u64::from(digit);
        digits += 1;
    }
    digits + 2 + size + 2
}

/// Where `offset` lies in a ring of `capacity` bytes, a power of two.
#[inline]
fn place(offset: u64, capacity: usize) -> usize {
    offset as usize & (capacity.wrapping_sub(1))
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
