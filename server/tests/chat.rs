//! Chat rooms, with a client that is not ours.

use std::collections::HashSet;
use std::thread;

use crate::common::Server;
use crate::member::{Member, every_gap_is_told, flood, narrow, seq};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

#[test]
fn everybody_receives_the_same_numbered_messages() {
    let server = Server::start(&[]);
    let members: Vec<_> = (0..10).map(|_| Member::join(&server, "/ws/lobby")).collect();
    let names: HashSet<_> = members.iter().map(|member| member.name.clone()).collect();
    assert_eq!(names.len(), 10);
    let threads: Vec<_> = members
        .into_iter()
        .map(|mut member| {
            thread::spawn(move || {
                for n in 0..20 {
                    member.say(&format!("{n} \"grüße\" 🎉"));
                }
                (0..200).map(|_| member.next_of("chat")).collect::<Vec<_>>()
            })
        })
        .collect();
    let received: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(received.iter().all(|messages| *messages == received[0]));
    for name in &names {
        let said = received[0].iter().filter(|message| message["sender"] == **name).map(|message| &message["content"]);
        assert!(said.eq((0..20).map(|n| format!("{n} \"grüße\" 🎉")).collect::<Vec<_>>().iter()));
    }
    for pair in received[0].windows(2) {
        assert!(seq(&pair[0]).1 < seq(&pair[1]).1 && seq(&pair[0]).0 == seq(&pair[1]).0);
        assert_eq!(pair[0]["room"], "lobby");
    }
}

#[test]
fn a_message_has_exactly_its_six_fields() {
    let server = Server::start(&[]);
    let mut member = Member::join(&server, "/ws");
    member.say("hello");
    for message in [member.welcome.clone(), member.next_of("system"), member.next_of("chat")] {
        let fields: Vec<_> = message.as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields, ["content", "room", "sender", "seq", "timestamp", "type"], "{message}");
        assert_eq!(message["room"], "general");
        let time: jiff::Timestamp = message["timestamp"].as_str().unwrap().parse().unwrap();
        assert!(time.duration_until(jiff::Timestamp::now()).as_secs() < 60);
        assert_eq!(message["timestamp"].as_str().unwrap().len(), 24);
    }
}

#[test]
fn the_first_message_names_the_client_and_the_cursor() {
    let server = Server::start(&[]);
    let (client, answer) = server.try_connect("/ws/r").unwrap();
    let member = Member::welcomed(client);
    assert_eq!(member.welcome["type"], "system");
    assert_eq!(member.name.len(), 8);
    assert_eq!(member.welcome["content"], format!("welcome, {}; 1 member", member.name));
    assert_eq!(member.welcome["seq"], answer.headers()["fanout-cursor"].to_str().unwrap());
}

#[test]
fn who_joins_and_leaves_is_told_to_the_room() {
    let server = Server::start(&[]);
    let mut first = Member::join(&server, "/ws/r");
    assert_eq!(first.next()["content"], format!("{} joined; 1 member", first.name));
    let second = Member::join(&server, "/ws/r");
    let joined = first.next();
    assert_eq!((joined["type"].as_str(), joined["sender"].as_str()), (Some("system"), Some("server")));
    assert_eq!(joined["content"], format!("{} joined; 2 members", second.name));
    drop(second.client);
    assert_eq!(first.next()["content"], format!("{} left; 1 member", second.name));
}

#[test]
fn a_crowd_is_announced_together() {
    let server = Server::start(&[]);
    let mut watcher = Member::join(&server, "/ws/r");
    let crowd: Vec<_> = (0..300).map(|_| Member::join(&server, "/ws/r")).collect();
    let mut announcements = 0;
    loop {
        announcements += 1;
        if watcher.next()["content"].as_str().unwrap().ends_with("; 301 members") {
            break;
        }
    }
    let stats = server.stats();
    assert!(announcements < 60, "{announcements} for 300 joins");
    assert_eq!((&stats["chat"]["welcomes"], &stats["chat"]["announcements"]), (&json!(301), &json!(announcements)));
    drop(crowd);
    while !watcher.next()["content"].as_str().unwrap().ends_with("; 1 member") {}
}

#[test]
fn what_is_no_chat_message_is_answered_to_its_sender_alone() {
    let server = Server::start(&[]);
    let (mut bad, mut other) = (Member::join(&server, "/ws/r"), Member::join(&server, "/ws/r"));
    let wrong = [
        "not json",
        "[]",
        r#"{"type":"system","content":"I am the server"}"#,
        r#"{"type":"chat"}"#,
        r#"{"type":"chat","content":1}"#,
        r#"{"type":"chat","room":"elsewhere","content":"x"}"#,
    ];
    for text in wrong {
        bad.client.text(text);
        let error = bad.next_of("error");
        assert_eq!((error["sender"].as_str(), error["room"].as_str()), (Some("server"), Some("r")), "{text}");
    }
    bad.client.send(Message::binary(br#"{"type":"chat","content":"x"}"#.to_vec()));
    assert!(bad.next_of("error")["content"].as_str().unwrap().contains("binary"));
    bad.say(&"x".repeat(64 * 1024 + 1));
    assert!(bad.next_of("error")["content"].as_str().unwrap().contains("65537 bytes"));
    bad.client.text(r#"{"type":"chat","room":"r","content":"good","extra":{}}"#);
    assert_eq!(bad.next_of("chat")["content"], "good");
    loop {
        let message = other.next();
        assert_ne!(message["type"], "error");
        if message["type"] == "chat" {
            assert_eq!(message["content"], "good");
            break;
        }
    }
    let refused = server.stats()["chat"]["refused"].clone();
    assert_eq!(
        refused,
        json!({ "binary": 1, "content": 2, "not_a_message": 1, "not_json": 1, "other_room": 1, "too_long": 1, "type": 1 })
    );
}

#[test]
fn errors_for_a_client_that_does_not_read_cost_bounded_memory() {
    let server = Server::start(&[]);
    let before = server.resident_bytes();
    let mut flood = server.upgrade("/ws/r", server.dial_narrow()).unwrap().0;
    for _ in 0..200_000 {
        flood.0.write(Message::text("x")).unwrap();
    }
    flood.0.flush().unwrap();
    let stats = server.stats_until(|stats| stats["chat"]["refused"]["not_json"] == 200_000);
    assert!(stats["chat"]["refused_silently"].as_u64().unwrap() > 100_000);
    let grown = server.resident_bytes().saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes");
}

#[test]
fn a_room_is_spoken_to_as_its_first_member_does_until_it_is_empty() {
    let server = Server::start(&[]);
    let chat = Member::join(&server, "/ws/r");
    let refused = server.try_connect("/broadcast/r").err().unwrap();
    assert!(refused.contains("409"), "{refused}");
    assert_eq!(server.stats()["per_room"][0]["protocol"], "chat");
    drop(chat);
    server.stats_until(|stats| stats["members"] == 0);
    let mut plain = server.connect("/broadcast/r");
    plain.text("bytes");
    assert_eq!(plain.next_text(), "bytes");
    assert!(server.try_connect("/ws/r").err().unwrap().contains("409"));
}

#[test]
fn resume_brings_what_was_missed_after_the_welcome_and_nothing_twice() {
    let server = Server::start(&[]);
    let mut speaker = Member::join(&server, "/ws/r");
    let mut reader = Member::join(&server, "/ws/r");
    speaker.say("0");
    let (generation, index) = seq(&reader.next_of("chat"));
    drop(reader.client);
    for n in 1..=50 {
        speaker.say(&n.to_string());
        speaker.next_of("chat");
    }
    let mut again = Member::join(&server, &format!("/ws/r?resume={generation}.{}", index + 1));
    assert_eq!(seq(&again.welcome), (generation.clone(), index + 1));
    speaker.say("51");
    let mut next = index + 1;
    for n in 1..=51 {
        let message = loop {
            let message = again.next();
            assert_eq!(seq(&message), (generation.clone(), next), "each number once");
            next += 1;
            if message["type"] == "chat" {
                break message;
            }
        };
        assert_eq!(message["content"], n.to_string());
    }
}

#[test]
fn what_a_room_heard_as_broadcast_cannot_be_resumed_as_chat() {
    let server = Server::start(&[]);
    let mut plain = server.connect("/broadcast/r");
    plain.text("bytes");
    plain.next();
    let generation = server.stats()["per_room"][0]["generation"].as_str().unwrap().to_owned();
    drop(plain);
    server.stats_until(|stats| stats["members"] == 0);
    let member = Member::join(&server, "/ws/r");
    assert_eq!(seq(&member.welcome), (generation.clone(), 1));
    assert_eq!(server.connect(&format!("/ws/r?resume={generation}.0")).close_code(), 4001);
}

/// Somebody who reads nothing after its welcome until the room's log has passed it by, and who spoke meanwhile.
fn left_behind(policy: &str) -> (Server, Member, Member) {
    let server = Server::start(&["--lag-policy", policy, "--room-log", "64KiB", "--write-timeout", "0"]);
    let slow = narrow(&server, "/ws/r");
    let mut speaker = Member::join(&server, "/ws/r");
    flood(&mut speaker);
    (server, slow, speaker)
}

#[test]
fn who_was_skipped_over_is_told_how_many_messages_it_missed() {
    let (server, mut slow, mut speaker) = left_behind("skip");
    speaker.say("end");
    assert!(every_gap_is_told(&mut slow) > 0);
    assert!(server.stats()["chat"]["gap_notices"].as_u64().unwrap() > 0);
}

#[test]
fn who_only_gets_the_latest_is_told_what_it_missed() {
    let (_server, mut slow, mut speaker) = left_behind("latest");
    speaker.say("end");
    assert!(every_gap_is_told(&mut slow) > 0);
}

#[test]
fn a_member_that_leaves_and_returns_with_its_close_frame_is_counted_right() {
    let server = Server::start(&[]);
    let mut watcher = Member::join(&server, "/ws/r");
    for _ in 0..20 {
        let mut visitor = Member::join(&server, "/ws/r");
        visitor.client.0.close(None).unwrap();
        visitor.client.close_code();
    }
    let last = Member::join(&server, "/ws/r");
    loop {
        let message = watcher.next();
        let content = message["content"].as_str().unwrap();
        if content.contains(&last.name) {
            assert!(content.ends_with("; 2 members"), "{content}");
            break;
        }
    }
}

#[test]
fn the_page_comes_with_a_policy_that_runs_nothing_else() {
    let server = Server::start(&[]);
    let (status, page) = server.get("/");
    assert_eq!(status, 200);
    let nonce = |page: &str| page.split_once("<script nonce=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
    assert_eq!(nonce(&page).len(), 32);
    assert_ne!(nonce(&page), nonce(&server.get("/").1));
    assert!(!page.contains("NONCE"));
    for outside in ["http://", "https://", "src=\"/", "innerHTML"] {
        assert!(!page.contains(outside), "{outside}");
    }
}
