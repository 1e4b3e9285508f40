//! The native client: every connection of a worker on one epoll set.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use net::{DialError, Interest, Poller, Ready, Timeout, Token, dial, now};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::os::fd::AsRawFd;
use tokio::sync::mpsc::UnboundedSender;
use wire::close::{CloseCode, CloseFrame};
use wire::frame::{Opcode, append_masked_frame};
use wire::handshake::{Answer, encode_key, verify_answer};

use super::connection::{Connection, Opening, State};
use super::course::{Course, Obey, Publisher, Stage};
use super::news::{News, Order};
use super::pacing::{Due, Sender};
use super::publisher::Flushed;
use super::tally::Blame;
use super::{Common, Member, Share, WakeSlot};
use crate::ledger::{Control, Delivery, NOT_DUE, Published};
use crate::validity::RanOut;

/// Sockets handled between two looks at what is due.
const BATCH: usize = 64;
/// One read takes at most this much; it fits the cores' second-level cache beside the canonical bytes.
const SCRATCH: usize = 256 << 10;
/// Reads of one socket before others have their turn.
const READ_BUDGET: usize = 4;

pub(super) fn run(
    common: Arc<Common>,
    share: Share,
    orders: Receiver<Order>,
    wake: WakeSlot,
    news: UnboundedSender<News>,
) -> io::Result<()> {
    let poller = Poller::new(BATCH)?;
    let waker = poller.waker();
    // Control waits for this; without it there is nobody to work for.
    if wake.send(Box::new(move || waker.wake())).is_err() {
        return Ok(());
    }
    let mut native = Native::new(Course::new(common, share, news), poller);
    while native.course.stage != Stage::Over {
        native.turn(&orders)?;
    }
    native.course.harvest();
    Ok(())
}

/// When a socket counts as drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// After a read that did not fill the buffer.
    Short,
    /// When the kernel says that nothing is there, or the stream ends: after a hang-up no further event comes.
    Empty,
}

struct Native {
    course: Course,
    poller: Poller,
    connections: Vec<Connection>,
    scratch: Box<[u8]>,
    again: Vec<Token>,
    due: Vec<Due>,
    rng: Pcg64Mcg,
}

impl Native {
    fn new(course: Course, poller: Poller) -> Self {
        Native {
            connections: Vec::with_capacity(course.dialer.total()),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            course,
            poller,
            again: Vec::new(),
            due: Vec::new(),
            rng: Pcg64Mcg::seed_from_u64(now()),
        }
    }

    fn turn(&mut self, orders: &Receiver<Order>) -> io::Result<()> {
        self.poller.set_timer(self.course.wake_at())?;
        let turn = self.poller.wait(Timeout::Never)?;
        self.course.wake(now());
        if turn.woken && self.course.obey(orders) == Obey::Leave {
            self.leave();
        }
        let mut again = std::mem::take(&mut self.again);
        self.poller.take_again(&mut again);
        for &token in &again {
            self.ready(Ready { token, readable: true, writable: false, closed: true });
        }
        self.again = again;
        for i in 0..turn.events {
            self.ready(self.poller.ready(i));
        }
        if self.course.publishes() {
            self.publish();
        }
        self.connect();
        if self.course.report() && self.course.ledgers.wants_trim() {
            let open = self.connections.iter_mut().filter(|c| c.state == State::Open);
            let mut cursors: Vec<_> = open.map(|c| (c.room, &mut c.cursor)).collect();
            self.course.ledgers.trim(&mut cursors);
        }
        self.course.end_leave();
        Ok(())
    }

    fn ready(&mut self, ready: Ready) {
        let id = ready.token.0;
        let Some(connection) = self.connections.get(id as usize) else { return };
        if connection.state == State::Connecting && (ready.writable || ready.closed) {
            self.connected(id);
        } else if ready.writable && connection.outbox.as_ref().is_some_and(|o| !o.is_empty()) {
            self.flush(id);
        }
        if ready.readable {
            match self.connections[id as usize].state {
                State::Open | State::Leaving => self.read(id, if ready.closed { Until::Empty } else { Until::Short }),
                State::Upgrading => self.read_answer(id),
                State::Connecting | State::Closed => {}
            }
        }
    }

    fn read(&mut self, id: u32, until: Until) {
        for _ in 0..READ_BUDGET {
            let connection = &mut self.connections[id as usize];
            let Some(socket) = &connection.socket else { return };
            let result = socket.read(&mut self.scratch);
            let at = now();
            match result {
                Ok(0) => return self.closed(id, "server: end of stream without a close frame"),
                Ok(n) => {
                    if !self.take(id, n, at) || (until == Until::Short && n < SCRATCH) {
                        return;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return self.closed(id, &broken(&e)),
            }
        }
        self.poller.again(Token(id));
    }

    /// Takes `scratch[..n]`, read at `at`, into the ledger; whether the connection is still open.
    fn take(&mut self, id: u32, n: usize, at: u64) -> bool {
        let connection = &mut self.connections[id as usize];
        if connection.state == State::Leaving {
            // The run is over: only the server's close is of interest, and any end will do.
            return true;
        }
        let publisher = connection.publisher;
        let delivery = Delivery {
            now: at,
            group: connection.group,
            publisher: publisher.map(|p| self.course.publishers[p as usize].index),
            phase: self.course.phase,
        };
        let bytes = &mut self.scratch[..n];
        let (taken, result) =
            self.course.ledgers.take(connection.room, delivery, |reader| reader.receive(&mut connection.cursor, bytes));
        let phase = self.course.ledgers.recorder.phase(self.course.phase);
        phase.reads += 1;
        if taken.delivered > 0 && connection.group.is_some() {
            phase.read_age.record_n((at - self.course.woke) / 1000, taken.delivered);
        }
        self.course.complete(publisher, taken);
        if let Err(error) = result {
            self.send_control(id, Opcode::Close, &close_payload(error.close_code(), ""));
            self.closed(id, &format!("protocol error of the server: {error}"));
            return false;
        }
        !self.answer_controls(id)
    }

    /// Answers pings and closes; whether the connection ended.
    fn answer_controls(&mut self, id: u32) -> bool {
        if self.course.ledgers.controls.is_empty() {
            return false;
        }
        for control in std::mem::take(&mut self.course.ledgers.controls) {
            match control {
                Control::Ping(payload) => self.send_control(id, Opcode::Pong, &payload),
                Control::Close(frame) => {
                    let code = frame.as_ref().map_or(CloseCode::NORMAL, |f| f.code);
                    self.send_control(id, Opcode::Close, &close_payload(code, ""));
                    self.closed(id, &closed_by(frame));
                    return true;
                }
            }
        }
        self.connections[id as usize].state == State::Closed
    }

    fn send_control(&mut self, id: u32, opcode: Opcode, payload: &[u8]) {
        let key = self.rng.next_u32().to_ne_bytes();
        let outbox = self.connections[id as usize].outbox.get_or_insert_default();
        append_masked_frame(outbox.bytes_mut(), opcode, payload, key);
        self.flush(id);
    }

    fn flush(&mut self, id: u32) {
        let connection = &mut self.connections[id as usize];
        let (Some(socket), Some(outbox)) = (&connection.socket, &mut connection.outbox) else { return };
        let publisher = connection.publisher.map(|p| p as usize);
        let table = publisher.and_then(|p| self.course.common.book.table(self.course.publishers[p].index));
        let was_blocked = !outbox.is_empty();
        match outbox.flush(socket, table, now()) {
            Flushed::All => match publisher {
                Some(publisher) if was_blocked => {
                    self.course.pacing.writable(publisher, now());
                    self.course.pacing.unblocked(publisher);
                }
                Some(_) => {}
                None => connection.outbox = None,
            },
            Flushed::Blocked => {}
            Flushed::Broken(error) => self.closed(id, &broken(&error)),
        }
    }

    fn publish(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        let (publishers, connections) = (&self.course.publishers, &self.connections);
        self.course.pacing.due(now(), |p| sender(publishers[p], connections), &mut due);
        for of_one in due.chunk_by(|a, b| a.publisher == b.publisher) {
            self.publish_all(of_one);
        }
        due.clear();
        self.due = due;
    }

    /// Publishes what is due at one publisher, in one write.
    fn publish_all(&mut self, due: &[Due]) {
        let Publisher { index, connection: Some(id) } = self.course.publishers[due[0].publisher] else { return };
        let common = Arc::clone(&self.course.common);
        let Some(table) = common.book.table(index) else { return };
        let outbox = self.connections[id as usize].outbox.get_or_insert_default();
        for publish in due {
            let begun = now();
            let phase = self.course.ledgers.recorder.phase(publish.phase);
            phase.sent += 1;
            if publish.at.is_some() {
                phase.schedule_lag.record(begun.saturating_sub(publish.sendable) / 1000);
            }
            let seq = table.begin(Published {
                due: publish.at.unwrap_or(NOT_DUE),
                sent: begun,
                phase: publish.phase,
            });
            let Some((opcode, payload)) = self.course.ledgers.content_mut().render(index, seq) else { continue };
            append_masked_frame(outbox.bytes_mut(), opcode, payload, self.rng.next_u32().to_ne_bytes());
            outbox.published(seq);
        }
        self.flush_published(id);
    }

    fn flush_published(&mut self, id: u32) {
        let connection = &mut self.connections[id as usize];
        let (Some(socket), Some(outbox)) = (&connection.socket, &mut connection.outbox) else { return };
        let table = connection.publisher.and_then(|p| self.course.common.book.table(self.course.publishers[p as usize].index));
        if let Flushed::Broken(error) = outbox.flush(socket, table, now()) {
            self.closed(id, &broken(&error));
        }
    }

    fn connect(&mut self) {
        while let Some(member) = self.course.dialer.next(self.course.woke) {
            self.dial(member);
        }
        while let Some(id) = self.course.dialer.expired(self.course.woke) {
            if matches!(self.connections[id as usize].state, State::Connecting | State::Upgrading) {
                self.failed(id, "no answer to the upgrade within 10 s".to_owned(), Blame::Server);
            }
        }
        self.course.tell_connected();
    }

    fn dial(&mut self, member: Member) {
        let began = now();
        self.course.tally.began.get_or_insert(began);
        let id = self.connections.len() as u32;
        let publisher = member.publisher.and_then(|index| self.course.local(index));
        if let Some(publisher) = publisher {
            self.course.publishers[publisher].connection = Some(id);
        }
        let mut nonce = [0; 16];
        self.rng.fill_bytes(&mut nonce);
        self.connections.push(Connection {
            socket: None,
            state: State::Connecting,
            group: member.group,
            room: self.course.ledgers.room(member.room),
            publisher: publisher.map(|p| p as u32),
            cursor: Default::default(),
            opening: Some(Box::new(Opening {
                began,
                connected: 0,
                source: member.source,
                path_room: member.path_room,
                key: encode_key(nonce),
                answer: Vec::new(),
            })),
            outbox: None,
        });
        self.course.dialer.began(id, began);
        match dial(self.course.common.address, member.source) {
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
    fn connected(&mut self, id: u32) {
        let connection = &mut self.connections[id as usize];
        let (Some(socket), Some(opening)) = (&connection.socket, &mut connection.opening) else { return };
        match socket.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => {
                let error = DialError::from_connect(error, self.course.common.address, opening.source);
                return self.dial_failed(id, &error);
            }
        }
        opening.connected = now();
        connection.state = State::Upgrading;
        let mut request = Vec::new();
        let written = self.course.requests.write(opening.path_room, &opening.key, &mut request);
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

    fn read_answer(&mut self, id: u32) {
        loop {
            let connection = &mut self.connections[id as usize];
            let (Some(socket), Some(opening)) = (&connection.socket, &mut connection.opening) else { return };
            let n = match socket.read(&mut self.scratch) {
                Ok(0) => return self.failed(id, "closed by the server before it answered the upgrade".to_owned(), Blame::Server),
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return self.failed(id, broken(&e), Blame::Server),
            };
            let at = now();
            opening.answer.extend_from_slice(&self.scratch[..n]);
            match verify_answer(&opening.answer, &opening.key, &self.course.requests.subprotocols) {
                Ok(Answer::Incomplete) => {}
                Ok(Answer::Upgraded { consumed, .. }) => {
                    let rest = opening.answer.split_off(consumed);
                    return self.opened(id, at, rest);
                }
                Ok(Answer::Refused { status, .. }) => {
                    self.course.tally.refuse(status);
                    return self.end(id);
                }
                Err(error) => return self.failed(id, error.to_string(), Blame::Server),
            }
            if n < SCRATCH {
                return;
            }
        }
    }

    fn opened(&mut self, id: u32, at: u64, rest: Vec<u8>) {
        self.course.dialer.ended();
        let connection = &mut self.connections[id as usize];
        let Some(opening) = connection.opening.take() else { return };
        connection.state = State::Open;
        connection.cursor = self.course.ledgers.join(connection.room, connection.group);
        let tcp = opening.connected.saturating_sub(opening.began) / 1000;
        self.course.tally.open(at, tcp, at.saturating_sub(opening.connected) / 1000);
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

    fn failed(&mut self, id: u32, cause: String, blame: Blame) {
        self.course.tally.fail(cause, blame);
        self.end(id);
    }

    /// A connection that never opened is over.
    fn end(&mut self, id: u32) {
        self.course.dialer.ended();
        let connection = &mut self.connections[id as usize];
        connection.state = State::Closed;
        connection.socket = None;
        connection.opening = None;
    }

    /// An open connection is over.
    fn closed(&mut self, id: u32, cause: &str) {
        let connection = &mut self.connections[id as usize];
        match connection.state {
            State::Open => self.course.tally.close(cause.to_owned()),
            State::Leaving => self.course.tally.leave(),
            State::Connecting | State::Upgrading | State::Closed => return,
        }
        connection.state = State::Closed;
        connection.socket = None;
        connection.outbox = None;
    }

    /// Says goodbye to everybody.
    fn leave(&mut self) {
        let connections = &self.connections;
        self.course.leave(|publisher| sender(publisher, connections));
        for id in 0..self.connections.len() as u32 {
            match self.connections[id as usize].state {
                State::Open => {
                    self.send_control(id, Opcode::Close, &close_payload(CloseCode::NORMAL, ""));
                    if self.connections[id as usize].state == State::Open {
                        self.connections[id as usize].state = State::Leaving;
                    }
                }
                State::Connecting | State::Upgrading => {
                    self.failed(id, "the run ended before it was open".to_owned(), Blame::Server);
                }
                State::Leaving | State::Closed => {}
            }
        }
    }

}

fn sender(publisher: Publisher, connections: &[Connection]) -> Sender {
    match publisher.connection.map(|c| &connections[c as usize]) {
        Some(c) if c.state == State::Open => match &c.outbox {
            Some(outbox) if !outbox.is_empty() => Sender::Blocked,
            _ => Sender::Ready,
        },
        _ => Sender::Gone,
    }
}

pub(super) fn close_payload(code: CloseCode, reason: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    CloseFrame::encode(code, reason, &mut payload);
    payload
}

/// How the report names a close by the server.
pub(super) fn closed_by(frame: Option<CloseFrame>) -> String {
    match frame {
        Some(frame) if frame.reason.is_empty() => format!("server: close {} ({})", frame.code.0, frame.code.name()),
        Some(frame) => format!("server: close {} ({})", frame.code.0, frame.reason),
        None => "server: close without a code".to_owned(),
    }
}

fn broken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "server: connection reset".to_owned(),
        io::ErrorKind::BrokenPipe => "server: closed while we were sending".to_owned(),
        _ => format!("network: {error}"),
    }
}
