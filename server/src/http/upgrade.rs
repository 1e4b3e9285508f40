//! From a request to a WebSocket: what it must ask for, its place in a room, and the 101.

use std::net::IpAddr;

use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Version};
use tokio::sync::oneshot;
use wire::{Agreement, Sharing, UpgradeRequest};

use super::answer::{Answer, Refused};
use super::site::{Progress, Site};
use crate::coding::Coding;
use crate::room::home_shard;
use crate::shard::{Command, Reservation, Target, Ticket};
use crate::stats::Service;

/// Every upgrade answer on a room route carries this: where the connection's messages begin.
const FANOUT_CURSOR: HeaderName = HeaderName::from_static("fanout-cursor");

impl Site {
    pub(super) async fn upgrade(
        &self,
        request: &mut Request<Incoming>,
        peer: IpAddr,
        target: Target,
    ) -> (Answer, Progress) {
        match self.try_upgrade(request, peer, target).await {
            Ok((answer, ticket)) => (answer, Progress::Upgraded(ticket)),
            Err(refusal) => (refusal.into_answer(), Progress::Answered),
        }
    }

    async fn try_upgrade(
        &self,
        request: &mut Request<Incoming>,
        peer: IpAddr,
        target: Target,
    ) -> Result<(Answer, Ticket), Refused> {
        check(request)?;
        // A browser does not show the answer to an upgrade to any page.
        self.page(request)?;
        let agreed = self.agree(request.headers(), &target)?;
        let coding = agreed.as_ref().map_or(Coding::Plain, |(agreement, _)| Coding::from(*agreement));
        let Reservation { ticket, next } = self.reserve(request, peer, target, coding).await?;
        // The future that waits for the upgrade is not needed: the connection gives its socket back itself.
        let (answer, _) = fastwebsockets::upgrade::upgrade(request).map_err(|error| Refused::new(400, &error))?;
        let mut answer = answer.map(|_| Full::default());
        if let Some(next) = next
            && let Ok(value) = HeaderValue::try_from(next.to_string())
        {
            answer.headers_mut().insert(FANOUT_CURSOR, value);
        }
        if let Some((_, value)) = agreed
            && let Ok(value) = HeaderValue::try_from(value)
        {
            answer.headers_mut().insert(header::SEC_WEBSOCKET_EXTENSIONS, value);
        }
        Ok((answer, ticket))
    }

    /// What is agreed on of the extensions that a client offers, and the answer's header.
    fn agree(&self, headers: &HeaderMap, target: &Target) -> Result<Option<(Agreement, String)>, Refused> {
        let offers = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS);
        let lines: Result<Vec<&str>, _> = offers.iter().map(HeaderValue::to_str).collect();
        let lines =
            lines.map_err(|_| Refused::new(400, "Sec-WebSocket-Extensions has characters that are not ASCII"))?;
        let sharing = match (self.sharing, target) {
            // Nobody else receives what is echoed, so a history would have to be kept for one alone.
            (Some(_), Target::Echo) => Some(Sharing::Standalone),
            (sharing, _) => sharing,
        };
        // Even where nothing is accepted, what breaks the grammar is refused (RFC 6455 section 9.1).
        let agreed = wire::answer_offers(&lines.join(","), sharing.unwrap_or(Sharing::Standalone))
            .map_err(|error| Refused::new(error.status(), &error))?;
        Ok(agreed.filter(|_| sharing.is_some()))
    }

    /// A place for a visitor, if it may come in.
    pub(super) async fn reserve<B>(
        &self,
        request: &Request<B>,
        peer: IpAddr,
        target: Target,
        coding: Coding,
    ) -> Result<Reservation, Refused> {
        let stopping = || Refused::new(503, "the server is stopping; connect to another, or again in a moment");
        if self.service() == Service::Draining {
            return Err(stopping());
        }
        let visitor = self.visitor(request, peer, target.room())?;
        let permit =
            self.admission.enter(visitor.address).map_err(|refusal| Refused::new(refusal.status(), &refusal))?;
        let shard = match &target {
            Target::Room { name, .. } | Target::Events { name, .. } => home_shard(name, self.shards.len()),
            Target::Echo => self.next_shard(),
        };
        let (reply, reservation) = oneshot::channel();
        self.shards[shard]
            .send(Command::Subscribe { target, visitor, coding, permit, reply })
            .map_err(|_| stopping())?;
        let kept = reservation.await.map_err(|_| stopping())?;
        kept.map_err(|no_place| Refused::new(no_place.status(), &no_place))
    }
}

/// Whether a request asks for a WebSocket (RFC 6455 section 4.2.1).
fn check(request: &Request<Incoming>) -> Result<(), Refused> {
    let headers = request.headers();
    let (connection, upgrade) = (joined(headers, &header::CONNECTION), joined(headers, &header::UPGRADE));
    let version = joined(headers, &header::SEC_WEBSOCKET_VERSION);
    let key = joined(headers, &header::SEC_WEBSOCKET_KEY);
    let asked = UpgradeRequest {
        method: request.method().as_str(),
        http_minor: u8::from(request.version() >= Version::HTTP_11),
        connection: connection.as_deref(),
        upgrade: upgrade.as_deref(),
        version: version.as_deref(),
        key: key.as_deref(),
    };
    wire::check_request(&asked).map_err(|error| Refused::new(error.status(), &error))
}

/// All lines of one header, as one (RFC 9110 section 5.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}
