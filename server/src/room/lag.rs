//! Eviction, and what it means for members that have not got what is evicted.

use std::str::FromStr;

use super::flush::waiting;
use super::members::{Standing, State};
use super::stream::Stream;
use crate::accounts::Accounts;
use crate::budget::Grant;
use crate::log::Boundary;
use crate::resume::ResumePoint;

/// What happens to a member whose next message is evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LagPolicy {
    /// It is closed with 1013.
    #[default]
    Disconnect,
    /// It goes on with the next message published.
    Skip,
    /// It goes on with the newest message, and does so whenever it has been blocked, evicted or not.
    Latest,
}

impl FromStr for LagPolicy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "disconnect" => Ok(Self::Disconnect),
            "skip" => Ok(Self::Skip),
            "latest" => Ok(Self::Latest),
            other => Err(format!("no lag policy is called {other:?}; use disconnect, skip or latest")),
        }
    }
}

/// A member that must go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    /// Its connection.
    pub conn: u32,
    /// The reason.
    pub why: Why,
}

/// Why a member must go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its connection is broken.
    Failed,
    /// It is too far behind, by the policy `disconnect`.
    Lagged,
    /// It took nothing for too long.
    Stalled,
    /// It is too far behind and had resumed, so it may again, from here on.
    Behind(ResumePoint),
    /// It is too far behind in the middle of a frame whose rest there is no memory to keep.
    NoMemory,
    /// There is no memory on its shard for what was published on another.
    Starved,
}

impl Stream {
    /// Evicts everything before `to`, which must not be after `flushed`. Only blocked members can be behind it.
    pub(super) fn evict(&mut self, to: Boundary, accounts: &mut Accounts) {
        debug_assert!(to.offset <= self.flushed);
        for place in 0..self.members.blocked.len() {
            if self.members.all[place].cursor >= to.offset {
                continue;
            }
            if let Grant::Refused = self.save_rest(place, accounts) {
                self.depart(place, Why::NoMemory);
                continue;
            }
            if self.members.blocked[place].state == State::Departed || self.members.all[place].cursor >= to.offset {
                continue;
            }
            match (self.members.standing(place), self.policy) {
                (Standing::Resumed, _) => {
                    let oldest = ResumePoint { generation: self.generation, index: to.index };
                    self.depart(place, Why::Behind(oldest));
                }
                (Standing::New, LagPolicy::Disconnect) => self.depart(place, Why::Lagged),
                (Standing::New, LagPolicy::Skip) => self.jump(place, self.log.end(), accounts),
                (Standing::New, LagPolicy::Latest) => {
                    let newest = self.log.newest();
                    self.jump(place, if newest.offset < to.offset { to } else { newest }, accounts);
                }
            }
        }
        self.log.evict(to);
    }

    /// Has every member depart that has been waiting to take a byte since `before` or longer, and returns since when the one does
    /// that has waited longest of the others.
    pub fn expire(&mut self, before: u64) -> Option<u64> {
        let mut oldest = None;
        for place in 0..self.members.blocked.len() {
            let blocked = &self.members.blocked[place];
            match blocked.state {
                State::Waiting if blocked.since <= before => self.depart(place, Why::Stalled),
                State::Waiting => oldest = Some(oldest.map_or(blocked.since, |since: u64| since.min(blocked.since))),
                State::Reserved | State::Departed => {}
            }
        }
        oldest
    }

    /// Moves the cursor of a blocked member, which is between two frames, forward to `to` and counts what it skips.
    pub(super) fn jump(&mut self, place: usize, to: Boundary, accounts: &mut Accounts) {
        let cursor = self.members.all[place].cursor;
        if to.offset <= cursor {
            return;
        }
        let skipped = to.index - self.log.containing(cursor).index;
        accounts.tally.skipped_messages += skipped;
        accounts.tally.skipped_connections += u64::from(self.members.skip(place));
        self.members.all[place].cursor = to.offset;
        self.members.blocked[place].split_end = to.offset;
        self.members.blocked[place].skipped += skipped;
    }

    /// Has every member depart, because what comes next cannot be kept for any of them.
    pub(super) fn dismiss_all(&mut self, why: Why, now: u64) {
        while let Some(ready) = self.members.all.get(self.members.blocked.len()) {
            let cursor = ready.cursor;
            self.members.block(self.members.blocked.len(), waiting(cursor, now));
        }
        for place in 0..self.members.blocked.len() {
            self.depart(place, why);
        }
    }

    /// Marks a blocked member as gone: it gets nothing more and `next_departure` names it.
    pub(super) fn depart(&mut self, place: usize, why: Why) {
        let blocked = &mut self.members.blocked[place];
        if blocked.state != State::Departed {
            blocked.state = State::Departed;
            let conn = self.members.conn(place);
            self.departures.push(Departure { conn, why });
        }
    }

    /// Copies the unsent rest of a split frame out of the log and puts the cursor behind it.
    fn save_rest(&mut self, place: usize, accounts: &mut Accounts) -> Grant {
        let member = &mut self.members.all[place];
        let blocked = &mut self.members.blocked[place];
        if member.cursor >= blocked.split_end {
            return Grant::Given;
        }
        let (a, b) = self.log.slices(member.cursor, blocked.split_end);
        let grant = accounts.split.take(a.len() + b.len());
        if grant == Grant::Given {
            blocked.rest = [a, b].concat();
            member.cursor = blocked.split_end;
        }
        grant
    }
}
