//! One connection to the feed: opens, says what it has to, hands on every message, and comes back when it is lost.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use net::{DialError, now};
use rand::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};
use wire::close::CloseFrame;
use wire::frame::{Flow, FrameReader, Opcode, Role, Rsv1, Rules, append_masked_frame};
use wire::handshake::{Answer, encode_key, verify_answer};
use wire::message::{Assembler, Event, Limits, ProtocolError};

use crate::pipe::{Pipe, secure};
use crate::plan::Tls;
use crate::request::{Requests, Whose};
use crate::tls;

/// TCP, TLS and upgrade together may take this long.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// Before the first attempt to come back; twice as long before each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// And never longer than this.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
const LIMITS: Limits = Limits { max_message: 256 << 20, max_fragments: 1 << 20 };
const RULES: Rules = Rules { role: Role::Client, rsv1: Rsv1::Refused, max_frame: LIMITS.max_message as u64 };
/// What a read takes at most.
const SCRATCH: usize = 256 << 10;

/// What a source tells.
#[derive(Debug)]
pub enum Heard {
    /// It is open, at this time.
    Opened {
        /// Index of its room.
        room: u32,
        /// CLOCK_MONOTONIC.
        at: u64,
    },
    /// A message.
    Message {
        /// Index of its room.
        room: u32,
        /// CLOCK_MONOTONIC, right after the read.
        at: u64,
        /// Text or binary.
        opcode: Opcode,
        /// Its bytes.
        payload: Vec<u8>,
    },
    /// It was lost, or could not be opened; it tries again.
    Lost {
        /// Index of its room.
        room: u32,
        /// CLOCK_MONOTONIC.
        at: u64,
        /// In a few words.
        why: String,
    },
}

/// What all sources need.
#[derive(Debug)]
pub struct Feed {
    /// The server.
    pub address: SocketAddr,
    /// `None`: it is spoken to in the clear.
    pub tls: Option<Tls>,
    /// Its upgrade requests, one a room.
    pub requests: Requests,
    /// Text messages to send first, such as a subscription.
    pub hello: Vec<String>,
}

/// Whether anybody listens to a source.
enum Listener {
    Here,
    Gone,
}

/// Why a connection ended or never began.
#[derive(Debug, thiserror::Error)]
enum SourceError {
    #[error("{0}")]
    Insecure(&'static str),
    #[error("{0}")]
    Unreachable(DialError),
    #[error("the upgrade was answered with {status} {reason} instead of 101: check the path and headers")]
    Refused { status: u16, reason: String },
    #[error("this is no WebSocket server: {0}")]
    NotWebSocket(String),
    #[error("no answer to the upgrade within 10 s")]
    Silent,
    #[error("closed by the server{0}")]
    Closed(String),
    #[error("{0}")]
    Network(#[from] io::Error),
    #[error("the server broke the protocol: {0}")]
    Protocol(#[from] ProtocolError),
}

/// Listens to a room until nobody wants to hear any more.
pub async fn listen(feed: Arc<Feed>, room: u32, heard: Sender<Heard>) {
    let mut backoff = FIRST_BACKOFF;
    loop {
        let ended = match open(&feed, room).await {
            Err(why) => why,
            Ok(line) => {
                backoff = FIRST_BACKOFF;
                if heard.send(Heard::Opened { room, at: now() }).await.is_err() {
                    return;
                }
                match line.listen(room, &heard).await {
                    Ok(Listener::Gone) => return,
                    Ok(Listener::Here) => SourceError::Closed(String::new()),
                    Err(why) => why,
                }
            }
        };
        if heard.send(Heard::Lost { room, at: now(), why: ended.to_string() }).await.is_err() {
            return;
        }
        sleep(backoff).await;
        backoff = (backoff * 2).min(LONGEST_BACKOFF);
    }
}

async fn open(feed: &Feed, room: u32) -> Result<Line, SourceError> {
    let mut line = timeout(OPEN_WITHIN, upgrade(feed, room)).await.map_err(|_| SourceError::Silent)??;
    for text in &feed.hello {
        line.send(Opcode::Text, text.as_bytes()).await?;
    }
    Ok(line)
}

async fn upgrade(feed: &Feed, room: u32) -> Result<Line, SourceError> {
    let unreachable = |e| SourceError::Unreachable(DialError::from_connect(e, feed.address, None));
    let insecure = |e: io::Error| match tls::failure(&e) {
        Some(failure) => SourceError::Insecure(tls::cause(failure)),
        None => SourceError::from(e),
    };
    let not_websocket = |e: wire::handshake::HandshakeError| SourceError::NotWebSocket(e.to_string());
    let stream = TcpStream::connect(feed.address).await.map_err(unreachable)?;
    let mut stream = secure(stream, feed.tls.as_ref()).await.map_err(insecure)?;
    let mut rng = Pcg64Mcg::seed_from_u64(now());
    let mut nonce = [0; 16];
    rng.fill_bytes(&mut nonce);
    let key = encode_key(nonce);
    let mut request = Vec::new();
    let whose = Whose { connection: room, room, endpoint: 0 };
    feed.requests.write(whose, &key, None, None, &mut request).map_err(not_websocket)?;
    stream.write_all(&request).await?;
    stream.flush().await?;
    let mut input = Vec::new();
    loop {
        let n = stream.read_buf(&mut input).await?;
        match verify_answer(&input, &key, &feed.requests.subprotocols, None).map_err(not_websocket)? {
            Answer::Upgraded { consumed, .. } => {
                input.drain(..consumed);
                return Ok(Line { stream, input, reader: FrameReader::new(), assembler: Assembler::new(), rng });
            }
            Answer::Refused { status, reason, .. } => return Err(SourceError::Refused { status, reason }),
            Answer::Incomplete if n == 0 => {
                return Err(SourceError::NotWebSocket("it closed the connection before it answered".to_owned()));
            }
            Answer::Incomplete => {}
        }
    }
}

/// An open connection.
struct Line {
    stream: Pipe,
    /// What came right behind the answer to the upgrade.
    input: Vec<u8>,
    reader: FrameReader,
    assembler: Assembler,
    /// For masking keys.
    rng: Pcg64Mcg,
}

impl Line {
    async fn send(&mut self, opcode: Opcode, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        append_masked_frame(&mut frame, opcode, payload, self.rng.next_u32().to_be_bytes());
        self.stream.write_all(&frame).await?;
        self.stream.flush().await
    }

    async fn listen(mut self, room: u32, heard: &Sender<Heard>) -> Result<Listener, SourceError> {
        let mut scratch = vec![0; SCRATCH];
        let mut input = std::mem::take(&mut self.input);
        let mut at = now();
        loop {
            let taken = self.take(room, at, &mut input)?;
            for message in taken.messages {
                if heard.send(message).await.is_err() {
                    // A goodbye; a server that has gone needs none.
                    let mut close = Vec::new();
                    CloseFrame::encode(wire::close::CloseCode::NORMAL, "", &mut close);
                    let _ = self.send(Opcode::Close, &close).await;
                    return Ok(Listener::Gone);
                }
            }
            for payload in taken.pings {
                self.send(Opcode::Pong, &payload).await?;
            }
            if let Some(why) = taken.closed {
                return Err(SourceError::Closed(why));
            }
            let n = self.stream.read(&mut scratch).await?;
            at = now();
            if n == 0 {
                return Ok(Listener::Here);
            }
            input.clear();
            input.extend_from_slice(&scratch[..n]);
        }
    }

    /// Takes in what one read brought.
    fn take(&mut self, room: u32, at: u64, input: &mut [u8]) -> Result<Taken, ProtocolError> {
        let mut taken = Taken::default();
        let assembler = &mut self.assembler;
        self.reader.feed(input, &RULES, |header, payload| {
            match assembler.accept(&header, payload, &LIMITS)? {
                Event::Message { opcode, payload } => {
                    taken.messages.push(Heard::Message { room, at, opcode, payload: payload.to_vec() });
                }
                Event::Ping(payload) => taken.pings.push(payload.to_vec()),
                Event::Close(frame) => {
                    taken.closed = Some(frame.map_or_else(String::new, |f| format!(" with {} {}", f.code.0, f.reason)));
                    return Ok(Flow::Pause);
                }
                Event::Pong(_) | Event::Incomplete => {}
            }
            Ok::<_, ProtocolError>(Flow::Continue)
        })?;
        assembler.release();
        Ok(taken)
    }
}

#[derive(Default)]
struct Taken {
    messages: Vec<Heard>,
    pings: Vec<Vec<u8>>,
    closed: Option<String>,
}
