//! One connection of the second client, as a task.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use net::{DialError, now};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::coop::unconstrained;
use tokio::time::error::Elapsed;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame as TheirClose, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wire::close::{CloseCode, CloseFrame};
use wire::frame::Opcode;

use super::{MOST_WAITING, Outgoing, Shared};
use crate::ledger::{Cursor, Delivery, frame_len};
use crate::worker::Member;
use crate::worker::causes::{self, END_OF_STREAM, PROTOCOL_ERROR, closed_by};
use crate::worker::course::Stage;
use crate::worker::tally::Blame;

/// TCP and upgrade together may take this long.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

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
        let opened = tokio::time::timeout(OPEN_WITHIN, self.open()).await;
        let opened = self.opened(opened, began, now());
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
    fn opened(
        &self,
        opened: Result<Result<(WebSocketStream<TcpStream>, u64), Failure>, Elapsed>,
        began: u64,
        at: u64,
    ) -> Option<(WebSocketStream<TcpStream>, u32, Cursor)> {
        let mut borrowed = self.state.borrow_mut();
        let this = &mut *borrowed;
        this.course.dialer.ended();
        let endpoint = self.member.endpoint;
        let tally = &mut this.course.tally;
        let (socket, connected) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(Failure::Refused(status))) => {
                tally.refuse(status);
                tally.address(endpoint).refused += 1;
                return None;
            }
            Ok(Err(Failure::Failed(cause, blame))) => {
                tally.fail(cause, blame);
                tally.address(endpoint).failed += 1;
                return None;
            }
            Err(_) => {
                tally.fail("no answer to the upgrade within 10 s".to_owned(), Blame::Server);
                tally.address(endpoint).failed += 1;
                return None;
            }
        };
        let tcp = connected.saturating_sub(began) / 1000;
        tally.open(at, tcp, at.saturating_sub(connected) / 1000);
        tally.address(endpoint).opened += 1;
        if let Some(group) = self.member.group {
            tally.agree(group, None);
        }
        let room = this.course.ledgers.room(self.member.room);
        let cursor = this.course.ledgers.join(room, self.member.group);
        this.connections[self.id as usize].open = true;
        Some((socket, room, cursor))
    }

    async fn open(&self) -> Result<(WebSocketStream<TcpStream>, u64), Failure> {
        let (address, request) = {
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
            (state.course.address(whose.endpoint), request)
        };
        let refused = |e| {
            let error = DialError::from_connect(e, address, self.member.source);
            Failure::Failed(error.to_string(), Blame::of(&error))
        };
        let stream = connect(address, self.member.source).await.map_err(refused)?;
        let connected = now();
        let config =
            WebSocketConfig::default().read_buffer_size(8192).write_buffer_size(0).max_write_buffer_size(64 << 20);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await.map_err(Failure::of)?;
        Ok((socket, connected))
    }

    /// Receives and sends until the connection ends; gives the cause.
    async fn talk(
        &self,
        mut socket: WebSocketStream<TcpStream>,
        outgoing: &mut UnboundedReceiver<Outgoing>,
        room: u32,
        mut cursor: Cursor,
    ) -> String {
        loop {
            let next = tokio::select! {
                received = socket.next() => Next::Received(received, now()),
                asked = outgoing.recv() => Next::Asked(asked),
            };
            match next {
                Next::Received(Some(Ok(message)), at) => {
                    if let Some(cause) = self.received(message, room, &mut cursor, at) {
                        // Lets tungstenite answer the close.
                        let _ = socket.flush().await;
                        return cause;
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

    async fn send(&self, socket: &mut WebSocketStream<TcpStream>, publisher: u32, seq: u32) -> Result<(), WsError> {
        let message = {
            let mut state = self.state.borrow_mut();
            let rendered = state.course.ledgers.content_mut().render(publisher, seq).map(|(o, p)| (o, p.to_vec()));
            match rendered {
                Some((Opcode::Binary, payload)) => Message::Binary(payload.into()),
                Some((_, payload)) => match String::from_utf8(payload) {
                    Ok(text) => Message::Text(text.into()),
                    Err(bytes) => Message::Binary(bytes.into_bytes().into()),
                },
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

    /// Takes a message into the ledger; the cause, if it ends the connection.
    fn received(&self, message: Message, room: u32, cursor: &mut Cursor, at: u64) -> Option<String> {
        let (opcode, payload) = match &message {
            Message::Text(text) => (Opcode::Text, text.as_bytes()),
            Message::Binary(bytes) => (Opcode::Binary, bytes.as_ref()),
            Message::Close(frame) => {
                let frame =
                    frame.as_ref().map(|f| CloseFrame { code: CloseCode(f.code.into()), reason: f.reason.to_string() });
                return Some(closed_by(frame));
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return None,
        };
        let mut borrowed = self.state.borrow_mut();
        let course = &mut borrowed.course;
        if matches!(course.stage, Stage::Leaving { .. } | Stage::Over) {
            return None;
        }
        let delivery =
            Delivery { now: at, group: self.member.group, publisher: self.member.publisher, phase: course.phase };
        let (taken, _) = course
            .ledgers
            .take(room, delivery, |reader| reader.message(cursor, opcode, payload, frame_len(opcode, payload.len())));
        course.ledgers.recorder.phase(course.phase).reads += 1;
        course.complete(self.publisher, taken);
        if course.pacing.next(at).is_some_and(|due| due <= at) {
            borrowed.publish();
        }
        None
    }
}

enum Next {
    Received(Option<Result<Message, WsError>>, u64),
    Asked(Option<Outgoing>),
}

/// Why a connection did not open.
enum Failure {
    Refused(u16),
    Failed(String, Blame),
}

impl Failure {
    fn of(error: WsError) -> Self {
        match error {
            WsError::Http(response) => Failure::Refused(response.status().as_u16()),
            other => Failure::Failed(broken(&other), Blame::Server),
        }
    }
}

fn broken(error: &WsError) -> String {
    match error {
        WsError::Io(error) => causes::broken(error),
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) | WsError::ConnectionClosed => {
            END_OF_STREAM.to_owned()
        }
        WsError::Protocol(ProtocolError::NonZeroReservedBits) => causes::RESERVED_BITS.to_owned(),
        WsError::Protocol(_) | WsError::Utf8(_) | WsError::Capacity(_) => PROTOCOL_ERROR.to_owned(),
        other => format!("client: {other}"),
    }
}

async fn connect(to: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    socket.set_nodelay(true)?;
    socket.connect(to).await
}
