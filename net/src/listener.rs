//! Opens a listening socket with the options that a broadcast server needs.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// How to listen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListenOptions {
    /// Connections that may wait to be accepted. The kernel caps it at `net.core.somaxconn` without saying so.
    pub backlog: i32,
    /// How many bytes that were not sent yet the kernel takes for an accepted connection (`TCP_NOTSENT_LOWAT`); beyond it, writes stop short
    /// or would block. It is writable again at half of that. The kernel's default is no such bound.
    pub not_sent: Option<u32>,
    /// How long an accepted connection's peer may acknowledge nothing of what waits, or take nothing, until the connection breaks
    /// (`TCP_USER_TIMEOUT`). The kernel's default is about a quarter of an hour without any answer, and for ever if the peer answers that it
    /// takes nothing.
    pub user_timeout: Option<Duration>,
}

impl Default for ListenOptions {
    /// A backlog of 4096 (a ramp of thousands a second overflows the usual 128), and the kernel's defaults for what is accepted.
    fn default() -> Self {
        Self { backlog: 4096, not_sent: None, user_timeout: None }
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
    // Accepted sockets take both over from the one that listens, which costs them no call.
    if let Some(bytes) = options.not_sent {
        socket.set_tcp_notsent_lowat(bytes)?;
    }
    socket.set_tcp_user_timeout(options.user_timeout)?;
    socket.bind(&addr.into())?;
    socket.listen(options.backlog)?;
    Ok(socket.into())
}
