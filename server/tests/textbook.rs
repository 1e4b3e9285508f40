//! `--engine textbook`: the same routes, on the hub of every tutorial.

use std::io::Read;
use std::process::Command;

use crate::common::{Client, PATIENCE, Server, masked};
use crate::member::{Member, seq};
use tokio_tungstenite::tungstenite::Message;

/// Queued for one client at most; the rest is dropped.
const QUEUE: usize = 256;

fn textbook(flags: &[&str]) -> Server {
    Server::start(&[&["--engine", "textbook"], flags].concat())
}

#[test]
fn a_room_gets_what_its_members_send_in_one_order_on_one_cpu_and_on_several() {
    for flags in [&["--cpus", "0"][..], &[]] {
        let server = textbook(flags);
        let mut outsider = server.connect("/broadcast/other");
        let clients: Vec<_> = (0..10).map(|_| server.connect("/broadcast/lobby")).collect();
        let threads: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(i, mut client)| {
                std::thread::spawn(move || {
                    if i < 4 {
                        (0..50).for_each(|n| client.text(&format!("{i}:{n}")));
                    }
                    (0..200).map(|_| client.next_text()).collect::<Vec<_>>()
                })
            })
            .collect();
        let received: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(received.iter().all(|messages| *messages == received[0]));
        for i in 0..4 {
            let from_one = received[0].iter().filter(|text| text.starts_with(&format!("{i}:"))).cloned();
            assert!(from_one.eq((0..50).map(|n| format!("{i}:{n}"))), "{i}");
        }
        outsider.text("alone");
        assert_eq!(outsider.next_text(), "alone");
        // A delivery may arrive before it is counted.
        let stats = server.stats_until(|stats| stats["connections"] == 1 && stats["deliveries"] == 2001);
        assert_eq!(stats["publishes"], 201);
        assert_eq!((stats["sends"].as_u64(), stats["dropped"].as_u64()), (Some(2001), Some(0)));
        assert_eq!((stats["members"].as_u64(), stats["rooms"].as_u64()), (Some(1), Some(1)));
        assert_eq!(stats["engine"], "textbook");
    }
}

#[test]
fn echo_and_pings_are_answered_and_every_byte_and_kind_kept() {
    let server = textbook(&[]);
    for path in ["/echo", "/broadcast/r"] {
        let mut client = server.connect(path);
        for message in [Message::text("grüße"), Message::text(""), Message::binary(vec![7; 1 << 20])] {
            client.send(message.clone());
            assert_eq!(client.next(), message);
        }
        client.send(Message::Ping(b"payload".to_vec().into()));
        assert_eq!(client.0.read().unwrap(), Message::Pong(b"payload".to_vec().into()));
    }
}

#[test]
fn bytes_sent_along_with_the_request_and_one_by_one_count() {
    let server = textbook(&[]);
    let mut early = crate::common::Raw::upgrade(server.dial(), "/echo", &masked(0x81, b"early"));
    assert_eq!(early.frame(), (0x81, b"early".to_vec()));
    for byte in [masked(0x01, b"by"), masked(0x89, b"p"), masked(0x80, b"te")].concat() {
        early.send(&[byte]);
    }
    assert_eq!(early.frame(), (0x8a, b"p".to_vec()));
    assert_eq!(early.frame(), (0x81, b"byte".to_vec()));
}

#[test]
fn a_frame_in_pieces_survives_messages_that_are_sent_meanwhile() {
    let server = textbook(&["--cpus", "0"]);
    let mut slow = server.raw("/broadcast/r");
    let mut other = server.connect("/broadcast/r");
    for (n, byte) in masked(0x82, &[9; 200]).into_iter().enumerate() {
        other.text(&n.to_string());
        assert_eq!(slow.frame(), (0x81, n.to_string().into_bytes()));
        assert_eq!(other.next_text(), n.to_string());
        slow.send(&[byte]);
    }
    assert_eq!(other.next(), Message::binary(vec![9; 200]));
}

#[test]
fn who_does_not_read_misses_messages_which_is_counted_and_the_others_miss_none() {
    let server = textbook(&[]);
    let mut stopped = server.upgrade("/broadcast/r", server.dial_narrow()).unwrap().0;
    let mut reader = server.connect("/broadcast/r");
    let message = |n: usize| Message::binary([&n.to_be_bytes()[..], &[0; 20_000]].concat());
    // Until nothing fits any more, and then some.
    let mut sent = 0;
    while server.stats()["dropped"].as_u64() < Some(100) {
        for _ in 0..50 {
            reader.send(message(sent));
            assert_eq!(reader.next(), message(sent));
            sent += 1;
        }
        assert!(sent < 20_000, "nothing is dropped");
    }
    let dropped = server.stats()["dropped"].as_u64().unwrap() as usize;
    let numbers: Vec<_> = (0..sent - dropped).map(|_| number(&mut stopped)).collect();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(numbers.len() >= QUEUE && numbers[..QUEUE].iter().copied().eq(0..QUEUE));
}

fn number(client: &mut Client) -> usize {
    usize::from_be_bytes(*client.next().into_data().first_chunk().unwrap())
}

#[test]
fn a_close_is_answered_and_a_violation_ends_the_connection_and_no_other() {
    let server = textbook(&["--max-message", "64KiB"]);
    let mut other = server.connect("/broadcast/r");
    let mut polite = server.raw("/broadcast/r");
    polite.send(&masked(0x88, b"\x03\xe8bye"));
    assert_eq!(polite.close_code(), 1000);
    for bytes in [masked(0xc1, b"x"), masked(0x82, &[0; 65537]), masked(0x81, b"\xff")] {
        let mut raw = server.raw("/broadcast/r");
        raw.send(&bytes);
        // An end, or a reset because not everything was read.
        assert!(raw.stream.read(&mut [0; 8]).map_or(true, |n| n == 0));
    }
    other.text("still here");
    assert_eq!(other.next_text(), "still here");
    let stats = server.stats_until(|stats| stats["connections"] == 1);
    assert_eq!((stats["closed"]["1000"].as_u64(), stats["closed"]["1006"].as_u64()), (Some(1), Some(3)));
    assert_eq!(stats["protocol_errors"]["FrameTooLarge"], 1);
}

#[test]
fn who_answers_no_ping_is_closed() {
    let server = textbook(&["--ping-interval", "100ms", "--pong-timeout", "1s"]);
    let mut silent = server.raw("/broadcast/r");
    assert_eq!(silent.frame(), (0x89, vec![]));
    let stats = server.stats_until(|stats| stats["connections"] == 0);
    assert_eq!(stats["closed"]["1008"], 1);
}

#[test]
fn a_drain_delivers_what_was_published_and_closes_everybody_with_1001() {
    for flags in [&["--cpus", "0", "--drain", "300ms"][..], &["--drain", "0"]] {
        let mut server = textbook(flags);
        let mut slow = server.upgrade("/broadcast/r", server.dial_narrow()).unwrap().0;
        let mut clients: Vec<_> = (0..10).map(|i| server.connect(["/broadcast/r", "/echo"][i % 2])).collect();
        for n in 0..100 {
            clients[0].send(Message::binary(vec![n; 10_000]));
            assert_eq!(clients[0].next(), Message::binary(vec![n; 10_000]));
        }
        server.terminate();
        let (messages, code) = slow.drain();
        assert_eq!((messages.len(), code), (100, 1001));
        assert!(clients.iter_mut().all(|client| client.close_code() == 1001));
        drop((slow, clients));
        assert!(server.wait().success());
    }
}

#[test]
fn a_client_that_never_answers_holds_the_drain_up_for_a_while_only() {
    let mut server = textbook(&["--drain", "0"]);
    let mut deaf = server.raw("/broadcast/r");
    server.terminate();
    assert_eq!(deaf.frame().0, 0x88);
    assert_eq!(server.get("/healthz"), (503, "draining\n".to_owned()));
    assert!(server.try_connect("/broadcast/r").err().unwrap().contains("503"));
    assert!(server.wait().success());
}

#[test]
fn limits_and_requests_are_answered_as_they_are_by_the_native_engine() {
    let server = textbook(&["--max-connections", "1", "--handshake-timeout", "1s"]);
    assert_eq!(server.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!((server.get("/nothing").0, server.get("/broadcast/r").0), (404, 426));
    assert!(server.try_connect("/broadcast/r?resume=a.1").err().unwrap().contains("501"));
    let first = server.connect("/echo");
    assert!(server.try_connect("/echo").err().unwrap().contains("503"));
    drop(first);
    server.stats_until(|stats| stats["connections"] == 0);
    let mut silent = server.dial();
    assert_eq!(silent.read(&mut [0; 8]).unwrap(), 0, "cut off in less than {PATIENCE:?}");
    let _again = server.connect("/echo");
    assert_eq!(server.stats()["handshake_failures"], 1);
}

#[test]
fn a_chat_room_speaks_as_the_native_engine_does() {
    let server = textbook(&[]);
    let mut first = Member::join(&server, "/ws/r");
    let mut second = Member::join(&server, "/ws/r");
    assert_eq!(second.welcome["content"], format!("welcome, {}; 2 members", second.name));
    assert!(server.try_connect("/broadcast/r").err().unwrap().contains("409"));
    first.say("hello");
    second.next_of("chat");
    second.client.text("not json");
    second.client.send(Message::binary(b"{}".to_vec()));
    for wrong in ["not JSON", "binary"] {
        let error = second.next_of("error");
        assert!(error["content"].as_str().unwrap().contains(wrong), "{error}");
        assert_eq!((error["sender"].as_str(), seq(&error).1), (Some("server"), 1));
    }
    second.say("and \"hello\" to you");
    let heard = [first.next_of("chat"), first.next_of("chat")];
    let said =
        |content: &str, sender: &str, index| ((content.to_owned(), sender.to_owned()), (seq(&first.welcome).0, index));
    let read = |message: &serde_json::Value| {
        let text = |field: &str| message[field].as_str().unwrap().to_owned();
        ((text("content"), text("sender")), seq(message))
    };
    assert_eq!(read(&heard[0]), said("hello", &first.name, 0));
    assert_eq!(read(&heard[1]), said("and \"hello\" to you", &second.name, 1));
    let fields: Vec<_> = heard[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["content", "room", "sender", "seq", "timestamp", "type"]);
    assert_eq!(second.next_of("chat"), heard[1]);
}

#[test]
fn what_needs_a_history_is_refused_with_a_sentence() {
    let server = textbook(&[]);
    for path in ["/sse/r", "/poll/r"] {
        let (status, body) = server.get(path);
        assert_eq!(status, 501);
        assert!(body.contains("keeps no history"), "{body}");
    }
    assert!(server.try_connect("/ws/r?resume=a.1").err().unwrap().contains("501"));
}

#[test]
fn a_flag_that_it_would_ignore_is_refused_by_name() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout-server"));
    let output = command.args(["--engine", "textbook", "--lag-policy", "skip"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--lag-policy means nothing to --engine textbook"), "{text}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_hangup_does_not_end_it() {
    let server = textbook(&[]);
    let mut client = server.connect("/echo");
    server.signal(net::Signal::Hangup);
    for text in ["still", "here"] {
        client.text(text);
        assert_eq!(client.next_text(), text);
    }
    assert_eq!(server.stats()["connections"], 1);
}
