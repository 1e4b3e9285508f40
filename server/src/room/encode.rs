//! One message of the plain log as the frame of another variant.

use wire::{Deflater, Header, MAX_HEADER, Opcode, Parsed};

use crate::accounts::Accounts;
use crate::coding::Window;
use crate::compressors::{Choice, Desk, Fits, fits};
use crate::log::{Boundary, Log};
use crate::sse;
use crate::variant::Variant;

/// A message, as the plain log holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub index: u64,
    /// All of its frame.
    pub frame: &'a [u8],
    pub opcode: Opcode,
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The message at `at`, and the boundary after it. `joined` holds it where it lies across the ring's seam.
    pub fn read(plain: &'a Log, at: Boundary, joined: &'a mut Vec<u8>) -> (Self, Boundary) {
        let next = plain.after(at);
        let (first, second) = plain.slices(at.offset, next.offset);
        let frame = if second.is_empty() {
            first
        } else {
            joined.clear();
            joined.extend_from_slice(first);
            joined.extend_from_slice(second);
            &joined[..]
        };
        let (opcode, payload) = match Header::parse(frame) {
            Ok(Parsed::Whole(header)) => (header.opcode, frame.get(header.header_len()..).unwrap_or_default()),
            Ok(Parsed::Incomplete { .. }) | Err(_) => {
                debug_assert!(false, "a room's log holds whole frames only");
                (Opcode::Binary, &[][..])
            }
        };
        (Self { index: at.index, frame, opcode, payload }, next)
    }
}

/// A frame in two parts, the first of which may be all of it.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    head: [u8; MAX_HEADER],
    head_len: usize,
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    fn whole(bytes: &'a [u8]) -> Self {
        Self { head: [0; MAX_HEADER], head_len: 0, payload: bytes }
    }

    fn compressed(opcode: Opcode, payload: &'a [u8]) -> Self {
        let mut head = [0; MAX_HEADER];
        let header = Header { rsv1: true, ..Header::unmasked(opcode, payload.len() as u64) };
        let head_len = header.encode(&mut head);
        Self { head, head_len, payload }
    }

    pub fn head(&self) -> &[u8] {
        &self.head[..self.head_len]
    }

    pub fn len(&self) -> usize {
        self.head_len + self.payload.len()
    }
}

/// What makes a stream's frames.
#[derive(Debug)]
pub(super) enum Encoder {
    Events(sse::Encoder),
    Standalone(Window),
    Shared(Shared),
}

/// A compressor that goes on from message to message.
#[derive(Debug)]
pub(super) struct Shared {
    pub deflater: Deflater,
    pub window: Window,
    /// Payload bytes that were compressed since it was made; those before a reset count too.
    pub taken: u64,
}

impl Encoder {
    /// The encoder of a stream of this variant, which needs no compressor of its own. `None` for plain frames, and where it needs one.
    pub fn new(variant: Variant, generation: u64) -> Option<Self> {
        match variant {
            Variant::Events => Some(Self::Events(sse::Encoder::new(generation))),
            Variant::Standalone(window) | Variant::Unshared(window) => Some(Self::Standalone(window)),
            Variant::Plain | Variant::Nursery(_) | Variant::Mature(_) => None,
        }
    }

    pub fn compresses(&self) -> bool {
        !matches!(self, Self::Events(_))
    }

    /// Makes the frame of the next message.
    pub fn encode<'a>(
        &mut self,
        message: &Message<'a>,
        choice: Choice,
        desk: &'a mut Desk,
        accounts: &mut Accounts,
    ) -> Frame<'a> {
        let compressors = &mut accounts.compressors;
        match self {
            Self::Events(encoder) => {
                desk.clear();
                encoder.encode(message.index, message.opcode, message.payload, &mut desk.own);
                Frame::whole(&desk.own)
            }
            _ if choice == Choice::Leave => Frame::whole(message.frame),
            Self::Standalone(window) if fits(*window, message.payload) == Fits::No => {
                compressors.tally.beyond_window += 1;
                Frame::whole(message.frame)
            }
            Self::Standalone(_) => {
                Frame::compressed(message.opcode, compressors.alone(message.index, message.payload, desk))
            }
            Self::Shared(Shared { deflater, taken, .. }) => {
                desk.clear();
                deflater.deflate(message.payload, &mut desk.own);
                *taken += message.payload.len() as u64;
                compressors.tally.compressed += 1;
                Frame::compressed(message.opcode, &desk.own)
            }
        }
    }
}
