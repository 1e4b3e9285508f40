//! Clients that send too much, too fast, or never to the end.

use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Client, Raw, Server, masked};
use tokio_tungstenite::tungstenite::{Error, Message};

/// Sends numbered messages as fast as the server takes them for so long, and says how many.
fn flood(client: &mut Client, time: Duration) -> u64 {
    let start = Instant::now();
    let mut sent = 0;
    while start.elapsed() < time {
        client.text(&sent.to_string());
        sent += 1;
        // Often enough that a server under no limit would let thousands through; the machine has other work.
        thread::sleep(Duration::from_micros(200));
    }
    sent
}

/// A publisher that floods a room for `time`: what a member received of it, and how long it took from the first to the last.
fn flooded(flags: &[&str], path: &str, time: Duration) -> (Server, u64, Vec<u64>, Duration) {
    let server = Server::start(flags);
    let mut member = server.connect(path);
    let mut publisher = server.connect(path);
    let start = Instant::now();
    let sent = flood(&mut publisher, time);
    let took = start.elapsed();
    // What was sent last has been read when its pong is there.
    publisher.send(Message::Ping(b"all read?".to_vec().into()));
    while !matches!(publisher.0.read().unwrap(), Message::Pong(_)) {}
    let publishes = server.stats()["publishes"].as_u64().unwrap();
    let received = (0..publishes).map(|_| member.next_text().parse().unwrap()).collect();
    (server, sent, received, took)
}

#[test]
fn drop_lets_the_burst_and_then_the_rate_through_and_counts_the_rest() {
    let (server, sent, received, took) =
        flooded(&["--rate", "100", "--burst", "20"], "/broadcast/r", Duration::from_secs(3));
    let most = 20 + (took.as_secs_f64() * 100.0) as u64 + 1;
    let passed = received.len() as u64;
    // The clock of the server starts later than ours; on a busy machine the client may pause for longer than the burst lasts.
    assert!(passed <= most && passed + 40 >= most, "{passed} of {most}");
    assert!(received.windows(2).all(|pair| pair[0] < pair[1]));
    let limited = &server.stats()["limited"];
    assert_eq!(limited["connection"]["dropped"].as_u64(), Some(sent - passed));
    assert_eq!((&limited["connection"]["disconnected"], &limited["connection"]["delayed"]), (&0.into(), &0.into()));
}

#[test]
fn each_connection_has_its_own_bucket_unless_its_address_is_counted() {
    for (by, passed) in [("connection", 10), ("address", 5)] {
        let server = Server::start(&["--rate", "0.001", "--burst", "5", "--rate-by", by]);
        let mut clients = [0; 2].map(|_| server.connect("/broadcast/r"));
        for client in &mut clients {
            (0..20).for_each(|n| client.text(&n.to_string()));
        }
        let stats = server.stats_until(|stats| stats["limited"][by]["dropped"] == 40 - passed);
        assert_eq!(stats["publishes"], passed);
    }
}

#[test]
fn connecting_anew_gives_an_address_no_new_burst() {
    let server = Server::start(&["--rate", "0.001", "--burst", "5", "--rate-by", "user"]);
    for round in 1..=3 {
        let mut client = server.connect("/broadcast/r");
        (0..5).for_each(|n| client.text(&n.to_string()));
        server.stats_until(|stats| stats["limited"]["address"]["dropped"] == (round - 1) * 5);
        drop(client);
        server.stats_until(|stats| stats["connections"] == 0);
    }
    assert_eq!(server.stats()["publishes"], 5);
}

#[test]
fn disconnect_closes_with_1008_and_names_the_limit() {
    let server = Server::start(&["--rate", "5", "--burst", "3", "--rate-policy", "disconnect"]);
    let mut member = server.connect("/broadcast/r");
    for path in ["/broadcast/r", "/echo"] {
        let mut client = server.connect(path);
        let flood = masked(0x81, b"x").repeat(10);
        std::io::Write::write_all(client.0.get_mut(), &flood).unwrap();
        let frame = loop {
            match client.0.read().unwrap() {
                Message::Close(frame) => break frame.unwrap(),
                data => assert_eq!(data, Message::text("x")),
            }
        };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1008, "rate limit: 5/s, burst 3"));
    }
    (0..3).for_each(|_| assert_eq!(member.next_text(), "x"));
    let stats = server.stats();
    assert_eq!((&stats["limited"]["connection"]["disconnected"], &stats["closed"]["1008"]), (&2.into(), &2.into()));
    assert_eq!(stats["publishes"], 3);
}

#[test]
fn delay_delivers_everything_in_order_at_the_rate_and_disconnects_nobody() {
    // A pong would be due long before the last message is: while it is not read, a client is not asked.
    let flags = ["--rate", "200", "--burst", "20", "--rate-policy", "delay", "--ping-interval", "100ms"];
    let server = Server::start(&[&flags[..], &["--pong-timeout", "800ms"]].concat());
    for path in ["/broadcast/r", "/echo"] {
        let start = Instant::now();
        let mut client = server.connect(path);
        // All at once: the server reads it in a few pieces, and waits within them.
        let all: Vec<u8> = (0..320).flat_map(|n: u32| masked(0x81, n.to_string().as_bytes())).collect();
        std::io::Write::write_all(client.0.get_mut(), &all).unwrap();
        for n in 0..320 {
            assert_eq!(client.next_text(), n.to_string());
        }
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(1490), "300 beyond the burst at 200/s in {took:?}");
        assert!(took < Duration::from_secs(8), "{took:?}");
        client.text("and on");
        assert_eq!(client.next_text(), "and on");
    }
    let stats = server.stats();
    assert!(stats["limited"]["connection"]["delayed"].as_u64() >= Some(500), "{stats}");
    assert_eq!(stats["limited"]["connection"]["dropped"], 0);
    // Those that we dropped ourselves.
    assert_eq!(stats["closed"], serde_json::json!({ "1006": 2 }));
}

#[test]
fn a_fast_rate_is_kept_though_messages_come_one_interval_apart() {
    let server = Server::start(&["--rate", "2000", "--burst", "1", "--rate-policy", "delay"]);
    let mut client = server.connect("/echo");
    let start = Instant::now();
    let mut raw = masked(0x82, b"x").repeat(2001);
    raw.extend(masked(0x89, b"end"));
    std::io::Write::write_all(client.0.get_mut(), &raw).unwrap();
    (0..2001).for_each(|_| assert_eq!(client.next(), Message::binary(b"x".to_vec())));
    let took = start.elapsed();
    // Waiting for the ticks of a coarse timer would take half a minute.
    assert!(took > Duration::from_millis(950) && took < Duration::from_secs(8), "{took:?}");
}

#[test]
fn while_a_message_waits_tcp_pushes_back_and_others_are_served() {
    let server = Server::start(&["--rate", "1", "--burst", "1", "--rate-policy", "delay"]);
    let mut flooding = server.raw("/broadcast/flooded");
    flooding.stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let message = masked(0x82, &[7; 60_000]);
    let mut sent = 0_u64;
    // Until the kernel's buffers are full: that it ends at all is the point.
    while std::io::Write::write_all(&mut flooding.stream, &message).is_ok() {
        sent += 1;
        assert!(sent < 10_000, "600 MB and still taken");
    }
    let mut other = server.connect("/echo");
    other.text("served");
    assert_eq!(other.next_text(), "served");
    let stats = server.stats();
    assert!(stats["publishes"].as_u64().unwrap() < 20, "{stats}");
    assert!(server.resident_bytes() < 40 << 20, "what was not read is not kept");
}

#[test]
fn a_message_that_waits_is_counted_as_dropped_when_its_connection_breaks() {
    let server = Server::start(&["--rate", "0.001", "--burst", "1", "--rate-policy", "delay"]);
    let mut member = server.connect("/broadcast/r");
    let mut client = server.connect("/broadcast/r");
    client.text("passes");
    client.text("waits");
    assert_eq!(client.next_text(), "passes");
    server.stats_until(|stats| stats["limited"]["connection"]["delayed"] == 1);
    socket2::SockRef::from(client.0.get_ref()).set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    // Nothing is read from it now, so the next write shows that it has gone.
    member.text("anybody there?");
    let stats = server.stats_until(|stats| stats["members"] == 1);
    assert_eq!((&stats["limited"]["connection"]["dropped"], &stats["publishes"]), (&1.into(), &2.into()));
}

#[test]
fn bytes_are_limited_beside_messages() {
    let server = Server::start(&["--byte-rate", "100KiB", "--byte-burst", "200KiB", "--rate-policy", "delay"]);
    let mut client = server.connect("/echo");
    let start = Instant::now();
    // Three times the burst in one message passes at once, as nothing came before; what comes next has to wait until it is paid for.
    client.send(Message::binary(vec![1; 600 << 10]));
    assert_eq!(client.next().len(), 600 << 10);
    let first = start.elapsed();
    client.send(Message::binary(vec![2; 50 << 10]));
    assert_eq!(client.next().len(), 50 << 10);
    let second = start.elapsed();
    assert!(second > Duration::from_millis(4400), "{first:?}, {second:?}");
    let stats = server.stats();
    assert_eq!(
        (&stats["limited"]["bytes"]["delayed"], &stats["limited"]["connection"]["delayed"]),
        (&1.into(), &0.into())
    );
}

#[test]
fn a_rooms_limit_holds_for_all_its_members_together() {
    let flags = ["--room-rate", "0.001", "--room-burst", "7", "--rate", "1000", "--rate-policy", "disconnect"];
    let server = Server::start(&flags);
    let mut members = [0; 4].map(|_| server.connect("/broadcast/crowded"));
    for member in &mut members {
        (0..5).for_each(|n| member.text(&n.to_string()));
    }
    let mut other = server.connect("/broadcast/other");
    other.text("has its own");
    assert_eq!(other.next_text(), "has its own");
    let stats = server.stats_until(|stats| stats["limited"]["room"]["dropped"] == 13);
    assert_eq!((&stats["publishes"], &stats["connections"]), (&8.into(), &5.into()));
}

#[test]
fn a_flood_of_pings_or_pongs_is_closed_with_1008() {
    let server = Server::start(&[]);
    let mut healthy = server.connect("/broadcast/r");
    for (path, opcode) in [("/broadcast/r", 0x89), ("/echo", 0x8a)] {
        let mut client = server.connect(path);
        std::io::Write::write_all(client.0.get_mut(), &masked(opcode, b"").repeat(1000)).unwrap();
        assert_eq!(client.close_code(), 1008);
    }
    // A burst of two hundred is none.
    for _ in 0..200 {
        healthy.send(Message::Ping(Vec::new().into()));
    }
    healthy.text("still there");
    assert_eq!(healthy.next_text(), "still there");
    let stats = server.stats();
    assert_eq!((&stats["control_floods"], &stats["closed"]["1008"]), (&2.into(), &2.into()));
}

/// A connection in the middle of a message that trickles in, a byte every 20 ms, until the server has had enough.
fn trickle(server: &Server, path: &str, begin: &[u8]) -> u16 {
    let mut raw = server.raw(path);
    raw.send(begin);
    let mut writer = raw.stream.try_clone().unwrap();
    let start = Instant::now();
    let sender = thread::spawn(move || {
        while start.elapsed() < crate::common::PATIENCE && std::io::Write::write_all(&mut writer, b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let code = first_close(&mut raw);
    drop(raw);
    sender.join().unwrap();
    code
}

fn first_close(raw: &mut Raw) -> u16 {
    let (first, payload) = raw.frame();
    assert_eq!(first, 0x88, "a close frame, not {payload:?}");
    payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))
}

#[test]
fn a_message_that_never_ends_is_closed_with_1008_however_alive_its_sender_seems() {
    let server = Server::start(&["--message-timeout", "500ms"]);
    let half = |len: usize| masked(0x82, &vec![0; len])[..20].to_vec();
    assert_eq!(trickle(&server, "/broadcast/r", &half(100_000)), 1008, "in a frame");
    assert_eq!(trickle(&server, "/echo", &half(100_000)), 1008, "of an echo");
    // A message of which all frames are whole, and the last never comes.
    let mut raw = server.raw("/echo");
    raw.send(&[masked(0x02, b"abc"), masked(0x00, b"def")].concat());
    assert_eq!(first_close(&mut raw), 1008, "between fragments");
    assert_eq!(server.stats()["slow_messages"], 3);
}

#[test]
fn a_stream_of_messages_cut_anywhere_is_never_too_slow() {
    let server = Server::start(&["--message-timeout", "600ms", "--ping-interval", "0"]);
    let mut raw = server.raw("/echo");
    // For five times the timeout there is never a moment without an unfinished frame, and each ends soon.
    let bytes: Vec<u8> = (0..90_u8).flat_map(|n| masked(0x82, &[n; 100])).collect();
    for piece in bytes.chunks(106 * 3 / 2) {
        raw.send(piece);
        thread::sleep(Duration::from_millis(50));
    }
    for n in 0..90_u8 {
        assert_eq!(raw.frame(), (0x82, vec![n; 100]));
    }
    assert_eq!(server.stats()["slow_messages"], 0);
}

#[test]
fn a_delayed_client_is_not_blamed_for_messages_that_wait_with_us() {
    let flags = ["--message-timeout", "500ms", "--rate", "10", "--burst", "1", "--rate-policy", "delay"];
    let server = Server::start(&flags);
    let mut client = server.connect("/echo");
    // Ten messages and half of an eleventh, which waits with us for a second and is finished then.
    let mut bytes = masked(0x82, b"message").repeat(11);
    let rest = bytes.split_off(bytes.len() - 4);
    std::io::Write::write_all(client.0.get_mut(), &bytes).unwrap();
    (0..10).for_each(|_| assert_eq!(client.next().len(), 7));
    std::io::Write::write_all(client.0.get_mut(), &rest).unwrap();
    assert_eq!(client.next().len(), 7);
    assert_eq!(server.stats()["slow_messages"], 0);
}

#[test]
fn who_is_gone_while_its_message_waits_is_noticed() {
    let server = Server::start(&["--rate", "5", "--burst", "1", "--rate-policy", "delay"]);
    let mut member = server.connect("/broadcast/r");
    let mut client = server.connect("/broadcast/r");
    (0..4).for_each(|n| client.text(&n.to_string()));
    drop(client);
    server.stats_until(|stats| stats["members"] == 1);
    // Whether the rest was still read depends on the kernel, which may have been told to forget it; what passed is in order.
    let publishes = server.stats()["publishes"].as_u64().unwrap();
    assert!((1..=4).contains(&publishes));
    (0..publishes).for_each(|n| assert_eq!(member.next_text(), n.to_string()));
    assert!(matches!(member.0.get_mut().set_nonblocking(true), Ok(())));
    assert!(matches!(member.0.read(), Err(Error::Io(_))), "nothing more");
}
