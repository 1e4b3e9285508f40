//! Reading, writing, dialling and listening on loopback.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use net::{
    DialError, Interest, ListenError, ListenOptions, Poller, Socket, Timeout, Token, dial, discard_fd, listen, read_fd,
    send2_fd,
};

fn loopback(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, last], port))
}

fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind(loopback(1, 0)).unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (Socket::from(listener.accept().unwrap().0), peer)
}

/// Waits for the end of a non-blocking connect.
fn outcome(socket: &Socket) -> Option<std::io::Error> {
    let mut poller = Poller::new(1).unwrap();
    poller.add(socket.as_raw_fd(), Token(0), Interest::ReadWrite).unwrap();
    assert_eq!(poller.wait(Timeout::Ns(5_000_000_000)).unwrap().events, 1);
    assert!(poller.ready(0).writable);
    socket.take_error().unwrap()
}

#[test]
fn a_socket_is_four_bytes_and_so_is_an_absent_one() {
    assert_eq!(size_of::<Socket>(), 4);
    assert_eq!(size_of::<Option<Socket>>(), 4);
}

#[test]
fn bytes_arrive_in_order_and_the_end_is_zero() {
    let (socket, mut peer) = pair();
    assert_eq!(socket.send(b"hello ").unwrap(), 6);
    assert_eq!(socket.send2(b"wor", b"ld").unwrap(), 5);
    assert_eq!(socket.send2(b"!", b"").unwrap(), 1);
    socket.shutdown_write().unwrap();
    let mut text = String::new();
    peer.read_to_string(&mut text).unwrap();
    assert_eq!(text, "hello world!");
}

#[test]
fn a_write_across_two_slices_may_be_partial_and_continues_where_it_stopped() {
    let (socket, mut peer) = pair();
    socket.set_nodelay().unwrap();
    socket2::SockRef::from(&socket).set_send_buffer_size(1 << 17).unwrap();
    let bytes: Vec<u8> = (0..4_000_000_u32).map(|i| (i / 7) as u8).collect();
    let seam = 1_333_333;
    let expected = bytes.clone();
    let reader = std::thread::spawn(move || {
        let mut got = vec![0; expected.len()];
        peer.read_exact(&mut got).unwrap();
        assert!(got == expected);
    });
    let mut poller = Poller::new(1).unwrap();
    poller.add(socket.as_raw_fd(), Token(0), Interest::ReadWrite).unwrap();
    let (mut at, mut partial) = (0, 0);
    while at < bytes.len() {
        let (first, second) = if at < seam { (&bytes[at..seam], &bytes[seam..]) } else { (&bytes[at..], &[][..]) };
        match send2_fd(socket.as_raw_fd(), first, second) {
            Ok(n) => {
                at += n;
                partial += usize::from(at < bytes.len());
            }
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::WouldBlock);
                poller.wait(Timeout::Ns(5_000_000_000)).unwrap();
            }
        }
    }
    reader.join().unwrap();
    assert!(partial > 0, "four megabytes do not fit into a small send buffer");
}

#[test]
fn what_is_discarded_is_counted_and_what_follows_is_read() {
    let (socket, mut peer) = pair();
    peer.write_all(&[1; 1000]).unwrap();
    peer.write_all(b"the rest").unwrap();
    drop(peer);
    let fd = socket.as_raw_fd();
    let mut poller = Poller::new(1).unwrap();
    poller.add(fd, Token(0), Interest::Read).unwrap();
    let mut left = 1000;
    while left > 0 {
        match discard_fd(fd, left) {
            Ok(n) => left -= n,
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::WouldBlock);
                poller.wait(Timeout::Ns(5_000_000_000)).unwrap();
            }
        }
    }
    let mut buf = [0; 16];
    assert_eq!(read_fd(fd, &mut buf).unwrap(), 8);
    assert_eq!(&buf[..8], b"the rest");
    assert_eq!(discard_fd(fd, 16).unwrap(), 0, "the peer has closed");
}

#[test]
fn writing_to_a_broken_connection_is_an_error_and_not_a_signal() {
    let (socket, peer) = pair();
    Socket::from(peer).abort().unwrap();
    // The reset has arrived when the read says so.
    while socket.read(&mut [0]).is_err_and(|e| e.kind() == ErrorKind::WouldBlock) {}
    let error = socket.send(b"x").unwrap_err().kind();
    assert!(matches!(error, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{error:?}");
    assert_eq!(socket.send2(b"x", b"y").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn dialling_connects_from_the_source_address_asked_for() {
    let listener = listen(loopback(1, 0), ListenOptions::default()).unwrap();
    let to = listener.local_addr().unwrap();
    let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let socket = dial(to, Some(from)).unwrap();
    assert!(outcome(&socket).is_none());
    let peer = socket2::SockRef::from(&socket).peer_addr().unwrap();
    assert_eq!(peer.as_socket(), Some(to));
    assert_eq!(socket.local_addr().unwrap().ip(), from);
    assert_ne!(socket.local_addr().unwrap().port(), 0);
    let mut accepted = listener.accept().unwrap().0;
    socket.send(b"hi").unwrap();
    accepted.set_nonblocking(false).unwrap();
    let mut buf = [0; 2];
    accepted.read_exact(&mut buf).unwrap();
    assert_eq!(&buf, b"hi");
    assert!(TcpStream::from(socket).nodelay().unwrap());
}

#[test]
fn a_refused_connection_is_said_to_be_refused() {
    let to = TcpListener::bind(loopback(1, 0)).unwrap().local_addr().unwrap();
    let error = match dial(to, None) {
        Ok(socket) => DialError::from_connect(outcome(&socket).unwrap(), to, None),
        Err(e) => e,
    };
    assert!(matches!(error, DialError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains(&to.to_string()), "{error}");
}

#[test]
fn a_foreign_source_address_is_named() {
    let from = "192.0.2.1".parse().unwrap();
    let error = dial(loopback(1, 9), Some(from)).unwrap_err();
    assert!(matches!(error, DialError::SourceNotLocal { .. }), "{error:?}");
    assert!(error.to_string().contains("192.0.2.1"), "{error}");
}

#[test]
fn addresses_of_two_kinds_do_not_mix() {
    let error = dial("[::1]:9".parse().unwrap(), Some(loopback(1, 0).ip())).unwrap_err();
    assert!(matches!(error, DialError::FamilyMismatch { .. }), "{error:?}");
}

#[test]
fn running_out_of_something_says_what_to_raise() {
    let meaning = |code| DialError::from_connect(std::io::Error::from_raw_os_error(code), loopback(1, 9), None);
    for (code, words) in [
        (libc::EADDRNOTAVAIL, "more source addresses"),
        (libc::EMFILE, "ulimit -n"),
        (libc::ENFILE, "fs.file-max"),
        (libc::ENOBUFS, "memory"),
    ] {
        let error = meaning(code);
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn accepted_sockets_take_over_what_the_listener_was_given() {
    let options = ListenOptions {
        not_sent: Some(1 << 17),
        user_timeout: Some(Duration::from_secs(60)),
        ..ListenOptions::default()
    };
    let listener = listen(loopback(1, 0), options).unwrap();
    listener.set_nonblocking(false).unwrap();
    let _peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let accepted = listener.accept().unwrap().0;
    let accepted = socket2::SockRef::from(&accepted);
    assert_eq!(accepted.tcp_notsent_lowat().unwrap(), 1 << 17);
    assert_eq!(accepted.tcp_user_timeout().unwrap(), Some(Duration::from_secs(60)));
}

#[test]
fn a_port_in_use_is_named() {
    let first = listen(loopback(1, 0), ListenOptions::default()).unwrap();
    let addr = first.local_addr().unwrap();
    let error = listen(addr, ListenOptions::default()).unwrap_err();
    assert!(matches!(error, ListenError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("choose another port"), "{error}");
}

#[test]
fn a_foreign_listening_address_is_named() {
    let error = listen("192.0.2.1:0".parse().unwrap(), ListenOptions::default()).unwrap_err();
    assert!(matches!(error, ListenError::NotLocal { .. }), "{error:?}");
}

#[test]
fn a_listener_does_not_block_and_its_port_is_free_at_once_after_it() {
    let listener = listen(loopback(1, 0), ListenOptions::default()).unwrap();
    let addr = listener.local_addr().unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);

    // The server closes first, so its side of the connection lingers in TIME-WAIT on this port.
    let mut client = TcpStream::connect(addr).unwrap();
    let accepted = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
        }
    };
    drop(accepted);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    client.write_all(b"").unwrap();
    drop((client, listener));
    listen(addr, ListenOptions::default()).unwrap();
}
