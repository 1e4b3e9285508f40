//! When each publisher must publish: absolute offsets from the start of the first phase, fixed before the run begins.
//!
//! A due time is never derived from "now", so a late sender stays measured against what was asked of it: wrk2's cure for
//! coordinated omission (Gil Tene, "How NOT to Measure Latency", 2013). Everything follows from one curve, the **work** done by time *t*: the integral of the load of all
//! phases up to *t*, in nanoseconds at load 1. An arrival is a sequence of amounts of work; its due times are where the
//! curve reaches them.
//!
//! ```text
//! work                    uniform:  k-th publish of the group at (k + 1/2) / rate
//!   │            ╱────    poisson:  exponential gaps of mean publishers / rate
//!   │      ____╱          replay:   at_us / speed
//!   │  ___╱  ramp
//!   └──────────────▶ t
//! ```
//!
//! Half a step of offset keeps the publishes of a phase clear of its edges: a phase of 10 s at 50 a second has exactly
//! 500, whatever comes before it.

use std::sync::Arc;

use crate::plan::{Arrival, Phase};
use crate::seeded::Seeded;
use crate::trace::Trace;

mod clock;

pub use clock::{Clock, Cut};

/// The due times of one publisher, in order: [`peek`](Schedule::peek), publish, [`advance`](Schedule::advance).
#[derive(Debug, Clone)]
pub struct Schedule {
    curve: Arc<[Segment]>,
    segment: usize,
    next: Option<u64>,
    pattern: Pattern,
}

/// What amount of work comes next.
#[derive(Debug, Clone)]
enum Pattern {
    /// Work of the next publish is `(index + 0.5) * step`.
    Uniform { index: u64, publishers: u64, step: f64 },
    /// Work of the last publish, the mean gap, and where the gaps come from.
    Poisson { work: f64, gap: f64, rng: Seeded },
    /// The next message of the room, in the lap-th pass over the trace.
    Replay { trace: Arc<Trace>, room: u32, index: usize, lap: u64, speed: f64, repeat: bool },
}

/// One phase on the work curve.
#[derive(Debug, Clone)]
struct Segment {
    start: u64,
    length: u64,
    work_before: f64,
    work_after: f64,
    load: (f64, f64),
}

/// Makes the schedules of a group's publishers, which share one curve.
#[derive(Debug, Clone)]
pub struct Pacer {
    curve: Arc<[Segment]>,
    arrival: Arrival,
    publishers: u32,
    seed: u64,
}

impl Pacer {
    /// For a group of `publishers` over these phases. Groups of one run need different seeds, or their Poisson
    /// arrivals coincide.
    pub fn new(arrival: &Arrival, publishers: u32, phases: &[Phase], seed: u64) -> Self {
        Self { curve: curve(phases), arrival: arrival.clone(), publishers, seed }
    }

    /// The schedule of one publisher of the group; `None` for a closed loop, which has no due times.
    pub fn schedule(&self, publisher: u32) -> Option<Schedule> {
        let publishers = f64::from(self.publishers.max(1));
        let pattern = match &self.arrival {
            Arrival::Closed { .. } => return None,
            Arrival::Uniform { rate } => Pattern::Uniform {
                index: u64::from(publisher),
                publishers: u64::from(self.publishers.max(1)),
                step: 1e9 / rate,
            },
            Arrival::Poisson { rate } => Pattern::Poisson {
                work: 0.0,
                gap: 1e9 * publishers / rate,
                rng: Seeded::new(self.seed, [u64::from(publisher), 0x7061_6365]),
            },
            Arrival::Replay { trace, speed, repeat } => Pattern::Replay {
                trace: Arc::clone(trace),
                room: publisher % (trace.rooms.len().max(1) as u32),
                index: 0,
                lap: 0,
                speed: *speed,
                repeat: *repeat,
            },
        };
        let mut schedule = Schedule { curve: Arc::clone(&self.curve), segment: 0, next: None, pattern };
        schedule.next = schedule.following();
        Some(schedule)
    }
}

impl Schedule {
    /// When the next publish is due, nanoseconds from the start of the first phase; `None` after the last one.
    #[inline]
    pub fn peek(&self) -> Option<u64> {
        self.next
    }

    /// Goes on to the publish after it.
    pub fn advance(&mut self) {
        if self.next.is_some() {
            self.next = self.following();
        }
    }

    fn following(&mut self) -> Option<u64> {
        let work = self.pattern.next_work()?;
        // Work only grows, so the search goes on from the segment of the publish before.
        while let Some(segment) = self.curve.get(self.segment) {
            if work < segment.work_after {
                return Some(segment.time_of(work));
            }
            self.segment += 1;
        }
        None
    }
}

impl Pattern {
    fn next_work(&mut self) -> Option<f64> {
        match self {
            Self::Uniform { index, publishers, step } => {
                let work = (*index as f64 + 0.5) * *step;
                *index += *publishers;
                Some(work)
            }
            Self::Poisson { work, gap, rng } => {
                *work += rng.exponential() * *gap;
                Some(*work)
            }
            Self::Replay { trace, room, index, lap, speed, repeat } => {
                let messages = trace.room_messages(*room);
                if *index >= messages.len() {
                    if !*repeat || messages.is_empty() {
                        return None;
                    }
                    *index = 0;
                    *lap += 1;
                }
                let at_us = trace.messages[messages[*index] as usize].at_us + *lap * trace.length_us();
                *index += 1;
                Some(at_us as f64 * 1000.0 / *speed)
            }
        }
    }
}

impl Segment {
    fn work(length: u64, load: (f64, f64)) -> f64 {
        length as f64 * (load.0 + load.1) / 2.0
    }

    /// When the curve reaches `work`, which lies in this segment: solves `a x + (b - a) x^2 / 2L = work` for x, in the
    /// form that does not cancel when the ramp is flat.
    fn time_of(&self, work: f64) -> u64 {
        let (a, b) = self.load;
        let length = self.length as f64;
        let part = work - self.work_before;
        let x = 2.0 * part / (a + (a * a + 2.0 * (b - a) / length * part).max(0.0).sqrt());
        self.start + (x.round() as u64).min(self.length.saturating_sub(1))
    }
}

fn curve(phases: &[Phase]) -> Arc<[Segment]> {
    let (mut start, mut work_before) = (0, 0.0);
    phases
        .iter()
        .map(|phase| {
            let length = phase.length.as_nanos() as u64;
            let work_after = work_before + Segment::work(length, phase.load);
            let segment = Segment { start, length, work_before, work_after, load: phase.load };
            start += length;
            work_before = work_after;
            segment
        })
        .collect()
}

/// Index of the phase that holds an offset (nanoseconds from the start of the first phase); the last one for any later.
pub fn phase_of(phases: &[Phase], offset: u64) -> usize {
    let mut end = 0;
    phases
        .iter()
        .position(|phase| {
            end += phase.length.as_nanos() as u64;
            offset < end
        })
        .unwrap_or(phases.len().saturating_sub(1))
}

/// Seconds at load 1 that these phases are worth: what a rate is multiplied with to give a count.
pub fn work_seconds(phases: &[Phase]) -> f64 {
    phases.iter().map(|p| Segment::work(p.length.as_nanos() as u64, p.load)).sum::<f64>() / 1e9
}

#[cfg(test)]
#[path = "pacer/tests.rs"]
mod tests;
