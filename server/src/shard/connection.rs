//! What a shard knows of one connection while nothing happens on it: under a hundred bytes, nothing on the heap.

use net::Socket;
use wire::CloseCode;

use crate::admission::Permit;
use crate::outbox::Outbox;
use crate::room::MemberId;
use crate::session::Session;
use crate::wheel::TICK;

/// One connection.
#[derive(Debug)]
pub struct Connection {
    /// `None` until the handshake is done.
    pub socket: Option<Socket>,
    pub place: Place,
    pub session: Session,
    /// Private frames that wait; `None` when there are none.
    pub outbox: Option<Box<Outbox>>,
    /// A close to begin as soon as everything in the room's log has gone out.
    pub farewell: Option<Box<Farewell>>,
    /// The tick of the peer's last sign of life; while closing, that of the close.
    heard: u32,
    pub stage: Stage,
    pub ping: Ping,
    /// Held for its count.
    pub _permit: Permit,
}

/// Where a connection's messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Echo,
    Room {
        room: u32,
        member: MemberId,
    },
    /// It has left, or could not join.
    Nowhere,
}

/// How far its life has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The handshake goes on.
    Reserved,
    Open,
    /// As open, but nothing is read until its outbox has gone out.
    Paused,
    /// Our close frame is sent or waits in the outbox; the peer's is awaited.
    Closing,
    /// The peer closed, or broke the protocol: the end of the outbox is the end of what we say.
    Finishing(Finish),
}

/// What follows the end of the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The connection is closed.
    Close,
    /// Our side is shut down and the peer's bytes are thrown away until it closes too: an immediate close would reset the connection,
    /// and the peer might never see our close frame.
    Linger,
}

/// Whether a silent peer has been asked for a sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ping {
    NotSent,
    Sent,
}

/// A close frame's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    pub code: CloseCode,
    pub reason: String,
}

impl Farewell {
    pub fn new(code: CloseCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl Connection {
    /// A place for a connection in its handshake.
    pub fn reserved(permit: Permit, now: u64) -> Self {
        Self {
            socket: None,
            place: Place::Nowhere,
            session: Session::new(),
            outbox: None,
            farewell: None,
            heard: tick(now),
            stage: Stage::Reserved,
            ping: Ping::NotSent,
            _permit: permit,
        }
    }

    /// Notes a sign of life. It gives a connection that is closing no more time.
    #[inline]
    pub fn alive(&mut self, now: u64) {
        if matches!(self.stage, Stage::Open | Stage::Paused) {
            self.heard = tick(now);
            self.ping = Ping::NotSent;
        }
    }

    /// When it was last heard, in nanoseconds, to a [`TICK`].
    pub fn last_heard(&self, now: u64) -> u64 {
        now - u64::from(tick(now).wrapping_sub(self.heard)) * TICK
    }

    /// Bytes of private frames that wait.
    pub fn waiting(&self) -> usize {
        self.outbox.as_ref().map_or(0, |outbox| outbox.unsent().len())
    }
}

fn tick(now: u64) -> u32 {
    (now / TICK) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_small() {
        assert!(size_of::<Connection>() <= 96, "{}", size_of::<Connection>());
    }
}
