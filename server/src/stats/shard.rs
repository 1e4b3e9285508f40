//! What a shard says of itself when it is asked.

use std::collections::BTreeMap;

use super::counters::Counters;
use super::listing::RoomReport;
use crate::accounts::Tally;
use crate::compression_report::DeflateReport;
use crate::loop_time::LoopTime;

/// Rooms named one by one in a report.
pub const ROOMS_LISTED: usize = 100;

/// What a shard says of itself.
#[derive(Debug, Default)]
pub struct ShardReport {
    /// Connections of WebSocket and event streams.
    pub connections: usize,
    /// Members that cannot be written to now.
    pub blocked: usize,
    /// Members of rooms.
    pub members: usize,
    /// The same, by the kind of what they receive.
    pub variants: BTreeMap<&'static str, usize>,
    /// Rooms whose messages it numbers.
    pub room_count: usize,
    /// Its copies of rooms of other shards.
    pub copies: usize,
    /// Connections that are not read because a letter box of another shard is full.
    pub parked: usize,
    /// Bytes in its letter box of deliveries.
    pub delivery_bytes: usize,
    /// Bytes in its letter box of publishes.
    pub publish_bytes: usize,
    /// The first [`ROOMS_LISTED`] of rooms and copies, those with most members first.
    pub rooms: Vec<RoomReport>,
    /// What rooms did.
    pub tally: Tally,
    /// What else happened.
    pub counters: Counters,
    /// Bytes of logs.
    pub log_bytes: usize,
    /// Bytes of rests of frames.
    pub split_bytes: usize,
    /// Its compressors.
    pub deflate: DeflateReport,
    /// Its turns and its sleep.
    pub loop_time: LoopTime,
    /// Members of rooms, by how they receive.
    pub kinds: BTreeMap<&'static str, usize>,
    /// What happens to members too slow, by the flag's value.
    pub lag_policy: &'static str,
}

/// Nanoseconds as seconds.
#[must_use]
pub fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
