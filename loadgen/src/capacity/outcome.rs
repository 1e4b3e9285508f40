//! Everything that a capacity search has found, as `capacity.json` has it. Times in microseconds, sizes in bytes.

use serde::{Deserialize, Serialize};

use super::axis::Axis;
use super::cause::Cause;
use super::objective::Objective;
use super::survey::Survey;
use super::trial::Trial;
use crate::analyse::median;
use crate::analyse::scaling::{Fit, Level};
use crate::analyse::search::{Bounds, Goal, Length, Upper};
use crate::result::Environment;

/// A search and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// Version of this format: 1.
    pub schema: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// What was raised.
    pub axis: Axis,
    /// Lowest and highest load that were allowed.
    pub range: [f64; 2],
    /// Goal width, as a share.
    pub width: f64,
    /// Whether every bound was found; otherwise the search was broken off, and can be taken up again.
    pub complete: bool,
    /// A bound for each objective that was decided.
    pub found: Vec<Found>,
    /// Throughput against load, as the Universal Scalability Law has it; `None` with fewer than six levels.
    pub scaling: Option<Scaling>,
    /// Every trial, in the order in which they were made.
    pub trials: Vec<Trial>,
    /// Where it ran.
    pub environment: Environment,
    /// The server, as the resolved scenario has it in `target`; null in searches of older versions.
    #[serde(default)]
    pub target: serde_json::Value,
    /// Sentences that belong in the report.
    pub notes: Vec<String>,
}

/// A confirmed bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// What had to hold.
    pub objective: String,
    /// Every threshold that it consists of, such as `latency.due.p99 < 50ms`; empty in searches of older versions.
    #[serde(default)]
    pub thresholds: Vec<String>,
    /// The bounds.
    #[serde(flatten)]
    pub bounds: Bounds,
    /// What gave way at the upper bound.
    pub cause: Option<Cause>,
    /// What the load of the lower bound costs.
    pub costs: Option<Costs>,
}

/// What a load costs, over the full trials of it; medians.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Costs {
    pub connections: u64,
    pub publishes_per_s: f64,
    pub deliveries_per_s: f64,
    pub p50: Option<f64>,
    pub p99: Option<f64>,
    /// Share of one core.
    pub server_cpu_share: Option<f64>,
    pub cpu_s_per_million_deliveries: Option<f64>,
    /// The server's process, and the kernel's share for both ends of a connection.
    pub memory_bytes_per_1000_connections: Option<f64>,
    pub wire_bytes_per_million_deliveries: Option<f64>,
}

/// A fitted law, in figures that a report needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Scaling {
    /// Load and deliveries a second of every level that the fit is made from.
    pub levels: Vec<Level>,
    pub rate: [f64; 3],
    pub contention: [f64; 3],
    pub coherency: [f64; 3],
    /// Load of the highest throughput; `None` where there may be none.
    pub peak: Option<f64>,
    pub measured_to: f64,
}

impl Scaling {
    fn of(trials: &[Trial]) -> Option<Self> {
        let levels: Vec<Level> = trials
            .iter()
            .filter(|trial| trial.is_valid() && trial.deliveries_per_s > 0.0)
            .map(|trial| Level { load: trial.load, throughput: trial.deliveries_per_s })
            .collect();
        let fit = Fit::of(&levels)?;
        let with = |value: f64, interval: crate::analyse::Interval| [value, interval.low, interval.high];
        Some(Self {
            rate: with(fit.law.rate, fit.rate),
            contention: with(fit.law.contention, fit.contention),
            coherency: with(fit.law.coherency, fit.coherency),
            peak: fit.peak,
            measured_to: fit.measured_to,
            levels,
        })
    }
}

impl Costs {
    /// Over the valid full trials of a load; `None` without one.
    fn of(trials: &[Trial], load: f64) -> Option<Self> {
        let these: Vec<&Trial> =
            trials.iter().filter(|t| t.load == load && t.length == Length::Full && t.is_valid()).collect();
        let last = these.last()?;
        let middle = |figure: &dyn Fn(&Trial) -> Option<f64>| {
            let values: Vec<f64> = these.iter().filter_map(|trial| figure(trial)).collect();
            (!values.is_empty()).then(|| median(&values))
        };
        let a_million = |per_s: f64, deliveries: f64| (deliveries > 0.0).then(|| per_s / deliveries * 1e6);
        Some(Self {
            connections: last.connections,
            publishes_per_s: middle(&|t| Some(t.publishes_per_s))?,
            deliveries_per_s: middle(&|t| Some(t.deliveries_per_s))?,
            p50: middle(&|t| t.p50),
            p99: middle(&|t| t.p99),
            server_cpu_share: middle(&|t| t.server_cpu_share),
            cpu_s_per_million_deliveries: middle(&|t| a_million(t.server_cpu_share?, t.deliveries_per_s)),
            memory_bytes_per_1000_connections: middle(&|t| {
                let each = t.server_rss_bytes? as f64 / t.connections.max(1) as f64;
                Some((each + t.kernel_bytes_per_connection.unwrap_or_default()) * 1000.0)
            }),
            wire_bytes_per_million_deliveries: middle(&|t| a_million(t.wire_bytes_per_s, t.deliveries_per_s)),
        })
    }
}

impl Outcome {
    /// What these trials say.
    #[must_use]
    pub fn of(scenario: &str, axis: Axis, survey: &Survey, trials: Vec<Trial>, environment: Environment) -> Self {
        let Goal { min, max, width, .. } = survey.goal;
        let mut found = Vec::new();
        for objective in &survey.objectives {
            let alone = Survey { objectives: vec![objective.clone()], ..survey.clone() };
            if let super::Next::Done(bounds) = alone.next(&trials) {
                found.extend(bounds.into_iter().map(|bounds| Found::of(objective, bounds, &trials)));
            }
        }
        Self {
            schema: 1,
            scenario: scenario.to_owned(),
            axis,
            range: [min, max],
            width,
            complete: found.len() == survey.objectives.len(),
            found,
            scaling: Scaling::of(&trials),
            trials,
            environment,
            target: serde_json::Value::Null,
            notes: Vec::new(),
        }
    }

    /// 0: every bound was found and is above the lowest load; 3: an objective holds at no load of the range; 4: the search was broken off, or
    /// the load generator gave way before the lowest load.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if !self.complete
            || self.found.iter().any(|f| f.bounds.lower.is_none() && matches!(f.bounds.upper, Upper::LoadGenerator(_)))
        {
            4
        } else if self.found.iter().any(|found| found.bounds.lower.is_none()) {
            3
        } else {
            0
        }
    }
}

impl Found {
    fn of(objective: &Objective, bounds: Bounds, trials: &[Trial]) -> Self {
        let at = match bounds.upper {
            Upper::Broke(load) | Upper::LoadGenerator(load) => Some(load),
            Upper::EndOfRange => None,
        };
        let cause = at.and_then(|load| {
            let mut there = trials.iter().rev().filter(|trial| trial.load == load && trial.length == Length::Full);
            there.find_map(|trial| trial.cause.clone())
        });
        Self {
            objective: objective.name.clone(),
            thresholds: objective.thresholds.iter().map(|t| format!("{} {}", t.metric, t.text)).collect(),
            bounds,
            cause,
            costs: bounds.lower.and_then(|load| Costs::of(trials, load)),
        }
    }
}
