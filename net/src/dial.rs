//! Opens connections without blocking, from a chosen source address, and says what to do when the machine runs out.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use socket2::{Domain, Protocol, Type};

use crate::limits;
use crate::socket::Socket;
use crate::sys::check;

/// Why a connection could not be opened, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// `EADDRNOTAVAIL` or `EADDRINUSE` from the connect: no source port is left towards `to`.
    #[error(
        "no source port left towards {to}{}: one source address has {} ports to one destination; use more source addresses \
         (on loopback 127.0.0.2, 127.0.0.3, ...) or widen net.ipv4.ip_local_port_range",
        from.map(|ip| format!(" from {ip}")).unwrap_or_default(), ports()
    )]
    PortsExhausted {
        /// The destination.
        to: SocketAddr,
        /// The source address asked for.
        from: Option<IpAddr>,
    },
    /// `EMFILE`: this process may open no more descriptors.
    #[error(
        "this process has reached its limit of {limit} open descriptors: raise it (`ulimit -n`), or use several processes"
    )]
    ProcessDescriptors {
        /// The soft limit.
        limit: u64,
    },
    /// `ENFILE`: the whole system may open no more.
    #[error("the system has reached its limit of open files: raise fs.file-max, or use fewer connections")]
    SystemDescriptors,
    /// `ENOBUFS` or `ENOMEM`.
    #[error("the kernel has no memory for another socket: use fewer connections, or raise net.ipv4.tcp_mem")]
    Memory,
    /// The source address does not belong to this machine.
    #[error(
        "{from} is not an address of this machine: use one that `ip addr` lists (all of 127.0.0.0/8 is always there)"
    )]
    SourceNotLocal {
        /// The source address asked for.
        from: IpAddr,
    },
    /// An IPv4 source for an IPv6 destination or the other way round.
    #[error("cannot reach {to} from {from}: one is IPv4 and the other IPv6; use addresses of one kind")]
    FamilyMismatch {
        /// The destination.
        to: SocketAddr,
        /// The source address asked for.
        from: IpAddr,
    },
    /// `ECONNREFUSED`.
    #[error(
        "{to} refused the connection: nothing listens there, or its backlog is full; start the server or check the port"
    )]
    Refused {
        /// The destination.
        to: SocketAddr,
    },
    /// `ETIMEDOUT`, `EHOSTUNREACH` or `ENETUNREACH`.
    #[error("{to} cannot be reached ({source}): check the address, the route and firewalls")]
    Unreachable {
        /// The destination.
        to: SocketAddr,
        /// The kernel's reason.
        source: io::Error,
    },
    /// Anything else.
    #[error("cannot connect to {to}: {source}")]
    Other {
        /// The destination.
        to: SocketAddr,
        /// The kernel's reason.
        source: io::Error,
    },
}

fn ports() -> String {
    limits::ephemeral_ports().map_or_else(|_| "about 28,000".to_owned(), |range| range.count().to_string())
}

impl DialError {
    /// The meaning of an error of connecting `from` there `to`: what `connect` returned, or later
    /// [`Socket::take_error`].
    #[must_use]
    pub fn from_connect(source: io::Error, to: SocketAddr, from: Option<IpAddr>) -> Self {
        match source.raw_os_error() {
            Some(libc::EADDRNOTAVAIL | libc::EADDRINUSE) => Self::PortsExhausted { to, from },
            Some(libc::ECONNREFUSED) => Self::Refused { to },
            Some(libc::ETIMEDOUT | libc::EHOSTUNREACH | libc::ENETUNREACH) => Self::Unreachable { to, source },
            Some(libc::EMFILE) => Self::ProcessDescriptors { limit: limits::descriptors().map_or(0, |d| d.soft) },
            Some(libc::ENFILE) => Self::SystemDescriptors,
            Some(libc::ENOBUFS | libc::ENOMEM) => Self::Memory,
            _ => Self::Other { to, source },
        }
    }
}

/// Begins to connect to `to`, from source address `from` if one is given, with `TCP_NODELAY`.
///
/// Returns before the connection is open: add the socket to a poller for reading and writing, and when it is first writable, ask
/// [`Socket::take_error`] and give what it holds to [`DialError::from_connect`].
///
/// # Errors
/// What is known at once; see [`DialError`].
pub fn dial(to: SocketAddr, from: Option<IpAddr>) -> Result<Socket, DialError> {
    begin(to, from, None)
}

/// As [`dial`], for a socket whose receive buffer holds about `buffer` bytes (`SO_RCVBUF`, which the kernel doubles for its own
/// bookkeeping): the peer soon feels that nobody reads.
///
/// # Errors
/// As [`dial`].
pub fn dial_with_buffer(to: SocketAddr, from: Option<IpAddr>, buffer: usize) -> Result<Socket, DialError> {
    begin(to, from, Some(buffer))
}

fn begin(to: SocketAddr, from: Option<IpAddr>, buffer: Option<usize>) -> Result<Socket, DialError> {
    let failed = |source| DialError::from_connect(source, to, from);
    if let Some(from) = from.filter(|from| from.is_ipv4() != to.is_ipv4()) {
        return Err(DialError::FamilyMismatch { to, from });
    }
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = socket2::Socket::new(Domain::for_address(to), kind, Some(Protocol::TCP)).map_err(failed)?;
    socket.set_tcp_nodelay(true).map_err(failed)?;
    take_ports_of_both_parities(&socket);
    if let Some(buffer) = buffer {
        // Before the connect: the window that the handshake offers follows from it.
        socket.set_recv_buffer_size(buffer).map_err(failed)?;
    }
    if let Some(from) = from {
        // Without this the bind takes a port that is then taken towards every destination; with it the connect takes one
        // that need only be free towards this destination.
        bind_without_port(&socket).map_err(failed)?;
        socket.bind(&SocketAddr::new(from, 0).into()).map_err(|source| match source.raw_os_error() {
            Some(libc::EADDRNOTAVAIL) => DialError::SourceNotLocal { from },
            _ => failed(source),
        })?;
    }
    match socket.connect(&to.into()) {
        Err(e) if e.raw_os_error() != Some(libc::EINPROGRESS) => Err(failed(e)),
        _ => Ok(Socket::from(std::os::fd::OwnedFd::from(socket))),
    }
}

/// Lets `connect` choose among all ports at once.
///
/// By default the kernel tries the ports of one parity first, to keep the other for listeners: beyond half of the range every
/// connect looks at all ports of the exhausted half before it finds one, a millisecond each. A range set on the socket, even
/// the system's own, makes it step by one. Kernels before 6.3 do not know the option and stay slow.
fn take_ports_of_both_parities(socket: &socket2::Socket) {
    const IP_LOCAL_PORT_RANGE: libc::c_int = 51;
    static RANGE: OnceLock<Option<u32>> = OnceLock::new();
    let both = |ports: RangeInclusive<u16>| u32::from(*ports.start()) | u32::from(*ports.end()) << 16;
    let Some(range) = RANGE.get_or_init(|| limits::ephemeral_ports().ok().map(both)) else { return };
    let size = size_of::<u32>() as libc::socklen_t;
    // SAFETY: `range` is one u32 of the size given, alive for the length of the call. It is an optimisation, so a kernel that
    // refuses it is no error.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            IP_LOCAL_PORT_RANGE,
            std::ptr::from_ref(range).cast(),
            size,
        );
    }
}

/// `IP_BIND_ADDRESS_NO_PORT`, which works for IPv6 sockets at the same level.
fn bind_without_port(socket: &socket2::Socket) -> io::Result<()> {
    let on: libc::c_int = 1;
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: `on` is one int of the size given, alive for the length of the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_BIND_ADDRESS_NO_PORT,
            (&raw const on).cast(),
            size,
        )
    };
    check(result).map(drop)
}
