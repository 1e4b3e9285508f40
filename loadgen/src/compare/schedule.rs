//! The order of the runs: blocks with a run of each setting, in an order that the seed gives, so that none always comes first, and a machine
//! that drifts drifts for all.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::seeded::Seeded;

/// One of the two settings that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// The one that is compared to.
    A,
    /// The one that is compared.
    B,
}

impl Arm {
    /// `a` or `b`.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letter())
    }
}

/// One run that is to be made, of one of the settings that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn<A = Arm> {
    /// From 1.
    pub block: u32,
    /// Which setting.
    pub arm: A,
    /// From 1; higher where the run before it was invalid.
    pub attempt: u32,
}

impl<A: fmt::Display> Turn<A> {
    /// The folder of its files: `a-01`; of an invalid run that was repeated, see [`Schedule`], `a-01-invalid-1`.
    #[must_use]
    pub fn folder(&self, quality: Quality) -> String {
        let name = format!("{}-{:02}", self.arm, self.block);
        match quality {
            Quality::Valid => name,
            Quality::Invalid => format!("{name}-invalid-{}", self.attempt),
        }
    }
}

/// What a run was good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quality {
    /// It counts.
    Valid,
    /// The load generator could not measure it: it is repeated, if that is still allowed.
    Invalid,
}

/// The runs of a comparison, one after the other.
///
/// An invalid run is repeated at once, so that those of a block stay side by side; all in all at most as many runs are repeated as were
/// asked for. After that its block stays incomplete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule<A = Arm> {
    /// A block after the other.
    turns: Vec<(u32, A)>,
    /// Runs done with.
    position: usize,
    attempt: u32,
    repeats_left: usize,
}

impl<A: Copy> Schedule<A> {
    /// So many blocks of these settings, in the order that the seed gives.
    #[must_use]
    pub fn new(seed: u64, blocks: u32, arms: &[A]) -> Self {
        let mut turns = Vec::new();
        for block in 1..=blocks {
            let mut random = Seeded::new(seed, [0xab, u64::from(block)]);
            let mut order = arms.to_vec();
            for last in (1..order.len()).rev() {
                order.swap(last, random.below(last as u64 + 1) as usize);
            }
            turns.extend(order.into_iter().map(|arm| (block, arm)));
        }
        Self { position: 0, attempt: 1, repeats_left: turns.len(), turns }
    }

    /// The run that comes next; `None`: all are made.
    #[must_use]
    pub fn next(&self) -> Option<Turn<A>> {
        let (block, arm) = *self.turns.get(self.position)?;
        Some(Turn { block, arm, attempt: self.attempt })
    }

    /// Takes note of how that run went.
    pub fn done(&mut self, quality: Quality) {
        if quality == Quality::Invalid && self.repeats_left > 0 {
            self.repeats_left -= 1;
            self.attempt += 1;
        } else {
            self.position += 1;
            self.attempt = 1;
        }
    }

    /// Runs that are still to be made, if none has to be repeated.
    #[must_use]
    pub fn left(&self) -> u32 {
        self.turns.len().saturating_sub(self.position) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `AB BA ..`, when run after run goes as `quality` says.
    fn played(seed: u64, blocks: u32, mut quality: impl FnMut(Turn) -> Quality) -> Vec<Turn> {
        let mut schedule = Schedule::new(seed, blocks, &[Arm::A, Arm::B]);
        let mut turns = Vec::new();
        while let Some(turn) = schedule.next() {
            turns.push(turn);
            schedule.done(quality(turn));
        }
        turns
    }

    fn order(seed: u64, blocks: u32) -> String {
        let turns = played(seed, blocks, |_| Quality::Valid);
        turns.chunks(2).map(|two| two.iter().map(|turn| turn.arm.letter()).collect::<String>() + " ").collect()
    }

    #[test]
    fn every_block_has_both_and_the_seed_decides_which_is_first() {
        assert_eq!(order(42, 10), order(42, 10));
        assert_ne!(order(42, 10), order(43, 10));
        for block in order(7, 50).split_whitespace() {
            assert!(["ab", "ba"].contains(&block), "{block}");
        }
        let ab = order(1, 400).matches("ab ").count();
        assert!((160..=240).contains(&ab), "{ab} of 400 begin with a");
    }

    #[test]
    fn an_invalid_run_is_repeated_at_once() {
        let mut first = true;
        let turns = played(42, 2, |_| if std::mem::take(&mut first) { Quality::Invalid } else { Quality::Valid });
        assert_eq!(turns.len(), 5);
        assert_eq!((turns[0].arm, turns[0].block), (turns[1].arm, turns[1].block));
        assert_eq!((turns[0].attempt, turns[1].attempt, turns[2].attempt), (1, 2, 1));
        assert_ne!(turns[1].arm, turns[2].arm);
    }

    #[test]
    fn no_more_runs_are_repeated_than_were_asked_for() {
        assert_eq!(played(42, 3, |_| Quality::Invalid).len(), 12);
    }

    #[test]
    fn three_settings_come_in_every_order() {
        let schedule = Schedule::new(3, 60, &["x", "y", "z"]);
        let orders: std::collections::BTreeSet<Vec<&str>> =
            schedule.turns.chunks(3).map(|block| block.iter().map(|(_, arm)| *arm).collect()).collect();
        assert_eq!((schedule.left(), orders.len()), (180, 6));
    }

    #[test]
    fn runs_are_found_by_the_names_of_their_folders() {
        let turn = Turn { block: 3, arm: Arm::B, attempt: 2 };
        assert_eq!(turn.folder(Quality::Valid), "b-03");
        assert_eq!(turn.folder(Quality::Invalid), "b-03-invalid-2");
    }
}
