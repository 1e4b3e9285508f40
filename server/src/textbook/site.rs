//! Who answers which request, the tutorials' way: hyper with upgrades.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use fastwebsockets::upgrade;
use http_body_util::Full;
use hyper::Request;
use hyper::body::Incoming;
use serde::Serialize;

use super::client::{Heartbeat, serve};
use super::hub::{Hub, Place, Tally};
use crate::admission::{Admission, Permit};
use crate::http::answer::{Answer, Refused, answer, text};
use crate::route::{Route, route};
use crate::stats::{Front, ROOMS_LISTED, Service};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Site {
    pub hub: Arc<Hub>,
    admission: Arc<Admission>,
    heartbeat: Heartbeat,
    max_message: usize,
    front: Mutex<Front>,
    started: Instant,
}

/// `/stats`: the names of the native engine for what there is here too.
#[derive(Serialize)]
struct Report {
    engine: &'static str,
    uptime_s: f64,
    draining: bool,
    connections: usize,
    members: usize,
    rooms: usize,
    #[serde(flatten)]
    tally: Tally,
    messages_per_send: f64,
    #[serde(flatten)]
    front: Front,
    per_room: Vec<Room>,
}

#[derive(Serialize)]
struct Room {
    name: String,
    members: usize,
}

impl Site {
    pub fn new(admission: Arc<Admission>, heartbeat: Heartbeat, max_message: usize) -> Self {
        let (hub, front) = Default::default();
        Self { hub, admission, heartbeat, max_message, front, started: Instant::now() }
    }

    /// Counters of connections and requests.
    pub fn front(&self) -> MutexGuard<'_, Front> {
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn answer(&self, peer: IpAddr, mut request: Request<Incoming>) -> Answer {
        let answer = match route(request.uri().path(), request.uri().query()) {
            Ok(Route::Stats) => self.stats(),
            Ok(Route::Health) => self.health(),
            Ok(Route::Echo) => self.upgrade(peer, &mut request, Place::Echo),
            Ok(Route::Room { name, resume: None, protocol }) => {
                self.upgrade(peer, &mut request, Place::Room(name, protocol))
            }
            Ok(_) => text(
                501,
                "--engine textbook keeps no history, so that it has no resume, no events and no polling; it serves \
                 /broadcast/{room}, /ws/{room}, /echo, /stats and /healthz alone",
            ),
            Err(error) => text(error.status(), &error.to_string()),
        };
        let status = answer.status();
        if status.is_client_error() || (status.is_server_error() && request.uri().path() != "/healthz") {
            *self.front().refused.entry(status.as_u16()).or_default() += 1;
        }
        answer
    }

    fn upgrade(&self, peer: IpAddr, request: &mut Request<Incoming>, place: Place) -> Answer {
        self.try_upgrade(peer, request, place).unwrap_or_else(Refused::into_answer)
    }

    fn try_upgrade(&self, peer: IpAddr, request: &mut Request<Incoming>, place: Place) -> Result<Answer, Refused> {
        if !upgrade::is_upgrade_request(request) {
            return Err(Refused::new(426, "this address speaks WebSocket"));
        }
        let permit: Permit = self.admission.enter(peer).map_err(|refusal| Refused::new(refusal.status(), &refusal))?;
        let (answer, upgraded) = upgrade::upgrade(request).map_err(|error| Refused::new(400, &error))?;
        let (seat, queue) = self.hub.join(place).map_err(|no_seat| Refused::new(no_seat.status(), &no_seat))?;
        let (heartbeat, max_message) = (self.heartbeat, self.max_message);
        tokio::spawn(async move {
            // If the connection breaks before it is upgraded, the seat is given up here.
            if let Ok(socket) = upgraded.await {
                serve(socket, seat, queue, heartbeat, max_message).await;
            }
            drop(permit);
        });
        Ok(answer.map(|_| Full::default()))
    }

    fn stats(&self) -> Answer {
        let mut census = self.hub.census();
        let rooms = census.rooms.len();
        census.rooms.truncate(ROOMS_LISTED);
        let report = Report {
            engine: "textbook",
            uptime_s: self.started.elapsed().as_secs_f64(),
            draining: self.hub.service() == Service::Draining,
            connections: census.connections,
            members: census.members,
            rooms,
            messages_per_send: if census.tally.sends == 0 { 0.0 } else { 1.0 },
            tally: census.tally,
            front: self.front().clone(),
            per_room: census.rooms.into_iter().map(|(name, members)| Room { name, members }).collect(),
        };
        match serde_json::to_vec(&report) {
            Ok(json) => answer(200, "application/json", [json, b"\n".to_vec()].concat()),
            Err(error) => text(500, &error.to_string()),
        }
    }

    fn health(&self) -> Answer {
        match self.hub.service() {
            Service::Open => text(200, "ok"),
            Service::Draining => text(503, "draining"),
        }
    }
}
