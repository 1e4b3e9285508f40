//! TLS over a socket that never waits, against rustls' own client.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall stop")]

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use net::{Socket, Tls};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];
/// The plaintext of one full record.
const RECORD: usize = 16 << 10;

/// Both ends after their handshake, over a socket that holds little.
struct Pair {
    server: Tls,
    socket: Socket,
    client: ClientConnection,
    wire: UnixStream,
}

/// Runs a handshake in memory.
fn handshake(version: &'static SupportedProtocolVersion) -> (ServerConnection, ClientConnection) {
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
    while server.is_handshaking() || client.is_handshaking() || server.wants_write() || client.wants_write() {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).unwrap();
        }
        let mut rest = &flight[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().unwrap();
        }
        let mut flight = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut flight).unwrap();
        }
        let mut rest = &flight[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    (server, client)
}

impl Pair {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        let (server, client) = handshake(version);
        Self::over(server, client)
    }

    fn over(server: ServerConnection, client: ClientConnection) -> Self {
        let (near, wire) = UnixStream::pair().unwrap();
        // As small as the kernel allows.
        socket2::SockRef::from(&near).set_send_buffer_size(1).unwrap();
        wire.set_nonblocking(true).unwrap();
        Self { server: Tls::new(server), socket: Socket::from(OwnedFd::from(near)), client, wire }
    }

    /// What the client says, ready to be put on the wire.
    fn sealed(&mut self, text: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        for part in text.chunks(RECORD) {
            self.client.writer().write_all(part).unwrap();
            while self.client.wants_write() {
                self.client.write_tls(&mut sealed).unwrap();
            }
        }
        sealed
    }

    /// One read of the wire, and what it brings the client.
    fn client_reads(&mut self, into: &mut Vec<u8>) {
        match self.client.read_tls(&mut self.wire) {
            Ok(_) => drop(self.client.process_new_packets().unwrap()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        let mut piece = [0; RECORD];
        while let Ok(n @ 1..) = self.client.reader().read(&mut piece) {
            into.extend_from_slice(&piece[..n]);
        }
    }

    fn server_reads(&mut self, size: usize) -> Result<Vec<u8>, ErrorKind> {
        let mut buf = vec![0; size];
        let n = self.server.read(self.socket.as_raw_fd(), &mut buf).map_err(|error| error.kind())?;
        buf.truncate(n);
        Ok(buf)
    }
}

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

#[test]
fn everything_written_arrives_in_order_however_little_the_socket_takes() {
    for version in VERSIONS {
        for len in [1, 100, RECORD - 1, RECORD, RECORD + 1, 1 << 20] {
            let mut pair = Pair::new(version);
            let text = text(len);
            // In two parts, as at the seam of a ring.
            let seam = len / 3;
            let (mut sent, mut received) = (0, Vec::new());
            while sent < len || !pair.server.is_flushed() {
                let first = &text[sent.min(seam)..seam];
                let second = &text[sent.max(seam)..];
                match pair.server.write(pair.socket.as_raw_fd(), first, second) {
                    Ok(n) => sent += n,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                }
                pair.client_reads(&mut received);
            }
            while received.len() < len {
                let before = received.len();
                pair.client_reads(&mut received);
                assert!(received.len() > before || pair.client.wants_read());
            }
            assert!(received == text, "{version:?} {len}");
        }
    }
}

#[test]
fn while_the_socket_is_full_at_most_a_record_waits_and_nothing_more_is_taken() {
    let mut pair = Pair::new(&rustls::version::TLS13);
    let text = text(1 << 20);
    let mut taken = pair.server.write(pair.socket.as_raw_fd(), &text, &[]).unwrap();
    assert!(taken < text.len() && !pair.server.is_flushed());
    for _ in 0..3 {
        let error = pair.server.write(pair.socket.as_raw_fd(), &text[taken..], &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(pair.server.flush(pair.socket.as_raw_fd()).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    // The reader gets exactly what was taken, once it is flushed.
    let mut received = Vec::new();
    while !pair.server.is_flushed() {
        pair.client_reads(&mut received);
        let _ = pair.server.flush(pair.socket.as_raw_fd());
    }
    while received.len() < taken {
        pair.client_reads(&mut received);
    }
    assert_eq!(received.len(), taken);
    taken += pair.server.write(pair.socket.as_raw_fd(), &text[taken..], &[]).unwrap();
    assert!(taken > received.len());
}

#[test]
fn a_write_of_nothing_is_a_flush() {
    let mut pair = Pair::new(&rustls::version::TLS13);
    let mut received = Vec::new();
    assert_eq!(pair.server.write(pair.socket.as_raw_fd(), &[], &[]).unwrap(), 0);
    pair.client_reads(&mut received);
    assert!(received.is_empty());
    pair.server.write(pair.socket.as_raw_fd(), &text(1 << 20), &[]).unwrap();
    assert_eq!(pair.server.write(pair.socket.as_raw_fd(), &[], &[]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn ciphertext_that_comes_byte_by_byte_is_read_once_a_record_is_whole() {
    for version in VERSIONS {
        let mut pair = Pair::new(version);
        let sealed = pair.sealed(b"hello");
        let (last, before) = sealed.split_last().unwrap();
        for byte in before {
            pair.wire.write_all(&[*byte]).unwrap();
            assert_eq!(pair.server_reads(100), Err(ErrorKind::WouldBlock));
        }
        pair.wire.write_all(&[*last]).unwrap();
        assert_eq!(pair.server_reads(100).unwrap(), b"hello");
        assert_eq!(pair.server_reads(100), Err(ErrorKind::WouldBlock));
    }
}

#[test]
fn reads_of_any_size_get_everything() {
    let text = text(100_000);
    for size in [1, 7, RECORD, 1 << 20] {
        let mut pair = Pair::new(&rustls::version::TLS13);
        let sealed = pair.sealed(&text);
        let mut rest = &sealed[..];
        let mut received = Vec::new();
        loop {
            if let Ok(n) = pair.wire.write(rest) {
                rest = &rest[n..];
            }
            match pair.server_reads(size) {
                Ok(piece) => received.extend(piece),
                Err(kind) => {
                    assert_eq!(kind, ErrorKind::WouldBlock);
                    if rest.is_empty() {
                        break;
                    }
                }
            }
        }
        assert!(received == text, "{size}");
    }
}

#[test]
fn what_came_with_the_handshake_is_read_although_the_socket_is_silent() {
    let (mut server, mut client) = handshake(&rustls::version::TLS13);
    client.writer().write_all(b"early").unwrap();
    let mut sealed = Vec::new();
    client.write_tls(&mut sealed).unwrap();
    server.read_tls(&mut &sealed[..]).unwrap();
    server.process_new_packets().unwrap();
    let mut pair = Pair::over(server, client);
    assert_eq!(pair.server_reads(100).unwrap(), b"early");
    assert_eq!(pair.server_reads(100), Err(ErrorKind::WouldBlock));
}

#[test]
fn the_end_is_an_end_announced_or_not() {
    let mut pair = Pair::new(&rustls::version::TLS13);
    let sealed = pair.sealed(b"last words");
    pair.wire.write_all(&sealed).unwrap();
    pair.client.send_close_notify();
    pair.client.write_tls(&mut pair.wire).unwrap();
    assert_eq!(pair.server_reads(100).unwrap(), b"last words");
    assert_eq!(pair.server_reads(100).unwrap(), b"");

    let mut pair = Pair::new(&rustls::version::TLS13);
    let sealed = pair.sealed(b"last words");
    pair.wire.write_all(&sealed).unwrap();
    pair.wire.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(pair.server_reads(100).unwrap(), b"last words");
    assert_eq!(pair.server_reads(100).unwrap(), b"");
}

#[test]
fn what_was_said_before_a_violation_counts_and_the_peer_is_told_of_it() {
    let mut pair = Pair::new(&rustls::version::TLS13);
    let mut sealed = pair.sealed(b"good");
    sealed.extend(b"\x17\x03\x03\x00\x20 this was never sealed by anybody");
    pair.wire.write_all(&sealed).unwrap();
    assert_eq!(pair.server_reads(100).unwrap(), b"good");
    for _ in 0..2 {
        assert_eq!(pair.server_reads(100), Err(ErrorKind::InvalidData));
    }
    pair.client.read_tls(&mut pair.wire).unwrap();
    let told = pair.client.process_new_packets().unwrap_err();
    assert!(matches!(told, rustls::Error::AlertReceived(_)), "{told:?}");
}

#[test]
fn a_close_reaches_the_peer_after_everything_written_before() {
    let mut pair = Pair::new(&rustls::version::TLS13);
    let text = text(1 << 20);
    let taken = pair.server.write(pair.socket.as_raw_fd(), &text, &[]).unwrap();
    pair.server.close();
    let mut received = Vec::new();
    while !pair.server.is_flushed() {
        let _ = pair.server.flush(pair.socket.as_raw_fd());
        pair.client_reads(&mut received);
    }
    while received.len() < taken {
        pair.client_reads(&mut received);
    }
    assert!(received == text[..taken]);
    pair.client_reads(&mut received);
    // Announced: 0, and not an unexpected end.
    assert_eq!(pair.client.reader().read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn a_broken_connection_is_an_error() {
    let mut pair = Pair::new(&rustls::version::TLS13);
    drop(pair.wire);
    let error = std::iter::repeat_with(|| pair.server.write(pair.socket.as_raw_fd(), &text(RECORD), &[]))
        .take(3)
        .find_map(Result::err);
    assert_eq!(error.unwrap().kind(), ErrorKind::BrokenPipe);
}
