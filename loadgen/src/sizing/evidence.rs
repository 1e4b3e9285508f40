//! Everything that a plan is made from: runs and capacity searches of one machine and one server.

use serde::Serialize;
use serde_json::Value;

use super::confirmed::Confirmed;
use super::models::Kept;
use super::observation::{MOVES, Observation};
use crate::capacity::Outcome;
use crate::compare::Figure;
use crate::dialect;
use crate::result::{Environment, Run};
use crate::thresholds::Threshold;

/// A result and where it was found.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its directory or file, as it was named.
    pub name: String,
    /// What it holds.
    pub what: What,
}

/// What a plan can be made from.
#[derive(Debug, Clone)]
pub enum What {
    /// A run.
    Run(Box<Run>),
    /// A capacity search.
    Capacity(Box<Outcome>),
}

/// Why no plan can be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Nothing to plan from.
    #[error("there is nothing to plan from: {0}; make valid runs or a capacity search first")]
    Nothing(String),
    /// Costs of different machines cannot be put together.
    #[error(
        "these results are of different machines ({what} {a} in {in_a}, {b} in {in_b}): plan from those of one machine"
    )]
    Machines {
        /// What differs.
        what: &'static str,
        /// In the first.
        a: String,
        /// Where.
        in_a: String,
        /// In the other.
        b: String,
        /// Where.
        in_b: String,
    },
    /// The same of servers.
    #[error("these results are of different servers ({a} in {in_a}, {b} in {in_b}): plan for one server at a time")]
    Servers {
        /// The first.
        a: String,
        /// Where.
        in_a: String,
        /// The other.
        b: String,
        /// Where.
        in_b: String,
    },
    /// No load held.
    #[error("no load was confirmed for {asked}: {seen}; {cure}")]
    NotConfirmed {
        /// What had to hold.
        asked: String,
        /// What there is.
        seen: String,
        /// What to do.
        cure: String,
    },
    /// A resource that no result knows.
    #[error("none of these results has measured {what}: {cure}")]
    NotMeasured {
        /// Which.
        what: String,
        /// What to do.
        cure: &'static str,
    },
    /// A flag that makes no sense, or one that is needed.
    #[error("{0}")]
    Flag(String),
}

/// What results say together.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// Where they were measured.
    pub environment: Environment,
    /// Levels of load with their costs.
    pub observations: Vec<Observation>,
    /// Loads at which the objective held, and those of searches for other objectives.
    pub confirmed: Vec<Confirmed>,
    /// What the server keeps for its rooms, where that is known.
    pub kept: Option<Kept>,
    /// What a reader must know of them.
    pub notes: Vec<String>,
}

impl Evidence {
    /// Puts results together; runs are looked at for `objective`.
    ///
    /// # Errors
    /// When they are not of one machine and one server, or nothing in them can be planned from.
    pub fn of(sources: &[Source], objective: Option<&Threshold>) -> Result<Self, Refusal> {
        alike(sources)?;
        let (mut observations, mut confirmed, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        let mut left_out = Vec::new();
        for source in sources {
            match &source.what {
                What::Run(run) => match Observation::of_run(&source.name, run) {
                    Ok(observation) => {
                        if held(run, objective) {
                            let text = objective.map(|o| format!("{} {}", o.metric, o.text));
                            confirmed.push(Confirmed::of_run(&observation, text.as_deref()));
                        }
                        observations.push(observation);
                    }
                    Err(why) => left_out.push(format!("{} ({why})", source.name)),
                },
                What::Capacity(outcome) if outcome.trials.iter().any(|trial| trial.moves_connections) => {
                    left_out.push(format!("{} ({MOVES})", source.name));
                }
                What::Capacity(outcome) => {
                    let trials = outcome.trials.iter().filter_map(|t| Observation::of_trial(&source.name, t));
                    let before = observations.len();
                    observations.extend(trials);
                    if observations.len() == before {
                        left_out.push(format!("{} ({})", source.name, no_trial_held(outcome)));
                    }
                    confirmed.extend(Confirmed::of_capacity(&source.name, outcome));
                    if !outcome.complete {
                        notes.push(format!("{}: the search was broken off before every bound was found", source.name));
                    }
                }
            }
        }
        if !left_out.is_empty() {
            notes.push(format!("left out: {}", left_out.join(", ")));
        }
        if observations.is_empty() {
            return Err(Refusal::Nothing(left_out.join(", ")));
        }
        let environment = sources.first().map(|source| source.environment().clone()).unwrap_or_default();
        let kept = sources.iter().find_map(|source| source.target().and_then(Kept::of));
        Ok(Self { environment, observations, confirmed, kept, notes })
    }
}

/// Why a search has no trial to plan from, and what helps.
fn no_trial_held(outcome: &Outcome) -> String {
    let (trials, valid) = (outcome.trials.len(), outcome.trials.iter().filter(|trial| trial.is_valid()).count());
    if trials == 0 {
        return "it was broken off before its first trial ended".to_owned();
    }
    if valid == 0 {
        let all = if trials == 1 { "its only trial is".to_owned() } else { format!("its {trials} trials are all") };
        return format!(
            "{all} invalid: fanout itself was late or out of CPU, which says nothing about the server; fanout doctor says \
             why, and --keep-awake=all, a lower --range or --set max_schedule_lag=50ms helps"
        );
    }
    let none = if trials == 1 {
        "its only trial did not hold".to_owned()
    } else {
        format!("none of its {trials} trials held")
    };
    format!("{none}: search at lower loads, with --range")
}

/// Whether a run kept an objective; without one every run that was not left out does.
fn held(run: &Run, objective: Option<&Threshold>) -> bool {
    let Some(objective) = objective else { return true };
    let figure = Figure { path: objective.metric.clone() };
    let value = serde_json::to_value(run).ok().and_then(|run| figure.of(&run));
    value.zip(objective.value()).is_some_and(|(value, limit)| objective.op.holds(value, limit))
}

impl Source {
    fn environment(&self) -> &Environment {
        match &self.what {
            What::Run(run) => &run.environment,
            What::Capacity(outcome) => &outcome.environment,
        }
    }

    /// The server in the resolved scenario.
    fn target(&self) -> Option<&Value> {
        match &self.what {
            What::Run(run) => run.scenario.get("target"),
            What::Capacity(outcome) => Some(&outcome.target),
        }
        .filter(|target| target.is_object())
    }

    /// What makes one server another: how it was started, with which flags and how it is spoken to, but for its compression, whose costs
    /// are kept apart.
    fn server(&self) -> Option<String> {
        let target = self.target()?;
        let mut words: Vec<String> = ["url", "path", "spawn", "servers"]
            .iter()
            .filter_map(|key| target.get(key).filter(|value| !value.is_null()).map(|value| format!("{key} {value}")))
            .collect();
        if let Some(flags) = target.get("server").and_then(Value::as_object) {
            let flags = flags.iter().filter(|(name, _)| *name != "compression");
            let said: Vec<String> =
                flags.map(|(name, value)| format!("{name} {}", value.as_str().unwrap_or_default())).collect();
            words.push(if said.is_empty() {
                "the bundled server".to_owned()
            } else {
                format!("the bundled server with {}", said.join(", "))
            });
        }
        // Runs of before there were dialects have none, and spoke the plain one.
        let dialect = target.get("dialect").and_then(Value::as_str).filter(|dialect| *dialect != dialect::PLAIN);
        words.extend(dialect.map(|dialect| format!("dialect {dialect}")));
        Some(words.join(", "))
    }
}

/// Refuses results whose costs cannot be put together.
fn alike(sources: &[Source]) -> Result<(), Refusal> {
    // A search that was taken up again and had nothing left to do does not know where it ran.
    let mut known = sources.iter().filter(|source| !source.environment().cpu.is_empty());
    if let Some(first) = known.next() {
        for other in known {
            for (what, a, b) in machine(first.environment())
                .into_iter()
                .zip(machine(other.environment()))
                .map(|((w, a), (_, b))| (w, a, b))
            {
                if a != b {
                    return Err(Refusal::Machines { what, a, in_a: first.name.clone(), b, in_b: other.name.clone() });
                }
            }
        }
    }
    let mut servers = sources.iter().filter_map(|source| Some((source, source.server()?)));
    if let Some((first, a)) = servers.next()
        && let Some((other, b)) = servers.find(|(_, server)| *server != a)
    {
        return Err(Refusal::Servers { a, in_a: first.name.clone(), b, in_b: other.name.clone() });
    }
    Ok(())
}

fn machine(e: &Environment) -> [(&'static str, String); 3] {
    [
        ("processor", e.cpu.clone()),
        ("number of processors", e.cores.to_string()),
        ("kernel", e.kernel.split(['.', '-']).take(2).collect::<Vec<_>>().join(".")),
    ]
}
