//! The fewest servers that carry a load, and which of their resources gives way first.

use serde::Serialize;

use super::asked::{Asked, Machine};
use super::basis::{Basis, Beyond, Figure, Respect};
use super::confirmed::Confirmed;
use super::evidence::{Evidence, Refusal};
use super::load::Load;
use super::models::Models;
use super::observation::FULL;
use crate::analyse::scaling::Fit;
use crate::analyse::{Estimate, Interval};
use crate::thresholds::Threshold;
use crate::way::Way;

/// More servers than this are not looked for.
const MOST: u64 = 1_000_000;
const ON_THIS_MACHINE: &str = "fanout knows it of servers that it starts itself, of others on its own machine, and of the process that `pid` names";
const ONLY_FULL: &str = "the server's CPU was full in all of them (90 % or more), where it may write several messages at once; make runs or a \
                         search at lower loads too (fanout capacity FILE --range LOW-HIGH)";

/// What a server can run out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scarce {
    /// CPU, of what the objective allows; cores.
    Cpu,
    /// Memory, of process and kernel and what rooms keep; bytes.
    Memory,
    /// What the machine can send; bytes a second.
    Link,
    /// Deliveries a second, of the most that the Universal Scalability Law allows.
    Throughput,
}

/// What one server needs of something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Need {
    /// Of what.
    pub what: Scarce,
    /// How much, the server with most rooms.
    pub figure: Figure,
    /// How much it may use, headroom taken off.
    pub allowed: f64,
    /// The one as a share of the other.
    pub used: f64,
    /// Servers that it would take if nothing else were scarce; `None`: no number of them is enough.
    pub alone: Option<u64>,
}

/// How many servers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Servers {
    /// The fewest; `None`: no number is enough, as a room is whole on one server.
    pub count: Option<u64>,
    /// The fewest if every cost is at the upper end of its interval.
    pub count_high: Option<u64>,
    /// What the server with most rooms has to do.
    pub load: Load,
    /// What it needs; the scarcest first.
    pub needs: Vec<Need>,
    /// The load by which its CPU is reckoned.
    pub by: Confirmed,
    /// The objective that was confirmed, where it is stricter than the one asked for.
    pub stricter: Option<String>,
    /// In what the machine or its load is beyond that.
    pub beyond: Vec<Beyond>,
    /// What the Universal Scalability Law of that search says of the load of one server; `None`: too few levels for it.
    pub law: Option<Lawful>,
}

/// Throughput by the Universal Scalability Law.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Lawful {
    /// Deliveries a second that are asked of one server.
    pub asked: f64,
    /// Those that the law allows at this load, with as many cores as were measured for each of the machine's.
    pub throughput: f64,
    /// Its 95 % band.
    pub band: Interval,
    /// The load, as a multiple of the highest that was measured.
    pub times: f64,
}

/// What a server may use.
struct Limits<'e> {
    cpu: f64,
    memory: Option<f64>,
    link: Option<f64>,
    throughput: Option<f64>,
    kept: Option<&'e super::models::Kept>,
}

/// Where in its interval a cost is taken to be.
#[derive(Clone, Copy)]
enum End {
    Value,
    High,
}

impl End {
    fn of(self, figure: &Figure) -> f64 {
        match self {
            Self::Value => figure.value,
            Self::High => figure.high(),
        }
    }
}

/// The fewest servers for a load that is sent this way.
///
/// # Errors
/// When no load was confirmed, or something that is asked about was not measured.
pub(super) fn fewest(
    asked: &Asked,
    machine: &Machine,
    way: Way,
    models: &Models,
    evidence: &Evidence,
    objective: Option<&Threshold>,
) -> Result<Servers, Refusal> {
    let by = confirmed(evidence, way, objective)?;
    let busy =
        by.busy.ok_or(Refusal::NotMeasured { what: "the server's CPU time".to_owned(), cure: ON_THIS_MACHINE })?;
    let free = 1.0 - asked.headroom;
    let limits = Limits {
        // Where no level below was tried, a full CPU counts as what is called full.
        cpu: busy.min(if by.full_to.is_some() { FULL } else { 1.0 }) * machine.cores * free,
        memory: machine.memory_bytes.map(|bytes| bytes * free),
        link: machine.link_bytes_per_s.map(|bytes| bytes * free),
        throughput: throughput(by, machine).map(|most| most * free),
        kept: evidence.kept.as_ref(),
    };
    // Everything that is limited must be known, now rather than in the middle of the search.
    let first = limits.needs(&asked.load, models)?;
    let most = asked.load.rooms.map_or(MOST, |rooms| (rooms as u64).clamp(1, MOST));
    let fits = |servers: u64, end: End, only: Option<Scarce>| {
        let needs = limits.needs(&asked.load.of_one_in(servers), models).unwrap_or_default();
        needs
            .iter()
            .filter(|need| only.is_none_or(|only| only == need.what))
            .all(|need| end.of(&need.figure) <= need.allowed)
    };
    let count = least(most, |servers| fits(servers, End::Value, None));
    let load = asked.load.of_one_in(count.unwrap_or(most));
    let mut needs = if count == Some(1) { first } else { limits.needs(&load, models)? };
    for need in &mut needs {
        need.alone = least(most, |servers| fits(servers, End::Value, Some(need.what)));
    }
    needs.sort_by(|a, b| b.used.total_cmp(&a.used));
    Ok(Servers {
        count,
        count_high: least(most, |servers| fits(servers, End::High, None)),
        beyond: beyond(by, machine, &load),
        law: law(by, machine, &load),
        stricter: objective.and_then(|asked| by.stricter(asked)),
        by: by.clone(),
        load,
        needs,
    })
}

impl Limits<'_> {
    fn needs(&self, load: &Load, models: &Models) -> Result<Vec<Need>, Refusal> {
        let unknown = |what: &str| Refusal::NotMeasured { what: what.to_owned(), cure: ON_THIS_MACHINE };
        let need = |what: Scarce, figure: Figure, allowed: f64| Need {
            what,
            used: figure.value / allowed,
            figure,
            allowed,
            alone: None,
        };
        let cpu = models.cpu(load).ok_or_else(|| match models.fitted().only_full() {
            true => Refusal::NotMeasured { what: "what this load costs".to_owned(), cure: ONLY_FULL },
            false => unknown("the server's CPU time"),
        })?;
        let mut needs = vec![need(Scarce::Cpu, cpu, self.cpu)];
        if let Some(allowed) = self.memory {
            let memory = memory(load, models, self.kept).ok_or_else(|| unknown("the server's memory"))?;
            needs.push(need(Scarce::Memory, memory, allowed));
        }
        if let Some(allowed) = self.link {
            let sent = models.wire(load).ok_or_else(|| unknown("what the server sends"))?;
            needs.push(need(Scarce::Link, sent, allowed));
        }
        if let Some(allowed) = self.throughput {
            let exactly = Estimate { value: load.deliveries_per_s, interval: None };
            needs.push(need(Scarce::Throughput, Figure::new(exactly, Basis::Measured), allowed));
        }
        Ok(needs)
    }
}

/// Process, kernel and what rooms keep when they are full.
pub(super) fn memory(load: &Load, models: &Models, kept: Option<&super::models::Kept>) -> Option<Figure> {
    let process = models.process(load)?;
    let mut all = match models.kernel(load) {
        Some(kernel) => process.plus(kernel),
        None => process,
    };
    if let (Some(kept), Some(rooms)) = (kept, load.rooms) {
        let most = kept.most(rooms.max(1.0));
        all.value += most;
        all.interval = all.interval.map(|i| Interval { low: i.low + most, high: i.high + most });
    }
    Some(all)
}

/// The load by which CPU is reckoned: of those that were limited the least busy one, else the busiest that was measured; of the same way to send
/// before others.
fn confirmed<'e>(evidence: &'e Evidence, way: Way, objective: Option<&Threshold>) -> Result<&'e Confirmed, Refusal> {
    let all = &evidence.confirmed;
    let default = all.iter().find(|c| c.limited).or(all.first()).map(|c| &c.objectives);
    let covers = |c: &&Confirmed| match objective {
        Some(objective) => c.covers(objective),
        None => Some(&c.objectives) == default,
    };
    let these: Vec<&Confirmed> = all.iter().filter(covers).collect();
    let busy = |c: &Confirmed| c.busy.unwrap_or(f64::NAN);
    let of_way = |same: bool| these.iter().copied().filter(move |c| (c.compression == way) == same && c.busy.is_some());
    let limited = |same: bool| of_way(same).filter(|c| c.limited).min_by(|a, b| busy(a).total_cmp(&busy(b)));
    let busiest = |same: bool| of_way(same).max_by(|a, b| busy(a).total_cmp(&busy(b)));
    // A limit that was found says more than a load that happened to be run, though messages travelled another way.
    let best = limited(true).or_else(|| limited(false)).or_else(|| busiest(true)).or_else(|| busiest(false));
    best.or(these.first().copied()).ok_or_else(|| {
        let mut seen: Vec<String> = all.iter().map(|c| c.objectives.join(" and ")).collect();
        seen.sort();
        seen.dedup();
        let asked = objective.map_or("any objective".to_owned(), |o| format!("{} {}", o.metric, o.text));
        Refusal::NotConfirmed {
            cure: match objective {
                Some(_) => format!("find one with: fanout capacity FILE --slo '{asked}'"),
                None => "find one with: fanout capacity FILE --slo 'latency.due.p99 < 100ms'".to_owned(),
            },
            asked,
            seen: match seen.len() {
                0 => "these searches found none".to_owned(),
                _ => format!("there are loads only for {}", seen.join("; ")),
            },
        }
    })
}

/// The most deliveries a second that the law of a search allows on such a machine, where it has a peak.
fn throughput(by: &Confirmed, machine: &Machine) -> Option<f64> {
    let fit = Fit::of(&by.levels)?;
    let peak = fit.peak.filter(|peak| !fit.is_guess(*peak))?;
    Some(fit.law.throughput(peak) * machine.cores / f64::from(by.cores.unwrap_or(1)))
}

/// The law's throughput where as many deliveries are asked for as one server has.
fn law(by: &Confirmed, machine: &Machine, load: &Load) -> Option<Lawful> {
    let fit = Fit::of(&by.levels)?;
    let cores = machine.cores / f64::from(by.cores.unwrap_or(1));
    // Deliveries and the axis of the search have different units: the law's rate is the deliveries of one unit.
    let n = load.deliveries_per_s / cores / fit.law.rate;
    let band = fit.band(n);
    Some(Lawful {
        asked: load.deliveries_per_s,
        throughput: fit.law.throughput(n) * cores,
        band: Interval { low: band.low * cores, high: band.high * cores },
        times: n / fit.measured_to,
    })
}

/// More cores than were measured, and more connections on one server than were confirmed.
fn beyond(by: &Confirmed, machine: &Machine, load: &Load) -> Vec<Beyond> {
    let cores = by.cores.map(f64::from);
    let cores = cores.and_then(|measured| Beyond::of(Respect::Cores, machine.cores, &[1.0, measured]));
    let connections = (load.connections > by.connections)
        .then(|| Beyond::of(Respect::Connections, load.connections, &[by.connections]));
    cores.into_iter().chain(connections.flatten()).collect()
}

/// The least number up to `most` that fits, where every larger one fits too.
fn least(most: u64, fits: impl Fn(u64) -> bool) -> Option<u64> {
    if !fits(most) {
        return None;
    }
    let (mut low, mut high) = (0, most);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) { high = middle } else { low = middle }
    }
    Some(high)
}
