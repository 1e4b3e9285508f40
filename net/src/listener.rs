//! Opens a listening socket with the options that a broadcast server needs.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// How to listen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListenOptions {
    /// Connections that may wait to be accepted. The kernel caps it at `net.core.somaxconn` without saying so.
    pub backlog: i32,
}

impl Default for ListenOptions {
    /// A backlog of 4096 (a ramp of thousands a second overflows the usual 128).
    fn default() -> Self {
        Self { backlog: 4096 }
    }
}

/// Why listening failed, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// `EADDRINUSE`.
    #[error("{addr} is in use: stop the program that listens there, or choose another port (0 takes a free one)")]
    InUse {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// `EACCES`.
    #[error(
        "not allowed to listen on {addr}: ports below net.ipv4.ip_unprivileged_port_start (usually 1024) need the \
         capability CAP_NET_BIND_SERVICE; choose a higher port"
    )]
    NotAllowed {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// `EADDRNOTAVAIL`.
    #[error("{addr} is not an address of this machine: use one that `ip addr` lists, or 0.0.0.0 for all")]
    NotLocal {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// Anything else.
    #[error("cannot listen on {addr}: {source}")]
    Other {
        /// The address asked for.
        addr: SocketAddr,
        /// The kernel's reason.
        source: io::Error,
    },
}

/// Listens on `addr`, non-blocking, with `SO_REUSEADDR` so that a restart need not wait for old connections to time out.
///
/// # Errors
/// See [`ListenError`].
pub fn listen(addr: SocketAddr, options: ListenOptions) -> Result<TcpListener, ListenError> {
    open(addr, options).map_err(|source| match source.raw_os_error() {
        Some(libc::EADDRINUSE) => ListenError::InUse { addr },
        Some(libc::EACCES) => ListenError::NotAllowed { addr },
        Some(libc::EADDRNOTAVAIL) => ListenError::NotLocal { addr },
        _ => ListenError::Other { addr, source },
    })
}

fn open(addr: SocketAddr, options: ListenOptions) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(options.backlog)?;
    Ok(socket.into())
}
