//! permessage-deflate (RFC 7692) with clients that offer different things, in one room and alone.

use std::thread;
use std::time::Duration;

use crate::common::{Raw, Server, masked};
use wire::{Context, Deflater, Direction, Inflater};

/// A client that offers something and decodes what it is sent.
struct Client {
    raw: Raw,
    inflater: Option<Inflater>,
    /// Frames that came compressed, and plain ones.
    compressed: usize,
    plain: usize,
}

impl Client {
    fn offering(server: &Server, path: &str, offer: Option<&str>) -> Self {
        let line = offer.map(|offer| format!("Sec-WebSocket-Extensions: {offer}\r\n"));
        let raw = Raw::upgrade_with(server.dial(), path, &line.unwrap_or_default(), b"");
        let answer = extension(&raw.head);
        let inflater = answer.map(|answer| {
            let fresh = answer.contains("server_no_context_takeover");
            Inflater::new(if fresh { Context::Fresh } else { Context::Kept })
        });
        Self { raw, inflater, compressed: 0, plain: 0 }
    }

    fn next(&mut self) -> Vec<u8> {
        let (first, payload) = self.raw.frame();
        if first & 0x40 == 0 {
            self.plain += 1;
            return payload;
        }
        self.compressed += 1;
        self.inflater.as_mut().expect("compressed only where agreed").inflate(&payload, 1 << 24).unwrap().to_vec()
    }
}

/// The extension that the answer names.
fn extension(head: &str) -> Option<String> {
    let line = head.lines().find(|line| line.to_lowercase().starts_with("sec-websocket-extensions:"))?;
    Some(line.split_once(':').unwrap().1.trim().to_owned())
}

fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Deflater::new(Direction { context: Context::Fresh, window_bits: 15 }, 6).deflate(payload, &mut out);
    out
}

/// Message `n` of a feed whose messages have much in common.
fn quote(n: usize) -> String {
    let filler = if n % 50 == 7 { "a rather long line of text, ".repeat(n * 3 % 400) } else { String::new() };
    format!(
        "{{\"type\":\"l2update\",\"product\":\"BTC-USD\",\"n\":{n},\"price\":\"{}.{:02}\",\"note\":\"{filler}\"}}",
        n * 7919,
        n % 100
    )
}

const OFFERS: [Option<&str>; 7] = [
    Some("permessage-deflate; client_max_window_bits"),
    Some("permessage-deflate; server_max_window_bits=12"),
    Some("permessage-deflate; server_no_context_takeover"),
    Some("permessage-deflate; server_max_window_bits=9"),
    Some("permessage-deflate; server_max_window_bits=8"),
    Some("x-other, permessage-deflate; server_max_window_bits=10; server_no_context_takeover"),
    None,
];

#[test]
fn clients_with_all_kinds_of_offers_that_join_at_any_time_receive_the_same_messages() {
    const MESSAGES: usize = 2000;
    for flags in [&["--shards", "1"][..], &["--shards", "2", "--spread-above", "60"], &["--compression", "standalone"]]
    {
        let server = Server::start(flags);
        let mut publisher = Client::offering(&server, "/broadcast/r", None);
        let readers: Vec<_> = (0..168)
            .map(|i| {
                let offer = OFFERS[i % OFFERS.len()];
                // Three in ten are there from the beginning.
                let early = (i % 10 < 3).then(|| Client::offering(&server, "/broadcast/r", offer));
                let addr = server.addr;
                let line = offer.map(|offer| format!("Sec-WebSocket-Extensions: {offer}\r\n")).unwrap_or_default();
                thread::spawn(move || {
                    let mut client = early.unwrap_or_else(|| {
                        thread::sleep(Duration::from_millis(i as u64 * 29 % 1500));
                        let raw = Raw::upgrade_with(crate::common::dial(addr), "/broadcast/r", &line, b"");
                        let inflater = extension(&raw.head).map(|answer| {
                            let fresh = answer.contains("server_no_context_takeover");
                            Inflater::new(if fresh { Context::Fresh } else { Context::Kept })
                        });
                        Client { raw, inflater, compressed: 0, plain: 0 }
                    });
                    let cursor = client.raw.head.to_lowercase();
                    let first: usize = cursor
                        .split("fanout-cursor: ")
                        .nth(1)
                        .unwrap()
                        .split(['.', '\r'])
                        .nth(1)
                        .unwrap()
                        .parse()
                        .unwrap();
                    for n in first..MESSAGES {
                        assert_eq!(String::from_utf8(client.next()).unwrap(), quote(n), "client {i}");
                    }
                    client
                })
            })
            .collect();
        for n in 0..MESSAGES {
            publisher.raw.send(&masked(0x81, quote(n).as_bytes()));
            assert_eq!(publisher.next(), quote(n).as_bytes());
            thread::sleep(Duration::from_millis(1));
        }
        for (i, reader) in readers.into_iter().enumerate() {
            let client = reader.join().unwrap();
            let offered = OFFERS[i % OFFERS.len()].is_some_and(|offer| !offer.ends_with("=8"));
            assert_eq!(client.inflater.is_some(), offered);
            assert_eq!(client.compressed > 0, offered, "client {i}: {} plain", client.plain);
        }
        let stats = server.stats();
        let compression = &stats["compression"];
        assert!(compression["cpu_s"].as_f64().unwrap() > 0.0);
        assert!(compression["memory_bytes"].as_u64() <= compression["memory_limit"].as_u64());
        let shared = compression["variants"]["mature"]["messages"].as_u64().unwrap();
        assert_eq!(shared > 0, flags[0] != "--compression", "{compression}");
        if shared > 0 {
            let mature = &compression["variants"]["mature"];
            assert!(
                mature["plain_bytes"].as_f64().unwrap() > 3.0 * mature["frame_bytes"].as_f64().unwrap(),
                "{mature}"
            );
            assert!(compression["moves"].as_u64().unwrap() > 0);
        }
        assert_eq!(
            (stats["deliveries"].as_u64().unwrap() > 0, stats["lagged"]["disconnected"].as_u64()),
            (true, Some(0))
        );
    }
}

#[test]
fn what_is_answered_is_what_was_offered() {
    let answered = |flags: &[&str], path: &str, lines: &str| {
        let server = Server::start(flags);
        extension(&Raw::upgrade_with(server.dial(), path, lines, b"").head)
    };
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let own = "permessage-deflate; client_no_context_takeover";
    let alone = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert_eq!(answered(&[], "/broadcast/r", offer).as_deref(), Some(own));
    assert_eq!(answered(&[], "/ws/r", offer).as_deref(), Some(own));
    assert_eq!(answered(&[], "/echo", offer).as_deref(), Some(alone));
    assert_eq!(answered(&["--compression", "standalone"], "/broadcast/r", offer).as_deref(), Some(alone));
    assert_eq!(answered(&["--compression", "off"], "/broadcast/r", offer), None);
    let two = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8\r\n\
               Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=13\r\n";
    let twelve = "permessage-deflate; client_no_context_takeover; server_max_window_bits=12";
    assert_eq!(answered(&[], "/broadcast/r", two).as_deref(), Some(twelve));
}

#[test]
fn an_offer_that_breaks_the_grammar_is_refused_whether_compression_is_on_or_not() {
    for flags in [&[][..], &["--compression", "off"]] {
        let server = Server::start(flags);
        for path in ["/broadcast/r", "/ws/r", "/echo"] {
            for line in ["permessage-deflate; =", "permessage-deflate; a=\"b", "\u{e9}"] {
                let answer = server.ask(path, &[&format!("Sec-WebSocket-Extensions: {line}")]);
                assert_eq!(answer.status, 400, "{line}");
            }
        }
        assert_eq!(server.stats()["connections"].as_u64(), Some(0));
    }
}

#[test]
fn an_echo_is_compressed_like_what_was_sent_if_it_is_long_enough() {
    let server = Server::start(&[]);
    let mut client = Client::offering(&server, "/echo", OFFERS[0]);
    let long = "to be or not to be, ".repeat(2000);
    for text in ["", "short", &long[..64], &long] {
        client.raw.send(&masked(0xc1, &deflated(text.as_bytes())));
        client.raw.send(&masked(0x81, text.as_bytes()));
        assert_eq!(client.next(), text.as_bytes());
        assert_eq!(client.next(), text.as_bytes());
    }
    assert_eq!((client.compressed, client.plain), (4, 4));
    // In fragments, the first of which bears the mark.
    let compressed = deflated(long.as_bytes());
    let (start, rest) = compressed.split_at(compressed.len() / 2);
    client.raw.send(&masked(0x41, start));
    client.raw.send(&masked(0x89, b"ping"));
    client.raw.send(&masked(0x80, rest));
    assert_eq!(client.raw.frame(), (0x8a, b"ping".to_vec()));
    assert_eq!(client.next(), long.as_bytes());
    // With a window of 512 bytes, what is larger stays as it is.
    let mut narrow = Client::offering(&server, "/echo", OFFERS[3]);
    for (text, compressed) in [(&long[..512], 1), (&long[..513], 1), (&long[..100], 2)] {
        narrow.raw.send(&masked(0x81, text.as_bytes()));
        assert_eq!(narrow.next(), text.as_bytes());
        assert_eq!(narrow.compressed, compressed);
    }
}

/// Waits until so many newcomers, of rooms in which nothing was said, are where their first message is compressed for them: a moment after
/// their upgrade was answered.
fn adopted(server: &Server, newcomers: u64) {
    server.stats_until(|stats| stats["members_by_variant"]["unshared"].as_u64() == Some(newcomers));
}

#[test]
fn what_comes_in_compressed_goes_out_to_everybody() {
    let server = Server::start(&[]);
    let mut sender = Client::offering(&server, "/broadcast/r", OFFERS[0]);
    let mut plain = Client::offering(&server, "/broadcast/r", None);
    for n in 0..20 {
        let text = quote(n);
        sender.raw.send(&masked(0xc2, &deflated(text.as_bytes())));
        assert_eq!(sender.next(), text.as_bytes());
        assert_eq!(plain.next(), text.as_bytes());
    }
    assert_eq!((sender.compressed, plain.plain), (20, 20));
}

#[test]
fn a_bomb_costs_its_sender_the_connection_and_the_server_no_more_than_a_message() {
    let server = Server::start(&["--max-message", "2MiB"]);
    let mut witness = Client::offering(&server, "/broadcast/r", OFFERS[0]);
    let bomb = deflated(&vec![0; 1 << 30]);
    assert!((1 << 19..2 << 20).contains(&bomb.len()), "{}", bomb.len());
    let before = server.resident_bytes();
    for path in ["/broadcast/r", "/echo", "/ws/chat"] {
        let mut bomber = Client::offering(&server, path, OFFERS[0]);
        bomber.raw.send(&masked(0xc2, &bomb));
        // In a chat room, a welcome comes first and the announcement of it.
        let (first, payload) = (0..3).map(|_| bomber.raw.frame()).find(|(first, _)| *first == 0x88).unwrap();
        assert_eq!((first, u16::from_be_bytes(*payload.first_chunk().unwrap())), (0x88, 1009), "{path}");
    }
    assert!(server.resident_bytes() < before + (16 << 20), "{} -> {}", before, server.resident_bytes());
    witness.raw.send(&masked(0x81, b"still there"));
    assert_eq!(witness.next(), b"still there");
}

#[test]
fn what_is_no_deflate_or_not_agreed_is_answered_with_the_right_code() {
    let server = Server::start(&[]);
    let mut truncated = deflated(&(0..255).collect::<Vec<u8>>());
    truncated.truncate(40);
    let text = deflated(b"\xff\xfe is no text");
    for (offer, frame, code) in [
        (OFFERS[6], masked(0xc1, &deflated(b"hello")), 1002),
        (OFFERS[4], masked(0xc1, &deflated(b"hello")), 1002),
        (OFFERS[0], masked(0xc9, b"ping"), 1002),
        (OFFERS[0], masked(0xa1, b"rsv2"), 1002),
        (OFFERS[0], masked(0xc0, b"continuation"), 1002),
        (OFFERS[0], masked(0xc2, b"\x07nonsense"), 1007),
        (OFFERS[0], masked(0xc1, &text), 1007),
        (OFFERS[0], masked(0xc2, &truncated), 1007),
    ] {
        for path in ["/broadcast/r", "/echo"] {
            let mut client = Client::offering(&server, path, offer);
            client.raw.send(&frame);
            assert_eq!(client.raw.close_code(), code, "{path} {frame:x?}");
        }
    }
}

#[test]
fn who_resumes_gets_what_was_missed_and_then_shares_the_history() {
    let server = Server::start(&[]);
    let mut members: Vec<_> = (0..10).map(|_| Client::offering(&server, "/broadcast/r", OFFERS[0])).collect();
    let head = members[0].raw.head.to_lowercase();
    adopted(&server, 10);
    let generation = head.split("fanout-cursor: ").nth(1).unwrap().split('.').next().unwrap().to_owned();
    for n in 0..300 {
        members[0].raw.send(&masked(0x81, quote(n).as_bytes()));
        members.iter_mut().for_each(|member| assert_eq!(member.next(), quote(n).as_bytes()));
    }
    assert!(members.iter().all(|member| member.plain == 0), "there from the beginning");
    let mut again = Client::offering(&server, &format!("/broadcast/r?resume={generation}.120"), OFFERS[0]);
    (120..300).for_each(|n| assert_eq!(again.next(), quote(n).as_bytes()));
    assert_eq!((again.plain, again.compressed), (180, 0), "what was missed is read from the plain log");
    for n in 300..900 {
        members[0].raw.send(&masked(0x81, quote(n).as_bytes()));
        assert_eq!(again.next(), quote(n).as_bytes());
        members.iter_mut().for_each(|member| assert_eq!(member.next(), quote(n).as_bytes()));
    }
    assert!(again.compressed > 0);
    let stats = server.stats();
    let members = &stats["members_by_variant"];
    assert_eq!((members["mature"].as_u64(), members["plain"].as_u64()), (Some(11), Some(0)), "{members}");
}

#[test]
fn rooms_that_are_too_small_or_for_which_there_is_no_memory_send_standalone_messages() {
    let server = Server::start(&["--deflate-memory", "1MiB", "--room-retain", "1s"]);
    let small: Vec<_> = (0..2).map(|_| Client::offering(&server, "/broadcast/small", OFFERS[0])).collect();
    let room = |name: &str| -> Vec<Client> {
        (0..9).map(|_| Client::offering(&server, &format!("/broadcast/{name}"), OFFERS[0])).collect()
    };
    let mut rooms = vec![small, room("a"), room("b")];
    adopted(&server, 20);
    for members in &mut rooms {
        for n in 0..20 {
            members[0].raw.send(&masked(0x81, quote(n).as_bytes()));
            members.iter_mut().for_each(|member| assert_eq!(member.next(), quote(n).as_bytes()));
        }
        assert!(members.iter().all(|member| member.plain == 0));
    }
    let stats = server.stats();
    let compression = &stats["compression"];
    assert_eq!(
        (stats["members_by_variant"]["unshared"].as_u64(), stats["members_by_variant"]["mature"].as_u64()),
        (Some(11), Some(9))
    );
    assert!(compression["refused"].as_u64() > Some(0), "{compression}");
    assert!(compression["memory_bytes"].as_u64() <= Some(1 << 20));
    // A room in which nothing is said gives its compressor to one in which something is.
    server.stats_until(|stats| stats["members_by_variant"]["mature"] == 0);
    for n in 20..40 {
        rooms[2][0].raw.send(&masked(0x81, quote(n).as_bytes()));
        rooms[2].iter_mut().for_each(|member| assert_eq!(member.next(), quote(n).as_bytes()));
    }
    assert_eq!(server.stats()["members_by_variant"]["mature"].as_u64(), Some(9));
}
