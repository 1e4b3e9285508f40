//! The answer, as `plan.json` has it. Sizes in bytes, times in microseconds, CPU in cores.

use serde::Serialize;

use super::asked::{Asked, Wanted};
use super::basis::{Basis, FAR, Figure};
use super::confirmed::threshold;
use super::costs::Costs;
use super::evidence::{Evidence, Refusal, Source};
use super::fitted::Fitted;
use super::load::Load;
use super::models::Models;
use super::servers::{Servers, fewest};
use crate::thresholds::Threshold;
use crate::way::Way;

/// Points of a curve.
const STEPS: u32 = 48;
const LOW_STEPS: u32 = 16;

/// A plan.
#[derive(Debug, Clone, Serialize)]
pub struct Sizing {
    /// Version of this format: 1.
    pub schema: u32,
    /// What is planned for.
    pub asked: Asked,
    /// What must hold, where it was named.
    pub objective: Option<String>,
    /// How many servers, where a machine was named.
    pub servers: Option<Servers>,
    /// What one server has to do: that with most rooms, or the only one.
    pub load: Load,
    /// Cores that it keeps busy; `None`: not measured.
    pub cpu: Option<Figure>,
    /// What that was fitted to.
    pub fitted: Fitted,
    /// Resident memory of its process; `None`: not measured.
    pub process_bytes: Option<Figure>,
    /// The kernel's memory for its connections, both ends; `None`: not measured.
    pub kernel_bytes: Option<Figure>,
    /// The most that its rooms keep, as it is configured; `None`: not known of this server.
    pub kept_bytes: Option<f64>,
    /// What all servers send, for each way that was measured; that which is planned for first.
    pub traffic: Vec<Traffic>,
    /// CPU against deliveries, memory against connections.
    pub curves: Vec<Curve>,
    /// What it is made from.
    pub evidence: Evidence,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// Bytes and prices of one way to send.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Traffic {
    /// Which.
    pub compression: Way,
    /// All servers together, frame headers included.
    pub bytes_per_s: Option<Figure>,
    /// Cores of the server with most rooms.
    pub cpu: Option<Figure>,
    /// Servers that it takes; `None`: not asked, or no number is enough.
    pub servers: Option<u64>,
    /// Prices, where there are any.
    pub costs: Option<Costs>,
}

/// A cost against load.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// `cpu` or `process_bytes`.
    pub what: &'static str,
    /// `deliveries_per_s` or `connections`.
    pub against: &'static str,
    /// Loads in the proportions that are asked for.
    pub line: Vec<Point>,
    /// What runs have measured that the line is fitted to.
    pub measured: Vec<[f64; 2]>,
    /// Runs in which the server's CPU was full, which it is not fitted to.
    pub full: Vec<[f64; 2]>,
    /// The load of one server.
    pub asked: f64,
}

/// A point of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// The load.
    pub load: f64,
    /// The cost.
    pub value: f64,
    /// Lower end of its interval; the value where there is none.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Sizing {
    /// Plans for a load from results.
    ///
    /// # Errors
    /// When the results cannot be put together, or do not know what is asked.
    pub fn of(sources: &[Source], wanted: &Wanted, objective: Option<&str>) -> Result<Self, Refusal> {
        let objective: Option<Threshold> =
            objective.map(threshold).transpose().map_err(|e| Refusal::Flag(format!("--objective: {e}")))?;
        if objective.is_some() && wanted.machine.is_none() {
            return Err(Refusal::Flag(
                "an objective decides how many servers it takes: say what one has, with --cores and --memory"
                    .to_owned(),
            ));
        }
        let evidence = Evidence::of(sources, objective.as_ref())?;
        let asked = Asked::of(wanted, &evidence)?;
        let models = Models::of(&evidence.observations, asked.compression);
        if !evidence.observations.iter().any(|o| o.compression == asked.compression) {
            return Err(Refusal::NotMeasured {
                what: format!("a server {}", asked.compression.words()),
                cure: "make runs with it (connections.NAME.compression and target.server.compression)",
            });
        }
        let find = |way: Way, models: &Models| {
            let machine = asked.machine.as_ref();
            machine.map(|machine| fewest(&asked, machine, way, models, &evidence, objective.as_ref())).transpose()
        };
        let servers = find(asked.compression, &models)?;
        let load = servers.as_ref().map_or(asked.load, |servers| servers.load);
        let ways = [Way::Off, Way::Standalone, Way::Shared]
            .into_iter()
            .filter(|way| *way == asked.compression || evidence.observations.iter().any(|o| o.compression == *way));
        let mut traffic: Vec<Traffic> = ways
            .map(|way| {
                let models = Models::of(&evidence.observations, way);
                let servers = find(way, &models).ok().flatten();
                traffic(way, &asked, &models, servers.as_ref())
            })
            .collect();
        traffic.sort_by_key(|traffic| traffic.compression != asked.compression);
        let mut notes = asked.assumed.clone();
        notes.extend(evidence.notes.iter().cloned());
        Ok(Self {
            schema: 1,
            objective: objective.map(|o| format!("{} {}", o.metric, o.text)),
            cpu: models.cpu(&load),
            fitted: models.fitted().clone(),
            process_bytes: models.process(&load),
            kernel_bytes: models.kernel(&load),
            kept_bytes: evidence.kept.as_ref().zip(load.rooms).map(|(kept, rooms)| kept.most(rooms.max(1.0))),
            curves: curves(&models, &evidence, &asked, &load),
            traffic,
            servers,
            load,
            asked,
            evidence,
            notes,
        })
    }

    /// How many times beyond what was measured the furthest of all figures is; `None`: none is more than twice.
    #[must_use]
    pub fn far(&self) -> Option<f64> {
        let needs = self.servers.iter().flat_map(|servers| servers.needs.iter().map(|need| &need.figure));
        let alone = [&self.cpu, &self.process_bytes, &self.kernel_bytes].into_iter().flatten();
        let sent = self.traffic.iter().filter_map(|traffic| traffic.bytes_per_s.as_ref());
        let of_figures = needs.chain(alone).chain(sent).flat_map(|figure| match &figure.basis {
            Basis::Extrapolated(all) => all.as_slice(),
            Basis::Measured | Basis::Interpolated => &[],
        });
        let of_servers = self.servers.iter().flat_map(|servers| &servers.beyond);
        let law = self.servers.iter().filter_map(|servers| servers.law.map(|law| law.times));
        let times = of_figures.chain(of_servers).map(|beyond| beyond.times).chain(law).fold(1.0, f64::max);
        (times > FAR).then_some(times)
    }

    /// 0: there is an answer; 3: no number of servers is enough.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.servers.as_ref().is_some_and(|servers| servers.count.is_none()) { 3 } else { 0 }
    }
}

fn traffic(way: Way, asked: &Asked, models: &Models, servers: Option<&Servers>) -> Traffic {
    let one = servers.map_or(asked.load, |servers| servers.load);
    // What one sends, so that the figure says how far the load of one is from what was measured.
    let all = asked.load.deliveries_per_s / one.deliveries_per_s;
    let bytes = models.wire(&one).filter(|_| all.is_finite()).map(|figure| figure.times(all));
    let count = servers.and_then(|servers| servers.count);
    // No price where no number of servers is enough; only that of the traffic where their number is not asked.
    let costs = (asked.machine.is_none() || count.is_some())
        .then(|| Costs::of(asked.prices, count, bytes.as_ref().map(|figure| figure.value), &asked.load));
    Traffic { compression: way, costs: costs.flatten(), cpu: models.cpu(&one), bytes_per_s: bytes, servers: count }
}

fn curves(models: &Models, evidence: &Evidence, asked: &Asked, load: &Load) -> Vec<Curve> {
    let these = || evidence.observations.iter().filter(|o| o.compression == asked.compression);
    let curve = |what,
                 against,
                 x: &dyn Fn(&Load) -> f64,
                 y: &dyn Fn(&super::Observation) -> Option<f64>,
                 is_left_out: &dyn Fn(&super::Observation) -> bool,
                 at: &dyn Fn(&Load) -> Option<Figure>| {
        let points = |left_out: bool| -> Vec<[f64; 2]> {
            these().filter(|o| is_left_out(o) == left_out).filter_map(|o| Some([x(&o.load), y(o)?])).collect()
        };
        let (measured, full) = (points(false), points(true));
        let end = measured.iter().map(|[x, _]| *x).fold(x(load), f64::max) * 1.04;
        let first = end / f64::from(STEPS);
        // Below the first of equal steps, for an axis on which each decade has the same room.
        let lowest = measured.iter().map(|[x, _]| *x).filter(|x| *x > 0.0).fold(first, f64::min);
        let below = (0..LOW_STEPS).map(|i| lowest * (first / lowest).powf(f64::from(i) / f64::from(LOW_STEPS)));
        let below = below.filter(|_| lowest < first);
        let steps = std::iter::once(0.0).chain(below).chain((1..=STEPS).map(|i| first * f64::from(i)));
        let line = steps.map(|at| at / x(load)).filter_map(|share| {
            let (load, figure) = (load.times(share), at(&load.times(share))?);
            let interval =
                figure.interval.unwrap_or(crate::analyse::Interval { low: figure.value, high: figure.value });
            Some(Point { load: x(&load), value: figure.value, low: interval.low, high: interval.high })
        });
        let line: Vec<Point> = line.collect();
        (x(load) > 0.0 && !line.is_empty()).then_some(Curve { what, against, line, measured, full, asked: x(load) })
    };
    let deliveries = |load: &Load| load.deliveries_per_s;
    let connections = |load: &Load| load.connections;
    [
        curve("cpu", "deliveries_per_s", &deliveries, &|o| o.cpu, &super::Observation::is_full, &|load| {
            models.cpu(load)
        }),
        curve("process_bytes", "connections", &connections, &|o| o.rss_bytes, &|_| false, &|load| models.process(load)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
