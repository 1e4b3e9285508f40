//! Second by second: what happened, and what both sides spent.

use std::sync::Arc;
use std::time::Duration;

use super::own::Own;
use crate::plan::Plan;
use crate::record::Counts;
use crate::recorder::{Recorder, Slot};
use crate::report::ArrivalLog;
use crate::result::Interval;
use crate::target::Sampler;
use crate::tenths::Tenths;
use crate::thresholds::{Second, Watch};
use crate::validity::OwnSecond;

/// CPU clocks of both sides at one moment, nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cpu {
    /// Of the server's process; `None` where it is not known.
    pub server: Option<u64>,
    /// Of ours, agents included.
    pub own: u64,
}

impl Cpu {
    /// Reads both clocks.
    pub fn read(sampler: Option<&Sampler>, own: &Own) -> Self {
        Cpu { server: sampler.and_then(Sampler::cpu), own: own.cpu() }
    }

    /// Seconds spent since an earlier moment, by the server and by us.
    pub fn since(self, earlier: Cpu) -> (Option<f64>, f64) {
        let seconds = |later: u64, before: u64| later.saturating_sub(before) as f64 / 1e9;
        (self.server.zip(earlier.server).map(|(a, b)| seconds(a, b)), seconds(self.own, earlier.own))
    }
}

/// Arrivals of one second: kept small, and turned into the log after the run, off the worker's core.
#[derive(Debug)]
struct Arrivals {
    /// Nanoseconds since the start of the first phase.
    offset: u64,
    length: u64,
    /// Latency in microseconds, and how often.
    counts: Vec<(u64, u64)>,
}

/// The seconds of a run under way.
#[derive(Debug)]
pub struct Timeline {
    plan: Arc<Plan>,
    workers: usize,
    /// CPUs that the load generator has.
    cores: usize,
    own: Own,
    /// Start of the first phase, CLOCK_MONOTONIC.
    start: u64,
    last: u64,
    cpu: Cpu,
    pending: Recorder,
    ticks: usize,
    open: Vec<u32>,
    /// How often a tick was older than the one before it.
    pub clock_went_back: u64,
    /// Done seconds.
    pub intervals: Vec<Interval>,
    /// What the validity rules want to know of measured seconds.
    pub seconds: Vec<OwnSecond>,
    arrivals: Vec<Arrivals>,
    /// Thresholds that are looked at while the run goes.
    pub watch: Option<Watch>,
    /// Why one of them ends the run, once it does.
    pub stop: Option<String>,
}

impl Timeline {
    /// From the start of the first phase on.
    pub fn new(plan: Arc<Plan>, (workers, cores): (usize, usize), own: Own, start: u64, cpu: Cpu) -> Self {
        let pending = Recorder::new(plan.phases.len(), plan.groups.len());
        let watch = Watch::new(&plan.thresholds, plan.shape());
        Timeline {
            plan,
            workers,
            cores,
            own,
            start,
            last: start,
            cpu,
            pending,
            ticks: 0,
            open: vec![0; workers],
            clock_went_back: 0,
            intervals: Vec::new(),
            seconds: Vec::new(),
            arrivals: Vec::new(),
            watch,
            stop: None,
        }
    }

    /// A worker's tick; gives the interval it completed, if all workers have reported.
    pub fn tick(
        &mut self,
        worker: usize,
        recorder: &Recorder,
        open: u32,
        now: u64,
        sampler: Option<&Sampler>,
    ) -> Option<&Interval> {
        self.pending.merge(recorder);
        self.open[worker] = open;
        self.ticks += 1;
        self.clock_went_back += u64::from(now < self.last);
        // While draining, ticks come every 50 ms: an interval is a second all the same.
        let whole = self.ticks >= self.workers && now.saturating_sub(self.last) >= 500_000_000;
        if whole { Some(self.close(now, sampler)) } else { None }
    }

    /// Ends the interval under way.
    pub fn close(&mut self, now: u64, sampler: Option<&Sampler>) -> &Interval {
        self.ticks = 0;
        let recorder = self.pending.take();
        let cpu = Cpu::read(sampler, &self.own);
        let (server_cpu_s, loadgen_cpu_s) = cpu.since(self.cpu);
        let length = now.saturating_sub(self.last).max(1);
        let offset = self.last.saturating_sub(self.start);
        let phase = &self.plan.phases[crate::pacer::phase_of(&self.plan.phases, offset)];
        let past_end = offset >= self.plan.length().as_nanos() as u64;
        let mut arrived = Counts::new();
        for slot in recorder.slots() {
            arrived.merge(if slot.due.is_empty() { &slot.sent } else { &slot.due });
        }
        let mut lag = Counts::new();
        recorder.phases().for_each(|p| lag.merge(&p.schedule_lag));
        if phase.measure && !past_end {
            let cpu_share = loadgen_cpu_s / (length as f64 / 1e9) / self.cores.max(1) as f64;
            self.seconds.push(OwnSecond { cpu_share, lag_p99: lag.percentile(0.99).map(|us| us as f64) });
        }
        let counts = arrived.ranges().map(|(low, _, n)| (low, n)).collect();
        self.arrivals.push(Arrivals { offset, length, counts });
        let figure = |q| arrived.percentile(q).map(|us| us as f64);
        let server_rss_bytes = sampler.and_then(Sampler::rss);
        if let Some(watch) = &mut self.watch {
            let to_s = now.saturating_sub(self.start) as f64 / 1e9;
            let (phases, groups) = (self.plan.phases.len(), self.plan.groups.len());
            let mut second = Second::new(offset as f64 / 1e9, to_s, &recorder, phases, groups);
            (second.server_cpu_s, second.loadgen_cpu_s) = (server_cpu_s, loadgen_cpu_s);
            second.server_rss_bytes = server_rss_bytes;
            self.stop = watch.second(second);
        }
        self.intervals.push(Interval {
            at_s: now.saturating_sub(self.start) as f64 / 1e9,
            phase: if past_end { "drain".to_owned() } else { phase.name.clone() },
            connections: self.open.iter().map(|n| u64::from(*n)).sum(),
            handshakes: recorder.phases().map(|p| p.handshakes).sum(),
            publishes: recorder.phases().map(|p| p.sent).sum(),
            deliveries: recorder.slots().map(|s| s.delivered + s.counted).sum(),
            bytes: recorder.slots().map(Slot::wire_bytes).sum(),
            p50: figure(0.5),
            p99: figure(0.99),
            max: arrived.max().map(|us| us as f64),
            server_cpu_s,
            server_rss_bytes,
            loadgen_cpu_s,
            loadgen_rss_bytes: self.own.memory().rss_bytes,
            arrivals: Tenths::of(arrived.ranges().map(|(low, _, n)| (low, n))),
        });
        self.cpu = cpu;
        self.last = now;
        &self.intervals[self.intervals.len() - 1]
    }

    /// The last interval, with what workers handed over at the end.
    pub fn finish(&mut self, rest: &Recorder, now: u64, sampler: Option<&Sampler>) {
        self.pending.merge(rest);
        if self.pending.slots().next().is_some() {
            self.close(now, sampler);
        }
    }

    /// The log of arrivals of a run that started at `started`, since the Unix epoch.
    pub fn arrival_log(&self, started: Duration) -> ArrivalLog {
        let mut log = ArrivalLog::new(started);
        for second in &self.arrivals {
            let mut counts = Counts::new();
            second.counts.iter().for_each(|&(us, n)| counts.record_n(us, n));
            log.push(Duration::from_nanos(second.offset), Duration::from_nanos(second.length), &counts);
        }
        log
    }
}
