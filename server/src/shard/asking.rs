//! What HTTP clients and operators ask of a shard: to publish, to read, to list, to close.

use std::cmp::Ordering;

use hyper::body::Bytes;
use tokio::sync::oneshot;
use wire::{CloseCode, Opcode};

use super::connection::{Connection, Farewell, Place, Stage};
use super::inbox::NoPlace;
use super::rooms::Entry;
use super::spread::{Means, Memory, Role};
use super::turn::Shard;
use crate::chat::Kind;
use crate::client_id::ClientId;
use crate::protocol::Protocol;
use crate::resume::ResumePoint;
use crate::room::{History, Lost, Most};
use crate::stats::{ClientReport, Listing, RoomReport, seconds};

/// A request to a shard by somebody without a connection to it.
#[derive(Debug)]
pub enum Ask {
    /// Publish a message in a room of which this shard is the home, made if there is none.
    Publish {
        /// The room's name.
        room: String,
        /// Text or binary.
        opcode: Opcode,
        /// The message; UTF-8 if it is text.
        payload: Bytes,
        /// The message's name.
        reply: oneshot::Sender<Result<ResumePoint, NotPublished>>,
    },
    /// Read from a room's log.
    Read {
        /// The room's name.
        room: String,
        /// From where on, if not from now on; [`NO_ROOM`] is from the first message on of whatever log there is.
        from: Option<ResumePoint>,
        /// If there is no such room.
        missing: Missing,
        /// How much.
        most: Most,
        /// What there is.
        reply: oneshot::Sender<Result<History, NoPlace>>,
    },
    /// Say when a room has a message that was not there before.
    Await {
        /// The room's name.
        room: String,
        /// The message awaited.
        next: ResumePoint,
        /// A number that names this wish among those of all clients.
        key: u64,
        /// Where to say it; at once if the message is there, or if the log is another one.
        wake: oneshot::Sender<()>,
    },
    /// An [`Ask::Await`] is not of interest any more.
    GiveUp {
        /// The room's name.
        room: String,
        /// The wish's number.
        key: u64,
    },
    /// List rooms by name.
    Rooms {
        /// Only those whose names begin with this.
        prefix: String,
        /// The first so many.
        limit: usize,
        /// Those that this shard has, copies of other shards' rooms included; the total is without these.
        reply: oneshot::Sender<Listing<RoomReport>>,
    },
    /// Close all members of a room with 4004.
    CloseRoom {
        /// The room's name.
        room: String,
        /// How many were told to go; `None` if this shard has no such room.
        reply: oneshot::Sender<Option<usize>>,
    },
    /// List connections.
    Clients {
        /// Only those in this room.
        room: Option<String>,
        /// So many.
        limit: usize,
        /// Those that this shard has. It does not know its own number: the `shard` of their ids is 0.
        reply: oneshot::Sender<Listing<ClientReport>>,
    },
    /// Close a connection with 4003.
    Kick {
        /// Which one of this shard's.
        id: ClientId,
        /// Whether it was there to be closed.
        reply: oneshot::Sender<Kicked>,
    },
}

/// The place in the log of a room that is not there: before every message.
pub const NO_ROOM: ResumePoint = ResumePoint { generation: 0, index: 0 };

/// What reading does about a room that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is made, so that there is a log to wait for.
    Make,
    /// Nothing is read, and reading goes on from [`NO_ROOM`].
    Leave,
}

/// Why a message from outside was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPublished {
    /// The room's log would need more memory than `--log-memory` has left.
    #[error("the server has no memory left for this room (--log-memory); nothing was published, try again later")]
    Memory,
    /// A binary message for a chat room.
    #[error("this is a chat room, which takes text: send it as text/plain; nothing was published")]
    NotText,
    /// There is no such room, and there cannot be.
    #[error("nothing was published: {0}")]
    NoPlace(#[from] NoPlace),
}

impl NotPublished {
    /// The HTTP status to answer with.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Memory => 503,
            Self::NotText => 415,
            Self::NoPlace(no_place) => no_place.status(),
        }
    }
}

/// What became of a wish to close a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kicked {
    /// It has been told to go.
    Closing,
    /// It is not there, or on its way out already.
    NotThere,
}

impl Shard {
    pub(super) fn answer(&mut self, ask: Ask) {
        // Who asked may have gone away: then nobody takes the reply.
        match ask {
            Ask::Publish { room, opcode, payload, reply } => {
                let _ = reply.send(self.publish_from_outside(&room, opcode, &payload));
            }
            Ask::Read { room, from, missing, most, reply } => {
                let _ = reply.send(self.history(&room, from, missing, most));
            }
            Ask::Await { room, next, key, wake } => self.wait_for(&room, next, key, wake),
            Ask::GiveUp { room, key } => {
                if let Some(room) = self.rooms.find(&room) {
                    self.polling.give_up(room, key);
                    self.in_use(room);
                }
            }
            Ask::Rooms { prefix, limit, reply } => drop(reply.send(self.list_rooms(&prefix, limit))),
            Ask::CloseRoom { room, reply } => drop(reply.send(self.close_room(&room))),
            Ask::Clients { room, limit, reply } => drop(reply.send(self.list_clients(room.as_deref(), limit))),
            Ask::Kick { id, reply } => drop(reply.send(self.kick(id))),
        }
    }

    fn publish_from_outside(
        &mut self,
        name: &str,
        opcode: Opcode,
        payload: &[u8],
    ) -> Result<ResumePoint, NotPublished> {
        let id = self.open_for_outside(name)?;
        let Some(entry) = self.rooms.get_mut(id) else { return Err(NotPublished::Memory) };
        let memory = if entry.protocol == Some(Protocol::Chat) {
            let content = std::str::from_utf8(payload).ok().filter(|_| opcode == Opcode::Text);
            self.say_as_server(id, Kind::Chat, content.ok_or(NotPublished::NotText)?)
        } else {
            let post = &self.post;
            let down = &mut |to, letter| post.down(to, letter);
            let means = &mut Means { now: self.now, accounts: &mut self.accounts, down };
            entry.publish(id, opcode, payload, means, &mut self.lines.sink())
        };
        let Some(entry) = self.rooms.get_mut(id) else { return Err(NotPublished::Memory) };
        let next = entry.room.next();
        self.published(id);
        match memory {
            Memory::Enough => Ok(ResumePoint { index: next.index - 1, ..next }),
            Memory::Exhausted => Err(NotPublished::Memory),
        }
    }

    fn history(
        &mut self,
        name: &str,
        from: Option<ResumePoint>,
        missing: Missing,
        most: Most,
    ) -> Result<History, NoPlace> {
        if missing == Missing::Leave && self.rooms.find(name).is_none() {
            let mut nothing = History::nothing();
            nothing.first = NO_ROOM;
            nothing.lost = if from.is_none_or(|from| from == NO_ROOM) { Lost::Nothing } else { Lost::Some };
            return Ok(nothing);
        }
        let id = self.open_for_outside(name)?;
        let Some(entry) = self.rooms.get_mut(id) else { return Ok(History::nothing()) };
        let from = from.map(|from| match from {
            NO_ROOM => ResumePoint { index: 0, ..entry.room.next() },
            from => from,
        });
        Ok(entry.room.history(from, most))
    }

    fn wait_for(&mut self, name: &str, next: ResumePoint, key: u64, wake: oneshot::Sender<()>) {
        // Dropping the wish wakes as well: who asked reads again, and is told.
        let Ok(id) = self.open_for_outside(name) else { return };
        let Some(entry) = self.rooms.get_mut(id) else { return };
        let now = entry.room.next();
        if now.generation == next.generation && now.index <= next.index {
            self.polling.wait(id, key, wake);
        } else {
            // Who asked may have gone away.
            let _ = wake.send(());
        }
    }

    /// The room called `name`, made if there is none; somebody uses it without being a member.
    fn open_for_outside(&mut self, name: &str) -> Result<u32, NoPlace> {
        let room = self.open_room(name)?;
        self.in_use(room);
        Ok(room)
    }

    /// Begins a room's time without use anew.
    fn in_use(&mut self, room: u32) {
        if let Some(entry) = self.rooms.get_mut(room) {
            entry.empty_since = self.now;
            self.rooms.wake_at(room, self.now + self.config.room_retain, self.now);
        }
    }

    fn list_rooms(&self, prefix: &str, limit: usize) -> Listing<RoomReport> {
        let mut found: Vec<&Entry> = self.rooms.iter().filter(|entry| entry.room.name().starts_with(prefix)).collect();
        let total = found.iter().filter(|entry| matches!(entry.role, Role::Home(_))).count();
        let by_name = |a: &&Entry, b: &&Entry| -> Ordering { a.room.name().cmp(b.room.name()) };
        if limit < found.len() {
            found.select_nth_unstable_by(limit, by_name);
            found.truncate(limit);
        }
        found.sort_unstable_by(by_name);
        Listing { total, items: found.into_iter().map(|entry| self.room_report(entry)).collect() }
    }

    pub(super) fn room_report(&self, entry: &Entry) -> RoomReport {
        let room = &entry.room;
        let next = room.next();
        RoomReport {
            name: room.name().to_owned(),
            members: room.members(),
            blocked: room.blocked(),
            index: next.index,
            log_bytes: room.log_bytes(),
            generation: next.generation_name(),
            protocol: entry.protocol,
            // A copy knows when it was told, which may be when it was made.
            last_publish_s: (next.index > 0 && matches!(entry.role, Role::Home(_)))
                .then(|| seconds(self.now.saturating_sub(room.last_publish()))),
        }
    }

    /// Whatever was published before goes out to those who can take it: also what the home delivered when it closed the room before.
    fn close_room(&mut self, name: &str) -> Option<usize> {
        self.take_deliveries();
        let closed = self.rooms.find(name)?;
        self.flush();
        let mut count = 0;
        for id in 0..self.connections.bound() {
            let Some(connection) = self.connections.get(id) else { continue };
            if matches!(connection.place, Place::Room { room, .. } if room == closed) {
                self.dismiss(id, Farewell::new(CloseCode::ROOM_CLOSED, "an administrator closed this room"));
                count += 1;
            }
        }
        Some(count)
    }

    fn list_clients(&mut self, room: Option<&str>, limit: usize) -> Listing<ClientReport> {
        let only = match room.map(|name| self.rooms.find(name)) {
            Some(None) => return Listing { total: 0, items: Vec::new() },
            Some(found) => found,
            None => None,
        };
        let (mut total, mut items) = (0, Vec::new());
        for id in 0..self.connections.bound() {
            let Some(connection) = self.connections.get(id) else { continue };
            let wanted = match (only, connection.place) {
                (None, _) => true,
                (Some(only), Place::Room { room, .. }) => room == only,
                (Some(_), _) => false,
            };
            if !wanted || connection.stage == Stage::Reserved {
                continue;
            }
            total += 1;
            if items.len() < limit {
                items.push(self.client_report(id, connection));
            }
        }
        Listing { total, items }
    }

    fn client_report(&self, number: u32, connection: &Connection) -> ClientReport {
        let (address, user) = self.visitors.of(number, connection.socket.as_ref());
        let age = |since: u64| seconds(self.now.saturating_sub(since));
        let (mut room, mut blocked, mut waiting) = (None, None, connection.waiting() as u64);
        if let Place::Room { room: id, member } = connection.place
            && let Some(entry) = self.rooms.get(id)
        {
            room = Some(entry.room.name().to_owned());
            blocked = entry.room.blocked_since(member);
            waiting += entry.room.behind(member);
        }
        ClientReport {
            id: ClientId { shard: 0, number, serial: connection.serial },
            address,
            user: user.map(|user| user.to_string()),
            room,
            connected_s: age(connection.serial),
            heard_s: age(connection.last_heard(self.now)),
            blocked_s: blocked.map(age),
            waiting_bytes: waiting,
        }
    }

    fn kick(&mut self, id: ClientId) -> Kicked {
        match self.connections.get(id.number) {
            Some(connection) if connection.serial == id.serial => {
                if !connection.stage.is_open() {
                    return Kicked::NotThere;
                }
            }
            _ => return Kicked::NotThere,
        }
        self.dismiss(id.number, Farewell::new(CloseCode::KICKED, "an administrator closed this connection"));
        Kicked::Closing
    }
}
