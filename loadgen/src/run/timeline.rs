//! Second by second: what happened, and what both sides spent.

use std::sync::Arc;
use std::time::Duration;

use super::own::Own;
use crate::live::snapshot::Buckets;
use crate::pacer::Clock;
use crate::plan::Plan;
use crate::record::Counts;
use crate::recorder::{Recorder, Slot};
use crate::report::ArrivalLog;
use crate::result::Interval;
use crate::target::{Reading, Sampler};
use crate::tenths::Tenths;
use crate::thresholds::{Second, Watch};
use crate::validity::OwnSecond;
use crate::worker::Tick;

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

/// What both sides spend, as far as it is known now.
#[derive(Debug, Clone, Copy)]
pub struct Spending<'a> {
    /// `None`: the server's processes are not known.
    pub sampler: Option<&'a Sampler>,
    /// The load generator's processes.
    pub own: &'a Own,
    /// What is read apart.
    pub reading: Reading,
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
    clock: Clock,
    last: u64,
    cpu: Cpu,
    reading: Reading,
    pending: Recorder,
    ticks: usize,
    open: Vec<u64>,
    /// Publishes that fell due so far, by worker, and how many of them stand in an interval.
    due: Vec<u64>,
    due_told: u64,
    /// Latencies of everything that arrived, for whoever watches.
    pub latency: Buckets,
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
    pub fn new(plan: Arc<Plan>, (workers, cores): (usize, usize), start: u64, spending: Spending<'_>) -> Self {
        let pending = Recorder::new(plan.phases.len(), plan.groups.len());
        let watch = Watch::new(&plan.thresholds, plan.shape());
        Timeline {
            plan,
            workers,
            cores,
            clock: Clock::new(start),
            last: start,
            cpu: Cpu::read(spending.sampler, spending.own),
            reading: spending.reading,
            pending,
            ticks: 0,
            open: vec![0; workers],
            due: vec![0; workers],
            due_told: 0,
            latency: Buckets::default(),
            clock_went_back: 0,
            intervals: Vec::new(),
            seconds: Vec::new(),
            arrivals: Vec::new(),
            watch,
            stop: None,
        }
    }

    /// Where the schedule stands.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The same, to skip a part of it.
    pub fn clock_mut(&mut self) -> &mut Clock {
        &mut self.clock
    }

    /// A worker's tick; gives the interval it completed, if all workers have reported.
    pub fn tick(&mut self, tick: &Tick, now: u64, spending: Spending<'_>) -> Option<&Interval> {
        self.pending.merge(&tick.recorder);
        self.open[tick.worker] = tick.connections.open;
        self.due[tick.worker] = tick.due.total();
        self.ticks += 1;
        self.clock_went_back += u64::from(now < self.last);
        // While draining, ticks come every 50 ms: an interval is a second all the same.
        let whole = self.ticks >= self.workers && now.saturating_sub(self.last) >= 500_000_000;
        if whole { Some(self.close(now, spending)) } else { None }
    }

    /// Ends the interval under way.
    pub fn close(&mut self, now: u64, spending: Spending<'_>) -> &Interval {
        self.ticks = 0;
        let recorder = self.pending.take();
        let sampler = spending.sampler;
        let cpu = Cpu::read(sampler, spending.own);
        let (server_cpu_s, loadgen_cpu_s) = cpu.since(self.cpu);
        let length = now.saturating_sub(self.last).max(1);
        let offset = self.clock.offset(self.last);
        let phase = &self.plan.phases[crate::pacer::phase_of(&self.plan.phases, offset)];
        let past_end = offset >= self.plan.length().as_nanos() as u64;
        let mut arrived = Counts::new();
        for slot in recorder.slots() {
            arrived.merge(if slot.due.is_empty() { &slot.sent } else { &slot.due });
        }
        let mut lag = Counts::new();
        let mut age = Counts::new();
        recorder.phases().for_each(|p| {
            lag.merge(&p.schedule_lag);
            age.merge(&p.read_age);
        });
        if phase.measure && !past_end {
            let cpu_share = loadgen_cpu_s / (length as f64 / 1e9) / self.cores.max(1) as f64;
            self.seconds.push(OwnSecond { cpu_share, lag_p99: lag.percentile(0.99).map(|us| us as f64) });
        }
        self.latency.add(&arrived);
        let counts = arrived.ranges().map(|(low, _, n)| (low, n)).collect();
        let since = self.last.saturating_sub(self.clock.start());
        self.arrivals.push(Arrivals { offset: since, length, counts });
        let percentile = |counts: &Counts, q| counts.percentile(q).map(|us| us as f64);
        let figure = |q| percentile(&arrived, q);
        let due = self.due.iter().sum::<u64>();
        let server_rss_bytes = sampler.and_then(Sampler::rss);
        if let Some(watch) = &mut self.watch {
            let to_s = self.clock.offset(now) as f64 / 1e9;
            let (phases, groups) = (self.plan.phases.len(), self.plan.groups.len());
            let mut second = Second::new(offset as f64 / 1e9, to_s, &recorder, phases, groups);
            (second.server_cpu_s, second.loadgen_cpu_s) = (server_cpu_s, loadgen_cpu_s);
            second.server_rss_bytes = server_rss_bytes;
            self.stop = watch.second(second);
        }
        self.intervals.push(Interval {
            at_s: now.saturating_sub(self.clock.start()) as f64 / 1e9,
            length_s: length as f64 / 1e9,
            phase: if past_end { "drain".to_owned() } else { phase.name.clone() },
            connections: self.open.iter().sum(),
            handshakes: recorder.phases().map(|p| p.handshakes).sum(),
            publishes_due: due.saturating_sub(self.due_told),
            publishes: recorder.phases().map(|p| p.sent).sum(),
            deliveries: recorder.slots().map(|s| s.delivered + s.counted).sum(),
            bytes: recorder.slots().map(Slot::wire_bytes).sum(),
            p50: figure(0.5),
            p99: figure(0.99),
            max: arrived.max().map(|us| us as f64),
            schedule_lag_p99: percentile(&lag, 0.99),
            read_age_p99: percentile(&age, 0.99),
            server_cpu_s,
            server_rss_bytes,
            loadgen_cpu_s,
            loadgen_rss_bytes: spending.own.memory().rss_bytes,
            arrivals: Tenths::of(arrived.ranges().map(|(low, _, n)| (low, n))),
            ..read_apart(&self.reading, &spending.reading)
        });
        self.cpu = cpu;
        self.reading = spending.reading;
        self.due_told = due;
        self.last = now;
        &self.intervals[self.intervals.len() - 1]
    }

    /// The last interval, with what workers handed over at the end.
    pub fn finish(&mut self, rest: &Recorder, now: u64, spending: Spending<'_>) {
        self.pending.merge(rest);
        if self.pending.slots().next().is_some() {
            self.close(now, spending);
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

/// What an interval has of the readings made apart: the last one before its beginning and the last one before its end.
fn read_apart(before: &Reading, after: &Reading) -> Interval {
    if before.at == after.at {
        // The same reading again tells nothing of this interval.
        return Interval::default();
    }
    let more = |of: fn(&Reading) -> Option<u64>| Some(of(after)?.saturating_sub(of(before)?));
    Interval {
        server_threads: after.server.map(|usage| usage.threads),
        server_descriptors: after.server.map(|usage| usage.descriptors),
        server_context_switches: more(|reading| Some(reading.server?.context_switches)),
        server_send_queue_bytes: after.queues.map(|queues| queues.send_bytes),
        server_send_queue_max_bytes: after.queues.map(|queues| queues.send_most_bytes),
        server_receive_queue_bytes: after.queues.map(|queues| queues.receive_bytes),
        loadgen_descriptors: after.own.map(|usage| usage.descriptors),
        loadgen_context_switches: more(|reading| Some(reading.own?.context_switches)),
        tcp_retransmits: more(|reading| reading.tcp_retransmits),
        tcp_memory_bytes: after.tcp_memory,
        ..Interval::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Usage;

    fn reading(at: u64, context_switches: u64) -> Reading {
        let usage = Usage { context_switches, threads: 3, descriptors: 40 };
        Reading { at, server: Some(usage), tcp_retransmits: Some(at), ..Reading::default() }
    }

    #[test]
    fn what_only_grows_is_told_as_what_came_since_the_reading_before() {
        let interval = read_apart(&reading(1, 1000), &reading(2, 1250));
        assert_eq!(interval.server_context_switches, Some(250));
        assert_eq!(interval.tcp_retransmits, Some(1));
        assert_eq!(interval.server_threads, Some(3));
        assert_eq!(interval.server_send_queue_bytes, None, "the kernel did not tell");
    }

    #[test]
    fn an_old_reading_is_not_told_twice() {
        let interval = read_apart(&reading(1, 1000), &reading(1, 1000));
        assert_eq!((interval.server_threads, interval.server_context_switches), (None, None));
    }

    #[test]
    fn a_thread_that_ended_with_its_count_does_not_make_a_negative_one() {
        assert_eq!(read_apart(&reading(1, 1000), &reading(2, 900)).server_context_switches, Some(0));
    }
}
