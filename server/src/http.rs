//! The HTTP side of the control thread: one request a connection, which is answered or becomes a WebSocket.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode, Version};
use tokio::sync::oneshot;
use wire::UpgradeRequest;

use crate::admission::Admission;
use crate::room::home_shard;
use crate::route::{Route, RouteError, route};
use crate::shard::{Command, Inbox, Reservation, Target, Ticket};
use crate::stats::{Front, Report, Service};

/// Every upgrade answer on a room route carries this: where the connection's messages begin.
const FANOUT_CURSOR: HeaderName = HeaderName::from_static("fanout-cursor");

type Answer = Response<Full<Bytes>>;

/// What all connections of the control thread share.
#[derive(Debug)]
pub struct Site {
    shards: Vec<Inbox>,
    admission: Arc<Admission>,
    front: Mutex<Front>,
    draining: AtomicBool,
    started: Instant,
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
    /// It was answered with 101; the place waits for the socket.
    Upgraded(Ticket),
}

impl Site {
    /// In front of `shards`.
    #[must_use]
    pub fn new(shards: Vec<Inbox>, admission: Arc<Admission>) -> Self {
        let front = Mutex::default();
        Self { shards, admission, front, draining: AtomicBool::new(false), started: Instant::now() }
    }

    /// The control thread's counters. Only that thread uses them, so the lock is always free.
    pub fn front(&self) -> MutexGuard<'_, Front> {
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nobody is let in.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether connections are let in.
    pub fn service(&self) -> Service {
        if self.draining.load(Ordering::Relaxed) { Service::Draining } else { Service::Open }
    }

    /// Answers one request.
    pub async fn answer(&self, side: Side, peer: IpAddr, mut request: Request<Incoming>) -> (Answer, Progress) {
        let found = route(request.uri().path(), request.uri().query());
        let (answer, progress) = match (found, side) {
            (Ok(Route::Stats), _) => (self.stats().await, Progress::Answered),
            (Ok(Route::Health), _) => (self.health(), Progress::Answered),
            (Ok(Route::Echo), Side::Public) => self.upgrade(&mut request, peer, Target::Echo).await,
            (Ok(Route::Broadcast { room, resume }), Side::Public) => {
                self.upgrade(&mut request, peer, Target::Room { name: room, resume }).await
            }
            (Ok(Route::Echo | Route::Broadcast { .. }), Side::Admin) => {
                (text(404, &RouteError::Unknown.to_string()), Progress::Answered)
            }
            (Err(error), _) => (text(error.status(), &error.to_string()), Progress::Answered),
        };
        let status = answer.status();
        if status.is_client_error() || (status.is_server_error() && request.uri().path() != "/healthz") {
            *self.front().refused.entry(status.as_u16()).or_default() += 1;
        }
        (answer, progress)
    }

    async fn upgrade(&self, request: &mut Request<Incoming>, peer: IpAddr, target: Target) -> (Answer, Progress) {
        match self.try_upgrade(request, peer, target).await {
            Ok((answer, ticket)) => (answer, Progress::Upgraded(ticket)),
            Err(refusal) => (refusal.into_answer(), Progress::Answered),
        }
    }

    async fn try_upgrade(
        &self,
        request: &mut Request<Incoming>,
        peer: IpAddr,
        target: Target,
    ) -> Result<(Answer, Ticket), Refused> {
        check(request)?;
        let stopping = || Refused::new(503, "the server is stopping; connect to another, or again in a moment");
        if self.service() == Service::Draining {
            return Err(stopping());
        }
        let permit = self.admission.enter(peer).map_err(|refusal| Refused::new(refusal.status(), &refusal))?;
        let shard = match &target {
            Target::Room { name, .. } => home_shard(name, self.shards.len()),
            Target::Echo => 0,
        };
        let (reply, reservation) = oneshot::channel();
        self.shards[shard].send(Command::Subscribe { target, permit, reply }).map_err(|_| stopping())?;
        let Reservation { ticket, next } = reservation.await.map_err(|_| stopping())?;
        // The future that waits for the upgrade is not needed: the connection gives its socket back itself.
        let (answer, _) = fastwebsockets::upgrade::upgrade(request).map_err(|error| Refused::new(400, &error))?;
        let mut answer = answer.map(|_| Full::default());
        if let Some(next) = next
            && let Ok(value) = HeaderValue::try_from(next.to_string())
        {
            answer.headers_mut().insert(FANOUT_CURSOR, value);
        }
        Ok((answer, ticket))
    }

    async fn stats(&self) -> Answer {
        let mut shards = Vec::with_capacity(self.shards.len());
        for shard in &self.shards {
            let (reply, report) = oneshot::channel();
            if shard.send(Command::Report { reply }).is_ok() {
                // A shard that ends meanwhile has nothing to say.
                shards.extend(report.await);
            }
        }
        let report = Report::new(self.started.elapsed().as_secs_f64(), self.service(), self.front().clone(), shards);
        match serde_json::to_vec(&report) {
            Ok(json) => answer(200, "application/json", [json, b"\n".to_vec()].concat()),
            Err(error) => text(500, &error.to_string()),
        }
    }

    fn health(&self) -> Answer {
        match self.service() {
            Service::Open => text(200, "ok"),
            Service::Draining => text(503, "draining"),
        }
    }
}

/// Whether a request asks for a WebSocket (RFC 6455 section 4.2.1).
fn check(request: &Request<Incoming>) -> Result<(), Refused> {
    let headers = request.headers();
    let (connection, upgrade) = (joined(headers, &header::CONNECTION), joined(headers, &header::UPGRADE));
    let version = joined(headers, &header::SEC_WEBSOCKET_VERSION);
    let key = joined(headers, &header::SEC_WEBSOCKET_KEY);
    let asked = UpgradeRequest {
        method: request.method().as_str(),
        http_minor: u8::from(request.version() >= Version::HTTP_11),
        connection: connection.as_deref(),
        upgrade: upgrade.as_deref(),
        version: version.as_deref(),
        key: key.as_deref(),
    };
    wire::check_request(&asked).map_err(|error| Refused::new(error.status(), &error))
}

/// A request that does not become a WebSocket.
struct Refused {
    status: u16,
    sentence: String,
}

impl Refused {
    fn new(status: u16, sentence: &(impl ToString + ?Sized)) -> Self {
        Self { status, sentence: sentence.to_string() }
    }

    fn into_answer(self) -> Answer {
        let mut answer = text(self.status, &self.sentence);
        // What would have been right: RFC 9110 sections 15.5.6 and 15.5.22, RFC 6455 section 4.4.
        if self.status == 405 {
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
        }
        if self.status == 426 {
            answer.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            answer.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        answer
    }
}

/// All lines of one header, as one (RFC 9110 section 5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

fn text(status: u16, sentence: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", format!("{sentence}\n").into_bytes())
}

/// Every answer but a 101 ends the connection: it is one request a connection, all of it under one timeout.
fn answer(status: u16, kind: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}
