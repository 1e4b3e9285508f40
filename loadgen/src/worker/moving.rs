//! Who of a worker joins or leaves next, while phases run. No sockets.

use std::collections::VecDeque;

use super::Member;
use crate::pacer::{Clock, Cut};
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
    /// Leaves that have to wait a moment longer, by when they are tried again.
    late: VecDeque<(u64, Step)>,
    /// Some of them are leaves.
    shrinks: bool,
    /// Once the first phase has a start.
    clock: Option<Clock>,
}

impl Moving {
    /// Movements that begin when the first phase does; `steps` in order of time.
    pub fn new(steps: Vec<Step>) -> Self {
        let shrinks = steps.iter().any(|step| step.what == Move::Leave);
        Moving { steps: steps.into(), shrinks, ..Moving::default() }
    }

    /// The first phase starts at `at`, nanoseconds of CLOCK_MONOTONIC.
    pub fn start(&mut self, at: u64) {
        self.clock = Some(Clock::new(at));
    }

    /// A part of the schedule does not happen: who was to move meanwhile moves when it is skipped, so that what follows finds as many
    /// connections as it was written for.
    pub fn skip(&mut self, cut: Cut) {
        if let Some(clock) = &mut self.clock {
            clock.skip(cut.from, cut.to);
        }
    }

    /// Nobody moves any more but who was to by `now`: whoever is asked late must not leave movements out.
    pub fn stop(&mut self, now: u64) {
        match &self.clock {
            Some(clock) => self.steps.retain(|step| clock.past(step.at) <= now),
            None => self.steps = VecDeque::new(),
        }
        self.late = VecDeque::new();
    }

    /// Nobody moves any more at all; gives who was to join by `now` and has not begun to.
    pub fn end(&mut self, now: u64) -> Vec<Member> {
        self.stop(now);
        let joins = self.steps.drain(..).filter(|step| self.clock.is_some() && step.what == Move::Join);
        joins.map(|step| step.member).collect()
    }

    /// Whether anybody leaves at all.
    pub fn shrinks(&self) -> bool {
        self.shrinks
    }

    /// When [`Moving::next`] must be asked again.
    pub fn wake_at(&self) -> Option<u64> {
        let next = self.steps.front().zip(self.clock.as_ref()).map(|(step, clock)| clock.past(step.at));
        next.into_iter().chain(self.late.front().map(|(at, _)| *at)).min()
    }

    /// The next movement that is due by `now`.
    pub fn next(&mut self, now: u64) -> Option<Step> {
        if let Some((_, step)) = self.late.pop_front_if(|(at, _)| *at <= now) {
            return Some(step);
        }
        let clock = self.clock.as_ref()?;
        self.steps.pop_front_if(|step| clock.past(step.at) <= now)
    }

    /// A movement has to be tried again at `at`, no earlier than those that were put off before.
    pub fn put_off(&mut self, step: Step, at: u64) {
        self.late.push_back((at, step));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Inflate;

    fn step(at: u64, what: Move) -> Step {
        let member = Member {
            group: Some(0),
            room: 0,
            path_room: 0,
            endpoint: 0,
            publisher: None,
            connection: at as u32,
            source: None,
            index: 0,
            inflate: Inflate::Verify,
        };
        Step { at, member, what }
    }

    fn due(moving: &mut Moving, now: u64) -> Vec<u64> {
        std::iter::from_fn(|| moving.next(now)).map(|step| step.at).collect()
    }

    #[test]
    fn movements_are_due_on_the_clock_of_the_phases() {
        let mut moving = Moving::new(vec![step(10, Move::Join), step(20, Move::Join), step(30, Move::Leave)]);
        assert_eq!((moving.wake_at(), due(&mut moving, u64::MAX)), (None, vec![]));
        moving.start(1000);
        assert_eq!(moving.wake_at(), Some(1010));
        assert_eq!(due(&mut moving, 1020), [10, 20]);
        assert!(moving.shrinks());
        moving.stop(1029);
        assert_eq!(moving.wake_at(), None);
    }

    #[test]
    fn who_was_to_move_before_the_stop_moves_however_late_it_is_asked() {
        let mut moving = Moving::new(vec![step(10, Move::Join), step(20, Move::Join), step(30, Move::Join)]);
        moving.start(1000);
        moving.stop(1020);
        assert_eq!(due(&mut moving, 1050), [10, 20]);
    }

    #[test]
    fn who_had_no_turn_to_join_before_the_end_is_named() {
        let steps = [step(10, Move::Join), step(15, Move::Leave), step(20, Move::Join), step(30, Move::Join)];
        let mut moving = Moving::new(steps.into());
        moving.start(1000);
        assert_eq!(moving.next(1010).map(|step| step.at), Some(10));
        assert_eq!(moving.end(1020).iter().map(|member| member.connection).collect::<Vec<_>>(), [20]);
        assert_eq!((moving.wake_at(), due(&mut moving, u64::MAX)), (None, vec![]));
        assert_eq!(Moving::new(vec![step(10, Move::Join)]).end(u64::MAX).len(), 0, "the phases never began");
    }

    #[test]
    fn who_was_to_move_in_what_is_skipped_moves_when_it_is() {
        let mut moving = Moving::new([15, 25, 45].map(|at| step(at, Move::Join)).into());
        moving.start(1000);
        moving.skip(Cut { from: 20, to: 40 });
        assert_eq!((due(&mut moving, 1019), due(&mut moving, 1020)), (vec![15], vec![25]));
        assert_eq!(moving.wake_at(), Some(1025));
    }

    #[test]
    fn what_is_put_off_comes_again() {
        let mut moving = Moving::new(vec![step(10, Move::Leave), step(30, Move::Leave)]);
        moving.start(0);
        let leave = moving.next(10).unwrap();
        moving.put_off(leave, 20);
        assert_eq!((moving.wake_at(), due(&mut moving, 19)), (Some(20), vec![]));
        assert_eq!(due(&mut moving, 30), [10, 30]);
    }
}
