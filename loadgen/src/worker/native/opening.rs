//! From an address to an open WebSocket, and everything that can go wrong on the way.

use std::io;
use std::os::fd::AsRawFd;

use net::{DialError, Interest, Token, dial, dial_with_buffer, now};
use rand::Rng;
use wire::deflate::Agreement;
use wire::handshake::{Answer, encode_key, verify_answer};

use super::Native;
use super::connection::{Connection, Opening, State};
use super::reading::{SCRATCH, Until};
use super::returning::life_of;
use crate::plan::{Declined, Move};
use crate::validity::RanOut;
use crate::worker::Member;
use crate::worker::causes::{NO_COMPRESSION, broken, handshake_cause};
use crate::worker::life::Part;
use crate::worker::tally::Blame;
use crate::worker::throttle::Throttle;

impl Native {
    /// Dials who is due, gives up on who has taken too long, and tells control when all is known.
    pub(super) fn connect(&mut self) {
        while let Some(member) = self.course.dialer.next(self.course.woke) {
            self.dial(member);
        }
        while let Some(step) = self.course.moving.next(self.course.woke) {
            match step.what {
                Move::Join => {
                    self.course.tally.asked += 1;
                    self.dial(step.member);
                }
                Move::Leave => self.leave_for_good(step.member.connection),
            }
        }
        while let Some((began, id)) = self.course.dialer.expired(self.course.woke) {
            let opening = self.connections[id as usize].opening.as_ref();
            if opening.is_some_and(|opening| opening.began == began) {
                self.failed(id, "no answer to the upgrade within 10 s".to_owned(), Blame::Server);
            }
        }
        self.course.tell_connected();
    }

    /// A phase has fewer connections: this one says goodbye, if it is there.
    fn leave_for_good(&mut self, connection: u32) {
        if let Some(id) = self.places.remove(&connection)
            && self.connections[id as usize].state == State::Open
        {
            self.depart(id, Part::ForGood);
        }
    }

    fn dial(&mut self, member: Member) {
        self.course.tally.began.get_or_insert_with(now);
        let id = self.connections.len() as u32;
        if self.course.moving.shrinks() {
            self.places.insert(member.connection, id);
        }
        let publisher = member.publisher.and_then(|index| self.course.local(index));
        if let Some(publisher) = publisher {
            self.course.publishers[publisher].connection = Some(id);
        }
        self.connections.push(Connection {
            socket: None,
            state: State::Connecting,
            group: member.group,
            endpoint: member.endpoint,
            room: self.course.ledgers.room(member.room),
            publisher: publisher.map(|p| p as u32),
            cursor: Default::default(),
            compressed: None,
            throttle: None,
            opening: None,
            outbox: None,
            opened: 0,
            received: 0,
            waits: false,
            life: life_of(&self.course.common.plan, &member),
        });
        self.course.dialer.begin();
        self.open_socket(id, member, None);
    }

    /// Dials with a new socket; `resume` is asked for in the upgrade.
    pub(super) fn open_socket(&mut self, id: u32, member: Member, resume: Option<String>) {
        let began = now();
        let mut nonce = [0; 16];
        self.rng.fill_bytes(&mut nonce);
        let connection = &mut self.connections[id as usize];
        connection.state = State::Connecting;
        connection.opening = Some(Box::new(Opening {
            began,
            connected: 0,
            source: member.source,
            whose: member.whose(),
            key: encode_key(nonce),
            inflate: member.inflate,
            resume,
            answer: Vec::new(),
        }));
        self.course.dialer.watch(id, began);
        let address = self.course.address(member.endpoint);
        let dialled = match self.course.read_rate(member.group) {
            Some(rate) => dial_with_buffer(address, member.source, Throttle::receive_buffer(rate)),
            None => dial(address, member.source),
        };
        match dialled {
            Ok(socket) => {
                if let Err(error) = self.poller.add(socket.as_raw_fd(), Token(id), Interest::ReadWrite) {
                    return self.failed(id, format!("epoll: {error}"), Blame::ThisMachine(RanOut::Memory));
                }
                self.connections[id as usize].socket = Some(socket);
            }
            Err(error) => self.dial_failed(id, &error),
        }
    }

    fn dial_failed(&mut self, id: u32, error: &DialError) {
        self.failed(id, error.to_string(), Blame::of(error));
    }

    /// TCP has connected, or has not.
    pub(super) fn connected(&mut self, id: u32) {
        let connection = &mut self.connections[id as usize];
        let (Some(socket), Some(opening)) = (&connection.socket, &mut connection.opening) else { return };
        match socket.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => {
                let error = DialError::from_connect(error, self.course.address(opening.whose.endpoint), opening.source);
                return self.dial_failed(id, &error);
            }
        }
        opening.connected = now();
        connection.state = State::Upgrading;
        let mut request = Vec::new();
        let offer = self.course.compression(connection.group).map(|c| c.offer);
        let resume = opening.resume.as_deref();
        let written = self.course.requests.write(opening.whose, &opening.key, offer, resume, &mut request);
        let sent = match written {
            Ok(()) => socket.send(&request).map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match sent {
            // A fresh socket's buffer holds a request; one that does not is no use to us.
            Ok(n) if n == request.len() => {}
            Ok(_) => self.failed(id, "the socket did not take the upgrade request".to_owned(), Blame::Server),
            Err(error) => self.failed(id, error, Blame::Server),
        }
    }

    pub(super) fn read_answer(&mut self, id: u32) {
        loop {
            let connection = &mut self.connections[id as usize];
            let (Some(socket), Some(opening)) = (&connection.socket, &mut connection.opening) else { return };
            let n = match socket.read(&mut self.scratch) {
                Ok(0) => {
                    return self.failed(
                        id,
                        "closed by the server before it answered the upgrade".to_owned(),
                        Blame::Server,
                    );
                }
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return self.failed(id, broken(&e), Blame::Server),
            };
            let at = now();
            opening.answer.extend_from_slice(&self.scratch[..n]);
            let offered = self.course.compression(connection.group);
            let offer = offered.map(|c| c.offer);
            match verify_answer(&opening.answer, &opening.key, &self.course.requests.subprotocols, offer.as_ref()) {
                Ok(Answer::Incomplete) => {}
                Ok(Answer::Upgraded { compression: None, .. })
                    if offered.is_some_and(|c| c.declined == Declined::Failed) =>
                {
                    return self.failed(id, NO_COMPRESSION.to_owned(), Blame::Server);
                }
                Ok(Answer::Upgraded { consumed, compression, headers, .. }) => {
                    let rest = opening.answer.split_off(consumed);
                    self.note_cursor(id, &headers);
                    return self.opened(id, at, rest, compression);
                }
                Ok(Answer::Refused { status, .. }) => {
                    match self.comes_back(id) {
                        None => {
                            self.course.tally.refuse(status);
                            self.course.tally.address(self.connections[id as usize].endpoint).refused += 1;
                        }
                        Some(part) if part.must_be_let_in() => self.course.tally.refuse_again(status),
                        // So are servers that are restarted or overrun.
                        Some(_) => {}
                    }
                    return self.end(id);
                }
                Err(error) => return self.failed(id, handshake_cause(&error), Blame::Server),
            }
            if n < SCRATCH {
                return;
            }
        }
    }

    fn opened(&mut self, id: u32, at: u64, rest: Vec<u8>, agreed: Option<Agreement>) {
        let before = self.comes_back(id);
        let connection = &mut self.connections[id as usize];
        let Some(opening) = connection.opening.take() else { return };
        connection.state = State::Open;
        connection.throttle = self.course.read_rate(connection.group).map(|rate| Box::new(Throttle::new(rate, at)));
        connection.opened = at;
        if before.is_none() {
            self.course.dialer.ended();
            connection.cursor = self.course.ledgers.join(connection.room, connection.group);
        }
        let compressed =
            agreed.map(|agreed| self.course.ledgers.compressed(connection.room, agreed.server, opening.inflate));
        connection.compressed = compressed.map(Box::new);
        if before.is_none() {
            if let Some(group) = connection.group {
                self.course.tally.agree(group, agreed);
            }
            let tcp = opening.connected.saturating_sub(opening.began) / 1000;
            self.course.tally.open(at, tcp, at.saturating_sub(opening.connected) / 1000);
            self.course.tally.address(connection.endpoint).opened += 1;
            if let Some(publisher) = connection.publisher {
                // One that joins while phases run has been waited for.
                self.course.pacing.unblocked(publisher as usize);
            }
        } else {
            self.is_back(id, at);
        }
        drop(opening);
        if !rest.is_empty() {
            self.scratch[..rest.len()].copy_from_slice(&rest);
            if !self.take(id, rest.len(), at) {
                return;
            }
        }
        // What came after the answer is not announced again.
        self.read(id, Until::Empty);
    }

    pub(super) fn failed(&mut self, id: u32, cause: String, blame: Blame) {
        match (self.comes_back(id), blame) {
            (None, _) => {
                self.course.tally.fail(cause, blame);
                self.course.tally.address(self.connections[id as usize].endpoint).failed += 1;
            }
            (Some(part), Blame::Server) if !part.must_be_let_in() => {}
            (Some(_), _) => self.course.tally.fail_again(cause, blame),
        }
        self.end(id);
    }

    /// A connection that never opened is over.
    fn end(&mut self, id: u32) {
        let before = self.comes_back(id);
        let connection = &mut self.connections[id as usize];
        connection.state = State::Closed;
        connection.socket = None;
        connection.opening = None;
        match before {
            None => self.course.dialer.ended(),
            Some(_) => self.try_later(id),
        }
    }
}
