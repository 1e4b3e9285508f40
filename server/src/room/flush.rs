//! Writing to members: all ready ones at once, or one that can be written to again.

use super::lag::{LagPolicy, Why};
use super::members::{Blocked, Seat, Standing, State};
use super::stream::Stream;
use crate::accounts::Accounts;

/// What became of one write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The kernel took so many bytes, all or a part.
    Bytes(usize),
    /// It took nothing: the socket is full.
    Blocked,
    /// The connection is broken.
    Failed,
}

/// Whether private frames wait to go out to a member, which they may only between two frames of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Private {
    /// None.
    None,
    /// Some.
    Waiting,
}

/// Where a member stands after [`Room::writable`](super::Room::writable).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writable {
    /// The socket is full again.
    Blocked,
    /// Between two frames: send the private frames, then call again with [`Private::None`].
    Boundary,
    /// The lag policy made it lose so many messages: tell it if it is to know, then call again, with [`Private::Waiting`] if the notice is
    /// to go out before what follows. Said once for each gap.
    Skipped(u64),
    /// It has everything and takes part in flushes.
    Ready,
}

impl Stream {
    /// Writes to every ready member what it has not got, one call of `sink` each, beginning one member further than last time.
    ///
    /// `sink` gets the socket and one slice, or two at the ring's seam, and says what the kernel took. Members that cannot keep up become
    /// blocked; broken ones are added to `departures`.
    pub fn flush(&mut self, now: u64, accounts: &mut Accounts, sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent) {
        let (from, end) = (self.flushed, self.log.end());
        if from == end.offset {
            return;
        }
        let messages = end.index - self.log.containing(from).index;
        let (first, second) = self.log.slices(from, end.offset);
        let len = first.len() + second.len();
        let ready = &mut self.members.all[self.members.blocked.len()..];
        self.rotation = if self.rotation + 1 < ready.len() { self.rotation + 1 } else { 0 };
        let (last, begin) = ready.split_at_mut(self.rotation.min(ready.len()));
        // What is not the common case is put aside, by member, and looked at after the walk.
        let mut aside = Vec::new();
        let mut whole = 0;
        for member in begin.iter_mut().chain(last) {
            if member.cursor == from {
                match sink(member.fd, first, second) {
                    Sent::Bytes(n) if n == len => {
                        member.cursor = end.offset;
                        whole += 1;
                    }
                    sent => aside.push((Seat(member.id), Some(sent))),
                }
            } else if member.cursor < end.offset {
                aside.push((Seat(member.id), None));
            }
        }
        self.flushed = end.offset;
        accounts.tally.flushes.record(messages);
        accounts.tally.sends += whole;
        accounts.tally.bytes_sent += whole * len as u64;
        accounts.tally.volumes.of_mut(self.kind).sent_bytes += whole * len as u64;
        accounts.tally.deliveries += whole * messages;
        for (id, sent) in aside {
            match sent {
                Some(sent) => self.settle(id, sent, now, accounts),
                None => {
                    self.catch_up(id, now, accounts, sink);
                }
            }
        }
    }

    /// A blocked member's socket takes bytes again: finishes a split frame, lets private frames pass, then sends what the log holds.
    pub fn writable(
        &mut self,
        id: Seat,
        private: Private,
        now: u64,
        accounts: &mut Accounts,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Writable {
        let place = self.members.place(id);
        let Some(blocked) = self.members.blocked.get_mut(place) else { return Writable::Ready };
        if blocked.state != State::Waiting {
            return Writable::Blocked;
        }
        let fd = self.members.all[place].fd;
        if !blocked.rest.is_empty() {
            match sink(fd, &blocked.rest, &[]) {
                Sent::Bytes(n) => {
                    accounts.tally.sends += 1;
                    accounts.tally.bytes_sent += n as u64;
                    accounts.tally.volumes.of_mut(self.kind).sent_bytes += n as u64;
                    accounts.split.give_back(n);
                    blocked.since = now;
                    if n < blocked.rest.len() {
                        blocked.rest.drain(..n);
                        accounts.tally.partial_writes += 1;
                        return Writable::Blocked;
                    }
                    blocked.rest = Vec::new();
                    accounts.tally.deliveries += 1;
                }
                Sent::Blocked => return Writable::Blocked,
                Sent::Failed => return self.fail(id),
            }
        }
        if let Some(gap) = self.gap(place) {
            return gap;
        }
        let jumps = self.policy == LagPolicy::Latest && self.members.standing(place) == Standing::New;
        if private == Private::Waiting || jumps {
            let to = self.members.blocked[place].split_end;
            if self.members.all[place].cursor < to {
                let sent = self.send(place, to, accounts, sink);
                if self.members.all[place].cursor < to {
                    return self.still(place, sent, now);
                }
                self.members.blocked[place].since = now;
            }
        }
        if private == Private::Waiting {
            return Writable::Boundary;
        }
        if jumps {
            self.jump(place, self.log.newest(), accounts);
            if let Some(gap) = self.gap(place) {
                return gap;
            }
        }
        self.members.unblock(place);
        self.catch_up(id, now, accounts, sink)
    }

    /// What a blocked member has lost since it was last asked for.
    fn gap(&mut self, place: usize) -> Option<Writable> {
        let skipped = std::mem::take(&mut self.members.blocked[place].skipped);
        (skipped > 0).then_some(Writable::Skipped(skipped))
    }

    /// A reserved member's connection is here, as socket `fd`: it gets everything from its place on. If private frames wait, they go first:
    /// send them, then call [`writable`](Self::writable).
    pub fn adopt(
        &mut self,
        id: Seat,
        fd: i32,
        private: Private,
        now: u64,
        accounts: &mut Accounts,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Writable {
        let place = self.members.place(id);
        self.members.all[place].fd = fd;
        match self.members.blocked.get_mut(place) {
            Some(blocked) if blocked.state == State::Reserved && private == Private::Waiting => {
                blocked.state = State::Waiting;
                blocked.since = now;
                Writable::Boundary
            }
            Some(blocked) if blocked.state == State::Reserved => {
                self.members.unblock(place);
                self.catch_up(id, now, accounts, sink)
            }
            _ => Writable::Blocked,
        }
    }

    /// A ready member, standing between two frames, gets nothing more until [`writable`](Self::writable): its private bytes go first.
    pub fn hold(&mut self, id: Seat, now: u64) {
        let place = self.members.place(id);
        if place >= self.members.blocked.len() {
            self.block(place, now);
        }
    }

    /// Moves the ready member at `place`, which stands between two frames, to the blocked ones, and returns its new place.
    pub(super) fn block(&mut self, place: usize, now: u64) -> usize {
        let cursor = self.members.all[place].cursor;
        self.members.block(place, waiting(cursor, now))
    }

    /// Whether a member can be written to, and if not, since when (nanoseconds).
    pub fn blocked_since(&self, id: Seat) -> Option<u64> {
        self.members.blocked.get(self.members.place(id)).map(|blocked| blocked.since)
    }

    /// Sends a ready member everything between its cursor and the end.
    fn catch_up(
        &mut self,
        id: Seat,
        now: u64,
        accounts: &mut Accounts,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Writable {
        let place = self.members.place(id);
        let end = self.log.end().offset;
        if self.members.all[place].cursor == end {
            return Writable::Ready;
        }
        let sent = self.send(place, end, accounts, sink);
        let cursor = self.members.all[place].cursor;
        if cursor == end {
            return Writable::Ready;
        }
        let split_end = self.log.at_or_after(cursor).offset;
        let place = self.members.block(place, waiting(split_end, now));
        self.still(place, sent, now)
    }

    /// One write to the member at `place` of everything up to `to`; moves its cursor and counts.
    fn send(
        &mut self,
        place: usize,
        to: u64,
        accounts: &mut Accounts,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) -> Sent {
        let member = self.members.all[place];
        let (first, second) = self.log.slices(member.cursor, to);
        let sent = sink(member.fd, first, second);
        self.advance(place, to, sent, accounts);
        sent
    }

    /// Moves a cursor by what was sent, on its way `to`; counts bytes and the messages that went out whole.
    fn advance(&mut self, place: usize, to: u64, sent: Sent, accounts: &mut Accounts) {
        let n = if let Sent::Bytes(n) = sent { n as u64 } else { 0 };
        let from = self.members.all[place].cursor;
        let cursor = from + n;
        debug_assert!(cursor <= to);
        self.members.all[place].cursor = cursor;
        accounts.tally.sends += u64::from(n > 0);
        accounts.tally.bytes_sent += n;
        accounts.tally.volumes.of_mut(self.kind).sent_bytes += n;
        accounts.tally.partial_writes += u64::from(cursor < to);
        accounts.tally.deliveries += self.log.containing(cursor).index - self.log.containing(from).index;
    }

    /// After a flush has been taken in part, or not at all, by a ready member.
    fn settle(&mut self, id: Seat, sent: Sent, now: u64, accounts: &mut Accounts) {
        let place = self.members.place(id);
        let end = self.log.end().offset;
        self.advance(place, end, sent, accounts);
        let split_end = self.log.at_or_after(self.members.all[place].cursor).offset;
        let place = self.members.block(place, waiting(split_end, now));
        self.still(place, sent, now);
    }

    /// A blocked member stays blocked, with the frame it is in now.
    fn still(&mut self, place: usize, sent: Sent, now: u64) -> Writable {
        if sent == Sent::Failed {
            self.depart(place, Why::Failed);
            return Writable::Blocked;
        }
        let blocked = &mut self.members.blocked[place];
        if matches!(sent, Sent::Bytes(_)) {
            blocked.since = now;
        }
        Writable::Blocked
    }

    fn fail(&mut self, id: Seat) -> Writable {
        self.depart(self.members.place(id), Why::Failed);
        Writable::Blocked
    }
}

pub(super) fn waiting(split_end: u64, now: u64) -> Blocked {
    Blocked { split_end, since: now, rest: Vec::new(), skipped: 0, state: State::Waiting }
}
