//! The native client: every connection of a worker on one epoll set.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use net::{DialError, Interest, Poller, Ready, Timeout, Token, dial, now};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::os::fd::AsRawFd;
use tokio::sync::mpsc::UnboundedSender;
use wire::close::{CloseCode, CloseFrame};
use wire::frame::{Opcode, append_masked_frame};
use wire::handshake::{Answer, encode_key, verify_answer};

use super::connection::{Connection, Opening, State};
use super::dialer::Dialer;
use super::ledgers::Ledgers;
use super::news::{Harvest, News, Order, Tick};
use super::pacing::{Due, Pacing, Sender};
use super::publisher::Flushed;
use super::tally::{Blame, Tally};
use super::{Common, Completion, Member, Share, WakeSlot};
use crate::ledger::{Control, Delivery, NOT_DUE, Published};
use crate::request::Requests;
use crate::validity::RanOut;

/// Sockets handled between two looks at what is due.
const BATCH: usize = 64;
/// One read takes at most this much; it fits the cores' second-level cache beside the canonical bytes.
const SCRATCH: usize = 256 << 10;
/// Reads of one socket before others have their turn.
const READ_BUDGET: usize = 4;
const SECOND: u64 = 1_000_000_000;
/// Between two reports while draining, when control waits for the last delivery.
const DRAIN_REPORT: u64 = SECOND / 20;
/// How long the server has to answer our close frames at the end.
const LEAVE_WITHIN: u64 = SECOND;

pub(super) fn run(
    common: Arc<Common>,
    share: Share,
    orders: Receiver<Order>,
    wake: WakeSlot,
    news: UnboundedSender<News>,
) -> io::Result<()> {
    let poller = Poller::new(BATCH)?;
    // Control waits for this; without it there is nobody to work for.
    if wake.send(poller.waker()).is_err() {
        return Ok(());
    }
    let mut native = Native::new(common, share, poller, news);
    while native.stage != Stage::Over {
        native.turn(&orders)?;
    }
    native.harvest();
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Waiting to connect, connecting, or idle before the first phase.
    Connecting,
    /// Phases run.
    Running,
    /// No publish falls due any more.
    Draining,
    /// Close frames are out.
    Leaving { until: u64 },
    Over,
}

/// The run-wide index and connection of a publisher of this worker.
#[derive(Debug, Clone, Copy)]
struct Publisher {
    index: u32,
    connection: Option<u32>,
}

struct Native {
    worker: usize,
    common: Arc<Common>,
    poller: Poller,
    news: UnboundedSender<News>,
    requests: Requests,
    ledgers: Ledgers,
    tally: Tally,
    dialer: Dialer,
    pacing: Pacing,
    publishers: Vec<Publisher>,
    connections: Vec<Connection>,
    scratch: Box<[u8]>,
    again: Vec<Token>,
    due: Vec<Due>,
    rng: Pcg64Mcg,
    stage: Stage,
    /// When the last `epoll_wait` returned.
    woke: u64,
    /// Phase that runs now.
    phase: u16,
    next_report: Option<u64>,
    told_connected: bool,
    joined_told: usize,
    unsent_by_us: u64,
}

impl Native {
    fn new(common: Arc<Common>, share: Share, poller: Poller, news: UnboundedSender<News>) -> Self {
        let publishers: Vec<Publisher> = share
            .publishers
            .iter()
            .flat_map(|p| &p.members)
            .map(|&index| Publisher { index, connection: None })
            .collect();
        let ledgers = Ledgers::new(Arc::clone(&common), &share);
        let pacing = Pacing::new(&common, &share.publishers);
        let dialer = Dialer::new(share.ramps);
        let total = dialer.total();
        Native {
            worker: share.worker,
            requests: Requests::new(&common.plan, &common.host),
            rng: Pcg64Mcg::seed_from_u64(now()),
            tally: Tally { asked: total as u64, ..Tally::default() },
            connections: Vec::with_capacity(total),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            common,
            poller,
            news,
            ledgers,
            dialer,
            pacing,
            publishers,
            again: Vec::new(),
            due: Vec::new(),
            stage: Stage::Connecting,
            woke: 0,
            phase: 0,
            next_report: None,
            told_connected: false,
            joined_told: 0,
            unsent_by_us: 0,
        }
    }

    fn turn(&mut self, orders: &Receiver<Order>) -> io::Result<()> {
        self.poller.set_timer(self.wake_at())?;
        let turn = self.poller.wait(Timeout::Never)?;
        self.woke = now();
        self.phase = self.pacing.phase(self.woke);
        if turn.woken {
            self.obey(orders);
        }
        let mut again = std::mem::take(&mut self.again);
        self.poller.take_again(&mut again);
        for &token in &again {
            self.ready(Ready { token, readable: true, writable: false, closed: false });
        }
        self.again = again;
        for i in 0..turn.events {
            self.ready(self.poller.ready(i));
        }
        self.publish();
        self.connect();
        self.report();
        if let Stage::Leaving { until } = self.stage
            && (self.tally.open == 0 || self.woke >= until)
        {
            self.stage = Stage::Over;
        }
        Ok(())
    }

    fn wake_at(&self) -> Option<u64> {
        let leaving = match self.stage {
            Stage::Leaving { until } => Some(until),
            _ => None,
        };
        let due = self.pacing.next(self.woke);
        [self.dialer.wake_at(), due, self.next_report, leaving].into_iter().flatten().min()
    }

    fn obey(&mut self, orders: &Receiver<Order>) {
        loop {
            match orders.try_recv() {
                Ok(Order::Connect) => {
                    self.dialer.start(self.woke);
                    self.next_report = Some(self.woke + SECOND);
                }
                Ok(Order::Start { at }) => {
                    self.pacing.start(at);
                    self.stage = Stage::Running;
                    // Reports on the seconds of the run, so that intervals and phases line up.
                    self.next_report = Some(at + SECOND);
                }
                Ok(Order::StopPublishing) => {
                    self.pacing.stop(self.woke);
                    self.stage = Stage::Draining;
                    self.next_report = Some(self.woke + DRAIN_REPORT);
                }
                Ok(Order::Finish) | Err(TryRecvError::Disconnected) => return self.leave(),
                Err(TryRecvError::Empty) => return,
            }
        }
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
                State::Open | State::Leaving => self.read(id),
                State::Upgrading => self.read_answer(id),
                State::Connecting | State::Closed => {}
            }
        }
    }

    fn read(&mut self, id: u32) {
        for _ in 0..READ_BUDGET {
            let connection = &mut self.connections[id as usize];
            let Some(socket) = &connection.socket else { return };
            let result = socket.read(&mut self.scratch);
            let at = now();
            match result {
                Ok(0) => return self.closed(id, "server: end of stream without a close frame"),
                Ok(n) => {
                    if !self.take(id, n, at) || n < SCRATCH {
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
            publisher: publisher.map(|p| self.publishers[p as usize].index),
            phase: self.phase,
        };
        let bytes = &mut self.scratch[..n];
        let (taken, result) =
            self.ledgers.take(connection.room, delivery, |reader| reader.receive(&mut connection.cursor, bytes));
        let phase = self.ledgers.recorder.phase(self.phase);
        phase.reads += 1;
        if taken.delivered > 0 && connection.group.is_some() {
            phase.read_age.record_n((at - self.woke) / 1000, taken.delivered);
        }
        self.complete(publisher, taken.echoes);
        if let Err(error) = result {
            self.send_control(id, Opcode::Close, &close_payload(error.close_code(), ""));
            self.closed(id, &format!("protocol error of the server: {error}"));
            return false;
        }
        !self.answer_controls(id)
    }

    /// Frees places of closed loops.
    fn complete(&mut self, publisher: Option<u32>, echoes: u32) {
        match self.common.completion {
            Completion::Echo => {
                if let Some(publisher) = publisher.filter(|_| echoes > 0) {
                    self.pacing.completed(publisher as usize, echoes);
                }
            }
            Completion::FirstArrival => {
                for index in std::mem::take(&mut self.ledgers.first_arrivals) {
                    if let Some(local) = self.local(index) {
                        self.pacing.completed(local, 1);
                    }
                }
            }
        }
    }

    /// Answers pings and closes; whether the connection ended.
    fn answer_controls(&mut self, id: u32) -> bool {
        if self.ledgers.controls.is_empty() {
            return false;
        }
        for control in std::mem::take(&mut self.ledgers.controls) {
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
        let table = publisher.and_then(|p| self.common.book.table(self.publishers[p].index));
        let was_blocked = !outbox.is_empty();
        match outbox.flush(socket, table, now()) {
            Flushed::All => match publisher {
                Some(publisher) if was_blocked => self.pacing.unblocked(publisher),
                Some(_) => {}
                None => connection.outbox = None,
            },
            Flushed::Blocked => {}
            Flushed::Broken(error) => self.closed(id, &broken(&error)),
        }
    }

    fn publish(&mut self) {
        // While draining, what fell due before the end is still sent.
        if !matches!(self.stage, Stage::Running | Stage::Draining) {
            return;
        }
        let mut due = std::mem::take(&mut self.due);
        let (publishers, connections) = (&self.publishers, &self.connections);
        self.pacing.due(now(), |p| sender(publishers[p], connections), &mut due);
        for of_one in due.chunk_by(|a, b| a.publisher == b.publisher) {
            self.publish_all(of_one);
        }
        due.clear();
        self.due = due;
    }

    /// Publishes what is due at one publisher, in one write.
    fn publish_all(&mut self, due: &[Due]) {
        let Publisher { index, connection: Some(id) } = self.publishers[due[0].publisher] else { return };
        let common = Arc::clone(&self.common);
        let Some(table) = common.book.table(index) else { return };
        let outbox = self.connections[id as usize].outbox.get_or_insert_default();
        for publish in due {
            let begun = now();
            let phase = self.ledgers.recorder.phase(publish.phase);
            phase.sent += 1;
            if let Some(at) = publish.at {
                phase.schedule_lag.record(begun.saturating_sub(at) / 1000);
            }
            let seq = table.begin(Published {
                due: publish.at.unwrap_or(NOT_DUE),
                sent: begun,
                phase: publish.phase,
            });
            let Some((opcode, payload)) = self.ledgers.content_mut().render(index, seq) else { continue };
            append_masked_frame(outbox.bytes_mut(), opcode, payload, self.rng.next_u32().to_ne_bytes());
            outbox.published(seq);
        }
        self.flush_published(id);
    }

    fn flush_published(&mut self, id: u32) {
        let connection = &mut self.connections[id as usize];
        let (Some(socket), Some(outbox)) = (&connection.socket, &mut connection.outbox) else { return };
        let table = connection.publisher.and_then(|p| self.common.book.table(self.publishers[p as usize].index));
        if let Flushed::Broken(error) = outbox.flush(socket, table, now()) {
            self.closed(id, &broken(&error));
        }
    }

    fn connect(&mut self) {
        while let Some(member) = self.dialer.next(self.woke) {
            self.dial(member);
        }
        while let Some(id) = self.dialer.expired(self.woke) {
            if matches!(self.connections[id as usize].state, State::Connecting | State::Upgrading) {
                self.failed(id, "no answer to the upgrade within 10 s".to_owned(), Blame::Server);
            }
        }
        if !self.told_connected && self.dialer.is_done() && self.tally.resolved() == self.tally.asked {
            self.told_connected = true;
            self.dialer.settle();
            self.tell(News::Connected);
        }
    }

    fn dial(&mut self, member: Member) {
        let began = now();
        self.tally.began.get_or_insert(began);
        let id = self.connections.len() as u32;
        let publisher = member.publisher.and_then(|index| self.local(index));
        if let Some(publisher) = publisher {
            self.publishers[publisher].connection = Some(id);
        }
        let mut nonce = [0; 16];
        self.rng.fill_bytes(&mut nonce);
        self.connections.push(Connection {
            socket: None,
            state: State::Connecting,
            group: member.group,
            room: self.ledgers.room(member.room),
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
        self.dialer.began(id, began);
        match dial(self.common.address, member.source) {
            Ok(socket) => {
                if let Err(error) = self.poller.add(socket.as_raw_fd(), Token(id), Interest::ReadWrite) {
                    return self.failed(id, format!("epoll: {error}"), Blame::ThisMachine(RanOut::Memory));
                }
                self.connections[id as usize].socket = Some(socket);
            }
            Err(error) => self.dial_failed(id, &error),
        }
    }

    /// Publishers stand in order of their run-wide index.
    fn local(&self, index: u32) -> Option<usize> {
        self.publishers.binary_search_by_key(&index, |p| p.index).ok()
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
                let error = DialError::from_connect(error, self.common.address, opening.source);
                return self.dial_failed(id, &error);
            }
        }
        opening.connected = now();
        connection.state = State::Upgrading;
        let mut request = Vec::new();
        let written = self.requests.write(opening.path_room, &opening.key, &mut request);
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
            match verify_answer(&opening.answer, &opening.key, &self.requests.subprotocols) {
                Ok(Answer::Incomplete) => {}
                Ok(Answer::Upgraded { consumed, .. }) => {
                    let rest = opening.answer.split_off(consumed);
                    return self.opened(id, at, rest);
                }
                Ok(Answer::Refused { status, .. }) => {
                    self.tally.refuse(status);
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
        self.dialer.ended();
        let connection = &mut self.connections[id as usize];
        let Some(opening) = connection.opening.take() else { return };
        connection.state = State::Open;
        connection.cursor = self.ledgers.join(connection.room, connection.group);
        let tcp = opening.connected.saturating_sub(opening.began) / 1000;
        self.tally.open(at, tcp, at.saturating_sub(opening.connected) / 1000);
        drop(opening);
        if !rest.is_empty() {
            self.scratch[..rest.len()].copy_from_slice(&rest);
            if !self.take(id, rest.len(), at) {
                return;
            }
        }
        // What came after the answer is not announced again.
        self.read(id);
    }

    fn failed(&mut self, id: u32, cause: String, blame: Blame) {
        self.tally.fail(cause, blame);
        self.end(id);
    }

    /// A connection that never opened is over.
    fn end(&mut self, id: u32) {
        self.dialer.ended();
        let connection = &mut self.connections[id as usize];
        connection.state = State::Closed;
        connection.socket = None;
        connection.opening = None;
    }

    /// An open connection is over.
    fn closed(&mut self, id: u32, cause: &str) {
        let connection = &mut self.connections[id as usize];
        match connection.state {
            State::Open => self.tally.close(cause.to_owned()),
            State::Leaving => self.tally.leave(),
            State::Connecting | State::Upgrading | State::Closed => return,
        }
        connection.state = State::Closed;
        connection.socket = None;
        connection.outbox = None;
    }

    fn report(&mut self) {
        let Some(at) = self.next_report.filter(|at| *at <= self.woke) else { return };
        self.next_report = match self.stage {
            Stage::Connecting | Stage::Running => Some(at.max(self.woke.saturating_sub(SECOND)) + SECOND),
            Stage::Draining => Some(self.woke + DRAIN_REPORT),
            Stage::Leaving { .. } | Stage::Over => None,
        };
        let members: usize = self.ledgers.joined.values().map(|n| *n as usize).sum();
        let joined = (members != self.joined_told).then(|| self.ledgers.joined.clone());
        self.joined_told = members;
        let tick = Tick {
            worker: self.worker,
            recorder: self.ledgers.recorder.take(),
            open: self.tally.open as u32,
            waiting: self.stage == Stage::Draining && self.pacing.is_waiting(),
            due: self.pacing.counts.clone(),
            joined,
        };
        self.tell(News::Tick(Box::new(tick)));
        if self.ledgers.wants_trim() {
            let open = self.connections.iter_mut().filter(|c| c.state == State::Open);
            let mut cursors: Vec<_> = open.map(|c| (c.room, &mut c.cursor)).collect();
            self.ledgers.trim(&mut cursors);
        }
    }

    /// Says goodbye to everybody.
    fn leave(&mut self) {
        self.pacing.stop(self.woke);
        let (publishers, connections) = (&self.publishers, &self.connections);
        self.unsent_by_us = self.pacing.count_unsent(|p| sender(publishers[p], connections));
        self.stage = Stage::Leaving { until: self.woke + LEAVE_WITHIN };
        self.next_report = None;
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

    fn harvest(&mut self) {
        let (spreads, sampled) = self.ledgers.spreads();
        let harvest = Harvest {
            worker: self.worker,
            recorder: self.ledgers.recorder.take(),
            tally: std::mem::take(&mut self.tally),
            due: self.pacing.counts.clone(),
            unsent_by_us: self.unsent_by_us,
            joined: std::mem::take(&mut self.ledgers.joined),
            spreads,
            sampled,
        };
        self.tell(News::Finished(Box::new(harvest)));
    }

    fn tell(&self, news: News) {
        // Control listens until every worker has finished; if it is gone, so is the run.
        let _ = self.news.send(news);
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
