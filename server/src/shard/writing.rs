//! To sockets: flushes, what blocked sockets still need, private frames.

use std::io::ErrorKind;

use super::connection::{Connection, Finish, Place, Stage};
use super::turn::Shard;
use crate::outbox::Outbox;
use crate::room::{LagPolicy, Private, Sent, Writable};

/// The sink of every room: one `send`, or one `sendmsg` at the ring's seam.
#[inline]
pub(super) fn send(fd: i32, first: &[u8], second: &[u8]) -> Sent {
    match net::send2_fd(fd, first, second) {
        Ok(n) => Sent::Bytes(n),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Sent::Blocked,
        Err(_) => Sent::Failed,
    }
}

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
            if let Some(entry) = self.rooms.get_mut(room) {
                entry.room.flush(self.now, &mut self.accounts, &mut send);
            }
            self.after_writing(room);
        }
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
        let Some(connection) = self.connections.get_mut(id) else { return };
        match connection.place {
            Place::Room { room, member } => {
                let Some(entry) = self.rooms.get_mut(room) else { return };
                if entry.room.blocked_since(member).is_none() {
                    return;
                }
                connection.alive(self.now);
                loop {
                    let private = if connection.outbox.is_some() { Private::Waiting } else { Private::None };
                    match entry.room.writable(member, private, self.now, &mut self.accounts, &mut send) {
                        Writable::Boundary => match send_outbox(connection) {
                            Emptied::Yes => {}
                            Emptied::No => break,
                            Emptied::Broken => return self.lost(id),
                        },
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
                match send_outbox(connection) {
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
        let sent = if blocked { Emptied::No } else { send_all(connection, &mut self.replies) };
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
        match send_outbox(connection) {
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
                self.schedule_ping(id);
                self.poller.again(net::Token(id));
            }
            Stage::Finishing(Finish::Close) => self.end(id),
            Stage::Finishing(Finish::Linger) => {
                if let Some(socket) = &connection.socket {
                    // If the connection is gone already, the next read says so.
                    let _ = socket.shutdown_write();
                }
            }
            Stage::Reserved | Stage::Open | Stage::Closing => {}
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

/// Sends what waits in a connection's outbox, and drops the outbox when all of it has gone.
fn send_outbox(connection: &mut Connection) -> Emptied {
    let Some(mut outbox) = connection.outbox.take() else { return Emptied::Yes };
    let emptied = send_all(connection, &mut outbox);
    if emptied == Emptied::No {
        connection.outbox = Some(outbox);
    }
    emptied
}

fn send_all(connection: &Connection, outbox: &mut Outbox) -> Emptied {
    let Some(socket) = &connection.socket else { return Emptied::No };
    match socket.send(outbox.unsent()) {
        Ok(n) => {
            outbox.advance(n);
            if outbox.is_empty() { Emptied::Yes } else { Emptied::No }
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Emptied::No,
        Err(_) => Emptied::Broken,
    }
}
