//! Leads a run through its stages, and ends it early when that is what happens.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::account::Account;
use super::assemble::{Evidence, assemble};
use super::crew::Crew;
use super::timeline::{Cpu, Timeline};
use crate::ledger::{Book, Verify};
use crate::plan::{Plan, TargetKind};
use crate::probe::{Echo, ProbeError, Seen, Wrapping, probe};
use crate::progress::{Progress, Snapshot};
use crate::report::ArrivalLog;
use crate::request::Requests;
use crate::result::Run;
use crate::target::{Running, Sample, Sampler, Split, TargetError, start, stats};
use crate::worker::{Common, Completion, Harvest, News, Order, Tally, publisher_rooms, shares};

/// Between "connected and settled" and the first due time: enough for every worker to have heard of it.
const LEAD: Duration = Duration::from_millis(20);
/// After this long without a single delivery, the run says so.
const SILENCE: Duration = Duration::from_secs(5);

/// How a run is carried out, beside its plan.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Hot threads of the load generator; `None`: one for each CPU that it has.
    pub workers: Option<usize>,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The server under test is not there.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The probe found that a run makes no sense.
    #[error("{error}{said}")]
    Probe {
        /// What it found.
        error: ProbeError,
        /// The last lines of the server's standard error, if any.
        said: String,
    },
    /// Threads, pollers, signals.
    #[error("cannot set the run up: {0}")]
    Setup(#[from] std::io::Error),
    /// A closed loop over several workers needs every sender to get its own message back.
    #[error("this server sends no copy to the sender, so a closed loop works with one worker only: give --workers 1")]
    ClosedLoopWithoutEcho,
    /// Ctrl-C before anything was measured.
    #[error("interrupted before anything was measured")]
    Interrupted,
}

/// Why a run ended before its plan did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Ctrl-C or SIGTERM.
    Interrupted,
    /// For this reason, in a sentence.
    Early(String),
}

/// What the conductor was waiting for.
enum Event {
    News(News),
    Deadline,
    Interrupted,
    ServerEnded(String),
    CrewGone,
}

/// Everything known when the last worker has finished.
pub(super) struct Outcome {
    pub started: SystemTime,
    pub end: Option<End>,
    pub account: Account,
    pub timeline: Timeline,
    pub tally: Tally,
    pub harvests: Vec<Harvest>,
    pub costs: Costs,
    /// CPU at the start of each phase that began, and at the end of the last.
    pub marks: Vec<Cpu>,
    /// When each of the marks was taken, nanoseconds since the start of the first phase.
    pub mark_times: Vec<u64>,
    pub notes: Vec<String>,
    pub elapsed: Duration,
    pub clock_went_back: u64,
}

/// Memory of both sides at the moments that matter, and what the server says of itself.
#[derive(Debug, Default)]
pub(super) struct Costs {
    pub sampler: Option<Sampler>,
    pub idle: Option<Sample>,
    pub connected: Option<Sample>,
    pub ended: Option<Sample>,
    pub own_idle: u64,
    pub own_connected: u64,
    pub kernel_idle: u64,
    pub kernel_connected: u64,
    pub stats: Option<serde_json::Value>,
    pub split: Option<Split>,
    pub target: String,
    pub workers: usize,
}

/// Carries a plan out. The log of arrivals comes beside the run.
///
/// # Errors
/// When nothing could be measured. What was measured before an early end is a [`Run`] that says so.
pub async fn execute(plan: Plan, settings: &Settings, progress: &Progress) -> Result<(Run, ArrivalLog), RunError> {
    let mut signals = Signals::new()?;
    // A shortage shows up as failed connections, each with its reason.
    let _ = net::raise_descriptors();
    let plan = Arc::new(plan);
    let split = split(&plan)?;
    // Before any thread is made, so that all of ours inherit it.
    if split.server.is_some() {
        let _ = net::pin_thread(&split.loadgen);
    }
    let mut server = tokio::select! {
        server = start(&plan, &split) => server?,
        () = signals.interrupted() => return Err(RunError::Interrupted),
    };
    let outcome = conduct(&plan, settings, progress, &mut signals, &mut server, &split).await;
    server.stop().await;
    let outcome = outcome?;
    let epoch = outcome.started.duration_since(UNIX_EPOCH).unwrap_or_default();
    let log = outcome.timeline.arrival_log(epoch);
    Ok((assemble(&plan, &Evidence { outcome: &outcome, split: &split }), log))
}

/// A server that we start is kept off our CPUs.
fn split(plan: &Plan) -> std::io::Result<Split> {
    let wanted = match &plan.target.kind {
        TargetKind::Bundled { flags } => {
            let shards = flags.iter().find(|(name, _)| name == "--shards").and_then(|(_, v)| v.parse().ok());
            Some(shards.unwrap_or(1))
        }
        TargetKind::Spawn { .. } => Some(1),
        TargetKind::Url { .. } => None,
    };
    let available = net::available()?;
    // A spawned server may use half the machine; the bundled one says how many threads it has.
    let wanted = match &plan.target.kind {
        TargetKind::Spawn { .. } => Some(available.len() / 2),
        _ => wanted,
    };
    Ok(Split::of(&available, wanted))
}

async fn conduct(
    plan: &Arc<Plan>,
    settings: &Settings,
    progress: &Progress,
    signals: &mut Signals,
    server: &mut Running,
    split: &Split,
) -> Result<Outcome, RunError> {
    let sampler = server.pid.map(Sampler::new);
    let requests = Requests::new(plan, &server.host);
    let seen = tokio::select! {
        seen = probe(plan, &requests, server.address) => seen,
        () = signals.interrupted() => return Err(RunError::Interrupted),
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => {
            // A server that died says more than the probe can.
            tokio::time::sleep(Duration::from_millis(50)).await;
            return Err(RunError::Probe { error, said: server.last_words() });
        }
    };
    let workers = settings.workers.unwrap_or(split.loadgen.len()).max(1);
    let common = Arc::new(Common {
        plan: Arc::clone(plan),
        book: Book::new(publisher_rooms(plan)),
        address: server.address,
        host: server.host.clone(),
        run: run_id(plan.seed),
        verify: if seen.wrapping == Wrapping::None { Verify::Exact } else { Verify::StampOnly },
        completion: if seen.echo == Echo::ToSender { Completion::Echo } else { Completion::FirstArrival },
    });
    let account = Account::new(Arc::clone(plan), seen.echo, workers);
    if account.is_closed_loop() && workers > 1 && seen.echo == Echo::ToOthers {
        return Err(RunError::ClosedLoopWithoutEcho);
    }
    let pinned = split.server.is_some().then_some(&split.loadgen[..]);
    let crew = Crew::start(&common, shares(plan, workers), pinned)?;
    let costs = Costs {
        idle: sampler.and_then(|s| s.sample()),
        own_idle: net::memory(std::process::id()).map_or(0, |m| m.rss_bytes),
        kernel_idle: net::kernel_memory().unwrap_or(0),
        sampler,
        split: Some(split.clone()),
        target: format!("{} {}", server.kind, server.address),
        workers,
        ..Costs::default()
    };
    let now = net::now();
    let mut conductor = Conductor {
        timeline: Timeline::new(Arc::clone(plan), workers, split.loadgen.len(), now, Cpu::read(sampler.as_ref())),
        plan: Arc::clone(plan),
        crew,
        account,
        progress,
        signals,
        server,
        costs,
        tally: Tally::default(),
        harvests: Vec::new(),
        marks: Vec::new(),
        mark_times: Vec::new(),
        notes: notes(plan, seen),
        latest: Latest::default(),
        start: now,
        clock_went_back: 0,
    };
    let (started, began) = (SystemTime::now(), Instant::now());
    let end = conductor.lead().await;
    conductor.crew.join();
    Ok(Outcome {
        started,
        end,
        account: conductor.account,
        timeline: conductor.timeline,
        tally: conductor.tally,
        harvests: conductor.harvests,
        costs: conductor.costs,
        marks: conductor.marks,
        mark_times: conductor.mark_times,
        notes: conductor.notes,
        elapsed: began.elapsed(),
        clock_went_back: conductor.clock_went_back,
    })
}

/// Names this run in its stamps: of the seed, so that the same seed gives the same bytes.
fn run_id(seed: u64) -> u16 {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 48) as u16 % crate::probe::PROBE_RUN
}

fn notes(plan: &Plan, seen: Seen) -> Vec<String> {
    let mut notes = Vec::new();
    if seen.echo == Echo::ToOthers {
        notes.push("this server sends no copy to the sender: a publisher's own message is not expected back".to_owned());
    }
    if seen.wrapping == Wrapping::Wrapped {
        notes.push("this server wraps messages in something of its own: the stamp is checked, the rest of the content is not".to_owned());
    }
    let proxies = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    if matches!(plan.target.kind, TargetKind::Url { .. }) && proxies.iter().any(|p| std::env::var_os(p).is_some()) {
        notes.push("proxy variables are set and were ignored: every connection goes straight to the server".to_owned());
    }
    notes
}

struct Conductor<'a> {
    plan: Arc<Plan>,
    crew: Crew,
    account: Account,
    timeline: Timeline,
    progress: &'a Progress,
    signals: &'a mut Signals,
    server: &'a mut Running,
    costs: Costs,
    tally: Tally,
    harvests: Vec<Harvest>,
    marks: Vec<Cpu>,
    mark_times: Vec<u64>,
    notes: Vec<String>,
    latest: Latest,
    /// Start of the first phase, CLOCK_MONOTONIC.
    start: u64,
    clock_went_back: u64,
}

/// What the last ticks said.
#[derive(Debug, Default)]
struct Latest {
    connected: usize,
    open: Vec<u32>,
    told_silence: bool,
}

impl Conductor<'_> {
    async fn lead(&mut self) -> Option<End> {
        self.latest.open = vec![0; self.crew.len()];
        let end = match self.stages().await {
            Ok(()) => None,
            Err(end) => Some(end),
        };
        self.finish().await;
        end
    }

    async fn stages(&mut self) -> Result<(), End> {
        self.connect().await?;
        self.settle().await?;
        self.phases().await?;
        self.drain().await
    }

    /// Opens every connection; refused and failed ones are results, not reasons to stop, unless nobody is in.
    async fn connect(&mut self) -> Result<(), End> {
        self.crew.order(Order::Connect);
        while self.latest.connected < self.crew.len() {
            match self.event(None).await? {
                Event::News(News::Tick(tick)) => self.tick_outside(&tick),
                Event::News(News::Connected) => self.latest.connected += 1,
                _ => {}
            }
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), End> {
        let until = Instant::now() + self.plan.settle;
        self.wait_until(until).await?;
        self.costs.connected = self.costs.sampler.and_then(|s| s.sample());
        self.costs.own_connected = net::memory(std::process::id()).map_or(0, |m| m.rss_bytes);
        self.costs.kernel_connected = net::kernel_memory().unwrap_or(0);
        Ok(())
    }

    async fn wait_until(&mut self, until: Instant) -> Result<(), End> {
        loop {
            match self.event(Some(until)).await? {
                Event::News(News::Tick(tick)) => self.tick_outside(&tick),
                Event::Deadline => return Ok(()),
                _ => {}
            }
        }
    }

    async fn phases(&mut self) -> Result<(), End> {
        let begin = Instant::now() + LEAD;
        self.start = net::now() + LEAD.as_nanos() as u64;
        let cpu = Cpu::read(self.costs.sampler.as_ref());
        let cores = self.costs.split.as_ref().map_or(1, |s| s.loadgen.len());
        self.timeline = Timeline::new(Arc::clone(&self.plan), self.crew.len(), cores, self.start, cpu);
        self.crew.order(Order::Start { at: self.start });
        self.until(begin).await?;
        let mut end = begin;
        for i in 0..self.plan.phases.len() {
            self.mark();
            end += self.plan.phases[i].length;
            self.until(end).await?;
        }
        self.mark();
        Ok(())
    }

    /// Takes news until a moment of the phases.
    async fn until(&mut self, moment: Instant) -> Result<(), End> {
        loop {
            match self.event(Some(moment)).await? {
                Event::News(News::Tick(tick)) => {
                    self.tick(&tick);
                    if self.plan.subscribers() > 0 && tick.open == 0 && self.latest.open.iter().all(|n| *n == 0) {
                        return Err(End::Early(format!("the server closed every connection{}", self.server.last_words())));
                    }
                }
                Event::Deadline => return Ok(()),
                _ => {}
            }
        }
    }

    fn mark(&mut self) {
        self.marks.push(Cpu::read(self.costs.sampler.as_ref()));
        self.mark_times.push(net::now().saturating_sub(self.start));
    }

    /// Waits for what is under way, at most as long as the plan says.
    async fn drain(&mut self) -> Result<(), End> {
        self.crew.order(Order::StopPublishing);
        let until = Instant::now() + self.plan.drain;
        let mut settled = vec![false; self.crew.len()];
        while !(settled.iter().all(|s| *s) && self.account.is_complete()) {
            match self.event(Some(until)).await? {
                Event::News(News::Tick(tick)) => {
                    settled[tick.worker] = !tick.waiting;
                    self.tick(&tick);
                }
                Event::Deadline => break,
                _ => {}
            }
        }
        Ok(())
    }

    /// The server's last figures, then every worker's.
    async fn finish(&mut self) {
        if self.marks.len() == self.mark_times.len() && self.marks.len() <= self.plan.phases.len() && !self.marks.is_empty() {
            // Ended early: the phase under way ends here.
            self.mark();
        }
        self.costs.ended = self.costs.sampler.and_then(|s| s.sample());
        self.costs.stats = stats(self.server.address).await;
        self.crew.order(Order::Finish);
        while self.harvests.len() < self.crew.len() {
            match self.crew.news().await {
                Some(News::Finished(harvest)) => self.harvests.push(*harvest),
                Some(News::Tick(tick)) => self.tick(&tick),
                Some(News::Connected) => {}
                Some(News::Broken(why)) => {
                    self.notes.push(why);
                    break;
                }
                None => break,
            }
        }
        let sampler = self.costs.sampler;
        for harvest in &self.harvests {
            self.account.update(harvest.worker, harvest.due.clone(), Some(harvest.joined.clone()));
            self.account.total.merge(&harvest.recorder);
            self.timeline.finish(&harvest.recorder, net::now(), sampler.as_ref());
            self.tally.merge(&harvest.tally);
        }
    }

    /// A tick before the first phase or after the last.
    fn tick_outside(&mut self, tick: &crate::worker::Tick) {
        self.latest.open[tick.worker] = tick.open;
        self.account.update(tick.worker, tick.due.clone(), tick.joined.clone());
        self.account.total.merge(&tick.recorder);
        let asked = self.asked();
        self.progress.update(&Snapshot {
            phase: "connecting".to_owned(),
            elapsed: Duration::from_nanos(net::now().saturating_sub(self.start)),
            open: self.open(),
            asked,
            ..Snapshot::default()
        });
    }

    fn tick(&mut self, tick: &crate::worker::Tick) {
        self.latest.open[tick.worker] = tick.open;
        self.account.update(tick.worker, tick.due.clone(), tick.joined.clone());
        self.account.total.merge(&tick.recorder);
        let (now, sampler) = (net::now(), self.costs.sampler);
        if now < self.start {
            self.clock_went_back += 1;
        }
        let open = self.open();
        let asked = self.asked();
        let Some(interval) = self.timeline.tick(tick.worker, &tick.recorder, tick.open, now, sampler.as_ref()) else { return };
        let elapsed = Duration::from_nanos(now.saturating_sub(self.start));
        self.progress.update(&Snapshot {
            phase: interval.phase.clone(),
            elapsed: elapsed.min(self.plan.length()),
            total: Some(self.plan.length()),
            open,
            asked,
            publishes_per_s: interval.publishes as f64,
            deliveries_per_s: interval.deliveries as f64,
            p50: interval.p50,
            p99: interval.p99,
            lost: None,
        });
        if !self.latest.told_silence
            && elapsed >= SILENCE
            && self.plan.subscribers() > 0
            && self.account.delivered() == 0
            && self.account.publishes(&(0..self.plan.phases.len()).collect::<Vec<_>>()).sent > 0
        {
            self.latest.told_silence = true;
            self.progress.note("5 s of publishing and nobody has received anything: is the room the same for publishers and subscribers?");
        }
    }

    fn open(&self) -> u64 {
        self.latest.open.iter().map(|n| u64::from(*n)).sum()
    }

    fn asked(&self) -> u64 {
        let separate = self.plan.publishers.iter().map(|p| match &p.from {
            crate::plan::From::Separate(rooms) => rooms.len() as u64,
            crate::plan::From::Members { .. } => 0,
        });
        u64::from(self.plan.subscribers()) + separate.sum::<u64>()
    }

    /// The next thing that happens; what ends a run early is an error.
    async fn event(&mut self, deadline: Option<Instant>) -> Result<Event, End> {
        let event = tokio::select! {
            biased;
            () = self.signals.interrupted() => Event::Interrupted,
            news = self.crew.news() => news.map_or(Event::CrewGone, Event::News),
            exit = self.server.ended() => Event::ServerEnded(exit.to_string()),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Event::Deadline,
        };
        match event {
            Event::Interrupted => Err(End::Interrupted),
            Event::CrewGone => Err(End::Early("every worker of the load generator has ended".to_owned())),
            Event::News(News::Broken(why)) => Err(End::Early(why)),
            Event::ServerEnded(exit) => {
                // Its last words may still be in the pipe.
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(End::Early(format!("the server {exit}{}", self.server.last_words())))
            }
            event => Ok(event),
        }
    }
}

/// Ctrl-C and SIGTERM.
#[derive(Debug)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn interrupted(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
