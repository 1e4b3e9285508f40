//! A room: what it is, how messages get their number, and who is in it.

use std::hash::{DefaultHasher, Hash, Hasher};

use wire::{Header, MAX_HEADER, Opcode};

use super::lag::{Departure, LagPolicy};
use super::members::{MemberId, Members, Standing, State};
use crate::accounts::Accounts;
use crate::budget::Grant;
use crate::log::{Log, Need};
use crate::resume::ResumePoint;

/// Unflushed bytes may be at most this part of what the log may hold, so that eviction cannot reach a healthy reader.
const UNFLUSHED_PART: usize = 4;

/// The shard, of `shards`, that sequences the room called `name`.
#[must_use]
pub fn home_shard(name: &str, shards: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    (hasher.finish() % shards.max(1) as u64) as usize
}

/// Why a message was not appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Too much is waiting: flush the room and append again.
    FlushFirst,
    /// The log would need more memory than `--log-memory` has left.
    NoMemory,
}

/// One room.
#[derive(Debug)]
pub struct Room {
    name: Box<str>,
    generation: u64,
    pub(super) policy: LagPolicy,
    pub(super) log: Log,
    /// Everything before this was offered to every ready member; a ready member's cursor is never before it.
    pub(super) flushed: u64,
    pub(super) members: Members,
    /// Where the next flush begins, so that nobody is always last.
    pub(super) rotation: usize,
    pub(super) departures: Vec<Departure>,
    last_publish: u64,
}

impl Room {
    /// An empty room. `generation` should be random: it tells this log from an earlier one of the same name. `log_cap` is what the log
    /// may grow to, in bytes.
    #[must_use]
    pub fn new(name: &str, generation: u64, log_cap: usize, policy: LagPolicy, now: u64) -> Self {
        Self {
            name: name.into(),
            generation,
            policy,
            log: Log::new(log_cap),
            flushed: 0,
            members: Members::new(),
            rotation: 0,
            departures: Vec::new(),
            last_publish: now,
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The log, to look at.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Members, those in their handshake included.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members.all.len()
    }

    /// Members that cannot be written to now, those in their handshake not included.
    #[must_use]
    pub fn blocked(&self) -> usize {
        self.members.blocked.iter().filter(|b| b.state == State::Waiting).count()
    }

    /// Whether anybody cannot be written to or is in its handshake.
    #[must_use]
    #[inline]
    pub fn has_blocked(&self) -> bool {
        !self.members.blocked.is_empty()
    }

    /// When something was last published, in nanoseconds (or when the room was made).
    #[must_use]
    pub fn last_publish(&self) -> u64 {
        self.last_publish
    }

    /// Whether messages wait for a flush.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.flushed < self.log.end().offset
    }

    /// The next message's name for the outside.
    #[must_use]
    pub fn next(&self) -> ResumePoint {
        ResumePoint { generation: self.generation, index: self.log.end().index }
    }

    /// The name of the oldest message still held.
    #[must_use]
    pub fn oldest(&self) -> ResumePoint {
        ResumePoint { generation: self.generation, index: self.log.start().index }
    }

    /// Frames a message once, for everybody, and gives it the next index.
    ///
    /// # Errors
    /// [`Full`]; nothing has changed then, except that memory may have been evicted.
    #[inline]
    pub fn append(&mut self, opcode: Opcode, payload: &[u8], now: u64, accounts: &mut Accounts) -> Result<u64, Full> {
        let mut header = [0; MAX_HEADER];
        let header_len = Header::unmasked(opcode, payload.len() as u64).encode(&mut header);
        let len = header_len + payload.len();
        match self.log.need(len) {
            Need::Nothing => {}
            need => self.make_room(len, need, accounts)?,
        }
        let unflushed = (self.log.end().offset - self.flushed) as usize;
        if unflushed > 0 && unflushed + len > self.log.cap() / UNFLUSHED_PART {
            return Err(Full::FlushFirst);
        }
        let at = self.log.append(&header[..header_len], payload);
        self.last_publish = now;
        accounts.tally.publishes += 1;
        accounts.tally.publish_bytes += payload.len() as u64;
        Ok(at.index)
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

    /// Keeps a place for a connection from the next message on; it counts as blocked until [`adopt`](Self::adopt).
    pub fn reserve(&mut self, conn: u32, now: u64) -> MemberId {
        self.members.reserve(conn, Standing::New, self.log.end().offset, now)
    }

    /// As [`reserve`](Self::reserve), from `point` on. `None` if the log does not hold that: it is of another generation, evicted, or
    /// has not been written yet.
    pub fn reserve_from(&mut self, point: ResumePoint, conn: u32, now: u64) -> Option<MemberId> {
        if point.generation != self.generation {
            return None;
        }
        let cursor = self.log.offset_of(point.index)?;
        Some(self.members.reserve(conn, Standing::Resumed, cursor, now))
    }

    /// Takes a member out and returns the unsent rest of the frame it was in the middle of, which must go out before anything else
    /// that is sent to it. Empty at a boundary.
    #[must_use]
    pub fn leave(&mut self, id: MemberId, accounts: &mut Accounts) -> Vec<u8> {
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

    /// A member that earlier calls found must go, to be taken out with [`leave`](Self::leave); `None` when there are no more.
    pub fn next_departure(&mut self) -> Option<Departure> {
        self.departures.pop()
    }

    /// Gives the history back, if nobody still needs any of it. Numbering goes on, and who resumes finds nothing older.
    pub fn forget_history(&mut self, accounts: &mut Accounts) {
        let end = self.log.end().offset;
        let needed = |member: &super::members::Member| member.cursor < end;
        if self.flushed == end && !self.members.all[..self.members.blocked.len()].iter().any(needed) {
            accounts.log.give_back(self.log.release());
        }
    }

    /// Gives all memory back to the books; the room is to be dropped.
    pub fn dissolve(mut self, accounts: &mut Accounts) {
        debug_assert_eq!(self.members(), 0);
        accounts.log.give_back(self.log.release());
    }
}
