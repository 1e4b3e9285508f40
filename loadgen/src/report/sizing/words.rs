//! The sentences and cells that every form of the report shares.

use crate::compare::money;
use crate::report::numbers::{bytes, count, deliveries_per_s, percent, publishes_per_s, rate, significant, with_unit};
use crate::sizing::{Basis, Beyond, FAR, Figure, Lawful, Load, Machine, Scarce, Servers, Sizing, Traffic};
use crate::way::Way;

/// From this share of what is asked on, a law of throughput is a straight line to a reader.
const STRAIGHT: f64 = 0.99;

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
    let users = format!("{}{}", users(&sizing.asked.load), rooms(&sizing.asked.load, " in "));
    match &sizing.servers {
        None => format!("what one server needs for {users}{}", far(sizing)),
        Some(Servers { count: Some(n), .. }) => format!("{} for {users}{}", servers(*n), far(sizing)),
        Some(Servers { count: None, .. }) => format!("for {users}{}", far(sizing)),
    }
}

/// How far the furthest figure lies beyond what was measured, where that is further than the measured range again.
fn far(sizing: &Sizing) -> String {
    sizing.far().map_or_else(String::new, |times| format!(", EXTRAPOLATED {} times", significant(times, 2)))
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
        "{}{each} = {}{size}, {}",
        publishes_per_s(all.publishes_per_s),
        deliveries_per_s(all.deliveries_per_s),
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
    lines.extend(found.stricter.iter().map(|held| format!("confirmed for {held}, which is stricter than asked")));
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
        None if name == "CPU" && sizing.fitted.only_full() => {
            "CPU not known: the server's CPU was full in all of the results; make runs at lower loads too".to_owned()
        }
        None => format!("{name} not known: it was not measured"),
    };
    let mut lines =
        vec![said("CPU", &sizing.cpu, &cores), said("memory of the process", &sizing.process_bytes, &bytes)];
    let had = sizing.evidence.observations.iter().filter_map(|o| o.cores).max().map(f64::from);
    if let (Some(cpu), Some(had)) = (&sizing.cpu, had)
        && cpu.value > had
    {
        let had = if had == 1.0 { "1 core".to_owned() } else { cores(had) };
        lines.insert(1, format!("that is more than the {had} that the server had when it was measured: with no more it would fall behind"));
    }
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
    let value = shown(figure.value);
    let interval = interval(figure, shown).filter(|interval| *interval != value);
    let interval = interval.map_or_else(String::new, |interval| format!(" ({interval})"));
    format!("{value}{interval}, {}", basis(&figure.basis))
}

/// `1.1 to 1.3 cores`, one figure where both ends show the same; `None` where too few runs were made.
pub(in crate::report) fn interval(figure: &Figure, shown: &dyn Fn(f64) -> String) -> Option<String> {
    let (low, high) = figure.interval.map(|interval| (shown(interval.low), shown(interval.high)))?;
    if low == high {
        return Some(high);
    }
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

pub(super) fn loudly(one: &Beyond) -> &'static str {
    if one.times > FAR { "EXTRAPOLATED" } else { "extrapolated" }
}

/// `EXTRAPOLATED 3 times: connections 15,000, measured up to 5,000`.
fn beyond(one: &Beyond) -> String {
    let measured =
        if one.asked > one.high { format!("up to {}", number(one.high)) } else { format!("from {}", number(one.low)) };
    let times = significant(one.times, 2);
    format!("{} {times} times: {} {}, measured {measured}", loudly(one), one.what, number(one.asked))
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
    lines.extend(by.full_to.iter().map(|to| match *to == by.load {
        true => "its CPU was full there, where it may write several messages at once; as another load need not allow that, 90 % counts".to_owned(),
        false => format!(
            "it held up to {to} too, with the server's CPU full: there it may write several messages at once, which another load need not allow, \
             so the busiest level with CPU to spare counts"
        ),
    }));
    lines.push(match (&by.cause, by.limited) {
        (Some(cause), true) => format!("above it gave way: {cause}"),
        (None, true) => "above it the objective broke".to_owned(),
        (Some(cause), false) => format!("it holds at least so much: above it gave way {cause}"),
        (None, false) if by.to_the_end => {
            "it holds at least so much: the search ended with its range; search again with a higher --range".to_owned()
        }
        (None, false) => {
            "it holds at least so much: no higher load was measured; fanout capacity finds the limit".to_owned()
        }
    });
    lines.extend(servers.law.as_ref().map(lawful));
    lines
}

/// How well the figures of CPU fit what was measured, and which runs they are not fitted to.
pub(in crate::report) fn fitted(sizing: &Sizing) -> Vec<String> {
    let of = &sizing.fitted;
    let runs =
        |n: usize| if n == 1 { "1 run or trial".to_owned() } else { format!("{} runs and trials", count(n as u64)) };
    let mut lines = Vec::new();
    if let (Some(_), Some(miss)) = (&sizing.cpu, &of.furthest) {
        lines.push(format!(
            "CPU is fitted to {}; the furthest off is {}: measured {}, fitted {} ({} off)",
            runs(of.runs),
            miss.source,
            significant(miss.measured, 3),
            cores(miss.fitted),
            if miss.share() < 0.001 { "less than 0.1 %".to_owned() } else { percent(miss.share()) }
        ));
    }
    if of.full > 0 && of.runs > 0 {
        lines.push(format!(
            "{} left out of it, as the server's CPU was full (90 % or more): it may write several messages at once then, so what it used does not \
             say what deliveries cost that do not wait for each other",
            match of.full {
                1 => "1 is".to_owned(),
                n => format!("{} are", count(n as u64)),
            }
        ));
    }
    lines.extend(of.dearest_us.map(|us| {
        format!(
            "these differ too much for a fit to say what a delivery costs: CPU is reckoned with the dearest of them, {} us a delivery, and so is \
             an upper figure",
            significant(us, 3)
        )
    }));
    lines
}

/// What the law of the search says of the load of one server; where it is a straight line it says only so.
fn lawful(law: &Lawful) -> String {
    let far = match law.times {
        times if times > FAR => format!(", EXTRAPOLATED {} times", significant(times, 2)),
        _ => String::new(),
    };
    // What one fit calls straight, others of the same trials may not.
    if law.throughput.min(law.band.low) >= STRAIGHT * law.asked {
        return format!(
            "by the Universal Scalability Law of that search throughput still grows in step with the load at the {} of one server{far}",
            deliveries_per_s(law.asked)
        );
    }
    format!(
        "by the Universal Scalability Law of that search {} ({} to {}) of the {} of one server get through{far}",
        rate(law.throughput),
        rate(law.band.low),
        rate(law.band.high),
        deliveries_per_s(law.asked)
    )
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

pub(super) fn scarce(what: Scarce) -> &'static str {
    match what {
        Scarce::Cpu => "CPU",
        Scarce::Memory => "memory",
        Scarce::Link => "the link",
        Scarce::Throughput => "throughput",
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
        "{}{}, {} = {}",
        users(load),
        rooms(load, " in "),
        publishes_per_s(load.publishes_per_s),
        deliveries_per_s(load.deliveries_per_s)
    )
}

fn users(load: &Load) -> String {
    with_unit(&whole(load.connections), ["user", "users"])
}

fn rooms(load: &Load, before: &str) -> String {
    load.rooms.map_or_else(String::new, |rooms| format!("{before}{}", with_unit(&whole(rooms), ["room", "rooms"])))
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

pub(super) fn number(value: f64) -> String {
    if value >= 1000.0 { whole(value) } else { significant(value, 3) }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts, not negative")]
pub(in crate::report) fn whole(value: f64) -> String {
    count(value.max(0.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::Interval;

    #[test]
    fn a_law_is_called_straight_only_where_its_whole_band_is() {
        let of = |low: f64| {
            lawful(&Lawful {
                asked: 200_000.0,
                throughput: 199_900.0,
                band: Interval { low, high: 200_000.0 },
                times: 1.0,
            })
        };
        assert!(
            of(199_000.0).contains("still grows in step with the load at the 200,000 deliveries/s"),
            "{}",
            of(199_000.0)
        );
        assert!(of(90_000.0).contains("199,900 (90,000 to 200,000) of the 200,000 deliveries/s"), "{}", of(90_000.0));
    }
}
