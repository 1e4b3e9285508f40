//! To sockets: flushes, what blocked sockets still need, private frames.

use std::io::ErrorKind;

use wire::Opcode;

use super::connection::{Connection, Finish, Place, Stage};
use super::lines::{Flushed, Lines};
use super::slab::Slab;
use super::spread::Means;
use super::turn::Shard;
use crate::outbox::Outbox;
use crate::room::{LagPolicy, MemberId, Private, Writable};

/// A buffer for replies larger than this is not kept, in bytes.
const REPLIES_KEPT: usize = 512 << 10;

/// What became of an outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Emptied {
    Yes,
    No,
    Broken,
}

impl Shard {
    /// Flushes every room that something was appended to.
    pub(super) fn flush(&mut self) {
        self.flush_at = None;
        while let Some(room) = self.rooms.next_dirty() {
            self.flush_room(room);
        }
    }

    /// Flushes a room: to the shards that have members of it, and to the members here.
    pub(super) fn flush_room(&mut self, room: u32) {
        if let Some(entry) = self.rooms.get_mut(room) {
            entry.room.regroup(self.now, &mut self.accounts, &mut rename_in(&mut self.connections, room));
            let post = &self.post;
            let down = &mut |to, letter| post.down(to, letter);
            let means = &mut Means { now: self.now, accounts: &mut self.accounts, down };
            entry.flush(room, means, &mut self.lines.sink());
        }
        self.polling.wake(room);
        self.after_writing(room);
    }

    /// After anything that may have blocked members of a room, or found them gone.
    #[inline]
    pub(super) fn after_writing(&mut self, room: u32) {
        let Some(entry) = self.rooms.get_mut(room) else { return };
        if entry.room.has_blocked() {
            if let (Some(timeout), LagPolicy::Disconnect) = (self.config.write_timeout, self.config.lag_policy) {
                self.rooms.wake_at(room, self.now + timeout, self.now);
            }
            self.see_off(room);
        }
    }

    /// A socket takes bytes again, or says so without need: every event of a socket that is not blocked says it too.
    pub(super) fn writable(&mut self, id: u32) {
        match self.lines.flush(id) {
            Flushed::Yes => {}
            Flushed::No => return,
            Flushed::Broken => return self.lost(id),
        }
        let Some(connection) = self.connections.get_mut(id) else { return };
        match connection.place {
            Place::Room { room, mut member } => {
                let Some(entry) = self.rooms.get_mut(room) else { return };
                if entry.room.blocked_since(member).is_none() {
                    return;
                }
                connection.alive(self.now);
                loop {
                    let private = if connection.outbox.is_some() { Private::Waiting } else { Private::None };
                    let stands =
                        entry.room.writable(&mut member, private, self.now, &mut self.accounts, &mut self.lines.sink());
                    connection.place = Place::Room { room, member };
                    match stands {
                        Writable::Boundary => match send_outbox(id, connection, &mut self.lines) {
                            Emptied::Yes => {}
                            Emptied::No => break,
                            Emptied::Broken => return self.lost(id),
                        },
                        Writable::Skipped(messages) => {
                            if let Some(notice) = self.chatters.notice(id, &entry.room, member, messages, self.now) {
                                connection.outbox.get_or_insert_default().message(Opcode::Text, notice);
                                self.counters.chat.gap_notices += 1;
                            }
                        }
                        Writable::Blocked => break,
                        Writable::Ready => {
                            if let Some(farewell) = connection.farewell.take() {
                                self.close(id, *farewell);
                            }
                            break;
                        }
                    }
                }
                self.after_writing(room);
            }
            Place::Echo | Place::Nowhere if connection.outbox.is_some() => {
                connection.alive(self.now);
                match send_outbox(id, connection, &mut self.lines) {
                    Emptied::Yes => self.emptied(id),
                    Emptied::No => {}
                    Emptied::Broken => self.lost(id),
                }
            }
            Place::Echo | Place::Nowhere => {}
        }
    }

    /// Sends the replies to what was just read from a connection without an outbox; what cannot go out now becomes its outbox.
    pub(super) fn reply(&mut self, id: u32) {
        let Some(connection) = self.connections.get_mut(id) else { return self.replies.clear() };
        let blocked = match connection.place {
            Place::Room { room, member } => {
                self.rooms.get_mut(room).is_some_and(|entry| entry.room.blocked_since(member).is_some())
            }
            Place::Echo | Place::Nowhere => false,
        };
        let sent = if blocked { Emptied::No } else { send_all(id, connection, &mut self.replies, &mut self.lines) };
        match sent {
            Emptied::Yes => {}
            Emptied::No => {
                // Fitted, because the replies to others may have made the buffer large.
                connection.outbox = Some(Box::new(std::mem::take(&mut self.replies).fitted()));
                self.hold(id);
            }
            Emptied::Broken => {
                self.replies.clear();
                return self.lost(id);
            }
        }
        if self.replies.capacity() > REPLIES_KEPT {
            self.replies = Outbox::default();
        }
    }

    /// Sends what is in a connection's outbox if it stands between two frames; otherwise it goes when its turn comes.
    pub(super) fn send_private(&mut self, id: u32) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if let Place::Room { room, member } = connection.place
            && self.rooms.get_mut(room).is_some_and(|entry| entry.room.blocked_since(member).is_some())
        {
            return;
        }
        match send_outbox(id, connection, &mut self.lines) {
            Emptied::Yes => self.emptied(id),
            Emptied::No => self.hold(id),
            Emptied::Broken => self.lost(id),
        }
    }

    /// Keeps a member out of flushes until its outbox has gone out.
    fn hold(&mut self, id: u32) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if let Place::Room { room, member } = connection.place
            && let Some(entry) = self.rooms.get_mut(room)
        {
            entry.room.hold(member, self.now);
            self.after_writing(room);
        }
    }

    /// The outbox of a connection has gone out.
    fn emptied(&mut self, id: u32) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        match connection.stage {
            Stage::Paused => {
                connection.stage = Stage::Open;
                self.read_again_from(id);
                self.schedule_ping(id);
                self.poller.again(net::Token(id));
            }
            Stage::Finishing(Finish::Close) => {
                self.lines.close(id);
                self.end(id);
            }
            Stage::Finishing(Finish::Linger) => {
                self.lines.close(id);
                if let Some(socket) = &connection.socket {
                    // If the connection is gone already, the next read says so.
                    let _ = socket.shutdown_write();
                }
            }
            Stage::Reserved | Stage::Open | Stage::Parked | Stage::Delayed | Stage::Closing => {}
        }
    }

    /// What follows the outbox is decided; if it is empty, do it now.
    pub(super) fn finish(&mut self, id: u32, finish: Finish) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        connection.stage = Stage::Finishing(finish);
        if connection.outbox.is_none() {
            self.emptied(id);
        }
    }
}

/// Notes what members of a room that were moved are called now.
pub(super) fn rename_in(connections: &mut Slab<Connection>, room: u32) -> impl FnMut(u32, MemberId) {
    move |conn, member| {
        if let Some(connection) = connections.get_mut(conn) {
            connection.place = Place::Room { room, member };
        }
    }
}

/// Sends what waits in a connection's outbox, and drops the outbox when all of it has gone.
fn send_outbox(id: u32, connection: &mut Connection, lines: &mut Lines) -> Emptied {
    let Some(mut outbox) = connection.outbox.take() else { return Emptied::Yes };
    let emptied = send_all(id, connection, &mut outbox, lines);
    if emptied == Emptied::No {
        connection.outbox = Some(outbox);
    }
    emptied
}

/// Sends what waits in `outbox`. Under TLS it counts as gone when the kernel has it, so an empty outbox may stay and wait for that.
fn send_all(id: u32, connection: &Connection, outbox: &mut Outbox, lines: &mut Lines) -> Emptied {
    let Some(socket) = &connection.socket else { return Emptied::No };
    match lines.send(id, socket, outbox.unsent()) {
        Ok(n) => {
            outbox.advance(n);
            match (outbox.is_empty(), lines.flush(id)) {
                (true, Flushed::Yes) => Emptied::Yes,
                (_, Flushed::Broken) => Emptied::Broken,
                _ => Emptied::No,
            }
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Emptied::No,
        Err(_) => Emptied::Broken,
    }
}
