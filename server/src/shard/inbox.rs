//! What other threads may ask of a shard.

use std::sync::mpsc;

use net::{Socket, Waker};
use tokio::sync::oneshot;

use crate::admission::Permit;
use crate::resume::ResumePoint;
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
    },
}

/// A message to a shard.
#[derive(Debug)]
pub enum Command {
    /// Keep a place for a connection whose handshake can now be answered.
    Subscribe {
        /// For what.
        target: Target,
        /// Its right to be counted among the connections.
        permit: Permit,
        /// Where the place goes.
        reply: oneshot::Sender<Reservation>,
    },
    /// The handshake is done: here is the socket, and what the peer had sent after its request.
    Adopt {
        /// The place kept.
        ticket: u32,
        /// Non-blocking, without Nagle's delay.
        socket: Socket,
        /// To be treated as read from the socket.
        leftover: Vec<u8>,
    },
    /// The handshake failed.
    Cancel {
        /// The place kept.
        ticket: u32,
    },
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
    /// The next message that the connection will get (or, where a resume is impossible, would get).
    pub next: Option<ResumePoint>,
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
    pub fn redeem(mut self, socket: Socket, leftover: Vec<u8>) -> Result<(), Gone> {
        match self.inbox.take() {
            Some(inbox) => inbox.send(Command::Adopt { ticket: self.id, socket, leftover }),
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
