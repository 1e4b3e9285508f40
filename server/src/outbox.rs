//! Private frames of one connection (pongs, echoes, the close frame) that wait to be written between two frames of the room's log.

use wire::{CloseCode, CloseFrame, Header, MAX_HEADER, Opcode, append_frame};

use crate::sse;

/// With more than so many bytes waiting, a pong replaces the one before it (RFC 6455 section 5.5.3 asks for an answer to the most recent
/// ping only), so that a peer that pings without reading costs no more.
const WAITING_WITH_PONGS: usize = 4096;

/// Whole frames, the first of which may have been written in part.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// Of `bytes`, written already.
    sent: usize,
    /// Where the newest pong begins, if nothing came after it.
    newest_pong: Option<usize>,
    ping: Ping,
}

/// Whether a ping of ours is in an outbox.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Ping {
    #[default]
    None,
    /// It waits, or has gone while something after it waits.
    Waiting,
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
        self.ping = Ping::None;
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

    /// Adds a message whose payload was compressed (RFC 7692 section 6.1).
    pub fn compressed_message(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut head = [0; MAX_HEADER];
        let len = Header { rsv1: true, ..Header::unmasked(opcode, payload.len() as u64) }.encode(&mut head);
        self.bytes.extend_from_slice(&head[..len]);
        self.bytes.extend_from_slice(payload);
        self.newest_pong = None;
    }

    /// Adds the answer to a ping. A flood of pings, in one read or in many, is answered in a bounded number of bytes.
    pub fn pong(&mut self, payload: &[u8]) {
        if self.unsent().len() + payload.len() + 2 > WAITING_WITH_PONGS
            && let Some(at) = self.newest_pong
            && at >= self.sent
        {
            self.bytes.truncate(at);
        }
        self.newest_pong = Some(self.bytes.len());
        append_frame(&mut self.bytes, Opcode::Pong, payload);
    }

    /// Adds a ping without a payload, if none was added since the outbox was last empty: one asks as much as many.
    pub fn ping(&mut self) {
        if self.ping == Ping::None {
            append_frame(&mut self.bytes, Opcode::Ping, &[]);
            self.newest_pong = None;
            self.ping = Ping::Waiting;
        }
    }

    /// As [`ping`](Self::ping), for an event stream: a comment, which asks for nothing.
    pub fn comment(&mut self) {
        if self.ping == Ping::None {
            self.bytes.extend_from_slice(sse::COMMENT);
            self.ping = Ping::Waiting;
        }
    }

    /// As [`close`](Self::close), for an event stream.
    pub fn last_chunk(&mut self) {
        self.bytes.extend_from_slice(sse::LAST_CHUNK);
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

    /// Gives back the memory that what waits does not need.
    #[must_use]
    pub fn fitted(mut self) -> Self {
        self.bytes.shrink_to_fit();
        self
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
        assert!(outbox.unsent().len() <= WAITING_WITH_PONGS);
        assert!(outbox.unsent().ends_with(&99_999_u32.to_be_bytes()));
    }

    #[test]
    fn pings_and_pongs_stay_bounded_for_a_peer_that_takes_a_few_bytes_now_and_then() {
        let mut outbox = Outbox::default();
        for i in 0..100_000_u32 {
            outbox.pong(&[&i.to_be_bytes()[..], &[0; 121]].concat());
            outbox.ping();
            if i % 100 == 0 {
                outbox.advance(1);
            }
            assert!(outbox.unsent().len() <= WAITING_WITH_PONGS + 2 * 127 + 2, "{i}");
        }
        assert!(outbox.capacity() < 4 * WAITING_WITH_PONGS);
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
