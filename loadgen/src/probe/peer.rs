//! One of the probe's connections.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use net::now;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use wire::frame::{Opcode, append_masked_frame};
use wire::handshake::{Answer, encode_key, verify_answer};

use super::{ProbeError, Wrapping, wrapping_of};
use crate::dialect::{Dialect, Join, Progress, Said, Words};
use crate::inbound::{Heard, Inbound};
use crate::pipe::{Pipe, secure};
use crate::plan::Tls;
use crate::request::{Requests, Whose};
use crate::tls;

/// How long connecting and upgrading may take.
pub(super) const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// After the other connection has it, how long the sender's own copy may still take.
pub(super) const ECHO_WITHIN: Duration = Duration::from_millis(250);

/// Where a connection goes, and how it is spoken on.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub requests: &'a Requests,
    pub whose: Whose,
    pub address: SocketAddr,
    pub tls: Option<&'a Tls>,
    pub dialect: Option<&'a Dialect>,
    /// What the dialect's texts are filled with.
    pub words: Words<'a>,
    /// For messages.
    pub url: &'a str,
}

/// An open connection that has joined.
pub(super) struct Peer<'a> {
    place: Place<'a>,
    stream: Pipe,
    inbound: Inbound,
}

impl<'a> Peer<'a> {
    /// Connects, upgrades and joins.
    pub async fn open(place: Place<'a>) -> Result<Self, ProbeError> {
        let deadline = Instant::now() + OPEN_WITHIN;
        let mut stream = place.connect(deadline).await?;
        let rest = place.upgrade(&mut stream, deadline).await.map_err(|error| place.discreet(error))?;
        let mut peer = Peer { place, stream, inbound: Inbound::new(rest) };
        if let Some(dialect) = place.dialect {
            peer.join(dialect).await?;
        }
        Ok(peer)
    }

    /// Address and path, for messages.
    pub fn url(&self) -> &str {
        self.place.url
    }

    /// Publishes, in the words of the dialect.
    pub async fn publish(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), ProbeError> {
        match self.place.dialect.and_then(|dialect| dialect.publish.as_ref()) {
            None => self.send(opcode, payload).await,
            Some(wrap) => {
                let frame = wrap.filled(&Words { message: payload, ..self.place.words });
                self.send(Opcode::Text, &frame).await
            }
        }
    }

    /// Waits for the probe's message; `None` when it does not come in time.
    pub async fn receive(&mut self, payload: &[u8], within: Duration) -> Result<Option<Wrapping>, ProbeError> {
        let deadline = Instant::now() + within;
        while let Some((_, message)) = self.message(deadline).await? {
            let Some(dialect) = self.place.dialect else {
                if let Some(wrapping) = wrapping_of(&message, payload) {
                    return Ok(Some(wrapping));
                }
                continue;
            };
            for part in dialect.receive.parts(&message) {
                match dialect.receive.read(part.bytes) {
                    Said::Message(message) => {
                        if let Some(wrapping) = wrapping_of(&message, payload) {
                            return Ok(Some(wrapping));
                        }
                    }
                    Said::Answer(answer) => self.send(Opcode::Text, answer).await?,
                    Said::Nothing => {}
                }
            }
        }
        Ok(None)
    }

    /// Says goodbye.
    pub async fn leave(&mut self) {
        let mut payload = Vec::new();
        wire::close::CloseFrame::encode(wire::close::CloseCode::NORMAL, "", &mut payload);
        // It is a courtesy; a peer that has gone needs none.
        if self.send(Opcode::Close, &payload).await.is_ok() {
            let mut rest = [0; 4096];
            let farewell = async { while matches!(self.stream.read(&mut rest).await, Ok(n) if n > 0) {} };
            let _ = timeout(ECHO_WITHIN, farewell).await;
        }
    }

    async fn join(&mut self, dialect: &Dialect) -> Result<(), ProbeError> {
        let words = self.place.words;
        let url = self.place.url;
        let not_joined = |why: String| ProbeError::NotJoined { url: url.to_owned(), why };
        let mut say = Vec::new();
        let (mut join, mut progress) = Join::begin(dialect, &words, now(), &mut say);
        loop {
            for frame in say.drain(..) {
                self.send(Opcode::Text, &frame).await?;
            }
            match progress {
                Progress::Waiting => {}
                Progress::Joined(_) => return Ok(()),
                Progress::Failed(why) => return Err(not_joined(why)),
            }
            let left = Duration::from_nanos(join.until().saturating_sub(now()));
            match self.message(Instant::now() + left).await {
                Ok(Some((_, message))) => progress = join.hear(dialect, &words, &message, now(), &mut say),
                Ok(None) => return Err(not_joined(join.late(dialect, u64::MAX).unwrap_or_default())),
                Err(ProbeError::Closed { why, .. }) => return Err(not_joined(join.broken(dialect, &why))),
                Err(error) => return Err(error),
            }
        }
    }

    /// The next message; `None` when none comes in time.
    async fn message(&mut self, deadline: Instant) -> Result<Option<(Opcode, Vec<u8>)>, ProbeError> {
        loop {
            match self.inbound.heard().map_err(|e| self.place.closed(&e.to_string()))? {
                Some(Heard::Message(opcode, message)) => return Ok(Some((opcode, message))),
                Some(Heard::Ping(payload)) => self.send(Opcode::Pong, &payload).await?,
                Some(Heard::Close(frame)) => {
                    let why = frame.map_or("no code".to_owned(), |f| format!("close {} {}", f.code.0, f.reason));
                    return Err(self.place.closed(&why));
                }
                None => {
                    let mut bytes = Vec::new();
                    match timeout_at(deadline, self.stream.read_buf(&mut bytes)).await {
                        Err(_) => return Ok(None),
                        Ok(Ok(0)) => return Err(self.place.closed("end of stream")),
                        Ok(Ok(_)) => self.inbound.push(&bytes),
                        Ok(Err(error)) => return Err(self.place.closed(&error.to_string())),
                    }
                }
            }
        }
    }

    async fn send(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), ProbeError> {
        let mut frame = Vec::new();
        append_masked_frame(&mut frame, opcode, payload, [0x21, 0x08, 0x19, 0x97]);
        let sent = async {
            self.stream.write_all(&frame).await?;
            self.stream.flush().await
        };
        sent.await.map_err(|e| self.place.closed(&e.to_string()))
    }
}

impl Place<'_> {
    /// TCP and TLS.
    async fn connect(&self, deadline: Instant) -> Result<Pipe, ProbeError> {
        let unreachable = |e| ProbeError::Unreachable(net::DialError::from_connect(e, self.address, None));
        let stream = timeout_at(deadline, TcpStream::connect(self.address)).await;
        let stream =
            stream.unwrap_or_else(|_| Err(io::Error::from_raw_os_error(libc::ETIMEDOUT))).map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        match timeout_at(deadline, secure(stream, self.tls)).await {
            Ok(Ok(secured)) => Ok(secured),
            Ok(Err(error)) => Err(self.insecure(&error)),
            Err(_) => Err(self.not_secured("the handshake had no end within 10 s".to_owned())),
        }
    }

    /// The upgrade; what came behind its answer.
    async fn upgrade(&self, stream: &mut Pipe, deadline: Instant) -> Result<Vec<u8>, ProbeError> {
        let not_websocket = |why: String| ProbeError::NotWebSocket { url: self.url.to_owned(), why };
        let key = encode_key(*b"fanout's probe  ");
        let mut request = Vec::new();
        // Without compression: what a server makes of the offer is a result, counted for each connection.
        self.requests.write(self.whose, &key, None, None, &mut request).map_err(|e| not_websocket(e.to_string()))?;
        let sent = async {
            stream.write_all(&request).await?;
            stream.flush().await
        };
        sent.await.map_err(|error| match tls::failure(&error) {
            Some(_) => self.insecure(&error),
            None => ProbeError::Unreachable(net::DialError::from_connect(error, self.address, None)),
        })?;
        let mut input = Vec::new();
        loop {
            let late = |_| not_websocket("no answer to the upgrade within 10 s".to_owned());
            let n = timeout_at(deadline, stream.read_buf(&mut input)).await.map_err(late)?;
            let subprotocols = &self.requests.subprotocols;
            match verify_answer(&input, &key, subprotocols, None).map_err(|e| not_websocket(e.to_string()))? {
                Answer::Upgraded { consumed, .. } => return Ok(input.split_off(consumed)),
                Answer::Refused { status, reason, consumed, .. } => {
                    // Give the body a moment: it often says why.
                    let _ = timeout(Duration::from_millis(100), stream.read_buf(&mut input)).await;
                    return Err(refused(self.url.to_owned(), status, &reason, &input[consumed..]));
                }
                Answer::Incomplete => {}
            }
            match n {
                Ok(1..) => {}
                // Under TLS 1.3 a server says what it thinks of a certificate of ours only after the handshake.
                Err(error) if tls::failure(&error).is_some() => return Err(self.insecure(&error)),
                _ => return Err(not_websocket("it closed the connection before answering the upgrade".to_owned())),
            }
        }
    }

    /// Without what a server has repeated of our request that is nobody's to see.
    fn discreet(&self, error: ProbeError) -> ProbeError {
        let secrets = self.requests.secrets(self.whose, self.url);
        let without = |text: String| secrets.out_of(&text);
        match error {
            ProbeError::Refused { url, status, reason, hint, body } => {
                ProbeError::Refused { url, status, reason: without(reason), hint, body: without(body) }
            }
            ProbeError::NotWebSocket { url, why } => ProbeError::NotWebSocket { url, why: without(why) },
            other => other,
        }
    }

    fn insecure(&self, error: &io::Error) -> ProbeError {
        let broke_off = || format!("the handshake broke off: {error}");
        self.not_secured(tls::failure(error).map_or_else(broke_off, |failure| tls::cause(failure).to_owned()))
    }

    fn not_secured(&self, why: String) -> ProbeError {
        ProbeError::Tls { url: self.url.to_owned(), why }
    }

    fn closed(&self, why: &str) -> ProbeError {
        ProbeError::Closed { url: self.url.to_owned(), why: why.to_owned() }
    }
}

fn refused(url: String, status: u16, reason: &str, body: &[u8]) -> ProbeError {
    let hint = match status {
        401 | 403 => "and target.headers: it wants authentication, or another Origin",
        404 => "target.path",
        426 => "and that this route is a WebSocket one",
        429 | 503 => "or that the server is full or draining",
        _ => "target.path and target.headers",
    };
    let reason = if reason.is_empty() { String::new() } else { format!(" {reason}") };
    let said = String::from_utf8_lossy(&body[..body.len().min(200)]);
    let said = said.lines().next().unwrap_or_default().trim();
    let body = if said.is_empty() { String::new() } else { format!("; it said: {said}") };
    ProbeError::Refused { url, status, reason, hint, body }
}
