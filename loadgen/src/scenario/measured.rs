//! Which metrics a run of this scenario will have: what thresholds and expectations may name.

use crate::plan::{Arrival, Mode, Plan, TargetKind};
use crate::thresholds::{Metric, Shape};

/// What a run of a scenario measures.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    groups: Vec<String>,
    phases: Vec<String>,
    shape: Shape,
    pace: Pace,
    mode: Mode,
    cost: Cost,
}

/// Whether there are messages, and whether they have due times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    Scheduled,
    Closed,
    /// Nothing is published.
    Idle,
    Observed {
        timestamp: bool,
    },
}

/// Whether the server's process is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    Sampled,
    Unknown,
}

impl Measured {
    /// What a run of this plan measures.
    #[must_use]
    pub fn by(plan: &Plan) -> Self {
        let closed = plan.publishers.iter().any(|p| matches!(p.arrival, Arrival::Closed { .. }));
        // On this machine the process is found by the port on which it listens.
        let unsampled = match &plan.target.kind {
            TargetKind::Url { pid: None, endpoints } => !endpoints.iter().all(|e| e.address.ip().is_loopback()),
            _ => false,
        };
        Self {
            groups: plan.groups.iter().map(|g| g.name.clone()).collect(),
            phases: plan.phases.iter().map(|p| p.name.clone()).collect(),
            shape: plan.shape(),
            pace: match &plan.observe {
                Some(observe) => Pace::Observed { timestamp: observe.rules.timestamp.is_some() },
                None if plan.publishers.is_empty() => Pace::Idle,
                None if closed => Pace::Closed,
                None => Pace::Scheduled,
            },
            mode: plan.mode,
            cost: if unsampled { Cost::Unknown } else { Cost::Sampled },
        }
    }

    /// What windows are cut from.
    #[must_use]
    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The metric of this name.
    ///
    /// # Errors
    /// A name that is no figure of a run, or none of this scenario's, in a sentence.
    pub fn metric(&self, path: &str) -> Result<Metric, String> {
        let groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        let phases: Vec<&str> = self.phases.iter().map(String::as_str).collect();
        let metric = Metric::find(path, &groups, &phases).map_err(|e| e.to_string())?;
        let of_server = path.starts_with("server.") || path.ends_with(".server_cpu_s");
        if self.pace == Pace::Closed && metric.needs_due_times() {
            Err(format!("`{path}`: a closed loop has no due times; use latency.sent or latency.round_trip"))
        } else if self.pace == Pace::Idle && metric.needs_messages() {
            Err(format!(
                "`{path}`: nothing is published in this scenario; use connect.p99, connections.closed or \
                 server.rss_bytes_per_connection, or add [[publishers]]"
            ))
        } else if let (true, Pace::Observed { .. }) = (metric.needs_due_times(), self.pace) {
            Err(format!(
                "`{path}`: what others publish has no due times; use observe.latency, or latency.sent (after the first subscriber)"
            ))
        } else if self.pace == (Pace::Observed { timestamp: false }) && path.starts_with("observe.latency.") {
            Err(format!("`{path}`: only a message that says when it was sent has one: add `timestamp` to [observe]"))
        } else if !matches!(self.pace, Pace::Observed { .. }) && path.starts_with("observe.") {
            Err(format!("`{path}`: only mode = \"observe\" measures it"))
        } else if self.pace != Pace::Closed && self.mode != Mode::Echo && path.contains("latency.round_trip.") {
            Err(format!("`{path}`: only mode = \"echo\" and a closed loop (arrival = \"closed\") measure round trips"))
        } else if self.cost == Cost::Unknown && of_server {
            Err(format!(
                "`{path}`: the cost of a server at a URL is known only where it runs on this machine: reach it by a loopback address, \
                 or give target.pid"
            ))
        } else {
            Ok(metric)
        }
    }
}
