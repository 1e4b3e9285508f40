//! Rooms under TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::common::{Answer, Server, masked};
use rcgen::KeyPair;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS12, &rustls::version::TLS13];

type Stream = StreamOwned<ClientConnection, TcpStream>;

/// A certificate for localhost in files of their own.
struct Files {
    dir: tempfile::TempDir,
    cert: rcgen::Certificate,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cert = Self::write(&dir);
        Self { dir, cert }
    }

    fn write(dir: &tempfile::TempDir) -> rcgen::Certificate {
        let key = KeyPair::generate().unwrap();
        let cert = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        std::fs::write(dir.path().join("cert.pem"), cert.pem()).unwrap();
        std::fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
        cert
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn start(&self, flags: &[&str]) -> Server {
        let (cert, key) = (self.path("cert.pem"), self.path("key.pem"));
        let tls = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
        Server::start(&[&tls, flags].concat())
    }

    fn client(&self, version: &'static SupportedProtocolVersion) -> ClientConnection {
        let mut roots = RootCertStore::empty();
        roots.add(self.cert.der().clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap()
    }

    fn stream(&self, stream: TcpStream) -> Stream {
        StreamOwned::new(self.client(&rustls::version::TLS13), stream)
    }

    fn connect(&self, server: &Server, path: &str) -> WebSocket<Stream> {
        self.upgrade(path, self.stream(server.dial()))
    }

    fn upgrade(&self, path: &str, stream: Stream) -> WebSocket<Stream> {
        tungstenite::client(format!("wss://localhost{path}"), stream).unwrap().0
    }
}

fn next(socket: &mut WebSocket<Stream>) -> Message {
    loop {
        match socket.read().unwrap() {
            Message::Ping(_) | Message::Pong(_) => {}
            message => return message,
        }
    }
}

#[test]
fn a_room_is_served_over_both_versions_of_tls() {
    let files = Files::new();
    let server = files.start(&[]);
    for version in VERSIONS {
        let stream = StreamOwned::new(files.client(version), server.dial());
        let mut socket = files.upgrade("/broadcast/r", stream);
        assert_eq!(socket.get_ref().conn.protocol_version(), Some(version.version));
        assert_eq!(socket.get_ref().conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        for text in ["", "hello", &"x".repeat(100_000)] {
            socket.send(Message::text(text)).unwrap();
            assert_eq!(next(&mut socket), Message::text(text));
        }
        socket.close(None).unwrap();
        loop {
            match socket.read() {
                Ok(_) => {}
                // The end was announced: otherwise this were an unexpected end.
                Err(tungstenite::Error::ConnectionClosed) => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    server.stats_until_tls(&files, |stats| stats["connections"] == 0 && stats["closed_by_peer"]["1005"] == 2);
}

#[test]
fn what_is_sent_together_with_the_request_is_not_forgotten() {
    let files = Files::new();
    let server = files.start(&[]);
    let mut stream = files.stream(server.dial());
    let request = "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // The handshake first; then the request and more messages than hyper reads at once, in one go.
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).unwrap();
    }
    let messages: Vec<u8> = (0..40).flat_map(|i| masked(0x82, &[i; 1000])).collect();
    stream.write_all(&[request.as_bytes(), &messages].concat()).unwrap();
    let mut expected = Vec::new();
    for i in 0..40 {
        expected.extend([0x82, 126, 3, 232]);
        expected.extend([i; 1000]);
    }
    let mut answer = Vec::new();
    while answer.len() < expected.len() || !answer.ends_with(&expected) {
        let mut piece = [0; 4096];
        let n = stream.read(&mut piece).unwrap();
        assert!(n > 0, "it ended after {} bytes", answer.len());
        answer.extend_from_slice(&piece[..n]);
    }
}

#[test]
fn large_messages_reach_fast_and_slow_readers_complete_and_in_order() {
    const MESSAGES: u8 = 24;
    const LEN: usize = 1 << 20;
    let files = Arc::new(Files::new());
    // Nobody is to be left behind here.
    let server = files.start(&["--room-log", "64MiB", "--max-message", "2MiB", "--write-timeout", "0"]);
    let readers: Vec<_> = (0..4)
        .map(|i| {
            let narrow = i % 2 == 1;
            let stream = if narrow { server.dial_narrow() } else { server.dial() };
            let files = Arc::clone(&files);
            thread::spawn(move || {
                let mut socket = files.upgrade("/broadcast/r", files.stream(stream));
                let mut received = Vec::new();
                while received.len() < usize::from(MESSAGES) {
                    received.push(next(&mut socket).into_data());
                    if narrow {
                        thread::sleep(Duration::from_millis(2));
                    }
                }
                received
            })
        })
        .collect();
    server.stats_until_tls(&files, |stats| stats["members"] == 4);
    let mut publisher = files.connect(&server, "/broadcast/r");
    for i in 0..MESSAGES {
        publisher.send(Message::binary(vec![i; LEN])).unwrap();
        // Its own copy comes back, too.
        assert_eq!(next(&mut publisher).into_data()[..4], [i; 4]);
    }
    for reader in readers {
        let received = reader.join().unwrap();
        for (i, message) in received.iter().enumerate() {
            assert!(message.len() == LEN && message.iter().all(|byte| usize::from(*byte) == i), "message {i}");
        }
    }
    let stats = server.stats_until_tls(&files, |_| true);
    assert_eq!(stats["lagged"]["disconnected"], 0);
    assert!(stats["partial_writes"].as_u64().unwrap() > 0, "nobody was slow: {stats}");
}

#[test]
fn a_slow_reader_gets_pongs_between_messages_and_its_close_at_the_end() {
    let files = Files::new();
    let mut server = files.start(&["--drain", "100ms", "--room-log", "64MiB"]);
    let mut slow = files.upgrade("/broadcast/r", files.stream(server.dial_narrow()));
    let mut publisher = files.connect(&server, "/broadcast/r");
    for i in 0..16 {
        publisher.send(Message::binary(vec![i; 1_000_000])).unwrap();
        next(&mut publisher);
    }
    server.stats_until_tls(&files, |stats| stats["blocked_now"] == 1);
    slow.send(Message::Ping(b"still there?".as_slice().into())).unwrap();
    server.terminate();
    let mut received = Vec::new();
    let mut pongs = 0;
    let code = loop {
        match slow.read().unwrap() {
            Message::Pong(_) => pongs += 1,
            Message::Close(frame) => break frame.unwrap().code,
            message => received.push(message.into_data()),
        }
    };
    assert_eq!((pongs, u16::from(code)), (1, 1001));
    assert_eq!(received.len(), 16);
    for (i, message) in received.iter().enumerate() {
        assert!(message.len() == 1_000_000 && message.iter().all(|byte| usize::from(*byte) == i), "message {i}");
    }
    drop((slow, publisher));
    assert!(server.wait().success());
}

#[test]
fn a_peer_that_breaks_tls_is_dropped_and_others_stay() {
    let files = Files::new();
    let server = files.start(&[]);
    let mut good = files.connect(&server, "/broadcast/r");
    let mut bad = files.connect(&server, "/broadcast/r");
    bad.get_mut().sock.write_all(b"\x17\x03\x03\x00\x20 this was never sealed by anybody").unwrap();
    let stats = server.stats_until_tls(&files, |stats| stats["members"] == 1);
    assert_eq!(stats["closed"]["1006"], 1);
    good.send(Message::text("fine")).unwrap();
    assert_eq!(next(&mut good), Message::text("fine"));
}

#[test]
fn handshakes_that_fail_are_counted_and_plain_http_is_told_of_tls() {
    let files = Files::new();
    let server = files.start(&["--handshake-timeout", "1s"]);
    let plain = Answer::of(server.dial(), "/echo", &[]);
    assert_eq!(plain.status, 400);
    assert!(plain.body.contains("wss://"), "{plain:?}");
    let mut nonsense = server.dial();
    nonsense.write_all(&[22, 3, 1, 0, 5, 1, 0, 0, 1, 0]).unwrap();
    let _ = nonsense.read_to_end(&mut Vec::new());
    // Begins a handshake and never ends it.
    let mut slow = server.dial();
    slow.write_all(&[22]).unwrap();
    let _ = slow.read_to_end(&mut Vec::new());
    let stats = server.stats_until_tls(&files, |stats| stats["tls_failures"] == 3);
    assert_eq!((&stats["handshake_failures"], &stats["connections"]), (&3.into(), &0.into()));
}

#[test]
fn only_pages_under_tls_are_the_servers_own() {
    let files = Files::new();
    let server = files.start(&[]);
    for (origin, status) in [("https://x", 101), ("http://x", 403), ("https://y", 403)] {
        let answer = Answer::of(files.stream(server.dial()), "/echo", &[&format!("Origin: {origin}")]);
        assert_eq!(answer.status, status, "{origin}");
    }
}

#[test]
fn a_renewed_certificate_is_shown_after_a_hangup_signal_and_nobody_is_cut_off() {
    let mut files = Files::new();
    let server = files.start(&[]);
    let mut before = files.connect(&server, "/broadcast/r");
    files.cert = Files::write(&files.dir);
    server.signal(net::Signal::Hangup);
    let start = std::time::Instant::now();
    let mut after = loop {
        let mut stream = files.stream(server.dial());
        // The old one is not the one that is asked for.
        if stream.conn.complete_io(&mut stream.sock).is_ok() {
            break files.upgrade("/broadcast/r", stream);
        }
        assert!(start.elapsed() < crate::common::PATIENCE);
    };
    after.send(Message::text("new")).unwrap();
    assert_eq!(next(&mut before), Message::text("new"));
    std::fs::write(files.path("key.pem"), "damaged").unwrap();
    server.signal(net::Signal::Hangup);
    server.stats_until_tls(&files, |stats| stats["reload_failures"] == 1 && stats["reloads"] == 1);
    let _still = files.connect(&server, "/broadcast/r");
}

#[test]
fn files_that_do_not_fit_are_refused_with_a_sentence() {
    let (files, other) = (Files::new(), Files::new());
    let output = Command::new(env!("CARGO_BIN_EXE_fanout-server"))
        .args(["--listen", "127.0.0.1:0", "--tls-cert"])
        .arg(files.path("cert.pem"))
        .arg("--tls-key")
        .arg(other.path("key.pem"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("does not belong to the first certificate of --tls-cert"), "{text}");
    assert_eq!(output.status.code(), Some(2));
}

/// Somebody else's TLS.
#[test]
fn openssl_speaks_to_it() {
    if Command::new("openssl").arg("version").output().is_err() {
        return eprintln!("openssl is not installed: nothing was tried");
    }
    let files = Files::new();
    let server = files.start(&[]);
    for version in ["-tls1_2", "-tls1_3"] {
        let mut openssl = Command::new("openssl")
            .args(["s_client", "-quiet", "-no_ign_eof", "-verify_return_error", "-servername", "localhost", version])
            .arg("-CAfile")
            .arg(files.path("cert.pem"))
            .args(["-connect", &server.addr.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = openssl.stdin.take().unwrap();
        input.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        openssl.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok\n"), "{version}: {answer}");
        let _ = openssl.wait();
    }
    let mut old = Command::new("openssl");
    old.args(["s_client", "-tls1_1", "-connect", &server.addr.to_string()]).stdin(Stdio::null());
    assert!(!old.output().unwrap().status.success());
}

trait OverTls {
    /// As `stats_until`.
    fn stats_until_tls(&self, files: &Files, enough: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value;
}

impl OverTls for Server {
    fn stats_until_tls(&self, files: &Files, enough: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        let start = std::time::Instant::now();
        loop {
            let mut stream = files.stream(self.dial());
            write!(stream, "GET /stats HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let stats = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
            if enough(&stats) {
                return stats;
            }
            assert!(start.elapsed() < crate::common::PATIENCE, "still {stats}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}
