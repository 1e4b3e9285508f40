//! Who of a worker joins or leaves next, while phases run. No sockets.

use std::collections::VecDeque;

use super::Member;
use crate::plan::Move;

/// A movement of one of this worker's connections.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Nanoseconds from the start of the first phase.
    pub at: u64,
    /// Whose.
    pub member: Member,
    /// What.
    pub what: Move,
}

/// The movements of a worker's connections, in order.
#[derive(Debug, Default)]
pub struct Moving {
    steps: VecDeque<Step>,
    /// Some of them are leaves.
    shrinks: bool,
    /// Start of the first phase, absolute.
    start: Option<u64>,
}

impl Moving {
    /// Movements that begin when the first phase does; `steps` in order of time.
    pub fn new(steps: Vec<Step>) -> Self {
        let shrinks = steps.iter().any(|step| step.what == Move::Leave);
        Moving { steps: steps.into(), shrinks, start: None }
    }

    /// The first phase starts at `at`, nanoseconds of CLOCK_MONOTONIC.
    pub fn start(&mut self, at: u64) {
        self.start = Some(at);
    }

    /// Nobody moves any more.
    pub fn stop(&mut self) {
        self.steps = VecDeque::new();
    }

    /// Whether anybody leaves at all.
    pub fn shrinks(&self) -> bool {
        self.shrinks
    }

    /// When [`Moving::next`] must be asked again.
    pub fn wake_at(&self) -> Option<u64> {
        Some(self.start? + self.steps.front()?.at)
    }

    /// The next movement that is due by `now`.
    pub fn next(&mut self, now: u64) -> Option<Step> {
        let start = self.start?;
        self.steps.pop_front_if(|step| start + step.at <= now)
    }
}
