//! Publishers over HTTP: each has a connection that stays open, and one request on it at a time.
//!
//! What falls due while a request is unanswered waits, due as before: how slowly a server answers shows in latency after due time. It
//! is no lag of ours, as with a WebSocket that takes no bytes.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;

use net::{DialError, Interest, Ready, Tls, Token, dial, now};
use rustls::ClientConnection;

use super::Native;
use super::line::Line;
use crate::http::{Answer, AnswerReader, Destination, Keep, Letter, Route};
use crate::ledger::{NOT_DUE, Published};
use crate::tls;
use crate::worker::causes::{NOT_SECURED, broken};
use crate::worker::pacing::{Due, Sender};
use crate::worker::tally::{Blame, Tally};
use crate::worker::{Common, CourierShare};

/// Tokens of couriers have this bit; connections are never so many.
const MARK: u32 = 1 << 31;
/// An answer may take this long, nanoseconds.
const ANSWER_WITHIN: u64 = 10_000_000_000;

/// One publisher's way to the server.
#[derive(Debug)]
pub struct Courier {
    /// Index in this worker.
    publisher: usize,
    /// Run-wide index.
    index: u32,
    share: CourierShare,
    route: Arc<Route>,
    host: String,
    address: SocketAddr,
    line: Option<Line>,
    state: State,
    /// The request under way.
    asked: Option<Asked>,
    /// Bytes of it, and how many are sent.
    out: Vec<u8>,
    sent: usize,
    reader: AnswerReader,
    waiting: VecDeque<Due>,
    /// Since when the next request could be made.
    free_since: u64,
}

/// How far a courier's connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// TCP is under way.
    Connecting,
    /// TLS is.
    Securing,
    /// Requests can go.
    Open,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    seq: u32,
    phase: u16,
    begun: u64,
}

/// All of a worker's, and when those that wait for an answer have waited too long.
#[derive(Debug, Default)]
pub struct Couriers {
    all: Vec<Courier>,
    deadlines: VecDeque<(u64, u32, u64)>,
}

impl Couriers {
    /// One for each publisher over HTTP; gives the courier of each by the publisher's index in this worker.
    pub fn new(
        common: &Common,
        shares: Vec<CourierShare>,
        local: impl Fn(u32) -> Option<usize>,
    ) -> (Self, BTreeMap<usize, u32>) {
        let mut all = Vec::new();
        let mut of = BTreeMap::new();
        for share in shares {
            let Some((publisher, route)) = local(share.publisher).zip(common.route(share.group)) else { continue };
            let (host, address) = match &route.to {
                Destination::Address { host, address } => (host.clone(), *address),
                Destination::Admin => match common.found.admins.get(usize::from(share.endpoint)) {
                    Some(admin) => (admin.to_string(), *admin),
                    None => continue,
                },
                Destination::Target => match common.found.endpoints.get(usize::from(share.endpoint)) {
                    Some(endpoint) => (endpoint.host.clone(), endpoint.address),
                    None => continue,
                },
            };
            of.insert(publisher, all.len() as u32);
            all.push(Courier {
                publisher,
                index: share.publisher,
                share,
                route,
                host,
                address,
                line: None,
                state: State::Connecting,
                asked: None,
                out: Vec::new(),
                sent: 0,
                reader: AnswerReader::default(),
                waiting: VecDeque::new(),
                free_since: 0,
            });
        }
        (Couriers { all, deadlines: VecDeque::new() }, of)
    }

    /// Whose event this is, if it is a courier's.
    pub fn whose(token: Token) -> Option<u32> {
        (token.0 & MARK != 0).then_some(token.0 & !MARK)
    }

    /// When [`Native::expire_letters`] must be called next.
    pub fn wake_at(&self) -> Option<u64> {
        self.deadlines.front().map(|(at, ..)| *at)
    }

    /// Whether a courier can take another message.
    pub fn sender(&self, courier: u32) -> Sender {
        match self.all.get(courier as usize) {
            Some(c) if c.asked.is_none() && c.waiting.is_empty() => Sender::Ready,
            Some(_) => Sender::Blocked,
            None => Sender::Gone,
        }
    }

    /// What is unanswered or unsent at the end was not published.
    pub fn give_up(&mut self, tally: &mut Tally) {
        for courier in &mut self.all {
            if courier.asked.take().is_some() {
                tally.unpublished("not answered before the run ended".to_owned(), 1);
            }
            tally.unpublished("not sent before the run ended".to_owned(), courier.waiting.drain(..).count() as u64);
            courier.line = None;
        }
    }
}

impl Native {
    /// Posts what is due at one publisher.
    pub(super) fn post(&mut self, id: u32, due: &[Due]) {
        self.couriers.all[id as usize].waiting.extend(due);
        self.proceed(id);
    }

    /// Opens connections before the first message is due.
    pub(super) fn open_couriers(&mut self) {
        for id in 0..self.couriers.all.len() as u32 {
            self.open(id);
        }
    }

    /// Begins the next request as soon as the one before has ended.
    fn proceed(&mut self, id: u32) {
        while self.couriers.all[id as usize].asked.is_none()
            && let Some(due) = self.couriers.all[id as usize].waiting.pop_front()
        {
            self.begin(id, due);
        }
        let courier = &self.couriers.all[id as usize];
        if courier.asked.is_none() {
            self.course.pacing.writable(courier.publisher, courier.free_since);
            self.course.pacing.unblocked(courier.publisher);
        }
    }

    fn begin(&mut self, id: u32, due: Due) {
        let common = Arc::clone(&self.course.common);
        let courier = &mut self.couriers.all[id as usize];
        let Some(table) = common.book.table(courier.index) else { return };
        let begun = now();
        if due.at.is_some() {
            let sendable = due.sendable.max(courier.free_since);
            self.course.ledgers.recorder.phase(due.phase).schedule_lag.record(begun.saturating_sub(sendable) / 1000);
        }
        let seq = table.begin(Published { due: due.at.unwrap_or(NOT_DUE), sent: begun, phase: due.phase });
        let Some((opcode, message)) = self.course.ledgers.content_mut().render(courier.index, seq) else { return };
        let room = common.plan.rooms.get(courier.share.room as usize).map_or("", String::as_str);
        let letter = Letter { host: &courier.host, room, connection: courier.share.connection, opcode, message };
        courier.out.clear();
        courier.sent = 0;
        courier.route.write(letter, &mut courier.out);
        courier.asked = Some(Asked { seq, phase: due.phase, begun });
        self.couriers.deadlines.push_back((begun + ANSWER_WITHIN, id, begun));
        self.open(id);
        self.write(id);
    }

    /// Dials, unless there is a connection.
    fn open(&mut self, id: u32) {
        let courier = &mut self.couriers.all[id as usize];
        if courier.line.is_some() {
            return;
        }
        courier.state = State::Connecting;
        courier.reader = AnswerReader::default();
        match dial(courier.address, None) {
            Ok(socket) => {
                if let Err(error) = self.poller.add(socket.as_raw_fd(), Token(id | MARK), Interest::ReadWrite) {
                    return self.unpublished(id, format!("epoll: {error}"));
                }
                courier.line = Some(Line::plain(socket));
            }
            Err(error) => self.not_reached(id, &error),
        }
    }

    fn not_reached(&mut self, id: u32, error: &DialError) {
        if let Blame::ThisMachine(what) = Blame::of(error) {
            *self.course.tally.exhausted.entry(what).or_default() += 1;
        }
        self.unpublished(id, error.to_string());
    }

    fn write(&mut self, id: u32) {
        let courier = &mut self.couriers.all[id as usize];
        let (Some(line), Some(asked), State::Open) = (&mut courier.line, courier.asked, courier.state) else { return };
        if courier.sent == 0
            && let Some(table) = self.course.common.book.table(courier.index)
        {
            table.sent_at(asked.seq, now());
        }
        loop {
            // Under TLS what was taken may still wait for the kernel.
            let sent = match &courier.out[courier.sent..] {
                [] => line.flush().map(|()| None),
                rest => line.send(rest).map(Some),
            };
            match sent {
                Ok(None) => return,
                Ok(Some(n)) => courier.sent += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return self.unpublished(id, broken(&e)),
            }
        }
    }

    /// Something happened on a courier's socket.
    pub(super) fn courier_ready(&mut self, id: u32, ready: Ready) {
        let Some(courier) = self.couriers.all.get_mut(id as usize) else { return };
        if courier.state == State::Connecting && (ready.writable || ready.closed) {
            self.courier_connected(id);
        }
        if self.couriers.all[id as usize].state == State::Securing {
            self.secure_courier(id);
        }
        if ready.writable {
            self.write(id);
        }
        if ready.readable {
            self.read_answers(id);
        }
        self.proceed(id);
    }

    /// TCP has connected, or has not.
    fn courier_connected(&mut self, id: u32) {
        let courier = &mut self.couriers.all[id as usize];
        let Some(line) = &mut courier.line else { return };
        match line.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => {
                let error = DialError::from_connect(error, courier.address, None);
                return self.not_reached(id, &error);
            }
        }
        let Some(tls) = &courier.route.tls else {
            courier.state = State::Open;
            return;
        };
        match ClientConnection::new(Arc::clone(&tls.config), tls.name.clone()) {
            Ok(begun) => line.encrypt(Tls::new(begun)),
            Err(error) => return self.unpublished(id, tls::cause(&error).to_owned()),
        }
        courier.state = State::Securing;
    }

    /// Carries the TLS handshake on as far as the socket goes; what waited for it goes out behind it.
    fn secure_courier(&mut self, id: u32) {
        let courier = &mut self.couriers.all[id as usize];
        let Some(line) = &mut courier.line else { return };
        // If the socket is broken, the read says so.
        let _ = line.flush();
        match line.read(&mut self.scratch) {
            Ok(0) => return self.unpublished(id, NOT_SECURED.to_owned()),
            Ok(_) => return self.unpublished(id, "the server spoke before it was asked".to_owned()),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(e) => return self.unpublished(id, broken(&e)),
        }
        if !line.is_handshaking() {
            courier.state = State::Open;
            self.write(id);
        }
    }

    fn read_answers(&mut self, id: u32) {
        loop {
            let courier = &mut self.couriers.all[id as usize];
            let (Some(line), State::Open) = (&mut courier.line, courier.state) else { return };
            let drained = line.is_drained_by_short_reads();
            match line.read(&mut self.scratch) {
                Ok(0) => {
                    let ended = courier.reader.end();
                    courier.line = None;
                    if courier.asked.is_some() {
                        match ended {
                            Ok(answer) => self.answered(id, answer),
                            Err(error) => self.unpublished(id, error.to_string()),
                        }
                    }
                    return;
                }
                // Nobody asked: what comes is of no use, and neither is the connection.
                Ok(_) if courier.asked.is_none() => courier.line = None,
                Ok(n) => match courier.reader.receive(&self.scratch[..n]) {
                    Ok(None) => {}
                    Ok(Some(answer)) => {
                        self.answered(id, answer);
                        // Under TLS an end may have come with it, of which no event tells.
                        if drained {
                            return;
                        }
                    }
                    Err(error) => return self.unpublished(id, error.to_string()),
                },
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return self.unpublished(id, broken(&e)),
            }
        }
    }

    fn answered(&mut self, id: u32, answer: Answer) {
        let courier = &mut self.couriers.all[id as usize];
        if answer.keep == Keep::Closed {
            courier.line = None;
        }
        let Some(asked) = courier.asked.take() else { return };
        courier.free_since = now();
        let tally = &mut self.course.tally;
        tally.answered(answer.status, courier.free_since.saturating_sub(asked.begun) / 1000);
        if (200..300).contains(&answer.status) {
            self.course.ledgers.recorder.phase(asked.phase).sent += 1;
        } else {
            tally.unpublished(format!("HTTP status {}", answer.status), 1);
        }
    }

    /// The request under way, if there is one, came to nothing, and so did its connection.
    fn unpublished(&mut self, id: u32, cause: String) {
        let courier = &mut self.couriers.all[id as usize];
        courier.line = None;
        courier.free_since = now();
        if courier.asked.take().is_some() {
            self.course.tally.unpublished(cause, 1);
        }
    }

    /// Gives up on answers that have taken too long.
    pub(super) fn expire_letters(&mut self) {
        while let Some((_, id, begun)) = self.couriers.deadlines.pop_front_if(|(at, ..)| *at <= self.course.woke) {
            if self.couriers.all[id as usize].asked.is_some_and(|asked| asked.begun == begun) {
                self.unpublished(id, "no answer within 10 s".to_owned());
                self.proceed(id);
            }
        }
    }
}
