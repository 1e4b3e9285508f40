//! One connection's state in the native client. Small: there are thousands of them, mostly idle.

use std::net::IpAddr;

use wire::deflate::Agreement;

use super::line::Line;
use super::outbox::Outbox;
use crate::dialect::Join;
use crate::inbound::Inbound;
use crate::ledger::{Compressed, Cursor};
use crate::plan::Inflate;
use crate::request::Whose;
use crate::worker::Member;
use crate::worker::life::Life;
use crate::worker::throttle::Throttle;

/// One connection.
#[derive(Debug)]
pub struct Connection {
    /// `None` before it is dialled and when it is over.
    pub line: Option<Line>,
    pub state: State,
    /// Group of subscribers; `None` for a separate publisher.
    pub group: Option<u16>,
    /// Which of the server's addresses.
    pub endpoint: u16,
    /// Room index in this worker.
    pub room: u32,
    /// Room of the plan, which names the path and what a dialect says.
    pub path_room: u32,
    /// Run-wide number.
    pub number: u32,
    /// Publisher index in this worker, if it publishes.
    pub publisher: Option<u32>,
    pub cursor: Cursor,
    /// Only where compression was agreed on.
    pub compressed: Option<Box<Compressed>>,
    /// Only of slow consumers.
    pub throttle: Option<Box<Throttle>>,
    /// Only while it opens.
    pub opening: Option<Box<Opening>>,
    /// Only of publishers, and while something waits to be written.
    pub outbox: Option<Box<Outbox>>,
    /// A sign of life of the dialect's stands in the queue.
    pub beats: bool,
    /// When it opened; 0: not yet.
    pub opened: u64,
    /// Messages since then.
    pub received: u32,
    /// It came back and has heard nothing yet.
    pub waits: bool,
    /// Only where it can leave and come back.
    pub life: Option<Box<Life>>,
}

impl Connection {
    /// Not dialled yet; `room` and `publisher` are indices in this worker.
    pub fn new(member: &Member, room: u32, publisher: Option<u32>, life: Option<Box<Life>>) -> Self {
        Connection {
            line: None,
            state: State::Connecting,
            group: member.group,
            endpoint: member.endpoint,
            room,
            path_room: member.path_room,
            number: member.connection,
            publisher,
            cursor: Cursor::default(),
            compressed: None,
            throttle: None,
            opening: None,
            outbox: None,
            beats: false,
            opened: 0,
            received: 0,
            waits: false,
            life,
        }
    }
}

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// TCP is connecting.
    Connecting,
    /// TCP is connected, the TLS handshake is under way.
    Securing,
    /// The request is out, the answer is not in.
    Upgrading,
    /// A WebSocket that has not joined yet.
    Joining,
    /// A WebSocket.
    Open,
    /// We sent a close frame and wait for the server's.
    Leaving,
    /// We said goodbye by plan while the run goes on, and wait for the server's.
    Departing,
    /// Between two sockets: it will try to come back.
    Away,
    /// It left by plan and stays away.
    Left,
    /// Over.
    Closed,
}

/// What is needed only until a connection is open.
#[derive(Debug)]
pub struct Opening {
    /// When it was begun.
    pub began: u64,
    /// When TCP was connected.
    pub connected: u64,
    /// When its TLS handshake was over; `None` without TLS.
    pub secured: Option<u64>,
    pub source: Option<IpAddr>,
    /// When the upgrade was answered.
    pub upgraded: u64,
    /// What was agreed on.
    pub agreed: Option<Agreement>,
    /// Where a dialect has something to say first.
    pub joining: Option<Joining>,
    /// What the request says that others' do not.
    pub whose: Whose,
    pub key: String,
    pub inflate: Inflate,
    /// What it asks the server to replay from.
    pub resume: Option<String>,
    /// The answer so far.
    pub answer: Vec<u8>,
}

/// The steps of a join.
#[derive(Debug)]
pub struct Joining {
    pub join: Join,
    pub inbound: Inbound,
}
