//! How long things took, and how sure that is.

use serde::{Deserialize, Serialize};

/// Percentiles; `None` where there is no such value (no samples, or it falls among the lost: so `max` is `None` as soon as
/// one is lost). `count` is what the percentiles are over, for `latency.due` all expected deliveries; `mean` is over what
/// arrived.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Quantiles {
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    pub p9999: Option<f64>,
    pub max: Option<f64>,
    pub mean: Option<f64>,
    pub count: u64,
}

/// Delivery latency.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Latency {
    /// Received less due, over *expected* deliveries; `None` in a closed loop.
    pub due: Option<Quantiles>,
    /// Received less sent, over what arrived.
    pub sent: Quantiles,
    /// Received less due, over what arrived (received less sent in a closed loop).
    pub arrived: Quantiles,
    /// Replayed after a resume.
    pub resumed: Quantiles,
    /// In echo mode, from a publish to its echo; in a closed loop, to the echo that frees its place.
    pub round_trip: Option<Quantiles>,
}

/// An observed feed, over the measured phases. A message is what anybody of its room received; the ledger says who missed it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// Messages, each counted once.
    pub messages: u64,
    /// Messages a second.
    pub messages_per_s: f64,
    /// Of the messages: with a timestamp within a minute of our clock.
    pub timed: u64,
    /// Of the messages: with a timestamp further away, which is in no latency.
    pub implausible: u64,
    /// Of the timed: with a timestamp later than their arrival, which counts as a latency of 0: the clocks differ.
    pub ahead: u64,
    /// By how much at most, microseconds: the least by which the clocks differ.
    pub ahead_most_us: u64,
    /// Of the messages: with a sequence number.
    pub numbered: u64,
    /// Jumps in the sequence numbers of a room: nobody here received what is between.
    pub gaps: u64,
    /// Numbers left out by these.
    pub gap_messages: u64,
    /// Sequence numbers no higher than the one before.
    pub went_back: u64,
    /// Received less the message's own timestamp, over expected deliveries (over those that arrived, where some messages have none);
    /// `None` without a timestamp. Never corrected: `clock` says how far it can be wrong.
    pub latency: Option<Quantiles>,
    /// How far the clocks can be apart; `None` without a timestamp.
    pub clock: Option<ClockBound>,
}

/// How far a latency between two clocks can be wrong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ClockBound {
    /// The timestamps are of this machine's clock.
    pub same_host: bool,
    /// At most this, microseconds, either way; `None`: not known.
    pub error_us: Option<f64>,
    /// What the timestamp counts, microseconds: by up to this much latencies are too long.
    pub step_us: f64,
    /// In words.
    pub words: String,
}

/// Fan-out of a message over its subscribers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Spread {
    /// First subscriber, less sent, per message.
    pub first: Quantiles,
    /// Last subscriber, less sent, per message.
    pub last: Quantiles,
    /// Last less first, per message.
    pub last_less_first: Quantiles,
    /// Median subscriber less sent, over the sample.
    pub median: Quantiles,
    /// 99 % subscriber less sent, over the sample.
    pub p99: Quantiles,
    /// How many messages the sample has.
    pub sampled: u64,
}
