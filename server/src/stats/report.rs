//! `/stats`: what all shards and the control thread have done.

use std::collections::BTreeMap;

use serde::Serialize;

use super::counters::{ChatCounters, PeerCode};
use super::front::{Front, Process, Service, Snapshot};
use super::listing::{RoomReport, join};
use super::shard::{ROOMS_LISTED, ShardReport, seconds};
use crate::accounts::Tally;
use crate::compression_report::CompressionReport;
use crate::loop_time::Turns;
use crate::rate::Limited;
use crate::variant::Kind;

/// `/stats`.
#[derive(Debug, Serialize)]
pub struct Report {
    uptime_s: f64,
    draining: bool,
    connections: usize,
    members: usize,
    members_by_variant: BTreeMap<&'static str, usize>,
    compression: CompressionReport,
    rooms: usize,
    #[serde(flatten)]
    sent: Sent,
    blocked_now: usize,
    lagged: Lagged,
    limited: Limited,
    control_floods: u64,
    slow_messages: u64,
    pings: u64,
    pongs: u64,
    closed: BTreeMap<u16, u64>,
    closed_by_peer: BTreeMap<PeerCode, u64>,
    protocol_errors: BTreeMap<String, u64>,
    chat: ChatCounters,
    log_bytes: usize,
    split_bytes: usize,
    #[serde(flatten)]
    front: Front,
    loop_turns: u64,
    loop_us: LoopUs,
    process: Process,
    per_shard: Vec<PerShard>,
    per_room: Vec<RoomReport>,
}

/// How long turns of the loop take, in microseconds; percentiles are at most a factor of two too high.
#[derive(Debug, Serialize)]
struct LoopUs {
    p50: u64,
    p99: u64,
    max: u64,
}

/// What a shard has and does, to see whether all have their share.
#[derive(Debug, Serialize)]
struct PerShard {
    shard: usize,
    connections: usize,
    members: usize,
    rooms: usize,
    copies: usize,
    deliveries: u64,
    parked_now: usize,
    parked: u64,
    delivery_queue_bytes: usize,
    publish_queue_bytes: usize,
    log_bytes: usize,
    loop_turns: u64,
    loop_us: LoopUs,
    asleep_s: f64,
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

/// Whether rooms are named one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomNames {
    /// The largest are.
    Shown,
    /// None is: `per_room` is empty.
    Withheld,
}

impl Report {
    /// Sums up.
    #[must_use]
    pub fn new(snapshot: &Snapshot, names: RoomNames) -> Self {
        let Snapshot { uptime_s, service, front, process, shards } = snapshot;
        let sum = |of: fn(&ShardReport) -> usize| shards.iter().map(|(_, shard)| of(shard)).sum();
        let add = |of: fn(&ShardReport) -> u64| shards.iter().map(|(_, shard)| of(shard)).sum::<u64>();
        let mut turns = Turns::default();
        for (_, shard) in shards {
            turns += &shard.loop_time.turns;
        }
        let mut report = Self {
            uptime_s: *uptime_s,
            draining: *service == Service::Draining,
            connections: sum(|s| s.connections),
            members: sum(|s| s.members),
            members_by_variant: Kind::ALL
                .map(|kind| {
                    let of = |shard: &ShardReport| shard.variants.get(kind.name()).copied().unwrap_or_default();
                    (kind.name(), shards.iter().map(|(_, shard)| of(shard)).sum())
                })
                .into(),
            compression: CompressionReport::of(shards),
            rooms: sum(|s| s.room_count),
            sent: Sent::of(shards),
            blocked_now: sum(|s| s.blocked),
            lagged: Lagged {
                disconnected: add(|s| s.counters.lagged),
                skipped_connections: add(|s| s.tally.skipped_connections),
                skipped_messages: add(|s| s.tally.skipped_messages),
            },
            limited: Limited::default(),
            control_floods: add(|s| s.counters.control_floods),
            slow_messages: add(|s| s.counters.slow_messages),
            pings: add(|s| s.counters.pings),
            pongs: add(|s| s.counters.pongs),
            closed: BTreeMap::new(),
            closed_by_peer: BTreeMap::new(),
            protocol_errors: BTreeMap::new(),
            chat: ChatCounters::default(),
            log_bytes: sum(|s| s.log_bytes),
            split_bytes: sum(|s| s.split_bytes),
            front: front.clone(),
            loop_turns: add(|s| s.counters.turns),
            loop_us: LoopUs::of(&turns),
            process: *process,
            per_shard: shards.iter().map(|(i, shard)| PerShard::of(*i, shard)).collect(),
            per_room: Vec::new(),
        };
        let mut parts = BTreeMap::new();
        for (_, shard) in shards {
            report.limited.add(&shard.counters.limited);
            for (code, count) in &shard.counters.closed {
                *report.closed.entry(*code).or_default() += count;
            }
            for (code, count) in &shard.counters.closed_by_peer {
                *report.closed_by_peer.entry(*code).or_default() += count;
            }
            for (name, count) in &shard.counters.protocol_errors {
                *report.protocol_errors.entry(name.clone()).or_default() += count;
            }
            report.chat.add(&shard.counters.chat);
            if names == RoomNames::Shown {
                shard.rooms.iter().for_each(|part| join(&mut parts, part.clone()));
            }
        }
        report.per_room = parts.into_values().collect();
        report.per_room.sort_by(|a, b| b.members.cmp(&a.members).then_with(|| a.name.cmp(&b.name)));
        report.per_room.truncate(ROOMS_LISTED);
        report
    }
}

impl Sent {
    fn of(shards: &[(usize, ShardReport)]) -> Self {
        let add = |of: fn(&Tally) -> u64| shards.iter().map(|(_, shard)| of(&shard.tally)).sum::<u64>();
        let (deliveries, sends) = (add(|tally| tally.deliveries), add(|tally| tally.sends));
        Self {
            publishes: add(|tally| tally.publishes),
            publish_bytes: add(|tally| tally.publish_bytes),
            deliveries,
            sends,
            bytes_sent: add(|tally| tally.bytes_sent),
            messages_per_send: if sends == 0 { 0.0 } else { deliveries as f64 / sends as f64 },
            partial_writes: add(|tally| tally.partial_writes),
        }
    }
}

impl LoopUs {
    fn of(turns: &Turns) -> Self {
        let us = |ns: u64| ns.div_ceil(1000);
        Self { p50: us(turns.at_most(0.5)), p99: us(turns.at_most(0.99)), max: us(turns.largest()) }
    }
}

impl PerShard {
    fn of(number: usize, shard: &ShardReport) -> Self {
        Self {
            shard: number,
            connections: shard.connections,
            members: shard.members,
            rooms: shard.room_count,
            copies: shard.copies,
            deliveries: shard.tally.deliveries,
            parked_now: shard.parked,
            parked: shard.counters.parked,
            delivery_queue_bytes: shard.delivery_bytes,
            publish_queue_bytes: shard.publish_bytes,
            log_bytes: shard.log_bytes,
            loop_turns: shard.counters.turns,
            loop_us: LoopUs::of(&shard.loop_time.turns),
            asleep_s: seconds(shard.loop_time.asleep),
        }
    }
}
