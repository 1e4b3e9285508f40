//! What a shard knows of one connection while nothing happens on it: under a hundred bytes, nothing on the heap.

use net::Socket;
use wire::CloseCode;

use crate::admission::Permit;
use crate::coding::Coding;
use crate::outbox::Outbox;
use crate::rate::Meter;
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
    /// What tells it from others that have its number before or after it: when it was let in, in nanoseconds, or a little later.
    pub serial: u64,
    /// The tick of the peer's last sign of life; while closing, that of the close.
    heard: u32,
    pub stage: Stage,
    pub ping: Ping,
    pub dialect: Dialect,
    /// How its messages may be compressed.
    pub coding: Coding,
    /// How its messages are limited.
    pub meter: Meter,
    /// A message has begun and not ended, and is watched for it.
    pub midway: bool,
    /// Held for its count.
    pub permit: Permit,
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
    /// As open, but nothing is read until another shard has room for what it publishes.
    Parked,
    /// As open, but nothing is read until the rate allows a message that was read already.
    Delayed,
    /// Our close frame is sent or waits in the outbox; the peer's is awaited.
    Closing,
    /// The peer closed, or broke the protocol: the end of the outbox is the end of what we say.
    Finishing(Finish),
}

impl Stage {
    /// The handshake is done and no close has begun.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Paused | Self::Parked | Self::Delayed)
    }
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

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    WebSocket,
    /// An endless HTTP answer, in chunks. What the peer sends means nothing.
    Events,
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
    pub fn reserved(permit: Permit, coding: Coding, now: u64) -> Self {
        Self {
            socket: None,
            place: Place::Nowhere,
            session: Session::new(),
            outbox: None,
            farewell: None,
            serial: now,
            heard: tick(now),
            stage: Stage::Reserved,
            ping: Ping::NotSent,
            dialect: Dialect::WebSocket,
            coding,
            meter: Meter::Off,
            midway: false,
            permit,
        }
    }

    /// As [`reserved`](Self::reserved), for an event stream.
    pub fn reserved_for_events(permit: Permit, now: u64) -> Self {
        Self { dialect: Dialect::Events, session: Session::deaf(), ..Self::reserved(permit, Coding::Plain, now) }
    }

    /// Notes a sign of life. It gives a connection that is closing no more time.
    #[inline]
    pub fn alive(&mut self, now: u64) {
        if self.stage.is_open() {
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
