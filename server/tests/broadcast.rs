//! Rooms, with clients that are not ours.

use std::thread;

use crate::common::{Raw, Server, masked};
use tokio_tungstenite::tungstenite::Message;

#[test]
fn everybody_in_a_room_receives_everything_in_the_same_order() {
    let server = Server::start(&[]);
    let clients: Vec<_> = (0..20).map(|_| server.connect("/broadcast/lobby")).collect();
    let threads: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(i, mut client)| {
            thread::spawn(move || {
                if i < 5 {
                    for n in 0..50 {
                        client.text(&format!("{i}:{n}:{}", "x".repeat(n * 20)));
                    }
                }
                (0..250).map(|_| client.next_text()).collect::<Vec<_>>()
            })
        })
        .collect();
    let received: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(received.iter().all(|messages| *messages == received[0]));
    for i in 0..5 {
        let from_one = received[0].iter().filter(|text| text.starts_with(&format!("{i}:")));
        let expected: Vec<String> = (0..50).map(|n| format!("{i}:{n}:{}", "x".repeat(n * 20))).collect();
        assert_eq!(from_one.cloned().collect::<Vec<_>>(), expected);
    }
    let stats = server.stats();
    assert_eq!((stats["publishes"].as_u64(), stats["deliveries"].as_u64()), (Some(250), Some(5000)));
}

#[test]
fn a_message_keeps_its_kind_and_every_byte() {
    let server = Server::start(&[]);
    let (mut a, mut b) = (server.connect("/broadcast/r"), server.connect("/broadcast/r"));
    let binary: Vec<u8> = (0..1 << 20).map(|i: u32| (i * 31) as u8).collect();
    for message in [Message::text("grüße"), Message::text(""), Message::binary(vec![]), Message::binary(binary)] {
        a.send(message.clone());
        assert_eq!(b.next(), message);
        assert_eq!(a.next(), message);
    }
}

#[test]
fn rooms_are_apart_and_named_by_any_text() {
    let server = Server::start(&[]);
    let names = ["/broadcast/ADA%2FXBT", "/broadcast/%F0%9F%8E%89", "/broadcast/plain"];
    let mut pairs: Vec<_> = names.map(|name| (server.connect(name), server.connect(name))).into_iter().collect();
    for (i, (sender, _)) in pairs.iter_mut().enumerate() {
        sender.text(names[i]);
    }
    for (i, (_, other)) in pairs.iter_mut().enumerate() {
        assert_eq!(other.next_text(), names[i]);
    }
    // An unescaped slash names the same room.
    let mut same = server.connect("/broadcast/ADA/XBT");
    same.text("here too");
    assert_eq!(pairs[0].1.next_text(), "here too");
    let rooms =
        server.stats()["per_room"].as_array().unwrap().iter().map(|room| room["name"].clone()).collect::<Vec<_>>();
    assert!(rooms.contains(&"ADA/XBT".into()) && rooms.contains(&"🎉".into()), "{rooms:?}");
}

#[test]
fn a_newcomer_gets_what_comes_after_its_cursor_and_nothing_before() {
    let server = Server::start(&[]);
    let mut first = server.connect("/broadcast/r");
    for n in 0..3 {
        first.text(&n.to_string());
        first.next();
    }
    let (mut second, answer) = server.try_connect("/broadcast/r").unwrap();
    let cursor = answer.headers()["fanout-cursor"].to_str().unwrap();
    assert!(cursor.ends_with(".3"), "{cursor}");
    first.text("3");
    assert_eq!(second.next_text(), "3");
}

#[test]
fn resume_replays_what_was_missed_without_gap_or_duplicate() {
    let server = Server::start(&[]);
    let mut publisher = server.connect("/broadcast/r");
    let (mut reader, answer) = server.try_connect("/broadcast/r").unwrap();
    let cursor = answer.headers()["fanout-cursor"].to_str().unwrap().to_owned();
    let generation = cursor.strip_suffix(".0").unwrap();
    for n in 0..100 {
        publisher.text(&n.to_string());
    }
    assert_eq!((reader.next_text(), reader.next_text()), ("0".into(), "1".into()));
    drop(reader);
    let (mut again, answer) = server.try_connect(&format!("/broadcast/r?resume={generation}.2")).unwrap();
    assert_eq!(answer.headers()["fanout-cursor"], format!("{generation}.2"));
    publisher.text("100");
    for n in 2..=100 {
        assert_eq!(again.next_text(), n.to_string());
    }
}

#[test]
fn a_resume_that_is_impossible_is_told_so_with_4001() {
    let server = Server::start(&["--room-log", "4096"]);
    let (mut publisher, answer) = server.try_connect("/broadcast/r").unwrap();
    let cursor = answer.headers()["fanout-cursor"].to_str().unwrap().to_owned();
    let generation = cursor.strip_suffix(".0").unwrap();
    for _ in 0..100 {
        publisher.text(&"x".repeat(100));
        publisher.next();
    }
    for point in ["zzz.0".to_owned(), format!("{generation}.0"), format!("{generation}.101")] {
        let mut client = server.connect(&format!("/broadcast/r?resume={point}"));
        assert_eq!(client.close_code(), 4001, "{point}");
    }
    assert_eq!(server.connect(&format!("/broadcast/r?resume={generation}.100")).0.close(None).ok(), Some(()));
    assert!(server.try_connect("/broadcast/r?resume=5").unwrap_err().contains("400"));
}

#[test]
fn bytes_sent_along_with_the_upgrade_request_count() {
    let server = Server::start(&[]);
    let mut reader = server.connect("/broadcast/r");
    let extra = [masked(0x81, b"early"), masked(0x82, &[7; 3000]), masked(0x81, b"split")].concat();
    let (whole, part) = extra.split_at(extra.len() - 4);
    let mut early = Raw::upgrade(server.dial(), "/broadcast/r", whole);
    early.send(part);
    assert_eq!(reader.next_text(), "early");
    assert_eq!(reader.next(), Message::binary(vec![7; 3000]));
    assert_eq!(reader.next_text(), "split");
    assert_eq!(early.frame(), (0x81, b"early".to_vec()));
}

#[test]
fn a_peer_that_writes_byte_by_byte_is_understood() {
    let server = Server::start(&[]);
    let mut reader = server.connect("/broadcast/r");
    let mut slow = server.raw("/broadcast/r");
    for byte in [masked(0x81, b"slowly"), masked(0x82, &[1; 200])].concat() {
        slow.send(&[byte]);
    }
    assert_eq!(reader.next_text(), "slowly");
    assert_eq!(reader.next(), Message::binary(vec![1; 200]));
}

#[test]
fn a_flush_delay_gathers_messages_into_fewer_writes_and_loses_none() {
    let server = Server::start(&["--flush-delay", "20ms"]);
    let mut reader = server.connect("/broadcast/r");
    let mut writer = server.connect("/broadcast/r");
    for n in 0..200 {
        writer.text(&n.to_string());
    }
    for n in 0..200 {
        assert_eq!(reader.next_text(), n.to_string());
    }
    let stats = server.stats_until(|stats| stats["deliveries"] == 400);
    assert!(stats["messages_per_send"].as_f64().unwrap() > 5.0, "{stats}");
}

#[test]
fn an_unused_room_is_dropped_and_an_idle_one_forgets_its_history() {
    let server = Server::start(&["--room-retain", "100ms"]);
    let mut client = server.connect("/broadcast/kept");
    client.text("x");
    client.next();
    drop(server.connect("/broadcast/left"));
    let stats = server.stats_until(|stats| stats["rooms"] == 1 && stats["log_bytes"] == 0);
    assert_eq!(stats["per_room"][0]["name"], "kept");
    client.text("y");
    assert_eq!(client.next_text(), "y");
}
