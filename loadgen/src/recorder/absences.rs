//! What connections that leave and come back add to the figures of a phase and group.

use serde::{Deserialize, Serialize};

use crate::record::Counts;

/// Why a message was not owed to a connection, which may receive it all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotOwed {
    /// Begun before it joined for the first time.
    Earlier,
    /// It may have been in flight when the connection left by plan.
    Unaccountable,
    /// Begun while the connection was away by plan.
    Missed,
}

/// Figures of absences. Made only where there are any: it has a histogram.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Absences {
    /// Received less due (less sent in a closed loop), microseconds, of messages that were begun before their connection opened; they
    /// are in none of the other latencies.
    pub resumed: Counts,
    /// Messages that may have been in flight when their connection left by plan.
    pub unaccountable: u64,
    /// Received although not owed.
    pub regained: Regained,
    /// From the end of a connection to the first message after its return, microseconds; in the phase in which it ended, like all
    /// that follows.
    pub first: Counts,
    /// From the cut or the restart that ended a connection until it was open again, microseconds.
    pub back: Counts,
    /// Connections that a cut or a restart ended.
    pub struck: u64,
    /// Connections that ended and were to come back.
    pub to_return: u64,
    /// That did.
    pub returned: u64,
    /// Of these, those that resumed.
    pub resumed_connections: u64,
    /// Answers that there is nothing to resume from.
    pub resumes_refused: u64,
    /// Tries to come back that failed.
    pub failed_tries: u64,
}

/// Messages that were received although their connection was not owed them, by why it was not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regained {
    /// Begun before it joined.
    pub earlier: u64,
    /// In flight when it left.
    pub unaccountable: u64,
    /// Begun while it was away.
    pub missed: u64,
}

impl Absences {
    /// A message was received that was not owed.
    pub fn regain(&mut self, why: NotOwed) {
        match why {
            NotOwed::Earlier => self.regained.earlier += 1,
            NotOwed::Unaccountable => self.regained.unaccountable += 1,
            NotOwed::Missed => self.regained.missed += 1,
        }
    }

    /// Adds another's figures.
    pub fn merge(&mut self, other: &Absences) {
        self.resumed.merge(&other.resumed);
        self.unaccountable += other.unaccountable;
        self.regained.earlier += other.regained.earlier;
        self.regained.unaccountable += other.regained.unaccountable;
        self.regained.missed += other.regained.missed;
        self.first.merge(&other.first);
        self.back.merge(&other.back);
        self.struck += other.struck;
        self.to_return += other.to_return;
        self.returned += other.returned;
        self.resumed_connections += other.resumed_connections;
        self.resumes_refused += other.resumes_refused;
        self.failed_tries += other.failed_tries;
    }
}

impl Regained {
    /// All of them.
    pub fn sum(self) -> u64 {
        self.earlier + self.unaccountable + self.missed
    }
}
