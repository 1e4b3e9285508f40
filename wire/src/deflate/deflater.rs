//! Compressing messages (RFC 7692 section 7.2.1).

use flate2::{Compress, Compression, FlushCompress};

use super::params::{Context, Direction, MAX_WINDOW_BITS, MIN_WINDOW_BITS};

/// What ends every sync flush and is not sent.
pub(super) const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// Memory of a compressor beside its window, in bytes.
const TABLES: usize = 248_960;
/// Memory of a compressor for each byte of its window.
const PER_WINDOW_BYTE: usize = 4;

/// A compressor of one direction. [`memory`](Self::memory) says how large it is.
#[derive(Debug)]
pub struct Deflater {
    compress: Compress,
    context: Context,
}

impl Deflater {
    /// A compressor at the beginning of its history. `level` is clamped to 1 to 9 and the window to 9 to 15 bits: 8, which could be
    /// agreed, is more than this implementation can promise, so [`answer_offers`](super::answer_offers) never does.
    #[must_use]
    pub fn new(direction: Direction, level: u32) -> Self {
        let bits = direction.window_bits.clamp(MIN_WINDOW_BITS, MAX_WINDOW_BITS);
        let compress = Compress::new_with_window_bits(Compression::new(level.clamp(1, 9)), false, bits);
        Self { compress, context: direction.context }
    }

    /// Bytes that a compressor with a window of so many bits holds, whatever its level (zlib-rs 0.6; a test measures them).
    #[must_use]
    pub const fn memory(window_bits: u8) -> usize {
        TABLES + (PER_WINDOW_BYTE << window_bits)
    }

    /// Appends the compressed payload of one message to `out`.
    pub fn deflate(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        if payload.is_empty() {
            // An empty stored block, without touching the compressor: it would have nothing to flush (section 7.2.3.6).
            out.push(0);
            return;
        }
        if self.context == Context::Fresh {
            self.compress.reset();
        }
        let (begin, read) = (out.len(), self.compress.total_in());
        out.reserve(payload.len() + payload.len() / 8 + 64);
        loop {
            let taken = (self.compress.total_in() - read) as usize;
            // A level and a window that were accepted at the beginning leave no way to fail; a buffer without room is the
            // only thing that stops it, and is answered below.
            let _ = self.compress.compress_vec(&payload[taken..], out, FlushCompress::Sync);
            let all = (self.compress.total_in() - read) as usize == payload.len();
            // With room left the flush is complete. Without, another call would tell; but one that finds nothing to do adds an empty
            // block, which only costs bytes.
            if all && out.len() < out.capacity() {
                break;
            }
            out.reserve(64.max(payload.len() / 8));
        }
        debug_assert!(out[begin..].ends_with(&TAIL));
        out.truncate(out.len().saturating_sub(TAIL.len()).max(begin));
    }

    /// Forgets the history, as if newly made.
    pub fn reset(&mut self) {
        self.compress.reset();
    }
}
