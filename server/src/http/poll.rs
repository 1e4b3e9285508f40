//! `GET /poll/{room}`: a room's messages for clients that cannot keep a connection open.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request};
use serde::Serialize;
use tokio::sync::{SemaphorePermit, oneshot};
use tokio::time::{Instant, sleep_until};
use wire::Opcode;

use super::answer::{Answer, Refused, json};
use super::deadline::Deadline;
use super::site::{Polled, Progress, Site};
use crate::received::Received;
use crate::resume::ResumePoint;
use crate::room::{History, Lost, Most, home_shard};
use crate::route::Poll;
use crate::shard::{Ask, Command, Inbox, Missing, NO_ROOM};
use crate::stats::Service;

/// Bytes of messages in one answer, at most, unless the first one alone is larger.
const ANSWER: u64 = 128 << 10;
/// What the route takes.
pub(super) const METHODS: &str = "GET, HEAD, OPTIONS";
/// How long a client may take to receive its answer.
const TO_RECEIVE: Duration = Duration::from_secs(20);

/// The answer.
#[derive(Serialize)]
struct Messages<'a> {
    /// For the next request's `after`.
    cursor: String,
    /// Whether messages after `after` are lost.
    gap: bool,
    messages: Vec<Message<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Message<'a> {
    Text { seq: String, text: &'a str },
    Binary { seq: String, base64: String },
}

impl Site {
    pub(super) async fn poll(
        &self,
        request: &Request<Incoming>,
        peer: IpAddr,
        room: String,
        poll: Poll,
        deadline: &Deadline,
    ) -> (Answer, Progress) {
        let cors = match self.page(request) {
            Ok(cors) => cors,
            Err(refusal) => return (refusal.into_answer(), Progress::Answered),
        };
        let (mut answer, progress) = match self.try_poll(request, peer, room, poll, deadline).await {
            Ok((answer, polled)) => (answer, Progress::Polled(polled)),
            Err(refusal) => (refusal.into_answer(), Progress::Answered),
        };
        cors.allow(&mut answer);
        (answer, progress)
    }

    async fn try_poll(
        &self,
        request: &Request<Incoming>,
        peer: IpAddr,
        room: String,
        poll: Poll,
        deadline: &Deadline,
    ) -> Result<(Answer, Polled), Refused> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Err(Refused::method("polling takes GET only", METHODS));
        }
        if self.service() == Service::Draining {
            return Err(Refused::stopping());
        }
        let visitor = self.visitor(request, peer, Some(&room))?;
        let permit =
            self.admission.enter(visitor.address).map_err(|refusal| Refused::new(refusal.status(), &refusal))?;
        deadline.let_in();
        let mut polled = self.polled(permit);
        deadline.allow(poll.wait + TO_RECEIVE);
        let (history, turn) = self.messages(&room, &poll).await?;
        // What is read already, then what becomes of it: characters that JSON escapes grow to six times their size.
        polled.taken.raise_to(history.messages().map(|(_, _, payload)| payload.len()).sum())?;
        let mut answer = json(200, &Messages::of(&history));
        polled.taken.raise_to(answer.body().size_hint().lower() as usize)?;
        drop((history, turn));
        deadline.allow(TO_RECEIVE);
        answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok((answer, polled))
    }

    /// What a poll gets: messages, or the news that some are lost, as soon as there are any; nothing when it has waited for too long or
    /// the server stops. With the turn to make an answer of it.
    async fn messages(&self, room: &str, poll: &Poll) -> Result<(History, SemaphorePermit<'_>), Refused> {
        let until = Instant::now() + poll.wait;
        let shard = home_shard(room, self.shards.len());
        let most = Most { messages: poll.limit, bytes: ANSWER };
        let mut from = poll.after.map(Received::next);
        // A room is made for those who wait for its messages. The others, and those who are told first that what they know is gone, need
        // none; nor may everybody who asks for a name that nobody uses fill the server with rooms.
        let waits = !poll.wait.is_zero() && from.is_none_or(|from| from == NO_ROOM);
        let missing = if waits { Missing::Make } else { Missing::Leave };
        loop {
            let turn = self.answers.turn().await.ok_or_else(Refused::stopping)?;
            let name = room.to_owned();
            let history = self.ask(shard, |reply| Ask::Read { room: name, from, missing, most, reply }).await?;
            let history = history.map_err(|no_place| Refused::new(no_place.status(), &no_place))?;
            let news = !history.is_empty() || history.lost == Lost::Some;
            if news || Instant::now() >= until || self.service() == Service::Draining {
                return Ok((history, turn));
            }
            drop(turn);
            from = Some(history.first);
            let (wish, woken) = Wish::send(&self.shards[shard], self.next_key(), room, history.first);
            tokio::select! {
                _ = woken => {}
                () = sleep_until(until) => {}
                () = self.drained() => {}
            }
            drop(wish);
            if self.service() == Service::Draining {
                // The shard may end before it could be asked again.
                return Ok((history, self.answers.turn().await.ok_or_else(Refused::stopping)?));
            }
        }
    }
}

/// The wish to be told of a room's next message. Dropping it, as when the client goes away, takes it back.
struct Wish<'a> {
    inbox: &'a Inbox,
    key: u64,
    room: &'a str,
}

impl<'a> Wish<'a> {
    fn send(inbox: &'a Inbox, key: u64, room: &'a str, next: ResumePoint) -> (Self, oneshot::Receiver<()>) {
        let (wake, woken) = oneshot::channel();
        // A shard that has ended drops `wake`, which wakes as well.
        let _ = inbox.send(Command::Ask(Ask::Await { room: room.to_owned(), next, key, wake }));
        (Self { inbox, key, room }, woken)
    }
}

impl Drop for Wish<'_> {
    fn drop(&mut self) {
        // A shard that has ended keeps no wishes.
        let _ = self.inbox.send(Command::Ask(Ask::GiveUp { room: self.room.to_owned(), key: self.key }));
    }
}

impl<'a> Messages<'a> {
    fn of(history: &'a History) -> Self {
        Self {
            cursor: Received::all_before(history.next()).to_string(),
            gap: history.lost == Lost::Some,
            messages: history.messages().map(|(seq, opcode, payload)| Message::of(seq, opcode, payload)).collect(),
        }
    }
}

impl<'a> Message<'a> {
    fn of(seq: ResumePoint, opcode: Opcode, payload: &'a [u8]) -> Self {
        let seq = seq.to_string();
        match std::str::from_utf8(payload) {
            Ok(text) if opcode == Opcode::Text => Self::Text { seq, text },
            _ => Self::Binary { seq, base64: STANDARD.encode(payload) },
        }
    }
}
