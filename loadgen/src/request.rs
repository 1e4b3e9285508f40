//! The upgrade requests of a run: one path a room, the same headers for all.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use wire::deflate::Offer;
use wire::handshake::{ClientRequest, HandshakeError};

use crate::plan::Plan;

/// Everything but RFC 3986's unreserved characters: a room name is one path segment whatever it holds.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Writes upgrade requests.
#[derive(Debug, Clone)]
pub struct Requests {
    host: String,
    paths: Vec<String>,
    headers: Vec<(String, String)>,
    /// Subprotocols that are offered.
    pub subprotocols: Vec<String>,
}

impl Requests {
    /// Requests for the rooms of a plan.
    pub fn new(plan: &Plan, host: &str) -> Self {
        Requests {
            host: host.to_owned(),
            paths: plan.rooms.iter().map(|room| path(&plan.target.path, room)).collect(),
            headers: plan.target.headers.clone(),
            subprotocols: plan.target.subprotocols.clone(),
        }
    }

    /// Appends the request for a room of the plan, with an offer of compression, and the cursor to resume from.
    ///
    /// # Errors
    /// A path or header that cannot be sent.
    pub fn write(
        &self,
        room: u32,
        key: &str,
        compression: Option<Offer>,
        resume: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<(), HandshakeError> {
        let path = self.path(room);
        let separator = if path.contains('?') { '&' } else { '?' };
        let resuming = resume.map(|cursor| format!("{path}{separator}resume={cursor}"));
        let request = ClientRequest {
            host: &self.host,
            path: resuming.as_deref().unwrap_or(path),
            key,
            headers: &self.headers,
            subprotocols: &self.subprotocols,
            compression,
        };
        request.write(out)
    }

    /// The path of a room.
    pub fn path(&self, room: u32) -> &str {
        self.paths.get(room as usize).map_or("/", String::as_str)
    }

    /// `Host` header.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Extra headers.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }
}

fn path(template: &str, room: &str) -> String {
    template.replace("{room}", &utf8_percent_encode(room, SEGMENT).to_string())
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn a_room_is_one_segment_whatever_it_holds() {
        assert_eq!(path("/broadcast/{room}", "ADA/XBT"), "/broadcast/ADA%2FXBT");
        assert_eq!(path("/ws/{room}?x=1", "a b?#é"), "/ws/a%20b%3F%23%C3%A9?x=1");
        assert_eq!(path("/fixed", "r0"), "/fixed");
    }
}
