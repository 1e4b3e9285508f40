//! What shards tell each other about a room that has members on several of them.
//!
//! ```text
//!              Down: taken in at once, always ──────────────►
//!   home                                                      member shard
//!   (indices)  ◄── Up: publishes; waits while a delivery queue that it would fill is above its mark
//! ```
//!
//! Between two shards each direction is one FIFO. So a copy that is begun (`Replicate`), then given a newcomer (`Place`), then messages
//! (`Deliver`) misses nothing and repeats nothing; and a member's departure (`Left`) comes after everything that it published, so a home
//! that counts none left on a shard knows that nothing about the room is on its way from there.

use std::sync::Arc;

use wire::{Header, Opcode, Parsed};

use crate::log::Boundary;
use crate::protocol::Protocol;
use crate::resume::ResumePoint;

/// A letter's bytes beside what it carries, as the queues count them.
const ENVELOPE: usize = 64;

/// From the shard that numbers a room's messages to one that has members of it. `N` is a connection that wants a place.
#[derive(Debug)]
pub enum Down<N> {
    /// Begin a copy of this room.
    Replicate(Box<Copy>),
    /// Give a connection a place in the copy.
    Place {
        /// The room's number at home, as in all letters.
        room: u32,
        /// From where on it wants messages, if not from now on.
        resume: Option<ResumePoint>,
        /// Of a chat room: how many members it has on all shards, the newcomer not counted.
        headcount: u64,
        newcomer: N,
    },
    /// The room's next messages.
    Deliver {
        room: u32,
        /// Where they begin.
        first: Boundary,
        /// Finished frames.
        frames: Arc<[u8]>,
    },
    /// What a connection published in one read was not taken, or not all of it.
    Refused { room: u32, publisher: Publisher, why: Untaken },
    /// The room has no members on your shard; drop the copy.
    Dissolve { room: u32 },
    /// At the beginning of a drain: everything that any shard had taken in by then has been delivered to yours.
    Settled,
}

/// A connection of the member shard, told by its serial from others that get its number after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publisher {
    pub conn: u32,
    pub serial: u64,
}

/// Why messages are not taken at home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untaken {
    /// There is no memory for them.
    Memory,
    /// So many were dropped, by the limit on the room. Told in chat rooms only.
    RoomLimit { messages: u32 },
}

/// A room's log as it stands at home.
#[derive(Debug)]
pub struct Copy {
    pub room: u32,
    pub name: Box<str>,
    pub generation: u64,
    /// What its members speak.
    pub protocol: Option<Protocol>,
    /// Where the first frame begins.
    pub first: Boundary,
    /// Everything that the log holds.
    pub frames: Arc<[u8]>,
}

/// From a shard with members of a room to the room's home.
#[derive(Debug)]
pub enum Up<N> {
    /// What a connection of the member shard published in one read.
    Publish {
        room: u32,
        publisher: Publisher,
        /// In a chat room: who says it. The frames hold the contents then, which are checked and are text.
        sender: Option<Box<str>>,
        /// Without a mask.
        frames: Vec<u8>,
    },
    /// One member of a chat room has been welcomed, by this name.
    Joined { room: u32, name: Box<str> },
    /// One member is gone; with its name if it had [`Joined`](Self::Joined).
    Left { room: u32, name: Option<Box<str>> },
    /// The copy does not hold what this connection wants to resume from: the home's log may.
    Return { room: u32, resume: Option<ResumePoint>, newcomer: N },
    /// At the beginning of a drain: everything that this shard has taken in until now came before this.
    Settle,
}

impl<N> Down<N> {
    /// Bytes that it counts for in a queue.
    pub fn weight(&self) -> usize {
        ENVELOPE
            + match self {
                Self::Replicate(copy) => copy.frames.len(),
                Self::Deliver { frames, .. } => frames.len(),
                Self::Place { .. } | Self::Refused { .. } | Self::Dissolve { .. } | Self::Settled => 0,
            }
    }
}

impl<N> Up<N> {
    /// Bytes that it counts for in a queue.
    pub fn weight(&self) -> usize {
        ENVELOPE
            + match self {
                Self::Publish { frames, .. } => frames.len(),
                Self::Joined { .. } | Self::Left { .. } | Self::Return { .. } | Self::Settle => 0,
            }
    }
}

/// The messages in whole unmasked frames, as a shard of ours wrote them. Ends early at anything else.
pub fn messages(mut frames: &[u8]) -> impl Iterator<Item = (Opcode, &[u8])> {
    std::iter::from_fn(move || {
        let Ok(Parsed::Whole(header)) = Header::parse(frames) else { return None };
        let (head, len) = (header.header_len(), usize::try_from(header.len).ok()?);
        let payload = frames.get(head..head.checked_add(len)?)?;
        frames = &frames[head + len..];
        Some((header.opcode, payload))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_again_in_their_frames() {
        let sizes = [0, 1, 125, 126, 65_535, 65_536];
        let mut frames = Vec::new();
        for size in sizes {
            wire::append_frame(&mut frames, Opcode::Binary, &vec![7; size]);
        }
        let found: Vec<_> = messages(&frames).map(|(opcode, payload)| (opcode, payload.len())).collect();
        assert_eq!(found, sizes.map(|size| (Opcode::Binary, size)));
        assert_eq!(messages(&frames[..frames.len() - 1]).count(), sizes.len() - 1);
    }
}
