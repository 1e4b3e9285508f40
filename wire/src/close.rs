//! Close codes and the payload of a close frame (RFC 6455 5.5.1 and 7.4).

use std::fmt;

use crate::error::ProtocolError;
use crate::frame::MAX_CONTROL_PAYLOAD;

/// Why a connection ends. Any number can arrive, so this is a number with names, not an enumeration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// 1000: the purpose is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server goes down, or the browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of message that is not accepted here.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1005: never sent; stands for a close frame without a code.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006: never sent; stands for a connection that ended without a close frame.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: the content is not what its type promises, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: against a rule of ours.
    pub const POLICY: Self = Self(1008);
    /// 1009: larger than we take.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: never sent by a server; the client missed an extension.
    pub const MANDATORY_EXTENSION: Self = Self(1010);
    /// 1011: our own fault.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the server restarts; come back in a moment.
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: overloaded, or this client is too slow; come back later.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: a gateway got no good answer from behind.
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 4001, ours: the room no longer holds what a resume asked for.
    pub const RESUME_IMPOSSIBLE: Self = Self(4001);
    /// 4002, ours: too slow for the room's log; the reason names the oldest cursor still held.
    pub const LAGGED: Self = Self(4002);
    /// 4003, ours: an administrator removed this client.
    pub const KICKED: Self = Self(4003);
    /// 4004, ours: an administrator closed the room.
    pub const ROOM_CLOSED: Self = Self(4004);

    /// A short name for tables and messages; codes without a meaning of their own are named after their range.
    pub fn name(self) -> &'static str {
        self.known().0
    }

    /// What it means, in a sentence for a person.
    pub fn meaning(self) -> &'static str {
        self.known().1
    }

    /// Whether a close frame may carry this code: those defined for it and 3000 to 4999 (RFC 6455 7.4.1, 7.4.2, and
    /// the codes 1012 to 1014 that were registered since).
    pub fn is_valid_on_wire(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    fn known(self) -> (&'static str, &'static str) {
        match self.0 {
            1000 => ("normal", "the connection has served its purpose"),
            1001 => ("going away", "the server is shutting down or the client has left the page"),
            1002 => ("protocol error", "the peer broke the WebSocket protocol"),
            1003 => ("unsupported", "a kind of message that is not accepted here"),
            1005 => ("no status", "the close frame named no code"),
            1006 => ("abnormal", "the connection ended without a close frame"),
            1007 => ("invalid payload", "the content is not what its type promises, such as text that is not UTF-8"),
            1008 => ("policy", "the message or the client is against a rule of the server"),
            1009 => ("too big", "the message is larger than the server takes"),
            1010 => ("mandatory extension", "the client needs an extension that the server did not agree to"),
            1011 => ("internal error", "the server failed"),
            1012 => ("service restart", "the server is restarting; connect again in a moment"),
            1013 => ("try again later", "the server is overloaded or the client too slow; connect again later"),
            1014 => ("bad gateway", "a gateway got no good answer from the server behind it"),
            1015 => ("TLS failure", "the TLS handshake failed"),
            4001 => (
                "resume impossible",
                "the room no longer holds the messages since the cursor; join again without resume",
            ),
            4002 => ("lagged", "the client was too slow for the room's log; resume from the cursor in the reason"),
            4003 => ("kicked", "an administrator removed the client"),
            4004 => ("room closed", "an administrator closed the room"),
            3000..=3999 => ("registered", "defined by a library or framework"),
            4000..=4999 => ("private", "defined by the application"),
            _ => ("unassigned", "a code without a meaning"),
        }
    }
}

impl From<u16> for CloseCode {
    fn from(code: u16) -> Self {
        Self(code)
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}

/// What a close frame says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CloseFrame {
    /// Why.
    pub code: CloseCode,
    /// More about why, for a person or as a protocol of ours defines; often empty, at most 123 bytes.
    pub reason: String,
}

impl CloseFrame {
    /// The longest reason, in bytes: what a control frame leaves beside the code.
    pub const MAX_REASON: usize = MAX_CONTROL_PAYLOAD - 2;

    /// Reads the payload of a close frame; an empty one names no code.
    ///
    /// # Errors
    /// A payload of one byte, a code that must not be sent, or a reason that is not UTF-8 (RFC 6455 5.5.1, 7.4).
    pub fn parse(payload: &[u8]) -> Result<Option<Self>, ProtocolError> {
        if payload.is_empty() {
            return Ok(None);
        }
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            return Err(ProtocolError::CloseTooShort);
        };
        let code = CloseCode(u16::from_be_bytes(*code));
        if !code.is_valid_on_wire() {
            return Err(ProtocolError::InvalidCloseCode(code.0));
        }
        let reason = std::str::from_utf8(reason).map_err(|_| ProtocolError::InvalidCloseReason)?;
        Ok(Some(Self { code, reason: reason.to_owned() }))
    }

    /// Appends the payload of a close frame, the reason cut to [`MAX_REASON`](Self::MAX_REASON) bytes at a character.
    ///
    /// A code that must not be sent ([`CloseCode::NO_STATUS`] in particular) gives an empty payload, which says just that.
    pub fn encode(code: CloseCode, reason: &str, out: &mut Vec<u8>) {
        if !code.is_valid_on_wire() {
            return;
        }
        let end = reason.floor_char_boundary(Self::MAX_REASON);
        out.extend_from_slice(&code.0.to_be_bytes());
        out.extend_from_slice(&reason.as_bytes()[..end]);
    }
}
