//! What a run will do, every default filled in and every name resolved: the scenario as the engine reads it.
//!
//! `scenario` makes a [`Plan`] from a file; everything downstream (`run`, `worker`, `pacer`, `validity`) reads only this.

mod division;
mod movements;
mod placing;
mod target;

pub use division::Division;
pub use movements::{Move, Movement, divided};
pub use placing::{Force, MOST_AGENTS, OTHER_DESCRIPTORS, Placing};
pub use target::{Assign, Checked, Endpoint, Flag, Ready, Target, TargetKind, Tls};

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wire::deflate::Offer;

use crate::dialect::Words;
use crate::feed::Feed;
use crate::http::{Destination, Route};
use crate::ledger::Rules;
use crate::life::{AtStart, Churn, Reconnect, is_among};
use crate::pacer::Pacer;
use crate::payload::PayloadSource;
use crate::thresholds::{Shape, Stretch, Threshold};
use crate::trace::Trace;

/// One resolved run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// One sentence for people; empty when the file has none.
    pub description: String,
    /// Seeds the schedule and every payload byte.
    pub seed: u64,
    /// Wait after the last join, before the first publish.
    pub settle: Duration,
    /// What arrives later than this after the last phase is lost.
    pub drain: Duration,
    /// Who is expected to receive a publish.
    pub mode: Mode,
    /// How a delivery is matched to its publish.
    pub correlate: Correlate,
    /// What is made of an observed feed; `None` in the other modes.
    pub observe: Option<Observe>,
    /// Largest schedule lag p99 of a valid run; `None`: the larger of 1 ms and 10 % of `latency.due.p99`.
    pub max_schedule_lag: Option<Duration>,
    /// The server under test.
    pub target: Target,
    /// Which WebSocket client drives the connections.
    pub client: ClientEngine,
    /// Every room of the run, by index; groups and publishers refer to these.
    pub rooms: Vec<String>,
    /// Groups of subscribers.
    pub groups: Vec<Group>,
    /// Groups of publishers.
    pub publishers: Vec<PublisherGroup>,
    /// Phases in order; connecting is not among them.
    pub phases: Vec<Phase>,
    /// One row a connection, where the scenario has a feed.
    pub feed: Option<Arc<Feed>>,
    /// Objectives of the run.
    pub thresholds: Vec<Threshold>,
    /// The resolved scenario for `run.json`, secrets redacted.
    pub resolved: serde_json::Value,
    /// What it was read from.
    pub origin: Origin,
}

/// What a plan was read from: another process that reads the same makes the same plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Names the file in errors; other files are relative to it.
    pub path: PathBuf,
    /// The text of the scenario.
    pub text: String,
    /// The variant that was asked for.
    pub variant: Option<String>,
    /// Overrides, such as `publishers.members.rate=50`.
    pub sets: Vec<String>,
}

/// Who is expected to receive a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Every subscriber of the room.
    Broadcast,
    /// Only the connection that sent it.
    Echo,
    /// Nothing is published: what anybody of a room received is expected to be received by all of it.
    Observe,
}

/// How a delivery is matched to its publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Correlate {
    /// By the stamp inside the payload.
    Stamp,
    /// By content and position within the room (always so for replayed traffic).
    Content,
    /// By content, against what others of the room received (always so for an observed feed).
    Observed,
}

/// `--client`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientEngine {
    /// Our own, on the worker's epoll.
    Native,
    /// tokio-tungstenite: the independent check.
    Tungstenite,
}

impl ClientEngine {
    /// As results name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Tungstenite => "tungstenite",
        }
    }
}

/// A group of subscribers.
#[derive(Debug, Clone)]
pub struct Group {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// How many connections it ever has at once.
    pub count: u32,
    /// How many of them are opened before the first phase; the others join while phases run.
    pub initial: u32,
    /// Room index of each connection (`rooms[i]`, length `count`).
    pub rooms: Vec<u32>,
    /// Connections a second while connecting.
    pub ramp: f64,
    /// Local addresses, used round robin; empty: the kernel's choice.
    pub source_ips: Vec<IpAddr>,
    /// Compression that is offered; `None`: none.
    pub compression: Option<Compression>,
    /// Share of the connections that agreed on compression whose messages are decompressed; frames of the others are counted.
    pub inflate: f64,
    /// Bytes that each connection reads a second, at most; `None`: as they come.
    pub read_bytes_per_s: Option<u64>,
    /// Planned leaves and returns, while phases run; `None`: it stays.
    pub churn: Option<Churn>,
    /// What a connection does that was closed; `None`: it stays closed.
    pub reconnect: Option<Reconnect>,
}

/// Compression that a group offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// What is offered.
    pub offer: Offer,
    /// What a server makes of it that does not agree to any.
    pub declined: Declined,
}

/// What becomes of a connection to a server that does not agree to compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declined {
    /// It goes on without.
    Plain,
    /// It has failed.
    Failed,
}

/// What is done with the messages of a connection that agreed on compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inflate {
    /// They are decompressed and verified.
    Verify,
    /// Their frames are counted.
    CountFrames,
}

impl Group {
    /// What is done with the messages of the group's connection `i`. The first is always verified.
    pub fn inflate(&self, i: u32) -> Inflate {
        if is_among(i, self.inflate) { Inflate::Verify } else { Inflate::CountFrames }
    }
}

/// A group of publishers.
#[derive(Debug, Clone)]
pub struct PublisherGroup {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// Who sends.
    pub from: From,
    /// When they send.
    pub arrival: Arrival,
    /// How they send.
    pub via: Via,
    /// What they send.
    pub payload: Arc<PayloadSource>,
}

impl PublisherGroup {
    /// How many of them have a connection of their own.
    pub fn own(&self) -> u32 {
        match &self.from {
            From::Separate(rooms) => rooms.len() as u32,
            From::Members { .. } => 0,
        }
    }
}

/// How publishes are sent.
#[derive(Debug, Clone)]
pub enum Via {
    /// Over the publisher's connection.
    Websocket,
    /// Each as a request, on a connection of the publisher's that stays open.
    Http(Arc<Route>),
}

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// Connections of their own, one a publisher; each entry is the room index it publishes to.
    /// They receive what the room sends; those copies are no deliveries.
    Separate(Vec<u32>),
    /// The connections of this subscriber group send; their own echo is a delivery.
    Members {
        /// Index into [`Plan::groups`].
        group: u32,
    },
}

impl From {
    /// How many connections send.
    pub fn count(&self, groups: &[Group]) -> u32 {
        match self {
            From::Separate(rooms) => rooms.len() as u32,
            From::Members { group } => groups[*group as usize].count,
        }
    }
}

/// When a publisher group sends.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// Evenly: the whole group together `rate` publishes a second at load 1, staggered over its members.
    Uniform {
        /// Publishes a second, the whole group together.
        rate: f64,
    },
    /// As a Poisson process with this mean rate for the whole group.
    Poisson {
        /// Publishes a second, the whole group together.
        rate: f64,
    },
    /// Closed loop: each publisher keeps this many unanswered; no due time.
    Closed {
        /// Unanswered publishes each publisher keeps.
        in_flight: u32,
    },
    /// A recorded trace at its own times.
    Replay {
        /// The trace. Publisher `i` of the group serves the trace's room `i`, named in [`Plan::rooms`].
        trace: Arc<Trace>,
        /// 2.0 plays twice as fast.
        speed: f64,
        /// Start again at the end for as long as phases last.
        repeat: bool,
    },
}

/// What is made of a feed that we do not publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observe {
    /// What its messages say of themselves.
    pub rules: Arc<Rules>,
    /// How far the sender's clock may be from UTC, where that is known.
    pub clock_error: Option<Duration>,
}

/// One phase.
#[derive(Debug, Clone)]
pub struct Phase {
    /// `[a-z0-9-]+`.
    pub name: String,
    /// How long; a replay phase has its trace's length divided by speed, filled in here.
    pub length: Duration,
    /// Whether it counts in the top-level figures.
    pub measure: bool,
    /// Times the publishers' rates at its start and end (equal unless it ramps).
    pub load: (f64, f64),
    /// Connections of each group at its end, where it grows or shrinks them.
    pub connections: Option<Vec<u32>>,
    /// What is done when it starts.
    pub at_start: Option<AtStart>,
}

impl Plan {
    /// Length of all phases together.
    pub fn length(&self) -> Duration {
        self.phases.iter().map(|p| p.length).sum()
    }

    /// Who joins and leaves during the phases, in order of time.
    pub fn movements(&self) -> Vec<Movement> {
        movements::movements(&self.groups, &self.phases)
    }

    /// What windows of thresholds are cut from.
    pub fn shape(&self) -> Shape {
        let stretch =
            |p: &Phase| Stretch { name: p.name.clone(), length_s: p.length.as_secs_f64(), measure: p.measure };
        Shape {
            groups: self.groups.iter().map(|group| group.name.clone()).collect(),
            phases: self.phases.iter().map(stretch).collect(),
        }
    }

    /// Subscribers of all groups, at their most.
    pub fn subscribers(&self) -> u32 {
        self.groups.iter().map(|g| g.count).sum()
    }

    /// Whether publishers post to the bundled server's operators' listener.
    pub fn needs_admin(&self) -> bool {
        self.publishers.iter().any(|p| matches!(&p.via, Via::Http(route) if route.to == Destination::Admin))
    }

    /// Everything of the run that is said through TLS: to the server, and to where messages are posted.
    pub fn tls(&self) -> impl Iterator<Item = &Tls> {
        let posts = self.publishers.iter().filter_map(|group| match &group.via {
            Via::Http(route) => route.tls.as_ref(),
            Via::Websocket => None,
        });
        self.target.tls.iter().chain(posts)
    }

    /// Connections of the run: subscribers, and publishers that have their own.
    pub fn connections(&self) -> u32 {
        self.first_connection(self.publishers.len())
    }

    /// Which connection of the run the first publisher of a group with connections of their own is.
    pub fn first_connection(&self, group: usize) -> u32 {
        let own = self.publishers[..group].iter().map(PublisherGroup::own);
        self.subscribers() + own.sum::<u32>()
    }

    /// What the texts of a dialect are filled with on a connection.
    pub fn words(&self, room: u32, connection: u32) -> Words<'_> {
        let room = self.rooms.get(room as usize).map_or("", String::as_str);
        let row = self.feed.as_ref().map_or(&[][..], |feed| feed.row(connection));
        Words { row, ..Words::of(room, connection) }
    }

    /// Connections of each room, separate publishers included, by index.
    pub fn connections_by_room(&self) -> Vec<u32> {
        let mut connections = vec![0; self.rooms.len()];
        let separate = self.publishers.iter().filter_map(|p| match &p.from {
            From::Separate(rooms) => Some(rooms),
            From::Members { .. } => None,
        });
        self.groups.iter().map(|g| &g.rooms).chain(separate).flatten().for_each(|&r| connections[r as usize] += 1);
        connections
    }

    /// Run-wide index of a publisher group's first publisher; its others follow.
    pub fn first_publisher(&self, group: usize) -> u32 {
        self.publishers[..group].iter().map(|g| g.from.count(&self.groups)).sum()
    }

    /// When the publishers of a group send.
    pub fn pacer(&self, group: usize) -> Pacer {
        let publishers = &self.publishers[group];
        // Groups share the run's seed; without the first index their Poisson arrivals would coincide.
        let seed = self.seed ^ (u64::from(self.first_publisher(group)) << 32);
        Pacer::new(&publishers.arrival, publishers.from.count(&self.groups), &self.phases, seed)
    }
}
