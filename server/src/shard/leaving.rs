//! How connections go: close frames, ends, lag, drain.

use wire::CloseCode;

use super::connection::{Farewell, Place, Stage};
use super::turn::Shard;
use crate::room::Why;

/// How long a peer may take to answer our close frame, in nanoseconds.
pub(super) const CLOSE_WAIT: u64 = 5_000_000_000;
/// After the drain time and [`CLOSE_WAIT`], how much longer until everybody left is cut off, in nanoseconds.
const DRAIN_GRACE: u64 = 1_000_000_000;

/// A drain going on.
#[derive(Debug)]
pub(super) struct Drain {
    started: u64,
    /// Nanoseconds to spread the closes over.
    over: u64,
    /// Connections when it began; `None` before its first step.
    total: Option<u64>,
    /// Connections told to go.
    told: u64,
    /// The next to look at.
    next: u32,
}

impl Drain {
    pub(super) fn new(started: u64, over: u64) -> Self {
        Self { started, over, total: None, told: 0, next: 0 }
    }
}

impl Shard {
    /// Begins to close a connection: it leaves its room, its close frame goes out after the rest of a frame it is in the middle of,
    /// and the peer has [`CLOSE_WAIT`] to answer.
    pub(super) fn close(&mut self, id: u32, farewell: Farewell) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if !matches!(connection.stage, Stage::Open | Stage::Paused) {
            return;
        }
        *self.counters.closed.entry(farewell.code.0).or_default() += 1;
        let place = std::mem::replace(&mut connection.place, Place::Nowhere);
        connection.session.close();
        connection.farewell = None;
        connection.alive(self.now);
        connection.stage = Stage::Closing;
        let outbox = connection.outbox.get_or_insert_default();
        if let Place::Room { room, member } = place {
            if let Some(entry) = self.rooms.get_mut(room) {
                let rest = entry.room.leave(member, &mut self.accounts);
                if !rest.is_empty() {
                    outbox.put_first(&rest);
                }
            }
            outbox.close(farewell.code, &farewell.reason);
            self.left(room);
        } else {
            outbox.close(farewell.code, &farewell.reason);
        }
        self.wheel.schedule(id, self.now + CLOSE_WAIT, self.now);
        self.send_private(id);
    }

    /// The connection broke or the peer hung up.
    pub(super) fn lost(&mut self, id: u32) {
        if let Some(connection) = self.connections.get(id)
            && matches!(connection.stage, Stage::Open | Stage::Paused)
        {
            *self.counters.closed.entry(CloseCode::ABNORMAL.0).or_default() += 1;
        }
        self.end(id);
    }

    /// Forgets a connection and closes its socket, if it has one.
    pub(super) fn end(&mut self, id: u32) {
        let Some(connection) = self.connections.remove(id) else { return };
        self.wheel.cancel(id);
        if let Place::Room { room, member } = connection.place {
            if let Some(entry) = self.rooms.get_mut(room) {
                drop(entry.room.leave(member, &mut self.accounts));
            }
            self.left(room);
        }
    }

    /// A member has left a room: the last one starts the clock for the room itself.
    fn left(&mut self, room: u32) {
        if let Some(entry) = self.rooms.get_mut(room)
            && entry.room.members() == 0
        {
            entry.empty_since = self.now;
            self.rooms.wake_at(room, self.now + self.config.room_retain, self.now);
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
                Why::Behind(oldest) => Farewell::new(CloseCode::LAGGED, oldest.to_string()),
            };
            self.counters.lagged += 1;
            self.dismiss(id, farewell);
        }
    }

    /// Closes a connection now, or as soon as its handshake is done.
    fn dismiss(&mut self, id: u32, farewell: Farewell) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.stage != Stage::Reserved {
            return self.close(id, farewell);
        }
        connection.farewell = Some(Box::new(farewell));
        if let Place::Room { room, member } = std::mem::replace(&mut connection.place, Place::Nowhere) {
            if let Some(entry) = self.rooms.get_mut(room) {
                drop(entry.room.leave(member, &mut self.accounts));
            }
            self.left(room);
        }
    }

    /// Closes a connection because the server stops, once everything published so far has gone out to it.
    pub(super) fn say_goodbye(&mut self, id: u32) {
        let farewell = || Farewell::new(CloseCode::GOING_AWAY, "the server is stopping");
        let Some(connection) = self.connections.get_mut(id) else { return };
        let room = match (connection.stage, connection.place) {
            (Stage::Open, Place::Room { room, .. }) => room,
            (Stage::Reserved, _) => return,
            _ => return self.close(id, farewell()),
        };
        if let Some(entry) = self.rooms.get_mut(room) {
            entry.room.flush(self.now, &mut self.accounts, &mut super::writing::send);
        }
        self.after_writing(room);
        let Some(connection) = self.connections.get_mut(id) else { return };
        let Place::Room { room, member } = connection.place else { return };
        match self.rooms.get_mut(room).and_then(|entry| entry.room.blocked_since(member)) {
            Some(_) => connection.farewell = Some(Box::new(farewell())),
            None => self.close(id, farewell()),
        }
    }

    /// One step of a drain; true when nobody is left.
    pub(super) fn drain_on(&mut self) -> bool {
        let Some(mut drain) = self.drain.take() else { return false };
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
        self.connections.len() == 0
    }
}
