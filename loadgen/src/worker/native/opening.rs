//! From an address to an open WebSocket (TCP, TLS, upgrade), and everything that can go wrong on the way.

use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use net::{DialError, Interest, Tls, Token, dial, dial_with_buffer, now};
use rand::Rng;
use rustls::ClientConnection;
use wire::handshake::{Answer, encode_key, verify_answer};

use super::Native;
use super::connection::{Connection, Opening, State};
use super::line::Line;
use super::parting::life_of;
use super::reading::{SCRATCH, Until};
use crate::plan::Declined;
use crate::tls;
use crate::validity::RanOut;
use crate::worker::Member;
use crate::worker::causes::{
    NO_ANSWER, NO_COMPRESSION, NO_END_OF_TLS, NOT_ANSWERED, NOT_SECURED, broken, handshake_cause,
};
use crate::worker::course::Stage;
use crate::worker::ledgers::Times;
use crate::worker::life::Part;
use crate::worker::tally::{Blame, Took, When};
use crate::worker::throttle::Throttle;

impl Native {
    /// Dials who is due, gives up on who has taken too long, and tells control when all is known.
    pub(super) fn connect(&mut self) {
        while let Some(member) = self.course.dialer.next(self.course.woke) {
            self.dial(member);
        }
        self.grow_and_shrink();
        while let Some((began, id)) = self.course.dialer.expired(self.course.woke) {
            let connection = &self.connections[id as usize];
            if connection.opening.as_ref().is_none_or(|opening| opening.began != began) {
                continue;
            }
            let late = match connection.state {
                State::Securing => NO_END_OF_TLS,
                // Its steps have deadlines of their own.
                State::Joining => continue,
                _ => NO_ANSWER,
            };
            self.failed(id, late.to_owned(), Blame::Server);
        }
        self.course.tell_connected();
    }

    /// Opens a connection for the first time, or again after it had left for good.
    pub(super) fn dial(&mut self, member: Member) {
        self.course.tally.began.get_or_insert_with(now);
        let id = self.connections.len() as u32;
        if self.course.moving.shrinks() {
            self.places.insert(member.connection, id);
        }
        let publisher = member.publisher.and_then(|index| self.course.local(index));
        if let Some(publisher) = publisher {
            self.course.publishers[publisher].connection = Some(id);
        }
        let room = self.course.ledgers.room(member.room);
        let life = life_of(&self.course.common.plan, &member);
        self.connections.push(Connection::new(&member, room, publisher.map(|p| p as u32), life));
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
            secured: None,
            source: member.source,
            upgraded: 0,
            agreed: None,
            joining: None,
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
                self.connections[id as usize].line = Some(Line::plain(socket));
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
        let (Some(line), Some(opening)) = (&mut connection.line, &mut connection.opening) else { return };
        match line.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => {
                let to = self.course.address(opening.whose.endpoint);
                let error = DialError::from_connect(error, to, opening.source);
                return self.dial_failed(id, &error);
            }
        }
        opening.connected = now();
        let Some(tls) = &self.course.common.plan.target.tls else { return self.ask(id) };
        match ClientConnection::new(Arc::clone(&tls.config), tls.name.clone()) {
            Ok(begun) => line.encrypt(Tls::new(begun)),
            Err(error) => return self.failed(id, tls::cause(&error).to_owned(), Blame::Server),
        }
        connection.state = State::Securing;
        self.secure(id);
    }

    /// Carries the TLS handshake on as far as the socket goes.
    pub(super) fn secure(&mut self, id: u32) {
        self.flush(id);
        let connection = &mut self.connections[id as usize];
        let (Some(line), Some(opening)) = (&mut connection.line, &mut connection.opening) else { return };
        match line.read(&mut self.scratch) {
            Ok(0) => return self.failed(id, NOT_SECURED.to_owned(), Blame::Server),
            // Nothing is said before the request; whoever does so answers nothing.
            Ok(n) => opening.answer.extend_from_slice(&self.scratch[..n]),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return self.failed(id, broken(&e), Blame::Server),
        }
        if !line.is_handshaking() {
            opening.secured = Some(now());
            self.ask(id);
        }
    }

    /// Sends what TLS holds of the handshake and of the request.
    pub(super) fn flush(&mut self, id: u32) {
        if let Some(line) = &mut self.connections[id as usize].line {
            // If the socket is broken, the next read says so.
            let _ = line.flush();
        }
    }

    /// Sends the upgrade request.
    fn ask(&mut self, id: u32) {
        let connection = &mut self.connections[id as usize];
        let (Some(line), Some(opening)) = (&mut connection.line, &connection.opening) else { return };
        connection.state = State::Upgrading;
        let mut request = Vec::new();
        let offer = self.course.compression(connection.group).map(|c| c.offer);
        let resume = opening.resume.as_deref();
        let written = self.course.requests.write(opening.whose, &opening.key, offer, resume, &mut request);
        let sent = match written {
            Ok(()) => line.send(&request).map_err(|e| broken(&e)),
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
            let (Some(line), Some(opening)) = (&mut connection.line, &mut connection.opening) else { return };
            let n = match line.read(&mut self.scratch) {
                Ok(0) => return self.failed(id, NOT_ANSWERED.to_owned(), Blame::Server),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return self.failed(id, broken(&e), Blame::Server),
            };
            let at = now();
            opening.answer.extend_from_slice(&self.scratch[..n]);
            let offered = self.course.compression(connection.group);
            let offer = offered.map(|c| c.offer);
            let subprotocols = &self.course.requests.subprotocols;
            match verify_answer(&opening.answer, &opening.key, subprotocols, offer.as_ref()) {
                Ok(Answer::Incomplete) => {}
                Ok(Answer::Upgraded { compression: None, .. })
                    if offered.is_some_and(|c| c.declined == Declined::Failed) =>
                {
                    return self.failed(id, NO_COMPRESSION.to_owned(), Blame::Server);
                }
                Ok(Answer::Upgraded { consumed, compression, headers, .. }) => {
                    (opening.upgraded, opening.agreed) = (at, compression);
                    let rest = opening.answer.split_off(consumed);
                    self.note_cursor(id, &headers);
                    return self.upgraded(id, at, rest);
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
            if n < SCRATCH && line.is_drained_by_short_reads() {
                return;
            }
        }
    }

    /// From here on what the server says is counted; `rest` of it has been read already.
    pub(super) fn opened(&mut self, id: u32, at: u64, rest: Vec<u8>) {
        let before = self.comes_back(id);
        let connection = &mut self.connections[id as usize];
        let Some(opening) = connection.opening.take() else { return };
        connection.state = State::Open;
        connection.throttle = self.course.read_rate(connection.group).map(|rate| Box::new(Throttle::new(rate, at)));
        connection.opened = at;
        let agreed = opening.agreed;
        if before.is_none() {
            self.course.dialer.ended();
            let again = self.course.moving.shrinks() && !self.seen.insert(connection.number);
            let times = if again { Times::Again } else { Times::First };
            connection.cursor = self.course.ledgers.join(connection.room, connection.group, times);
        }
        let compressed =
            agreed.map(|agreed| self.course.ledgers.compressed(connection.room, agreed.server, opening.inflate));
        connection.compressed = compressed.map(Box::new);
        if before.is_none() {
            if let Some(group) = connection.group {
                self.course.tally.agree(group, agreed);
            }
            let took = Took::between(opening.began, opening.connected, opening.secured, opening.upgraded);
            let join_us = opening.joining.as_ref().map(|_| (at - opening.upgraded) / 1000);
            // A join of the last phase may be open only when that is over.
            let ramps = self.course.stage == Stage::Connecting;
            let when = if ramps { When::Ramp { now: at } } else { When::Phase };
            self.course.tally.open(when, Took { join_us, ..took });
            self.course.tally.address(connection.endpoint).opened += 1;
            if !ramps {
                self.joins_late(id, at);
            }
        } else {
            self.is_back(id, at);
        }
        self.begin_beats(id, at);
        drop(opening);
        if !rest.is_empty() {
            for part in rest.chunks(SCRATCH) {
                self.scratch[..part.len()].copy_from_slice(part);
                if !self.take(id, part.len(), at) {
                    return;
                }
            }
        }
        if self.was_to_leave(id) && self.connections[id as usize].state == State::Open {
            return self.depart(id, Part::ForGood);
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
    pub(super) fn end(&mut self, id: u32) {
        let before = self.comes_back(id);
        let connection = &mut self.connections[id as usize];
        connection.state = State::Closed;
        connection.line = None;
        connection.opening = None;
        match before {
            None => self.course.dialer.ended(),
            Some(_) => self.try_later(id),
        }
    }
}
