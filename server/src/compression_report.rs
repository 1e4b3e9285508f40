//! Pure: what `/stats` says of compression.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::compressors::{Compressors, DeflateTally};
use crate::stats::{ShardReport, seconds};
use crate::variant::{Kind, Volumes};

/// What a shard's compressors did and what they hold.
#[derive(Debug, Default, Clone, Copy)]
pub struct DeflateReport {
    /// What they did.
    pub tally: DeflateTally,
    /// How many there are.
    pub compressors: usize,
    /// Bytes that they hold.
    pub memory: usize,
    /// Bytes that they may hold.
    pub limit: usize,
}

impl DeflateReport {
    /// As it stands.
    #[must_use]
    pub fn of(compressors: &Compressors) -> Self {
        Self {
            tally: compressors.tally,
            compressors: compressors.in_use(),
            memory: compressors.memory(),
            limit: compressors.limit(),
        }
    }
}

/// What was compressed, by which variant members receive it, and what it took.
#[derive(Debug, Serialize)]
pub struct CompressionReport {
    variants: BTreeMap<&'static str, VolumeReport>,
    compressed: u64,
    under_threshold: u64,
    beyond_window: u64,
    resets: u64,
    moves: u64,
    cpu_s: f64,
    compressors: usize,
    memory_bytes: usize,
    memory_limit: usize,
    refused: u64,
}

/// Messages that were made into a variant's frames, once for all its members in a room; `plain_bytes` and `frame_bytes` are before and after.
/// Plain frames are not made, only sent.
#[derive(Debug, Serialize)]
pub struct VolumeReport {
    messages: u64,
    plain_bytes: u64,
    frame_bytes: u64,
    sent_bytes: u64,
}

impl CompressionReport {
    /// Sums up.
    #[must_use]
    pub fn of(shards: &[(usize, ShardReport)]) -> Self {
        let add = |of: fn(&DeflateReport) -> u64| shards.iter().map(|(_, shard)| of(&shard.deflate)).sum::<u64>();
        let sum = |of: fn(&DeflateReport) -> usize| shards.iter().map(|(_, shard)| of(&shard.deflate)).sum();
        let variants = Kind::ALL.map(|kind| {
            let mut sums = VolumeReport { messages: 0, plain_bytes: 0, frame_bytes: 0, sent_bytes: 0 };
            for (_, shard) in shards {
                let volumes: &Volumes = &shard.tally.volumes;
                sums.messages += volumes.of(kind).messages;
                sums.plain_bytes += volumes.of(kind).plain_bytes;
                sums.frame_bytes += volumes.of(kind).frame_bytes;
                sums.sent_bytes += volumes.of(kind).sent_bytes;
            }
            (kind.name(), sums)
        });
        Self {
            variants: variants.into(),
            compressed: add(|d| d.tally.compressed),
            under_threshold: add(|d| d.tally.under_threshold),
            beyond_window: add(|d| d.tally.beyond_window),
            resets: add(|d| d.tally.resets),
            moves: add(|d| d.tally.moves),
            cpu_s: seconds(add(|d| d.tally.ns)),
            compressors: sum(|d| d.compressors),
            memory_bytes: sum(|d| d.memory),
            memory_limit: sum(|d| d.limit),
            refused: add(|d| d.tally.refused),
        }
    }
}
