//! Pure: from a request's path and query to what is wanted.

mod operators;
mod poll;
mod query;

use percent_encoding::percent_decode_str;

pub use operators::OperatorRoute;
pub use poll::Poll;
pub use query::NotAParameter;

use crate::client_id::NotAClient;
use crate::protocol::Protocol;
use crate::resume::{NotACursor, ResumePoint};

/// The longest room name, in bytes of UTF-8.
pub const MAX_ROOM_NAME: usize = 256;

/// The room of `/ws`.
pub const DEFAULT_ROOM: &str = "general";

/// What to say to a request for nothing that exists.
pub const ROUTES: &str = "there is nothing here. Routes: /broadcast/{room}, /ws/{room} and /echo for WebSocket, /sse/{room} for events, \
    /poll/{room}, / for a page, /stats, /healthz";

/// The same on the operators' listener.
pub const OPERATOR_ROUTES: &str = "there is nothing here. Routes for operators: GET /metrics, POST /publish/{room}, GET /rooms, \
    DELETE /rooms/{room}, GET /clients, DELETE /clients/{id}, /stats, /healthz";

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// WebSocket: a room.
    Room {
        /// The room's name.
        name: String,
        /// From where on, if not from now on.
        resume: Option<ResumePoint>,
        /// How it is spoken to there.
        protocol: Protocol,
    },
    /// Server-sent events: a room's messages.
    Events {
        /// The room's name.
        room: String,
        /// From where on, if not from now on. The header `Last-Event-ID` wins.
        resume: Option<ResumePoint>,
    },
    /// WebSocket: everything comes back.
    Echo,
    /// A page to try a chat room in a browser.
    Page,
    /// Long polling: a room's messages as JSON.
    Poll {
        /// The room's name.
        room: String,
        /// What is wanted of it.
        poll: Poll,
    },
    /// What is for operators only.
    Operators(OperatorRoute),
    /// The counters, as JSON.
    Stats,
    /// Whether the server takes connections.
    Health,
}

/// Why a request goes nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No such path.
    #[error("{}", ROUTES)]
    Unknown,
    /// A room without a name.
    #[error("the room has no name: put it at the end of the path, as in /broadcast/lobby")]
    NoName,
    /// A room's name that is too long.
    #[error("the room's name has {0} bytes, the limit is {MAX_ROOM_NAME}")]
    NameTooLong(usize),
    /// A room's name that is not text.
    #[error("the room's name is not UTF-8 after percent-decoding")]
    NameNotUtf8,
    /// `?resume=` with something else than a cursor.
    #[error("{0}")]
    Resume(#[from] NotACursor),
    /// Another parameter that cannot be used.
    #[error("{0}")]
    Parameter(#[from] NotAParameter),
    /// `/clients/` with something else than an id.
    #[error("{0}")]
    Client(#[from] NotAClient),
}

impl RouteError {
    /// The HTTP status to answer with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unknown | Self::NoName | Self::Client(_) => 404,
            Self::NameTooLong(_) | Self::NameNotUtf8 | Self::Resume(_) | Self::Parameter(_) => 400,
        }
    }
}

/// Finds the route of a request. Everything after `/broadcast/`, `/ws/` or `/sse/` is the room's name, slashes included; `/ws` alone is the
/// room [`DEFAULT_ROOM`].
///
/// # Errors
/// See [`RouteError`].
pub fn route(path: &str, query: Option<&str>) -> Result<Route, RouteError> {
    match path {
        "/" => return Ok(Route::Page),
        "/echo" => return Ok(Route::Echo),
        "/stats" => return Ok(Route::Stats),
        "/healthz" => return Ok(Route::Health),
        "/ws" => {
            let name = DEFAULT_ROOM.to_owned();
            return Ok(Route::Room { name, resume: resume(query)?, protocol: Protocol::Chat });
        }
        _ => {}
    }
    for protocol in [Protocol::Broadcast, Protocol::Chat] {
        if let Some(name) = path.strip_prefix(protocol.path()) {
            return Ok(Route::Room { name: room_name(name)?, resume: resume(query)?, protocol });
        }
    }
    if let Some(name) = path.strip_prefix("/sse/") {
        return Ok(Route::Events { room: room_name(name)?, resume: resume(query)? });
    }
    if let Some(name) = path.strip_prefix("/poll/") {
        return Ok(Route::Poll { room: room_name(name)?, poll: Poll::parse(query)? });
    }
    operators::operators(path, query)?.map(Route::Operators).ok_or(RouteError::Unknown)
}

/// `resume=GENERATION.INDEX` in a query.
fn resume(query: Option<&str>) -> Result<Option<ResumePoint>, NotACursor> {
    query::parameter(query, "resume").map(|point| point.parse()).transpose()
}

/// A room's name as it stands in a path.
fn room_name(encoded: &str) -> Result<String, RouteError> {
    let name = percent_decode_str(encoded).decode_utf8().map_err(|_| RouteError::NameNotUtf8)?;
    if name.is_empty() {
        return Err(RouteError::NoName);
    }
    if name.len() > MAX_ROOM_NAME {
        return Err(RouteError::NameTooLong(name.len()));
    }
    Ok(name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(path: &str) -> Result<String, RouteError> {
        match route(path, None)? {
            Route::Room { name, .. } => Ok(name),
            _ => Err(RouteError::Unknown),
        }
    }

    #[test]
    fn a_room_is_named_by_any_text() {
        assert_eq!(room("/broadcast/lobby").unwrap(), "lobby");
        assert_eq!(room("/broadcast/ADA%2FXBT").unwrap(), "ADA/XBT");
        assert_eq!(room("/broadcast/ADA/XBT").unwrap(), "ADA/XBT");
        assert_eq!(room("/broadcast/%F0%9F%8E%89").unwrap(), "🎉");
        assert_eq!(room("/broadcast/a+b").unwrap(), "a+b");
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        assert_eq!(room("/broadcast/"), Err(RouteError::NoName));
        assert_eq!(room("/ws/"), Err(RouteError::NoName));
        assert_eq!(room("/broadcast/%FF"), Err(RouteError::NameNotUtf8));
        assert_eq!(room(&format!("/broadcast/{}", "x".repeat(257))), Err(RouteError::NameTooLong(257)));
        for path in ["", "//", "/broadcast", "/broadcasts/x", "/Echo", "/echo/", "/wss", "/WS/x"] {
            assert_eq!(route(path, None), Err(RouteError::Unknown), "{path}");
        }
    }

    #[test]
    fn a_chat_room_may_be_left_unnamed() {
        let chat = |name: &str, resume| Route::Room { name: name.into(), resume, protocol: Protocol::Chat };
        assert_eq!(route("/ws", None), Ok(chat("general", None)));
        assert_eq!(route("/ws/a%20b", None), Ok(chat("a b", None)));
        let point = ResumePoint { generation: 35, index: 7 };
        assert_eq!(route("/ws", Some("resume=z.7")), Ok(chat("general", Some(point))));
        assert_eq!(route("/", Some("room=x")), Ok(Route::Page));
    }

    #[test]
    fn resume_names_a_place() {
        let point = ResumePoint { generation: 35, index: 7 };
        assert_eq!(
            route("/broadcast/a", Some("x=1&resume=z.7")),
            Ok(Route::Room { name: "a".into(), resume: Some(point), protocol: Protocol::Broadcast })
        );
        assert_eq!(
            route("/sse/a/b", Some("resume=z.7")),
            Ok(Route::Events { room: "a/b".into(), resume: Some(point) })
        );
        assert_eq!(route("/broadcast/a", Some("resume=7")).unwrap_err().status(), 400);
    }
}
