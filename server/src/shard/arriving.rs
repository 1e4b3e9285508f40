//! Commands from the control thread: how connections come in.

use net::{Interest, Socket, Token};
use tokio::sync::oneshot;
use wire::CloseCode;

use super::connection::{Connection, Farewell, Place, Stage};
use super::inbox::{Command, Reservation, Target, Ticket};
use super::leaving::Drain;
use super::turn::Shard;
use super::writing::send;
use crate::admission::Permit;
use crate::resume::ResumePoint;
use crate::stats::{ROOMS_LISTED, RoomReport, ShardReport};

impl Shard {
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Subscribe { target, permit, reply } => self.reserve(target, permit, reply),
            Command::Adopt { ticket, socket, leftover } => self.adopt(ticket, socket, leftover),
            Command::Cancel { ticket } => self.end(ticket),
            // Who asked may have gone away.
            Command::Report { reply } => drop(reply.send(self.report())),
            Command::Drain { over } => self.drain = Some(Drain::new(self.now, over)),
        }
    }

    /// Keeps a place, from now on or from where the client wants to resume.
    fn reserve(&mut self, target: Target, permit: Permit, reply: oneshot::Sender<Reservation>) {
        let id = self.connections.insert(Connection::reserved(permit, self.now));
        let (place, next, farewell) = match target {
            Target::Echo => (Place::Echo, None, None),
            Target::Room { name, resume } => self.join(&name, resume, id),
        };
        if let Some(connection) = self.connections.get_mut(id) {
            connection.place = place;
            connection.farewell = farewell;
        }
        // If nobody takes the reservation, its ticket cancels it.
        drop(reply.send(Reservation { ticket: Ticket::new(id, self.inbox.clone()), next }));
    }

    fn join(
        &mut self,
        name: &str,
        resume: Option<ResumePoint>,
        conn: u32,
    ) -> (Place, Option<ResumePoint>, Option<Box<Farewell>>) {
        let room = self.rooms.open(name, &self.config, self.now);
        let Some(entry) = self.rooms.get_mut(room) else { return (Place::Nowhere, None, None) };
        let next = entry.room.next();
        match resume {
            None => {
                let member = entry.room.reserve(conn, self.now);
                (Place::Room { room, member }, Some(next), None)
            }
            Some(point) => match entry.room.reserve_from(point, conn, self.now) {
                Some(member) => (Place::Room { room, member }, Some(point), None),
                None => {
                    let reason = entry.room.oldest().to_string();
                    let farewell = Farewell::new(CloseCode::RESUME_IMPOSSIBLE, reason);
                    (Place::Nowhere, Some(next), Some(Box::new(farewell)))
                }
            },
        }
    }

    /// Takes over a connection after its handshake; what it had sent already counts as read.
    fn adopt(&mut self, id: u32, socket: Socket, leftover: Vec<u8>) {
        use std::os::fd::AsRawFd;
        let Some(connection) = self.connections.get_mut(id) else { return };
        let fd = socket.as_raw_fd();
        if let Err(error) = self.poller.add(fd, Token(id), Interest::ReadWrite) {
            tracing::warn!("a connection is dropped because the kernel will not watch it: {error}");
            return self.end(id);
        }
        connection.socket = Some(socket);
        connection.stage = Stage::Open;
        connection.alive(self.now);
        let place = connection.place;
        if let Some(farewell) = connection.farewell.take() {
            return self.close(id, *farewell);
        }
        self.schedule_ping(id);
        if let Place::Room { room, member } = place
            && let Some(entry) = self.rooms.get_mut(room)
        {
            entry.room.adopt(member, fd, self.now, &mut self.accounts, &mut send);
            self.after_writing(room);
        }
        for piece in leftover.chunks(self.scratch.len()) {
            self.scratch[..piece.len()].copy_from_slice(piece);
            self.received(id, piece.len());
        }
        if self.drain.is_some() {
            self.say_goodbye(id);
        }
    }

    fn report(&self) -> ShardReport {
        let mut rooms: Vec<_> = self.rooms.iter().collect();
        rooms.sort_by(|a, b| b.members().cmp(&a.members()).then_with(|| a.name().cmp(b.name())));
        let named = rooms.iter().take(ROOMS_LISTED).map(|room| RoomReport {
            name: room.name().to_owned(),
            members: room.members(),
            blocked: room.blocked(),
            index: room.next().index,
            log_bytes: room.log().capacity(),
            generation: room.next().generation_name(),
        });
        ShardReport {
            connections: self.connections.len(),
            blocked: rooms.iter().map(|room| room.blocked()).sum(),
            members: rooms.iter().map(|room| room.members()).sum(),
            room_count: self.rooms.len(),
            rooms: named.collect(),
            tally: self.accounts.tally,
            counters: self.counters.clone(),
            log_bytes: self.accounts.log.used(),
            split_bytes: self.accounts.split.used(),
        }
    }
}
