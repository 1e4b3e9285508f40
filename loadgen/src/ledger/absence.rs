//! A connection that is not there all the time: what it is owed, what it is not, and what can no longer be known.
//!
//! ```text
//! number    0  1  2  3  4  5  6  7  8  9 10 11          of one publisher
//! received  x  x     x              .  .  x  x
//!                 ▲     ╰──╯ ╰────────────╯▲
//!               lost  in    missed         back: owed again from 10 on
//!                   flight ▲ left by plan
//! ```
//!
//! * A leave by plan ends the account. What was begun before and not received is lost if a later message of the same publisher was
//!   received; otherwise it may have been in flight, and is **unaccountable**. What is begun while away is **missed**.
//! * A close by the server or the network ends nothing: what is begun meanwhile is owed, and lost if it never comes.
//! * A return that resumes undoes the leave: everything is owed, and comes late.
//!
//! Messages that were begun before the connection opened are *replayed* to it: they have a latency of their own.

use std::collections::HashMap;

use super::canonical::CanonicalRoom;
use super::cursor::Cursor;
use super::order::RoomOrder;
use super::ranges::Ranges;
use crate::recorder::NotOwed;

/// Numbers of the room that a connection is not owed.
#[derive(Debug, Default)]
pub(super) struct Absences {
    /// The first it was ever owed.
    joined: u32,
    /// The first number and entry that can have been in flight to it: later than all that was begun before it opened.
    from: (u32, u32),
    /// Under way when it left by plan.
    in_flight: Ranges,
    /// Begun while it was away by plan.
    missed: Ranges,
}

impl Absences {
    pub fn is_empty(&self) -> bool {
        self.joined == 0 && self.from == (0, 0) && self.in_flight.is_empty() && self.missed.is_empty()
    }

    /// Why a number is not owed; `None` where it is.
    pub fn why(&self, number: u32) -> Option<NotOwed> {
        if number < self.joined {
            Some(NotOwed::Earlier)
        } else if self.in_flight.contains(number) {
            Some(NotOwed::Unaccountable)
        } else {
            self.missed.contains(number).then_some(NotOwed::Missed)
        }
    }
}

/// What the account of a connection does when it is open again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejoin {
    /// The server replays what was missed: it is owed.
    Resumed,
    /// The server or the network had closed, and nothing is replayed: what was begun meanwhile is owed, and lost.
    Interrupted,
    /// It had left by plan before the publish of this number, and [`Cursor::forgo`] was told.
    Missed {
        /// The first number that it was not there for.
        left: u32,
    },
}

impl Cursor {
    /// Its connection is over: what there was of a frame or message is worth nothing to the next one.
    pub fn break_off(&mut self, room: &CanonicalRoom) {
        self.offset = room.start_of(self.entry);
        if let Some(apart) = &mut self.apart {
            apart.pending = Vec::new();
            apart.assembler = Default::default();
            apart.fragment_bytes = 0;
        }
        self.settle();
    }

    /// Its account ended, by plan, before the publish of number `left`: gives the numbers that may have been in flight, in order.
    pub fn forgo(&mut self, room: &CanonicalRoom, order: RoomOrder<'_>, left: u32) -> Vec<u32> {
        let numbers = self.in_flight(room, order, left);
        if !numbers.is_empty() {
            let ranges = &mut self.apart_mut().absences.in_flight;
            numbers.iter().for_each(|&n| ranges.push(n, n + 1));
        }
        numbers
    }

    /// It is open again, before the publish of number `next`.
    pub fn rejoin(&mut self, room: &CanonicalRoom, next: u32, how: Rejoin) {
        self.since = next;
        if how == Rejoin::Resumed {
            return;
        }
        let (entry, end) = (self.entry, room.len());
        let apart = self.apart_mut();
        apart.missing.push(entry, end);
        apart.absences.from = (next, end);
        if let Rejoin::Missed { left } = how {
            apart.absences.missed.push(left, next);
        }
        self.entry = end;
        self.offset = room.end();
        self.settle();
    }

    /// It joins for the first time, after the publishes before number `next`.
    pub(super) fn join_late(&mut self, room: &CanonicalRoom, next: u32) {
        let end = room.len();
        let apart = self.apart_mut();
        apart.missing.push(0, end);
        apart.absences.joined = next;
        apart.absences.from = (next, end);
    }

    fn in_flight(&self, room: &CanonicalRoom, order: RoomOrder<'_>, left: u32) -> Vec<u32> {
        let (from, first) = self.apart.as_ref().map_or((0, 0), |apart| apart.absences.from);
        // Received by others and not here.
        let ahead = self.entry.max(first)..room.len();
        let missing = self.apart.iter().flat_map(|apart| apart.missing.back_to(first)).flat_map(|(a, b)| a..b);
        let seen = missing.chain(ahead).map(|entry| room.entries[entry as usize].number);
        let numbers = seen.filter(|n| (from..left).contains(n)).chain(room.unseen(from, left));
        let mut had: HashMap<u32, u32> = HashMap::new();
        let open_ended = |n: &u32| {
            let Some((publisher, seq)) = order.publish(*n) else { return false };
            seq >= *had.entry(publisher).or_insert_with(|| self.had_of(room, publisher))
        };
        let mut numbers: Vec<u32> = numbers.filter(open_ended).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The highest sequence of a publisher that was received here, plus one.
    fn had_of(&self, room: &CanonicalRoom, publisher: u32) -> u32 {
        let had = |seq: &u32| room.position(publisher, *seq).is_some_and(|entry| self.has(entry));
        (0..room.seen_of(publisher)).rev().find(had).map_or(0, |seq| seq + 1)
    }
}
