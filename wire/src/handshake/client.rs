//! The client's side: write the request, verify the answer (RFC 6455 4.1).

use super::error::HandshakeError;
use super::key::accept_key;
use super::token::{is_token, lists};
use crate::deflate::{Agreement, Offer, verify_extensions};

/// The longest header of an answer that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// The most header lines of an answer that are read.
pub const MAX_ANSWER_HEADERS: usize = 64;

/// An upgrade request to be written.
#[derive(Clone, Copy, Debug)]
pub struct ClientRequest<'a> {
    /// Host and, unless it is the scheme's own, port: `example.org:9001`.
    pub host: &'a str,
    /// Path and query, percent-encoded: `/broadcast/r1?resume=..`.
    pub path: &'a str,
    /// From [`encode_key`](super::encode_key), fresh for every connection.
    pub key: &'a str,
    /// Further headers, such as `Authorization` or `Origin`.
    pub headers: &'a [(String, String)],
    /// Subprotocols to offer, the preferred one first.
    pub subprotocols: &'a [String],
    /// Compression to offer.
    pub compression: Option<Offer>,
}

impl ClientRequest<'_> {
    /// Appends the request to `out`, or leaves `out` as it was.
    ///
    /// # Errors
    /// A part with a character that would let it break out of its line or place (a line break in a header value, a blank in
    /// the path), or a header that the handshake writes itself.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), HandshakeError> {
        self.check()?;
        let mut text = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n",
            self.path, self.host, self.key
        );
        if !self.subprotocols.is_empty() {
            text.push_str("Sec-WebSocket-Protocol: ");
            text.push_str(&self.subprotocols.join(", "));
            text.push_str("\r\n");
        }
        if let Some(offer) = &self.compression {
            text.push_str("Sec-WebSocket-Extensions: ");
            text.push_str(&offer.value());
            text.push_str("\r\n");
        }
        for (name, value) in self.headers {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    fn check(&self) -> Result<(), HandshakeError> {
        let visible = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        require(visible(self.host), "the host", self.host)?;
        require(visible(self.path) && self.path.starts_with('/') && !self.path.contains('#'), "the path", self.path)?;
        require(visible(self.key), "the key", self.key)?;
        for name in self.subprotocols {
            require(is_token(name), "a subprotocol", name)?;
        }
        for (name, value) in self.headers {
            require(is_token(name), "a header's name", name)?;
            if is_reserved_header(name) {
                return Err(HandshakeError::ReservedHeader(name.clone()));
            }
            require(!value.chars().any(|c| c.is_control() && c != '\t'), "a header's value", value)?;
        }
        Ok(())
    }
}

fn require(allowed: bool, part: &'static str, text: &str) -> Result<(), HandshakeError> {
    if allowed { Ok(()) } else { Err(HandshakeError::ForbiddenCharacter { part, text: text.to_owned() }) }
}

/// Whether [`ClientRequest::headers`] may not hold a header of this name, in any case of letters: the handshake writes it
/// itself, or it would make the request something else.
#[must_use]
pub fn is_reserved_header(name: &str) -> bool {
    const OURS: [&str; 9] = [
        "host",
        "upgrade",
        "connection",
        "content-length",
        "transfer-encoding",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-protocol",
        "sec-websocket-extensions",
    ];
    OURS.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// What a server answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The header has not ended yet: read more and ask again.
    Incomplete,
    /// The connection is a WebSocket.
    Upgraded {
        /// Bytes of the answer; frames begin here.
        consumed: usize,
        /// The subprotocol that the server chose of those offered.
        subprotocol: Option<String>,
        /// The compression that the server agreed to.
        compression: Option<Agreement>,
        /// All header lines, such as `Fanout-Cursor`; bytes that are not UTF-8 are replaced.
        headers: Vec<(String, String)>,
    },
    /// The server answered with another status than 101.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The reason phrase after it; may be empty.
        reason: String,
        /// Bytes of the answer's header; its body begins here.
        consumed: usize,
        /// All header lines, such as `Retry-After` or `Location`.
        headers: Vec<(String, String)>,
    },
}

/// Reads the answer to a [`ClientRequest`] from the beginning of `buf` and verifies it (RFC 6455 4.1).
///
/// `key`, `subprotocols` and `compression` are what the request offered.
///
/// # Errors
/// What is not HTTP/1.1, a header beyond [`MAX_ANSWER_BYTES`] or [`MAX_ANSWER_HEADERS`], or a 101 that does not answer this
/// request. A refusal by status is no error but [`Answer::Refused`].
pub fn verify_answer(
    buf: &[u8],
    key: &str,
    subprotocols: &[String],
    compression: Option<&Offer>,
) -> Result<Answer, HandshakeError> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_ANSWER_HEADERS];
    let mut response = httparse::Response::new(&mut lines);
    let head = &buf[..buf.len().min(MAX_ANSWER_BYTES)];
    let consumed = match response.parse(head) {
        Ok(httparse::Status::Complete(consumed)) => consumed,
        Ok(httparse::Status::Partial) if buf.len() >= MAX_ANSWER_BYTES => {
            return Err(HandshakeError::AnswerTooLong { max: MAX_ANSWER_BYTES });
        }
        Ok(httparse::Status::Partial) => return Ok(Answer::Incomplete),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(HandshakeError::TooManyHeaders { max: MAX_ANSWER_HEADERS });
        }
        Err(error) => return Err(HandshakeError::NotHttp(error.to_string())),
    };
    let status = response.code.unwrap_or(0);
    let headers: Vec<(String, String)> = response
        .headers
        .iter()
        .map(|line| (line.name.to_owned(), String::from_utf8_lossy(line.value).trim().to_owned()))
        .collect();
    if status != 101 {
        let reason = response.reason.unwrap_or("").to_owned();
        return Ok(Answer::Refused { status, reason, consumed, headers });
    }
    if response.version != Some(1) {
        return Err(HandshakeError::NotHttp("a 101 in HTTP/1.0".to_owned()));
    }
    let subprotocol = verify_upgrade(&headers, key, subprotocols)?;
    let compression = verify_extensions(joined(&headers, "sec-websocket-extensions").as_deref(), compression)?;
    Ok(Answer::Upgraded { consumed, subprotocol, compression, headers })
}

fn verify_upgrade(
    headers: &[(String, String)],
    key: &str,
    offered_subprotocols: &[String],
) -> Result<Option<String>, HandshakeError> {
    let upgrade = joined(headers, "upgrade");
    if !upgrade.as_deref().is_some_and(|value| value.eq_ignore_ascii_case("websocket")) {
        return Err(HandshakeError::WrongUpgrade(upgrade));
    }
    let connection = joined(headers, "connection");
    if !connection.as_deref().is_some_and(|value| lists(value, "upgrade")) {
        return Err(HandshakeError::WrongConnection(connection));
    }
    let wanted = accept_key(key);
    let got = joined(headers, "sec-websocket-accept");
    if got.as_deref() != Some(wanted.as_str()) {
        return Err(HandshakeError::WrongAcceptKey { got, wanted });
    }
    match joined(headers, "sec-websocket-protocol") {
        Some(chosen) if !offered_subprotocols.contains(&chosen) => Err(HandshakeError::SubprotocolNotOffered(chosen)),
        chosen => Ok(chosen),
    }
}

/// The values of all lines of this name, joined with commas as HTTP has it (RFC 9110 5.3).
fn joined(headers: &[(String, String)], name: &str) -> Option<String> {
    let mut values = headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
    let first = values.next()?.to_owned();
    Some(values.fold(first, |all, value| all + ", " + value))
}
