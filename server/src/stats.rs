//! What the server has done: plain counters a thread, summed when somebody asks.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::accounts::Tally;

/// Rooms named one by one in a report.
pub const ROOMS_LISTED: usize = 100;

/// A shard's counters beside those of its rooms.
#[derive(Debug, Default, Clone)]
pub struct Counters {
    /// Pings sent to silent peers.
    pub pings: u64,
    /// Pongs received.
    pub pongs: u64,
    /// Connections that ended, by close code; 1006 without a close frame.
    pub closed: BTreeMap<u16, u64>,
    /// Violations by peers, by name.
    pub protocol_errors: BTreeMap<String, u64>,
    /// Members closed by the lag policy or the write timeout.
    pub lagged: u64,
    /// Turns of the loop.
    pub turns: u64,
}

/// What a shard says of itself.
#[derive(Debug, Default)]
pub struct ShardReport {
    /// WebSocket connections.
    pub connections: usize,
    /// Members that cannot be written to now.
    pub blocked: usize,
    /// Members of rooms.
    pub members: usize,
    /// All rooms there are.
    pub room_count: usize,
    /// The first [`ROOMS_LISTED`] of them, those with most members first.
    pub rooms: Vec<RoomReport>,
    /// What rooms did.
    pub tally: Tally,
    /// What else happened.
    pub counters: Counters,
    /// Bytes of logs.
    pub log_bytes: usize,
    /// Bytes of rests of frames.
    pub split_bytes: usize,
}

/// One room.
#[derive(Debug, Clone, Serialize)]
pub struct RoomReport {
    /// Its name.
    pub name: String,
    /// Its members.
    pub members: usize,
    /// Of them, those that cannot be written to now.
    pub blocked: usize,
    /// Messages published in it; also the next one's index.
    pub index: u64,
    /// Bytes that its log occupies.
    pub log_bytes: usize,
    /// Which log, in base 36.
    pub generation: String,
}

/// The control thread's counters.
#[derive(Debug, Default, Clone)]
pub struct Front {
    /// Connections accepted, for WebSocket or not.
    pub accepted: u64,
    /// Upgrades and requests refused, by HTTP status.
    pub refused: BTreeMap<u16, u64>,
    /// Failures to accept.
    pub accept_errors: u64,
    /// Connections that ended, or ran out of time, before their request was answered.
    pub handshake_failures: u64,
}

/// `/stats`.
#[derive(Debug, Serialize)]
pub struct Report {
    uptime_s: f64,
    draining: bool,
    connections: usize,
    members: usize,
    rooms: usize,
    #[serde(flatten)]
    sent: Sent,
    blocked_now: usize,
    lagged: Lagged,
    pings: u64,
    pongs: u64,
    closed: BTreeMap<u16, u64>,
    protocol_errors: BTreeMap<String, u64>,
    log_bytes: usize,
    split_bytes: usize,
    accepted: u64,
    refused: BTreeMap<u16, u64>,
    accept_errors: u64,
    handshake_failures: u64,
    loop_turns: u64,
    per_room: Vec<RoomReport>,
}

#[derive(Debug, Serialize)]
struct Sent {
    publishes: u64,
    publish_bytes: u64,
    deliveries: u64,
    sends: u64,
    bytes_sent: u64,
    messages_per_send: f64,
    partial_writes: u64,
}

#[derive(Debug, Serialize)]
struct Lagged {
    disconnected: u64,
    skipped_connections: u64,
    skipped_messages: u64,
}

/// Whether the server still takes connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// It does.
    Open,
    /// It is closing those it has.
    Draining,
}

impl Report {
    /// Sums up.
    #[must_use]
    pub fn new(uptime_s: f64, service: Service, front: Front, shards: Vec<ShardReport>) -> Self {
        let sum = |of: fn(&ShardReport) -> usize| shards.iter().map(of).sum();
        let add = |of: fn(&ShardReport) -> u64| shards.iter().map(of).sum::<u64>();
        let (deliveries, sends) = (add(|s| s.tally.deliveries), add(|s| s.tally.sends));
        let mut report = Self {
            uptime_s,
            draining: service == Service::Draining,
            connections: sum(|s| s.connections),
            members: sum(|s| s.members),
            rooms: sum(|s| s.room_count),
            sent: Sent {
                publishes: add(|s| s.tally.publishes),
                publish_bytes: add(|s| s.tally.publish_bytes),
                deliveries,
                sends,
                bytes_sent: add(|s| s.tally.bytes_sent),
                messages_per_send: if sends == 0 { 0.0 } else { deliveries as f64 / sends as f64 },
                partial_writes: add(|s| s.tally.partial_writes),
            },
            blocked_now: sum(|s| s.blocked),
            lagged: Lagged {
                disconnected: add(|s| s.counters.lagged),
                skipped_connections: add(|s| s.tally.skipped_connections),
                skipped_messages: add(|s| s.tally.skipped_messages),
            },
            pings: add(|s| s.counters.pings),
            pongs: add(|s| s.counters.pongs),
            closed: BTreeMap::new(),
            protocol_errors: BTreeMap::new(),
            log_bytes: sum(|s| s.log_bytes),
            split_bytes: sum(|s| s.split_bytes),
            accepted: front.accepted,
            refused: front.refused,
            accept_errors: front.accept_errors,
            handshake_failures: front.handshake_failures,
            loop_turns: add(|s| s.counters.turns),
            per_room: Vec::new(),
        };
        for shard in shards {
            for (code, count) in shard.counters.closed {
                *report.closed.entry(code).or_default() += count;
            }
            for (name, count) in shard.counters.protocol_errors {
                *report.protocol_errors.entry(name).or_default() += count;
            }
            report.per_room.extend(shard.rooms);
        }
        report.per_room.sort_by(|a, b| b.members.cmp(&a.members).then_with(|| a.name.cmp(&b.name)));
        report.per_room.truncate(ROOMS_LISTED);
        report
    }
}
