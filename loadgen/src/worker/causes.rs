//! How `run.json` names the end of a connection, alike for every client. These are keys of a table, and a run can have tens of
//! thousands of connections: nothing that a server words itself, or that differs by connection, gets into them.

use std::io;

use wire::ProtocolError;
use wire::close::CloseFrame;
use wire::handshake::HandshakeError;

use crate::tls;

/// The stream ended without a close frame.
pub const END_OF_STREAM: &str = "server eof";
/// The server broke RFC 6455.
pub const PROTOCOL_ERROR: &str = "server protocol error";

/// TCP, TLS and the upgrade together took longer than [`OPEN_WITHIN`](super::dialer::OPEN_WITHIN): in TLS, or elsewhere.
pub const NO_END_OF_TLS: &str = "TLS: no end of the handshake within 10 s";
pub const NO_ANSWER: &str = "no answer to the upgrade within 10 s";
/// The stream ended before TLS had begun.
pub const NOT_SECURED: &str = "TLS: closed by the server during the handshake";
/// The stream ended before the upgrade was answered.
pub const NOT_ANSWERED: &str = "closed by the server before it answered the upgrade";
/// RSV1 where no compression was agreed on, or a bit that has no meaning anywhere.
pub const RESERVED_BITS: &str = "server protocol error: reserved bits without an extension that was agreed on";
/// An upgrade without the compression that the scenario requires.
pub const NO_COMPRESSION: &str = "the server did not agree to permessage-deflate, which the scenario requires";

/// A violation of the protocol; those of compression by their names.
pub fn broke_protocol(error: &ProtocolError) -> &'static str {
    match error {
        ProtocolError::ReservedBits(_) => RESERVED_BITS,
        ProtocolError::CompressedBitMisplaced => "server protocol error: RSV1 on a control frame or a continuation",
        ProtocolError::InvalidDeflate => "server protocol error: a compressed message does not decompress",
        ProtocolError::MessageTooBig { .. } | ProtocolError::FrameTooBig { .. } => {
            "server protocol error: a message is too big"
        }
        _ => PROTOCOL_ERROR,
    }
}

/// A close by the server: `server 1013`.
pub fn closed_by(frame: Option<CloseFrame>) -> String {
    frame.map_or("server close without a code".to_owned(), |frame| format!("server {}", frame.code.0))
}

/// An error of the socket: `server reset`, `network: ...`, or of its TLS.
pub fn broken(error: &io::Error) -> String {
    if let Some(failure) = tls::failure(error) {
        return tls::cause(failure).to_owned();
    }
    match error.kind() {
        // A pipe breaks when the server's end is already closed: the same, met while sending.
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => "server reset".to_owned(),
        // What the system says is one of a few sentences; what a library adds may be anything.
        _ if error.raw_os_error().is_some() => format!("network: {error}"),
        kind => format!("network: {kind}"),
    }
}

/// An upgrade that failed for another reason than the status of its answer.
pub fn handshake_cause(error: &HandshakeError) -> String {
    use HandshakeError as E;
    match error {
        E::NotHttp(_) => "the answer to the upgrade is not HTTP/1.1",
        E::WrongUpgrade(_) => "the server switched protocols, but not to websocket",
        E::WrongConnection(_) => "the server's 101 lacks \"Connection: Upgrade\"",
        E::WrongAcceptKey { .. } => "the answer's Sec-WebSocket-Accept does not answer our key",
        E::ExtensionNotOffered(_) => "the server chose an extension that was not offered",
        E::ImpossibleExtension { .. } => "the server agreed to permessage-deflate on terms that were not offered",
        E::MalformedExtensions(_) => "the answer's Sec-WebSocket-Extensions is not a list of extensions",
        E::SubprotocolNotOffered(_) => "the server chose a subprotocol that was not offered",
        // The rest says nothing of the server's.
        other => return other.to_string(),
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use wire::close::CloseCode;

    use super::*;

    #[test]
    fn a_close_is_named_by_its_code_whatever_the_server_says_with_it() {
        let frame = |reason: &str| Some(CloseFrame { code: CloseCode(4002), reason: reason.to_owned() });
        assert_eq!(closed_by(frame("cursor 17")), "server 4002");
        assert_eq!(closed_by(frame("")), "server 4002");
        assert_eq!(closed_by(None), "server close without a code");
    }

    #[test]
    fn a_broken_socket_is_a_reset_or_what_the_system_says() {
        assert_eq!(broken(&io::Error::from_raw_os_error(libc::ECONNRESET)), "server reset");
        assert_eq!(broken(&io::Error::from_raw_os_error(libc::EPIPE)), "server reset");
        let timed_out = broken(&io::Error::from_raw_os_error(libc::ETIMEDOUT));
        assert!(timed_out.starts_with("network: ") && timed_out.contains("timed out"), "{timed_out}");
        assert_eq!(broken(&io::Error::new(io::ErrorKind::InvalidData, "id 4711")), "network: invalid data");
    }

    #[test]
    fn a_failed_upgrade_is_named_alike_for_every_connection() {
        for (error, other) in [
            (
                HandshakeError::WrongAcceptKey { got: Some("a".to_owned()), wanted: "b".to_owned() },
                HandshakeError::WrongAcceptKey { got: None, wanted: "c".to_owned() },
            ),
            (HandshakeError::NotHttp("a".to_owned()), HandshakeError::NotHttp("b".to_owned())),
            (HandshakeError::WrongUpgrade(None), HandshakeError::WrongUpgrade(Some("h2c".to_owned()))),
            (HandshakeError::WrongConnection(None), HandshakeError::WrongConnection(Some("close".to_owned()))),
            (HandshakeError::ExtensionNotOffered("a".to_owned()), HandshakeError::ExtensionNotOffered("b".to_owned())),
            (
                HandshakeError::SubprotocolNotOffered("a".to_owned()),
                HandshakeError::SubprotocolNotOffered("b".to_owned()),
            ),
        ] {
            assert_eq!(handshake_cause(&error), handshake_cause(&other));
        }
    }
}
