//! Chat rooms whose members are on several shards.

use std::thread;
use std::time::Instant;

use crate::common::{Client, PATIENCE, Server, http};
use crate::member::{Member, every_gap_is_told, flood, narrow, seq};
use serde_json::{Value, json};

/// Two shards, each of which gets every other member of a room; the first to join is at the room's home.
fn spread(flags: &[&str]) -> Server {
    Server::start(&[&["--shards", "2", "--spread-above", "1"], flags].concat())
}

fn members_by_shard(stats: &Value) -> Vec<u64> {
    let mut members: Vec<_> =
        stats["per_shard"].as_array().unwrap().iter().map(|shard| shard["members"].as_u64().unwrap()).collect();
    members.sort_unstable();
    members
}

/// Joins once those who left have been forgotten on every shard, which the home of a room hears a moment later than their own shard.
fn join_other_protocol(server: &Server, path: &str) -> Client {
    let start = Instant::now();
    loop {
        match server.try_connect(path) {
            Ok((client, _)) => return client,
            Err(error) => assert!(error.contains("409") && start.elapsed() < PATIENCE, "{error}"),
        }
    }
}

#[test]
fn members_on_every_shard_hear_the_same_and_are_called_by_their_names() {
    let server = spread(&[]);
    let mut members: Vec<_> = (0..6).map(|_| Member::join(&server, "/ws/r")).collect();
    assert_eq!(members_by_shard(&server.stats()), [3, 3]);
    let threads: Vec<_> = members
        .drain(..)
        .map(|mut member| {
            thread::spawn(move || {
                (0..30).for_each(|n| member.say(&format!("{n} \"grüße\"")));
                let heard: Vec<_> = (0..180).map(|_| member.next_of("chat")).collect();
                (member, heard)
            })
        })
        .collect();
    let heard: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(heard.iter().all(|(_, messages)| *messages == heard[0].1));
    assert!(heard[0].1.windows(2).all(|pair| seq(&pair[0]).1 < seq(&pair[1]).1));
    for (member, messages) in &heard {
        let own =
            messages.iter().filter(|message| message["sender"] == *member.name).map(|message| &message["content"]);
        assert!(own.eq((0..30).map(|n| format!("{n} \"grüße\"")).collect::<Vec<_>>().iter()));
    }
}

#[test]
fn who_joins_and_leaves_elsewhere_is_told_and_counted_once() {
    let server = spread(&[]);
    let mut home = Member::join(&server, "/ws/r");
    assert_eq!(home.next()["content"], format!("{} joined; 1 member", home.name));
    let mut elsewhere = Member::join(&server, "/ws/r");
    assert_eq!(elsewhere.welcome["content"], format!("welcome, {}; 2 members", elsewhere.name));
    for member in [&mut home, &mut elsewhere] {
        assert!(member.next()["content"].as_str().unwrap().ends_with(" joined; 2 members"));
    }
    drop(elsewhere.client);
    assert_eq!(home.next()["content"], format!("{} left; 1 member", elsewhere.name));
    let stats = server.stats();
    assert_eq!((&stats["chat"]["welcomes"], &stats["chat"]["announcements"]), (&json!(2), &json!(3)));
}

#[test]
fn what_is_wrong_with_a_message_is_told_by_the_members_own_shard() {
    let server = spread(&[]);
    let mut home = Member::join(&server, "/ws/r");
    let mut elsewhere = Member::join(&server, "/ws/r");
    elsewhere.client.text("not json");
    elsewhere.client.text(r#"{"type":"chat","room":"other","content":"x"}"#);
    for wrong in ["not JSON", "another room"] {
        assert!(elsewhere.next_of("error")["content"].as_str().unwrap().contains(wrong));
    }
    elsewhere.say("good");
    let message = loop {
        let message = home.next();
        assert_ne!(message["type"], "error");
        if message["type"] == "chat" {
            break message;
        }
    };
    assert_eq!((message["content"].as_str(), message["sender"].as_str()), (Some("good"), Some(&*elsewhere.name)));
    assert_eq!(server.stats()["chat"]["refused"], json!({ "not_json": 1, "other_room": 1 }));
}

#[test]
fn who_is_skipped_over_elsewhere_is_told_what_it_missed() {
    for policy in ["skip", "latest"] {
        let server = spread(&["--lag-policy", policy, "--room-log", "64KiB", "--write-timeout", "0"]);
        let mut speaker = Member::join(&server, "/ws/r");
        let mut slow = narrow(&server, "/ws/r");
        assert_eq!(members_by_shard(&server.stats()), [1, 1]);
        flood(&mut speaker);
        speaker.say("end");
        assert!(every_gap_is_told(&mut slow) > 0);
    }
}

#[test]
fn a_room_whose_only_members_are_elsewhere_keeps_its_protocol() {
    let server = spread(&[]);
    let home = Member::join(&server, "/ws/r");
    let elsewhere = Member::join(&server, "/ws/r");
    drop(home);
    server.stats_until(|stats| stats["members"] == 1);
    assert!(server.try_connect("/broadcast/r").err().unwrap().contains("409"));
    drop(elsewhere);
    let (mut first, mut second) = (join_other_protocol(&server, "/broadcast/r"), server.connect("/broadcast/r"));
    second.text("bytes");
    assert_eq!((first.next_text(), second.next_text()), ("bytes".to_owned(), "bytes".to_owned()));
    assert_eq!(server.stats()["per_room"][0]["protocol"], "broadcast");
}

#[test]
fn who_only_reads_events_does_not_decide_what_is_spoken() {
    for shards in ["1", "2"] {
        let server = Server::start(&["--shards", shards]);
        let chat = Member::join(&server, "/ws/r");
        let mut events = http::Http::connect(server.addr);
        events.send("GET", "/sse/r", "", b"");
        server.stats_until(|stats| stats["members"] == 2);
        drop(chat);
        server.stats_until(|stats| stats["members"] == 1);
        let mut plain = server.connect("/broadcast/r");
        plain.text("bytes");
        assert_eq!(plain.next_text(), "bytes");
    }
}

#[test]
fn who_says_too_much_is_told_which_limit_it_reached_wherever_it_is() {
    for (flags, sentence, by) in [
        (["--rate", "0.001", "--burst", "2"], "rate limit: 0.001/s, burst 2; 3 messages were dropped", "connection"),
        (["--room-rate", "0.001", "--room-burst", "2"], "rate limit of this room: 0.001/s, burst 2; ", "room"),
    ] {
        let server = spread(&flags);
        let mut home = Member::join(&server, "/ws/r");
        let mut elsewhere = Member::join(&server, "/ws/r");
        let five = crate::common::masked(0x81, br#"{"type":"chat","content":"x"}"#).repeat(5);
        let mut limited = 0;
        for member in [&mut elsewhere, &mut home] {
            std::io::Write::write_all(member.client.0.get_mut(), &five).unwrap();
            let error = member.next_of("error");
            assert!(error["content"].as_str().unwrap().starts_with(sentence), "{error}");
            limited += 3;
        }
        if by == "room" {
            // The second finds nothing left.
            limited += 2;
        }
        let stats = server.stats();
        assert_eq!(
            (&stats["limited"][by]["dropped"], &stats["chat"]["refused"]["limited"]),
            (&json!(limited), &json!(limited))
        );
    }
}
