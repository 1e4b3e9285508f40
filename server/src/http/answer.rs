//! Answers to requests that stay HTTP.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

pub(crate) type Answer = Response<Full<Bytes>>;

/// A request that does not become a WebSocket.
pub(crate) struct Refused {
    pub status: u16,
    sentence: String,
    /// What a 401 asks for.
    challenge: Option<&'static str>,
    /// The methods that a 405 names.
    allow: &'static str,
}

impl Refused {
    pub fn new(status: u16, sentence: &(impl ToString + ?Sized)) -> Self {
        Self::challenging(status, sentence, None)
    }

    /// With a `WWW-Authenticate`, if one is given.
    pub fn challenging(status: u16, sentence: &(impl ToString + ?Sized), challenge: Option<&'static str>) -> Self {
        Self { status, sentence: sentence.to_string(), challenge, allow: "GET" }
    }

    /// The route takes other methods: `allow`.
    pub fn method(sentence: &str, allow: &'static str) -> Self {
        Self { allow, ..Self::new(405, sentence) }
    }

    /// The server, or a part of it, is not there any more.
    pub fn stopping() -> Self {
        Self::new(503, "the server is stopping; connect to another, or again in a moment")
    }

    pub fn into_answer(self) -> Answer {
        let mut answer = text(self.status, &self.sentence);
        // What would have been right: RFC 9110 sections 11.6.1, 15.5.6 and 15.5.22, RFC 6455 section 4.4.
        if let Some(challenge) = self.challenge {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if self.status == 405 {
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(self.allow));
        }
        if self.status == 503 {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == 426 {
            answer.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            answer.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        }
        answer
    }
}

pub(crate) fn text(status: u16, sentence: &str) -> Answer {
    answer(status, "text/plain; charset=utf-8", format!("{sentence}\n").into_bytes())
}

pub(super) fn json(status: u16, value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(mut json) => {
            json.push(b'\n');
            answer(status, "application/json", json)
        }
        Err(error) => text(500, &error.to_string()),
    }
}

/// On the clients' listener every answer but a 101 ends the connection: it is one request a connection, all of it under one timeout.
pub(crate) fn answer(status: u16, kind: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}
