//! RFC 6455 as a peer sees it: replies, close codes, liveness.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use crate::common::{PATIENCE, Raw, Server, masked};
use tokio_tungstenite::tungstenite::Message;

#[test]
fn echo_returns_every_kind_of_message() {
    let server = Server::start(&[]);
    let mut client = server.connect("/echo");
    for message in [Message::text("hello"), Message::text(""), Message::binary(vec![9; 1 << 20])] {
        client.send(message.clone());
        assert_eq!(client.next(), message);
    }
    assert_eq!(server.stats()["members"], 0);
}

#[test]
fn a_fragmented_message_arrives_whole_with_control_frames_in_between_answered() {
    let server = Server::start(&[]);
    let mut reader = server.connect("/broadcast/r");
    let mut raw = server.raw("/broadcast/r");
    // "héllo", cut inside its é.
    raw.send(&[masked(0x01, b"h\xc3"), masked(0x89, b"now"), masked(0x00, b"\xa9l"), masked(0x80, b"lo")].concat());
    assert_eq!(raw.frame(), (0x8a, b"now".to_vec()));
    assert_eq!(raw.frame(), (0x81, "héllo".as_bytes().to_vec()));
    assert_eq!(reader.next_text(), "héllo");
}

#[test]
fn a_ping_is_answered_with_its_payload_in_a_room_and_out_of_one() {
    let server = Server::start(&[]);
    for path in ["/echo", "/broadcast/r"] {
        let mut client = server.connect(path);
        client.send(Message::Ping(b"payload".to_vec().into()));
        assert_eq!(client.0.read().unwrap(), Message::Pong(b"payload".to_vec().into()));
    }
}

#[test]
fn a_violation_is_answered_with_its_code_and_touches_nobody_else() {
    let server = Server::start(&["--max-message", "64KiB"]);
    let mut other = server.connect("/broadcast/r");
    let oversized = masked(0x82, &vec![0; 65537]);
    let in_fragments = [masked(0x02, &vec![0; 40000]), masked(0x80, &vec![0; 40000])].concat();
    let cases: [(&str, u16, Vec<u8>); 17] = [
        ("an unmasked frame", 1002, b"\x81\x02hi".to_vec()),
        ("RSV1 without an extension", 1002, masked(0xc1, b"hi")),
        ("RSV2", 1002, masked(0xa1, b"hi")),
        ("a reserved opcode", 1002, masked(0x83, b"")),
        ("a reserved control opcode", 1002, masked(0x8b, b"")),
        ("a fragmented ping", 1002, masked(0x09, b"")),
        ("a long ping", 1002, masked(0x89, &[0; 126])),
        ("a continuation of nothing", 1002, masked(0x80, b"x")),
        ("a message within a message", 1002, [masked(0x01, b"a"), masked(0x81, b"b")].concat()),
        ("a length not minimal", 1002, b"\x82\xfe\x00\x01\0\0\0\0x".to_vec()),
        ("a length of 2^63", 1002, b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0".to_vec()),
        ("a close of one byte", 1002, masked(0x88, b"\x03")),
        ("a close code that must not be sent", 1002, masked(0x88, &1005_u16.to_be_bytes())),
        ("text that is not UTF-8", 1007, masked(0x81, b"\xff\xfe")),
        ("a close reason that is not UTF-8", 1007, masked(0x88, b"\x03\xe8\xff")),
        ("a message over the limit", 1009, oversized),
        ("fragments over the limit", 1009, in_fragments),
    ];
    for (what, code, bytes) in &cases {
        let mut raw = server.raw("/broadcast/r");
        // The server may close before everything is written.
        let _ = raw.stream.write_all(bytes);
        assert_eq!(raw.close_code(), *code, "{what}");
    }
    other.text("still here");
    assert_eq!(other.next_text(), "still here");
    let stats = server.stats();
    assert_eq!(stats["publishes"], 1);
    assert_eq!((stats["closed"]["1002"].as_u64(), stats["closed"]["1009"].as_u64()), (Some(13), Some(2)));
    assert_eq!(stats["protocol_errors"]["Unmasked"], 1);
}

#[test]
fn a_close_is_answered_with_its_own_code_and_then_the_stream_ends() {
    let server = Server::start(&[]);
    for path in ["/echo", "/broadcast/r"] {
        for (payload, code) in [(&b"\x03\xe8bye"[..], 1000), (b"\x0f\xa0", 4000), (b"", 1005)] {
            let mut raw = server.raw(path);
            raw.send(&masked(0x88, payload));
            assert_eq!(raw.close_code(), code);
        }
    }
    let stats = server.stats_until(|stats| stats["connections"] == 0);
    assert_eq!(stats["closed_by_peer"]["1000"], 2);
}

#[test]
fn a_connection_that_just_ends_leaves_its_room() {
    let server = Server::start(&[]);
    drop(server.raw("/broadcast/r"));
    let reset = net::Socket::from(server.raw("/broadcast/r").stream);
    reset.abort().unwrap();
    let stats = server.stats_until(|stats| stats["members"] == 0 && stats["connections"] == 0);
    assert_eq!(stats["closed"]["1006"], 2);
}

#[test]
fn who_answers_pings_stays_and_who_is_silent_is_closed() {
    let server = Server::start(&["--ping-interval", "250ms", "--pong-timeout", "1s"]);
    let mut alive = server.connect("/broadcast/r");
    let mut silent = server.raw("/broadcast/r");
    assert_eq!(silent.frame(), (0x89, vec![]));
    let start = Instant::now();
    alive.0.get_ref().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    while start.elapsed() < Duration::from_millis(1500) {
        // Reading answers the pings.
        match alive.0.read() {
            Ok(Message::Ping(_)) | Err(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let (first, payload) = silent.frame();
    assert_eq!((first, &payload[..2]), (0x88, &1008_u16.to_be_bytes()[..]));
    let stats = server.stats();
    assert_eq!(stats["members"], 1);
    assert!(stats["pings"].as_u64() >= Some(3) && stats["pongs"].as_u64() >= Some(2), "{stats}");
}

#[test]
fn without_pings_nobody_is_closed_for_being_silent() {
    let server = Server::start(&["--ping-interval", "0", "--pong-timeout", "100ms"]);
    let mut silent = server.raw("/broadcast/r");
    silent.stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let error = silent.stream.read(&mut [0; 16]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    assert_eq!(server.stats()["members"], 1);
}

#[test]
fn who_answers_is_pinged_again_after_every_interval() {
    for timeout in ["0", "1m"] {
        let server = Server::start(&["--ping-interval", "50ms", "--pong-timeout", timeout]);
        let mut raw = server.raw("/broadcast/r");
        for _ in 0..5 {
            assert_eq!(raw.frame(), (0x89, vec![]));
            raw.send(&masked(0x8a, b""));
        }
    }
}

#[test]
fn a_flood_of_pings_that_nobody_reads_the_answers_of_is_bounded() {
    let server = Server::start(&["--control-rate", "0"]);
    let mut raw = server.raw("/broadcast/r");
    let pings = masked(0x89, &[b'p'; 100]).repeat(20_000);
    for _ in 0..20 {
        raw.send(&pings);
    }
    assert!(server.resident_bytes() < 40 << 20);
    raw.send(&masked(0x89, b"last"));
    while raw.frame() != (0x8a, b"last".to_vec()) {}
}

#[test]
fn a_member_that_reads_nothing_and_pings_on_and_on_costs_bounded_memory() {
    let server = Server::start(&["--lag-policy", "skip", "--room-log", "1MiB", "--control-rate", "0"]);
    let mut raw = Raw::upgrade(server.dial_narrow(), "/broadcast/r", b"");
    raw.stream.set_nodelay(true).unwrap();
    let mut publisher = server.connect("/broadcast/r");
    while server.stats()["blocked_now"] == 0 {
        publisher.send(Message::binary(vec![1; 60_000]));
        publisher.next();
    }
    let mut other = server.connect("/echo");
    let before = server.resident_bytes();
    // One ping a write, and never more unread than a few: each read of the server gets far less than what pongs may occupy.
    for n in 0..160_000_u32 {
        raw.send(&masked(0x89, &[&n.to_be_bytes()[..], &[b'p'; 121]].concat()));
        if n % 8 == 7 {
            other.text("has it read?");
            other.next();
        }
    }
    let after = server.resident_bytes();
    assert!(after < before + (4 << 20), "{before} bytes before, {after} after 20 MB of answers");
    raw.send(&masked(0x89, b"last"));
    while raw.frame() != (0x8a, b"last".to_vec()) {}
}

#[test]
fn an_echo_client_that_does_not_read_is_not_read_either() {
    let server = Server::start(&[]);
    let mut raw = server.raw("/echo");
    let message = masked(0x82, &[5; 60_000]);
    raw.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut sent = 0;
    // Until the kernel's buffers on both ways are full: that it ends at all is the point.
    let left = 'full: loop {
        let mut written = 0;
        while written < message.len() {
            match raw.stream.write(&message[written..]) {
                Ok(n) => written += n,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    break 'full message.len() - written;
                }
                Err(error) => panic!("{error}"),
            }
        }
        sent += 1;
        assert!(sent < 2000, "120 MB were taken without one being read");
    };
    assert!(server.resident_bytes() < 40 << 20);
    let mut writer = raw.stream.try_clone().unwrap();
    writer.set_write_timeout(Some(PATIENCE)).unwrap();
    let rest = message[message.len() - left..].to_vec();
    let writing = std::thread::spawn(move || writer.write_all(&rest).unwrap());
    for _ in 0..=sent {
        let (first, payload) = raw.frame();
        assert!(first == 0x82 && payload == [5; 60_000]);
    }
    writing.join().unwrap();
}

#[test]
fn after_our_close_the_peer_may_take_its_time_but_not_for_ever() {
    let server = Server::start(&["--ping-interval", "100ms", "--pong-timeout", "200ms"]);
    let mut raw = server.raw("/broadcast/r");
    assert_eq!(raw.frame(), (0x89, vec![]));
    let (first, payload) = raw.frame();
    assert_eq!((first, &payload[..2]), (0x88, &1008_u16.to_be_bytes()[..]));
    // Data is ignored now; the answer ends it.
    raw.send(&[masked(0x81, b"late"), masked(0x88, b"\x03\xf0")].concat());
    assert_eq!(raw.stream.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(server.stats()["publishes"], 0);
}

#[test]
fn after_our_close_a_peer_that_only_talks_on_is_cut_off_in_five_seconds() {
    let server = Server::start(&[]);
    let mut raw = server.raw("/broadcast/r");
    let start = Instant::now();
    raw.send(b"\x81\x01x");
    assert_eq!(raw.frame().0, 0x88);
    while raw.stream.write_all(&masked(0x81, b"more")).is_ok() {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(start.elapsed() > Duration::from_secs(4));
}
