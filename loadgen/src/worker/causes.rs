//! How the report names the end of a connection, alike for every client.

use std::io;

use wire::close::CloseFrame;

/// How the report names a close by the server.
pub fn closed_by(frame: Option<CloseFrame>) -> String {
    match frame {
        Some(frame) if frame.reason.is_empty() => format!("server: close {} ({})", frame.code.0, frame.code.name()),
        Some(frame) => format!("server: close {} ({})", frame.code.0, frame.reason),
        None => "server: close without a code".to_owned(),
    }
}

/// How it names an error of the socket.
pub fn broken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset => "server: connection reset".to_owned(),
        io::ErrorKind::BrokenPipe => "server: closed while we were sending".to_owned(),
        _ => format!("network: {error}"),
    }
}
