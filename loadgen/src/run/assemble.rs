//! Everything known at the end of a run, as a [`Run`].

use std::collections::{BTreeMap, HashSet};

use super::account::{Account, Merged, Scope};
use super::clocks::{Clocks, bound};
use super::histograms::histograms;
use super::outcome::{End, Outcome};
use super::prepare::epoch;
use super::spreads::Spreads;
use crate::by_second;
use crate::environment::gather;
use crate::plan::{Endpoint, Observe, Plan, Via};
use crate::record::Counts;
use crate::recorder::PhaseSlot;
use crate::report::verdict::turned_away;
use crate::result::{
    AddressConnections, Connections, Environment, Figures, HttpPublishes, LoadgenCost, Observed, PhaseFigures, Reason,
    Reconnect, Run, ServerCost, Validity,
};
use crate::thresholds::{Baseline, Evidence, Watch, evaluate};
use crate::validity::{self, Claim, Purpose};
use crate::worker::AddressTally;

/// Puts the run together, judges it and evaluates the thresholds.
pub fn assemble(plan: &Plan, o: &Outcome, baseline: &Baseline) -> Run {
    let all_groups: Vec<usize> = (0..plan.groups.len()).collect();
    let measured: Vec<usize> = (0..plan.phases.len()).filter(|&p| plan.phases[p].measure).collect();
    let scope = |phases: Vec<usize>, groups: Vec<usize>| Scope {
        seconds: phases.iter().map(|&p| o.phase_seconds(p)).sum(),
        phases,
        groups,
    };
    let top = scope(measured.clone(), all_groups.clone());
    let figures = |scope: &Scope| {
        let mut figures = o.account.figures(scope);
        figures.compression.negotiated = negotiated(o, &scope.groups);
        figures
    };
    let merged = o.account.merged(&top);
    let groups = plan
        .groups
        .iter()
        .enumerate()
        .map(|(g, group)| {
            let closed = o.tally.closed_of.get(&(g as u16)).copied().unwrap_or_default();
            (group.name.clone(), Figures { closed: Some(closed), ..figures(&scope(measured.clone(), vec![g])) })
        })
        .collect();
    let phases = (0..plan.phases.len())
        .map(|p| {
            let phase = PhaseFigures {
                measure: plan.phases[p].measure,
                start_s: o.marks.get(p).map_or(0.0, |mark| mark.at as f64 / 1e9),
                length_s: o.phase_seconds(p),
                figures: figures(&scope(vec![p], all_groups.clone())),
                server_cpu_s: o.phase_cpu(p).0,
            };
            (plan.phases[p].name.clone(), phase)
        })
        .collect();
    let figures = figures(&top);
    let delivered = figures.deliveries.delivered;
    let connections = connections(o);
    let handshakes_by_tenth = tenths(&o.tally.handshakes);
    let spreads = Spreads::of(o, &measured);
    let mut run = Run {
        schema: 1,
        started: jiff::Timestamp::try_from(o.began).map_or_else(|_| String::new(), |t| t.to_string()),
        elapsed_s: o.elapsed.as_secs_f64(),
        interrupted: o.end == Some(End::Interrupted),
        ended_early: match &o.end {
            Some(End::Early(why) | End::Threshold(why) | End::Ours(why)) => Some(why.clone()),
            Some(End::Interrupted) | None => None,
        },
        scenario: plan.resolved.clone(),
        environment: environment(plan, o),
        validity: Validity { valid: true, reasons: Vec::new() },
        invalid_before: Vec::new(),
        passed: false,
        subscribers: u64::from(plan.subscribers()),
        rooms: plan.groups.iter().flat_map(|g| &g.rooms).collect::<HashSet<_>>().len() as u64,
        connect: o.tally.connect.quantiles(None),
        connect_tcp: o.tally.tcp.quantiles(None),
        connect_tls: o.tally.tls.quantiles(None),
        connect_upgrade: o.tally.upgrade.quantiles(None),
        connect_join: o.tally.join.quantiles(None),
        schedule_lag: figures.schedule_lag.clone(),
        read_age: read_age(&o.account, &measured).quantiles(None),
        spread: spreads.figures(),
        server: server_cost(plan, o, &measured, delivered),
        loadgen: loadgen_cost(plan, o, &measured, delivered),
        publishes: figures.publishes,
        http: plan.publishers.iter().any(|p| matches!(p.via, Via::Http(_))).then(|| http(o)),
        deliveries: figures.deliveries,
        rates: figures.rates,
        compression: figures.compression,
        observe: observe(plan, o, &merged, &measured),
        reconnect: Reconnect {
            peak_per_s: Reconnect::busiest(&handshakes_by_tenth),
            handshakes_by_tenth,
            ..figures.reconnect
        },
        latency: figures.latency,
        connections,
        groups,
        phases,
        intervals: o.timeline.intervals.clone(),
        thresholds: Vec::new(),
        baseline: baseline.about().cloned(),
        histograms: histograms(plan, o, &measured, &spreads),
        notes: o.notes.clone(),
        errors: o.tally.failed.iter().chain(&o.tally.closed).map(|(k, n)| (k.clone(), *n)).collect(),
    };
    run.validity = judge(plan, o, &run, &top, &merged);
    if let Some(End::Ours(why)) = &o.end {
        run.validity.valid = false;
        run.validity.reasons.push(Reason {
            rule: "broken".to_owned(),
            figure: why.clone(),
            cure: "look for what this machine ran out of (descriptors, memory), and run again".to_owned(),
        });
    }
    // Thresholds are written against run.json, so that is what they are asked of.
    let document = serde_json::to_value(&run).unwrap_or_default();
    let windows = o.timeline.watch.as_ref().map(Watch::verdicts).unwrap_or_default();
    run.thresholds = evaluate(&plan.thresholds, Evidence { run: &document, baseline, windows: &windows });
    run.passed = run.validity.valid
        && !run.interrupted
        && run.ended_early.is_none()
        && turned_away(&run) == 0
        && run.thresholds.iter().all(|t| t.pass);
    run
}

/// Connections of these groups by what they agreed on.
fn negotiated(o: &Outcome, groups: &[usize]) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    for ((_, agreed), n) in o.tally.agreed.iter().filter(|((group, _), _)| groups.contains(&usize::from(*group))) {
        *sum.entry(agreed.clone()).or_default() += n;
    }
    sum
}

/// Those in which there were any.
fn tenths(handshakes: &[u32]) -> Vec<[u32; 2]> {
    (0..).zip(handshakes).filter(|(_, n)| **n > 0).map(|(tenth, n)| [tenth, *n]).collect()
}

fn read_age(account: &Account, phases: &[usize]) -> Counts {
    let mut age = Counts::new();
    phases.iter().filter_map(|&p| account.total.phase_of(p)).for_each(|p| age.merge(&p.read_age));
    age
}

fn connections(o: &Outcome) -> Connections {
    let tally = &o.tally;
    let ramp_s = tally.began.zip(tally.last_opened).map_or(0.0, |(from, to)| to.saturating_sub(from) as f64 / 1e9);
    Connections {
        asked: tally.asked,
        opened: tally.opened,
        refused: tally.refused.values().sum(),
        failed: tally.failed.values().sum(),
        closed: tally.closed.values().sum(),
        left: tally.left.values().sum(),
        left_by: tally.left.clone(),
        refused_by_status: tally.refused.iter().map(|(s, n)| (s.to_string(), *n)).collect(),
        failed_by_cause: tally.failed.clone(),
        closed_by: tally.closed.clone(),
        addresses: addresses(o),
        ramp_s,
        joined_late: tally.joined_late,
        opened_per_s: if ramp_s > 0.0 { (tally.opened - tally.joined_late) as f64 / ramp_s } else { 0.0 },
        peak: tally.peak,
    }
}

fn http(o: &Outcome) -> HttpPublishes {
    HttpPublishes {
        answers: o.tally.answers.iter().map(|(status, n)| (status.to_string(), *n)).collect(),
        failed: o.tally.unpublished.clone(),
        answer: o.tally.answer.quantiles(None),
    }
}

/// By address, where there are several.
fn addresses(o: &Outcome) -> BTreeMap<String, AddressConnections> {
    let endpoints = &o.costs.endpoints;
    if endpoints.len() < 2 {
        return BTreeMap::new();
    }
    let counts = |(endpoint, address): (u16, &Endpoint)| {
        let AddressTally { opened, refused, failed, closed } =
            o.tally.addresses.get(&endpoint).copied().unwrap_or_default();
        (address.address.to_string(), AddressConnections { opened, refused, failed, closed })
    };
    (0..).zip(endpoints).map(counts).collect()
}

/// What an observed feed was like.
fn observe(plan: &Plan, o: &Outcome, merged: &Merged, measured: &[usize]) -> Option<Observed> {
    let Observe { rules, clock_error } = plan.observe.as_ref()?;
    let feed = o.account.feed(measured);
    let seconds: f64 = measured.iter().map(|&p| o.phase_seconds(p)).sum();
    // Where some messages say nothing, it is not known which of the lost would have.
    let expected = (feed.timed == feed.messages).then_some(merged.deliveries.expected);
    let clocks = Clocks {
        same_host: plan.target.ip().is_loopback(),
        ours: net::clock_error(),
        theirs: *clock_error,
        moved_us: (epoch() - o.epoch).unsigned_abs() as f64 / 1e3,
    };
    Some(Observed {
        messages: feed.messages,
        messages_per_s: if seconds > 0.0 { feed.messages as f64 / seconds } else { 0.0 },
        timed: feed.timed,
        implausible: feed.implausible,
        ahead: feed.ahead,
        ahead_most_us: feed.ahead_most_us,
        numbered: feed.numbered,
        gaps: feed.gaps,
        gap_messages: feed.gap_messages,
        went_back: feed.went_back,
        latency: rules.timestamp.is_some().then(|| merged.due.quantiles(expected)),
        clock: bound(rules, clocks),
    })
}

fn per(total: f64, n: u64) -> Option<f64> {
    (n > 0).then(|| total / n as f64)
}

fn server_cost(plan: &Plan, o: &Outcome, measured: &[usize], delivered: u64) -> Option<ServerCost> {
    let costs = &o.costs;
    let sampler = costs.sampler.as_ref()?;
    let idle = costs.idle.server.unwrap_or_default();
    // A server that died left its last whole sample.
    let ended = costs.ended.or(costs.connected.server).unwrap_or_default();
    let (cpu_s, _) = o.cpu_of(measured);
    let seconds: f64 = measured.iter().map(|&p| o.phase_seconds(p)).sum();
    let last_rss = o.timeline.intervals.iter().rev().find(|i| i.phase != "drain").and_then(|i| i.server_rss_bytes);
    let pinned = costs.split.server.as_ref().map(Vec::len);
    let grown = |now: u64, before: u64| now.saturating_sub(before) as f64;
    Some(ServerCost {
        pid: sampler.pid(),
        processes: sampler.pids().len() as u32,
        by_second: by_second::server(&by_second::measured(&o.timeline.intervals, |name| measures(plan, name))),
        cpu_s,
        cpu_share: if seconds > 0.0 { cpu_s / seconds } else { 0.0 },
        cores: pinned.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)) as u32,
        cpu_us_per_delivery: if plan.subscribers() > 0 { per(cpu_s * 1e6, delivered) } else { None },
        rss_bytes: last_rss.unwrap_or(ended.rss),
        rss_peak_bytes: ended.rss_peak,
        rss_idle_bytes: idle.rss,
        rss_bytes_per_connection: costs.connected.server.and_then(|c| per(grown(c.rss, idle.rss), costs.open)),
        kernel_bytes_per_connection: per(grown(costs.connected.kernel, costs.idle.kernel), costs.open),
        context_switches: ended.context_switches.saturating_sub(idle.context_switches),
        tcp_retransmits: ended.tcp_retransmits.saturating_sub(idle.tcp_retransmits),
        stats: costs.stats.clone(),
    })
}

fn measures(plan: &Plan, phase: &str) -> bool {
    plan.phases.iter().any(|p| p.measure && p.name == phase)
}

fn loadgen_cost(plan: &Plan, o: &Outcome, measured: &[usize], delivered: u64) -> LoadgenCost {
    let (_, cpu_s) = o.cpu_of(measured);
    let seconds: f64 = measured.iter().map(|&p| o.phase_seconds(p)).sum();
    let of_phases = |figure: fn(&PhaseSlot) -> u64| -> u64 {
        measured.iter().filter_map(|&p| o.account.total.phase_of(p)).map(figure).sum()
    };
    let reads = of_phases(|p| p.reads);
    let memory = o.costs.own.memory();
    let last_rss = o.timeline.intervals.last().map(|i| i.loadgen_rss_bytes);
    LoadgenCost {
        cpu_s,
        cpu_share: if seconds > 0.0 { cpu_s / seconds } else { 0.0 },
        cores: o.costs.split.loadgen.len() as u32,
        cpu_us_per_delivery: per(cpu_s * 1e6, delivered),
        cpu_us_per_read: per(cpu_s * 1e6, reads),
        inflate_cpu_s: of_phases(|p| p.inflate_ns) as f64 / 1e9,
        inflated: of_phases(|p| p.inflated),
        rss_bytes: last_rss.unwrap_or(memory.rss_bytes),
        rss_peak_bytes: memory.peak_bytes,
        rss_idle_bytes: o.costs.idle.own,
        rss_bytes_per_connection: per(o.costs.connected.own.saturating_sub(o.costs.idle.own) as f64, o.costs.open),
        reads,
        workers: o.costs.workers as u32,
        agents: o.costs.agents as u32,
        by_second: by_second::loadgen(&by_second::measured(&o.timeline.intervals, |name| measures(plan, name))),
    }
}

fn environment(plan: &Plan, o: &Outcome) -> Environment {
    let split = &o.costs.split;
    Environment {
        server_cpus: split.server.clone(),
        loadgen_cpus: split.loadgen.clone(),
        awake_cpus: o.costs.awake_cpus.clone(),
        client: plan.client.name().to_owned(),
        target: o.costs.target.clone(),
        ..gather()
    }
}

fn judge(plan: &Plan, o: &Outcome, run: &Run, top: &Scope, merged: &Merged) -> Validity {
    let planned_s: f64 = top.phases.iter().map(|&p| plan.phases[p].length.as_secs_f64()).sum();
    validity::judge(&validity::Evidence {
        read_age_p99: run.read_age.p99,
        claimed: match &run.observe {
            Some(observe) => Claim::Observed(observe.latency.as_ref().and_then(|latency| latency.p99)),
            None => Claim::of(&run.latency),
        },
        schedule_lag_p99: run.schedule_lag.p99,
        max_schedule_lag: plan.max_schedule_lag.map(|d| d.as_secs_f64() * 1e6),
        seconds: o.timeline.seconds.clone(),
        purpose: if plan.publishers.is_empty() && plan.observe.is_none() { Purpose::Hold } else { Purpose::Publish },
        publishes_due: run.publishes.due,
        unsent_by_us: if o.end.is_none() { o.harvests.iter().map(|h| h.unsent_by_us).sum() } else { 0 },
        ran_out: o.tally.exhausted.iter().map(|(what, n)| (*what, *n)).collect(),
        deliveries: run.deliveries.clone(),
        deliveries_possible: run.deliveries.delivered + run.deliveries.corrupted - merged.surplus,
        turned_away: turned_away(run),
        left: run.connections.left,
        elapsed_s: top.seconds,
        planned_s: if o.end.is_some() { top.seconds } else { planned_s },
        clock_went_back: o.timeline.clock_went_back,
        clamped: merged.due.clamped() + merged.sent.clamped(),
    })
}
