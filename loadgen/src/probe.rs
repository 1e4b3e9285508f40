//! The look before the ramp: two connections, one publish. Says in five seconds what would otherwise be a minute of loss.

mod peer;
mod post;

use std::net::SocketAddr;
use std::time::Duration;

use wire::frame::Opcode;
use wire::stamp::Stamp;

use self::peer::{ECHO_WITHIN, Peer, Place};
use self::post::Post;
use crate::plan::{Endpoint, From, Mode, Plan, PublisherGroup, Via};
use crate::request::{Requests, Whose};

/// How long one message may take.
const ARRIVE_WITHIN: Duration = Duration::from_secs(5);
/// A join that nobody confirms is given no longer than this.
const SETTLED_BY: Duration = Duration::from_millis(500);
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
    #[error("cannot publish to {to}: {why}; check url, method, headers and body of the publishers")]
    NotPublished {
        /// Scheme and address.
        to: String,
        /// What came of it.
        why: String,
    },
    /// It reached its sender, and not the other address.
    #[error(
        "nobody received it: a message published to {from} had not reached a connection to {to} after 5 s. Servers at several addresses \
         must relay to each other; where they do not, send each room to one of them: assign = \"room\" in [target]"
    )]
    NotRelayed {
        /// Address and path of the sender.
        from: String,
        /// And of the receiver.
        to: String,
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

/// Connects twice to the room of the first publisher, publishes once, and sees where it arrives; once for each way of publishing that
/// the plan has. A plan without publishers only connects.
///
/// # Errors
/// Why a run would be a minute of loss; see [`ProbeError`].
pub async fn probe(
    plan: &Plan,
    requests: &Requests,
    endpoints: &[Endpoint],
    admins: &[SocketAddr],
) -> Result<Seen, ProbeError> {
    let posts = |group: &PublisherGroup| matches!(group.via, Via::Http(_));
    let posting = plan.publishers.iter().position(posts);
    let speaking = plan.publishers.iter().position(|group| !posts(group));
    let sides = |group| Sides::new(plan, requests, group);
    let Some(group) = posting else { return speak(plan, &sides(speaking), endpoints, speaking).await };
    let both = sides(posting);
    let post = Post::of(plan, group, both.room(), endpoints, admins).ok_or(ProbeError::NoAddress)?;
    let posted = post.probe(plan.settle, Peer::open(both.place(0, plan, endpoints)?).await?).await?;
    if speaking.is_none() {
        return Ok(posted);
    }
    let spoken = speak(plan, &sides(speaking), endpoints, speaking).await?;
    Ok(if posted.wrapping == Wrapping::Wrapped { Seen { wrapping: Wrapping::Wrapped, ..spoken } } else { spoken })
}

/// Publishes over a connection, where there is anybody who does.
async fn speak(
    plan: &Plan,
    sides: &Sides<'_>,
    endpoints: &[Endpoint],
    group: Option<usize>,
) -> Result<Seen, ProbeError> {
    let mut sender = Peer::open(sides.place(0, plan, endpoints)?).await?;
    let Some(group) = group else {
        sender.leave().await;
        return Ok(Seen { echo: Echo::ToSender, wrapping: Wrapping::None });
    };
    let message = Message::of(plan, group);
    if plan.mode == Mode::Echo {
        let mut wrapping = echoed(sender, &message).await?;
        for side in 1..sides.whose.len() {
            let other = echoed(Peer::open(sides.place(side, plan, endpoints)?).await?, &message).await?;
            wrapping = if other == Wrapping::Wrapped { other } else { wrapping };
        }
        return Ok(Seen { echo: Echo::ToSender, wrapping });
    }
    let Message { opcode, payload, stamped } = message;
    let url = || sides.urls[0].clone();
    let mut receiver = Peer::open(sides.place(1, plan, endpoints)?).await?;
    // A server that confirms no join may need a moment; the run itself waits just as long.
    tokio::time::sleep(plan.settle.min(SETTLED_BY)).await;
    sender.publish(opcode, &payload).await?;
    let arrived = receiver.receive(&payload, ARRIVE_WITHIN).await?;
    let own = sender.receive(&payload, ECHO_WITHIN).await?;
    sender.leave().await;
    receiver.leave().await;
    match (arrived, own) {
        (None, Some(_)) if sides.are_apart() => Err(ProbeError::NotRelayed { from: url(), to: sides.urls[1].clone() }),
        (None, _) => Err(ProbeError::NobodyReceived { url: url() }),
        (Some(Wrapping::Wrapped), _) if !stamped => Err(ProbeError::Wrapped { url: url() }),
        (Some(wrapping), own) => {
            Ok(Seen { echo: if own.is_some() { Echo::ToSender } else { Echo::ToOthers }, wrapping })
        }
    }
}

/// Sends a message that must come back.
async fn echoed(mut sender: Peer<'_>, message: &Message) -> Result<Wrapping, ProbeError> {
    let Message { opcode, payload, stamped } = message;
    let url = sender.url().to_owned();
    sender.publish(*opcode, payload).await?;
    let wrapping = sender.receive(payload, ARRIVE_WITHIN).await?;
    sender.leave().await;
    match wrapping {
        None => Err(ProbeError::NobodyReceived { url }),
        Some(Wrapping::Wrapped) if !stamped => Err(ProbeError::Wrapped { url }),
        Some(wrapping) => Ok(wrapping),
    }
}

/// The first message of a group of publishers: a server may well drop what is not of the format that it expects.
struct Message {
    opcode: Opcode,
    payload: Vec<u8>,
    stamped: bool,
}

impl Message {
    fn of(plan: &Plan, group: usize) -> Self {
        let (source, publisher) = (&plan.publishers[group].payload, plan.first_publisher(group));
        let mut payload = Vec::new();
        source.render(publisher, 0, PROBE_RUN, &mut payload);
        let opcode = if source.is_binary(publisher, 0) { Opcode::Binary } else { Opcode::Text };
        Message { opcode, payload, stamped: source.carries_stamp() }
    }
}

/// The connections of a probe. Usually two that ask as the run's first two do: where those have different addresses, these see whether the
/// servers behind them relay to each other. In echo mode one to each address, as nobody there hears of another.
struct Sides<'a> {
    requests: &'a Requests,
    whose: Vec<Whose>,
    /// For messages.
    urls: Vec<String>,
}

impl<'a> Sides<'a> {
    /// In the room of a group's first publisher.
    fn new(plan: &Plan, requests: &'a Requests, group: Option<usize>) -> Self {
        let room = probed_room(plan, group);
        let of = |(connection, room)| Whose { connection, room, endpoint: plan.target.endpoint(room, connection) };
        let whose: Vec<Whose> = match plan.mode {
            Mode::Echo => first_to_each(plan.groups.iter().flat_map(|g| &g.rooms).zip(0..).map(|(r, c)| of((c, *r)))),
            Mode::Broadcast | Mode::Observe => [0, 1].map(|connection| of((connection, room))).to_vec(),
        };
        let url = |w: &Whose| {
            let path = shown_path(plan, w.room);
            format!("{}://{}{path}", plan.target.scheme(), requests.host(w.endpoint))
        };
        let urls = whose.iter().map(url).collect();
        Sides { requests, whose, urls }
    }

    fn room(&self) -> u32 {
        self.whose[0].room
    }

    fn are_apart(&self) -> bool {
        self.whose[0].endpoint != self.whose[1].endpoint
    }

    fn place<'p>(&'p self, side: usize, plan: &'p Plan, endpoints: &[Endpoint]) -> Result<Place<'p>, ProbeError> {
        let whose = self.whose[side];
        Ok(Place {
            requests: self.requests,
            whose,
            address: endpoints.get(usize::from(whose.endpoint)).ok_or(ProbeError::NoAddress)?.address,
            tls: plan.target.tls.as_ref(),
            dialect: plan.target.dialect.as_deref(),
            words: plan.words(whose.room, whose.connection),
            url: &self.urls[side],
        })
    }
}

/// Of a run's connections the first to each address.
fn first_to_each(connections: impl Iterator<Item = Whose>) -> Vec<Whose> {
    let mut firsts: Vec<Whose> = Vec::new();
    for whose in connections {
        if firsts.iter().all(|first| first.endpoint != whose.endpoint) {
            firsts.push(whose);
        }
    }
    firsts
}

/// The room of a group's first publisher; without publishers that of the first subscriber.
fn probed_room(plan: &Plan, group: Option<usize>) -> u32 {
    match group.map(|group| &plan.publishers[group].from) {
        Some(From::Separate(rooms)) => rooms.first().copied().unwrap_or(0),
        Some(From::Members { group }) => plan.groups[*group as usize].rooms.first().copied().unwrap_or(0),
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
