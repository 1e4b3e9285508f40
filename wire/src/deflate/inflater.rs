//! Decompressing messages within a bound (RFC 7692 section 7.2.2).

use flate2::{Decompress, FlushDecompress, Status};

use super::deflater::TAIL;
use super::params::Context;
use crate::error::ProtocolError;

/// A final block of nothing: it ends a stream that stands between two blocks.
const LAST_BLOCK: [u8; 5] = [1, 0, 0, 0xff, 0xff];
/// Output buffers larger than this are not kept from one message to the next, in bytes.
const KEPT: usize = 64 << 10;

/// A decompressor of one direction, for windows of any size. Holds about 48 KiB.
#[derive(Debug)]
pub struct Inflater {
    decompress: Decompress,
    context: Context,
    out: Vec<u8>,
}

impl Inflater {
    /// A decompressor at the beginning of its history.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { decompress: Decompress::new(false), context, out: Vec::new() }
    }

    /// Decompresses one message's payload. Never holds more than `limit` bytes of output, however many it stands for.
    ///
    /// A block marked as final ends the history, as it ends a deflate stream: what follows begins anew. A message that ends inside of a
    /// block is found out where no context is kept; where it is, the next message cannot be told from its rest.
    ///
    /// # Errors
    /// [`ProtocolError::InvalidDeflate`], or [`ProtocolError::MessageTooBig`] beyond `limit`; the history is lost then, and the connection
    /// must end.
    pub fn inflate(&mut self, payload: &[u8], limit: usize) -> Result<&mut [u8], ProtocolError> {
        if self.context == Context::Fresh {
            self.decompress.reset(false);
        }
        self.out.clear();
        self.out.shrink_to(KEPT);
        self.take_in(payload, limit)?;
        self.take_in(&TAIL, limit)?;
        if self.context == Context::Fresh && !self.ends_here() {
            return Err(ProtocolError::InvalidDeflate);
        }
        Ok(&mut self.out)
    }

    /// Whether the message ended where a block does: what is cut short takes the end's bytes for its own. Ends the stream.
    fn ends_here(&mut self) -> bool {
        let before = self.decompress.total_out();
        let ended = self.decompress.decompress(&LAST_BLOCK, &mut [0; 8], FlushDecompress::Sync);
        matches!(ended, Ok(Status::StreamEnd)) && self.decompress.total_out() == before
    }

    /// Forgets the history, as if newly made.
    pub fn reset(&mut self) {
        self.decompress.reset(false);
    }

    fn take_in(&mut self, mut input: &[u8], limit: usize) -> Result<(), ProtocolError> {
        loop {
            if self.out.len() == self.out.capacity() {
                self.make_room(input.len(), limit)?;
            }
            let (read, written) = (self.decompress.total_in(), self.out.len());
            let status = self
                .decompress
                .decompress_vec(input, &mut self.out, FlushDecompress::Sync)
                .map_err(|_| ProtocolError::InvalidDeflate)?;
            let taken = (self.decompress.total_in() - read) as usize;
            input = &input[taken..];
            if self.out.len() > limit {
                return Err(ProtocolError::MessageTooBig { len: self.out.len(), max: limit });
            }
            if status == Status::StreamEnd {
                self.decompress.reset(false);
            }
            let full = self.out.len() == self.out.capacity();
            if input.is_empty() && !full {
                return Ok(());
            }
            if taken == 0 && self.out.len() == written && !full {
                return Err(ProtocolError::InvalidDeflate);
            }
        }
    }

    /// Doubles the output's room, to one byte more than the limit at most: that byte tells a message at the limit from one beyond.
    fn make_room(&mut self, input: usize, limit: usize) -> Result<(), ProtocolError> {
        let held = self.out.len();
        let most = limit.saturating_add(1);
        if held >= most {
            return Err(ProtocolError::MessageTooBig { len: held, max: limit });
        }
        let wanted = held.max(input.saturating_mul(3)).max(256).min(most - held);
        self.out.reserve_exact(wanted);
        Ok(())
    }
}
