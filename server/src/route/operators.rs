//! The operators' routes: `/metrics`, `/publish/{room}`, `/rooms`, `/clients`.

use super::query::{limit, parameter};
use super::{RouteError, room_name};
use crate::client_id::ClientId;

/// Rooms or clients in one answer unless the request says otherwise, and at most.
const DEFAULT_LIMIT: usize = 100;
const HIGHEST_LIMIT: usize = 1000;

/// Where an operator's request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperatorRoute {
    /// `GET /metrics`: counters for Prometheus.
    Metrics,
    /// `POST /publish/{room}`: publish the body.
    Publish {
        /// The room's name.
        room: String,
    },
    /// `GET /rooms`: list rooms by name.
    Rooms {
        /// Only those whose names begin with this.
        prefix: String,
        /// The first so many.
        limit: usize,
    },
    /// `DELETE /rooms/{room}`: close all members of a room.
    Room {
        /// The room's name.
        room: String,
    },
    /// `GET /clients`: list connections.
    Clients {
        /// Only those in this room.
        room: Option<String>,
        /// So many.
        limit: usize,
    },
    /// `DELETE /clients/{id}`: close one connection.
    Client(ClientId),
}

impl OperatorRoute {
    /// The one method that it takes.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::Metrics | Self::Rooms { .. } | Self::Clients { .. } => "GET",
            Self::Publish { .. } => "POST",
            Self::Room { .. } | Self::Client(_) => "DELETE",
        }
    }
}

/// Finds an operators' route; `None` for every other path.
///
/// # Errors
/// When a name, id or parameter in it cannot be used.
pub(super) fn operators(path: &str, query: Option<&str>) -> Result<Option<OperatorRoute>, RouteError> {
    let limit = || limit(query, DEFAULT_LIMIT, HIGHEST_LIMIT);
    Ok(Some(match path {
        "/metrics" => OperatorRoute::Metrics,
        "/rooms" => OperatorRoute::Rooms { prefix: parameter(query, "prefix").unwrap_or_default(), limit: limit()? },
        "/clients" => OperatorRoute::Clients { room: parameter(query, "room"), limit: limit()? },
        _ => {
            if let Some(room) = path.strip_prefix("/publish/") {
                OperatorRoute::Publish { room: room_name(room)? }
            } else if let Some(room) = path.strip_prefix("/rooms/") {
                OperatorRoute::Room { room: room_name(room)? }
            } else if let Some(id) = path.strip_prefix("/clients/") {
                OperatorRoute::Client(id.parse()?)
            } else {
                return Ok(None);
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, query: Option<&str>) -> OperatorRoute {
        operators(path, query).unwrap().unwrap()
    }

    #[test]
    fn each_route_is_found_with_its_parameters() {
        assert_eq!(found("/metrics", None), OperatorRoute::Metrics);
        assert_eq!(found("/publish/a%2Fb", None), OperatorRoute::Publish { room: "a/b".into() });
        assert_eq!(
            found("/rooms", Some("prefix=game%20&limit=5")),
            OperatorRoute::Rooms { prefix: "game ".into(), limit: 5 }
        );
        assert_eq!(found("/rooms/lobby", None), OperatorRoute::Room { room: "lobby".into() });
        assert_eq!(
            found("/clients", Some("room=lobby")),
            OperatorRoute::Clients { room: Some("lobby".into()), limit: 100 }
        );
        let id = ClientId { shard: 0, number: 17, serial: 35 };
        assert_eq!(found("/clients/0-17-z", None), OperatorRoute::Client(id));
        assert_eq!(operators("/metrics/x", None), Ok(None));
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        assert_eq!(operators("/publish/", None), Err(RouteError::NoName));
        assert_eq!(operators("/clients/7", None).unwrap_err().status(), 404);
        assert_eq!(operators("/rooms", Some("limit=many")).unwrap_err().status(), 400);
    }
}
