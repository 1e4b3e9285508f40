//! Is this run to be believed? Rules about what the **load generator** did wrong; what the server did wrong is a result.
//!
//! Each broken rule becomes a [`Reason`]: its name, the figure, and what to do about it.

use serde::{Deserialize, Serialize};

use crate::result::{Deliveries, Latency, Reason, Validity};

mod rules;
#[cfg(test)]
mod tests;

pub use rules::SENT_LATE;

/// The p99 that a run claims, which its own measuring error must stay well below. Microseconds; `None` where nothing
/// arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Claim {
    /// `latency.due.p99`.
    Due(Option<f64>),
    /// `latency.arrived.p99`, where the due one falls among the lost.
    Arrived(Option<f64>),
    /// `observe.latency.p99`, where an observed feed says when it was sent.
    Observed(Option<f64>),
    /// `latency.sent.p99`: a closed loop has no due times.
    Sent(Option<f64>),
}

impl Claim {
    /// What a run with these latencies claims.
    #[must_use]
    pub fn of(latency: &Latency) -> Self {
        match &latency.due {
            None => Self::Sent(latency.sent.p99),
            Some(due) if due.p99.is_none() => Self::Arrived(latency.arrived.p99),
            Some(due) => Self::Due(due.p99),
        }
    }

    /// Its value, in microseconds.
    #[must_use]
    pub fn us(self) -> Option<f64> {
        let (Self::Due(us) | Self::Arrived(us) | Self::Sent(us) | Self::Observed(us)) = self;
        us
    }

    /// Its metric path.
    #[must_use]
    pub fn metric(self) -> &'static str {
        match self {
            Self::Due(_) => "latency.due.p99",
            Self::Arrived(_) => "latency.arrived.p99",
            Self::Sent(_) => "latency.sent.p99",
            Self::Observed(_) => "observe.latency.p99",
        }
    }
}

/// Something of the load generator's own that ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RanOut {
    /// File descriptors (EMFILE, ENFILE).
    Descriptors,
    /// Local ports (EADDRNOTAVAIL).
    Ports,
    /// Memory (ENOMEM, ENOBUFS).
    Memory,
}

/// One second of the load generator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnSecond {
    /// CPU used, as a share of the cores that its workers have: 1.0 is all of them busy.
    pub cpu_share: f64,
    /// Schedule lag p99 within this second, in microseconds; `None` where nothing was due (always so in a closed loop).
    pub lag_p99: Option<f64>,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Messages are published and must arrive.
    Publish,
    /// Connections are held; nothing is published.
    Hold,
}

/// What the rules look at. Everything covers the measured phases only.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// p99 of the age of the last return from `epoll_wait` over deliveries, in microseconds; `None`: no deliveries.
    pub read_age_p99: Option<f64>,
    /// The p99 that the report leads with.
    pub claimed: Claim,
    /// p99 of how late publishes were sent while their socket was writable, in microseconds; `None` in a closed loop.
    pub schedule_lag_p99: Option<f64>,
    /// The scenario's `max_schedule_lag`, in microseconds; `None`: the larger of 1 ms and 10 % of the claimed p99.
    pub max_schedule_lag: Option<f64>,
    /// The load generator second by second.
    pub seconds: Vec<OwnSecond>,
    /// What the run is for.
    pub purpose: Purpose,
    /// Publishes that the schedule asked for; in a closed loop those sent.
    pub publishes_due: u64,
    /// Publishes that were due, were not sent, and could have been: the socket was open and writable.
    pub unsent_by_us: u64,
    /// Connections or reads that failed for something of our own.
    pub ran_out: Vec<(RanOut, u64)>,
    /// The ledger.
    pub deliveries: Deliveries,
    /// How many of the deliveries counted (delivered and corrupted) can be: in each phase and group of subscribers at most as
    /// many as were expected there.
    pub deliveries_possible: u64,
    /// Connections that the server refused or dropped: a reason for nothing to be expected that is not ours.
    pub turned_away: u64,
    /// Connections that ended as the scenario wanted it.
    pub left: u64,
    /// Length of the phases as they were, in seconds.
    pub elapsed_s: f64,
    /// Length of the phases as they were planned, in seconds.
    pub planned_s: f64,
    /// How often the clock read earlier than before.
    pub clock_went_back: u64,
    /// Latencies too large for the histogram.
    pub clamped: u64,
}

/// Judges a run.
#[must_use]
pub fn judge(evidence: &Evidence) -> Validity {
    let reasons: Vec<Reason> = rules::ALL.iter().filter_map(|rule| rule(evidence)).collect();
    Validity { valid: reasons.is_empty(), reasons }
}
