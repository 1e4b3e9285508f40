//! The look before the ramp: two connections, one publish. Says in five seconds what would otherwise be a minute of loss.

mod peer;
mod post;

use std::net::SocketAddr;
use std::time::Duration;

use wire::frame::Opcode;
use wire::stamp::Stamp;

use self::peer::{ECHO_WITHIN, Peer, Place};
use self::post::{Post, probe_http};
use crate::dialect::Words;
use crate::plan::{Endpoint, Mode, Plan, Via};
use crate::request::{Requests, Whose};

/// How long one message may take.
const ARRIVE_WITHIN: Duration = Duration::from_secs(5);
/// Stamps of the probe; runs use others.
pub const PROBE_RUN: u16 = u16::MAX;

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
    /// The TLS handshake.
    #[error("no TLS connection to {url}: {why}")]
    Tls {
        /// Address and path.
        url: String,
        /// What it means, and what to do.
        why: String,
    },
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
    /// It did not let the dialect join.
    #[error(
        "{url} did not let the probe's connection join ({why}): check target.dialect, and what the server allows to clients like this"
    )]
    NotJoined {
        /// Address and path.
        url: String,
        /// Which step, and what became of it.
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
    let room = probed_room(plan);
    let path = shown_path(plan, room);
    // Two connections, as the run's first two are: where those have different addresses, these see whether the servers behind them
    // relay to each other.
    let whose = [0, 1].map(|connection| Whose { connection, room, endpoint: plan.target.endpoint(room, connection) });
    let urls = whose.map(|w| format!("{}://{}{path}", plan.target.scheme(), requests.host(w.endpoint)));
    let place = |i: usize| {
        Some(Place {
            requests,
            whose: whose[i],
            address: endpoints.get(usize::from(whose[i].endpoint))?.address,
            tls: plan.target.tls.as_ref(),
            dialect: plan.target.dialect.as_deref(),
            words: Words::of(plan.rooms.get(room as usize).map_or("", String::as_str), i as u32),
            url: &urls[i],
        })
    };
    let (Some(first), Some(second)) = (place(0), place(1)) else { return Err(ProbeError::NoAddress) };
    let url = urls[0].clone();
    if let Some(Via::Http(route)) = plan.publishers.first().map(|group| &group.via) {
        let post = Post::of(plan, route, room, endpoints, admin).ok_or(ProbeError::NoAddress)?;
        return probe_http(plan, post, Peer::open(first).await?).await;
    }
    let mut sender = Peer::open(first).await?;
    let Some(group) = plan.publishers.first() else {
        sender.leave().await;
        return Ok(Seen { echo: Echo::ToSender, wrapping: Wrapping::None });
    };
    // The run's own first message: a server may well drop what is not of the format that it expects.
    let mut payload = Vec::new();
    group.payload.render(0, 0, PROBE_RUN, &mut payload);
    let opcode = if group.payload.is_binary(0, 0) { Opcode::Binary } else { Opcode::Text };
    if plan.mode == Mode::Echo {
        sender.publish(opcode, &payload).await?;
        let wrapping = sender.receive(&payload, ARRIVE_WITHIN).await?;
        sender.leave().await;
        let wrapping = wrapping.ok_or_else(|| ProbeError::NobodyReceived { url: url.clone() })?;
        if wrapping == Wrapping::Wrapped && !group.payload.carries_stamp() {
            return Err(ProbeError::Wrapped { url });
        }
        return Ok(Seen { echo: Echo::ToSender, wrapping });
    }
    let mut receiver = Peer::open(second).await?;
    // A server that confirms no join may need a moment; the run itself waits just as long.
    tokio::time::sleep(plan.settle.min(Duration::from_millis(500))).await;
    sender.publish(opcode, &payload).await?;
    let arrived = receiver.receive(&payload, ARRIVE_WITHIN).await?;
    let own = sender.receive(&payload, ECHO_WITHIN).await?;
    sender.leave().await;
    receiver.leave().await;
    match (arrived, own) {
        (None, _) => Err(ProbeError::NobodyReceived { url }),
        (Some(Wrapping::Wrapped), _) if !group.payload.carries_stamp() => Err(ProbeError::Wrapped { url }),
        (Some(wrapping), own) => {
            Ok(Seen { echo: if own.is_some() { Echo::ToSender } else { Echo::ToOthers }, wrapping })
        }
    }
}

/// The room that is probed: the first publisher's.
fn probed_room(plan: &Plan) -> u32 {
    match plan.publishers.first().map(|p| &p.from) {
        Some(crate::plan::From::Separate(rooms)) => rooms.first().copied().unwrap_or(0),
        Some(crate::plan::From::Members { group }) => plan.groups[*group as usize].rooms.first().copied().unwrap_or(0),
        None => plan.groups.first().and_then(|g| g.rooms.first().copied()).unwrap_or(0),
    }
}

/// The path of a room for messages, which must not show what the query or the environment holds.
fn shown_path(plan: &Plan, room: u32) -> String {
    let name = plan.rooms.get(room as usize).map_or("", String::as_str);
    plan.target.shown_path.replace("{room}", name)
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
