//! The look before the ramp: two connections, one publish. Says in five seconds what would otherwise be a minute of loss.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use wire::frame::{Decoded, Opcode, Role, Rsv1, Rules, append_masked_frame, decode};
use wire::handshake::{Answer, encode_key, verify_answer};
use wire::stamp::Stamp;

use crate::http::{AnswerReader, Destination, Letter, Route};
use crate::plan::{Endpoint, Mode, Plan, Via};
use crate::request::{Requests, Whose};

/// How long one message may take.
const ARRIVE_WITHIN: Duration = Duration::from_secs(5);
/// How long connecting and upgrading may take.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// After the other connection has it, how long the sender's own copy may still take.
const ECHO_WITHIN: Duration = Duration::from_millis(250);
/// Stamps of the probe; runs use others.
pub const PROBE_RUN: u16 = u16::MAX;
const RULES: Rules = Rules { role: Role::Client, rsv1: Rsv1::Refused, max_frame: 1 << 24 };

/// What the probe saw of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Whether a sender gets its own message back.
    pub echo: Echo,
    /// Whether messages arrive as they were sent.
    pub wrapping: Wrapping,
}

/// Whether a sender gets its own message back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    /// It does.
    ToSender,
    /// Only the others get it.
    ToOthers,
}

/// Whether messages arrive as they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapping {
    /// Byte for byte.
    None,
    /// Inside something of the server's own.
    Wrapped,
}

/// Why no run is possible.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The target has no address.
    #[error("the target has no address to connect to: give target.url at least one")]
    NoAddress,
    /// TCP.
    #[error("cannot reach the server: {0}")]
    Unreachable(net::DialError),
    /// Another status than 101.
    #[error(
        "the server at {url} answered the upgrade with {status}{reason} instead of 101: check the path ({hint}){body}"
    )]
    Refused {
        /// Address and path.
        url: String,
        /// HTTP status.
        status: u16,
        /// ` Not Found`.
        reason: String,
        /// What to look at.
        hint: &'static str,
        /// Beginning of the body, if any.
        body: String,
    },
    /// Not a WebSocket server.
    #[error("{url} does not speak WebSocket: {why}. Is this the right port?")]
    NotWebSocket {
        /// Address and path.
        url: String,
        /// What was wrong.
        why: String,
    },
    /// It closed.
    #[error(
        "the server at {url} closed the probe's connection ({why}): does it expect a login, a subprotocol or a first message?"
    )]
    Closed {
        /// Address and path.
        url: String,
        /// Close code, or end of stream.
        why: String,
    },
    /// It came inside something else, and carries no stamp to be told by.
    #[error(
        "{url} wraps messages in something of its own, so messages that carry no stamp cannot be told apart: use \
         correlate = \"stamp\" (which a replay cannot)"
    )]
    Wrapped {
        /// Address and path.
        url: String,
    },
    /// Publishing over HTTP does not work.
    #[error("cannot publish to http://{to}: {why}; check url, method, headers and body of the publishers")]
    NotPublished {
        /// Where.
        to: SocketAddr,
        /// What came of it.
        why: String,
    },
    /// Nothing came.
    #[error(
        "nobody received it: a message published to {url} had not come back after 5 s. Likely reasons: the server wants a \
         join message or another dialect; it sends only to a room that the path does not name (target.path, {{room}}); it \
         expects another format than `payload` makes; or it does not relay at all (then use mode = \"echo\")"
    )]
    NobodyReceived {
        /// Address and path.
        url: String,
    },
}

/// Connects twice to the room of the first publisher, publishes once, and sees where it arrives. A plan without
/// publishers only connects.
///
/// # Errors
/// Why a run would be a minute of loss; see [`ProbeError`].
pub async fn probe(
    plan: &Plan,
    requests: &Requests,
    endpoints: &[Endpoint],
    admin: Option<SocketAddr>,
) -> Result<Seen, ProbeError> {
    let room = match plan.publishers.first().map(|p| &p.from) {
        Some(crate::plan::From::Separate(rooms)) => rooms.first().copied().unwrap_or(0),
        Some(crate::plan::From::Members { group }) => plan.groups[*group as usize].rooms.first().copied().unwrap_or(0),
        None => plan.groups.first().and_then(|g| g.rooms.first().copied()).unwrap_or(0),
    };
    // Two connections, as the run's first two are: where those have different addresses, these see whether the servers behind them
    // relay to each other.
    let door = |connection| {
        let endpoint = plan.target.endpoint(room, connection);
        let whose = Whose { connection, room, endpoint };
        let url = format!("ws://{}{}", requests.host(endpoint), shown_path(plan, room));
        let address = endpoints.get(usize::from(endpoint)).map(|endpoint| endpoint.address);
        Some(Door { whose, address: address?, url })
    };
    let (Some(first), Some(second)) = (door(0), door(1)) else { return Err(ProbeError::NoAddress) };
    if let Some(Via::Http(route)) = plan.publishers.first().map(|group| &group.via) {
        let post = Post::of(plan, route, room, endpoints, admin).ok_or(ProbeError::NoAddress)?;
        return probe_http(plan, post, Peer::open(requests, first).await?).await;
    }
    let mut sender = Peer::open(requests, first).await?;
    let Some(group) = plan.publishers.first() else {
        sender.leave().await;
        return Ok(Seen { echo: Echo::ToSender, wrapping: Wrapping::None });
    };
    // The run's own first message: a server may well drop what is not of the format that it expects.
    let mut payload = Vec::new();
    group.payload.render(0, 0, PROBE_RUN, &mut payload);
    let opcode = if group.payload.is_binary(0, 0) { Opcode::Binary } else { Opcode::Text };
    if plan.mode == Mode::Echo {
        sender.send(opcode, &payload).await?;
        let wrapping = sender.receive(&payload, ARRIVE_WITHIN).await?;
        sender.leave().await;
        let wrapping = wrapping.ok_or(ProbeError::NobodyReceived { url: sender.url.clone() })?;
        if wrapping == Wrapping::Wrapped && !group.payload.carries_stamp() {
            return Err(ProbeError::Wrapped { url: sender.url });
        }
        return Ok(Seen { echo: Echo::ToSender, wrapping });
    }
    let mut receiver = Peer::open(requests, second).await?;
    // A server that confirms no join may need a moment; the run itself waits just as long.
    tokio::time::sleep(plan.settle.min(Duration::from_millis(500))).await;
    sender.send(opcode, &payload).await?;
    let arrived = receiver.receive(&payload, ARRIVE_WITHIN).await?;
    let own = sender.receive(&payload, ECHO_WITHIN).await?;
    sender.leave().await;
    receiver.leave().await;
    match (arrived, own) {
        (None, _) => Err(ProbeError::NobodyReceived { url: receiver.url }),
        (Some(Wrapping::Wrapped), _) if !group.payload.carries_stamp() => {
            Err(ProbeError::Wrapped { url: receiver.url })
        }
        (Some(wrapping), own) => {
            Ok(Seen { echo: if own.is_some() { Echo::ToSender } else { Echo::ToOthers }, wrapping })
        }
    }
}

/// A publish over HTTP must be taken, and arrive at a subscriber.
async fn probe_http(plan: &Plan, post: Post<'_>, mut receiver: Peer) -> Result<Seen, ProbeError> {
    tokio::time::sleep(plan.settle.min(Duration::from_millis(500))).await;
    let status = post.send().await.map_err(|why| ProbeError::NotPublished { to: post.address, why })?;
    if !(200..300).contains(&status) {
        return Err(ProbeError::NotPublished { to: post.address, why: format!("it answered with status {status}") });
    }
    let arrived = receiver.receive(&post.payload, ARRIVE_WITHIN).await?;
    receiver.leave().await;
    let bare = plan.publishers.first().is_some_and(|group| !group.payload.carries_stamp());
    match arrived {
        None => Err(ProbeError::NobodyReceived { url: receiver.url }),
        Some(Wrapping::Wrapped) if bare => Err(ProbeError::Wrapped { url: receiver.url }),
        Some(wrapping) => Ok(Seen { echo: Echo::ToSender, wrapping }),
    }
}

/// The probe's message as a request.
struct Post<'a> {
    address: SocketAddr,
    host: String,
    route: &'a Route,
    room: &'a str,
    /// Which connection of the run the publisher is.
    connection: u32,
    opcode: Opcode,
    payload: Vec<u8>,
}

impl<'a> Post<'a> {
    /// The first message of the first publisher.
    fn of(
        plan: &'a Plan,
        route: &'a Route,
        room: u32,
        endpoints: &[Endpoint],
        admin: Option<SocketAddr>,
    ) -> Option<Self> {
        let connection = plan.subscribers();
        let (host, address) = match &route.to {
            Destination::Address { host, address } => (host.clone(), *address),
            Destination::Admin => (admin?.to_string(), admin?),
            Destination::Target => {
                let endpoint = endpoints.get(usize::from(plan.target.endpoint(room, connection)))?;
                (endpoint.host.clone(), endpoint.address)
            }
        };
        let source = &plan.publishers.first()?.payload;
        let mut payload = Vec::new();
        source.render(0, 0, PROBE_RUN, &mut payload);
        let opcode = if source.is_binary(0, 0) { Opcode::Binary } else { Opcode::Text };
        let room = plan.rooms.get(room as usize).map_or("", String::as_str);
        Some(Post { address, host, route, room, connection, opcode, payload })
    }

    /// The status of its answer, or why there is none.
    async fn send(&self) -> Result<u16, String> {
        let letter = Letter {
            host: &self.host,
            room: self.room,
            connection: self.connection,
            opcode: self.opcode,
            message: &self.payload,
        };
        let mut request = Vec::new();
        self.route.write(letter, &mut request);
        let exchange = async {
            let unreachable = |e| net::DialError::from_connect(e, self.address, None).to_string();
            let mut stream = TcpStream::connect(self.address).await.map_err(unreachable)?;
            stream.write_all(&request).await.map_err(unreachable)?;
            let mut reader = AnswerReader::default();
            let mut part = [0; 4096];
            loop {
                let answer = match stream.read(&mut part).await.map_err(unreachable)? {
                    0 => Some(reader.end().map_err(|e| e.to_string())?),
                    n => reader.receive(&part[..n]).map_err(|e| e.to_string())?,
                };
                if let Some(answer) = answer {
                    return Ok(answer.status);
                }
            }
        };
        timeout(OPEN_WITHIN, exchange).await.unwrap_or_else(|_| Err("no answer within 10 s".to_owned()))
    }
}

/// The path of a room for messages, which must not show what the query or the environment holds.
fn shown_path(plan: &Plan, room: u32) -> String {
    let name = plan.rooms.get(room as usize).map_or("", String::as_str);
    plan.target.shown_path.replace("{room}", name)
}

/// How the probe gets in.
struct Door {
    whose: Whose,
    address: SocketAddr,
    url: String,
}

struct Peer {
    stream: TcpStream,
    input: Vec<u8>,
    url: String,
}

impl Peer {
    async fn open(requests: &Requests, Door { whose, address, url }: Door) -> Result<Self, ProbeError> {
        let unreachable = |e| ProbeError::Unreachable(net::DialError::from_connect(e, address, None));
        let not_websocket = |why: String| ProbeError::NotWebSocket { url: url.clone(), why };
        let timed_out = || not_websocket("no answer to the upgrade within 10 s".to_owned());
        let deadline = Instant::now() + OPEN_WITHIN;
        let connect = timeout_at(deadline, TcpStream::connect(address)).await;
        let mut stream =
            connect.unwrap_or_else(|_| Err(std::io::Error::from_raw_os_error(libc::ETIMEDOUT))).map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let key = encode_key(*b"fanout's probe  ");
        let mut request = Vec::new();
        // Without compression: what a server makes of the offer is a result, counted for each connection.
        requests.write(whose, &key, None, None, &mut request).map_err(|e| not_websocket(e.to_string()))?;
        stream.write_all(&request).await.map_err(unreachable)?;
        let mut input = Vec::new();
        loop {
            let n = timeout_at(deadline, stream.read_buf(&mut input)).await.map_err(|_| timed_out())?;
            let answer =
                verify_answer(&input, &key, &requests.subprotocols, None).map_err(|e| not_websocket(e.to_string()))?;
            match answer {
                Answer::Upgraded { consumed, .. } => {
                    input.drain(..consumed);
                    return Ok(Peer { stream, input, url });
                }
                Answer::Refused { status, reason, consumed, .. } => {
                    // Give the body a moment: it often says why.
                    let _ = timeout(Duration::from_millis(100), stream.read_buf(&mut input)).await;
                    return Err(refused(url, status, &reason, &input[consumed..]));
                }
                Answer::Incomplete => {}
            }
            if !matches!(n, Ok(n) if n > 0) {
                return Err(not_websocket("it closed the connection before answering the upgrade".to_owned()));
            }
        }
    }

    async fn send(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), ProbeError> {
        let mut frame = Vec::new();
        append_masked_frame(&mut frame, opcode, payload, [0x21, 0x08, 0x19, 0x97]);
        self.stream.write_all(&frame).await.map_err(|e| self.closed(&e.to_string()))
    }

    /// Waits for the probe's message; `None` when it does not come in time.
    async fn receive(&mut self, payload: &[u8], within: Duration) -> Result<Option<Wrapping>, ProbeError> {
        let deadline = Instant::now() + within;
        // A server may send a message in several frames.
        let mut message = Vec::new();
        loop {
            loop {
                let mut frame = self.input.clone();
                match decode(&mut frame, &RULES).map_err(|e| self.closed(&e.to_string()))? {
                    Decoded::Incomplete { .. } => break,
                    Decoded::Frame { header, payload: got, consumed } => {
                        self.input.drain(..consumed);
                        match header.opcode {
                            Opcode::Close => {
                                let frame = wire::close::CloseFrame::parse(got).ok().flatten();
                                let why =
                                    frame.map_or("no code".to_owned(), |f| format!("close {} {}", f.code.0, f.reason));
                                return Err(self.closed(&why));
                            }
                            Opcode::Ping => {
                                let pong = got.to_vec();
                                self.send(Opcode::Pong, &pong).await?;
                            }
                            Opcode::Pong => {}
                            _ => {
                                message.extend_from_slice(got);
                                if header.fin {
                                    if let Some(wrapping) = wrapping_of(&message, payload) {
                                        return Ok(Some(wrapping));
                                    }
                                    message.clear();
                                }
                            }
                        }
                    }
                }
            }
            match timeout_at(deadline, self.stream.read_buf(&mut self.input)).await {
                Err(_) => return Ok(None),
                Ok(Ok(0)) => return Err(self.closed("end of stream")),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(self.closed(&error.to_string())),
            }
        }
    }

    async fn leave(&mut self) {
        let mut payload = Vec::new();
        wire::close::CloseFrame::encode(wire::close::CloseCode::NORMAL, "", &mut payload);
        // It is a courtesy; a peer that has gone needs none.
        if self.send(Opcode::Close, &payload).await.is_ok() {
            let mut rest = [0; 4096];
            let farewell = async { while matches!(self.stream.read(&mut rest).await, Ok(n) if n > 0) {} };
            let _ = timeout(ECHO_WITHIN, farewell).await;
        }
    }

    fn closed(&self, why: &str) -> ProbeError {
        ProbeError::Closed { url: self.url.clone(), why: why.to_owned() }
    }
}

/// In what a message brought the probe's payload; `None` where it is another.
fn wrapping_of(message: &[u8], payload: &[u8]) -> Option<Wrapping> {
    if message == payload {
        return Some(Wrapping::None);
    }
    let holds = |part: &[u8]| !part.is_empty() && message.windows(part.len()).any(|here| here == part);
    let in_json = || {
        let quoted = serde_json::to_string(std::str::from_utf8(payload).ok()?).ok()?;
        Some(holds(quoted.trim_matches('"').as_bytes()))
    };
    let wrapped = Stamp::find(message, PROBE_RUN).is_some() || holds(payload) || in_json() == Some(true);
    wrapped.then_some(Wrapping::Wrapped)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_probe_s_as_it_was_or_wrapped_in_another() {
        let payload = br#"{"n":0}"#;
        assert_eq!(wrapping_of(payload, payload), Some(Wrapping::None));
        assert_eq!(wrapping_of(br#"{"data":{"n":0}}"#, payload), Some(Wrapping::Wrapped));
        assert_eq!(wrapping_of(br#"{"data":"{\"n\":0}"}"#, payload), Some(Wrapping::Wrapped));
        assert_eq!(wrapping_of(br#"{"welcome":1}"#, payload), None);
        let mut stamped = Vec::new();
        Stamp { run: PROBE_RUN, publisher: 0, seq: 0 }.encode(&mut stamped);
        let shouted = [b"<b>", &stamped[..], b"</b>, shortened"].concat();
        assert_eq!(wrapping_of(&shouted, &[&stamped[..], b" and more"].concat()), Some(Wrapping::Wrapped));
    }

    #[test]
    fn nothing_is_found_of_an_empty_message_but_itself() {
        assert_eq!(wrapping_of(b"", b""), Some(Wrapping::None));
        assert_eq!(wrapping_of(b"hello", b""), None);
    }
}
