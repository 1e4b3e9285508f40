//! Bytes on their way out of one connection, and which publishes they are.

use std::collections::VecDeque;
use std::io;

use super::line::Line;
use crate::ledger::PublishTable;

/// What a socket did with the bytes.
#[derive(Debug)]
pub enum Flushed {
    /// All are with the kernel, at once or after the socket had been full.
    All(Before),
    /// The socket is full; it will say when it is not.
    Blocked,
    /// The connection is of no use any more.
    Broken(io::Error),
}

/// How a socket was before it took everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Before {
    #[default]
    Ready,
    Full,
}

/// Frames waiting to be sent. Control frames stand between publishes, in the order in which they were put.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    /// Sent already.
    at: usize,
    /// End in `bytes` and sequence of every publish in it.
    publishes: VecDeque<(usize, u32)>,
    /// Since the last time it took everything.
    before: Before,
}

impl Outbox {
    /// Where to append a frame.
    pub fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The frame appended last was this publish.
    pub fn published(&mut self, seq: u32) {
        self.publishes.push_back((self.bytes.len(), seq));
    }

    /// Nothing waits, here or in the line's TLS.
    pub fn is_empty(&self) -> bool {
        self.at == self.bytes.len() && self.before == Before::Ready
    }

    /// Sends what waits. Every publish in it is entered in `table` as sent at `now`, which is read just before.
    pub fn flush(&mut self, line: &mut Line, table: Option<PublishTable<'_>>, now: u64) -> Flushed {
        if let Some(table) = table {
            for &(_, seq) in &self.publishes {
                table.sent_at(seq, now);
            }
        }
        loop {
            // Under TLS what was taken may still wait for the kernel.
            let sent = match &self.bytes[self.at..] {
                [] => line.flush().map(|()| None),
                rest => line.send(rest).map(Some),
            };
            match sent {
                Ok(None) => break,
                Ok(Some(n)) => self.at += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    // A publish whose last byte is with the kernel keeps the time at which it got there.
                    while self.publishes.front().is_some_and(|(end, _)| *end <= self.at) {
                        self.publishes.pop_front();
                    }
                    self.before = Before::Full;
                    return Flushed::Blocked;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Flushed::Broken(e),
            }
        }
        self.bytes.clear();
        self.at = 0;
        self.publishes.clear();
        Flushed::All(std::mem::take(&mut self.before))
    }
}
