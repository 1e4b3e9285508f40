//! Who leaves or comes back next. No sockets.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Times at which something is due at a connection. What has been overtaken stays in the heap; the connection knows what holds.
#[derive(Debug, Default)]
pub struct Returns {
    heap: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Returns {
    /// Something is due at a connection.
    pub fn at(&mut self, when: u64, connection: u32) {
        self.heap.push(Reverse((when, connection)));
    }

    /// When [`Returns::due`] must be asked next.
    pub fn next(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((when, _))| *when)
    }

    /// What is due by `now`, the earliest first: when it was, and the connection.
    pub fn due(&mut self, now: u64) -> Option<(u64, u32)> {
        self.next().filter(|when| *when <= now)?;
        self.heap.pop().map(|Reverse(due)| due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_comes_in_order_and_not_before_its_time() {
        let mut returns = Returns::default();
        [(30, 1), (10, 2), (20, 3)].into_iter().for_each(|(when, connection)| returns.at(when, connection));
        assert_eq!((returns.next(), returns.due(5)), (Some(10), None));
        assert_eq!([returns.due(20), returns.due(20), returns.due(20)], [Some((10, 2)), Some((20, 3)), None]);
        assert_eq!(returns.next(), Some(30));
    }
}
