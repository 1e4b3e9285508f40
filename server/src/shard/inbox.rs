//! What other threads may ask of a shard.

use std::sync::mpsc;

use net::{Socket, Tls, Waker};
use tokio::sync::oneshot;

use super::asking::Ask;
use crate::admission::{Permit, Visitor};
use crate::coding::Coding;
use crate::protocol::Protocol;
use crate::resume::ResumePoint;
use crate::sse::Since;
use crate::stats::ShardReport;

/// What a connection is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Everything it sends comes back to it alone.
    Echo,
    /// It is a member of a room.
    Room {
        /// The room's name.
        name: String,
        /// From where on it wants the room's messages, if not from now on.
        resume: Option<ResumePoint>,
        /// What it speaks.
        protocol: Protocol,
    },
    /// It receives a room's messages as events.
    Events {
        /// The room's name.
        name: String,
        /// From where on.
        since: Since,
    },
}

impl Target {
    /// The room's name, if it is one.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        match self {
            Self::Echo => None,
            Self::Room { name, .. } | Self::Events { name, .. } => Some(name),
        }
    }
}

/// A message to a shard.
#[derive(Debug)]
pub enum Command {
    /// Keep a place for a connection whose handshake can now be answered.
    Subscribe {
        /// For what.
        target: Target,
        /// For whom.
        visitor: Visitor,
        /// How its messages may be compressed.
        coding: Coding,
        /// Its right to be counted among the connections.
        permit: Permit,
        /// Where the place goes.
        reply: oneshot::Sender<Result<Reservation, NoPlace>>,
    },
    /// The handshake is done: here is the socket, and what the peer had sent after its request.
    Adopt {
        /// The place kept.
        ticket: u32,
        /// Non-blocking, without Nagle's delay.
        socket: Socket,
        /// What encrypts it, under TLS.
        tls: Option<Box<Tls>>,
        /// To be treated as read from the socket.
        leftover: Vec<u8>,
    },
    /// The handshake failed.
    Cancel {
        /// The place kept.
        ticket: u32,
    },
    /// Do, or answer, what somebody without a connection asks.
    Ask(Ask),
    /// Report.
    Report {
        /// Where to.
        reply: oneshot::Sender<ShardReport>,
    },
    /// Close every connection, evenly over so many nanoseconds, and end once all have gone.
    Drain {
        /// Nanoseconds.
        over: u64,
    },
}

/// Commands obeyed in one turn, at most.
pub(super) const COMMANDS: usize = 1024;

/// What waits now, at most [`COMMANDS`]. What comes while it is obeyed waits for the next turn: two clients that ask for `/stats` again
/// and again could otherwise keep a shard with many rooms from its sockets for as long as they like.
pub(super) fn waiting(commands: &mpsc::Receiver<Command>) -> Vec<Command> {
    commands.try_iter().take(COMMANDS).collect()
}

/// The way into a shard. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Inbox {
    sender: mpsc::Sender<Command>,
    waker: Waker,
}

/// The shard has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shard has ended")]
pub struct Gone;

impl Inbox {
    pub(super) fn new(waker: Waker) -> (Self, mpsc::Receiver<Command>) {
        let (sender, receiver) = mpsc::channel();
        (Self { sender, waker }, receiver)
    }

    /// Hands a command over and wakes the shard.
    ///
    /// # Errors
    /// [`Gone`] when nobody is there to take it.
    pub fn send(&self, command: Command) -> Result<(), Gone> {
        self.sender.send(command).map_err(|_| Gone)?;
        self.waker.wake();
        Ok(())
    }
}

/// A place that is kept for a connection.
#[derive(Debug)]
pub struct Reservation {
    /// To be redeemed with the socket; dropping it gives the place up.
    pub ticket: Ticket,
    /// The next message that the connection will get (or, where a resume is impossible, would get); `None` for an echo, and for events
    /// that there is no memory for.
    pub next: Option<ResumePoint>,
}

/// Why no place is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// The room has members that speak another protocol.
    #[error("the members of this room speak the {0} protocol; join them at {path}{{room}}, or choose another room", path = .0.path())]
    Protocol(Protocol),
    /// `--max-rooms`, for a room that there is not yet.
    #[error("the server holds its {0} rooms (--max-rooms); join one that there is, or try again later")]
    Rooms(usize),
}

impl NoPlace {
    /// The HTTP status to answer with.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Protocol(_) => 409,
            Self::Rooms(_) => 503,
        }
    }
}

/// The right to one place. Dropping it unredeemed gives the place up, whatever goes wrong in the handshake.
#[derive(Debug)]
pub struct Ticket {
    id: u32,
    /// `None` once redeemed.
    inbox: Option<Inbox>,
}

impl Ticket {
    pub(super) fn new(id: u32, inbox: Inbox) -> Self {
        Self { id, inbox: Some(inbox) }
    }

    /// Hands the connection over to its shard.
    ///
    /// # Errors
    /// [`Gone`]; the socket is closed then.
    pub fn redeem(mut self, socket: Socket, tls: Option<Box<Tls>>, leftover: Vec<u8>) -> Result<(), Gone> {
        match self.inbox.take() {
            Some(inbox) => inbox.send(Command::Adopt { ticket: self.id, socket, tls, leftover }),
            None => Err(Gone),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(inbox) = self.inbox.take() {
            // A shard that has ended keeps no places.
            let _ = inbox.send(Command::Cancel { ticket: self.id });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_again_at_once_waits_for_the_next_turn() {
        let poller = net::Poller::new(1).unwrap();
        let (inbox, commands) = Inbox::new(poller.waker());
        let ask = || inbox.send(Command::Cancel { ticket: 0 }).unwrap();
        (0..2).for_each(|_| ask());
        for _turn in 0..3 {
            assert_eq!(waiting(&commands).into_iter().map(|_| ask()).count(), 2);
        }
        (0..COMMANDS).for_each(|_| ask());
        assert_eq!([waiting(&commands).len(), waiting(&commands).len(), waiting(&commands).len()], [COMMANDS, 2, 0]);
    }
}
