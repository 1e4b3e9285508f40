//! Who sends a request, and whether they may: the page it comes from, the address, the token.
//!
//! Every route that gives out or takes in messages asks both, [`Site::page`] first:
//!
//! ```text
//! let cors = self.page(request)?;
//! let visitor = self.visitor(request, peer, Some(&room))?;
//! // ... an answer that stays HTTP, refusals included:
//! cors.allow(&mut answer);
//! ```

use std::net::IpAddr;
use std::time::SystemTime;

use hyper::Request;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::answer::{Answer, Refused};
use super::site::Site;
use crate::admission::Visitor;
use crate::auth::{AuthError, Gate, presented};
use crate::forwarded::client_address;
use crate::origin::{Origins, Page, Transport};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What a foreign page may see of an answer's head.
const EXPOSED: &str = "Fanout-Cursor";

/// The rules that requests are held to. The gate can be exchanged while requests go on.
#[derive(Debug)]
pub struct Rules {
    /// Pages that may use the server.
    pub origins: Origins,
    /// How clients reach it.
    pub transport: Transport,
    /// Proxies in front.
    pub trusted_proxies: usize,
    /// What tokens are checked against.
    pub gate: Gate,
}

/// Whether an answer must say that a foreign page may see it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cors(Option<HeaderValue>);

impl Cors {
    /// Lets the page that asked see an answer that stays HTTP (Fetch standard, section 3.3). Others ask for themselves, so caches must tell
    /// them apart.
    pub fn allow(&self, answer: &mut Answer) {
        answer.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = &self.0 {
            answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.headers_mut().insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }

    /// The same as lines of an answer's head that we write ourselves, each with its end.
    pub fn lines(&self) -> String {
        let allow = self.0.as_ref().and_then(|origin| origin.to_str().ok());
        let expose =
            |origin| format!("Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Expose-Headers: {EXPOSED}\r\n");
        let allow = allow.map(expose).unwrap_or_default();
        format!("Vary: origin\r\n{allow}")
    }
}

impl Site {
    /// Whether the page that a request comes from may use the server.
    ///
    /// # Errors
    /// 403.
    pub(super) fn page<B>(&self, request: &Request<B>) -> Result<Cors, Refused> {
        let headers = request.headers();
        let origin = one(headers, &header::ORIGIN);
        let rules = self.rules();
        match rules.origins.check(origin, one(headers, &header::HOST), rules.transport) {
            Ok(Page::Foreign) => Ok(Cors(headers.get(header::ORIGIN).cloned())),
            Ok(Page::None | Page::Own) => Ok(Cors(None)),
            Err(refused) => Err(Refused::new(403, &refused)),
        }
    }

    /// Who sends a request, if they may: to `room`, or to something that is no room.
    ///
    /// # Errors
    /// 401 without a good token, 403 with one for other rooms.
    pub(super) fn visitor<B>(
        &self,
        request: &Request<B>,
        peer: IpAddr,
        room: Option<&str>,
    ) -> Result<Visitor, Refused> {
        let headers = request.headers();
        let rules = self.rules();
        let lines = headers.get_all(X_FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or(""));
        let address = client_address(peer, rules.trusted_proxies, lines).unwrap_or_else(|unusable| {
            self.front().forwarded_unusable += 1;
            tracing::debug!("{peer} counts for its clients: {unusable}");
            peer.to_canonical()
        });
        let lines = headers.get_all(header::AUTHORIZATION).iter().map(|line| line.to_str().ok());
        let token = presented(lines, request.uri().query());
        let token = token.as_ref().map(Option::as_deref).map_err(|error| *error);
        // Before 1970, every token has yet to become valid.
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let grant = rules.gate.admit(token, room, now).map_err(refused)?;
        Ok(Visitor { address, user: grant.user })
    }
}

fn refused(error: AuthError) -> Refused {
    Refused::challenging(error.status(), &error, error.challenge())
}

/// The value of a header that may stand there once; a repeated or unreadable one counts as one that fits nothing.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { Some("") } else { Some(first.to_str().unwrap_or("")) }
}
