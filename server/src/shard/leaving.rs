//! How connections go: close frames, ends, lag, drain.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wire::CloseCode;

use super::arriving::Newcomer;
use super::connection::{Dialect, Farewell, Finish, Place, Stage};
use super::letters::{Down, Up};
use super::post::Post;
use super::spread::Role;
use super::turn::Shard;
use crate::rate::Meter;
use crate::room::Why;

/// How long a peer may take to answer our close frame, in nanoseconds.
pub(super) const CLOSE_WAIT: u64 = 5_000_000_000;
/// After the drain time and [`CLOSE_WAIT`], how much longer until everybody left is cut off, in nanoseconds.
const DRAIN_GRACE: u64 = 1_000_000_000;

/// How long a drain waits for what was published before it and is on its way between shards, in nanoseconds.
const SETTLE: u64 = 1_000_000_000;

/// A drain going on.
#[derive(Debug)]
pub(super) struct Drain {
    started: u64,
    /// Other shards that may still have something for this one that was published before the drain. Nobody is told to go until then.
    unsettled: usize,
    /// Nanoseconds to spread the closes over.
    over: u64,
    /// Connections when it began; `None` before its first step.
    total: Option<u64>,
    /// Connections told to go.
    told: u64,
    /// The next to look at.
    next: u32,
}

/// How many shards have connections. None ends before all have none: others may need it as the home of their rooms.
#[derive(Debug)]
pub(super) struct Occupancy {
    occupied: Arc<AtomicUsize>,
    /// Whether this shard is among them.
    counted: bool,
}

impl Occupancy {
    /// One for each of so many shards.
    pub fn of(shards: usize) -> Vec<Self> {
        let occupied = Arc::new(AtomicUsize::new(shards));
        (0..shards).map(|_| Self { occupied: Arc::clone(&occupied), counted: true }).collect()
    }

    /// Notes how many connections this shard has, and says whether no shard has any.
    fn nobody_is_left(&mut self, connections: usize) -> bool {
        let occupied = connections > 0;
        if occupied != self.counted {
            self.counted = occupied;
            if occupied {
                self.occupied.fetch_add(1, Ordering::AcqRel);
            } else {
                self.occupied.fetch_sub(1, Ordering::AcqRel);
            }
        }
        !occupied && self.occupied.load(Ordering::Acquire) == 0
    }
}

impl Shard {
    /// Begins to close a connection: it leaves its room, its close frame (or the end of its event stream) goes out after the rest of a
    /// frame it is in the middle of, and the peer has [`CLOSE_WAIT`] to answer.
    pub(super) fn close(&mut self, id: u32, farewell: Farewell) {
        if self.connections.get(id).is_some_and(|connection| connection.stage.is_open()) {
            *self.counters.closed.entry(farewell.code.0).or_default() += 1;
            self.say_farewell(id, farewell);
        }
    }

    /// Answers the peer's close frame with its own code (RFC 6455 section 5.5.1).
    pub(super) fn closed_by_peer(&mut self, id: u32, code: CloseCode) {
        if self.connections.get(id).is_some_and(|connection| connection.stage.is_open()) {
            *self.counters.closed_by_peer.entry(code.into()).or_default() += 1;
            self.say_farewell(id, Farewell::new(code, ""));
        }
    }

    fn say_farewell(&mut self, id: u32, farewell: Farewell) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let place = std::mem::replace(&mut connection.place, Place::Nowhere);
        connection.session.close();
        connection.farewell = None;
        connection.alive(self.now);
        connection.stage = Stage::Closing;
        connection.meter = Meter::Off;
        connection.midway = false;
        let outbox = connection.outbox.get_or_insert_default();
        if let Place::Room { room, member } = place
            && let Some(entry) = self.rooms.get_mut(room)
        {
            let rest = entry.room.leave(member, &mut self.accounts);
            if !rest.is_empty() {
                outbox.put_first(&rest);
            }
        }
        match connection.dialect {
            Dialect::WebSocket => outbox.close(farewell.code, &farewell.reason),
            Dialect::Events => {
                // Nothing answers it: what the peer does next is to close, or to come back.
                outbox.last_chunk();
                connection.stage = Stage::Finishing(Finish::Linger);
            }
        }
        if let Place::Room { room, .. } = place {
            self.left(id, room);
        }
        self.unlimit(id);
        self.wheel.schedule(id, self.now + CLOSE_WAIT, self.now);
        self.send_private(id);
    }

    /// The connection broke or the peer hung up.
    pub(super) fn lost(&mut self, id: u32) {
        if let Some(connection) = self.connections.get(id)
            && connection.stage.is_open()
        {
            // Who receives events has no other way to go.
            let code = match connection.dialect {
                Dialect::WebSocket => CloseCode::ABNORMAL,
                Dialect::Events => CloseCode::NO_STATUS,
            };
            *self.counters.closed.entry(code.0).or_default() += 1;
        }
        self.end(id);
    }

    /// Forgets a connection and closes its socket, if it has one.
    pub(super) fn end(&mut self, id: u32) {
        let Some(connection) = self.connections.remove(id) else { return };
        self.lines.remove(id);
        self.wheel.cancel(id);
        self.unlimit(id);
        self.visitors.left(id);
        if let Place::Room { room, member } = connection.place {
            if let Some(entry) = self.rooms.get_mut(room) {
                drop(entry.room.leave(member, &mut self.accounts));
            }
            self.left(id, room);
        }
    }

    /// A member has left a room: the last one starts the clock for the room itself. A home counts its members elsewhere.
    fn left(&mut self, id: u32, room: u32) {
        let name = self.chatters.unseat(id);
        let Some(entry) = self.rooms.get_mut(room) else { return };
        if let Role::Copy(home) = entry.role {
            entry.headcount = entry.headcount.saturating_sub(u64::from(name.is_some()));
            return self.post.up(usize::from(home.shard), Up::Left { room: home.room, name });
        }
        if entry.room.members() == 0 {
            entry.empty_since = self.now;
            self.rooms.wake_at(room, self.now + self.config.room_retain, self.now);
        }
        if let Some(name) = name {
            self.absent(room, &name);
        }
    }

    /// Deals with everybody whom a room found too slow or gone.
    pub(super) fn see_off(&mut self, room: u32) {
        while let Some(departure) = self.rooms.get_mut(room).and_then(|entry| entry.room.next_departure()) {
            let id = departure.conn;
            let farewell = match departure.why {
                Why::Failed => {
                    self.lost(id);
                    continue;
                }
                Why::NoMemory => {
                    // Without the rest of the frame it is in, it cannot even be told.
                    self.counters.lagged += 1;
                    self.lost(id);
                    continue;
                }
                Why::Lagged => Farewell::new(CloseCode::TRY_AGAIN_LATER, "lagged"),
                Why::Stalled => Farewell::new(CloseCode::TRY_AGAIN_LATER, "lagged: nothing was read for too long"),
                Why::Starved => {
                    Farewell::new(CloseCode::TRY_AGAIN_LATER, "lagged: the server has no memory left for this room")
                }
                Why::Behind(oldest) => Farewell::new(CloseCode::LAGGED, oldest.to_string()),
            };
            self.counters.lagged += 1;
            self.dismiss(id, farewell);
        }
    }

    /// Closes a connection now, or as soon as its handshake is done.
    pub(super) fn dismiss(&mut self, id: u32, farewell: Farewell) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.stage != Stage::Reserved {
            return self.close(id, farewell);
        }
        connection.farewell = Some(Box::new(farewell));
        if let Place::Room { room, member } = std::mem::replace(&mut connection.place, Place::Nowhere) {
            if let Some(entry) = self.rooms.get_mut(room) {
                drop(entry.room.leave(member, &mut self.accounts));
            }
            self.left(id, room);
        }
    }

    /// Closes a connection because the server stops, once everything published so far has gone out to it.
    pub(super) fn say_goodbye(&mut self, id: u32) {
        let farewell = || Farewell::new(CloseCode::GOING_AWAY, "the server is stopping");
        let Some(connection) = self.connections.get_mut(id) else { return };
        let room = match (connection.stage, connection.place) {
            (Stage::Open | Stage::Parked | Stage::Delayed, Place::Room { room, .. }) => room,
            (Stage::Reserved, _) => return,
            _ => return self.close(id, farewell()),
        };
        self.flush_room(room);
        let Some(connection) = self.connections.get_mut(id) else { return };
        let Place::Room { room, member } = connection.place else { return };
        match self.rooms.get_mut(room).and_then(|entry| entry.room.blocked_since(member)) {
            Some(_) => connection.farewell = Some(Box::new(farewell())),
            None => self.close(id, farewell()),
        }
    }

    /// Begins to close every connection, evenly over `over` nanoseconds. First each shard tells every other that what it had taken in is
    /// in its letter box; who has heard that from all hands everything out and says so; and who has heard that from all begins.
    pub(super) fn begin_to_drain(&mut self, over: u64) {
        let unsettled = self.post.shards() - 1;
        self.drain = Some(Drain { started: self.now, unsettled, over, total: None, told: 0, next: 0 });
        self.tell_others(|| Up::Settle, Post::up);
    }

    /// One more shard has handed over everything that it had taken in.
    pub(super) fn settle(&mut self) {
        self.settles += 1;
        if self.settles == self.post.shards() - 1 {
            self.flush();
            self.tell_others(|| Down::Settled, Post::down);
        }
    }

    /// One more shard has delivered everything.
    pub(super) fn settled(&mut self) {
        if let Some(drain) = &mut self.drain {
            drain.unsettled -= 1;
        }
    }

    fn tell_others<T>(&self, letter: impl Fn() -> T, put: impl Fn(&Post<Newcomer>, usize, T)) {
        for shard in (0..self.post.shards()).filter(|shard| *shard != self.post.me()) {
            put(&self.post, shard, letter());
        }
    }

    /// One step of a drain; true when nobody is left, here and on every other shard.
    pub(super) fn drain_on(&mut self) -> bool {
        let Some(mut drain) = self.drain.take() else { return false };
        if drain.unsettled > 0 && self.now < drain.started + SETTLE && self.connections.len() > 0 {
            self.drain = Some(drain);
            return false;
        }
        if drain.total.is_none() {
            drain.started = self.now;
        }
        let total = *drain.total.get_or_insert(self.connections.len() as u64);
        let elapsed = self.now - drain.started;
        let target = if elapsed >= drain.over {
            u64::MAX
        } else {
            (u128::from(total) * u128::from(elapsed) / u128::from(drain.over)) as u64 + 1
        };
        while drain.told < target && drain.next < self.connections.bound() {
            if self.connections.get(drain.next).is_some() {
                drain.told += 1;
                self.say_goodbye(drain.next);
            }
            drain.next += 1;
        }
        if elapsed >= drain.over.saturating_add(CLOSE_WAIT + DRAIN_GRACE) {
            for id in 0..self.connections.bound() {
                self.lost(id);
            }
        }
        self.drain = Some(drain);
        self.occupancy.nobody_is_left(self.connections.len())
    }
}
