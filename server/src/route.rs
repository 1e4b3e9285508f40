//! Pure: from a request's path and query to what is wanted.

use percent_encoding::percent_decode_str;

use crate::resume::{NotACursor, ResumePoint};

/// The longest room name, in bytes of UTF-8.
pub const MAX_ROOM_NAME: usize = 256;

/// What to say to a request for nothing that exists.
pub const ROUTES: &str = "there is nothing here. Routes: /broadcast/{room} and /echo for WebSocket, /stats, /healthz";

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// WebSocket: a room; what a member sends goes to every member.
    Broadcast {
        /// The room's name.
        room: String,
        /// From where on, if not from now on.
        resume: Option<ResumePoint>,
    },
    /// WebSocket: everything comes back.
    Echo,
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
    #[error("the room has no name: ask for /broadcast/{{room}}")]
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
}

impl RouteError {
    /// The HTTP status to answer with.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Unknown | Self::NoName => 404,
            Self::NameTooLong(_) | Self::NameNotUtf8 | Self::Resume(_) => 400,
        }
    }
}

/// Finds the route of a request. Everything after `/broadcast/` is the room's name, slashes included.
///
/// # Errors
/// See [`RouteError`].
pub fn route(path: &str, query: Option<&str>) -> Result<Route, RouteError> {
    match path {
        "/echo" => return Ok(Route::Echo),
        "/stats" => return Ok(Route::Stats),
        "/healthz" => return Ok(Route::Health),
        _ => {}
    }
    let name = path.strip_prefix("/broadcast/").ok_or(RouteError::Unknown)?;
    let room = percent_decode_str(name).decode_utf8().map_err(|_| RouteError::NameNotUtf8)?;
    if room.is_empty() {
        return Err(RouteError::NoName);
    }
    if room.len() > MAX_ROOM_NAME {
        return Err(RouteError::NameTooLong(room.len()));
    }
    let resume = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .find_map(|pair| pair.strip_prefix("resume="))
        .map(|point| percent_decode_str(point).decode_utf8_lossy().parse())
        .transpose()?;
    Ok(Route::Broadcast { room: room.into_owned(), resume })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(path: &str) -> Result<String, RouteError> {
        match route(path, None)? {
            Route::Broadcast { room, .. } => Ok(room),
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
        assert_eq!(room("/broadcast/%FF"), Err(RouteError::NameNotUtf8));
        assert_eq!(room(&format!("/broadcast/{}", "x".repeat(257))), Err(RouteError::NameTooLong(257)));
        for path in ["/", "/broadcast", "/broadcasts/x", "/Echo", "/echo/"] {
            assert_eq!(route(path, None), Err(RouteError::Unknown), "{path}");
        }
    }

    #[test]
    fn resume_names_a_place() {
        let point = ResumePoint { generation: 35, index: 7 };
        assert_eq!(
            route("/broadcast/a", Some("x=1&resume=z.7")),
            Ok(Route::Broadcast { room: "a".into(), resume: Some(point) })
        );
        assert_eq!(route("/broadcast/a", Some("resume=7")).unwrap_err().status(), 400);
    }
}
