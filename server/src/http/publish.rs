//! `POST /publish/{room}`: a message to a room without a WebSocket.

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Body, Bytes, Incoming};
use hyper::header;
use serde::Serialize;
use wire::Opcode;

use super::answer::{Answer, Refused, json};
use super::site::Site;
use crate::room::home_shard;
use crate::shard::Ask;
use crate::stats::Service;

/// Of a body that is too large, so much is read and thrown away, so that the sender is there to see the answer; in bytes.
const DISCARDED: usize = 16 << 20;

#[derive(Serialize)]
struct Published<'a> {
    room: &'a str,
    seq: String,
    index: u64,
}

impl Site {
    pub(super) async fn publish(&self, room: String, request: Request<Incoming>) -> Result<Answer, Refused> {
        if self.service() == Service::Draining {
            return Err(Refused::stopping());
        }
        let kind = request.headers().get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
        let opcode = opcode(kind.unwrap_or_default());
        let waits = request.headers().contains_key(header::EXPECT);
        let payload = self.body(request.into_body(), waits).await?;
        if opcode == Opcode::Text && std::str::from_utf8(&payload).is_err() {
            return Err(Refused::new(
                400,
                "a text message must be UTF-8; send Content-Type: application/octet-stream for binary",
            ));
        }
        let shard = home_shard(&room, self.shards.len());
        let name = room.clone();
        let published = self.ask(shard, |reply| Ask::Publish { room: name, opcode, payload, reply }).await?;
        let seq = published.map_err(|error| Refused::new(error.status(), &error))?;
        Ok(json(200, &Published { room: &room, seq: seq.to_string(), index: seq.index }))
    }

    /// A request's body, if it is not too large. A sender that waits to be told to go on is told the limit instead.
    async fn body(&self, mut body: Incoming, waits: bool) -> Result<Bytes, Refused> {
        let limit = self.max_message;
        let too_large = || Refused::new(413, &format!("a message may have {limit} bytes at most (--max-message)"));
        let announced = body.size_hint().lower();
        if announced > limit as u64 && waits {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(announced.min(limit as u64) as usize);
        let mut received = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| Refused::new(400, &format!("the message broke off: {error}")))?;
            let Ok(data) = frame.into_data() else { continue };
            received += data.len();
            if received <= limit {
                bytes.extend_from_slice(&data);
            } else if received > limit.saturating_add(DISCARDED) {
                break;
            }
        }
        if received > limit { Err(too_large()) } else { Ok(bytes.into()) }
    }
}

/// What a content type says that the message is: text, or, by default, binary.
fn opcode(content_type: &str) -> Opcode {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = kind.starts_with("text/") || kind == "application/json" || kind.ends_with("+json");
    if text { Opcode::Text } else { Opcode::Binary }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_type_decides_between_text_and_binary() {
        for text in ["text/plain", "Text/HTML; charset=utf-8", "application/json", "application/geo+json;x=y"] {
            assert_eq!(opcode(text), Opcode::Text, "{text}");
        }
        for binary in ["", "application/octet-stream", "image/png", "application/x-www-form-urlencoded", "textual"] {
            assert_eq!(opcode(binary), Opcode::Binary, "{binary}");
        }
    }
}
