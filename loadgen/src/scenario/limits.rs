//! Whether this machine can do what a scenario asks: descriptors, ports, memory, time.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use wire::deflate::Context;

use crate::ledger::PUBLISH_BYTES;
use crate::pacer::work_seconds;
use crate::plan::{Arrival, Force, From, Mode, OTHER_DESCRIPTORS, Plan, PublisherGroup, Via};
use crate::scenario::expected;

/// What this machine allows one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open descriptors, at most.
    pub descriptors: u64,
    /// Connections from one source address to one destination, at most.
    pub ports: u32,
}

impl Limits {
    /// The limits of the machine that this runs on.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn of_this_machine() -> io::Result<Self> {
        let ports = net::ephemeral_ports()?;
        Ok(Self {
            descriptors: net::descriptors()?.hard,
            ports: u32::from(*ports.end()).saturating_sub(u32::from(*ports.start())) + 1,
        })
    }
}

/// Whether connections can come from this address. Where that cannot be tried, the run will tell.
pub(super) fn is_local(address: IpAddr) -> bool {
    net::is_local(address).unwrap_or(true)
}

/// Descriptors that the bundled server keeps for other things than connections.
const SERVER_DESCRIPTORS: u64 = 500;

/// Connections that the bundled server takes on this machine when nothing else is asked of it.
pub(super) fn bundled_connections(limits: &Limits) -> u64 {
    limits.descriptors.saturating_sub(SERVER_DESCRIPTORS).max(1)
}

/// What a run needs of the machine; estimates, except for the counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Needs {
    /// Subscribers and separate publishers.
    pub connections: u32,
    /// Open descriptors of the load generator, all its processes together.
    pub descriptors: u64,
    /// Ports of the source address that opens the most connections to one server.
    pub ports_per_address: u32,
    /// Servers that fanout starts, or the one that runs already.
    pub servers: u16,
    /// Publishes by the schedule; `None` in a closed loop.
    pub publishes: Option<u64>,
    /// Copies of them that arrive if nothing is lost, those to senders included; `None` in a closed loop and of an observed feed.
    pub deliveries: Option<u64>,
    /// Memory of the load generator and of the kernel for both ends of its connections, bytes.
    pub memory_bytes: u64,
    /// What may come on top where compression keeps context and no two connections of a room receive the same bytes, bytes.
    pub inflaters_bytes: u64,
    /// From the first connection to the last publish, when nothing is late.
    pub duration: Duration,
}

/// Resident memory of the load generator before its first connection.
const BASE_BYTES: u64 = 16 << 20;
/// Its own and the kernel's memory for a connection and its other end.
const CONNECTION_BYTES: u64 = 500 + 6600;
/// Header of a message's frame, at most, in the bytes that a room keeps.
const HEADER_BYTES: u64 = 10;
/// A worker keeps this much of the frames received, for connections that are behind.
const HELD_BYTES: u64 = 64 << 20;

/// A decompressor of a connection of its own, with what it has given out last: measured.
pub const INFLATER_BYTES: u64 = 48_100;
/// What a connection that agreed on compression keeps beside: its place in a stream.
const FOLLOWER_BYTES: u64 = 48;
/// What a room keeps of each message that came compressed: where its frame ends in the stream, and which message it is.
const ITEM_BYTES: u64 = 24;

/// What a plan needs.
pub fn needs(plan: &Plan) -> Needs {
    let connections = plan.connections();
    let publishes = publishes(plan);
    let trace: u64 = plan
        .publishers
        .iter()
        .map(|p| {
            if let Arrival::Replay { trace, .. } = &p.arrival {
                trace.payload_bytes() + 32 * trace.messages.len() as u64
            } else {
                0
            }
        })
        .sum();
    let compressed = || plan.groups.iter().filter(|g| g.compression.is_some());
    let with_context = compressed().filter(|g| g.compression.is_some_and(|c| c.offer.context == Context::Kept));
    // The share that is decompressed; each room has a decompressor in any case.
    let inflated: u64 = with_context.map(|g| (f64::from(g.count) * g.inflate).ceil() as u64).sum();
    let followers: u64 = compressed().map(|g| u64::from(g.count)).sum();
    let streams = match plan.mode {
        Mode::Broadcast | Mode::Observe => compressed().flat_map(|g| &g.rooms).collect::<HashSet<_>>().len() as u64,
        // Everybody hears himself alone.
        Mode::Echo => followers,
    };
    let ramp = plan.groups.iter().map(|g| f64::from(g.initial) / g.ramp).fold(0.0, f64::max);
    Needs {
        connections,
        descriptors: u64::from(connections) + OTHER_DESCRIPTORS,
        ports_per_address: ports_per_address(plan),
        servers: plan.target.endpoints(),
        publishes,
        deliveries: expected::deliveries(plan),
        memory_bytes: BASE_BYTES
            + u64::from(connections) * CONNECTION_BYTES
            + publishes.unwrap_or(0).min(1 << 40) * PUBLISH_BYTES
            + frame_bytes(plan).min(HELD_BYTES)
            + trace
            + followers * FOLLOWER_BYTES
            + streams * INFLATER_BYTES
            + if streams > 0 { publishes.unwrap_or(0).min(1 << 40) * ITEM_BYTES } else { 0 },
        inflaters_bytes: inflated.saturating_sub(streams) * INFLATER_BYTES,
        duration: Duration::try_from_secs_f64(ramp)
            .unwrap_or(Duration::MAX)
            .saturating_add(plan.settle)
            .saturating_add(plan.length()),
    }
}

/// How many processes a run has on a machine with these limits, with at least one worker for each of `cpus`.
pub fn agents_needed(plan: &Plan, limits: &Limits, cpus: u16) -> Option<Force> {
    Force::fewest(plan, cpus, limits.descriptors)
}

/// Ports of the source address that opens the most connections to one server. The kernel connects to loopback from 127.0.0.1
/// (or ::1), and to any other server from an address that is not among `source_ips`, for all we know.
fn ports_per_address(plan: &Plan) -> u32 {
    let usual = Some(plan.target.ip()).filter(IpAddr::is_loopback).map(|ip| match ip {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => ip,
    });
    // A port is taken towards one address of the server only; where publishers over HTTP connect to, others do not.
    let mut ports: HashMap<(Option<IpAddr>, u16), u32> = HashMap::new();
    let mut open = |from, room, connection| {
        *ports.entry((from, plan.target.endpoint(room, connection))).or_default() += 1;
    };
    let speaking = plan.publishers.iter().enumerate().filter(|(_, group)| matches!(group.via, Via::Websocket));
    for (index, group) in speaking {
        if let From::Separate(rooms) = &group.from {
            (plan.first_connection(index)..).zip(rooms).for_each(|(connection, room)| open(usual, *room, connection));
        }
    }
    let mut connection = 0;
    for group in &plan.groups {
        let mut turns = group.source_ips.iter().map(|ip| Some(*ip)).cycle();
        for room in &group.rooms {
            open(turns.next().unwrap_or(usual), *room, connection);
            connection += 1;
        }
    }
    ports.into_values().max().unwrap_or(0)
}

/// Bytes of all frames of the schedule; 0 in a closed loop.
fn frame_bytes(plan: &Plan) -> u64 {
    let bytes = |group: &PublisherGroup| {
        publishes_of(group, plan).map_or(0, |n| n.saturating_mul(group.payload.mean_size() + HEADER_BYTES))
    };
    plan.publishers.iter().map(bytes).fold(0, u64::saturating_add)
}

/// Publishes that the schedule holds; `None` when a closed loop decides.
fn publishes(plan: &Plan) -> Option<u64> {
    plan.publishers.iter().try_fold(0u64, |sum, group| Some(sum.saturating_add(publishes_of(group, plan)?)))
}

fn publishes_of(group: &PublisherGroup, plan: &Plan) -> Option<u64> {
    let work = work_seconds(&plan.phases);
    match &group.arrival {
        Arrival::Uniform { rate } | Arrival::Poisson { rate } => Some((rate * work).round() as u64),
        Arrival::Closed { .. } => None,
        Arrival::Replay { trace, speed, repeat } => {
            let passes = work * 1e6 * speed / trace.length_us() as f64;
            let passes = if *repeat { passes } else { passes.min(1.0) };
            let players = u64::from(group.from.count(&plan.groups)) / (trace.rooms.len() as u64).max(1);
            Some((passes * trace.messages.len() as f64).round() as u64 * players.max(1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_server_takes_as_many_connections_as_it_says_itself() {
        let limits = Limits::of_this_machine().unwrap();
        let server = server::Config::from_flags(server::Flags::default()).unwrap();
        assert_eq!(bundled_connections(&limits), server.max_connections as u64);
    }
}
