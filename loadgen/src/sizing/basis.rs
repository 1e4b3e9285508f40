//! Whether a figure is measured, interpolated or extrapolated: it says so itself.

use serde::Serialize;

use super::load::Load;
use crate::analyse::{Estimate, Interval};

/// Loads this near to each other are the same.
const NEAR: f64 = 1.05;
/// Beyond this many times what was measured, a figure says so loudly.
pub const FAR: f64 = 2.0;

/// A figure, its 95 % interval and where it stands to what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// The value.
    pub value: f64,
    /// Where the value of one further run lies in 95 of 100 cases; `None`: too few runs to say.
    pub interval: Option<Interval>,
    /// Where it stands.
    #[serde(flatten)]
    pub basis: Basis,
}

/// Where a figure stands to what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "basis", content = "beyond")]
pub enum Basis {
    /// A run was made at this load.
    Measured,
    /// Between loads at which runs were made.
    Interpolated,
    /// Beyond them in at least one respect; the furthest first.
    Extrapolated(Vec<Beyond>),
}

/// A respect in which a load is beyond what was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beyond {
    /// Which, such as `connections`.
    pub what: String,
    /// Of the load that is planned for.
    pub asked: f64,
    /// The lowest that was measured.
    pub low: f64,
    /// The highest that was measured.
    pub high: f64,
    /// How many times beyond the nearer of them; above 1.
    pub times: f64,
}

/// A respect in which loads differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Respect {
    Connections,
    Rooms,
    Deliveries,
    /// Deliveries a second for each connection.
    PerConnection,
    /// Deliveries for each publish.
    FanOut,
    MessageBytes,
    Cores,
}

impl Respect {
    fn words(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Rooms => "rooms",
            Self::Deliveries => "deliveries/s",
            Self::PerConnection => "deliveries/s a connection",
            Self::FanOut => "deliveries a publish",
            Self::MessageBytes => "bytes a message",
            Self::Cores => "cores",
        }
    }

    /// `None` where a load has no such figure.
    fn of(self, load: &Load) -> Option<f64> {
        let value = match self {
            Self::Connections => load.connections,
            Self::Rooms => load.rooms?,
            Self::Deliveries => load.deliveries_per_s,
            Self::PerConnection => load.deliveries_per_s / load.connections,
            Self::FanOut => load.deliveries_per_s / load.publishes_per_s,
            Self::MessageBytes => load.message_bytes?,
            Self::Cores => return None,
        };
        (value.is_finite() && value > 0.0).then_some(value)
    }
}

impl Basis {
    /// Of a load, in these respects, after runs at these levels.
    pub(super) fn of(asked: &Load, levels: &[Load], respects: &[Respect]) -> Self {
        let known: Vec<(Respect, f64)> =
            respects.iter().filter_map(|respect| Some((*respect, respect.of(asked)?))).collect();
        let mut beyond: Vec<Beyond> = known
            .iter()
            .filter_map(|(respect, value)| {
                let measured: Vec<f64> = levels.iter().filter_map(|level| respect.of(level)).collect();
                Beyond::of(*respect, *value, &measured)
            })
            .collect();
        if !beyond.is_empty() {
            beyond.sort_by_key(Beyond::rank);
            return Self::Extrapolated(beyond);
        }
        let near = |level: &Load| {
            known.iter().all(|(respect, value)| respect.of(level).is_none_or(|at| (at / value).max(value / at) <= NEAR))
        };
        if levels.iter().any(near) { Self::Measured } else { Self::Interpolated }
    }

    /// Two figures that are added up are as sure as the less sure of them.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Extrapolated(mut a), Self::Extrapolated(b)) => {
                b.into_iter().for_each(|one| {
                    if a.iter().all(|known| known.what != one.what) {
                        a.push(one)
                    }
                });
                a.sort_by_key(Beyond::rank);
                Self::Extrapolated(a)
            }
            (Self::Extrapolated(beyond), _) | (_, Self::Extrapolated(beyond)) => Self::Extrapolated(beyond),
            (Self::Interpolated, _) | (_, Self::Interpolated) => Self::Interpolated,
            (Self::Measured, Self::Measured) => Self::Measured,
        }
    }

    /// The furthest beyond, where it is more than twice.
    #[must_use]
    pub fn far(&self) -> Option<&Beyond> {
        match self {
            Self::Extrapolated(beyond) => beyond.first().filter(|one| one.times > FAR),
            Self::Measured | Self::Interpolated => None,
        }
    }
}

impl Beyond {
    /// The furthest first; what differs by less than a hundredth stays in its order.
    fn rank(&self) -> i64 {
        -(self.times.ln() * 100.0).round() as i64
    }

    /// `None`: within what was measured, or nothing is known to be beyond of.
    pub(super) fn of(respect: Respect, asked: f64, measured: &[f64]) -> Option<Self> {
        let low = measured.iter().copied().min_by(f64::total_cmp)?;
        let high = measured.iter().copied().max_by(f64::total_cmp)?;
        let times = (asked / high).max(low / asked);
        (times > NEAR).then(|| Self { what: respect.words().to_owned(), asked, low, high, times })
    }
}

impl Figure {
    pub(super) fn new(estimate: Estimate, basis: Basis) -> Self {
        Self { value: estimate.value, interval: estimate.interval, basis }
    }

    /// The same, so many times.
    pub(super) fn times(&self, factor: f64) -> Self {
        let interval = self.interval.map(|i| Interval { low: i.low * factor, high: i.high * factor });
        Self { value: self.value * factor, interval, basis: self.basis.clone() }
    }

    /// The sum; the interval is that of two that are wrong together, which is the widest that it can be.
    pub(super) fn plus(self, other: Self) -> Self {
        let interval = match (self.interval, other.interval) {
            (Some(a), Some(b)) => Some(Interval { low: a.low + b.low, high: a.high + b.high }),
            (None, _) | (_, None) => None,
        };
        Self { value: self.value + other.value, interval, basis: self.basis.and(other.basis) }
    }

    /// The upper end of the interval; the value where there is none.
    #[must_use]
    pub fn high(&self) -> f64 {
        self.interval.map_or(self.value, |interval| interval.high)
    }
}
