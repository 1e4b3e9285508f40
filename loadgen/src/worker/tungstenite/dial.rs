//! How connections of the second client are opened, and why they fail.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::error::{Error as WsError, ProtocolError};

use crate::worker::causes::{self, END_OF_STREAM, PROTOCOL_ERROR};
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
}

/// Why a connection broke, in the words of both clients.
pub(super) fn broken(error: &WsError) -> String {
    match error {
        WsError::Io(error) => causes::broken(error),
        WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) | WsError::ConnectionClosed => {
            END_OF_STREAM.to_owned()
        }
        WsError::Protocol(ProtocolError::NonZeroReservedBits) => causes::RESERVED_BITS.to_owned(),
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
