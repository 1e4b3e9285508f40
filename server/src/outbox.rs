//! Private frames of one connection (pongs, echoes, the close frame) that wait to be written between two frames of the room's log.

use wire::{CloseCode, CloseFrame, Opcode, append_frame};

/// Pongs may occupy so many bytes; further ones replace the newest (RFC 6455 5.5.3 asks for an answer to the most recent ping only).
const PONG_BYTES: usize = 4096;

/// Whole frames, the first of which may have been written in part.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// Of `bytes`, written already.
    sent: usize,
    /// Where the newest pong begins, if nothing came after it.
    newest_pong: Option<usize>,
    /// Bytes of pongs in `bytes`.
    pong_bytes: usize,
}

impl Outbox {
    /// What is to be written.
    #[must_use]
    pub fn unsent(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    /// Whether nothing is to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// Notes that `n` more bytes were written.
    pub fn advance(&mut self, n: usize) {
        self.sent += n;
        debug_assert!(self.sent <= self.bytes.len());
        if self.is_empty() {
            self.clear();
        } else if self.sent > self.bytes.len() / 2 {
            self.bytes.drain(..self.sent);
            self.newest_pong = self.newest_pong.and_then(|at| at.checked_sub(self.sent));
            self.sent = 0;
        }
    }

    /// Empties it and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.sent = 0;
        self.newest_pong = None;
        self.pong_bytes = 0;
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Adds a message.
    pub fn message(&mut self, opcode: Opcode, payload: &[u8]) {
        append_frame(&mut self.bytes, opcode, payload);
        self.newest_pong = None;
    }

    /// Adds the answer to a ping. A flood of pings is answered in a bounded number of bytes.
    pub fn pong(&mut self, payload: &[u8]) {
        if self.pong_bytes + payload.len() + 2 > PONG_BYTES
            && let Some(at) = self.newest_pong
            && at >= self.sent
        {
            self.pong_bytes -= self.bytes.len() - at;
            self.bytes.truncate(at);
        }
        let at = self.bytes.len();
        append_frame(&mut self.bytes, Opcode::Pong, payload);
        self.pong_bytes += self.bytes.len() - at;
        self.newest_pong = Some(at);
    }

    /// Adds a ping without a payload.
    pub fn ping(&mut self) {
        append_frame(&mut self.bytes, Opcode::Ping, &[]);
        self.newest_pong = None;
    }

    /// Adds a close frame, the last that may be added.
    pub fn close(&mut self, code: CloseCode, reason: &str) {
        let mut payload = Vec::with_capacity(reason.len() + 2);
        CloseFrame::encode(code, reason, &mut payload);
        append_frame(&mut self.bytes, Opcode::Close, &payload);
        self.newest_pong = None;
    }

    /// Puts `rest`, the end of a frame begun elsewhere, before everything that waits. Nothing of it may have been written in part.
    pub fn put_first(&mut self, rest: &[u8]) {
        debug_assert_eq!(self.sent, 0);
        self.bytes.splice(..0, rest.iter().copied());
        self.newest_pong = self.newest_pong.map(|at| at + rest.len());
    }

    /// Moves everything unsent of `other` behind what waits here.
    pub fn take_from(&mut self, other: &mut Self) {
        self.newest_pong = other.newest_pong.and_then(|at| at.checked_sub(other.sent)).map(|at| at + self.bytes.len());
        self.bytes.extend_from_slice(other.unsent());
        self.pong_bytes += other.pong_bytes;
        other.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_pings_is_answered_in_bounded_memory_and_the_newest_always() {
        let mut outbox = Outbox::default();
        for i in 0..100_000_u32 {
            outbox.pong(&i.to_be_bytes());
        }
        assert!(outbox.unsent().len() <= PONG_BYTES);
        assert!(outbox.unsent().ends_with(&99_999_u32.to_be_bytes()));
    }

    #[test]
    fn a_few_pings_are_all_answered_in_order() {
        let mut outbox = Outbox::default();
        outbox.pong(b"a");
        outbox.message(Opcode::Text, b"m");
        outbox.pong(b"b");
        assert_eq!(outbox.unsent(), b"\x8a\x01a\x81\x01m\x8a\x01b");
    }

    #[test]
    fn a_partly_written_pong_is_never_replaced() {
        let mut outbox = Outbox::default();
        for _ in 0..32 {
            outbox.pong(&[0; 125]);
        }
        let before = outbox.unsent().len();
        outbox.advance(before - 5);
        outbox.pong(b"new");
        assert_eq!(outbox.unsent(), b"\0\0\0\0\0\x8a\x03new");
    }

    #[test]
    fn the_rest_of_a_split_frame_goes_first() {
        let mut outbox = Outbox::default();
        outbox.pong(b"p");
        outbox.put_first(b"rest");
        outbox.close(CloseCode::TRY_AGAIN_LATER, "lagged");
        assert_eq!(outbox.unsent(), b"rest\x8a\x01p\x88\x08\x03\xf5lagged");
    }
}
