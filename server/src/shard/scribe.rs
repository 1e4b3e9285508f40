//! Writes what is said in chat rooms: with the time of day, encoded once.

use std::time::{SystemTime, UNIX_EPOCH};

use super::rooms::Entry;
use super::spread::{Means, Memory};
use crate::chat::{self, Calendar, Kind, Message};
use crate::resume::ResumePoint;
use crate::room::{Full, Room, Sent};

/// What is said, and by whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    pub kind: Kind,
    pub sender: &'a str,
    pub content: &'a str,
}

/// A shard's one pen.
#[derive(Debug, Default)]
pub(super) struct Scribe {
    calendar: Calendar,
    /// The turn for which the time of day was asked, by its beginning in nanoseconds, and milliseconds since 1970 then. It is asked for
    /// once a turn, and only where somebody wants to know.
    read: Option<(u64, u64)>,
    /// The message being encoded; of no meaning between two.
    text: Vec<u8>,
}

impl Scribe {
    /// A message to one client of `room`, as JSON, under the number `seq`; in the turn that began at `now`.
    pub fn write(&mut self, words: Words<'_>, room: &Room, seq: ResumePoint, now: u64) -> &[u8] {
        let unix_ms = self.unix_ms(now);
        let Words { kind, sender, content } = words;
        let message = Message { kind, sender, content, timestamp: self.calendar.format(unix_ms) };
        message.encode(room.name(), seq, &mut self.text);
        &self.text
    }

    /// At a room's home: gives a message its number and appends it, flushing in between where the log asks for it.
    pub fn publish<N>(
        &mut self,
        words: Words<'_>,
        number: u32,
        entry: &mut Entry,
        means: &mut Means<'_, N>,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Memory {
        let unix_ms = self.unix_ms(means.now);
        let Words { kind, sender, content } = words;
        let message = Message { kind, sender, content, timestamp: self.calendar.format(unix_ms) };
        loop {
            match chat::append(&mut entry.room, &message, &mut self.text, means.now, means.accounts) {
                Ok(_) => return Memory::Enough,
                Err(Full::FlushFirst) => entry.flush(number, means, sink),
                Err(Full::NoMemory) => return Memory::Exhausted,
            }
        }
    }

    fn unix_ms(&mut self, now: u64) -> u64 {
        match self.read {
            Some((at, unix_ms)) if at == now => unix_ms,
            _ => {
                // A clock before 1970 is told as 1970.
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let unix_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
                self.read = Some((now, unix_ms));
                unix_ms
            }
        }
    }
}
