//! The server under test, and how it comes to be.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Division;
use crate::dialect::Dialect;
use crate::secrets::Secrets;

/// One address of the server under test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `Host` header.
    pub host: String,
    /// Where to connect.
    pub address: SocketAddr,
}

/// What decides to which of several addresses a connection goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Assign {
    /// They take turns.
    #[default]
    Connection,
    /// Everybody of a room connects to one address: so it is with bundled servers, but in echo mode, where nobody hears another.
    Room,
}

/// The server under test.
#[derive(Debug, Clone)]
pub struct Target {
    /// How the server comes to be.
    pub kind: TargetKind,
    /// To which of several addresses a connection goes.
    pub assign: Assign,
    /// Path with `{room}` and columns of the feed; percent-encoded when filled in.
    pub path: String,
    /// The path for people: as it stands in the file, so without what the environment holds, and without its query.
    pub shown_path: String,
    /// Extra request headers, in order; values may hold columns of the feed. Values may be secret.
    pub headers: Vec<(String, String)>,
    /// `Sec-WebSocket-Protocol` offers, in order of preference.
    pub subprotocols: Vec<String>,
    /// `None`: what is said goes over TCP as it is.
    pub tls: Option<Tls>,
    /// How the server wants to be spoken to; `None`: messages as they are.
    pub dialect: Option<Arc<Dialect>>,
}

/// TLS between us and the server.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Whom we trust, and what we show.
    pub config: Arc<rustls::ClientConfig>,
    /// The name that its certificate must be for, which it is also asked for (SNI).
    pub name: rustls::pki_types::ServerName<'static>,
    /// Whether its certificate must be good.
    pub checked: Checked,
}

/// Whether certificates are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// By whom they are signed, for which name, and how long they are valid.
    Yes,
    /// Not at all: `insecure = true`.
    No,
}

impl Target {
    /// How many addresses it has.
    pub fn endpoints(&self) -> u16 {
        match &self.kind {
            TargetKind::Bundled { division, .. } => division.processes(),
            TargetKind::Spawn { .. } => 1,
            TargetKind::Url { endpoints, .. } => endpoints.len() as u16,
        }
    }

    /// Which of its addresses the run's `connection`-th connection goes to, which is in room `room`.
    pub fn endpoint(&self, room: u32, connection: u32) -> u16 {
        let turn = match (&self.kind, self.assign) {
            (TargetKind::Bundled { division, .. }, Assign::Room) => return division.process_of(room),
            (_, Assign::Connection) => connection,
            (_, Assign::Room) => room,
        };
        (turn % u32::from(self.endpoints().max(1))) as u16
    }

    /// `ws` or `wss`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "wss" } else { "ws" }
    }

    /// The address that connections go to; a server that we start listens on loopback.
    pub fn ip(&self) -> IpAddr {
        match &self.kind {
            TargetKind::Bundled { .. } | TargetKind::Spawn { .. } => IpAddr::V4(Ipv4Addr::LOCALHOST),
            TargetKind::Url { endpoints, .. } => {
                endpoints.first().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |endpoint| endpoint.address.ip())
            }
        }
    }
}

/// How the server comes to be.
#[derive(Debug, Clone)]
pub enum TargetKind {
    /// `fanout serve` as a child, pinned away from the load generator.
    Bundled {
        /// Flags of the bundled server.
        flags: Vec<Flag>,
        /// Rooms by process: more connections than one may have descriptors need several, each with rooms of its own.
        division: Division,
    },
    /// A command that starts it. `{port}` in `command`, `env` and `ready` is already kept literal; `target` fills it in.
    Spawn {
        /// Program and arguments.
        command: Vec<String>,
        /// When it counts as up.
        ready: Ready,
        /// How long it may take.
        ready_timeout: Duration,
        /// Extra environment.
        env: Vec<(String, String)>,
        /// Working directory, resolved against the scenario file.
        cwd: Option<PathBuf>,
        /// What of all this came from the environment.
        secrets: Secrets,
    },
    /// A running server.
    Url {
        /// Where it listens: one address, or several that share the connections.
        endpoints: Vec<Endpoint>,
        /// Process to sample, where known.
        pid: Option<u32>,
    },
}

/// A flag of the bundled server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// As the scenario has it, with underscores: `lag_policy`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What of the value came from the environment, if anything did: such a flag goes to the server in the server's environment, which other users of the
    /// machine cannot read, as they can its command line.
    pub secrets: Option<Secrets>,
}

impl Flag {
    /// On the command line: `--lag-policy`.
    pub fn argument(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }

    /// In the environment: `FANOUT_LAG_POLICY`.
    pub fn variable(&self) -> String {
        format!("FANOUT_{}", self.name.to_ascii_uppercase())
    }
}

/// When a spawned server counts as up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// Its port accepts a connection.
    Tcp,
    /// This path answers 2xx.
    Http(String),
    /// Its stdout prints a line that contains this text.
    Line(String),
}
