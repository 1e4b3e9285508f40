//! One connection's state in the native client. Small: there are thousands of them, mostly idle.

use std::net::IpAddr;

use net::Socket;

use super::outbox::Outbox;
use crate::ledger::{Compressed, Cursor};
use crate::plan::Inflate;
use crate::request::Whose;
use crate::worker::life::Life;
use crate::worker::throttle::Throttle;

/// One connection.
#[derive(Debug)]
pub struct Connection {
    pub socket: Option<Socket>,
    pub state: State,
    /// Group of subscribers; `None` for a separate publisher.
    pub group: Option<u16>,
    /// Which of the server's addresses.
    pub endpoint: u16,
    /// Room index in this worker.
    pub room: u32,
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
    /// When it opened; 0: not yet.
    pub opened: u64,
    /// Messages since then.
    pub received: u32,
    /// It came back and has heard nothing yet.
    pub waits: bool,
    /// Only where it can leave and come back.
    pub life: Option<Box<Life>>,
}

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// TCP is connecting.
    Connecting,
    /// The request is out, the answer is not in.
    Upgrading,
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
    pub source: Option<IpAddr>,
    /// What the request says that others' do not.
    pub whose: Whose,
    pub key: String,
    pub inflate: Inflate,
    /// What it asks the server to replay from.
    pub resume: Option<String>,
    /// The answer so far.
    pub answer: Vec<u8>,
}
