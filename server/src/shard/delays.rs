//! Pure: messages that wait until their sender's rate allows them, and when that is.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::rate::Cause;
use crate::session::Held;

/// A message that waits. Nothing is read from its connection meanwhile, so there is one a connection.
#[derive(Debug)]
pub struct Delayed {
    /// When it is allowed, in nanoseconds.
    pub until: u64,
    pub message: Held,
    /// Which limit it waits for.
    pub cause: Cause,
}

/// All that wait on one shard. To the nanosecond, because the wheel's ticks are longer than the intervals of most rates.
#[derive(Debug, Default)]
pub struct Delays {
    by_connection: HashMap<u32, Delayed>,
    /// By time. May name some that have gone.
    order: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Delays {
    pub fn insert(&mut self, id: u32, delayed: Delayed) {
        self.order.push(Reverse((delayed.until, id)));
        self.by_connection.insert(id, delayed);
    }

    /// Keeps a message whose time has come, until it is taken out by [`remove`](Self::remove).
    pub fn keep(&mut self, id: u32, delayed: Delayed) {
        self.by_connection.insert(id, Delayed { until: u64::MAX, ..delayed });
    }

    /// Takes out what waits for a connection: it may pass, or the connection goes.
    pub fn remove(&mut self, id: u32) -> Option<Delayed> {
        if self.by_connection.is_empty() {
            return None;
        }
        let removed = self.by_connection.remove(&id);
        if self.order.len() > 64 + 2 * self.by_connection.len() {
            let waits = &self.by_connection;
            self.order.retain(|Reverse((until, id))| waits.get(id).is_some_and(|delayed| delayed.until == *until));
        }
        removed
    }

    /// Takes out one that is allowed by now; call until `None`.
    pub fn pop(&mut self, now: u64) -> Option<(u32, Delayed)> {
        while let Some(Reverse((until, id))) = self.order.peek().copied() {
            if until > now {
                return None;
            }
            self.order.pop();
            // A connection's number may be another's by now.
            if self.by_connection.get(&id).is_some_and(|delayed| delayed.until == until) {
                return self.by_connection.remove(&id).map(|delayed| (id, delayed));
            }
        }
        None
    }

    /// When to call [`pop`](Self::pop) next, in nanoseconds.
    pub fn next_due(&self) -> Option<u64> {
        self.order.peek().map(|Reverse((until, _))| *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Opcode;

    fn delayed(until: u64) -> Delayed {
        Delayed { until, message: Held { opcode: Opcode::Text, payload: vec![1] }, cause: Cause::Connection }
    }

    fn popped(delays: &mut Delays, now: u64) -> Vec<u32> {
        std::iter::from_fn(|| delays.pop(now)).map(|(id, _)| id).collect()
    }

    #[test]
    fn messages_come_out_when_they_are_allowed_and_in_that_order() {
        let mut delays = Delays::default();
        for (id, until) in [(1, 30), (2, 10), (3, 20), (4, 40)] {
            delays.insert(id, delayed(until));
        }
        assert_eq!(delays.next_due(), Some(10));
        assert_eq!(popped(&mut delays, 9), Vec::<u32>::new());
        assert_eq!(popped(&mut delays, 30), [2, 3, 1]);
        assert_eq!(delays.next_due(), Some(40));
    }

    #[test]
    fn a_connection_that_went_and_whose_number_came_again_is_not_mistaken() {
        let mut delays = Delays::default();
        delays.insert(1, delayed(10));
        assert!(delays.remove(1).is_some());
        delays.insert(1, delayed(20));
        assert_eq!(popped(&mut delays, 15), Vec::<u32>::new());
        assert_eq!(popped(&mut delays, 20), [1]);
        assert!(delays.remove(1).is_none());
    }

    #[test]
    fn a_message_that_is_kept_comes_out_when_it_is_asked_for_and_never_by_itself() {
        let mut delays = Delays::default();
        delays.insert(1, delayed(10));
        let (id, due) = delays.pop(10).unwrap();
        delays.keep(id, due);
        assert_eq!((delays.next_due(), popped(&mut delays, u64::MAX)), (None, vec![]));
        assert!(delays.remove(1).is_some());
        assert!(delays.remove(1).is_none());
    }

    #[test]
    fn who_comes_and_goes_leaves_nothing_behind() {
        let mut delays = Delays::default();
        for i in 0..10_000 {
            delays.insert(i, delayed(u64::MAX));
            delays.remove(i);
        }
        assert!(delays.order.len() <= 65);
    }
}
