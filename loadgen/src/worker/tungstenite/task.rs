//! One connection of the second client, as a task.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use net::{DialError, now};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Interval, interval_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error as WsError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame as TheirClose, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wire::close::{CloseCode, CloseFrame};
use wire::frame::Opcode;

use super::dial::{Failure, before, broken, connect};
use super::{MOST_WAITING, Outgoing, Shared};
use crate::dialect::{Join, Progress, Words};
use crate::ledger::{Control, Cursor, Delivery, frame_len};
use crate::pipe::{Pipe, secure};
use crate::worker::causes::{END_OF_STREAM, NO_ANSWER, NO_END_OF_TLS, closed_by};
use crate::worker::course::Stage;
use crate::worker::dialer::OPEN_WITHIN;
use crate::worker::ledgers::Times;
use crate::worker::tally::{Blame, Took, When};
use crate::worker::{Common, Member};

/// One connection's task.
pub(super) struct Task {
    pub state: Shared,
    pub id: u32,
    pub member: Member,
    /// Index in this worker.
    pub publisher: Option<u32>,
}

impl Task {
    /// Opens, receives and sends until it is over.
    pub(super) async fn live(self, mut outgoing: UnboundedReceiver<Outgoing>, began: u64) {
        let opened = match self.open(began).await {
            Ok(opened) => self.join(opened).await,
            Err(failure) => Err(failure),
        };
        let opened = self.opened(opened, now());
        self.tell();
        if let Some((socket, room, cursor)) = opened {
            let cause = self.talk(socket, &mut outgoing, room, cursor).await;
            self.state.borrow_mut().closed(self.id, &self.member, cause);
            self.tell();
        }
    }

    /// Wakes the worker's own task, which may be waiting for this connection.
    fn tell(&self) {
        self.state.borrow().told.notify_one();
    }

    /// Counts what became of the attempt; what the connection goes on with, if it is open.
    fn opened(&self, opened: Result<Opened, Failure>, at: u64) -> Option<(WebSocketStream<Pipe>, u32, Cursor)> {
        let mut borrowed = self.state.borrow_mut();
        let this = &mut *borrowed;
        this.course.dialer.ended();
        let endpoint = self.member.endpoint;
        let tally = &mut this.course.tally;
        let Opened { socket, took, rest } = match opened {
            Ok(opened) => opened,
            // We have left meanwhile: nobody has failed.
            Err(_) if matches!(this.course.stage, Stage::Leaving { .. } | Stage::Over) => return None,
            Err(Failure::Refused(status)) => {
                tally.refuse(status);
                tally.address(endpoint).refused += 1;
                return None;
            }
            Err(Failure::Failed(cause, blame)) => {
                tally.fail(cause, blame);
                tally.address(endpoint).failed += 1;
                return None;
            }
        };
        tally.open(When::Ramp { now: at }, took);
        tally.address(endpoint).opened += 1;
        if let Some(group) = self.member.group {
            tally.agree(group, None);
        }
        let room = this.course.ledgers.room(self.member.room);
        let mut cursor = this.course.ledgers.join(room, self.member.group, Times::First);
        this.connections[self.id as usize].open = true;
        drop(borrowed);
        if let Some((opcode, payload)) = rest {
            self.take(opcode, &payload, room, &mut cursor, at);
        }
        Some((socket, room, cursor))
    }

    async fn open(&self, began: u64) -> Result<Opened, Failure> {
        let until = Instant::now() + OPEN_WITHIN;
        let (address, request, tls) = {
            let state = self.state.borrow();
            let requests = &state.course.requests;
            let whose = self.member.whose();
            let url = format!("ws://{}{}", requests.host(whose.endpoint), requests.path(whose));
            let mut request = url.into_client_request().map_err(Failure::of)?;
            for (name, value) in requests.headers(whose.connection).iter() {
                let pair = HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::try_from(value.as_str()).ok());
                let Some((name, value)) = pair else {
                    return Err(Failure::Failed(format!("header {name} cannot be sent"), Blame::Server));
                };
                request.headers_mut().append(name, value);
            }
            if let Ok(offer) = HeaderValue::try_from(requests.subprotocols.join(", "))
                && !requests.subprotocols.is_empty()
            {
                request.headers_mut().insert("sec-websocket-protocol", offer);
            }
            let tls = state.course.common.plan.target.tls.clone();
            (state.course.address(whose.endpoint), request, tls)
        };
        let refused = |e| {
            let error = DialError::from_connect(e, address, self.member.source);
            Failure::Failed(error.to_string(), Blame::of(&error))
        };
        let stream = before(until, connect(address, self.member.source), NO_ANSWER).await?.map_err(refused)?;
        let connected = now();
        let stream = before(until, secure(stream, tls.as_ref()), NO_END_OF_TLS).await?.map_err(Failure::of_tls)?;
        let secured = tls.map(|_| now());
        let config =
            WebSocketConfig::default().read_buffer_size(8192).write_buffer_size(0).max_write_buffer_size(64 << 20);
        let upgrade = client_async_with_config(request, stream, Some(config));
        let (socket, _) = before(until, upgrade, NO_ANSWER).await?.map_err(Failure::of)?;
        Ok(Opened { socket, took: Took::between(began, connected, secured, now()), rest: None })
    }

    /// Takes the dialect's steps, if it has any.
    async fn join(&self, mut opened: Opened) -> Result<Opened, Failure> {
        let common = Arc::clone(&self.state.borrow().course.common);
        let Some(dialect) = common.plan.target.dialect.as_deref().filter(|dialect| !dialect.join.is_empty()) else {
            return Ok(opened);
        };
        let failed = |cause: String| Failure::Failed(cause, Blame::Server);
        let words = self.words(&common);
        let began = now();
        let mut say = Vec::new();
        let (mut join, mut progress) = Join::begin(dialect, &words, began, &mut say);
        loop {
            for frame in say.drain(..) {
                let sent = opened.socket.send(text(frame)).await;
                sent.map_err(|error| failed(join.broken(dialect, &broken(&error))))?;
            }
            match progress {
                Progress::Waiting => {}
                Progress::Joined(_) => {
                    opened.took.join_us = Some((now() - began) / 1000);
                    return Ok(opened);
                }
                Progress::Failed(cause) => return Err(failed(cause)),
            }
            let left = Duration::from_nanos(join.until().saturating_sub(now()));
            let Ok(heard) = tokio::time::timeout(left, opened.socket.next()).await else {
                return Err(failed(join.late(dialect, u64::MAX).unwrap_or_default()));
            };
            let (opcode, payload) = match &heard {
                Some(Ok(Message::Text(text))) => (Opcode::Text, text.as_bytes()),
                Some(Ok(Message::Binary(bytes))) => (Opcode::Binary, bytes.as_ref()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(failed(join.broken(dialect, &closed_by(frame.as_ref().map(close_frame)))));
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(failed(join.broken(dialect, &broken(error)))),
                None => return Err(failed(join.broken(dialect, END_OF_STREAM))),
            };
            progress = join.hear(dialect, &words, payload, now(), &mut say);
            if let Progress::Joined(begins) = progress
                && begins < payload.len()
            {
                opened.rest = Some((opcode, payload[begins..].to_vec()));
            }
        }
    }

    fn words<'c>(&self, common: &'c Common) -> Words<'c> {
        common.plan.words(self.member.path_room, self.member.connection)
    }

    /// Receives and sends until the connection ends; gives the cause.
    async fn talk(
        &self,
        mut socket: WebSocketStream<Pipe>,
        outgoing: &mut UnboundedReceiver<Outgoing>,
        room: u32,
        mut cursor: Cursor,
    ) -> String {
        let common = Arc::clone(&self.state.borrow().course.common);
        let dialect = common.plan.target.dialect.as_deref();
        let beat = dialect.and_then(|dialect| dialect.beat.as_ref());
        let mut beats = beat.map(|beat| interval_at(Instant::now() + beat.every, beat.every));
        loop {
            let next = tokio::select! {
                received = socket.next() => Next::Received(received, now()),
                asked = outgoing.recv() => Next::Asked(asked),
                () = tick(&mut beats) => Next::Beat,
            };
            match next {
                Next::Received(Some(Ok(message)), at) => {
                    let answers = match self.received(message, room, &mut cursor, at) {
                        Ok(answers) => answers,
                        Err(cause) => {
                            // Lets tungstenite answer the close.
                            let _ = socket.flush().await;
                            return cause;
                        }
                    };
                    for answer in answers {
                        if let Err(error) = socket.send(text(answer)).await {
                            return broken(&error);
                        }
                    }
                }
                Next::Beat => {
                    let said = beat.map(|beat| beat.send.filled(&self.words(&common))).unwrap_or_default();
                    if let Err(error) = socket.send(text(said)).await {
                        return broken(&error);
                    }
                }
                Next::Received(Some(Err(error)), _) => return broken(&error),
                Next::Received(None, _) => return END_OF_STREAM.to_owned(),
                Next::Asked(Some(Outgoing::Publish { publisher, seq })) => {
                    if let Err(error) = self.send(&mut socket, publisher, seq).await {
                        return broken(&error);
                    }
                }
                Next::Asked(Some(Outgoing::Leave)) => {
                    if let Some(leave) = dialect.and_then(|dialect| dialect.leave.as_ref()) {
                        // A courtesy, as the close is.
                        let _ = socket.send(text(leave.filled(&self.words(&common)))).await;
                    }
                    let close = TheirClose { code: 1000.into(), reason: Utf8Bytes::default() };
                    if socket.close(Some(close)).await.is_ok() {
                        while let Some(Ok(_)) = socket.next().await {}
                    }
                    return String::new();
                }
                Next::Asked(None) => return String::new(),
            }
        }
    }

    async fn send(&self, socket: &mut WebSocketStream<Pipe>, publisher: u32, seq: u32) -> Result<(), WsError> {
        let message = {
            let mut state = self.state.borrow_mut();
            let common = Arc::clone(&state.course.common);
            let wrap = common.plan.target.dialect.as_ref().and_then(|dialect| dialect.publish.as_ref());
            let rendered = state.course.ledgers.content_mut().render(publisher, seq).map(|(o, p)| match wrap {
                None => (o, p.to_vec()),
                Some(wrap) => (Opcode::Text, wrap.filled(&Words { seq, message: p, ..self.words(&common) })),
            });
            match rendered {
                Some((Opcode::Binary, payload)) => Message::Binary(payload.into()),
                Some((_, payload)) => text(payload),
                None => return Ok(()),
            }
        };
        if let Some(table) = self.state.borrow().course.common.book.table(publisher) {
            table.sent_at(seq, now());
        }
        let sent = {
            // Unconstrained: otherwise tokio lets a future wait that has merely done much, as if the socket were full.
            let mut sending = pin!(unconstrained(socket.send(message)));
            match poll_fn(|context| Poll::Ready(sending.as_mut().poll(context))).await {
                Poll::Ready(sent) => sent,
                Poll::Pending => {
                    self.state.borrow_mut().connections[self.id as usize].full = true;
                    let sent = sending.await;
                    let mut state = self.state.borrow_mut();
                    state.connections[self.id as usize].full = false;
                    if let Some(publisher) = self.publisher {
                        state.course.pacing.writable(publisher as usize, now());
                    }
                    sent
                }
            }
        };
        let mut state = self.state.borrow_mut();
        let connection = &mut state.connections[self.id as usize];
        connection.waiting = connection.waiting.saturating_sub(1);
        if connection.waiting == MOST_WAITING - 1
            && let Some(publisher) = self.publisher
        {
            state.course.pacing.unblocked(publisher as usize);
        }
        sent
    }

    /// Takes a message into the ledger; what the dialect answers, or the cause if it ends the connection.
    fn received(&self, message: Message, room: u32, cursor: &mut Cursor, at: u64) -> Result<Vec<Vec<u8>>, String> {
        match &message {
            Message::Text(text) => Ok(self.take(Opcode::Text, text.as_bytes(), room, cursor, at)),
            Message::Binary(bytes) => Ok(self.take(Opcode::Binary, bytes.as_ref(), room, cursor, at)),
            Message::Close(frame) => Err(closed_by(frame.as_ref().map(close_frame))),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(Vec::new()),
        }
    }

    /// Takes a payload into the ledger; what the dialect answers.
    fn take(&self, opcode: Opcode, payload: &[u8], room: u32, cursor: &mut Cursor, at: u64) -> Vec<Vec<u8>> {
        let mut borrowed = self.state.borrow_mut();
        let course = &mut borrowed.course;
        if matches!(course.stage, Stage::Leaving { .. } | Stage::Over) {
            return Vec::new();
        }
        let delivery =
            Delivery { now: at, group: self.member.group, publisher: self.member.publisher, phase: course.phase };
        let (taken, _) = course
            .ledgers
            .take(room, delivery, |reader| reader.frame(cursor, opcode, payload, frame_len(opcode, payload.len())));
        let controls = course.ledgers.controls.drain(..);
        let answers = controls.filter_map(|control| match control {
            Control::Say(answer) => Some(answer),
            Control::Ping(_) | Control::Close(_) => None,
        });
        let answers = answers.collect();
        course.ledgers.recorder.phase(course.phase).reads += 1;
        course.complete(self.publisher, taken);
        if course.pacing.next(at).is_some_and(|due| due <= at) {
            borrowed.publish();
        }
        answers
    }
}

/// The next sign of life; never, where there are none.
async fn tick(beats: &mut Option<Interval>) {
    match beats {
        Some(beats) => {
            beats.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// A text frame; what dialects say is UTF-8.
fn text(bytes: Vec<u8>) -> Message {
    match String::from_utf8(bytes) {
        Ok(text) => Message::Text(text.into()),
        Err(bytes) => Message::Binary(bytes.into_bytes().into()),
    }
}

fn close_frame(frame: &TheirClose) -> CloseFrame {
    CloseFrame { code: CloseCode(frame.code.into()), reason: frame.reason.to_string() }
}

/// A connection, what opening it took, and a message that came behind the end of its join.
struct Opened {
    socket: WebSocketStream<Pipe>,
    took: Took,
    rest: Option<(Opcode, Vec<u8>)>,
}

enum Next {
    Received(Option<Result<Message, WsError>>, u64),
    Beat,
    Asked(Option<Outgoing>),
}
