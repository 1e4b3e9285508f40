//! What somebody who watches a run is told: snapshots of where it is.

use std::sync::Arc;
use std::time::Duration;

use super::account::Account;
use super::outcome::Costs;
use super::timeline::{Cpu, Timeline};
use crate::live::losses::Losses;
use crate::live::snapshot::{Arrived, Connections, Outline, Second, Side, Snapshot, Stretch, Totals};
use crate::plan::Plan;
use crate::result::Interval;
use crate::target::Usage;

/// While connecting, snapshots come this far apart, however many workers report.
const APART: u64 = 900_000_000;
/// With more rooms than this, adding up what is expected every second would disturb what is measured.
const MOST_ROOMS: usize = 2000;

/// Makes snapshots.
#[derive(Debug)]
pub struct Telling {
    plan: Arc<Plan>,
    outline: Outline,
    losses: Losses,
    /// The last snapshot while connecting: when, and both CPU clocks.
    last: Option<(u64, Cpu)>,
}

impl Telling {
    /// Of a plan whose server is there.
    pub fn new(plan: &Arc<Plan>, costs: &Costs) -> Self {
        let phase = |phase: &crate::plan::Phase| Stretch {
            name: phase.name.clone(),
            seconds: phase.length.as_secs_f64(),
            measure: phase.measure,
        };
        let outline = Outline {
            name: plan.name.clone(),
            part: String::new(),
            target: costs.target.clone(),
            subscribers: plan.subscribers().into(),
            rooms: plan.rooms.len() as u64,
            phases: plan.phases.iter().map(phase).collect(),
            server_cores: costs.split.server.as_ref().map(|cpus| cpus.len() as u32),
            loadgen_cores: costs.worker_cores() as u32,
        };
        Telling { plan: Arc::clone(plan), outline, losses: Losses::new(plan.drain), last: None }
    }

    /// What does not change.
    pub fn outline(&self) -> Outline {
        self.outline.clone()
    }

    /// Before the first phase; `None` where the last snapshot is not old enough.
    pub fn connecting(&mut self, now: u64, start: u64, connections: Connections, costs: &Costs) -> Option<Snapshot> {
        if self.last.is_some_and(|(at, _)| now.saturating_sub(at) < APART) {
            return None;
        }
        let cpu = Cpu::read(costs.sampler.as_ref(), &costs.own);
        let shares = self.last.map(|(at, before)| {
            let seconds = now.saturating_sub(at).max(1) as f64 / 1e9;
            let (server, own) = cpu.since(before);
            (server.map(|s| s / seconds), own / seconds)
        });
        self.last = Some((now, cpu));
        let rss = costs.sampler.as_ref().and_then(crate::target::Sampler::rss);
        let server = cpu.server.map(|cpu| Side {
            cpu_share: shares.and_then(|(server, _)| server),
            cpu_s: Some(cpu as f64 / 1e9),
            rss_bytes: rss,
            ..Side::default()
        });
        let loadgen = Side {
            cpu_share: shares.map(|(_, own)| own),
            cpu_s: Some(cpu.own as f64 / 1e9),
            rss_bytes: Some(costs.own.memory().rss_bytes),
            ..Side::default()
        };
        Some(Snapshot {
            phase: "connecting".to_owned(),
            elapsed: Duration::from_nanos(now.saturating_sub(start)),
            connections,
            server,
            loadgen,
            ..Snapshot::default()
        })
    }

    /// After the last interval of the time line; `None` before the first.
    pub fn second(
        &mut self,
        elapsed: Duration,
        connections: Connections,
        timeline: &Timeline,
        account: &Account,
        costs: &Costs,
    ) -> Option<Snapshot> {
        let interval = timeline.intervals.last()?;
        let second = second(interval, account.is_closed_loop());
        let arrived = Arrived::of(&account.arrived_so_far(), &second);
        let came = account.came();
        let expected = (self.plan.rooms.len() <= MOST_ROOMS).then(|| account.owed_by_now().max(0) as u64);
        let phases: Vec<usize> = (0..self.plan.phases.len()).collect();
        let publishes = account.publishes(&phases);
        let lag = self.plan.max_schedule_lag.map(|lag| lag.as_secs_f64() * 1e6);
        let (server, loadgen) = sides(interval, costs);
        Some(Snapshot {
            phase: interval.phase.clone(),
            elapsed: elapsed.min(self.plan.length()),
            total: Some(self.plan.length()),
            connections,
            second,
            arrived,
            totals: Totals {
                due: publishes.due,
                sent: publishes.sent,
                delivered: account.delivered(),
                bytes: account.total.slots().map(crate::recorder::Slot::wire_bytes).sum(),
                latency: timeline.latency.clone(),
            },
            lost: self.losses.at_least(elapsed, expected.unwrap_or(0), came, account.passed_over()),
            outstanding: expected.map(|expected| expected.saturating_sub(came)),
            // The rule of validity, with what is known by now.
            most_schedule_lag_us: lag.unwrap_or_else(|| (arrived.p99.unwrap_or(0.0) / 10.0).max(1000.0)),
            server,
            loadgen,
        })
    }
}

fn second(interval: &Interval, closed_loop: bool) -> Second {
    let per_s = |n: u64| n as f64 / interval.length_s.max(1e-9);
    Second {
        publishes_asked_per_s: (!closed_loop).then(|| per_s(interval.publishes_due)),
        publishes_per_s: per_s(interval.publishes),
        deliveries_per_s: per_s(interval.deliveries),
        bytes_per_s: per_s(interval.bytes),
        p50: interval.p50,
        p99: interval.p99,
        schedule_lag_p99: interval.schedule_lag_p99,
        read_age_p99: interval.read_age_p99,
    }
}

/// The server and the load generator over an interval.
fn sides(interval: &Interval, costs: &Costs) -> (Option<Side>, Side) {
    let spending = costs.spending();
    let share = |cpu_s: f64| cpu_s / interval.length_s.max(1e-9);
    let side = |usage: Option<Usage>| Side {
        descriptors: usage.map(|usage| usage.descriptors),
        threads: usage.map(|usage| usage.threads),
        ..Side::default()
    };
    let cpu = Cpu::read(spending.sampler, spending.own);
    let queues = spending.reading.queues;
    let server = spending.sampler.map(|_| Side {
        cpu_share: interval.server_cpu_s.map(share),
        cpu_s: cpu.server.map(|cpu| cpu as f64 / 1e9),
        rss_bytes: interval.server_rss_bytes,
        send_queue_bytes: queues.map(|queues| queues.send_bytes),
        send_queue_max_bytes: queues.map(|queues| queues.send_most_bytes),
        ..side(spending.reading.server)
    });
    let loadgen = Side {
        cpu_share: Some(share(interval.loadgen_cpu_s)),
        cpu_s: Some(cpu.own as f64 / 1e9),
        rss_bytes: Some(interval.loadgen_rss_bytes),
        ..side(spending.reading.own)
    };
    (server, loadgen)
}
