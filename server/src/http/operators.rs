//! Who answers the operators' requests, and whether they are operators.

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};

use super::answer::{Answer, Refused, text};
use super::site::Site;
use crate::admin_token::{Claims, Stranger, admit};
use crate::route::{OperatorRoute, Route, RouteError};

impl Site {
    /// Whether a request on the operators' listener may be answered. Those that stand on the public listener as well need nothing
    /// where no token is asked for, and the health check never does.
    pub(super) fn admit(&self, found: &Result<Route, RouteError>, headers: &HeaderMap) -> Result<(), Stranger> {
        let token = self.admin_token.as_ref();
        let open = match found {
            Ok(Route::Health) => true,
            Ok(Route::Operators(_)) => false,
            _ => token.is_none(),
        };
        if open {
            return Ok(());
        }
        let value = |name: HeaderName| headers.get(name).map(HeaderValue::as_bytes);
        let claims = Claims {
            authorization: value(header::AUTHORIZATION),
            origin: value(header::ORIGIN),
            host: headers.get(header::HOST).map(|host| host.to_str().unwrap_or("?")),
        };
        admit(token, claims)
    }

    pub(super) async fn operate(&self, route: OperatorRoute, request: Request<Incoming>) -> Answer {
        let method = route.method();
        let head = method == "GET" && request.method() == Method::HEAD;
        if request.method().as_str() != method && !head {
            let mut answer = text(405, &format!("this route takes {method} only"));
            answer
                .headers_mut()
                .insert(header::ALLOW, HeaderValue::from_static(if method == "GET" { "GET, HEAD" } else { method }));
            return answer;
        }
        let answered = match route {
            OperatorRoute::Metrics => Ok(self.metrics().await),
            OperatorRoute::Publish { room } => self.publish(room, request).await,
            OperatorRoute::Rooms { prefix, limit } => self.list_rooms(&prefix, limit).await,
            OperatorRoute::Room { room } => self.close_room(room).await,
            OperatorRoute::Clients { room, limit } => self.list_clients(room.as_deref(), limit).await,
            OperatorRoute::Client(id) => self.kick(id).await,
        };
        answered.unwrap_or_else(Refused::into_answer)
    }
}

/// The answer to somebody who is no operator.
pub(super) fn strange(stranger: Stranger) -> Answer {
    let mut answer = text(stranger.status(), &stranger.to_string());
    if stranger == Stranger::NoToken {
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    answer
}
