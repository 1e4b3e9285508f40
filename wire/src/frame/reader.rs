//! Frames from a stream that arrives in arbitrary pieces.

use crate::buffer::append_within;
use crate::error::ProtocolError;
use crate::frame::decode::{Decoded, Rules, decode};
use crate::frame::header::{Header, Parsed};
use crate::frame::part::Part;

/// Whether to go on with the frames that are already here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Give me the next frame.
    Continue,
    /// Keep the rest until I ask for it: there is no room for more now.
    Pause,
}

/// Turns a stream of bytes into frames, keeping bytes only while a frame is incomplete.
///
/// Between frames it is one empty pointer, so an idle connection costs 8 bytes here. Frames that lie whole in the read
/// buffer are decoded where they are; only a frame that spans reads is copied, each byte once (its buffer grows by
/// doubling as bytes arrive, up to what the frame announced).
#[derive(Default, Debug)]
pub struct FrameReader {
    // Never Some with nothing unread.
    kept: Option<Box<Kept>>,
}

/// Bytes that wait for the rest of their frame, or for the end of a pause. Those before `start` are done with.
#[derive(Default, Debug)]
struct Kept {
    bytes: Vec<u8>,
    start: usize,
    /// Bytes of the next frame's payload that were looked at before it was whole.
    seen: usize,
}

impl Kept {
    fn unread(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }

    fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// Appends bytes, holding no more than `limit` unless they are already here.
    fn append(&mut self, more: &[u8], limit: usize) {
        // Moving what is unread for nothing would make a backlog that is taken frame by frame cost its square.
        if more.is_empty() {
            return;
        }
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        append_within(&mut self.bytes, more, limit);
    }
}

impl FrameReader {
    /// A reader at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in what was read and calls `f` with every frame that is whole, its payload unmasked.
    ///
    /// When `f` returns [`Flow::Pause`] the frame it was given counts as taken, the rest of `input` is kept, and so does
    /// this function return; call again with the next bytes, or with none, to go on. While paused, do not read on:
    /// everything fed is kept.
    ///
    /// # Errors
    /// What [`decode`] refuses, and what `f` returns. Either is final: the reader has then lost its place in the stream.
    pub fn feed<E: From<ProtocolError>>(
        &mut self,
        input: &mut [u8],
        rules: &Rules,
        mut f: impl FnMut(Header, &mut [u8]) -> Result<Flow, E>,
    ) -> Result<Flow, E> {
        let mut at = 0;
        if let Some(mut kept) = self.kept.take() {
            while kept.len() > 0 {
                match decode(kept.unread(), rules)? {
                    Decoded::Frame { header, payload, consumed } => {
                        let flow = f(header, payload)?;
                        kept.start += consumed;
                        kept.seen = 0;
                        if flow == Flow::Pause {
                            kept.append(&input[at..], 0);
                            self.keep(kept);
                            return Ok(Flow::Pause);
                        }
                    }
                    Decoded::Incomplete { need } => {
                        let taken = (need - kept.len()).min(input.len() - at);
                        if taken == 0 {
                            self.keep(kept);
                            return Ok(Flow::Continue);
                        }
                        kept.append(&input[at..at + taken], need);
                        at += taken;
                    }
                }
            }
        }
        while at < input.len() {
            match decode(&mut input[at..], rules)? {
                Decoded::Frame { header, payload, consumed } => {
                    let flow = f(header, payload)?;
                    at += consumed;
                    if flow == Flow::Pause {
                        self.keep_copy(&input[at..], 0);
                        return Ok(Flow::Pause);
                    }
                }
                Decoded::Incomplete { need } => {
                    self.keep_copy(&input[at..], need);
                    break;
                }
            }
        }
        Ok(Flow::Continue)
    }

    /// Bytes kept: at most [`max_frame`](Rules::max_frame) (or 125, if that is more) and the header, except while paused.
    pub fn buffered(&self) -> usize {
        self.kept.as_ref().map_or(0, |kept| kept.len())
    }

    /// The frame that is here in part, as soon as its header is whole. `None` between frames, and while a whole frame waits.
    pub fn part(&mut self) -> Option<Part<'_>> {
        let Kept { bytes, start, seen } = self.kept.as_deref_mut()?;
        let unread = &bytes[*start..];
        let Ok(Parsed::Whole(header)) = Header::parse(unread) else { return None };
        let payload = &unread[header.header_len()..];
        ((payload.len() as u64) < header.len).then(|| Part::new(header, payload, seen))
    }

    /// Whether the stream stands between two frames and nothing waits.
    pub fn is_idle(&self) -> bool {
        self.kept.is_none()
    }

    fn keep(&mut self, kept: Box<Kept>) {
        self.kept = (kept.len() > 0).then_some(kept);
    }

    fn keep_copy(&mut self, rest: &[u8], limit: usize) {
        let mut kept = Box::<Kept>::default();
        kept.append(rest, limit);
        self.keep(kept);
    }
}
