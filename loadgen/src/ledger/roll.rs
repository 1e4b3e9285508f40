//! Who of each room is owed its messages, and who is away: only what changed, and before which number.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::book::Book;

/// Changes of one group in one room, before the publish of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    number: u32,
    /// Connections that are owed the room's messages from there on, more or less than before.
    owed: i32,
    /// Connections that miss them by plan.
    away: i32,
}

/// Changes by room and group, as they happened; they need not be in the order of their numbers.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Roll {
    changes: HashMap<(u32, u16), Vec<Change>>,
}

/// Messages by phase, for one group of one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dues {
    /// That a group is owed, all its connections together.
    pub owed: Vec<i64>,
    /// That were begun while connections were away by plan.
    pub missed: Vec<i64>,
}

/// What becomes of a connection that has left by plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It will come back: what is begun meanwhile is missed.
    Away,
    /// It stays away, and is owed nothing.
    ForGood,
}

impl Roll {
    /// A connection is owed what is begun from `number` on.
    pub fn join(&mut self, room: u32, group: u16, number: u32) {
        self.change(room, group, Change { number, owed: 1, away: 0 });
    }

    /// A connection's account ends before `number`.
    pub fn leave(&mut self, room: u32, group: u16, number: u32, leave: Leave) {
        self.change(room, group, Change { number, owed: -1, away: i32::from(leave == Leave::Away) });
    }

    /// A connection that was away is owed what is begun from `number` on.
    pub fn come_back(&mut self, room: u32, group: u16, number: u32) {
        self.change(room, group, Change { number, owed: 1, away: -1 });
    }

    /// A connection that was away will not come back: it misses nothing of what is begun from `number` on.
    pub fn stay_away(&mut self, room: u32, group: u16, number: u32) {
        self.change(room, group, Change { number, owed: 0, away: -1 });
    }

    fn change(&mut self, room: u32, group: u16, change: Change) {
        let changes = self.changes.entry((room, group)).or_default();
        match changes.last_mut().filter(|last| last.number == change.number) {
            // A ramp of thousands is one change.
            Some(last) => {
                last.owed += change.owed;
                last.away += change.away;
            }
            None => changes.push(change),
        }
    }

    /// Adds another's changes.
    pub fn append(&mut self, other: Roll) {
        for (key, changes) in other.changes {
            self.changes.entry(key).or_default().extend(changes);
        }
    }

    /// Nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Messages owed in all, where `due` says how many fell due in a room, and by whomever they are owed.
    pub fn owed(&self, due: impl Fn(u32) -> u64) -> i64 {
        let of = |(&(room, _), changes): (&(u32, u16), &Vec<Change>)| -> i64 {
            let due = due(room) as i64;
            changes.iter().map(|c| i64::from(c.owed) * (due - i64::from(c.number))).sum()
        };
        self.changes.iter().map(of).sum()
    }

    /// Room and group of each part of the roll, with what they are owed and miss. `due` says how many publishes of a room fell due in
    /// each phase; those that were sent have numbers in `book`.
    pub fn dues<'r>(
        &'r self,
        book: &'r Book,
        due: impl Fn(u32) -> Vec<u64> + 'r,
    ) -> impl Iterator<Item = (u32, u16, Dues)> + 'r {
        self.changes.iter().map(move |(&(room, group), changes)| {
            let due: Vec<i64> = due(room).into_iter().map(|n| n as i64).collect();
            (room, group, dues_of(changes, room, book, &due))
        })
    }
}

fn dues_of(changes: &[Change], room: u32, book: &Book, due: &[i64]) -> Dues {
    let mut sorted = changes.to_vec();
    sorted.sort_unstable_by_key(|change| change.number);
    let zero = || vec![0; due.len()];
    let (mut owed, mut away) = (0, 0);
    let mut dues = Dues { owed: zero(), missed: zero() };
    let add = |dues: &mut Dues, counts: &[i64], owed: i64, away: i64| {
        dues.owed.iter_mut().zip(counts).for_each(|(sum, n)| *sum += owed * n);
        dues.missed.iter_mut().zip(counts).for_each(|(sum, n)| *sum += away * n);
    };
    if sorted.iter().all(|change| change.number == 0 && change.away == 0) {
        // Nobody joined or left while messages flowed: no need to look at each.
        owed = sorted.iter().map(|change| i64::from(change.owed)).sum();
        add(&mut dues, due, owed, 0);
        return dues;
    }
    let (mut unsent, mut counts, mut from) = (due.to_vec(), zero(), 0);
    let end = book.order(room).next();
    for change in sorted.iter().chain([&Change { number: end, owed: 0, away: 0 }]) {
        for number in from..change.number.min(end) {
            if let Some(phase) = book.phase_of(room, number).map(usize::from).filter(|phase| *phase < due.len()) {
                counts[phase] += 1;
                unsent[phase] -= 1;
            }
        }
        add(&mut dues, &counts, owed, away);
        counts.fill(0);
        from = from.max(change.number.min(end));
        owed += i64::from(change.owed);
        away += i64::from(change.away);
    }
    // What fell due and was never sent has no number; whoever is there at the end is owed it.
    add(&mut dues, &unsent, owed, 0);
    dues
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Published;

    /// Ten publishes, five in each of two phases.
    fn book() -> Book {
        let book = Book::new(vec![7]).unwrap();
        for n in 0..10 {
            book.table(0).unwrap().begin(Published { due: n + 1, sent: n + 1, phase: (n / 5) as u16 });
        }
        book
    }

    fn dues(roll: &Roll, due: [u64; 2]) -> Dues {
        let all = roll.owed(|_| due.iter().sum());
        let (room, group, dues) = roll.dues(&book(), |_| due.to_vec()).next().unwrap();
        assert_eq!((room, group, dues.owed.iter().sum::<i64>()), (7, 1, all));
        dues
    }

    #[test]
    fn who_is_there_from_the_beginning_is_owed_everything_sent_or_not() {
        let mut roll = Roll::default();
        roll.join(7, 1, 0);
        roll.join(7, 1, 0);
        assert_eq!(dues(&roll, [5, 8]), Dues { owed: vec![10, 16], missed: vec![0, 0] });
    }

    #[test]
    fn who_leaves_by_plan_is_owed_what_was_begun_before_and_misses_what_is_begun_until_the_return() {
        let mut roll = Roll::default();
        roll.join(7, 1, 0);
        roll.leave(7, 1, 3, Leave::Away);
        roll.come_back(7, 1, 6);
        assert_eq!(dues(&roll, [5, 5]), Dues { owed: vec![3, 4], missed: vec![2, 1] });
    }

    #[test]
    fn who_is_away_and_will_not_come_back_misses_nothing_more() {
        let mut roll = Roll::default();
        roll.join(7, 1, 0);
        roll.leave(7, 1, 2, Leave::Away);
        roll.stay_away(7, 1, 6);
        assert_eq!(dues(&roll, [5, 5]), Dues { owed: vec![2, 0], missed: vec![3, 1] });
    }

    #[test]
    fn who_leaves_for_good_misses_nothing_and_who_joins_late_is_owed_the_rest() {
        let mut roll = Roll::default();
        roll.join(7, 1, 0);
        roll.join(7, 1, 8);
        // Known only later, when another has joined.
        roll.leave(7, 1, 4, Leave::ForGood);
        assert_eq!(dues(&roll, [5, 5]), Dues { owed: vec![4, 2], missed: vec![0, 0] });
    }
}
