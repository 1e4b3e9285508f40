//! How a connection that agreed on compression is received, and where it stands in its stream.

use wire::deflate::{Context, Direction, Inflater};

use super::cursor::Cursor;
use super::stream::{Coding, Stream, Streams, WINDOW};
use crate::plan::Inflate;

/// How a connection that agreed on compression is received.
#[derive(Debug)]
pub enum Compressed {
    /// Decompressed, and verified as ever.
    Followed(Follower),
    /// Its frames are counted; what they hold is not looked at.
    Counted,
}

/// A place in a stream; 24 bytes for a connection that never left it.
#[derive(Debug)]
pub struct Follower {
    pub(super) stream: u32,
    /// The item that `offset` lies in, or at whose start it stands.
    pub(super) item: u32,
    /// Absolute offset in the stream up to which this connection's bytes are the stream's.
    pub(super) offset: u64,
    /// Once its frames are others than the stream's, and those depend on each other. About 50 KiB.
    pub(super) own: Option<Box<Own>>,
}

/// A decompressor of one connection.
#[derive(Debug)]
pub(super) struct Own {
    pub inflater: Inflater,
    pub alike: Alike,
}

/// How much of a connection's own history is the stream's as well.
#[derive(Debug, Default)]
pub(super) struct Alike {
    /// Bytes of output, without a gap up to now, that came by the stream's frames.
    bytes: u64,
    /// The stream's item after those.
    next: Option<u32>,
}

impl Compressed {
    /// For a connection that has just opened.
    pub fn new(streams: &mut Streams, direction: Direction, inflate: Inflate) -> Self {
        if inflate == Inflate::CountFrames {
            return Compressed::Counted;
        }
        let at = streams.of(direction);
        let stream = streams.get(at);
        let mut follower = Follower { stream: at, item: 0, offset: 0, own: None };
        follower.place(stream, stream.len());
        // The decompressors of those who have received something refer to it; that of this connection never saw it.
        if stream.context() == Context::Kept && stream.items.iter().any(|item| item.coding == Coding::Deflate) {
            follower.own = Some(Box::new(Own::new(Inflater::new(Context::Kept))));
        }
        Compressed::Followed(follower)
    }

    fn follower(&mut self) -> Option<&mut Follower> {
        match self {
            Compressed::Followed(follower) => Some(follower),
            Compressed::Counted => None,
        }
    }
}

impl Follower {
    pub(super) fn place(&mut self, stream: &Stream, item: u32) {
        self.item = item;
        self.offset = stream.start_of(item);
    }

    /// Makes the part of a frame that was matched so far this connection's own.
    pub(super) fn detach(&mut self, stream: &Stream, cursor: &mut Cursor) {
        let start = stream.start_of(self.item);
        if start < self.offset
            && let Some(part) = stream.slice(start, self.offset)
        {
            cursor.apart_mut().pending = part.to_vec();
            self.offset = start;
        }
    }

    /// Goes on with a decompressor of its own from here, if the frames depend on each other.
    pub(super) fn leave(&mut self, stream: &Stream) {
        if self.own.is_none() && stream.context() == Context::Kept {
            self.own = Some(Box::new(Own::new(stream.fork(self.item))));
        }
    }

    /// Goes back to the stream once that makes no difference.
    pub(super) fn rejoin(&mut self, stream: &Stream) {
        let next = self.own.as_ref().filter(|own| own.alike.bytes >= WINDOW as u64).and_then(|own| own.alike.next);
        if let Some(next) = next.filter(|&next| stream.slice(stream.start_of(next), stream.end()).is_some()) {
            self.own = None;
            self.place(stream, next);
        }
    }
}

impl Own {
    fn new(inflater: Inflater) -> Self {
        Own { inflater, alike: Alike::default() }
    }
}

impl Alike {
    /// The stream's item that this message may be.
    pub fn candidate(&self, stream: &Stream, entry: Option<u32>) -> Option<u32> {
        let is = |item: u32| {
            stream.items.get(item as usize).is_some_and(|i| Some(i.entry) == entry && i.coding == Coding::Deflate)
        };
        self.next.filter(|&next| is(next)).or_else(|| stream.item_of(entry?))
    }

    /// A compressed message gave `len` bytes, by the same frame as this item of the stream, if any.
    pub fn took(&mut self, same: Option<u32>, len: u64) {
        self.bytes = match same {
            Some(item) if self.next == Some(item) => self.bytes + len,
            Some(_) => len,
            None => 0,
        };
        self.next = same.map(|item| item + 1);
    }

    /// A frame that no decompressor looks at, which may be the stream's next.
    pub fn passed(&mut self, stream: &Stream, frame: &[u8]) {
        if let Some(next) = self.next.filter(|&next| stream.frame(next) == Some(frame)) {
            self.next = Some(next + 1);
        }
    }
}

/// Lets go of bytes of streams beyond `most` each; followers that are further behind leave them.
pub fn trim_streams(streams: &mut Streams, members: &mut [(&mut Cursor, &mut Compressed)], most: u64) {
    let mut needed = vec![u32::MAX; streams.count()];
    let mut followers: Vec<(&mut Cursor, &mut Follower)> = Vec::new();
    for (cursor, compressed) in members {
        if let Some(follower) = compressed.follower().filter(|f| f.own.is_none()) {
            let needs = &mut needed[follower.stream as usize];
            *needs = (*needs).min(follower.item);
            followers.push((cursor, follower));
        }
    }
    for (at, needed) in needed.iter_mut().enumerate() {
        let stream = streams.get(at as u32);
        let from = stream.end().saturating_sub(most);
        *needed = (*needed).max(stream.items.partition_point(|item| item.end <= from) as u32).min(stream.len());
    }
    for (cursor, follower) in followers {
        let stream = streams.get(follower.stream);
        let first = needed[follower.stream as usize];
        if follower.item < first {
            follower.detach(stream, cursor);
            follower.leave(stream);
            follower.place(stream, first);
        }
    }
    streams.trim(&needed);
}
