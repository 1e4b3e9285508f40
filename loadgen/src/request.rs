//! The upgrade requests of a run: the path of a room and the headers, with each connection's row of the feed filled in.

use std::borrow::Cow;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use wire::deflate::Offer;
use wire::handshake::{ClientRequest, HandshakeError};

use crate::feed::Feed;
use crate::payload::template::{Piece, pieces};
use crate::plan::{Endpoint, Plan};
use crate::secrets::Secrets;

/// Everything but RFC 3986's unreserved characters: a room name is one path segment whatever it holds.
pub const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whose request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whose {
    /// Which connection of the run: its row of the feed.
    pub connection: u32,
    /// Room of the plan.
    pub room: u32,
    /// Which of the server's addresses.
    pub endpoint: u16,
}

/// Writes upgrade requests.
#[derive(Debug, Clone)]
pub struct Requests {
    endpoints: Vec<Endpoint>,
    /// By room of the plan; columns of the feed are still placeholders.
    paths: Vec<String>,
    headers: Vec<(String, String)>,
    feed: Option<Arc<Feed>>,
    /// Subprotocols that are offered.
    pub subprotocols: Vec<String>,
}

impl Requests {
    /// Requests for the rooms of a plan to the server's addresses.
    pub fn new(plan: &Plan, endpoints: &[Endpoint]) -> Self {
        Requests {
            endpoints: endpoints.to_vec(),
            paths: plan.rooms.iter().map(|room| path(&plan.target.path, room)).collect(),
            headers: plan.target.headers.clone(),
            feed: plan.feed.clone(),
            subprotocols: plan.target.subprotocols.clone(),
        }
    }

    /// Appends a connection's request, with an offer of compression, and the cursor to resume from.
    ///
    /// # Errors
    /// A path or header that cannot be sent.
    pub fn write(
        &self,
        whose: Whose,
        key: &str,
        compression: Option<Offer>,
        resume: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<(), HandshakeError> {
        let headers = self.headers(whose.connection);
        let path = self.path(whose);
        let separator = if path.contains('?') { '&' } else { '?' };
        let resuming = resume.map(|cursor| format!("{path}{separator}resume={cursor}"));
        let request = ClientRequest {
            host: self.host(whose.endpoint),
            path: resuming.as_deref().unwrap_or(&path),
            key,
            headers: &headers,
            subprotocols: &self.subprotocols,
            compression,
        };
        request.write(out)
    }

    /// A connection's path.
    pub fn path(&self, whose: Whose) -> Cow<'_, str> {
        let path = self.paths.get(whose.room as usize).map_or("/", String::as_str);
        self.filled(path, whose.connection, |value| utf8_percent_encode(value, SEGMENT).to_string())
    }

    /// What of a connection's request is not to be shown where a server repeats it: the query, headers, its row of the feed, and
    /// whatever stands in its path but not in `shown`.
    pub fn secrets(&self, whose: Whose, shown: &str) -> Secrets {
        let path = self.path(whose);
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let parts = path.split('/').filter(|part| !shown.split(['/', '?']).any(|known| known == *part));
        let query = query.split('&').map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value)).chain([query]);
        let headers = self.headers(whose.connection);
        // Of "Bearer TOKEN" the token too.
        let headers = headers.iter().flat_map(|(_, value)| value.split(' ').chain([value.as_str()]));
        let row = self.feed.iter().flat_map(|feed| feed.row(whose.connection)).map(String::as_str);
        let encoded: Vec<&str> = parts.chain(query).collect();
        let decoded = encoded.iter().map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
        let plain = encoded.iter().copied().chain(headers).chain(row).map(str::to_owned);
        Secrets::of(plain.chain(decoded))
    }

    /// `Host` header.
    pub fn host(&self, endpoint: u16) -> &str {
        self.endpoints.get(usize::from(endpoint)).map_or("", |endpoint| endpoint.host.as_str())
    }

    /// A connection's extra headers.
    pub fn headers(&self, connection: u32) -> Cow<'_, [(String, String)]> {
        if self.feed.is_none() {
            return Cow::Borrowed(&self.headers);
        }
        let fill = |(name, value): &(String, String)| {
            (name.clone(), self.filled(value, connection, str::to_owned).into_owned())
        };
        self.headers.iter().map(fill).collect()
    }

    /// A text with the values of a connection's row in place of its columns, each as `encode` makes it.
    fn filled<'t>(&self, text: &'t str, connection: u32, encode: impl Fn(&str) -> String) -> Cow<'t, str> {
        let Some(feed) = &self.feed else { return Cow::Borrowed(text) };
        let piece = |piece: Piece| match piece {
            Piece::Literal(literal) => literal,
            Piece::Placeholder(name) => match feed.value(&name, connection) {
                Some(value) => encode(value),
                None => format!("{{{name}}}"),
            },
        };
        Cow::Owned(pieces(text).into_iter().map(piece).collect())
    }
}

fn path(template: &str, room: &str) -> String {
    template.replace("{room}", &utf8_percent_encode(room, SEGMENT).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(path: &str, header: &str) -> Requests {
        Requests {
            endpoints: Vec::new(),
            paths: vec![super::path(path, "a b")],
            headers: vec![("Authorization".to_owned(), header.to_owned())],
            feed: Some(Arc::new(Feed::parse(b"user,token\nada,s3cr3t\nb/ob,hunter2\n").unwrap())),
            subprotocols: Vec::new(),
        }
    }

    #[test]
    fn a_room_is_one_segment_whatever_it_holds() {
        assert_eq!(path("/broadcast/{room}", "ADA/XBT"), "/broadcast/ADA%2FXBT");
        assert_eq!(path("/ws/{room}?x=1", "a b?#é"), "/ws/a%20b%3F%23%C3%A9?x=1");
        assert_eq!(path("/fixed", "r0"), "/fixed");
    }

    #[test]
    fn each_connection_asks_with_its_own_row() {
        let requests = requests("/ws/{room}/{user}", "Bearer {token}");
        let whose = |connection| Whose { connection, room: 0, endpoint: 0 };
        assert_eq!(requests.path(whose(0)), "/ws/a%20b/ada");
        assert_eq!(requests.path(whose(1)), "/ws/a%20b/b%2Fob");
        assert_eq!(requests.headers(1)[0].1, "Bearer hunter2");
    }

    #[test]
    fn what_a_server_must_not_repeat_is_known_in_every_form() {
        let requests = requests("/ws/{room}/{user}?key=a%2Fb%2Fc&v=2", "Bearer {token}");
        let secrets =
            requests.secrets(Whose { connection: 1, room: 0, endpoint: 0 }, "ws://h/ws/a%20b/{user}?[redacted]");
        for secret in ["key=a%2Fb%2Fc&v=2", "a%2Fb%2Fc", "a/b/c", "Bearer hunter2", "hunter2", "b%2Fob", "b/ob"] {
            assert_eq!(secrets.out_of(&format!("it said {secret}!")), "it said [redacted]!");
        }
        for known in ["ws", "a%20b", "a b", "2"] {
            assert_eq!(secrets.out_of(known), known);
        }
    }
}
