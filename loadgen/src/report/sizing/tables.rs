//! The rows of the tables that every form of the report shares.

use super::words::{basis, cores, interval, loudly, number, per_second, scarce, servers, whole};
use crate::compare::money;
use crate::report::numbers::{bytes, count, duration_us, percent, rate, significant};
use crate::sizing::{Basis, Figure, Scarce, Sizing};

pub(in crate::report) const BEYOND_HEADS: [&str; 5] = ["", "one server", "measured", "times", "concerns"];

/// Every respect in which the plan is beyond what was measured, with what was, and which figures it concerns.
pub(in crate::report) fn all_beyond(sizing: &Sizing) -> Vec<[String; 5]> {
    let sent = sizing.traffic.iter().take(1).filter_map(|t| t.bytes_per_s.as_ref());
    let figures = [("CPU", &sizing.cpu), ("process", &sizing.process_bytes), ("kernel", &sizing.kernel_bytes)]
        .into_iter()
        .filter_map(|(name, figure)| Some((name, figure.as_ref()?)))
        .chain(sent.map(|figure| ("bytes out", figure)));
    let ones = figures.flat_map(|(name, figure)| match &figure.basis {
        Basis::Extrapolated(all) => all.iter().map(|one| (name, one)).collect(),
        Basis::Measured | Basis::Interpolated => Vec::new(),
    });
    let of_servers = sizing.servers.iter().flat_map(|servers| &servers.beyond);
    let mut rows: Vec<[String; 5]> = Vec::new();
    for (name, one) in
        ones.chain(of_servers.map(|one| (if one.what == "cores" { "CPU" } else { "the objective" }, one)))
    {
        let (low, high) = (number(one.low), number(one.high));
        let measured = if low == high { low } else { format!("{low} to {high}") };
        let row = [one.what.clone(), number(one.asked), measured, significant(one.times, 2), name.to_owned()];
        match rows.iter_mut().find(|known| known[..4] == row[..4]) {
            Some(known) => known[4] = format!("{}, {name}", known[4]),
            None => rows.push(row),
        }
    }
    rows
}

const NEED_HEADS: [&str; 7] = ["", "needs", "95 % interval", "may use", "of that", "servers", "basis"];
/// Those that have figures only where a machine is named.
const LIMITED: std::ops::Range<usize> = 3..6;

/// What the columns of `needs` are called.
pub(in crate::report) fn need_heads(sizing: &Sizing) -> Vec<&'static str> {
    let mut heads = NEED_HEADS.to_vec();
    if sizing.servers.is_none() {
        heads.drain(LIMITED);
    }
    heads
}

/// What they mean.
pub(in crate::report) fn need_explained(sizing: &Sizing) -> &'static str {
    if sizing.servers.is_none() { PREDICTED } else { PLANNED }
}

const PREDICTED: &str = "95 % interval: where the figure of one further run lies in 95 of 100 cases; basis: how far beyond what was \
                         measured, in which respect";
const PLANNED: &str = "95 % interval: where the figure of one further run lies in 95 of 100 cases; may use: what the machine has, or what the objective allows \
     of it, less the headroom; servers: if nothing else were scarce; basis: how far beyond what was measured, in which respect";

/// A row for each thing that a server may run out of, then what memory consists of.
pub(in crate::report) fn needs(sizing: &Sizing) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let parts = memory_parts(sizing);
    let limited = sizing.servers.iter().flat_map(|servers| &servers.needs);
    for need in limited {
        let shown = unit(need.what);
        rows.push(vec![
            scarce(need.what).to_owned(),
            shown(need.figure.value),
            interval(&need.figure, &shown).unwrap_or_else(dash),
            shown(need.allowed),
            percent(need.used),
            need.alone.map_or_else(|| "none".to_owned(), count),
            if need.what == Scarce::Throughput {
                "Universal Scalability Law".to_owned()
            } else {
                short_basis(&need.figure.basis)
            },
        ]);
        if need.what == Scarce::Memory {
            rows.extend(parts.iter().map(|part| part.row("  of which ")));
        }
    }
    if sizing.servers.is_none() {
        rows.extend(sizing.cpu.as_ref().map(|figure| Part::of("CPU", figure, &cores).row("")));
    }
    // Where memory is not limited its parts have no sum above them.
    if !rows.iter().any(|row| row[0].starts_with("  ")) {
        rows.extend(parts.iter().map(|part| part.row("memory of ")));
    }
    if sizing.servers.is_none() {
        rows.iter_mut().for_each(|row| drop(row.drain(LIMITED)));
    }
    rows
}

/// A row of the table of needs that nothing limits.
struct Part {
    name: &'static str,
    value: String,
    interval: String,
    basis: String,
}

impl Part {
    fn of(name: &'static str, figure: &Figure, shown: &dyn Fn(f64) -> String) -> Self {
        let interval = interval(figure, shown).unwrap_or_else(dash);
        Self { name, value: shown(figure.value), interval, basis: short_basis(&figure.basis) }
    }

    fn row(&self, before: &str) -> Vec<String> {
        let name = format!("{before}{}", self.name);
        vec![name, self.value.clone(), self.interval.clone(), dash(), dash(), dash(), self.basis.clone()]
    }
}

/// What memory consists of.
fn memory_parts(sizing: &Sizing) -> Vec<Part> {
    let known = [("its process", &sizing.process_bytes), ("the kernel", &sizing.kernel_bytes)];
    let known = known.into_iter().filter_map(|(name, figure)| Some(Part::of(name, figure.as_ref()?, &bytes)));
    let kept = sizing.kept_bytes.map(|kept| Part {
        name: "rooms' history",
        value: bytes(kept),
        interval: dash(),
        basis: "as configured, full".to_owned(),
    });
    known.chain(kept).collect()
}

fn dash() -> String {
    "-".to_owned()
}

pub(in crate::report) const TRAFFIC_HEADS: [&str; 6] =
    ["", "a second", "95 % interval", "a month", "CPU of one server, cores", "basis"];

/// What all servers send, a row for each way that was measured.
pub(in crate::report) fn traffic(sizing: &Sizing) -> Vec<Vec<String>> {
    let month = 730.0 * 3600.0;
    sizing
        .traffic
        .iter()
        .filter_map(|traffic| {
            let figure = traffic.bytes_per_s.as_ref()?;
            Some(vec![
                traffic.compression.words().to_owned(),
                per_second(figure.value),
                interval(figure, &per_second).unwrap_or_else(|| "-".to_owned()),
                format!("{} GB", significant(figure.value * month / 1e9, 3)),
                traffic.cpu.as_ref().map_or_else(|| "not known".to_owned(), |cpu| significant(cpu.value, 3)),
                short_basis(&figure.basis),
            ])
        })
        .collect()
}

pub(in crate::report) const COST_HEADS: [&str; 6] =
    ["a month", "cost of servers", "cost of traffic", "together", "1,000 connections", "a million deliveries"];

/// Prices, a row for each way that was measured; empty without prices.
pub(in crate::report) fn costs(sizing: &Sizing) -> Vec<Vec<String>> {
    let known = |price: Option<f64>| price.map_or_else(|| "-".to_owned(), money);
    let priced = sizing.traffic.iter().filter_map(|traffic| Some((traffic, traffic.costs?)));
    priced
        .map(|(traffic, costs)| {
            let of = traffic.servers.map_or_else(String::new, |n| format!(", {}", servers(n)));
            vec![
                format!("{}{of}", traffic.compression.words()),
                known(costs.servers_per_month),
                known(costs.traffic_per_month),
                money(costs.per_month),
                money(costs.per_month_per_1000_connections),
                known(costs.per_million_deliveries),
            ]
        })
        .collect()
}

pub(in crate::report) const LEVEL_HEADS: [&str; 9] =
    ["", "connections", "rooms", "deliveries/s", "message", "compression", "CPU, cores", "memory", "p99"];

/// Every level that costs are fitted to.
pub(in crate::report) fn levels(sizing: &Sizing) -> Vec<Vec<String>> {
    let known = |value: Option<f64>, shown: &dyn Fn(f64) -> String| value.map_or_else(|| "-".to_owned(), shown);
    let observations = &sizing.evidence.observations;
    let above = common(observations.iter().map(|o| o.source.as_str()));
    observations
        .iter()
        .map(|o| {
            vec![
                o.source[above..].to_owned(),
                whole(o.load.connections),
                known(o.load.rooms, &whole),
                rate(o.load.deliveries_per_s),
                known(o.load.message_bytes, &bytes),
                o.compression.name().to_owned(),
                known(o.cpu, &|cpu| format!("{}{}", if o.is_full() { "full: " } else { "" }, significant(cpu, 3))),
                known(o.rss_bytes, &bytes),
                known(o.p99, &duration_us),
            ]
        })
        .collect()
}

/// The same for a table: `EXTRAPOLATED 3 x (connections)`.
fn short_basis(of: &Basis) -> String {
    match of {
        Basis::Extrapolated(all) if !all.is_empty() => {
            format!("{} {} x ({})", loudly(&all[0]), significant(all[0].times, 2), all[0].what)
        }
        other => basis(other),
    }
}

fn unit(what: Scarce) -> impl Fn(f64) -> String {
    move |value| match what {
        Scarce::Cpu => cores(value),
        Scarce::Memory => bytes(value),
        Scarce::Link => per_second(value),
        Scarce::Throughput => format!("{}/s", rate(value)),
    }
}

/// How much of these paths is the directory that all of them are in.
fn common<'s>(mut paths: impl Iterator<Item = &'s str>) -> usize {
    let first = paths.next().unwrap_or_default();
    let alike = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let length = paths.fold(first.len(), |length, path| length.min(alike(first, path)));
    first.as_bytes()[..length].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1)
}
