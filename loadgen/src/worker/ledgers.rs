//! The ledger's side of a worker, the same for every client: canonical rooms, content, recorder.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use wire::deflate::{Context, Direction, Inflater};

use super::life::ServerCursor;
use super::{Common, Share};
use crate::ledger::{
    CanonicalRoom, Compressed, Content, Control, Cursor, Delivery, Leave, Marks, MessageSpread, Meter, Observed,
    Reader, Rejoin, Roll, Sampled, Shared, Streams, Verify, trim_streams,
};
use crate::plan::Inflate;
use crate::recorder::Recorder;

/// At most this many values are kept for the sample of fan-out delays.
const SAMPLE_VALUES: usize = 1 << 20;
/// Canonical bytes that a worker keeps for connections that are behind, all rooms together; who is further behind is decoded
/// by its own bytes.
const HELD_BYTES: usize = 64 << 20;
/// And of one room at least, however many there are.
const LEAST_HELD: usize = 64 << 10;

/// Rooms of a worker and what was recorded of them.
#[derive(Debug)]
pub struct Ledgers {
    common: Arc<Common>,
    content: Content,
    rooms: Vec<Room>,
    index: HashMap<u32, u32>,
    pub recorder: Recorder,
    /// Pings and closes met in the last read.
    pub controls: Vec<Control>,
    /// Publishers whose messages arrived at anybody for the first time in the last read.
    pub first_arrivals: Vec<u32>,
    /// Subscribers that joined, by room and group.
    pub joined: HashMap<(u32, u16), u32>,
    /// Who has joined, left and come back since it was last handed over.
    pub roll: Roll,
    /// For compressed messages that stand for themselves.
    fresh: Inflater,
    meter: Meter,
}

#[derive(Debug)]
struct Room {
    id: u32,
    canonical: CanonicalRoom,
    streams: Streams,
}

/// What [`Ledgers::trim`] is told of a connection: its room, its place there, and its place in a compressed stream.
pub type Place<'a> = (u32, &'a mut Cursor, Option<&'a mut Compressed>);

/// Whether a connection was a subscriber before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// It was not.
    First,
    /// It was, and left for good by plan.
    Again,
}

/// What one read or message brought.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taken {
    /// Deliveries.
    pub delivered: u64,
    /// Messages, whatever they were.
    pub messages: u64,
    /// The connection's own messages among them.
    pub echoes: u32,
}

impl Ledgers {
    /// Rooms for the connections of a share. `cpu` is the CPU clock of the worker's thread, in nanoseconds.
    pub fn new(common: Arc<Common>, share: &Share, cpu: fn() -> u64) -> Self {
        let mut members: HashMap<u32, u32> = HashMap::new();
        let mut counted = HashSet::new();
        for member in share.members().filter(|member| counted.insert(member.connection)) {
            *members.entry(member.room).or_default() += u32::from(member.group.is_some());
        }
        let each = SAMPLE_VALUES / members.len().max(1);
        let room = |(&id, &n)| Room { id, canonical: CanonicalRoom::new(n, each), streams: Streams::default() };
        let rooms: Vec<Room> = members.iter().map(room).collect();
        let index = (0..).zip(&rooms).map(|(i, room)| (room.id, i)).collect();
        let plan = &common.plan;
        let ranges = super::publisher_ranges(plan);
        let sources = ranges.into_iter().zip(&plan.publishers).map(|(r, g)| (r, Arc::clone(&g.payload))).collect();
        Ledgers {
            content: match &plan.observe {
                Some(observe) => {
                    Content::observing(Observed::new(Marks::new(Arc::clone(&observe.rules), common.found.epoch)))
                }
                None => Content::new(common.found.run, plan.correlate, common.found.verify, sources),
            },
            // What an observed feed sends outside of all phases is counted in one more, which nobody reads.
            recorder: Recorder::new(plan.phases.len() + usize::from(plan.observe.is_some()), plan.groups.len()),
            common,
            rooms,
            index,
            controls: Vec::new(),
            first_arrivals: Vec::new(),
            joined: HashMap::new(),
            roll: Roll::default(),
            fresh: Inflater::new(Context::Fresh),
            meter: Meter::new(cpu),
        }
    }

    /// Index in this worker of a room of the ledger.
    pub fn room(&self, id: u32) -> u32 {
        self.index.get(&id).copied().unwrap_or(0)
    }

    /// A connection joins: its account begins with the next publish.
    pub fn join(&mut self, room: u32, group: Option<u16>, times: Times) -> Cursor {
        let next = self.mark(room);
        let room = &self.rooms[room as usize];
        if let Some(group) = group {
            *self.joined.entry((room.id, group)).or_default() += u32::from(times == Times::First);
            self.roll.join(room.id, group, next);
        }
        Cursor::at_end(&room.canonical, next)
    }

    /// Where an account of the room that begins or ends now does so: the number of the next publish.
    pub fn mark(&self, room: u32) -> u32 {
        self.common.book.order(self.rooms[room as usize].id).next()
    }

    /// A connection of the room is over, for whatever reason; its account goes on.
    pub fn break_off(&self, room: u32, cursor: &mut Cursor) {
        cursor.break_off(&self.rooms[room as usize].canonical);
    }

    /// The place in the server's log after the last message of a connection, where messages say it themselves.
    pub fn chat_seq(&self, room: u32, cursor: &Cursor) -> Option<ServerCursor> {
        if self.common.found.verify == Verify::Exact {
            return None;
        }
        ServerCursor::after_chat(cursor.last_frame(&self.rooms[room as usize].canonical)?)
    }

    /// The account of a subscriber that has left by plan ends at `left`, a [`mark`](Self::mark) of that moment. Its connection is over.
    pub fn leave(&mut self, room: u32, group: u16, cursor: &mut Cursor, left: u32, leave: Leave) {
        let room = &self.rooms[room as usize];
        let book = &self.common.book;
        self.roll.leave(room.id, group, left, leave);
        for number in cursor.forgo(&room.canonical, book.order(room.id), left) {
            if let Some(phase) = book.phase_of(room.id, number) {
                self.recorder.slot(phase, group).absences_mut().unaccountable += 1;
            }
        }
    }

    /// The account of a subscriber that the server or the network had closed ends now, because it was to leave now: all that was begun
    /// before is owed and cannot come any more.
    pub fn leave_closed(&mut self, room: u32, group: u16) {
        let number = self.mark(room);
        self.roll.leave(self.rooms[room as usize].id, group, number, Leave::ForGood);
    }

    /// A subscriber that had left to come back does not come back: what is begun from now on it does not miss.
    pub fn stay_away(&mut self, room: u32, group: u16) {
        let number = self.mark(room);
        self.roll.stay_away(self.rooms[room as usize].id, group, number);
    }

    /// A connection is open again.
    pub fn rejoin(&mut self, room: u32, group: Option<u16>, cursor: &mut Cursor, how: Rejoin) {
        let next = self.mark(room);
        let room = &self.rooms[room as usize];
        cursor.rejoin(&room.canonical, next, how);
        if let (Some(group), Rejoin::Missed { .. }) = (group, how) {
            self.roll.come_back(room.id, group, next);
        }
    }

    /// A connection of the room agreed on compression.
    pub fn compressed(&mut self, room: u32, server: Direction, inflate: Inflate) -> Compressed {
        Compressed::new(&mut self.rooms[room as usize].streams, server, inflate)
    }

    /// Reads into the ledger: `f` is given a [`Reader`] for the room.
    pub fn take<R>(&mut self, room: u32, delivery: Delivery, f: impl FnOnce(&mut Reader<'_>) -> R) -> (Taken, R) {
        self.take_shared(room, delivery, |reader, _| f(reader))
    }

    /// As [`take`](Self::take), for a connection that agreed on compression.
    #[inline]
    pub fn take_shared<R>(
        &mut self,
        room: u32,
        delivery: Delivery,
        f: impl FnOnce(&mut Reader<'_>, &mut Shared<'_>) -> R,
    ) -> (Taken, R) {
        let room = &mut self.rooms[room as usize];
        self.controls.clear();
        self.first_arrivals.clear();
        let mut reader = Reader {
            room: &mut room.canonical,
            room_id: room.id,
            book: &self.common.book,
            content: &mut self.content,
            dialect: self.common.plan.target.dialect.as_ref().map(|dialect| &dialect.receive),
            recorder: &mut self.recorder,
            controls: &mut self.controls,
            first_arrivals: &mut self.first_arrivals,
            delivery,
            delivered: 0,
            messages: 0,
            echoes: 0,
        };
        let mut shared = Shared { streams: &mut room.streams, fresh: &mut self.fresh, meter: &mut self.meter };
        let result = f(&mut reader, &mut shared);
        (Taken { delivered: reader.delivered, messages: reader.messages, echoes: reader.echoes }, result)
    }

    /// The content, to render what is published.
    pub fn content_mut(&mut self) -> &mut Content {
        &mut self.content
    }

    /// Whether [`Ledgers::trim`] has anything to do.
    pub fn wants_trim(&self) -> bool {
        self.rooms.iter().map(|r| r.canonical.held() + r.streams.held()).sum::<usize>() > HELD_BYTES / 2
    }

    /// Lets go of canonical bytes and of compressed streams: of what no connection needs, and beyond the bound of what only a few far
    /// behind do.
    pub fn trim(&mut self, places: Vec<Place<'_>>) {
        let mut plain: Vec<(u32, &mut Cursor)> = Vec::new();
        let mut compressed: Vec<Vec<(&mut Cursor, &mut Compressed)>> = self.rooms.iter().map(|_| Vec::new()).collect();
        for (room, cursor, follows) in places {
            match follows {
                // Compared with its stream, and never with the canonical bytes.
                Some(follows) => compressed[room as usize].push((cursor, follows)),
                None => plain.push((room, cursor)),
            }
        }
        let most = (HELD_BYTES / self.rooms.len().max(1)).max(LEAST_HELD) as u64;
        for (room, members) in self.rooms.iter_mut().zip(&mut compressed) {
            trim_streams(&mut room.streams, members, most);
        }
        self.trim_canonical(&mut plain);
    }

    fn trim_canonical(&mut self, cursors: &mut [(u32, &mut Cursor)]) {
        let most = (HELD_BYTES / self.rooms.len().max(1)).max(LEAST_HELD);
        let mut needed: Vec<u64> = vec![u64::MAX; self.rooms.len()];
        for (room, cursor) in cursors.iter() {
            let from = cursor.needs_from(&self.rooms[*room as usize].canonical);
            needed[*room as usize] = needed[*room as usize].min(from);
        }
        for (room, needed) in self.rooms.iter().zip(&mut needed) {
            *needed = (*needed).max(room.canonical.end().saturating_sub(most as u64));
        }
        for (room, cursor) in cursors.iter_mut() {
            let canonical = &self.rooms[*room as usize].canonical;
            if cursor.needs_from(canonical) < needed[*room as usize] {
                cursor.detach(canonical);
            }
        }
        for (room, needed) in self.rooms.iter_mut().zip(needed) {
            room.canonical.trim_to(needed);
        }
    }

    /// First and last subscriber of every message, and the sample's quantiles.
    pub fn spreads(&self) -> (Vec<MessageSpread>, Vec<Sampled>) {
        let spreads = self.rooms.iter().flat_map(|r| r.canonical.spreads()).collect();
        let sampled = self.rooms.iter().flat_map(|r| r.canonical.sampled()).collect();
        (spreads, sampled)
    }
}
