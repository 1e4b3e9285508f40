//! Bytes that wait in the queues of a server's sockets, as the kernel counts them (`sock_diag(7)`).
//!
//! One dump asks for the established TCP sockets of one local port. The kernel walks its table of connections and hands the
//! matching ones over in pieces of some hundred, one a `recv`; between two pieces every other thread can run.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::sys::{check, check_len};

/// What one dump found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Queues {
    /// Established connections.
    pub sockets: u64,
    /// Written by the server and not yet acknowledged by the peer's kernel, all connections together, bytes.
    pub send_bytes: u64,
    /// The fullest of them, bytes.
    pub send_most_bytes: u64,
    /// Received and not yet read by the server, all connections together, bytes.
    pub receive_bytes: u64,
}

impl Queues {
    /// Those of two ports together.
    #[must_use]
    pub fn and(self, other: Queues) -> Queues {
        Queues {
            sockets: self.sockets + other.sockets,
            send_bytes: self.send_bytes + other.send_bytes,
            send_most_bytes: self.send_most_bytes.max(other.send_most_bytes),
            receive_bytes: self.receive_bytes + other.receive_bytes,
        }
    }
}

/// Queues of the established TCP sockets, IPv4 and IPv6, whose local port is `port`. Costs some 10 ms of CPU for 20,000 of them: ask from a
/// thread that has [stepped back](crate::step_back).
///
/// # Errors
/// Where the kernel offers no `sock_diag` for TCP, as in some containers (`ENOENT`, `EPROTONOSUPPORT`).
pub fn queues(port: u16) -> io::Result<Queues> {
    let mut found = Queues::default();
    for family in [libc::AF_INET, libc::AF_INET6] {
        dump(family as u8, port, &mut found)?;
    }
    Ok(found)
}

/// `SOCK_DIAG_BY_FAMILY` of `linux/sock_diag.h`.
const BY_FAMILY: u16 = 20;
/// `TCP_ESTABLISHED` of `net/tcp_states.h`.
const ESTABLISHED: u32 = 1;
/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `struct inet_diag_req_v2`.
const REQUEST: usize = 56;
/// What is read of `struct inet_diag_msg`.
const MESSAGE: usize = 64;

fn dump(family: u8, port: u16, found: &mut Queues) -> io::Result<()> {
    // SAFETY: three integers, no pointers.
    let fd =
        check(unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_SOCK_DIAG) })?;
    // SAFETY: the descriptor was made just now and belongs to nobody else.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    let request = request(family, port);
    // SAFETY: `request` is valid for its length; the kernel copies it during the call.
    check_len(unsafe { libc::send(socket.as_raw_fd(), request.as_ptr().cast(), request.len(), 0) })?;
    let mut part = [0; 32 << 10];
    loop {
        // A dump always has its next piece ready, so waiting would be waiting for ever.
        // SAFETY: `part` is valid for writes of its length.
        let n = check_len(unsafe {
            libc::recv(socket.as_raw_fd(), part.as_mut_ptr().cast(), part.len(), libc::MSG_DONTWAIT)
        })?;
        if read(&part[..n], found)? == More::No {
            return Ok(());
        }
    }
}

/// A header and a request for the established sockets of a port, in the machine's byte order but for the port.
fn request(family: u8, port: u16) -> [u8; HEADER + REQUEST] {
    let mut bytes = [0; HEADER + REQUEST];
    let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
    put(0, &((HEADER + REQUEST) as u32).to_ne_bytes());
    put(4, &BY_FAMILY.to_ne_bytes());
    put(6, &((libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16).to_ne_bytes());
    put(16, &[family, libc::IPPROTO_TCP as u8]);
    put(20, &(1_u32 << ESTABLISHED).to_ne_bytes());
    put(24, &port.to_be_bytes());
    // INET_DIAG_NOCOOKIE.
    put(64, &[0xff; 8]);
    bytes
}

/// Whether the dump goes on.
#[derive(PartialEq, Eq, Debug)]
enum More {
    Yes,
    No,
}

/// Takes in what one `recv` returned: messages back to back, each with its length first.
fn read(mut datagram: &[u8], found: &mut Queues) -> io::Result<More> {
    let odd = || io::Error::new(io::ErrorKind::InvalidData, "sock_diag answered with something that cannot be read");
    let word =
        |bytes: &[u8], at: usize| -> Option<u32> { Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?)) };
    while !datagram.is_empty() {
        let length = word(datagram, 0).ok_or_else(odd)? as usize;
        if length < HEADER || length > datagram.len() {
            return Err(odd());
        }
        let (message, rest) = datagram.split_at(length.next_multiple_of(4).min(datagram.len()));
        datagram = rest;
        match i32::from(u16::from_ne_bytes([message[4], message[5]])) {
            libc::NLMSG_DONE => return Ok(More::No),
            libc::NLMSG_ERROR => {
                let code = word(message, HEADER).ok_or_else(odd)? as i32;
                return Err(io::Error::from_raw_os_error(-code));
            }
            kind if kind == i32::from(BY_FAMILY) => {
                let body = message.get(HEADER..HEADER + MESSAGE).ok_or_else(odd)?;
                let (receive, send) = (word(body, 56).ok_or_else(odd)?, word(body, 60).ok_or_else(odd)?);
                found.sockets += 1;
                found.send_bytes += u64::from(send);
                found.send_most_bytes = found.send_most_bytes.max(u64::from(send));
                found.receive_bytes += u64::from(receive);
            }
            _ => {}
        }
    }
    Ok(More::Yes)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// A message as the kernel writes it.
    fn message(kind: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = ((HEADER + body.len()) as u32).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend(body);
        bytes
    }

    fn socket(receive: u32, send: u32) -> Vec<u8> {
        let mut body = vec![0; 72];
        body[56..60].copy_from_slice(&receive.to_ne_bytes());
        body[60..64].copy_from_slice(&send.to_ne_bytes());
        message(BY_FAMILY, &body)
    }

    #[test]
    fn queues_are_summed_over_the_sockets_of_a_piece() {
        let mut found = Queues::default();
        let piece = [socket(0, 100), socket(7, 4000), socket(0, 0)].concat();
        assert_eq!(read(&piece, &mut found).unwrap(), More::Yes);
        assert_eq!(found, Queues { sockets: 3, send_bytes: 4100, send_most_bytes: 4000, receive_bytes: 7 });
    }

    #[test]
    fn a_dump_ends_with_done_or_with_the_error_that_the_kernel_names() {
        let mut found = Queues::default();
        let done = message(libc::NLMSG_DONE as u16, &[0; 4]);
        assert_eq!(read(&done, &mut found).unwrap(), More::No);
        let error = message(libc::NLMSG_ERROR as u16, &(-libc::ENOENT).to_ne_bytes());
        assert_eq!(read(&error, &mut found).unwrap_err().raw_os_error(), Some(libc::ENOENT));
    }

    #[test]
    fn a_message_cut_short_is_an_error_and_no_socket() {
        let mut found = Queues::default();
        let whole = socket(1, 1);
        for length in 1..whole.len() {
            assert!(read(&whole[..length], &mut found).is_err(), "{length}");
        }
        assert!(read(&message(BY_FAMILY, &[0; 10]), &mut found).is_err());
        assert_eq!(found.sockets, 0);
    }

    #[test]
    fn what_nobody_reads_stands_in_a_queue() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        // Until the peer's receive buffer is full, and our own send buffer behind it.
        while server.write(&[0; 65536]).is_ok() {}
        let found = queues(port).unwrap();
        assert_eq!(found.sockets, 1, "the listener is no connection, and the client's port is another");
        assert!(found.send_bytes > 0 && found.send_bytes == found.send_most_bytes, "{found:?}");
        drop(client);
    }
}
