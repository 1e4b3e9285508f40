//! A room: what it is, how messages get their number, and who is in it.

use std::hash::{DefaultHasher, Hash, Hasher};

use wire::{Header, MAX_HEADER, Opcode};

use super::derive::Derived;
use super::encode::Encoder;
use super::flush::{Private, Sent, Writable};
use super::groups::Groups;
use super::lag::{Departure, LagPolicy, Why};
use super::members::{Seat, Standing};
use super::stream::Stream;
use crate::accounts::Accounts;
use crate::log::{Boundary, Framing, Log};
use crate::resume::ResumePoint;
use crate::variant::{Kind, Variant};

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

/// A member of a room, by a name that stays the same until it leaves, or is moved to another variant: whoever moves it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MemberId {
    pub(super) variant: Variant,
    pub(super) seat: Seat,
}

/// One room.
#[derive(Debug)]
pub struct Room {
    name: Box<str>,
    generation: u64,
    /// The canonical log, always kept, and its members.
    pub(super) plain: Stream,
    /// Streams made from it, each while it has members.
    pub(super) derived: Vec<Derived>,
    /// Who may be sent compressed frames and how; `None` before anybody may.
    pub(super) groups: Option<Box<Groups>>,
    last_publish: u64,
}

impl Room {
    /// An empty room. `generation` should be random: it tells this log from an earlier one of the same name. `log_cap` is what the log
    /// may grow to, in bytes.
    #[must_use]
    pub fn new(name: &str, generation: u64, log_cap: usize, policy: LagPolicy, now: u64) -> Self {
        let plain = Stream::new(generation, policy, Kind::Plain, Log::new(log_cap));
        Self { name: name.into(), generation, plain, derived: Vec::new(), groups: None, last_publish: now }
    }

    /// The copy of a room that is sequenced elsewhere: its next message is the one at `first`, and it is fed with [`copy`](Self::copy).
    #[must_use]
    pub fn replica(name: &str, generation: u64, first: Boundary, log_cap: usize, policy: LagPolicy, now: u64) -> Self {
        let log = Log::starting_at(first, Framing::WebSocket, log_cap);
        let plain = Stream::new(generation, policy, Kind::Plain, log);
        Self { plain, ..Self::new(name, generation, log_cap, policy, now) }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The canonical log, to look at.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.plain.log
    }

    /// Bytes that its logs occupy, the derived ones included.
    #[must_use]
    pub fn log_bytes(&self) -> usize {
        self.streams().map(|stream| stream.log.capacity()).sum()
    }

    /// Members, those in their handshake included.
    #[must_use]
    pub fn members(&self) -> usize {
        self.streams().map(|stream| stream.members.all.len()).sum()
    }

    /// Of the members, those that receive this variant.
    #[must_use]
    pub fn members_of(&self, variant: Variant) -> usize {
        self.stream(variant).map_or(0, |stream| stream.members.all.len())
    }

    /// Of the members, those that receive a variant of this kind.
    #[must_use]
    pub fn members_of_kind(&self, kind: Kind) -> usize {
        self.streams().filter(|stream| stream.kind == kind).map(|stream| stream.members.all.len()).sum()
    }

    /// Members that cannot be written to now, those in their handshake not included.
    #[must_use]
    pub fn blocked(&self) -> usize {
        self.streams().map(Stream::blocked).sum()
    }

    /// Whether anybody cannot be written to or is in its handshake.
    #[must_use]
    #[inline]
    pub fn has_blocked(&self) -> bool {
        self.plain.has_blocked() || self.derived.iter().any(|derived| derived.stream.has_blocked())
    }

    /// When something was last published, in nanoseconds (or when the room was made).
    #[must_use]
    pub fn last_publish(&self) -> u64 {
        self.last_publish
    }

    /// Whether messages wait for a flush.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.plain.is_dirty()
    }

    /// What the next flush will write: where it begins, and its bytes in one slice, or two at the ring's seam.
    #[must_use]
    pub fn unflushed(&self) -> (Boundary, [&[u8]; 2]) {
        let Stream { log, flushed, .. } = &self.plain;
        let (first, second) = log.slices(*flushed, log.end().offset);
        (log.containing(*flushed), [first, second])
    }

    /// The next message's name for the outside.
    #[must_use]
    pub fn next(&self) -> ResumePoint {
        ResumePoint { generation: self.generation, index: self.plain.log.end().index }
    }

    /// The name of the next message that a member gets, which is not departed.
    #[must_use]
    pub fn next_for(&self, id: MemberId) -> ResumePoint {
        let index = self.stream(id.variant).map_or(0, |stream| {
            let cursor = stream.members.all[stream.members.place(id.seat)].cursor;
            stream.log.containing(cursor).index
        });
        ResumePoint { generation: self.generation, index }
    }

    /// The name of the oldest message still held.
    #[must_use]
    pub fn oldest(&self) -> ResumePoint {
        ResumePoint { generation: self.generation, index: self.plain.log.start().index }
    }

    /// Frames a message once, for everybody, and gives it the next index.
    ///
    /// # Errors
    /// [`Full`]; nothing has changed then, except that memory may have been evicted.
    #[inline]
    pub fn append(&mut self, opcode: Opcode, payload: &[u8], now: u64, accounts: &mut Accounts) -> Result<u64, Full> {
        let index = self.copy(opcode, payload, now, accounts)?;
        accounts.tally.publishes += 1;
        accounts.tally.publish_bytes += payload.len() as u64;
        Ok(index)
    }

    /// As [`append`](Self::append), for a message that was numbered and counted as published elsewhere.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn copy(&mut self, opcode: Opcode, payload: &[u8], now: u64, accounts: &mut Accounts) -> Result<u64, Full> {
        let mut header = [0; MAX_HEADER];
        let header_len = Header::unmasked(opcode, payload.len() as u64).encode(&mut header);
        let at = self.plain.append(&header[..header_len], payload, accounts)?;
        self.last_publish = now;
        Ok(at.index)
    }

    /// Writes to every ready member what it has not got, one call of `sink` each, beginning one member further than last time.
    ///
    /// `sink` gets the socket and one slice, or two at a ring's seam, and says what the kernel took. Members that cannot keep up become
    /// blocked; broken ones are named by [`next_departure`](Self::next_departure).
    pub fn flush(&mut self, now: u64, accounts: &mut Accounts, sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent) {
        self.plain.flush(now, accounts, sink);
        if !self.derived.is_empty() {
            self.derive(now, accounts, sink);
        }
    }

    /// Keeps a place for a connection from the next message on; it counts as blocked until [`adopt`](Self::adopt).
    pub fn reserve(&mut self, conn: u32, now: u64) -> MemberId {
        let cursor = self.plain.log.end().offset;
        MemberId { variant: Variant::Plain, seat: self.plain.reserve(conn, Standing::New, cursor, now) }
    }

    /// Whether the log holds everything from `point` on.
    #[must_use]
    pub fn holds(&self, point: ResumePoint) -> bool {
        point.generation == self.generation && self.plain.log.offset_of(point.index).is_some()
    }

    /// As [`reserve`](Self::reserve), from `point` on. `None` if the log does not hold that: it is of another generation, evicted, or
    /// has not been written yet.
    pub fn reserve_from(&mut self, point: ResumePoint, conn: u32, now: u64) -> Option<MemberId> {
        if point.generation != self.generation {
            return None;
        }
        let cursor = self.plain.log.offset_of(point.index)?;
        Some(MemberId { variant: Variant::Plain, seat: self.plain.reserve(conn, Standing::Resumed, cursor, now) })
    }

    /// As [`reserve`](Self::reserve), among those who receive events, and says which message comes first: the next one without `point`;
    /// with it the one it names, or the oldest that can still be had if that is later or `point` is of another generation.
    ///
    /// Flushes the room, so that every stream is at the same index. `None` if there is no memory for events now.
    pub fn reserve_events(
        &mut self,
        point: Option<ResumePoint>,
        conn: u32,
        now: u64,
        accounts: &mut Accounts,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Option<(MemberId, ResumePoint)> {
        self.flush(now, accounts, sink);
        let variant = Variant::Events;
        if self.stream(variant).is_none() {
            let encoder = Encoder::new(variant, self.generation)?;
            self.derived.push(Derived::new(variant, encoder, &self.plain, self.plain.log.end()));
        }
        let derived = self.derived.iter_mut().find(|derived| derived.variant == variant)?;
        if !derived.is_complete(&self.plain.log) {
            return None;
        }
        let end = self.plain.log.end().index;
        let (standing, index) = match point {
            None => (Standing::New, end),
            Some(point) => {
                let known = point.generation == self.generation && point.index <= end;
                let wanted = if known { point.index } else { 0 };
                derived.rewind(wanted.max(self.plain.log.start().index), &self.plain.log, accounts);
                (Standing::Resumed, wanted.max(derived.stream.log.start().index))
            }
        };
        let cursor = derived.stream.log.offset_of(index)?;
        let seat = derived.stream.reserve(conn, standing, cursor, now);
        Some((MemberId { variant, seat }, ResumePoint { generation: self.generation, index }))
    }

    /// A reserved member's connection is here, as socket `fd`: it gets everything from its place on. If private frames wait, they go first:
    /// send them, then call [`writable`](Self::writable).
    pub fn adopt(
        &mut self,
        id: MemberId,
        fd: i32,
        private: Private,
        now: u64,
        accounts: &mut Accounts,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Writable {
        self.stream_mut(id.variant)
            .map_or(Writable::Blocked, |stream| stream.adopt(id.seat, fd, private, now, accounts, sink))
    }

    /// A blocked member's socket takes bytes again: finishes a split frame, lets private frames pass, then sends what the log holds.
    ///
    /// Who has lost messages that later compressed ones refer to goes on with plain frames, and so gets another name.
    pub fn writable(
        &mut self,
        id: &mut MemberId,
        private: Private,
        now: u64,
        accounts: &mut Accounts,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Writable {
        let Some(stream) = self.stream_mut(id.variant) else { return Writable::Blocked };
        match stream.writable(id.seat, private, now, accounts, sink) {
            Writable::Skipped(messages) if id.variant.keeps_history() => {
                Writable::Skipped(messages + self.fall_back(id, now, accounts))
            }
            stands => stands,
        }
    }

    /// A ready member, standing between two frames, gets nothing more until [`writable`](Self::writable): its private bytes go first.
    pub fn hold(&mut self, id: MemberId, now: u64) {
        if let Some(stream) = self.stream_mut(id.variant) {
            stream.hold(id.seat, now);
        }
    }

    /// Whether a member can be written to, and if not, since when (nanoseconds).
    #[must_use]
    pub fn blocked_since(&self, id: MemberId) -> Option<u64> {
        self.stream(id.variant)?.blocked_since(id.seat)
    }

    /// Takes a member out and returns the unsent rest of the frame it was in the middle of, which must go out before anything else
    /// that is sent to it. Empty at a boundary.
    #[must_use]
    pub fn leave(&mut self, id: MemberId, accounts: &mut Accounts) -> Vec<u8> {
        let Some(stream) = self.stream_mut(id.variant) else { return Vec::new() };
        let rest = stream.leave(id.seat, accounts);
        if let Some(groups) = &mut self.groups {
            groups.left(id);
        }
        self.drop_unused(accounts);
        rest
    }

    /// A member that earlier calls found must go, to be taken out with [`leave`](Self::leave); `None` when there are no more.
    pub fn next_departure(&mut self) -> Option<Departure> {
        let mut departure = self.streams_mut().find_map(|stream| stream.departures.pop())?;
        if let Why::Behind(oldest) = &mut departure.why {
            // Who resumes reads the plain log, which may hold less than the one that it was behind in.
            oldest.index = oldest.index.max(self.plain.log.start().index);
        }
        Some(departure)
    }

    /// Has every member depart that has been waiting to take a byte since `before` or longer, and returns since when the one does
    /// that has waited longest of the others.
    pub fn expire(&mut self, before: u64) -> Option<u64> {
        self.streams_mut().filter_map(|stream| stream.expire(before)).min()
    }

    /// Gives the history back, if nobody still needs any of it. Numbering goes on, and who resumes finds nothing older.
    pub fn forget_history(&mut self, accounts: &mut Accounts) {
        self.streams_mut().for_each(|stream| stream.forget_history(accounts));
    }

    /// Nobody can be given the messages before `next`, because there is no memory for them here: every member departs, and numbering
    /// goes on with `next`. Flush first.
    pub fn continue_at(&mut self, next: Boundary, now: u64, accounts: &mut Accounts) {
        self.plain.continue_at(next, now, accounts);
        for derived in &mut self.derived {
            derived.stream.dismiss_all(Why::Starved, now);
        }
    }

    /// Gives all memory back to the books; the room is to be dropped.
    pub fn dissolve(mut self, accounts: &mut Accounts) {
        debug_assert_eq!(self.members(), 0);
        self.plain.dissolve(accounts);
        self.derived.into_iter().for_each(|derived| derived.dissolve(accounts));
    }

    fn streams(&self) -> impl Iterator<Item = &Stream> {
        std::iter::once(&self.plain).chain(self.derived.iter().map(|derived| &derived.stream))
    }

    fn streams_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        std::iter::once(&mut self.plain).chain(self.derived.iter_mut().map(|derived| &mut derived.stream))
    }

    #[inline]
    pub(super) fn stream(&self, variant: Variant) -> Option<&Stream> {
        match variant {
            Variant::Plain => Some(&self.plain),
            other => self.derived.iter().find(|derived| derived.variant == other).map(|derived| &derived.stream),
        }
    }

    #[inline]
    pub(super) fn stream_mut(&mut self, variant: Variant) -> Option<&mut Stream> {
        match variant {
            Variant::Plain => Some(&mut self.plain),
            other => {
                self.derived.iter_mut().find(|derived| derived.variant == other).map(|derived| &mut derived.stream)
            }
        }
    }
}
