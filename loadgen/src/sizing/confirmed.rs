//! How busy a server was while its objective still held: what more servers are reckoned by.

use serde::Serialize;

use super::observation::{FULL, Observation};
use crate::analyse::scaling::Level;
use crate::analyse::search::{Length, Upper, Verdict};
use crate::capacity::{Found, Outcome};
use crate::report::numbers::{deliveries_per_s, plural};
use crate::thresholds::{Metric, Op, Threshold};
use crate::way::Way;

/// A load at which an objective held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Confirmed {
    /// Where it is from.
    pub source: String,
    /// What held, such as `latency.due.p99 < 50ms`.
    pub objectives: Vec<String>,
    /// In words: `1,040 publishes/s`, `5,000 connections`.
    pub load: String,
    /// Connections at it.
    pub connections: f64,
    /// Deliveries a second at it.
    pub deliveries_per_s: f64,
    /// Server CPU at it, as a share of the cores that it had; `None`: not known.
    pub busy: Option<f64>,
    /// Cores that the server had; `None`: not known.
    pub cores: Option<u32>,
    /// The load up to which it held as well, in words, with the server's CPU full; `None`: not full at what is named here.
    pub full_to: Option<String>,
    /// Whether the search held up to the end of its range.
    pub to_the_end: bool,
    /// Whether a higher load was seen to break the objective. Otherwise the server holds at least this.
    pub limited: bool,
    /// What gave way above it, in words.
    pub cause: Option<String>,
    /// How messages travelled.
    pub compression: Way,
    /// Throughput against load, for the Universal Scalability Law.
    #[serde(skip)]
    pub levels: Vec<Level>,
}

impl Confirmed {
    /// The bounds of a capacity search that were confirmed.
    pub(super) fn of_capacity(source: &str, outcome: &Outcome) -> Vec<Self> {
        outcome.found.iter().filter_map(|found| Self::of_found(source, outcome, found)).collect()
    }

    fn of_found(source: &str, outcome: &Outcome, found: &Found) -> Option<Self> {
        let (lower, costs) = (found.bounds.lower?, found.costs.as_ref()?);
        let trial = outcome.trials.iter().rev().find(|trial| trial.load == lower && trial.is_valid());
        let cores = trial.and_then(|trial| trial.server_cores);
        let share = |cpu: f64| cpu / f64::from(cores.unwrap_or(1).max(1));
        let busy = costs.server_cpu_share.map(share);
        // A server that is behind saves work by writing several messages at once. How busy it may be with another load, which need not allow
        // that, is what it was at the busiest level below.
        let spare = busy.filter(|busy| *busy >= FULL).and_then(|_| {
            let held = outcome.trials.iter().filter(|t| {
                t.load < lower && t.length == Length::Full && t.verdicts.get(&found.objective) == Some(&Verdict::Held)
            });
            let known = held.filter_map(|t| Some((t, t.server_cpu_share.map(share).filter(|busy| *busy < FULL)?)));
            known.max_by(|(_, a), (_, b)| a.total_cmp(b))
        });
        let load = |load| outcome.axis.amount(load);
        let highest = spare.map_or(f64::INFINITY, |(trial, _)| trial.load);
        let levels = outcome.scaling.iter().flat_map(|scaling| &scaling.levels).filter(|level| level.load <= highest);
        let objectives =
            if found.thresholds.is_empty() { vec![found.objective.clone()] } else { found.thresholds.clone() };
        Some(Self {
            source: source.to_owned(),
            objectives,
            load: load(spare.map_or(lower, |(trial, _)| trial.load)),
            connections: spare.map_or(costs.connections, |(trial, _)| trial.connections) as f64,
            deliveries_per_s: spare.map_or(costs.deliveries_per_s, |(trial, _)| trial.deliveries_per_s),
            busy: spare.map_or(busy, |(_, busy)| Some(busy)),
            full_to: busy.filter(|busy| *busy >= FULL).map(|_| load(lower)),
            to_the_end: matches!(found.bounds.upper, Upper::EndOfRange),
            cores,
            limited: matches!(found.bounds.upper, Upper::Broke(_)),
            cause: found.cause.as_ref().map(|cause| format!("{} ({})", cause.resource.words(), cause.figure)),
            compression: trial.map_or(Way::Off, |trial| Way::of(&trial.negotiated)),
            levels: levels.copied().collect(),
        })
    }

    /// A run in which the objective held (without one: in which next to nothing was lost).
    pub(super) fn of_run(observation: &Observation, objective: Option<&str>) -> Self {
        let o = observation;
        Self {
            source: o.source.clone(),
            objectives: vec![objective.unwrap_or("at most 1 % of the deliveries lost").to_owned()],
            load: format!(
                "{}, {}",
                plural(o.load.connections as u64, "connection"),
                deliveries_per_s(o.load.deliveries_per_s)
            ),
            connections: o.load.connections,
            deliveries_per_s: o.load.deliveries_per_s,
            busy: o.cpu.zip(o.cores).map(|(cpu, cores)| cpu / f64::from(cores)),
            cores: o.cores,
            full_to: None,
            to_the_end: false,
            limited: false,
            cause: None,
            compression: o.compression,
            levels: Vec::new(),
        }
    }

    /// Whether what held is at least as strict as what is asked for.
    pub(super) fn covers(&self, asked: &Threshold) -> bool {
        self.covering(asked).next().is_some()
    }

    /// The objective that held, where it is stricter than what is asked for and that itself was not tried.
    pub(super) fn stricter(&self, asked: &Threshold) -> Option<String> {
        let exactly = |held: &Threshold| held.value() == asked.value();
        (!self.covering(asked).any(|(_, held)| exactly(&held)))
            .then(|| self.covering(asked).next().map(|(text, _)| text.to_owned()))?
    }

    fn covering(&self, asked: &Threshold) -> impl Iterator<Item = (&str, Threshold)> {
        let known = self.objectives.iter().filter_map(|text| Some((text.as_str(), threshold(text).ok()?)));
        known.filter(|(_, held)| implies(held, asked))
    }
}

/// An objective such as `latency.due.p99 < 100ms`.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub(super) fn threshold(text: &str) -> Result<Threshold, String> {
    let at = text.find(['<', '>', '=', '!']).ok_or_else(|| {
        format!("`{text}` is no objective: write a metric, a comparison and a value, such as 'latency.due.p99 < 100ms'")
    })?;
    let metric = Metric::find(text[..at].trim(), &[], &[]).map_err(|error| error.to_string())?;
    let found = Threshold::parse(&metric, &text[at..]).map_err(|error| error.to_string())?;
    if found.value().is_none() {
        return Err(format!("`{text}`: an objective needs a value, not a baseline"));
    }
    Ok(found)
}

/// Whether whatever keeps `held` keeps `asked` too.
fn implies(held: &Threshold, asked: &Threshold) -> bool {
    let (Some(of_held), Some(of_asked)) = (held.value(), asked.value()) else { return false };
    if held.metric != asked.metric {
        return false;
    }
    let below = |op: Op| matches!(op, Op::Less | Op::AtMost);
    let above = |op: Op| matches!(op, Op::Greater | Op::AtLeast);
    let strict = |op: Op| matches!(op, Op::Less | Op::Greater);
    // At the same value "at most" leaves room for what "less" does not allow.
    let alike = of_held == of_asked && (held.op == asked.op || !strict(asked.op));
    match held.op {
        op if below(op) && below(asked.op) => of_held < of_asked || alike,
        op if above(op) && above(asked.op) => of_held > of_asked || alike,
        Op::Equal => asked.op.holds(of_held, of_asked),
        op => op == asked.op && of_held == of_asked,
    }
}
