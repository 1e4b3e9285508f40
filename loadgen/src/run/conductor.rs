//! Leads a run through its stages, and ends it early when that is what happens.

mod ending;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::crew::Crew;
use super::outcome::{End, Mark, Memory, Outcome};
use super::signals::Signals;
use super::telling::Telling;
use super::timeline::{Cpu, Timeline};
use crate::life::AtStart;
use crate::live::snapshot::Connections;
use crate::live::terminal::Wish;
use crate::plan::{Arrival, Plan, Via};
use crate::progress::Progress;
use crate::report::numbers::seconds;
use crate::target::{Change, Sampler, Servers, Watch, Watched};
use crate::worker::{News, Order, Tick};

/// Between "connected and settled" and the first due time: enough for every worker to have heard of it.
const LEAD: Duration = Duration::from_millis(20);
/// The same where it has to go through pipes to other processes first.
const LEAD_OF_AGENTS: Duration = Duration::from_millis(250);
/// After Ctrl-C, what is under way has this long to arrive.
const LAST_ARRIVALS: Duration = Duration::from_millis(500);
/// After this long without a single delivery, the run says so.
const SILENCE: Duration = Duration::from_secs(5);

/// What the conductor was waiting for.
enum Event {
    News(News),
    Deadline,
    Interrupted,
    NextPhase,
    Server(Change),
    CrewGone,
}

/// Why waiting ended.
#[derive(PartialEq, Eq)]
enum Waited {
    /// The moment has come.
    Over,
    /// Somebody wants the next phase now.
    SkipAsked,
}

/// A run under way.
pub struct Conductor<'a> {
    pub plan: Arc<Plan>,
    pub crew: Crew,
    pub progress: &'a mut Progress,
    pub signals: &'a mut Signals,
    pub server: &'a mut Servers,
    pub outcome: Outcome,
    pub latest: Latest,
    pub telling: Telling,
    /// Start of the first phase, CLOCK_MONOTONIC; until then that of the run.
    pub start: u64,
}

/// What the last ticks said.
#[derive(Debug, Default)]
pub struct Latest {
    connected: usize,
    /// Connections of each worker, in order; `None` before it has said anything.
    connections: Vec<Option<Connections>>,
    /// CPU time of the server when its restart began, nanoseconds; `None`: none is under way.
    restarting: Option<u64>,
    told_silence: bool,
    /// A phase runs.
    in_phase: bool,
}

impl Conductor<'_> {
    /// Carries the run out, to its end or to what ends it before.
    pub async fn lead(mut self) -> Outcome {
        let began = Instant::now();
        self.latest.connections = vec![None; self.crew.len()];
        self.progress.begin(self.telling.outline());
        self.outcome.end = self.stages().await.err();
        let cut_short = matches!(self.outcome.end, Some(End::Interrupted | End::Threshold(_)));
        if cut_short && !self.outcome.marks.is_empty() {
            // What is on its way is no loss. A second signal, or the server's end, cuts this short too.
            self.end_phase();
            let _ = self.drain(self.plan.drain.min(LAST_ARRIVALS)).await;
        }
        self.finish().await;
        self.outcome.elapsed = began.elapsed();
        self.crew.disband().await;
        self.outcome
    }

    fn sampler(&self) -> Option<&Sampler> {
        self.outcome.costs.sampler.as_ref()
    }

    /// Until every worker has heard of something.
    fn lead_time(&self) -> Duration {
        if self.outcome.costs.agents == 0 { LEAD } else { LEAD_OF_AGENTS }
    }

    async fn stages(&mut self) -> Result<(), End> {
        self.connect().await?;
        self.settle().await?;
        self.phases().await?;
        self.drain(self.plan.drain).await
    }

    /// Opens every connection; refused and failed ones are results, not reasons to stop, unless nobody is in.
    async fn connect(&mut self) -> Result<(), End> {
        self.crew.order(Order::Connect);
        while self.latest.connected < self.crew.len() {
            match self.event(None).await? {
                Event::News(News::Tick(tick)) => self.tick_outside(&tick),
                Event::News(News::Connected { worker, open }) => {
                    self.latest.connected += 1;
                    self.latest.connections[worker].get_or_insert_default().open = open.into();
                }
                _ => {}
            }
        }
        if self.nobody_is_in() {
            return Err(End::Early(format!("no connection could be opened{}", self.server.last_words())));
        }
        Ok(())
    }

    async fn settle(&mut self) -> Result<(), End> {
        let until = Instant::now() + self.plan.settle;
        self.wait_until(until).await?;
        let open = self.connections().open;
        let costs = &mut self.outcome.costs;
        costs.open = open;
        costs.connected = Memory::read(costs.sampler.as_ref(), &costs.own);
        // The first phase begins so soon that its seconds are the watch's, too. Without it, intervals merely lack what is read apart.
        let watched = Watched { server: costs.sampler.clone(), ports: self.server.ports(), own: costs.own.pids() };
        costs.watch = Watch::begin(watched, net::now()).ok();
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
        let lead = self.lead_time();
        let begin = Instant::now() + lead;
        self.start = net::now() + lead.as_nanos() as u64;
        let (plan, costs) = (Arc::clone(&self.plan), &self.outcome.costs);
        let size = (self.crew.len(), costs.worker_cores());
        self.outcome.timeline = Timeline::new(plan, size, self.start, costs.spending());
        self.crew.order(Order::Start { at: self.start });
        self.wait_until(begin).await?;
        let mut end = begin;
        for i in 0..self.plan.phases.len() {
            self.mark();
            self.latest.in_phase = true;
            self.at_start(i);
            end += self.plan.phases[i].length;
            while self.until(end).await? == Waited::SkipAsked {
                end -= self.skip(i);
            }
        }
        self.end_phase();
        Ok(())
    }

    /// Does what the scenario wants done when a phase starts.
    fn at_start(&mut self, phase: usize) {
        match self.plan.phases[phase].at_start {
            None => {}
            Some(AtStart::Cut(share)) => self.crew.order(Order::Cut { share }),
            Some(AtStart::Restart(_)) if self.latest.restarting.is_some() => {
                let name = &self.plan.phases[phase].name;
                self.outcome.notes.push(format!("{name}: the restart before was not over, so there was no other"));
            }
            Some(AtStart::Restart(stop)) => {
                self.latest.restarting = Some(self.sampler().and_then(Sampler::cpu).unwrap_or(0));
                // Workers must know first, or what ends meanwhile would count against the server.
                self.crew.order(Order::RestartBegins);
                self.server.restart(stop);
            }
        }
    }

    /// The server is up again.
    fn restarted(&mut self) {
        let before = self.latest.restarting.take().unwrap_or(0);
        let costs = &mut self.outcome.costs;
        costs.sampler = costs.sampler.take().and_then(|sampler| sampler.succeeded_by(self.server.processes(), before));
        let watched = Watched { server: costs.sampler.clone(), ports: self.server.ports(), own: costs.own.pids() };
        costs.watch = Watch::begin(watched, self.start).ok();
        self.crew.order(Order::RestartEnded);
    }

    /// The phase under way, if there is one, ends here.
    fn end_phase(&mut self) {
        if std::mem::take(&mut self.latest.in_phase) {
            self.mark();
        }
    }

    /// Skips what is left of a phase, in a moment; gives how much that is.
    fn skip(&mut self, phase: usize) -> Duration {
        if self.plan.publishers.iter().any(|p| matches!(p.arrival, Arrival::Replay { .. })) {
            self.progress.note("a recorded trace is played as it is: no phase of it can be skipped");
            return Duration::ZERO;
        }
        let end: Duration = self.plan.phases[..=phase].iter().map(|p| p.length).sum();
        let lead = self.lead_time();
        let clock = self.outcome.timeline.clock_mut();
        // Every worker has heard of it by then.
        let from = clock.offset(net::now()) + lead.as_nanos() as u64;
        let Some(skipped) = clock.skip(from, end.as_nanos() as u64) else { return Duration::ZERO };
        self.crew.order(Order::Skip(skipped));
        let (name, left) = (&self.plan.phases[phase].name, seconds(skipped.length() as f64 / 1e9));
        let note = format!("a key ended the phase {name} early: {left} of it were skipped");
        self.progress.note(&note);
        self.outcome.notes.push(note);
        Duration::from_nanos(skipped.length())
    }

    /// Takes news until a moment of the phases.
    async fn until(&mut self, moment: Instant) -> Result<Waited, End> {
        loop {
            match self.event(Some(moment)).await? {
                Event::News(News::Tick(tick)) => {
                    self.tick(&tick);
                    if let Some(why) = self.outcome.timeline.stop.take() {
                        return Err(End::Threshold(why));
                    }
                    if self.nobody_is_in() {
                        return Err(End::Early(format!(
                            "the server closed every connection{}",
                            self.server.last_words()
                        )));
                    }
                }
                Event::Deadline => return Ok(Waited::Over),
                Event::NextPhase => return Ok(Waited::SkipAsked),
                _ => {}
            }
        }
    }

    fn mark(&mut self) {
        let at = net::now().saturating_sub(self.start);
        let cpu = Cpu::read(self.sampler(), &self.outcome.costs.own);
        self.outcome.marks.push(Mark { at, cpu });
    }

    /// A tick before the first phase.
    fn tick_outside(&mut self, tick: &Tick) {
        self.count(tick);
        let connections = self.connections();
        if let Some(snapshot) = self.telling.connecting(net::now(), self.start, connections, &self.outcome.costs) {
            self.progress.update(snapshot);
        }
    }

    fn count(&mut self, tick: &Tick) {
        self.latest.connections[tick.worker] = Some(tick.connections);
        self.outcome.account.update(tick.worker, tick.due.clone(), tick.joined.clone());
        self.outcome.account.enrol(tick.roll.clone());
        self.outcome.account.total.merge(&tick.recorder);
    }

    fn tick(&mut self, tick: &Tick) {
        self.count(tick);
        let now = net::now();
        let connections = self.connections();
        let Outcome { timeline, account, costs, .. } = &mut self.outcome;
        if timeline.tick(tick, now, costs.spending()).is_none() {
            return;
        }
        let elapsed = Duration::from_nanos(timeline.clock().offset(now));
        if let Some(snapshot) = self.telling.second(elapsed, connections, timeline, account, costs) {
            self.progress.update(snapshot);
        }
        if !self.latest.told_silence
            && elapsed >= SILENCE
            && self.plan.subscribers() > 0
            && self.outcome.account.delivered() == 0
            && self.outcome.account.publishes(&(0..self.plan.phases.len()).collect::<Vec<_>>()).sent > 0
        {
            self.latest.told_silence = true;
            self.progress.note("5 s of publishing and nobody has received anything: is the room the same for publishers and subscribers?");
        }
    }

    /// Every worker has said that none of its connections is open, nor will be.
    fn nobody_is_in(&self) -> bool {
        self.latest.restarting.is_none()
            && self.latest.connections.iter().all(|of_worker| of_worker.is_some_and(|c| c.open + c.away == 0))
    }

    fn connections(&self) -> Connections {
        let mut all = Connections::default();
        self.latest.connections.iter().flatten().for_each(|of_worker| all.add(of_worker));
        // Workers that have not said anything yet have theirs to open all the same; what all have begun since is theirs to say.
        Connections { asked: all.asked.max(self.asked_at_first()), ..all }
    }

    /// Connections that are to be open before the first phase.
    fn asked_at_first(&self) -> u64 {
        // Publishers over HTTP open no WebSocket.
        let separate = self.plan.publishers.iter().filter(|p| matches!(p.via, Via::Websocket));
        let subscribers = self.plan.groups.iter().map(|group| u64::from(group.initial));
        subscribers.chain(separate.map(|p| u64::from(p.own()))).sum()
    }

    /// The next thing that happens; what ends a run early is an error.
    async fn event(&mut self, deadline: Option<Instant>) -> Result<Event, End> {
        let event = tokio::select! {
            biased;
            () = self.signals.interrupted() => Event::Interrupted,
            wish = self.progress.wish() => match wish {
                Wish::End => Event::Interrupted,
                Wish::NextPhase => Event::NextPhase,
            },
            news = self.crew.news() => news.map_or(Event::CrewGone, Event::News),
            change = self.server.changed() => Event::Server(change),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Event::Deadline,
        };
        match event {
            Event::Interrupted => Err(End::Interrupted),
            Event::CrewGone => Err(End::Ours("every worker of the load generator has ended".to_owned())),
            Event::News(News::Broken(why)) => Err(End::Ours(why)),
            Event::Server(Change::Restarted) => {
                self.restarted();
                Ok(event)
            }
            Event::Server(Change::NotRestarted(error)) => Err(End::Early(format!("the restart failed: {error}"))),
            Event::Server(Change::Ended(exit)) => {
                // Its last words may still be in the pipe.
                tokio::time::sleep(Duration::from_millis(50)).await;
                Err(End::Early(format!("the server {exit}{}", self.server.last_words())))
            }
            event => Ok(event),
        }
    }
}
