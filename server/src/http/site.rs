//! What all connections of the control thread share, and which part of it answers a request.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::header;
use hyper::{Method, Request, Version};
use tokio::sync::{oneshot, watch};
use wire::Sharing;

use super::answer::{Answer, Refused, text};
use super::answers::{Answers, Taken};
use super::deadline::Deadline;
use super::metrics::Gathered;
use super::operators::strange;
use super::page::page;
use super::visitor::Rules;
use super::{poll, sse};
use crate::admin_token::AdminToken;
use crate::admission::{Admission, Permit};
use crate::config::Config;
use crate::route::{OPERATOR_ROUTES, Route, RouteError, route};
use crate::shard::{Ask, Command, Inbox, Target, Ticket};
use crate::stats::{Front, Service};

/// How long an operator's connection is kept for a further request.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// What all connections of the control thread share.
#[derive(Debug)]
pub struct Site {
    pub(super) shards: Vec<Inbox>,
    pub(super) admission: Arc<Admission>,
    rules: Mutex<Arc<Rules>>,
    pub(super) admin_token: Option<AdminToken>,
    /// Bytes.
    pub(super) max_message: usize,
    /// What clients that offer compression are answered; `None` is nothing.
    pub(super) sharing: Option<Sharing>,
    handshake_timeout: Duration,
    front: Mutex<Front>,
    pub(super) gathered: Gathered,
    service: watch::Sender<Service>,
    /// Long polls that wait or are being answered.
    polling: watch::Sender<usize>,
    /// What the answers to them take.
    pub(super) answers: Answers,
    /// The last number given to a wish.
    key: AtomicU64,
    started: Instant,
    /// The shard that the next connection without a room goes to.
    turn: AtomicUsize,
}

/// Which listener a request came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The clients'.
    Public,
    /// The operators': no WebSocket.
    Admin,
}

/// What became of a request.
#[derive(Debug, Default)]
pub enum Progress {
    /// None was read yet.
    #[default]
    Waiting,
    /// It was answered, and that was all.
    Answered,
    /// As answered; it was a long poll, which counts until all of the answer has gone out.
    Polled(Polled),
    /// It was answered with 101; the place waits for the socket.
    Upgraded(Ticket),
    /// It was not answered and will not be: the connection becomes an event stream, of which nothing was written yet.
    Streaming {
        /// The place waits for the socket.
        ticket: Ticket,
        /// The beginning, to be written first: the answer's head and the first chunk.
        head: Vec<u8>,
    },
}

/// A long poll's place in the counts.
#[derive(Debug)]
pub struct Polled {
    polling: watch::Sender<usize>,
    _permit: Permit,
    /// Of the memory for answers.
    pub(super) taken: Taken,
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.polling.send_modify(|count| *count -= 1);
    }
}

impl Site {
    /// In front of `shards`.
    #[must_use]
    pub fn new(shards: Vec<Inbox>, admission: Arc<Admission>, config: &Config, rules: Rules) -> Self {
        Self {
            shards,
            admission,
            rules: Mutex::new(Arc::new(rules)),
            admin_token: config.admin_token.clone(),
            max_message: config.max_message,
            sharing: config.compression.sharing,
            handshake_timeout: config.handshake_timeout,
            front: Mutex::default(),
            gathered: Gathered::default(),
            service: watch::Sender::new(Service::Open),
            polling: watch::Sender::new(0),
            answers: Answers::new(),
            key: AtomicU64::new(0),
            started: Instant::now(),
            turn: AtomicUsize::new(0),
        }
    }

    /// The rules that requests are held to now.
    pub(super) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on requests are held to these; connections that are open stay.
    pub fn rule(&self, rules: Rules) {
        *self.rules.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }

    /// The count of connections, and of those that wait to be let in.
    pub fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// Whose a connection from `peer` is, if that is known before its request: behind proxies all come from them.
    pub fn address(&self, peer: IpAddr) -> Option<IpAddr> {
        (self.rules().trusted_proxies == 0).then_some(peer)
    }

    /// The control thread's counters. Only that thread uses them, so the lock is always free.
    pub fn front(&self) -> MutexGuard<'_, Front> {
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nobody is let in, and long polls are answered.
    pub fn drain(&self) {
        self.service.send_replace(Service::Draining);
    }

    /// Resolves when nobody is let in any more.
    pub(super) async fn drained(&self) {
        // The sender lives as long as we do.
        let _ = self.service.subscribe().wait_for(|service| *service == Service::Draining).await;
    }

    /// Resolves when no long poll is left.
    pub async fn polls_answered(&self) {
        let _ = self.polling.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Long polls that wait or are being answered.
    pub(super) fn polling(&self) -> usize {
        *self.polling.borrow()
    }

    /// Counts a long poll.
    pub(super) fn polled(&self, permit: Permit) -> Polled {
        self.polling.send_modify(|count| *count += 1);
        Polled { polling: self.polling.clone(), _permit: permit, taken: self.answers.open() }
    }

    /// A number that was not given before.
    pub(super) fn next_key(&self) -> u64 {
        self.key.fetch_add(1, Ordering::Relaxed)
    }

    /// How long there is a server.
    pub(super) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Asks a shard and waits for what it says.
    pub(super) async fn ask<T>(&self, shard: usize, ask: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Result<T, Refused> {
        let (reply, answer) = oneshot::channel();
        self.shards[shard].send(Command::Ask(ask(reply))).map_err(|_| Refused::stopping())?;
        answer.await.map_err(|_| Refused::stopping())
    }

    /// Whether connections are let in.
    pub fn service(&self) -> Service {
        *self.service.borrow()
    }

    /// The shards in turn.
    pub(super) fn next_shard(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed) % self.shards.len()
    }

    /// Answers one request. Puts the connection's deadline off where an answer takes time, or another request may follow. The answer is
    /// not to be sent where the progress is [`Progress::Streaming`].
    pub async fn answer(
        &self,
        side: Side,
        peer: IpAddr,
        request: Request<Incoming>,
        deadline: &Deadline,
    ) -> (Answer, Progress) {
        let path = request.uri().path().to_owned();
        let (mut answer, progress) = match one_host(&request) {
            Ok(()) => self.dispatch(side, peer, request, deadline).await,
            Err(refused) => (refused.into_answer(), Progress::Answered),
        };
        let status = answer.status();
        if status.is_client_error() || (status.is_server_error() && path != "/healthz") {
            *self.front().refused.entry(status.as_u16()).or_default() += 1;
        }
        if side == Side::Admin && status.is_success() {
            answer.headers_mut().remove(header::CONNECTION);
            deadline.allow(KEEP_ALIVE);
        }
        (answer, progress)
    }

    async fn dispatch(
        &self,
        side: Side,
        peer: IpAddr,
        mut request: Request<Incoming>,
        deadline: &Deadline,
    ) -> (Answer, Progress) {
        let found = route(request.uri().path(), request.uri().query());
        match (found, side) {
            (found, Side::Admin) => (self.answer_operator(found, request, deadline).await, Progress::Answered),
            (Ok(Route::Stats), Side::Public) => (self.read_stats(request.method(), side).await, Progress::Answered),
            (Ok(Route::Health), Side::Public) => (self.health(request.method()), Progress::Answered),
            (Ok(Route::Echo), Side::Public) => self.upgrade(&mut request, peer, Target::Echo).await,
            (Ok(Route::Room { name, resume, protocol }), Side::Public) => {
                self.upgrade(&mut request, peer, Target::Room { name, resume, protocol }).await
            }
            (Ok(Route::Events { .. }), Side::Public) if request.method() == Method::OPTIONS => {
                (self.preflight(&request, sse::METHODS), Progress::Answered)
            }
            (Ok(Route::Poll { .. }), Side::Public) if request.method() == Method::OPTIONS => {
                (self.preflight(&request, poll::METHODS), Progress::Answered)
            }
            (Ok(Route::Events { room, resume }), Side::Public) => self.events(&request, peer, room, resume).await,
            (Ok(Route::Page), Side::Public) => (page(request.method()), Progress::Answered),
            (Ok(Route::Poll { room, poll }), Side::Public) => self.poll(&request, peer, room, poll, deadline).await,
            (Ok(Route::Operators(_)), Side::Public) => {
                (text(404, &RouteError::Unknown.to_string()), Progress::Answered)
            }
            (Err(error), Side::Public) => (text(error.status(), &error.to_string()), Progress::Answered),
        }
    }

    /// On the operators' listener there are no WebSockets.
    async fn answer_operator(
        &self,
        found: Result<Route, RouteError>,
        request: Request<Incoming>,
        deadline: &Deadline,
    ) -> Answer {
        // A further request on the same connection has as long as the first one had.
        deadline.allow(self.handshake_timeout);
        if let Err(stranger) = self.admit(&found, request.headers()) {
            return strange(stranger);
        }
        match found {
            Ok(Route::Stats) => self.read_stats(request.method(), Side::Admin).await,
            Ok(Route::Health) => self.health(request.method()),
            Ok(Route::Operators(route)) => self.operate(route, request).await,
            Ok(_) | Err(RouteError::Unknown) => text(404, OPERATOR_ROUTES),
            Err(error) => text(error.status(), &error.to_string()),
        }
    }

    async fn read_stats(&self, method: &Method, side: Side) -> Answer {
        match only_read(method) {
            Ok(()) => self.stats(side).await,
            Err(refused) => refused.into_answer(),
        }
    }

    fn health(&self, method: &Method) -> Answer {
        match (only_read(method), self.service()) {
            (Err(refused), _) => refused.into_answer(),
            (Ok(()), Service::Open) => text(200, "ok"),
            (Ok(()), Service::Draining) => text(503, "draining"),
        }
    }
}

/// A request of HTTP/1.1 names its host, and none names several (RFC 9112 section 3.2).
fn one_host<B>(request: &Request<B>) -> Result<(), Refused> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    match (hosts, request.version()) {
        (1, _) | (0, Version::HTTP_10) => Ok(()),
        (0, _) => Err(Refused::new(400, "the request has no Host header, which HTTP/1.1 asks for")),
        _ => Err(Refused::new(400, "the request has several Host headers; send one")),
    }
}

/// Nothing can be done to the counters or the server's health but to look at them.
fn only_read(method: &Method) -> Result<(), Refused> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    Err(Refused::method("this can be read, nothing else; use GET", "GET, HEAD"))
}
