//! From a request to an event stream: its place in a room, and a head that we write ourselves.
//!
//! The answer never ends, so hyper cannot give it: the request is left unanswered there, and the listener takes the socket back (see
//! [`Progress::Streaming`]).

use std::net::IpAddr;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::{Method, Request, Version};

use super::answer::{Answer, Refused};
use super::site::{Progress, Site};
use super::visitor::Cors;
use crate::coding::Coding;
use crate::resume::ResumePoint;
use crate::shard::{Reservation, Target, Ticket};
use crate::sse::{Since, opening};

/// What the route takes.
pub(super) const METHODS: &str = "GET, OPTIONS";

impl Site {
    pub(super) async fn events(
        &self,
        request: &Request<Incoming>,
        peer: IpAddr,
        room: String,
        resume: Option<ResumePoint>,
    ) -> (Answer, Progress) {
        let cors = match self.page(request) {
            Ok(cors) => cors,
            Err(refusal) => return (refusal.into_answer(), Progress::Answered),
        };
        match self.try_events(request, peer, room, resume).await {
            Ok((ticket, next, first)) => {
                let head = [head(next, &cors).as_bytes(), &first].concat();
                (Answer::default(), Progress::Streaming { ticket, head })
            }
            Err(refusal) => {
                let mut answer = refusal.into_answer();
                cors.allow(&mut answer);
                (answer, Progress::Answered)
            }
        }
    }

    async fn try_events(
        &self,
        request: &Request<Incoming>,
        peer: IpAddr,
        name: String,
        resume: Option<ResumePoint>,
    ) -> Result<(Ticket, ResumePoint, Vec<u8>), Refused> {
        if request.method() != Method::GET {
            return Err(Refused::method("an event stream is asked for with GET", METHODS));
        }
        if request.version() < Version::HTTP_11 {
            return Err(Refused::new(505, "an event stream comes in chunks: ask with HTTP/1.1"));
        }
        let since = since(request.headers(), resume);
        let Reservation { ticket, next } =
            self.reserve(request, peer, Target::Events { name, since }, Coding::Plain).await?;
        let next =
            next.ok_or_else(|| Refused::new(503, "the server has no memory left for this stream; try again later"))?;
        Ok((ticket, next, opening(since, next)))
    }
}

/// From where on. A browser that comes back sends the id of the last event it got, and asks for the URL it asked for first: the id is
/// the newer of the two.
fn since(headers: &HeaderMap, resume: Option<ResumePoint>) -> Since {
    match headers.get("last-event-id").map(|id| id.to_str().unwrap_or_default()) {
        Some(id) => Since::after(id),
        None => resume.map_or(Since::Now, Since::Point),
    }
}

/// The answer's head.
fn head(next: ResumePoint, cors: &Cors) -> String {
    let cors = cors.lines();
    let date = jiff::Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    // Proxies shall neither keep nor collect what passes (the latter is nginx's header).
    format!(
        "HTTP/1.1 200 OK\r\n\
         Date: {date}\r\n\
         Content-Type: text/event-stream\r\n\
         Cache-Control: no-cache\r\n\
         X-Accel-Buffering: no\r\n\
         Transfer-Encoding: chunked\r\n\
         Connection: close\r\n\
         {cors}\
         Fanout-Cursor: {next}\r\n\r\n"
    )
}
