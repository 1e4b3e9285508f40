//! The sentences and cells that every form of the report shares.

use crate::report::numbers::{bytes, count, duration_us, percent, rate, significant};
use crate::sizing::{Basis, Beyond, Figure, Load, Machine, Scarce, Servers, Sizing, Traffic};
use crate::way::Way;

/// The word that opens the report.
pub(in crate::report) fn word(sizing: &Sizing) -> &'static str {
    match &sizing.servers {
        None => "PREDICTED",
        Some(Servers { count: Some(_), .. }) => "PLANNED",
        Some(Servers { count: None, .. }) => "NO NUMBER OF SERVERS IS ENOUGH",
    }
}

/// What follows it.
pub(in crate::report) fn opening(sizing: &Sizing) -> String {
    let users = format!("{} users{}", whole(sizing.asked.load.connections), rooms(&sizing.asked.load, " in "));
    match &sizing.servers {
        None => format!("what one server needs for {users}"),
        Some(Servers { count: Some(n), .. }) => format!("{} for {users}", servers(*n)),
        Some(Servers { count: None, .. }) => format!("for {users}"),
    }
}

/// The answer, in sentences.
pub(in crate::report) fn answer(sizing: &Sizing) -> Vec<String> {
    let mut lines = vec![load(sizing)];
    if let (Some(found), Some(machine)) = (&sizing.servers, &sizing.asked.machine) {
        lines.extend(how_many(sizing, found, machine));
    }
    lines.extend(sizing.traffic.iter().filter_map(sent));
    if sizing.servers.is_none() {
        lines.extend(alone(sizing));
    }
    lines.extend(sizing.traffic.first().and_then(cost));
    lines
}

fn load(sizing: &Sizing) -> String {
    let all = &sizing.asked.load;
    let each = match all.rooms {
        Some(rooms) if rooms > 1.0 => format!(" ({} in each room)", rate(all.publishes_per_s / rooms)),
        _ => String::new(),
    };
    let size = all.message_bytes.map_or_else(String::new, |size| format!(" of {}", bytes(size)));
    format!(
        "{} publishes/s{each} = {} deliveries/s{size}, {}",
        rate(all.publishes_per_s),
        rate(all.deliveries_per_s),
        sizing.asked.compression.words()
    )
}

fn how_many(sizing: &Sizing, found: &Servers, machine: &Machine) -> Vec<String> {
    let objective = sizing.objective.clone().unwrap_or_else(|| found.by.objectives.join(" and "));
    let of =
        format!("of {}, each to stay {} free, for {objective}", described(machine), percent(sizing.asked.headroom));
    let first = found.needs.first();
    let Some(n) = found.count else {
        let why = first
            .map_or_else(String::new, |need| format!("{} would be used to {}", scarce(need.what), percent(need.used)));
        return vec![format!("servers {of}: even with one room on each, {why}; a room is whole on one server")];
    };
    let more = match found.count_high {
        Some(high) if high > n => format!(" ({} if every cost is at the upper end of its interval)", count(high)),
        Some(_) => String::new(),
        None => " (at the upper end of the intervals no number is enough)".to_owned(),
    };
    let mut lines = vec![format!("{} {of}{more}", servers(n))];
    lines.extend(
        first.map(|need| {
            format!("what gives way first: {}, {} of what it may use", scarce(need.what), percent(need.used))
        }),
    );
    lines.extend(found.beyond.iter().map(|one| {
        let assumed =
            if one.what == "cores" { "they are taken to do as much each" } else { "the objective was not tried there" };
        format!("{}; {assumed}", beyond(one))
    }));
    lines
}

/// What one server needs, where their number is not asked.
fn alone(sizing: &Sizing) -> Vec<String> {
    let said = |name: &str, figure: &Option<Figure>, shown: &dyn Fn(f64) -> String| match figure {
        Some(figure) => format!("{name} {}", said(figure, shown)),
        None => format!("{name} not known: it was not measured"),
    };
    let mut lines =
        vec![said("CPU", &sizing.cpu, &cores), said("memory of the process", &sizing.process_bytes, &bytes)];
    lines.extend(sizing.kernel_bytes.is_some().then(|| said("memory of the kernel", &sizing.kernel_bytes, &bytes)));
    lines
}

fn sent(traffic: &Traffic) -> Option<String> {
    let figure = traffic.bytes_per_s.as_ref()?;
    Some(format!("out {}: {}", traffic.compression.words(), said(figure, &per_second)))
}

fn cost(traffic: &Traffic) -> Option<String> {
    let costs = traffic.costs?;
    let million = costs
        .per_million_deliveries
        .map_or_else(String::new, |price| format!(", {} for a million deliveries", money(price)));
    Some(format!(
        "cost: {} a month, {} for 1,000 connections{million}",
        money(costs.per_month),
        money(costs.per_month_per_1000_connections)
    ))
}

/// A figure with its interval and its basis: `1.2 cores (1.1 to 1.3), measured`.
pub(in crate::report) fn said(figure: &Figure, shown: &dyn Fn(f64) -> String) -> String {
    let interval = interval(figure, shown).map_or_else(String::new, |interval| format!(" ({interval})"));
    format!("{}{interval}, {}", shown(figure.value), basis(&figure.basis))
}

/// `1.1 to 1.3 cores`; `None` where too few runs were made.
pub(in crate::report) fn interval(figure: &Figure, shown: &dyn Fn(f64) -> String) -> Option<String> {
    let (low, high) = figure.interval.map(|interval| (shown(interval.low), shown(interval.high)))?;
    // The unit is said once where both have the same.
    let unit = high.split_once(' ').map(|(_, unit)| unit);
    let bare =
        low.split_once(' ').filter(|(_, of_low)| Some(*of_low) == unit).map_or(low.as_str(), |(number, _)| number);
    Some(format!("{bare} to {high}"))
}

/// Whether a figure is measured, interpolated or extrapolated, and how far beyond what.
pub(in crate::report) fn basis(basis: &Basis) -> String {
    match basis {
        Basis::Measured => "measured".to_owned(),
        Basis::Interpolated => "interpolated".to_owned(),
        Basis::Extrapolated(all) => all.first().map_or_else(|| "extrapolated".to_owned(), beyond),
    }
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

fn loudly(one: &Beyond) -> &'static str {
    if one.times > 2.0 { "EXTRAPOLATED" } else { "extrapolated" }
}

/// `EXTRAPOLATED 3 times: connections 15,000, measured up to 5,000`.
fn beyond(one: &Beyond) -> String {
    let measured =
        if one.asked > one.high { format!("up to {}", number(one.high)) } else { format!("from {}", number(one.low)) };
    let times = significant(one.times, 2);
    format!("{} {times} times: {} {}, measured {measured}", loudly(one), one.what, number(one.asked))
}

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

/// By what the CPU of a server is reckoned.
pub(in crate::report) fn reckoned(servers: &Servers, way: Way) -> Vec<String> {
    let by = &servers.by;
    let (busy, cores) = (by.busy.map_or_else(|| "an unknown share".to_owned(), percent), by.cores.unwrap_or(1));
    let of = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    let mut lines = vec![format!(
        "{} held at {} ({}), where the server was busy for {busy} of {of}: so busy it may be, less the headroom",
        by.objectives.join(" and "),
        by.load,
        by.source
    )];
    if by.compression != way {
        lines.push(format!(
            "it was measured {}: how late messages are is taken to depend on how busy the server is alone",
            by.compression.words()
        ));
    }
    lines.push(match (&by.cause, by.limited) {
        (Some(cause), true) => format!("above it gave way: {cause}"),
        (None, true) => "above it the objective broke".to_owned(),
        (Some(cause), false) => format!("it holds at least so much: above it gave way {cause}"),
        (None, false) => {
            "it holds at least so much: no higher load was measured; `fanout capacity` finds the limit".to_owned()
        }
    });
    lines
}

pub(in crate::report) const LEVEL_HEADS: [&str; 9] =
    ["", "connections", "rooms", "deliveries/s", "message", "compression", "CPU", "memory", "p99"];

/// Every level that costs are fitted to.
pub(in crate::report) fn levels(sizing: &Sizing) -> Vec<Vec<String>> {
    let known = |value: Option<f64>, shown: &dyn Fn(f64) -> String| value.map_or_else(|| "-".to_owned(), shown);
    sizing
        .evidence
        .observations
        .iter()
        .map(|o| {
            vec![
                o.source.clone(),
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

/// What every plan takes for granted.
pub(in crate::report) fn granted(sizing: &Sizing) -> Vec<String> {
    let e = &sizing.evidence.environment;
    let mut lines = vec![
        format!("a core of the planned servers is taken to be one of the machine that was measured on ({})", e.cpu),
        "measured over loopback: a network card and its interrupts cost CPU that is not in these figures".to_owned(),
        "bytes are those of WebSocket frames; TCP and IP add about 52 bytes to every packet".to_owned(),
    ];
    if sizing.kernel_bytes.is_some() {
        lines.push(
            "kernel memory is of both ends of a connection, as on one machine; a server alone has about half of it"
                .to_owned(),
        );
    }
    if sizing.asked.load.rooms.is_some_and(|rooms| rooms > 1.0) {
        lines.push("users are spread evenly over rooms, and each room is whole on one server".to_owned());
    }
    if sizing.traffic.iter().any(|traffic| traffic.costs.is_some()) {
        lines.push(
            "a month has 730 hours, all with this load; prices are in the currency that they were given in".to_owned(),
        );
    }
    let has = |way| sizing.traffic.iter().any(|traffic| traffic.compression == way);
    if !has(Way::Shared) {
        lines.push("with shared compression: not known, as no run with it was given".to_owned());
    }
    lines
}

fn scarce(what: Scarce) -> &'static str {
    match what {
        Scarce::Cpu => "CPU",
        Scarce::Memory => "memory",
        Scarce::Link => "the link",
        Scarce::Throughput => "throughput",
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

fn described(machine: &Machine) -> String {
    let mut text =
        if machine.cores == 1.0 { "1 core".to_owned() } else { format!("{} cores", significant(machine.cores, 3)) };
    if let Some(memory) = machine.memory_bytes {
        text += &format!(" and {}", bytes(memory));
    }
    if let Some(link) = machine.link_bytes_per_s {
        text += &format!(" that can send {}", per_second(link));
    }
    text
}

/// What the server with most rooms has to do.
pub(in crate::report) fn one(load: &Load) -> String {
    format!(
        "{} users{}, {} publishes/s = {} deliveries/s",
        whole(load.connections),
        rooms(load, " in "),
        rate(load.publishes_per_s),
        rate(load.deliveries_per_s)
    )
}

fn rooms(load: &Load, before: &str) -> String {
    match load.rooms {
        None => String::new(),
        Some(rooms) if rooms.round() == 1.0 => format!("{before}1 room"),
        Some(rooms) => format!("{before}{} rooms", whole(rooms)),
    }
}

pub(in crate::report) fn servers(n: u64) -> String {
    if n == 1 { "1 server".to_owned() } else { format!("{} servers", count(n)) }
}

/// CPU in cores.
pub(in crate::report) fn cores(value: f64) -> String {
    format!("{} cores", significant(value, 3))
}

pub(in crate::report) fn per_second(value: f64) -> String {
    format!("{}/s", bytes(value))
}

fn money(price: f64) -> String {
    if price < 100.0 { significant(price, 3) } else { whole(price) }
}

fn number(value: f64) -> String {
    if value >= 1000.0 { whole(value) } else { significant(value, 3) }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts, not negative")]
pub(in crate::report) fn whole(value: f64) -> String {
    count(value.max(0.0).round() as u64)
}
