//! Rooms whose members are on several shards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use crate::common::http::{free_addr, request};
use crate::common::{Client, Raw, Server, masked};

const PUBLISHERS: usize = 16;
const LAST: &str = "the last message";

fn per_shard(server: &Server, key: &str) -> Vec<u64> {
    server.stats()["per_shard"].as_array().unwrap().iter().map(|shard| shard[key].as_u64().unwrap()).collect()
}

/// Joins until the members are where they should be: for a moment a home may not know yet that a member elsewhere has left.
fn join_so_that(server: &Server, path: &str, expected: &[u64]) -> Client {
    let members: u64 = expected.iter().sum();
    loop {
        server.stats_until(|stats| stats["members"] == members - 1);
        let client = server.connect(path);
        if per_shard(server, "members") == expected {
            return client;
        }
    }
}

/// A connection and the index of the first message that it will get.
fn join(server: &Server, path: &str) -> (Client, usize) {
    let (client, answer) = server.try_connect(path).unwrap();
    let cursor = answer.headers()["fanout-cursor"].to_str().unwrap();
    (client, cursor.split_once('.').unwrap().1.parse().unwrap())
}

/// What one member received: from which index on, and the messages.
type Heard = (usize, Vec<String>);

fn listen_to_the_end((mut client, from): (Client, usize)) -> Heard {
    let mut heard = vec![client.next_text()];
    while heard.last().unwrap() != LAST {
        heard.push(client.next_text());
    }
    (from, heard)
}

/// Publishes, reading what everybody publishes, at least 60 messages and until `enough`; then reads to the end.
fn publish_and_listen(i: usize, (mut client, from): (Client, usize), enough: &AtomicBool, all_sent: &Barrier) -> Heard {
    let mut heard = Vec::new();
    let mut n = 0;
    while n < 60 || !enough.load(Ordering::Relaxed) {
        let own = format!("{i}:{n}:{}", "x".repeat(n % 300));
        client.text(&own);
        while heard.last() != Some(&own) {
            heard.push(client.next_text());
        }
        n += 1;
    }
    all_sent.wait();
    let (_, rest) = listen_to_the_end((client, 0));
    heard.extend(rest);
    (from, heard)
}

fn sixteen_publishers_and_members_that_come_and_go(shards: usize) {
    let server = Arc::new(Server::start(&["--shards", &shards.to_string(), "--spread-above", "2"]));
    let (enough, all_sent) = (Arc::new(AtomicBool::new(false)), Arc::new(Barrier::new(PUBLISHERS + 1)));
    let connect = || join(&server, "/broadcast/r");
    let first = connect();
    assert_eq!(first.1, 0);
    let mut staying = vec![thread::spawn(move || listen_to_the_end(first))];
    for i in 0..PUBLISHERS {
        let (seat, enough, all_sent) = (connect(), Arc::clone(&enough), Arc::clone(&all_sent));
        staying.push(thread::spawn(move || publish_and_listen(i, seat, &enough, &all_sent)));
    }
    let passing: Vec<_> = (0..4)
        .map(|_| {
            let server = Arc::clone(&server);
            thread::spawn(move || {
                let visit = |_| {
                    let (mut client, from) = join(&server, "/broadcast/r");
                    (from, (0..25).map(|_| client.next_text()).collect())
                };
                (0..10).map(visit).collect::<Vec<Heard>>()
            })
        })
        .collect();
    let passed: Vec<Heard> = passing.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let late = connect();
    staying.push(thread::spawn(move || listen_to_the_end(late)));
    enough.store(true, Ordering::Relaxed);
    all_sent.wait();
    assert!(per_shard(&server, "members").iter().all(|members| *members > 0));
    connect().0.text(LAST);
    let stayed: Vec<Heard> = staying.into_iter().map(|thread| thread.join().unwrap()).collect();

    let order = stayed[0].1.clone();
    for (from, heard) in &stayed {
        assert!(order[*from..] == heard[..], "from {from} on");
    }
    for (from, heard) in &passed {
        assert!(order[*from..*from + heard.len()] == heard[..], "from {from} on");
    }
    for i in 0..PUBLISHERS {
        let own = order.iter().filter_map(|text| text.strip_prefix(&format!("{i}:")));
        let numbers: Vec<usize> = own.map(|text| text.split_once(':').unwrap().0.parse().unwrap()).collect();
        assert!(numbers.len() >= 60 && numbers.iter().copied().eq(0..numbers.len()));
    }
    let stats = server.stats();
    assert_eq!(stats["publishes"].as_u64(), Some(order.len() as u64));
    assert_eq!((stats["rooms"].as_u64(), stats["per_room"][0]["index"].as_u64()), (Some(1), Some(order.len() as u64)));
    assert_eq!(stats["lagged"]["disconnected"], 0);
}

#[test]
fn two_shards_are_one_room() {
    sixteen_publishers_and_members_that_come_and_go(2);
}

#[test]
fn four_shards_are_one_room() {
    sixteen_publishers_and_members_that_come_and_go(4);
}

#[test]
fn who_returns_to_another_shard_misses_nothing() {
    let server = Server::start(&["--shards", "2", "--spread-above", "1"]);
    let (mut stays, answer) = server.try_connect("/broadcast/r").unwrap();
    let cursor = answer.headers()["fanout-cursor"].to_str().unwrap().to_owned();
    let generation = cursor.strip_suffix(".0").unwrap();
    let home = per_shard(&server, "members").iter().position(|members| *members == 1).unwrap();
    let mut leaves = server.connect("/broadcast/r");
    assert_eq!(per_shard(&server, "members"), [1, 1]);
    for n in 0..10 {
        stays.text(&n.to_string());
    }
    assert_eq!(leaves.next_text(), "0");
    drop(leaves);
    // Somebody takes its place there, so that it comes back to the home.
    let mut other = join_so_that(&server, "/broadcast/r", &[1, 1]);
    let (mut back, answer) = server.try_connect(&format!("/broadcast/r?resume={generation}.1")).unwrap();
    assert_eq!(answer.headers()["fanout-cursor"], format!("{generation}.1"));
    assert_eq!(per_shard(&server, "members")[home], 2);
    other.text("10");
    for n in 1..=10 {
        assert_eq!(back.next_text(), n.to_string());
    }
    // And from the home to the copy, which holds what was published before it began.
    drop((stays, other));
    let mut there = join_so_that(&server, &format!("/broadcast/r?resume={generation}.0"), &[1, 1]);
    for n in 0..=10 {
        assert_eq!(there.next_text(), n.to_string());
    }
}

#[test]
fn what_no_log_holds_any_more_is_told_with_4001_however_many_shards() {
    let server = Server::start(&["--shards", "2", "--spread-above", "1", "--room-log", "4096"]);
    let (mut publisher, answer) = server.try_connect("/broadcast/r").unwrap();
    let _other = server.connect("/broadcast/r");
    let cursor = answer.headers()["fanout-cursor"].to_str().unwrap().to_owned();
    for _ in 0..100 {
        publisher.text(&"x".repeat(100));
        publisher.next();
    }
    assert_eq!(server.connect(&format!("/broadcast/r?resume={cursor}")).close_code(), 4001);
}

#[test]
fn publishers_that_flood_from_every_shard_are_held_back_and_nothing_is_lost() {
    const EACH: usize = 1000;
    const SIZE: usize = 16_000;
    let server = Server::start(&["--shards", "4", "--spread-above", "1", "--room-log", "128MiB"]);
    let members: Vec<Raw> = (0..4).map(|_| server.raw("/broadcast/r")).collect();
    assert_eq!(per_shard(&server, "members"), [1, 1, 1, 1]);
    let flood = |(i, mut member): (usize, Raw)| {
        let mut writer = Raw { stream: member.stream.try_clone().unwrap(), head: String::new() };
        let writing = thread::spawn(move || {
            for n in 0..EACH {
                let mut payload = vec![i as u8; SIZE];
                payload[..8].copy_from_slice(&n.to_be_bytes());
                writer.send(&masked(0x82, &payload));
            }
        });
        thread::spawn(move || {
            let heard: Vec<(u8, usize)> = (0..4 * EACH)
                .map(|_| {
                    let (_, payload) = member.frame();
                    assert_eq!(payload.len(), SIZE);
                    (payload[8], usize::from_be_bytes(payload[..8].try_into().unwrap()))
                })
                .collect();
            writing.join().unwrap();
            heard
        })
    };
    let threads: Vec<_> = members.into_iter().enumerate().map(flood).collect();
    let heard: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(heard.iter().all(|order| *order == heard[0]));
    for i in 0..4 {
        assert!(heard[0].iter().filter(|(from, _)| *from == i).map(|(_, n)| *n).eq(0..EACH));
    }
    let empty = |shard: &serde_json::Value| shard["delivery_queue_bytes"] == 0 && shard["publish_queue_bytes"] == 0;
    let stats = server.stats_until(|stats| stats["per_shard"].as_array().unwrap().iter().all(empty));
    assert_eq!(stats["lagged"]["disconnected"], 0);
}

#[test]
fn a_drain_delivers_on_every_shard_what_was_taken_in_before_it() {
    const COUNT: usize = 300;
    let mut server = Server::start(&["--shards", "4", "--spread-above", "1", "--drain", "0", "--room-log", "64MiB"]);
    let mut members: Vec<Raw> = (0..4).map(|_| server.raw("/broadcast/r")).collect();
    let mut writer = Raw { stream: members[3].stream.try_clone().unwrap(), head: String::new() };
    let writing = thread::spawn(move || {
        let frames = (0..COUNT).map(|n| masked(0x82, &[&n.to_be_bytes()[..], &[7; 10_000]].concat()));
        writer.send(&frames.chain([masked(0x89, b"")]).collect::<Vec<_>>().concat());
    });
    let mut heard = [0_usize; 4];
    // The pong says that everything before the ping was read: on a shard that is not the room's home.
    loop {
        match members[3].frame() {
            (0x8a, _) => break,
            (_, payload) => assert_eq!(payload[..8], heard[3].to_be_bytes()),
        }
        heard[3] += 1;
    }
    server.terminate();
    writing.join().unwrap();
    for (member, heard) in members.iter_mut().zip(&mut heard) {
        let code = loop {
            match member.frame() {
                (0x88, code) => break code,
                (_, payload) => assert_eq!(payload[..8], heard.to_be_bytes()),
            }
            *heard += 1;
        };
        assert_eq!(code[..2], 1001_u16.to_be_bytes());
    }
    assert_eq!(heard, [COUNT; 4]);
    drop(members);
    assert!(server.wait().success());
}

#[test]
fn connections_without_a_room_take_shards_in_turn() {
    let server = Server::start(&["--shards", "2"]);
    let mut clients: Vec<_> = (0..6).map(|_| server.connect("/echo")).collect();
    for client in &mut clients {
        client.text("x");
        assert_eq!(client.next_text(), "x");
    }
    assert_eq!(per_shard(&server, "connections"), [3, 3]);
}

#[test]
fn a_room_that_is_not_large_stays_on_one_shard() {
    let server = Server::start(&["--shards", "2"]);
    let _clients: Vec<_> = (0..20).map(|_| server.connect("/broadcast/r")).collect();
    let mut members = per_shard(&server, "members");
    members.sort_unstable();
    assert_eq!((members, per_shard(&server, "copies")), (vec![0, 20], vec![0, 0]));
}

#[test]
fn copies_go_when_their_members_have_gone_and_the_room_after_them() {
    let server = Server::start(&["--shards", "4", "--spread-above", "1", "--room-retain", "50ms"]);
    let mut clients: Vec<_> = (0..8).map(|_| server.connect("/broadcast/r")).collect();
    clients[7].text("x");
    for client in &mut clients {
        assert_eq!(client.next_text(), "x");
    }
    assert_eq!(per_shard(&server, "copies").iter().sum::<u64>(), 3);
    assert_eq!(server.stats()["per_room"][0]["members"], 8);
    drop(clients);
    let gone = |stats: &serde_json::Value| {
        let copies = stats["per_shard"].as_array().unwrap().iter().all(|shard| shard["copies"] == 0);
        copies && stats["rooms"] == 0 && stats["log_bytes"] == 0
    };
    server.stats_until(gone);
}

#[test]
fn a_room_on_two_shards_is_closed_after_everything_published_in_it_has_been_delivered() {
    let admin = free_addr();
    let flags = ["--shards", "2", "--spread-above", "1", "--flush-delay", "60s", "--admin", &admin.to_string()];
    for home in [[1, 0], [0, 1]] {
        let server = Server::start(&flags);
        let joined_where = |i: i32| {
            let room = format!("r{i}");
            let first = server.connect(&format!("/broadcast/{room}"));
            // The first member's shard is the home.
            let found = per_shard(&server, "members") == home;
            found.then_some((room, first))
        };
        let found = (0..).find_map(|i| {
            server.stats_until(|stats| stats["members"] == 0);
            joined_where(i)
        });
        let (room, first) = found.unwrap();
        let second = server.connect(&format!("/broadcast/{room}"));
        assert_eq!(per_shard(&server, "members"), [1, 1]);
        assert_eq!(request(admin, "POST", &format!("/publish/{room}"), "", b"last words").status, 200);
        assert_eq!(request(admin, "DELETE", &format!("/rooms/{room}"), "", b"").json()["closed"], 2);
        for mut member in [first, second] {
            assert_eq!(member.next().into_data(), &b"last words"[..]);
            assert_eq!(member.close_code(), 4004);
        }
    }
}
