//! What has arrived of a frame that is not whole yet.

use crate::frame::header::Header;
use crate::frame::mask::apply_mask_from;

/// The beginning of a frame, to be looked at before the rest of it arrives. The frame itself is given out once it is whole, as ever.
#[derive(Debug)]
pub struct Part<'a> {
    /// The frame's header.
    pub header: Header,
    /// What is here of its payload, as it was received.
    payload: &'a [u8],
    /// Bytes of the payload that need not be looked at again.
    seen: &'a mut usize,
}

impl<'a> Part<'a> {
    pub(super) fn new(header: Header, payload: &'a [u8], seen: &'a mut usize) -> Self {
        Self { header, payload, seen }
    }

    /// Bytes of the payload that need not be looked at again.
    pub fn seen(&self) -> usize {
        *self.seen
    }

    /// Copies what was not seen so far, unmasked, as much as `out` holds, and says how many bytes that are.
    pub fn peek(&self, out: &mut [u8]) -> usize {
        let fresh = &self.payload[*self.seen..];
        let len = fresh.len().min(out.len());
        let out = &mut out[..len];
        out.copy_from_slice(&fresh[..len]);
        if let Some(key) = self.header.mask {
            apply_mask_from(out, key, *self.seen);
        }
        len
    }

    /// Notes that so many bytes more need not be looked at again.
    pub fn see(&mut self, bytes: usize) {
        *self.seen = (*self.seen + bytes).min(self.payload.len());
    }
}
