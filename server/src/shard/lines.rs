//! How bytes get into and out of sockets: as they are, or through TLS.
//!
//! A plain connection has nothing here, and its sends cost one comparison more than the system call. A connection under TLS is kept by its
//! number; the descriptor that its room knows it by is negative and stands for that number.

use std::io::{self, ErrorKind};
use std::os::fd::RawFd;

use net::{Socket, Tls};

use crate::room::Sent;

/// The connections of a shard that are under TLS.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// By connection; as long as the highest number needs it to be.
    encrypted: Vec<Option<Box<Line>>>,
}

#[derive(Debug)]
struct Line {
    fd: RawFd,
    tls: Tls,
}

/// Where the bytes that were written to a connection are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    /// With the kernel, all of them.
    Yes,
    /// Some wait here until the socket takes them.
    No,
    /// The connection is broken.
    Broken,
}

impl Lines {
    /// Puts a connection under TLS.
    pub fn encrypt(&mut self, id: u32, fd: RawFd, tls: Box<Tls>) {
        let at = id as usize;
        if self.encrypted.len() <= at {
            self.encrypted.resize_with(at + 1, || None);
        }
        self.encrypted[at] = Some(Box::new(Line { fd, tls: *tls }));
    }

    /// Forgets a connection, before its number is given to another.
    #[inline]
    pub fn remove(&mut self, id: u32) {
        if let Some(line) = self.encrypted.get_mut(id as usize) {
            *line = None;
        }
    }

    #[inline]
    pub fn is_encrypted(&self, id: u32) -> bool {
        self.encrypted.get(id as usize).is_some_and(Option::is_some)
    }

    /// What a room is to call the socket `fd` of a connection.
    pub fn name(&self, id: u32, fd: RawFd) -> i32 {
        if self.is_encrypted(id) { named(id) } else { fd }
    }

    /// Reads from a connection; see [`Socket::read`] and [`Tls::read`].
    #[inline]
    pub fn read(&mut self, id: u32, socket: &Socket, buf: &mut [u8]) -> io::Result<usize> {
        match self.line(id) {
            None => socket.read(buf),
            Some(Line { fd, tls }) => tls.read(*fd, buf),
        }
    }

    /// Writes to a connection; see [`Socket::send`] and [`Tls::write`].
    #[inline]
    pub fn send(&mut self, id: u32, socket: &Socket, bytes: &[u8]) -> io::Result<usize> {
        match self.line(id) {
            None => socket.send(bytes),
            Some(Line { fd, tls }) => tls.write(*fd, bytes, &[]),
        }
    }

    /// Hands the kernel what waits here of a connection.
    #[inline]
    pub fn flush(&mut self, id: u32) -> Flushed {
        let Some(Line { fd, tls }) = self.line(id) else { return Flushed::Yes };
        match tls.flush(*fd) {
            Ok(()) => Flushed::Yes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Flushed::No,
            Err(_) => Flushed::Broken,
        }
    }

    /// Announces the end of what is said, if the socket takes that; without it, the end is the end all the same.
    pub fn close(&mut self, id: u32) {
        if let Some(Line { fd, tls }) = self.line(id) {
            tls.close();
            let _ = tls.flush(*fd);
        }
    }

    /// The sink of every room: one `send`, or one `sendmsg` at the ring's seam.
    #[inline]
    pub fn sink(&mut self) -> impl FnMut(i32, &[u8], &[u8]) -> Sent {
        |fd, first, second| {
            let sent = if fd >= 0 { net::send2_fd(fd, first, second) } else { self.seal(fd, first, second) };
            match sent {
                Ok(n) => Sent::Bytes(n),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Sent::Blocked,
                Err(_) => Sent::Failed,
            }
        }
    }

    #[cold]
    fn seal(&mut self, name: i32, first: &[u8], second: &[u8]) -> io::Result<usize> {
        match self.line(named_by(name)) {
            Some(Line { fd, tls }) => tls.write(*fd, first, second),
            None => Err(ErrorKind::NotConnected.into()),
        }
    }

    #[inline]
    fn line(&mut self, id: u32) -> Option<&mut Line> {
        self.encrypted.get_mut(id as usize)?.as_deref_mut()
    }
}

/// Connection numbers as negative descriptors; -1 is nobody's.
fn named(id: u32) -> i32 {
    -2 - id as i32
}

fn named_by(name: i32) -> u32 {
    (-2 - name) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_encrypted_connections_are_no_descriptors() {
        for id in [0, 1, 20_000, i32::MAX as u32 - 2] {
            assert!(named(id) < -1);
            assert_eq!(named_by(named(id)), id);
        }
    }

    #[test]
    fn a_name_that_stands_for_nobody_is_a_failure() {
        let mut lines = Lines::default();
        for name in [-1, -2, -100, i32::MIN] {
            assert_eq!(lines.sink()(name, b"x", b""), Sent::Failed);
        }
        assert_eq!((lines.is_encrypted(0), lines.name(0, 7)), (false, 7));
    }
}
