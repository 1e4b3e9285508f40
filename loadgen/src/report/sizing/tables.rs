//! The rows of the tables that every form of the report shares.

use super::words::{basis, cores, interval, loudly, number, per_second, scarce, servers, whole};
use crate::compare::money;
use crate::report::numbers::{bytes, count, duration_us, percent, rate, significant};
use crate::sizing::{Basis, Figure, Scarce, Sizing};

/// Every respect in which the plan is beyond what was measured, with what was.
pub(in crate::report) fn all_beyond(sizing: &Sizing) -> Vec<[String; 3]> {
    let figures =
        [&sizing.cpu, &sizing.process_bytes, &sizing.kernel_bytes].into_iter().flatten().map(|figure| &figure.basis);
    let sent = sizing.traffic.iter().take(1).filter_map(|t| t.bytes_per_s.as_ref()).map(|figure| &figure.basis);
    let mut rows: Vec<[String; 3]> = Vec::new();
    let ones = figures.chain(sent).flat_map(|basis| match basis {
        Basis::Extrapolated(all) => all.as_slice(),
        Basis::Measured | Basis::Interpolated => &[],
    });
    for one in ones.chain(sizing.servers.iter().flat_map(|servers| &servers.beyond)) {
        let measured =
            if one.low == one.high { number(one.low) } else { format!("{} to {}", number(one.low), number(one.high)) };
        let row = [one.what.clone(), number(one.asked), measured];
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    rows
}

pub(in crate::report) const NEED_HEADS: [&str; 7] = ["", "needs", "95 %", "may use", "of that", "servers", "basis"];

/// What they mean.
pub(in crate::report) const NEED_EXPLAINED: &str = "95 %: where the figure of one further run lies in 95 of 100 cases; may use: what the machine has, or what the objective allows \
     of it, less the headroom; servers: if nothing else were scarce; basis: how far beyond what was measured, in which respect";

/// A row for each thing that a server may run out of, then what memory consists of.
pub(in crate::report) fn needs(sizing: &Sizing) -> Vec<Vec<String>> {
    let dash = || "-".to_owned();
    let mut rows = Vec::new();
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
    }
    let mut plain = |name: &str, figure: &Option<Figure>, shown: &dyn Fn(f64) -> String| {
        let Some(figure) = figure else { return };
        rows.push(vec![
            name.to_owned(),
            shown(figure.value),
            interval(figure, shown).unwrap_or_else(dash),
            dash(),
            dash(),
            dash(),
            short_basis(&figure.basis),
        ]);
    };
    if sizing.servers.is_none() {
        plain("CPU", &sizing.cpu, &cores);
    }
    plain("memory of its process", &sizing.process_bytes, &bytes);
    plain("memory of the kernel", &sizing.kernel_bytes, &bytes);
    if let Some(kept) = sizing.kept_bytes {
        let mut row = vec!["history of its rooms".to_owned(), bytes(kept)];
        row.extend([dash(), dash(), dash(), dash(), "as configured, full".to_owned()]);
        rows.push(row);
    }
    rows
}

pub(in crate::report) const TRAFFIC_HEADS: [&str; 6] = ["", "a second", "95 %", "a month", "CPU of one", "basis"];

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
                traffic.cpu.as_ref().map_or_else(|| "not known".to_owned(), |cpu| cores(cpu.value)),
                short_basis(&figure.basis),
            ])
        })
        .collect()
}

pub(in crate::report) const COST_HEADS: [&str; 6] =
    ["a month", "servers", "traffic", "together", "1,000 connections", "a million deliveries"];

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
    ["", "connections", "rooms", "deliveries/s", "message", "compression", "CPU", "memory", "p99"];

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
                known(o.cpu, &|cpu| significant(cpu, 3)),
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
