//! How connections of the second client are opened, and why they fail.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};
use wire::handshake::HandshakeError;

use crate::worker::causes::{self, END_OF_STREAM, PROTOCOL_ERROR, handshake_cause};
use crate::worker::tally::Blame;

/// Why a connection did not open.
pub(super) enum Failure {
    Refused(u16),
    Failed(String, Blame),
}

impl Failure {
    pub fn of(error: WsError) -> Self {
        match error {
            WsError::Http(response) => Failure::Refused(response.status().as_u16()),
            other => Failure::Failed(broken(&other), Blame::Server),
        }
    }

    pub fn of_tls(error: io::Error) -> Self {
        let cause = match error.kind() {
            io::ErrorKind::UnexpectedEof => causes::NOT_SECURED.to_owned(),
            _ => causes::broken(&error),
        };
        Failure::Failed(cause, Blame::Server)
    }
}

/// A step of the opening, which fails as `late` when it has not ended by then.
pub(super) async fn before<T>(until: Instant, step: impl Future<Output = T>, late: &str) -> Result<T, Failure> {
    timeout_at(until, step).await.map_err(|_| Failure::Failed(late.to_owned(), Blame::Server))
}

/// Why a connection broke, in the words of both clients.
pub(super) fn broken(error: &WsError) -> String {
    match error {
        WsError::Io(error) => causes::broken(error),
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) | WsError::ConnectionClosed => {
            END_OF_STREAM.to_owned()
        }
        WsError::Protocol(ProtocolError::NonZeroReservedBits) => causes::RESERVED_BITS.to_owned(),
        WsError::Protocol(ProtocolError::HandshakeIncomplete) => causes::NOT_ANSWERED.to_owned(),
        WsError::Protocol(ProtocolError::MissingUpgradeWebSocketHeader) => {
            handshake_cause(&HandshakeError::WrongUpgrade(None))
        }
        WsError::Protocol(ProtocolError::MissingConnectionUpgradeHeader) => {
            handshake_cause(&HandshakeError::WrongConnection(None))
        }
        WsError::Protocol(ProtocolError::SecWebSocketAcceptKeyMismatch) => {
            handshake_cause(&HandshakeError::WrongAcceptKey { got: None, wanted: String::new() })
        }
        WsError::Protocol(ProtocolError::HttparseError(_)) => handshake_cause(&HandshakeError::NotHttp(String::new())),
        WsError::Protocol(_) | WsError::Utf8(_) | WsError::Capacity(_) => PROTOCOL_ERROR.to_owned(),
        other => format!("client: {other}"),
    }
}

/// Opens a socket, from an address of the machine's where one is asked for.
pub(super) async fn connect(to: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    socket.set_nodelay(true)?;
    socket.connect(to).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_that_goes_wrong_is_named_as_the_native_client_names_it() {
        for (error, cause) in [
            (ProtocolError::HandshakeIncomplete, "closed by the server before it answered the upgrade"),
            (ProtocolError::SecWebSocketAcceptKeyMismatch, "the answer's Sec-WebSocket-Accept does not answer our key"),
            (ProtocolError::MissingUpgradeWebSocketHeader, "the server switched protocols, but not to websocket"),
            (ProtocolError::MissingConnectionUpgradeHeader, "the server's 101 lacks \"Connection: Upgrade\""),
            (ProtocolError::MaskedFrameFromServer, PROTOCOL_ERROR),
        ] {
            assert_eq!(broken(&WsError::Protocol(error)), cause);
        }
    }

    #[tokio::test]
    async fn a_step_that_does_not_end_in_time_fails_by_its_own_name() {
        let past = Instant::now();
        assert!(matches!(before(past, async { 7 }, causes::NO_ANSWER).await, Ok(7)), "it had ended already");
        let late = before(past, std::future::pending::<()>(), causes::NO_END_OF_TLS).await;
        assert!(matches!(late, Err(Failure::Failed(cause, Blame::Server)) if cause == causes::NO_END_OF_TLS));
    }
}
