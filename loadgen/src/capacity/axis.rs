//! What a capacity search raises, and the changes to a scenario that raise it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::analyse::search::{Grain, Length};
use crate::plan::{Arrival, Plan, PublisherGroup};
use crate::report::numbers::{PUBLISHES_PER_S, count, significant, with_unit};

/// What is raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axis {
    /// Subscribers, all groups together; the groups keep their proportions.
    Connections,
    /// Publishes a second, all publishers together; they keep their proportions.
    Rate,
    /// Payload bytes of every publisher.
    Size,
}

/// Why a scenario has no such axis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AxisError {
    /// A closed loop or a replay has no rate to set.
    #[error(
        "publishers `{0}` have no rate that could be raised: a capacity search over the rate needs `rate` or `every`"
    )]
    NoRate(String),
    /// A replay or a file has its own sizes.
    #[error(
        "publishers `{0}` replay a trace, whose messages have their own sizes: search over connections or the rate"
    )]
    NoSize(String),
    /// Nothing to raise.
    #[error("there are no publishers: search over connections")]
    NoPublishers,
    /// Phases set them.
    #[error(
        "the phase `{0}` sets the number of connections itself, so it cannot be what is raised: search over the rate or the size, or remove \
         `connections` from the phases"
    )]
    PhasesSet(String),
    /// An axis that does not exist.
    #[error("`{0}` is no axis: connections, rate or size")]
    Unknown(String),
}

impl std::str::FromStr for Axis {
    type Err = AxisError;

    fn from_str(text: &str) -> Result<Self, AxisError> {
        match text {
            "connections" => Ok(Self::Connections),
            "rate" => Ok(Self::Rate),
            "size" => Ok(Self::Size),
            other => Err(AxisError::Unknown(other.to_owned())),
        }
    }
}

/// The length of the measured phases in short trials; full ones have the scenario's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shortened(pub Duration);

impl Axis {
    /// Its name in the file and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Rate => "rate",
            Self::Size => "size",
        }
    }

    /// What a number on it means, for people: `connections`, `publishes/s`, `byte payloads`.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Rate => PUBLISHES_PER_S[1],
            Self::Size => "byte payloads",
        }
    }

    /// A load for people, without its unit: `3,200`.
    #[must_use]
    pub fn number(self, load: f64) -> String {
        match self {
            Self::Rate => significant(load, 4),
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Self::Connections | Self::Size => count(load.round() as u64),
        }
    }

    /// A load with its unit: `3,200 connections`.
    #[must_use]
    pub fn amount(self, load: f64) -> String {
        let units = match self {
            Self::Connections => ["connection", self.unit()],
            Self::Rate => PUBLISHES_PER_S,
            Self::Size => [self.unit(); 2],
        };
        with_unit(&self.number(load), units)
    }

    /// What loads there are.
    #[must_use]
    pub fn grain(self) -> Grain {
        match self {
            Self::Connections | Self::Size => Grain::Whole,
            Self::Rate => Grain::Any,
        }
    }

    /// The changes (`--set`) that give a scenario this load, for a trial of this length.
    ///
    /// # Errors
    /// When the scenario has nothing to raise on this axis.
    pub fn changes(self, plan: &Plan, load: f64, length: Length, short: Shortened) -> Result<Vec<String>, AxisError> {
        let mut changes = match self {
            Self::Connections => connections(plan, load)?,
            Self::Rate => rates(plan, load)?,
            Self::Size => sizes(plan, load)?,
        };
        if length == Length::Short {
            changes.extend(shortened(plan, short.0));
        }
        Ok(changes)
    }
}

fn connections(plan: &Plan, load: f64) -> Result<Vec<String>, AxisError> {
    if let Some(phase) = plan.phases.iter().find(|phase| phase.connections.is_some()) {
        return Err(AxisError::PhasesSet(phase.name.clone()));
    }
    let all = f64::from(plan.subscribers().max(1));
    let mut left = load.round() as u64;
    let last = plan.groups.len().saturating_sub(1);
    let mut changes = Vec::new();
    for (index, group) in plan.groups.iter().enumerate() {
        let share = if index == last { left } else { (load * f64::from(group.count) / all).round() as u64 };
        let count = share.clamp(1, left.max(1));
        left = left.saturating_sub(count);
        changes.push(format!("connections.{}.count={count}", group.name));
    }
    Ok(changes)
}

fn rates(plan: &Plan, load: f64) -> Result<Vec<String>, AxisError> {
    if plan.publishers.is_empty() {
        return Err(AxisError::NoPublishers);
    }
    let mut rates = Vec::new();
    for publishers in &plan.publishers {
        match publishers.arrival {
            Arrival::Uniform { rate } | Arrival::Poisson { rate } => rates.push(rate),
            Arrival::Closed { .. } | Arrival::Replay { .. } => return Err(AxisError::NoRate(publishers.name.clone())),
        }
    }
    let all: f64 = rates.iter().sum();
    let change = |(publishers, rate): (&PublisherGroup, &f64)| {
        let (name, rate) = (&publishers.name, load * rate / all);
        // A group written with `every` keeps that key: both at once would contradict each other.
        match written_every(plan, name) {
            true => {
                let every = f64::from(publishers.from.count(&plan.groups)) / rate;
                format!("publishers.{name}.every=\"{}us\"", (every * 1e6).round().max(1.0))
            }
            false => format!("publishers.{name}.rate={rate}"),
        }
    };
    Ok(plan.publishers.iter().zip(&rates).map(change).collect())
}

fn written_every(plan: &Plan, name: &str) -> bool {
    let groups = plan.resolved.get("publishers").and_then(|list| list.as_array());
    let group = groups.and_then(|list| list.iter().find(|group| group.get("name").is_some_and(|n| n == name)));
    group.is_some_and(|group| group.get("every_us").is_some())
}

fn sizes(plan: &Plan, load: f64) -> Result<Vec<String>, AxisError> {
    if plan.publishers.is_empty() {
        return Err(AxisError::NoPublishers);
    }
    let change = |publishers: &PublisherGroup| match publishers.arrival {
        Arrival::Replay { .. } => Err(AxisError::NoSize(publishers.name.clone())),
        _ => Ok(format!("publishers.{}.payload.size={}", publishers.name, load.round() as u64)),
    };
    plan.publishers.iter().map(change).collect()
}

/// Measured phases together this long, each in proportion; what is not measured stays.
fn shortened(plan: &Plan, length: Duration) -> Vec<String> {
    let measured: Duration = plan.phases.iter().filter(|phase| phase.measure).map(|phase| phase.length).sum();
    if measured <= length {
        return Vec::new();
    }
    let share = length.as_secs_f64() / measured.as_secs_f64();
    let phases = plan.phases.iter().filter(|phase| phase.measure);
    phases
        .map(|phase| format!("phases.{}.for=\"{}us\"", phase.name, (phase.length.as_secs_f64() * share * 1e6).round()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::{Limits, parse};

    fn plan(phase: &str) -> Plan {
        let text = format!(
            "name = \"a\"\n[[connections]]\nname = \"phones\"\ncount = 30\n[[connections]]\nname = \"desks\"\ncount = 10\n\
             [[publishers]]\nname = \"speaker\"\nrate = 5\n[[phases]]\nname = \"goal\"\nfor = \"20s\"\n{phase}"
        );
        let limits = Limits { descriptors: 20_000, ports: 28_232 };
        parse(Path::new("a.toml"), &text, &[], &limits).unwrap()
    }

    const SHORT: Shortened = Shortened(Duration::from_secs(5));

    #[test]
    fn a_load_is_divided_among_groups_as_the_scenario_has_them() {
        let changes = Axis::Connections.changes(&plan(""), 80.0, Length::Full, SHORT).unwrap();
        assert_eq!(changes, ["connections.phones.count=60", "connections.desks.count=20"]);
        let changes = Axis::Rate.changes(&plan(""), 80.0, Length::Short, SHORT).unwrap();
        assert_eq!(changes, ["publishers.speaker.rate=80", "phases.goal.for=\"5000000us\""]);
    }

    #[test]
    fn connections_that_phases_set_cannot_be_what_is_raised() {
        let grows = plan("connections = 100\n");
        let refused = Axis::Connections.changes(&grows, 80.0, Length::Full, SHORT).unwrap_err();
        assert!(refused.to_string().starts_with("the phase `goal` sets the number of connections itself"), "{refused}");
        assert!(Axis::Rate.changes(&grows, 80.0, Length::Full, SHORT).is_ok());
    }
}
