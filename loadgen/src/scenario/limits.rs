//! Whether this machine can do what a scenario asks: descriptors, ports, memory, time.

use std::io;
use std::time::Duration;

use crate::pacer::work_seconds;
use crate::plan::{Arrival, From, Plan};

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

/// Descriptors beside the connections: epoll sets, files, the server's pipes, its samples.
pub(super) const OTHER_DESCRIPTORS: u64 = 200;

/// What a run needs of the machine; estimates, except for the counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Needs {
    /// Subscribers and separate publishers.
    pub connections: u32,
    /// Open descriptors of the load generator.
    pub descriptors: u64,
    /// Ports of the source address that opens the most connections.
    pub ports_per_address: u32,
    /// Publishes by the schedule; `None` in a closed loop.
    pub publishes: Option<u64>,
    /// Memory of the load generator and of the kernel for both ends of its connections, bytes.
    pub memory_bytes: u64,
    /// From the first connection to the end of drain, when nothing is late.
    pub duration: Duration,
}

/// Resident memory of the load generator before its first connection.
const BASE_BYTES: u64 = 16 << 20;
/// Its own and the kernel's memory for a connection and its other end.
const CONNECTION_BYTES: u64 = 500 + 6600;
/// What a publish leaves behind until the end: when it was due and sent, and how far it got.
const PUBLISH_BYTES: u64 = 40;

/// What a plan needs.
pub fn needs(plan: &Plan) -> Needs {
    let subscribers = plan.subscribers();
    let own: u32 =
        plan.publishers.iter().map(|p| if let From::Separate(rooms) = &p.from { rooms.len() as u32 } else { 0 }).sum();
    let connections = subscribers + own;
    let unbound: u32 = plan.groups.iter().filter(|g| g.source_ips.is_empty()).map(|g| g.count).sum();
    let bound = plan
        .groups
        .iter()
        .filter(|g| !g.source_ips.is_empty())
        .map(|g| g.count.div_ceil(g.source_ips.len() as u32))
        .max();
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
    let ramp = plan.groups.iter().map(|g| f64::from(g.count) / g.ramp).fold(0.0, f64::max);
    Needs {
        connections,
        descriptors: u64::from(connections) + OTHER_DESCRIPTORS,
        ports_per_address: (unbound + own).max(bound.unwrap_or(0)),
        publishes,
        memory_bytes: BASE_BYTES
            + u64::from(connections) * CONNECTION_BYTES
            + publishes.unwrap_or(0).min(1 << 40) * PUBLISH_BYTES
            + trace,
        duration: Duration::try_from_secs_f64(ramp)
            .unwrap_or(Duration::MAX)
            .saturating_add(plan.settle)
            .saturating_add(plan.length()),
    }
}

/// Publishes that the schedule holds; `None` when a closed loop decides.
fn publishes(plan: &Plan) -> Option<u64> {
    let work = work_seconds(&plan.phases);
    plan.publishers
        .iter()
        .map(|group| match &group.arrival {
            Arrival::Uniform { rate } | Arrival::Poisson { rate } => Some((rate * work).round() as u64),
            Arrival::Closed { .. } => None,
            Arrival::Replay { trace, speed, repeat } => {
                let passes = work * 1e6 * speed / trace.length_us() as f64;
                let passes = if *repeat { passes } else { passes.min(1.0) };
                let players = u64::from(group.from.count(&plan.groups)) / (trace.rooms.len() as u64).max(1);
                Some((passes * trace.messages.len() as f64).round() as u64 * players.max(1))
            }
        })
        .try_fold(0u64, |sum, group: Option<u64>| Some(sum.saturating_add(group?)))
}
