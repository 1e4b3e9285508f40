//! One variant of a room's messages: a log of finished frames, and the members that receive it.

use super::lag::{Departure, LagPolicy, Why};
use super::members::{Members, Seat, Standing, State};
use super::sequence::Full;
use crate::accounts::Accounts;
use crate::budget::Grant;
use crate::log::{Boundary, Log, Need};
use crate::variant::Kind;

/// Unflushed bytes may be at most this part of what the log may hold, so that eviction cannot reach a healthy reader.
const UNFLUSHED_PART: usize = 4;

/// A log and its members. An index means the same message in every stream of a room.
#[derive(Debug)]
pub(super) struct Stream {
    /// The room's, to name places for the outside.
    pub generation: u64,
    pub policy: LagPolicy,
    pub kind: Kind,
    pub log: Log,
    /// Everything before this was offered to every ready member; a ready member's cursor is never before it.
    pub flushed: u64,
    pub members: Members,
    /// Where the next flush begins, so that nobody is always last.
    pub rotation: usize,
    /// Members that must go, to be taken out with [`leave`](Self::leave).
    pub departures: Vec<Departure>,
}

impl Stream {
    /// Without members, at the end of an empty `log`.
    pub fn new(generation: u64, policy: LagPolicy, kind: Kind, log: Log) -> Self {
        let flushed = log.end().offset;
        let members = Members::new();
        Self { generation, policy, kind, log, flushed, members, rotation: 0, departures: Vec::new() }
    }

    /// Members that cannot be written to now, those in their handshake not included.
    pub fn blocked(&self) -> usize {
        self.members.blocked.iter().filter(|b| b.state == State::Waiting).count()
    }

    /// Whether anybody cannot be written to or is in its handshake.
    #[inline]
    pub fn has_blocked(&self) -> bool {
        !self.members.blocked.is_empty()
    }

    /// Whether a member has exactly what was flushed and can be written to: so that it may be moved to another stream.
    pub fn stands(&self, id: Seat) -> bool {
        let place = self.members.place(id);
        place >= self.members.blocked.len() && self.members.all[place].cursor == self.flushed
    }

    /// The members of which [`stands`](Self::stands) is true.
    pub fn standing(&self) -> impl Iterator<Item = Seat> {
        let ready = &self.members.all[self.members.blocked.len()..];
        ready.iter().filter(|member| member.cursor == self.flushed).map(|member| Seat(member.id))
    }

    /// Whether frames wait for a flush.
    #[inline]
    pub fn is_dirty(&self) -> bool {
        self.flushed < self.log.end().offset
    }

    /// Appends one frame, growing or evicting as it must.
    ///
    /// # Errors
    /// [`Full`]; nothing has changed then, except that memory may have been evicted.
    #[inline]
    pub fn append(&mut self, header: &[u8], payload: &[u8], accounts: &mut Accounts) -> Result<Boundary, Full> {
        let len = header.len() + payload.len();
        match self.log.need(len) {
            Need::Nothing => {}
            need => self.make_room(len, need, accounts)?,
        }
        let unflushed = (self.log.end().offset - self.flushed) as usize;
        if unflushed > 0 && unflushed + len > self.log.cap() / UNFLUSHED_PART {
            return Err(Full::FlushFirst);
        }
        Ok(self.log.append(header, payload))
    }

    #[cold]
    fn make_room(&mut self, len: usize, mut need: Need, accounts: &mut Accounts) -> Result<(), Full> {
        loop {
            let to = match need {
                Need::Nothing => return Ok(()),
                Need::Evict(to) => to,
                Need::Grow(capacity) => match accounts.log.take(capacity - self.log.capacity()) {
                    Grant::Given => {
                        self.log.grow(capacity);
                        return Ok(());
                    }
                    // Make do with the ring that is there, unless no ring of this size can hold the frame.
                    Grant::Refused if len <= self.log.capacity() => self.log.eviction_for(len),
                    Grant::Refused => return Err(Full::NoMemory),
                },
            };
            if to.offset > self.flushed {
                return Err(Full::FlushFirst);
            }
            self.evict(to, accounts);
            need = if self.log.held() + len <= self.log.capacity() { Need::Nothing } else { self.log.need(len) };
        }
    }

    /// Puts one frame before the oldest, if there is memory for it without evicting any: `Refused` otherwise.
    pub fn prepend(&mut self, frame: &[u8], accounts: &mut Accounts) -> Grant {
        match self.log.need(frame.len()) {
            Need::Nothing => {}
            Need::Grow(capacity) => match accounts.log.take(capacity - self.log.capacity()) {
                Grant::Given => self.log.grow(capacity),
                Grant::Refused => return Grant::Refused,
            },
            Need::Evict(_) => return Grant::Refused,
        }
        self.log.prepend(frame);
        Grant::Given
    }

    /// Keeps a place for a connection from `cursor`, a boundary, on; it counts as blocked until [`adopt`](Self::adopt).
    pub fn reserve(&mut self, conn: u32, standing: Standing, cursor: u64, now: u64) -> Seat {
        self.members.reserve(conn, standing, cursor, now)
    }

    /// Takes a member out and returns the unsent rest of the frame it was in the middle of, which must go out before anything else
    /// that is sent to it. Empty at a boundary.
    pub fn leave(&mut self, id: Seat, accounts: &mut Accounts) -> Vec<u8> {
        let conn = self.members.conn(self.members.place(id));
        let (member, blocked) = self.members.remove(id);
        let Some(blocked) = blocked else { return Vec::new() };
        if blocked.state == State::Departed {
            // Its connection's number may soon be somebody else's.
            self.departures.retain(|departure| departure.conn != conn);
        }
        accounts.split.give_back(blocked.rest.len());
        // A split frame that is neither saved nor in the log any more could not be saved: such a member departs without a word.
        if member.cursor < blocked.split_end && member.cursor >= self.log.start().offset {
            let (a, b) = self.log.slices(member.cursor, blocked.split_end);
            return [a, b].concat();
        }
        blocked.rest
    }

    /// Gives the history back, if nobody still needs any of it.
    pub fn forget_history(&mut self, accounts: &mut Accounts) {
        let end = self.log.end().offset;
        let needed = |member: &super::members::Member| member.cursor < end;
        if self.flushed == end && !self.members.all[..self.members.blocked.len()].iter().any(needed) {
            self.dissolve(accounts);
        }
    }

    /// Every member departs, and numbering goes on with `next`: what comes before it was lost. Flush first.
    pub fn continue_at(&mut self, next: Boundary, now: u64, accounts: &mut Accounts) {
        self.evict(self.log.end(), accounts);
        self.dismiss_all(Why::Starved, now);
        accounts.log.give_back(self.log.continue_at(next));
        self.flushed = next.offset;
    }

    /// Gives all memory of the log back to the books; numbering goes on.
    pub fn dissolve(&mut self, accounts: &mut Accounts) {
        accounts.log.give_back(self.log.release());
    }
}
