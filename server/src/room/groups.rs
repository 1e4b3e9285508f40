//! Who receives which compressed stream, and when members change over.
//!
//! ```text
//!                   ┌──────── few members, or no memory ───────► Unshared ─┐
//!   newcomer: Plain ┤                                              ▲       │ enough members
//!             ▲     │ nothing was compressed yet                idle       ▼
//!             │     ├─────────────────────────────────────────────────► Mature
//!             │     │ at most every 500 ms: its compressor begins anew     ▲
//!             │     └─────────────────────► Nursery ───────────────────────┘
//!        lost messages                            after a window's bytes
//! ```
//!
//! A decoder's window holds the end of everything that it was sent *compressed*, in whatever way; plain frames do not enter it. What a
//! compressor may refer to is at most a window of what it was given since it began. So a member may go over to a stream once it has
//! received, compressed, everything that the stream's compressor was given since it began, or a window's bytes of it. Which messages are
//! compressed is the same in all streams of a room, except that the standalone streams leave plain what is larger than their window; who
//! comes from there starts with a compressor that starts as well.
//!
//! Members change over between two frames, with nothing pending, and only right before a flush: at every index all streams stand at the
//! same message then.

use std::collections::VecDeque;

use super::derive::Derived;
use super::encode::{Encoder, Shared};
use super::flush::waiting;
use super::members::Seat;
use super::sequence::{MemberId, Room};
use crate::accounts::Accounts;
use crate::coding::{Coding, Window};
use crate::log::Boundary;
use crate::variant::Variant;

/// So many members are worth a compressor that they share.
const WORTH_SHARING: usize = 8;
/// A compressor is given up when fewer than so many are left: fewer than it takes to get one, so that it does not come and go.
const WORTH_KEEPING: usize = 4;
/// Newcomers are taken into a nursery at most so often, and wait no longer for it; a room that was refused a compressor asks as often.
/// Nanoseconds.
pub(super) const INTAKE: u64 = 500_000_000;
/// Windows that histories are shared for.
const SHARED: [Window; 2] = [Window::Fifteen, Window::Twelve];

/// Told of each member that has changed over: its connection, and what it is called now.
pub type Renamed<'a> = &'a mut dyn FnMut(u32, MemberId);

/// Those of a room's members that may be sent compressed frames.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Members of the plain stream that are to leave it.
    newcomers: Vec<Newcomer>,
    /// For each of [`SHARED`].
    shares: [Share; 2],
}

#[derive(Debug, Clone, Copy)]
struct Newcomer {
    seat: Seat,
    coding: Coding,
}

/// How the decoders with one window are served.
#[derive(Debug, Default)]
struct Share {
    /// Members of the nursery, the longest there first, and how many bytes it had compressed when they came.
    learners: VecDeque<(Seat, u64)>,
    /// Not before this is anybody taken into the nursery.
    next_intake: u64,
    /// Not before this is a compressor for the mature stream asked for.
    ask_again: u64,
}

impl Groups {
    /// A member is not in the room any more.
    pub fn left(&mut self, id: MemberId) {
        match id.variant {
            Variant::Plain => {
                if let Some(at) = self.newcomers.iter().position(|newcomer| newcomer.seat == id.seat) {
                    self.newcomers.swap_remove(at);
                }
            }
            Variant::Nursery(window) => self.share(window).learners.retain(|(seat, _)| *seat != id.seat),
            Variant::Events | Variant::Standalone(_) | Variant::Unshared(_) | Variant::Mature(_) => {}
        }
    }

    fn share(&mut self, window: Window) -> &mut Share {
        &mut self.shares[usize::from(window == SHARED[1])]
    }

    fn waiting_for(&self, window: Window) -> impl Iterator<Item = &Newcomer> {
        self.newcomers.iter().filter(move |newcomer| newcomer.coding == Coding::Shared(window))
    }
}

impl Room {
    /// An adopted member can decode this: as soon as may be it is sent compressed frames.
    pub fn compress(&mut self, id: MemberId, coding: Coding, accounts: &mut Accounts, renamed: Renamed<'_>) {
        let mut groups = self.groups.take().unwrap_or_default();
        let to = match coding {
            Coding::Plain => return self.groups = Some(groups),
            Coding::Standalone(window) => Some(Variant::Standalone(window)),
            Coding::Shared(window) if self.stream(Variant::Mature(window)).is_some() => None,
            Coding::Shared(window) => Some(Variant::Unshared(window)),
        };
        let moved = to.is_some_and(|to| self.change_over(id, to, accounts, renamed).is_some());
        if !moved && id.variant == Variant::Plain {
            groups.newcomers.push(Newcomer { seat: id.seat, coding });
        }
        self.groups = Some(groups);
    }

    /// Brings members to the streams that suit them best. To be called before a flush.
    #[inline]
    pub fn regroup(&mut self, now: u64, accounts: &mut Accounts, renamed: Renamed<'_>) {
        if self.is_dirty()
            && let Some(groups) = self.groups.take()
        {
            self.groups = Some(self.regroup_as(groups, now, accounts, renamed));
        }
    }

    fn regroup_as(
        &mut self,
        mut groups: Box<Groups>,
        now: u64,
        accounts: &mut Accounts,
        renamed: Renamed<'_>,
    ) -> Box<Groups> {
        for window in SHARED {
            let Some(to) = self.door(window, &mut groups, now, accounts, renamed) else { continue };
            let mut newcomers = std::mem::take(&mut groups.newcomers);
            newcomers.retain(|newcomer| {
                newcomer.coding != Coding::Shared(window)
                    || !self.enter(newcomer.seat, Variant::Plain, to, &mut groups, accounts, renamed)
            });
            groups.newcomers = newcomers;
            if to != Variant::Unshared(window) {
                for seat in self.standing_in(Variant::Unshared(window)) {
                    self.enter(seat, Variant::Unshared(window), to, &mut groups, accounts, renamed);
                }
            }
            self.graduate(window, &mut groups, accounts, renamed);
        }
        groups.newcomers.retain(|newcomer| match newcomer.coding {
            Coding::Standalone(window) => {
                let id = MemberId { variant: Variant::Plain, seat: newcomer.seat };
                self.change_over(id, Variant::Standalone(window), accounts, renamed).is_none()
            }
            Coding::Plain | Coding::Shared(_) => true,
        });
        if groups.newcomers.is_empty() {
            groups.newcomers = Vec::new();
        }
        self.drop_unused(accounts);
        groups
    }

    /// Where newcomers with this window go now; `None` if they wait.
    fn door(
        &mut self,
        window: Window,
        groups: &mut Groups,
        now: u64,
        accounts: &mut Accounts,
        renamed: Renamed<'_>,
    ) -> Option<Variant> {
        let [unshared, nursery, mature] =
            [Variant::Unshared(window), Variant::Nursery(window), Variant::Mature(window)].map(|v| self.members_of(v));
        let all = groups.waiting_for(window).count() + unshared + nursery + mature;
        if all == 0 {
            return None;
        }
        let shared = nursery + mature > 0;
        if all < if shared { WORTH_KEEPING } else { WORTH_SHARING } {
            self.stop_sharing(window, groups, accounts, renamed);
            return Some(Variant::Unshared(window));
        }
        let share = groups.share(window);
        if mature > 0 || self.begin_sharing(window, share, now, accounts) {
            if self.taken(Variant::Mature(window)) == 0 {
                return Some(Variant::Mature(window));
            }
        } else if !shared {
            return Some(Variant::Unshared(window));
        }
        self.graduate(window, groups, accounts, renamed);
        let somebody_waits = groups.waiting_for(window).any(|newcomer| self.plain.stands(newcomer.seat))
            || self.stream(Variant::Unshared(window)).is_some_and(|stream| stream.standing().next().is_some());
        let share = groups.share(window);
        if !somebody_waits || now < share.next_intake {
            return None;
        }
        share.next_intake = now + INTAKE;
        if !self.renew(Variant::Nursery(window), window, accounts) {
            return Some(Variant::Unshared(window));
        }
        Some(Variant::Nursery(window))
    }

    /// Moves a member into a compressed stream, and says whether it could be moved.
    fn enter(
        &mut self,
        seat: Seat,
        from: Variant,
        to: Variant,
        groups: &mut Groups,
        accounts: &mut Accounts,
        renamed: Renamed<'_>,
    ) -> bool {
        let taken = self.taken(to);
        let Some(seat) = self.change_over(MemberId { variant: from, seat }, to, accounts, renamed) else {
            return false;
        };
        if let Variant::Nursery(window) = to {
            groups.share(window).learners.push_back((seat, taken));
        }
        true
    }

    /// Moves those from the nursery to the mature stream who have received enough, in whatever way it was compressed.
    fn graduate(&mut self, window: Window, groups: &mut Groups, accounts: &mut Accounts, renamed: Renamed<'_>) {
        if self.stream(Variant::Mature(window)).is_none() {
            return;
        }
        // All that the mature compressor was given is enough, too.
        let enough = self.taken(Variant::Mature(window)).min(window.bytes() as u64);
        let learners = &mut groups.share(window).learners;
        let taken = self.taken(Variant::Nursery(window));
        let due = learners.partition_point(|(_, since)| taken - since >= enough);
        if due == 0 {
            return;
        }
        let mut stay: Vec<_> = learners.drain(..due).collect();
        stay.retain(|(seat, _)| {
            let id = MemberId { variant: Variant::Nursery(window), seat: *seat };
            self.change_over(id, Variant::Mature(window), accounts, renamed).is_none()
        });
        for learner in stay.into_iter().rev() {
            learners.push_front(learner);
        }
    }

    /// Adds the mature stream if there is something to compress and memory for it.
    fn begin_sharing(&mut self, window: Window, share: &mut Share, now: u64, accounts: &mut Accounts) -> bool {
        let (_, [first, second]) = self.unflushed();
        if first.len() + second.len() < accounts.compressors.threshold() || now < share.ask_again {
            return false;
        }
        let given = self.open(Variant::Mature(window), window, accounts);
        if !given {
            share.ask_again = now + INTAKE;
        }
        given
    }

    /// Gives up what the members with this window share, as far as they can be moved now.
    fn stop_sharing(&mut self, window: Window, groups: &mut Groups, accounts: &mut Accounts, renamed: Renamed<'_>) {
        for variant in [Variant::Nursery(window), Variant::Mature(window)] {
            for seat in self.standing_in(variant) {
                let id = MemberId { variant, seat };
                if self.change_over(id, Variant::Unshared(window), accounts, renamed).is_some() {
                    groups.left(id);
                }
            }
        }
    }

    /// Nothing was published for long: compressors are given up, and begin anew for all members when something is.
    pub fn rest(&mut self, accounts: &mut Accounts, renamed: Renamed<'_>) {
        if self.is_dirty() {
            return;
        }
        if let Some(mut groups) = self.groups.take() {
            for window in SHARED {
                self.stop_sharing(window, &mut groups, accounts, renamed);
            }
            self.drop_unused(accounts);
            self.groups = Some(groups);
        }
    }

    /// A member of a stream with a history has lost messages that later ones refer to: it goes on with plain frames, as a newcomer. It is
    /// blocked and between two frames. Returns how many messages more it loses, because the plain log holds less.
    pub(super) fn fall_back(&mut self, id: &mut MemberId, now: u64, accounts: &mut Accounts) -> u64 {
        let Some(stream) = self.stream_mut(id.variant) else { return 0 };
        let place = stream.members.place(id.seat);
        let index = stream.log.containing(stream.members.all[place].cursor).index;
        let member = stream.members.travel(id.seat);
        let at = match self.plain.log.offset_of(index) {
            Some(offset) => Boundary { index, offset },
            None => self.plain.log.start(),
        };
        let more = at.index.saturating_sub(index);
        accounts.tally.skipped_messages += more;
        accounts.compressors.tally.moves += 1;
        let seat = self.plain.members.arrive(member, at.offset);
        let place = self.plain.members.place(seat);
        self.plain.members.block(place, waiting(at.offset, now));
        if let Some(groups) = &mut self.groups {
            groups.left(*id);
            if let Variant::Nursery(window) | Variant::Mature(window) = id.variant {
                groups.newcomers.push(Newcomer { seat, coding: Coding::Shared(window) });
            }
        }
        *id = MemberId { variant: Variant::Plain, seat };
        self.drop_unused(accounts);
        more
    }

    /// Moves a member that has everything that was flushed, and returns its new seat; `None` if it cannot be moved now.
    fn change_over(
        &mut self,
        id: MemberId,
        to: Variant,
        accounts: &mut Accounts,
        renamed: Renamed<'_>,
    ) -> Option<Seat> {
        if !self.is_in_step(id.variant) || !self.stream(id.variant)?.stands(id.seat) {
            return None;
        }
        if self.stream(to).is_none() {
            let encoder = Encoder::new(to, self.plain.generation)?;
            self.begin(to, encoder);
        }
        if !self.is_in_step(to) {
            return None;
        }
        let member = self.stream_mut(id.variant)?.members.travel(id.seat);
        let stream = self.stream_mut(to)?;
        let seat = stream.members.arrive(member, stream.flushed);
        accounts.compressors.tally.moves += 1;
        renamed(member.conn, MemberId { variant: to, seat });
        Some(seat)
    }

    /// Whether a stream stands where the plain one was flushed.
    fn is_in_step(&self, variant: Variant) -> bool {
        variant == Variant::Plain
            || self.derived.iter().any(|derived| {
                derived.variant == variant && derived.source.offset == self.plain.flushed && !derived.stream.is_dirty()
            })
    }

    fn standing_in(&self, variant: Variant) -> Vec<Seat> {
        self.stream(variant).map_or(Vec::new(), |stream| stream.standing().collect())
    }

    /// Adds a stream that begins where the plain one was flushed.
    fn begin(&mut self, variant: Variant, encoder: Encoder) {
        let source = self.plain.log.containing(self.plain.flushed);
        self.derived.push(Derived::new(variant, encoder, &self.plain, source));
    }

    /// Adds a stream with a compressor of its own, if there is memory for one.
    fn open(&mut self, variant: Variant, window: Window, accounts: &mut Accounts) -> bool {
        let Some(deflater) = accounts.compressors.open(window) else { return false };
        self.begin(variant, Encoder::Shared(Shared { deflater, window, taken: 0 }));
        true
    }

    /// Has a stream's compressor begin anew, or adds the stream if there is none and memory for it.
    fn renew(&mut self, variant: Variant, window: Window, accounts: &mut Accounts) -> bool {
        match self.derived.iter_mut().find(|derived| derived.variant == variant) {
            Some(Derived { encoder: Encoder::Shared(shared), .. }) => {
                shared.deflater.reset();
                accounts.compressors.tally.resets += 1;
                true
            }
            _ => self.open(variant, window, accounts),
        }
    }

    /// Bytes that a stream's compressor was given.
    fn taken(&self, variant: Variant) -> u64 {
        match self.derived.iter().find(|derived| derived.variant == variant) {
            Some(Derived { encoder: Encoder::Shared(shared), .. }) => shared.taken,
            _ => 0,
        }
    }
}
