//! Commands from the control thread: how connections come in.

use std::collections::BTreeMap;

use net::{Interest, Socket, Tls, Token};
use tokio::sync::oneshot;
use wire::CloseCode;

use super::connection::{Connection, Dialect, Farewell, Place, Stage};
use super::inbox::{Command, NoPlace, Reservation, Target, Ticket};
use super::rooms::Entry;
use super::spread::{Role, Spread};
use super::turn::Shard;
use super::writing::rename_in;
use crate::admission::{Permit, Visitor};
use crate::coding::Coding;
use crate::compression_report::DeflateReport;
use crate::config::Config;
use crate::protocol::Protocol;
use crate::resume::ResumePoint;
use crate::room::{LagPolicy, Private, Room};
use crate::sse::Since;
use crate::stats::{ROOMS_LISTED, ShardReport};
use crate::variant::Kind;

/// A connection in its handshake that wants a place, on whichever shard.
#[derive(Debug)]
pub(super) struct Newcomer {
    pub visitor: Visitor,
    pub coding: Coding,
    pub permit: Permit,
    pub reply: oneshot::Sender<Result<Reservation, NoPlace>>,
}

impl Shard {
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Subscribe { target, visitor, coding, permit, reply } => {
                self.subscribe(target, Newcomer { visitor, coding, permit, reply });
            }
            Command::Adopt { ticket, socket, tls, leftover } => self.adopt(ticket, socket, tls, leftover),
            Command::Cancel { ticket } => self.end(ticket),
            Command::Ask(ask) => self.answer(ask),
            // Who asked may have gone away.
            Command::Report { reply } => drop(reply.send(self.report())),
            Command::Drain { over } => self.begin_to_drain(over),
        }
    }

    fn subscribe(&mut self, target: Target, newcomer: Newcomer) {
        let room = match target.room().map(|name| self.open_room(name)).transpose() {
            Ok(room) => room,
            // Who asked may have gone away, here and below.
            Err(no_place) => return drop(newcomer.reply.send(Err(no_place))),
        };
        match (target, room) {
            (Target::Room { resume, protocol, .. }, Some(room)) => {
                if let Err(no_place) = self.agree(room, protocol) {
                    return drop(newcomer.reply.send(Err(no_place)));
                }
                if let Some(newcomer) = self.place(room, resume, newcomer) {
                    self.seat(room, resume, newcomer);
                }
            }
            (Target::Events { since, .. }, Some(room)) => self.seat_events(room, since, newcomer),
            (Target::Echo, _) | (_, None) => {
                let Newcomer { visitor, coding, permit, reply } = newcomer;
                let id = self.enter(Connection::reserved(permit, coding, self.now), visitor);
                self.reserve(id, Place::Echo, reply, None);
            }
        }
    }

    /// The room called `name`, made if there is none. Its home is this shard.
    ///
    /// # Errors
    /// When it would be one too many: each shard has its share of `--max-rooms`.
    pub(super) fn open_room(&mut self, name: &str) -> Result<u32, NoPlace> {
        if let Some(room) = self.rooms.find(name) {
            return Ok(room);
        }
        let Config { max_rooms, shards, room_log, lag_policy, room_retain, .. } = self.config;
        if self.rooms.homes() >= max_rooms.div_ceil(shards) {
            return Err(NoPlace::Rooms(max_rooms));
        }
        let room = Room::new(name, rand::random(), room_log, lag_policy, self.now);
        let id = self.rooms.insert(room, Role::Home(None), self.now);
        self.rooms.wake_at(id, self.now + room_retain, self.now);
        Ok(id)
    }

    /// Counts a visitor's connection in, under a number of its own.
    fn enter(&mut self, connection: Connection, visitor: Visitor) -> u32 {
        let dialect = connection.dialect;
        let id = self.connections.insert(connection);
        if let Some(connection) = self.connections.get_mut(id) {
            if dialect == Dialect::WebSocket {
                connection.meter = self.limiting.enrol(id, &visitor, &connection.permit, self.now);
            }
            connection.serial = self.visitors.let_in(id, visitor, self.now);
        }
        id
    }

    /// Keeps a place in a room here, from now on or from where the client wants to resume.
    pub(super) fn seat(&mut self, room: u32, resume: Option<ResumePoint>, newcomer: Newcomer) {
        let Newcomer { visitor, coding, permit, reply } = newcomer;
        let Some(entry) = self.rooms.get_mut(room) else { return };
        tracing::debug!("{} takes a place in {:?}", visitor.address, entry.room.name());
        let id = self.enter(Connection::reserved(permit, coding, self.now), visitor.clone());
        let Some(entry) = self.rooms.get_mut(room) else { return };
        let next = entry.room.next();
        let (member, next) = match resume {
            None => (Some(entry.room.reserve(id, self.now)), next),
            Some(point) => match entry.room.reserve_from(point, id, self.now) {
                Some(member) => (Some(member), point),
                None => (None, next),
            },
        };
        let oldest = entry.room.oldest();
        if member.is_none()
            && let Some(connection) = self.connections.get_mut(id)
        {
            let farewell = Farewell::new(CloseCode::RESUME_IMPOSSIBLE, oldest.to_string());
            connection.farewell = Some(Box::new(farewell));
        }
        let place = member.map_or(Place::Nowhere, |member| Place::Room { room, member });
        if entry.protocol == Some(Protocol::Chat) && member.is_some() {
            self.chatters.expect(id, visitor);
        }
        self.reserve(id, place, reply, Some(next));
    }

    fn reserve(
        &mut self,
        id: u32,
        place: Place,
        reply: oneshot::Sender<Result<Reservation, NoPlace>>,
        next: Option<ResumePoint>,
    ) {
        if let Some(connection) = self.connections.get_mut(id) {
            connection.place = place;
        }
        // If nobody takes the reservation, its ticket cancels it.
        drop(reply.send(Ok(Reservation { ticket: Ticket::new(id, self.inbox.clone()), next })));
    }

    pub(super) fn spread(&self) -> Spread {
        Spread { me: self.post.me(), shards: self.post.shards(), above: self.config.spread_above }
    }

    /// Keeps a place among those who receive a room's messages as events. They are all at the room's home.
    fn seat_events(&mut self, room: u32, since: Since, newcomer: Newcomer) {
        let Newcomer { visitor, permit, reply, .. } = newcomer;
        // Whatever waits goes to the other shards too, before the room's own streams are brought to the same index.
        self.flush_room(room);
        let Some(entry) = self.rooms.get_mut(room) else { return };
        tracing::debug!("{} takes a place for the events of {:?}", visitor.address, entry.room.name());
        let id = self.enter(Connection::reserved_for_events(permit, self.now), visitor);
        let Some(entry) = self.rooms.get_mut(room) else { return };
        let point = match since {
            Since::Now => None,
            Since::Point(point) => Some(point),
            // No message of any log has this name, so it begins with the oldest.
            Since::Unknown => Some(ResumePoint { index: u64::MAX, ..entry.room.next() }),
        };
        let reserved = entry.room.reserve_events(point, id, self.now, &mut self.accounts, &mut self.lines.sink());
        self.after_writing(room);
        let (place, next) = match reserved {
            Some((member, next)) => (Place::Room { room, member }, Some(next)),
            None => (Place::Nowhere, None),
        };
        self.reserve(id, place, reply, next);
    }

    /// Takes over a connection after its handshake; what it had sent already counts as read.
    fn adopt(&mut self, id: u32, socket: Socket, tls: Option<Box<Tls>>, leftover: Vec<u8>) {
        use std::os::fd::AsRawFd;
        let Some(connection) = self.connections.get_mut(id) else { return };
        let fd = socket.as_raw_fd();
        if let Err(error) = self.poller.add(fd, Token(id), Interest::ReadWrite) {
            tracing::warn!("a connection is dropped because the kernel will not watch it: {error}");
            return self.end(id);
        }
        self.visitors.arrived(id, &socket);
        connection.socket = Some(socket);
        if let Some(tls) = tls {
            self.lines.encrypt(id, fd, tls);
            // It may hold something already of which the socket says nothing.
            self.poller.again(Token(id));
        }
        connection.stage = Stage::Open;
        connection.alive(self.now);
        let place = connection.place;
        if let Some(farewell) = connection.farewell.take() {
            return self.close(id, *farewell);
        }
        self.schedule_ping(id);
        if let Place::Room { room, member } = place {
            let private = self.welcome(id, room, member);
            if let Some(entry) = self.rooms.get_mut(room) {
                let name = self.lines.name(id, fd);
                entry.room.adopt(member, name, private, self.now, &mut self.accounts, &mut self.lines.sink());
            }
            match private {
                Private::None => self.after_writing(room),
                Private::Waiting => self.writable(id),
            }
            self.compress(id);
            self.announce(room);
        }
        for piece in leftover.chunks(self.scratch.len()) {
            self.scratch[..piece.len()].copy_from_slice(piece);
            self.received(id, piece.len());
        }
        if self.drain.is_some() {
            self.say_goodbye(id);
        }
    }

    /// A member that is here may be sent compressed frames, if that was agreed.
    fn compress(&mut self, id: u32) {
        if let Some(&Connection { coding, place: Place::Room { room, member }, .. }) = self.connections.get(id)
            && coding != Coding::Plain
            && let Some(entry) = self.rooms.get_mut(room)
        {
            let renamed = &mut rename_in(&mut self.connections, room);
            entry.room.compress(member, coding, &mut self.accounts, renamed);
        }
    }

    fn report(&self) -> ShardReport {
        let mut rooms: Vec<_> = self.rooms.iter().collect();
        let members: usize = rooms.iter().map(|entry| entry.room.members()).sum();
        let variants: BTreeMap<_, usize> = Kind::ALL
            .iter()
            .map(|kind| (kind.name(), rooms.iter().map(|entry| entry.room.members_of_kind(*kind)).sum()))
            .collect();
        let events = variants.get(Kind::Events.name()).copied().unwrap_or_default();
        let chatting = rooms.iter().filter(|entry| entry.protocol == Some(Protocol::Chat));
        let chat: usize = chatting.map(|entry| entry.room.members() - entry.room.members_of_kind(Kind::Events)).sum();
        let blocked = rooms.iter().map(|entry| entry.room.blocked()).sum();
        let largest_first = |a: &&Entry, b: &&Entry| {
            let members = b.room.members().cmp(&a.room.members());
            members.then_with(|| a.room.name().cmp(b.room.name()))
        };
        if rooms.len() > ROOMS_LISTED {
            // Not all are sorted: anybody may ask for this, and there may be a hundred thousand.
            rooms.select_nth_unstable_by(ROOMS_LISTED, largest_first);
            rooms.truncate(ROOMS_LISTED);
        }
        rooms.sort_unstable_by(largest_first);
        ShardReport {
            connections: self.connections.len(),
            blocked,
            members,
            variants,
            room_count: self.rooms.homes(),
            copies: self.rooms.copies(),
            parked: self.post.parked(),
            delivery_bytes: self.post.queued().0,
            publish_bytes: self.post.queued().1,
            rooms: rooms.into_iter().map(|entry| self.room_report(entry)).collect(),
            tally: self.accounts.tally,
            counters: self.counters.clone(),
            log_bytes: self.accounts.log.used(),
            split_bytes: self.accounts.split.used(),
            deflate: DeflateReport::of(&self.accounts.compressors),
            loop_time: self.loop_time,
            kinds: BTreeMap::from([("broadcast", members - chat - events), ("chat", chat), ("events", events)]),
            lag_policy: match self.config.lag_policy {
                LagPolicy::Disconnect => "disconnect",
                LagPolicy::Skip => "skip",
                LagPolicy::Latest => "latest",
            },
        }
    }
}
