//! A subscriber that never reads: what a broadcast server must survive.

use std::io;
use std::net::{SocketAddr, TcpStream};

use socket2::{Domain, Protocol, Socket, Type};

use crate::upgrade::upgrade;

/// The smallest receive buffer worth asking for: a server's writes stop fitting after a few kilobytes. Left alone, the kernel would
/// let it grow to megabytes.
const RECEIVE_BUFFER: usize = 4096;

/// Joins the room at `path` of the server at `to`, and leaves everything that follows unread for as long as the stream lives.
///
/// # Errors
/// When the server cannot be reached or refuses, or messages come at once: stop reading before the room speaks.
pub fn stopped_reader(to: SocketAddr, path: &str) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM.cloexec(), Some(Protocol::TCP))?;
    // Before the connect, so that no larger window is ever offered.
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.connect(&to.into())?;
    let mut stream = socket.into();
    upgrade(&mut stream, to, path)?;
    Ok(stream)
}
