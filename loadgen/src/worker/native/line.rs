//! How bytes get into and out of one connection: as they are, or through TLS. A plain one pays a comparison.

use std::io;
use std::os::fd::AsRawFd;

use net::{Socket, Tls};

/// One connection's socket, and its TLS if it has any.
#[derive(Debug)]
pub struct Line {
    socket: Socket,
    tls: Option<Box<Tls>>,
}

impl Line {
    /// What is said goes over the socket as it is.
    pub fn plain(socket: Socket) -> Self {
        Line { socket, tls: None }
    }

    /// From here on everything goes through TLS.
    pub fn encrypt(&mut self, tls: Tls) {
        self.tls = Some(Box::new(tls));
    }

    /// The error of a connect that did not succeed; see [`Socket::take_error`].
    ///
    /// # Errors
    /// When the kernel does not say.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.take_error()
    }

    /// Reads what is there; see [`Socket::read`] and [`Tls::read`].
    #[inline]
    pub fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.read(buf),
            Some(tls) => tls.read(self.socket.as_raw_fd(), buf),
        }
    }

    /// Sends as much as is taken now; see [`Socket::send`] and [`Tls::write`].
    #[inline]
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.socket.send(bytes),
            Some(tls) => tls.write(self.socket.as_raw_fd(), bytes, &[]),
        }
    }

    /// Hands the kernel what [`send`](Self::send) took and it did not.
    ///
    /// # Errors
    /// `WouldBlock` when it does not take all of it now.
    #[inline]
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.tls {
            None => Ok(()),
            Some(tls) => tls.flush(self.socket.as_raw_fd()),
        }
    }

    /// Closes with a reset; see [`Socket::abort`].
    ///
    /// # Errors
    /// When it can only be closed in an orderly way.
    pub fn abort(self) -> io::Result<()> {
        self.socket.abort()
    }

    /// Whether the TLS handshake is still under way.
    pub fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Whether a read that did not fill its buffer has drained it; see [`Tls::read`].
    #[inline]
    pub fn is_drained_by_short_reads(&self) -> bool {
        self.tls.is_none()
    }
}
