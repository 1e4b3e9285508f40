//! TLS between a socket and what is said over it, for loops that never wait; the server's side and the client's.
//!
//! rustls keeps what is on its way: ciphertext that the kernel has not taken, at most one record of it, and plaintext that was not asked
//! for yet. [`Tls::read`] and [`Tls::write`] keep the promises of [`Socket::read`](crate::Socket::read) and [`Socket::send2`](crate::Socket::send2), but for this: a connection that
//! comes from a handshake may have something to read of which no event tells; it is read until `WouldBlock`; when its socket takes bytes
//! again, [`Tls::flush`] comes first; and a goodbye has gone out only when [`Tls::is_flushed`].

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::RawFd;

use rustls::Connection;

use crate::socket::{read_fd, send_fd};

/// The plaintext of one full record, in bytes (RFC 8446 section 5.1), and so about the most ciphertext that waits.
const RECORD: usize = 16 << 10;

/// One side of a TLS connection, for one socket, whose descriptor every call is given. Large, so it belongs in a box.
///
/// A server's is usually taken over after its handshake. A client's begins with it: [`flush`](Self::flush) sends the first flight, and
/// [`read`](Self::read) carries the handshake on whenever the socket has something, and finds nothing to read until it
/// [is over](Self::is_handshaking).
#[derive(Debug)]
pub struct Tls {
    connection: Connection,
    /// What the peer did wrong, once all before it has been read.
    broken: Option<rustls::Error>,
}

impl Tls {
    /// Takes a connection over: what rustls holds back of either direction goes on from there.
    #[must_use]
    pub fn new(connection: impl Into<Connection>) -> Self {
        let mut connection = connection.into();
        connection.set_buffer_limit(Some(RECORD));
        Self { connection, broken: None }
    }

    /// Reads what is there into `buf`; 0 is the end of the stream, whether the peer announced it or not (what is said over a WebSocket
    /// has an end of its own). Other than with a bare socket, a short read may be followed by an end or an error of which no event tells:
    /// read on until `WouldBlock`.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; `InvalidData` when the peer breaks the protocol, who is then told by an alert;
    /// `ConnectionReset` and the like when the connection is broken.
    pub fn read(&mut self, fd: RawFd, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        loop {
            match self.connection.reader().read(&mut buf[filled..]) {
                Ok(0) => return Ok(filled),
                Ok(n) => {
                    filled += n;
                    if filled == buf.len() {
                        return Ok(filled);
                    }
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(filled),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            // Whatever ends the reading comes again when there is nothing before it.
            let ended = match &self.broken {
                Some(error) => Some(io::Error::new(ErrorKind::InvalidData, error.clone())),
                None => self.connection.read_tls(&mut Wire(fd)).err(),
            };
            match ended {
                None => self.broken = self.connection.process_new_packets().err(),
                Some(_) if filled > 0 => return Ok(filled),
                Some(error) => return Err(error),
            }
            if self.connection.wants_write() {
                // An alert, or an answer to new keys; if the socket is full or broken, that shows elsewhere.
                let _ = self.flush(fd);
            }
        }
    }

    /// Writes as much of `first` and then `second` as can be on its way now, and says how much. At most one record of it waits for the
    /// kernel; until that has gone, nothing more is taken. With nothing to write, it is [`flush`](Self::flush).
    ///
    /// # Errors
    /// `WouldBlock` when ciphertext waits that the kernel does not take; `BrokenPipe` or `ConnectionReset` when the connection is broken.
    pub fn write(&mut self, fd: RawFd, first: &[u8], second: &[u8]) -> io::Result<usize> {
        self.flush(fd)?;
        let mut taken = 0;
        for mut part in [first, second] {
            while !part.is_empty() {
                let n = self.connection.writer().write(&part[..part.len().min(RECORD)])?;
                if n == 0 {
                    return Ok(taken);
                }
                taken += n;
                part = &part[n..];
                match self.flush(fd) {
                    Ok(()) => {}
                    // What was taken counts; a broken socket says so again.
                    Err(_) => return Ok(taken),
                }
            }
        }
        Ok(taken)
    }

    /// Sends the ciphertext that waits.
    ///
    /// # Errors
    /// `WouldBlock` when the kernel did not take all of it, otherwise as [`write`](Self::write).
    pub fn flush(&mut self, fd: RawFd) -> io::Result<()> {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut Wire(fd))?;
        }
        Ok(())
    }

    /// Whether the handshake is still under way.
    #[must_use]
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether everything written has gone to the kernel.
    #[must_use]
    pub fn is_flushed(&self) -> bool {
        !self.connection.wants_write()
    }

    /// Adds the announcement that nothing more comes (RFC 8446 section 6.1), to be flushed.
    pub fn close(&mut self) {
        self.connection.send_close_notify();
    }
}

/// A socket as rustls reads and writes it.
struct Wire(RawFd);

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        retry(|| read_fd(self.0, buf))
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        retry(|| send_fd(self.0, bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn retry(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
