//! Where messages are posted, and what a request looks like.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use percent_encoding::utf8_percent_encode;
use wire::frame::Opcode;

use crate::feed::Feed;
use crate::payload::template::{Piece, pieces};
use crate::plan::Tls;
use crate::request::SEGMENT;

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The server under test, where its connections go (`{target.address}`).
    Target,
    /// The operators' listener of the bundled server (`{target.admin}`).
    Admin,
    /// Another address.
    Address {
        /// `Host` header.
        host: String,
        /// Where to connect.
        address: SocketAddr,
    },
}

/// How a group of publishers posts its messages.
#[derive(Clone)]
pub struct Route {
    /// Where to.
    pub to: Destination,
    /// `None`: requests go over TCP as they are.
    pub tls: Option<Tls>,
    /// Method.
    pub method: String,
    /// Path and query, with placeholders.
    pub path: String,
    /// Further headers; values may hold placeholders, and be secret.
    pub headers: Vec<(String, String)>,
    /// The body around the message, with placeholders.
    pub body: String,
    /// One row a connection.
    pub feed: Option<Arc<Feed>>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers and path may hold secrets.
        f.debug_struct("Route").field("to", &self.to).field("method", &self.method).finish_non_exhaustive()
    }
}

/// One message to be posted.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// `Host` header.
    pub host: &'a str,
    /// Name of its room.
    pub room: &'a str,
    /// Which connection of the run posts it: its row of the feed.
    pub connection: u32,
    /// Text or binary.
    pub opcode: Opcode,
    /// The message.
    pub message: &'a [u8],
}

impl Route {
    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Appends the request that posts a message.
    pub fn write(&self, letter: Letter<'_>, out: &mut Vec<u8>) {
        let mut body = Vec::with_capacity(letter.message.len() + self.body.len());
        self.fill(&self.body, letter, Encoding::Body, &mut body);
        let mut put = |part: &str| out.extend_from_slice(part.as_bytes());
        put(&self.method);
        put(" ");
        let mut path = Vec::new();
        self.fill(&self.path, letter, Encoding::Path, &mut path);
        out.extend_from_slice(&path);
        let mut put = |part: &str| out.extend_from_slice(part.as_bytes());
        put(" HTTP/1.1\r\nHost: ");
        put(letter.host);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            put(match letter.opcode {
                Opcode::Text => "\r\nContent-Type: text/plain; charset=utf-8",
                _ => "\r\nContent-Type: application/octet-stream",
            });
        }
        put(&format!("\r\nContent-Length: {}", body.len()));
        for (name, value) in &self.headers {
            let mut filled = Vec::new();
            self.fill(value, letter, Encoding::Header, &mut filled);
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(&filled);
        }
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&body);
    }

    fn fill(&self, text: &str, letter: Letter<'_>, encoding: Encoding, out: &mut Vec<u8>) {
        let parts = pieces(text);
        for (i, piece) in parts.iter().enumerate() {
            let name = match piece {
                Piece::Literal(literal) => {
                    out.extend_from_slice(literal.as_bytes());
                    continue;
                }
                Piece::Placeholder(name) => name,
            };
            let quoted = matches!(
                (i.checked_sub(1).and_then(|i| parts.get(i)), parts.get(i + 1)),
                (Some(Piece::Literal(before)), Some(Piece::Literal(after)))
                    if before.ends_with('"') && after.starts_with('"')
            );
            let value = match name.as_str() {
                "message" => letter.message,
                "room" => letter.room.as_bytes(),
                column => {
                    let value = self.feed.as_ref().and_then(|feed| feed.value(column, letter.connection));
                    value.unwrap_or_default().as_bytes()
                }
            };
            encoding.append(value, quoted, out);
        }
    }
}

/// What a placeholder stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Path,
    Header,
    Body,
}

impl Encoding {
    /// Between double quotes in a body, a value is the inside of a JSON string, whatever it holds.
    fn append(self, value: &[u8], quoted: bool, out: &mut Vec<u8>) {
        match (self, std::str::from_utf8(value)) {
            (Encoding::Path, Ok(text)) => out.extend(utf8_percent_encode(text, SEGMENT).flat_map(str::bytes)),
            (Encoding::Body, Ok(text)) if quoted => {
                let json = serde_json::Value::from(text).to_string();
                out.extend_from_slice(&json.as_bytes()[1..json.len() - 1]);
            }
            _ => out.extend_from_slice(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(body: &str, message: &str) -> String {
        let route = Route {
            to: Destination::Target,
            tls: None,
            method: "POST".to_owned(),
            path: "/publish/{room}?as={user}".to_owned(),
            headers: vec![("Authorization".to_owned(), "Bearer {token}".to_owned())],
            body: body.to_owned(),
            feed: Some(Arc::new(Feed::parse(b"user,token\nada,s3cr3t\nbob,hunter2\n").unwrap())),
        };
        let letter =
            Letter { host: "h:1", room: "a/b", connection: 1, opcode: Opcode::Text, message: message.as_bytes() };
        let mut out = Vec::new();
        route.write(letter, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_request_is_written_with_room_and_row_filled_in() {
        assert_eq!(
            written("{message}", "hello"),
            "POST /publish/a%2Fb?as=bob HTTP/1.1\r\nHost: h:1\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: 5\r\nAuthorization: Bearer hunter2\r\n\r\nhello"
        );
    }

    #[test]
    fn between_quotes_a_message_becomes_the_inside_of_a_json_string() {
        let body = |template| written(template, r#"{"n":1}"#).split_once("\r\n\r\n").unwrap().1.to_owned();
        assert_eq!(body(r#"{"channel":"{room}","data":{message}}"#), r#"{"channel":"a/b","data":{"n":1}}"#);
        assert_eq!(body(r#"{"channel":"{room}","data":"{message}"}"#), r#"{"channel":"a/b","data":"{\"n\":1}"}"#);
    }
}
