//! Which publishers must publish now: a heap of due times, and the credit of closed loops. No sockets.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use serde::{Deserialize, Serialize};

use super::{Common, PublisherShare};
use crate::pacer::{Clock, Cut, Schedule, phase_of};
use crate::plan::{Arrival, From, Phase};

/// Publishes by the schedule handed out at once. What falls due beyond that waits for the next turn: a schedule that cannot be kept
/// must not fill the memory with frames, nor keep a worker from reading.
const MOST_AT_ONCE: usize = 256;

/// Publishes that fell due, by room, phase and (for members) subscriber group of the sender.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DueCounts {
    counts: HashMap<(u32, u16, Option<u16>), u64>,
    /// By phase, of publishers that were away by plan: these are not due.
    away: HashMap<u16, u64>,
}

impl DueCounts {
    fn add(&mut self, room: u32, phase: u16, sender: Option<u16>) {
        *self.counts.entry((room, phase, sender)).or_default() += 1;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Publishes of a phase that were left out because their publisher was away by plan.
    pub fn away(&self, phase: u16) -> u64 {
        self.away.get(&phase).copied().unwrap_or(0)
    }

    /// Room, phase, sender's group and how many.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u16, Option<u16>, u64)> + '_ {
        self.counts.iter().map(|(&(room, phase, sender), &n)| (room, phase, sender, n))
    }
}

/// One publisher's timing.
#[derive(Debug)]
struct Timing {
    room: u32,
    /// Subscriber group, for a member that publishes.
    sender: Option<u16>,
    pace: Pace,
    /// It stands in the heap.
    armed: bool,
    /// Since when its socket takes bytes again, after the last time that it did not: what was due before could not be
    /// sent earlier, and that is no lag of ours.
    writable_since: u64,
}

#[derive(Debug)]
enum Pace {
    Open(Schedule),
    Closed { in_flight: u32, free: u32 },
}

/// Whether a publisher can send now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Its socket takes bytes.
    Ready,
    /// Its socket is full, or it is about to come back: what is due waits in the schedule, due as before.
    Blocked,
    /// It has left by plan: what falls due is not its business, and is counted as that.
    Away,
    /// It has no connection: what falls due is counted and never sent.
    Gone,
}

/// A publish that is due now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Index of the publisher in this worker.
    pub publisher: usize,
    /// Absolute due time; `None` in a closed loop.
    pub at: Option<u64>,
    /// When it could have been sent: due, and the socket writable. The schedule's lag counts from here.
    pub sendable: u64,
    /// Its phase.
    pub phase: u16,
}

/// The timing of a worker's publishers.
#[derive(Debug)]
pub struct Pacing {
    phases: Vec<Phase>,
    timings: Vec<Timing>,
    heap: BinaryHeap<Reverse<(u64, u32)>>,
    /// Closed-loop publishers with free places.
    eager: Vec<u32>,
    /// The clock of the schedule, and when nothing falls due any more, absolute.
    span: Option<(Clock, u64)>,
    /// Publishes that fell due so far.
    pub counts: DueCounts,
}

impl Pacing {
    /// Timing of the publishers of a share, in the order of the share.
    pub fn new(common: &Common, shares: &[PublisherShare]) -> Self {
        let plan = &common.plan;
        let mut timings = Vec::new();
        for share in shares {
            let group = &plan.publishers[share.group];
            let sender = match group.from {
                From::Members { group } => Some(group as u16),
                From::Separate(_) => None,
            };
            let pacer = plan.pacer(share.group);
            for &publisher in &share.members {
                let room = common.book.table(publisher).map_or(0, |t| t.room());
                let pace = match (&group.arrival, pacer.schedule(publisher - share.first)) {
                    (_, Some(schedule)) => Pace::Open(schedule),
                    (Arrival::Closed { in_flight }, None) => Pace::Closed { in_flight: *in_flight, free: 0 },
                    (_, None) => continue,
                };
                timings.push(Timing { room, sender, pace, armed: false, writable_since: 0 });
            }
        }
        Pacing {
            phases: plan.phases.clone(),
            timings,
            heap: BinaryHeap::new(),
            eager: Vec::new(),
            span: None,
            counts: DueCounts::default(),
        }
    }

    /// The first phase starts at `at`.
    pub fn start(&mut self, at: u64) {
        let length: u64 = self.phases.iter().map(|p| p.length.as_nanos() as u64).sum();
        self.span = Some((Clock::new(at), at + length));
        for i in 0..self.timings.len() {
            match &mut self.timings[i].pace {
                Pace::Open(_) => self.arm(i),
                Pace::Closed { in_flight, free } => {
                    *free = *in_flight;
                    self.eager.push(i as u32);
                }
            }
        }
    }

    /// A part of the schedule does not happen: what falls into it is never due, and all that follows is due earlier.
    pub fn skip(&mut self, cut: Cut) {
        let Some((clock, end)) = &mut self.span else { return };
        if clock.skip(cut.from, cut.to).is_none() {
            return;
        }
        *end = end.saturating_sub(cut.length());
        // Every due time behind the cut has changed. Who is blocked is found to be so when its time comes.
        self.heap.clear();
        for i in 0..self.timings.len() {
            self.timings[i].armed = false;
            self.arm(i);
        }
    }

    /// Nothing falls due from `now` on.
    pub fn stop(&mut self, now: u64) {
        if let Some((_, end)) = &mut self.span {
            *end = now.min(*end);
        }
    }

    /// When [`Pacing::due`] must be asked next.
    pub fn next(&self, now: u64) -> Option<u64> {
        let (clock, end) = self.span.as_ref()?;
        if now < *end && !self.eager.is_empty() {
            return Some(clock.start().max(now));
        }
        self.heap.peek().map(|Reverse((due, _))| *due).filter(|due| due < end)
    }

    /// The phase that runs at `now`; the last one after the end.
    pub fn phase(&self, now: u64) -> u16 {
        let offset = self.span.as_ref().map_or(0, |(clock, _)| clock.offset(now));
        phase_of(&self.phases, offset) as u16
    }

    /// Whether a phase runs at `now`.
    pub fn is_within(&self, now: u64) -> bool {
        self.span.as_ref().is_some_and(|(clock, end)| now >= clock.start() && now < *end)
    }

    /// A message of an observed feed: due when anybody has it, unless that is outside of all phases.
    pub fn observed(&mut self, room: u32, phase: u16) {
        if usize::from(phase) < self.phases.len() {
            self.counts.add(room, phase, None);
        }
    }

    /// What is due by `now`, the publisher with the oldest first; `sender` tells who can send. One publisher's publishes
    /// come one after another. Where more is due than goes out at once, [`Pacing::next`] is a time gone by.
    pub fn due(&mut self, now: u64, sender: impl Fn(usize) -> Sender, out: &mut Vec<Due>) {
        let Some((clock, end)) = self.span.clone() else { return };
        if now >= clock.start() && now < end {
            let phase = self.phase(now);
            for i in std::mem::take(&mut self.eager) {
                let i = i as usize;
                let timing = &mut self.timings[i];
                let Pace::Closed { free, .. } = &mut timing.pace else { continue };
                match sender(i) {
                    Sender::Ready => {
                        for _ in 0..std::mem::take(free) {
                            self.counts.add(timing.room, phase, timing.sender);
                            out.push(Due { publisher: i, at: None, sendable: now, phase });
                        }
                    }
                    // `unblocked` makes it eager again; one without a connection publishes no more.
                    Sender::Blocked | Sender::Away | Sender::Gone => {}
                }
            }
        }
        let most = out.len() + MOST_AT_ONCE;
        while let Some(&Reverse((due, i))) = self.heap.peek()
            && due <= now
            && due < end
            && out.len() < most
        {
            self.heap.pop();
            let i = i as usize;
            self.timings[i].armed = false;
            let sender = sender(i);
            if sender == Sender::Blocked {
                continue; // `unblocked` puts it back.
            }
            let timing = &mut self.timings[i];
            let Pace::Open(schedule) = &mut timing.pace else { continue };
            while let Some((offset, at)) = clock.next(schedule)
                && at <= now
                && at < end
                && out.len() < most
            {
                let phase = phase_of(&self.phases, offset) as u16;
                if sender == Sender::Away {
                    *self.counts.away.entry(phase).or_default() += 1;
                } else {
                    self.counts.add(timing.room, phase, timing.sender);
                }
                if sender == Sender::Ready {
                    out.push(Due { publisher: i, at: Some(at), sendable: at.max(timing.writable_since), phase });
                }
                schedule.advance();
            }
            self.arm(i);
        }
    }

    /// A publisher's socket, which was full, takes bytes again from `now` on.
    pub fn writable(&mut self, publisher: usize, now: u64) {
        self.timings[publisher].writable_since = now;
    }

    /// A publisher is connected again from `now` on: nothing that it sent before is answered any more.
    pub fn returned(&mut self, publisher: usize, now: u64) {
        self.writable(publisher, now);
        if let Pace::Closed { in_flight, free } = &mut self.timings[publisher].pace {
            *free = *in_flight;
        }
        self.unblocked(publisher);
    }

    /// When the first phase began or begins.
    pub fn started(&self) -> Option<u64> {
        self.span.as_ref().map(|(clock, _)| clock.start())
    }

    /// Whether phases run at `now`.
    pub fn runs(&self, now: u64) -> bool {
        self.span.as_ref().is_some_and(|(clock, end)| (clock.start()..*end).contains(&now))
    }

    /// A publisher that was blocked can send again.
    pub fn unblocked(&mut self, publisher: usize) {
        match &self.timings[publisher].pace {
            Pace::Open(_) => self.arm(publisher),
            Pace::Closed { free, .. } if *free > 0 => self.eager.push(publisher as u32),
            Pace::Closed { .. } => {}
        }
    }

    /// So many places of a closed loop are free again.
    pub fn completed(&mut self, publisher: usize, n: u32) {
        if let Pace::Closed { free, in_flight } = &mut self.timings[publisher].pace {
            if *free == 0 && n > 0 {
                self.eager.push(publisher as u32);
            }
            // What was sent before an absence may still be answered after it.
            *free = (*free + n).min(*in_flight);
        }
    }

    /// Whether some publish fell due and was not sent yet, its publisher being blocked or not asked.
    pub fn is_waiting(&self) -> bool {
        let Some((clock, end)) = &self.span else { return false };
        // What lies in a cut was stepped over when the cut was made.
        let is_due = |offset| clock.at(offset).is_some_and(|at| at < *end);
        self.timings.iter().any(|t| matches!(&t.pace, Pace::Open(s) if s.peek().is_some_and(is_due)))
    }

    /// Counts what fell due and was never sent; gives how many of them could have been.
    pub fn count_unsent(&mut self, sender: impl Fn(usize) -> Sender) -> u64 {
        let Some((clock, end)) = self.span.clone() else { return 0 };
        let mut sendable = 0;
        for (i, timing) in self.timings.iter_mut().enumerate() {
            let Pace::Open(schedule) = &mut timing.pace else { continue };
            if sender(i) == Sender::Away {
                continue;
            }
            while let Some((offset, _)) = clock.next(schedule).filter(|(_, at)| *at < end) {
                self.counts.add(timing.room, phase_of(&self.phases, offset) as u16, timing.sender);
                sendable += u64::from(sender(i) == Sender::Ready);
                schedule.advance();
            }
        }
        sendable
    }

    fn arm(&mut self, i: usize) {
        let timing = &mut self.timings[i];
        if let (Some((clock, _)), Pace::Open(schedule)) = (&self.span, &mut timing.pace)
            && let Some((_, at)) = clock.next(schedule)
            && !std::mem::replace(&mut timing.armed, true)
        {
            self.heap.push(Reverse((at, i as u32)));
        }
    }
}

#[cfg(test)]
mod tests;
