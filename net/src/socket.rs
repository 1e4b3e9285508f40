//! A connected TCP socket in four bytes, with the few calls that the hot loops make.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use socket2::SockRef;

use crate::sys::check_len;

/// A TCP socket. Closed when dropped. Every read and write is non-blocking, whatever mode the descriptor is in.
#[derive(Debug)]
pub struct Socket(OwnedFd);

impl Socket {
    /// Reads what is there into `buf`; 0 is the end of the stream. A read shorter than `buf` has drained the socket.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; `ConnectionReset` and the like when the connection is broken.
    #[inline]
    pub fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        read_fd(self.as_raw_fd(), buf)
    }

    /// Writes as much of `bytes` as the kernel takes now, and says how much. Never raises `SIGPIPE`.
    ///
    /// # Errors
    /// `WouldBlock` when the send buffer is full; `BrokenPipe` or `ConnectionReset` when the connection is broken.
    #[inline]
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        send_fd(self.as_raw_fd(), bytes)
    }

    /// Writes `first` and then `second` in one call, as [`send`](Self::send); the count covers both.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    #[inline]
    pub fn send2(&self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        send2_fd(self.as_raw_fd(), first, second)
    }

    /// Tells the peer that nothing more comes (FIN); reading goes on.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn shutdown_write(&self) -> io::Result<()> {
        SockRef::from(self).shutdown(std::net::Shutdown::Write)
    }

    /// Takes the pending error (`SO_ERROR`): after a non-blocking connect has become writable, `None` says that it succeeded.
    ///
    /// # Errors
    /// When the option cannot be read, which a TCP socket always allows.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        SockRef::from(self).take_error()
    }

    /// Sends small writes at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// When the connection is already gone.
    pub fn set_nodelay(&self) -> io::Result<()> {
        SockRef::from(self).set_tcp_nodelay(true)
    }

    /// Closes with a reset instead of an orderly end (`SO_LINGER` 0): what is queued is thrown away.
    ///
    /// # Errors
    /// When the option cannot be set, which a TCP socket always allows; it is then closed in an orderly way.
    pub fn abort(self) -> io::Result<()> {
        SockRef::from(&self).set_linger(Some(Duration::ZERO))
    }

    /// The other end's address.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        SockRef::from(self).peer_addr().and_then(internet)
    }

    /// This end's address.
    ///
    /// # Errors
    /// When the kernel is out of buffers.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        SockRef::from(self).local_addr().and_then(internet)
    }
}

fn internet(addr: socket2::SockAddr) -> io::Result<SocketAddr> {
    addr.as_socket().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not an internet socket"))
}

impl From<OwnedFd> for Socket {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<TcpStream> for Socket {
    fn from(stream: TcpStream) -> Self {
        Self(stream.into())
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.0
    }
}

impl From<Socket> for TcpStream {
    fn from(socket: Socket) -> Self {
        socket.0.into()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// [`Socket::read`] for loops that keep bare descriptors in arrays.
///
/// # Errors
/// As [`Socket::read`]; `EBADF` when `fd` is not open.
#[inline]
pub fn read_fd(fd: RawFd, buf: &mut [u8]) -> io::Result<usize> {
    // SAFETY: `buf` is valid for writes of its length; a descriptor that is not a socket is an error, not undefined.
    // The bare system call, for the same reason as in `send_fd`.
    check_len(unsafe {
        let none = NO_ADDRESS.cast_mut();
        libc::syscall(libc::SYS_recvfrom, fd, buf.as_mut_ptr(), buf.len(), libc::MSG_DONTWAIT, none, none) as isize
    })
}

/// Takes up to `most` bytes off a TCP socket without copying them anywhere (`MSG_TRUNC`, `tcp(7)`), for receivers that only count.
///
/// # Errors
/// As [`read_fd`].
#[inline]
pub fn discard_fd(fd: RawFd, most: usize) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
    // SAFETY: with this flag TCP writes nothing to the buffer, which may then be null; other sockets fail with `EFAULT`.
    check_len(unsafe {
        let none = NO_ADDRESS.cast_mut();
        libc::syscall(libc::SYS_recvfrom, fd, none, most, flags, none, none) as isize
    })
}

const NO_ADDRESS: *const u8 = std::ptr::null();
const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;

/// [`Socket::send`] for loops that keep bare descriptors in arrays.
///
/// # Errors
/// As [`Socket::send`]; `EBADF` when `fd` is not open.
#[inline]
pub fn send_fd(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: `bytes` is valid for reads of its length; a descriptor that is not a socket is an error, not undefined.
    // The bare system call: in a process with several threads, glibc's `send` also marks the thread as cancellable and back.
    check_len(unsafe {
        libc::syscall(libc::SYS_sendto, fd, bytes.as_ptr(), bytes.len(), SEND_FLAGS, NO_ADDRESS, 0_usize) as isize
    })
}

/// [`Socket::send2`] for loops that keep bare descriptors in arrays. An empty `second` makes it a plain send.
///
/// # Errors
/// As [`Socket::send`]; `EBADF` when `fd` is not open.
#[inline]
pub fn send2_fd(fd: RawFd, first: &[u8], second: &[u8]) -> io::Result<usize> {
    if second.is_empty() {
        return send_fd(fd, first);
    }
    let part = |bytes: &[u8]| libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut parts = [part(first), part(second)];
    // SAFETY: `msghdr` is plain data for which all zeroes means "no address, no control data".
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = parts.as_mut_ptr();
    message.msg_iovlen = parts.len();
    // SAFETY: `message` points to `parts`, which point to `first` and `second`; all live for the call, and sendmsg only reads them.
    check_len(unsafe { libc::sendmsg(fd, &raw const message, SEND_FLAGS) })
}
