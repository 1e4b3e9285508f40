//! `GET /poll/{room}`: the same messages, in the same order, without a WebSocket.

use std::time::{Duration, Instant};

use crate::common::http::{Answer, Http, request};
use crate::common::{PATIENCE, Server};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

fn poll(server: &Server, query: &str) -> Value {
    let answer = request(server.addr, "GET", &format!("/poll/r?{query}"), "", b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn waiting(server: &Server, query: &str) -> Http {
    let mut http = Http::connect(server.addr);
    http.send("GET", &format!("/poll/r?{query}"), "", b"");
    http
}

fn texts(answer: &Value) -> Vec<&str> {
    answer["messages"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect()
}

/// The polls that wait at the shard, and are not only on their way: the control thread counts them before it asks the shard, and the
/// counters themselves come from the shard, so two rounds later they are there.
fn until_polling(server: &Server, count: u64) {
    server.stats_until(|stats| stats["polling"] == count);
    for _ in 0..2 {
        server.stats();
    }
}

#[test]
fn a_poll_waits_for_the_next_message_and_its_cursor_leads_to_the_one_after() {
    let server = Server::start(&[]);
    let mut member = server.connect("/broadcast/r");
    let mut first = waiting(&server, "");
    until_polling(&server, 1);
    member.text("one");
    let answer = first.receive();
    assert_eq!((answer.header("cache-control"), answer.header("connection")), (Some("no-store"), Some("close")));
    let answer = answer.json();
    let seq = answer["messages"][0]["seq"].clone();
    assert_eq!(answer, json!({"cursor": seq, "gap": false, "messages": [{"seq": seq, "text": "one"}]}));

    member.text("two");
    member.send(Message::binary(&b"\x00\xff"[..]));
    (0..3).for_each(|_| drop(member.next()));
    let answer = poll(&server, &format!("after={}", seq.as_str().unwrap()));
    let messages = answer["messages"].as_array().unwrap();
    assert_eq!((&messages[0]["text"], &messages[1]["base64"]), (&json!("two"), &json!("AP8=")));
    assert_eq!(answer["cursor"], messages[1]["seq"]);
    assert_eq!(server.stats_until(|stats| stats["polling"] == 0)["polling"], 0);
}

#[test]
fn a_cursor_names_the_message_before_the_one_that_the_upgrade_names() {
    let server = Server::start(&[]);
    let cursor = |answer: &Value| answer["cursor"].as_str().unwrap().to_owned();
    let before = cursor(&poll(&server, "wait=1ms"));
    assert!(before.ends_with(".-1"), "{before}");
    let (mut member, upgrade) = server.try_connect("/broadcast/r").unwrap();
    let next = upgrade.headers()["fanout-cursor"].to_str().unwrap();
    assert_eq!(next, before.replace(".-1", ".0"));
    member.text("first");
    assert_eq!(member.next_text(), "first");
    assert_eq!(texts(&poll(&server, &format!("after={before}"))), ["first"]);
}

#[test]
fn a_poll_that_waits_in_vain_is_answered_with_nothing_and_its_cursor_stays() {
    let server = Server::start(&[]);
    let mut member = server.connect("/broadcast/r");
    member.text("one");
    member.next();
    let start = Instant::now();
    let first = poll(&server, "wait=100ms");
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!((&first["gap"], texts(&first).len()), (&json!(false), 0));
    let again = poll(&server, &format!("wait=10ms&after={}", first["cursor"].as_str().unwrap()));
    assert_eq!(again, first);
}

#[test]
fn only_who_waits_makes_a_room() {
    let server = Server::start(&[]);
    let answer = poll(&server, "wait=0");
    assert_eq!(answer, json!({"cursor": "0.-1", "gap": false, "messages": []}));
    assert_eq!(poll(&server, "wait=0&after=0.-1"), answer);
    assert_eq!(poll(&server, "after=z.7"), json!({"cursor": "0.-1", "gap": true, "messages": []}));
    assert_eq!(server.stats()["rooms"], 0);
    let mut made = waiting(&server, "after=0.-1&wait=60s");
    until_polling(&server, 1);
    assert_eq!(server.stats()["rooms"], 1);
    server.connect("/broadcast/r").text("first");
    let answer = made.receive().json();
    assert_eq!((&answer["gap"], texts(&answer)), (&json!(false), vec!["first"]));
    assert_eq!(poll(&server, "after=0.-1"), answer, "the log is whole");
}

#[test]
fn every_message_arrives_once_and_in_order_however_the_polls_fall() {
    let server = Server::start(&[]);
    let addr = server.addr;
    let mut cursor = poll(&server, "wait=0")["cursor"].as_str().unwrap().to_owned();
    let reader = std::thread::spawn(move || {
        let mut seen = Vec::new();
        while seen.len() < 500 {
            let answer: Answer = request(addr, "GET", &format!("/poll/r?after={cursor}&limit=7"), "", b"");
            let answer = answer.json();
            assert_eq!(answer["gap"], false);
            let messages = answer["messages"].as_array().unwrap();
            assert!((1..=7).contains(&messages.len()));
            seen.extend(messages.iter().map(|message| message["text"].as_str().unwrap().to_owned()));
            cursor = answer["cursor"].as_str().unwrap().to_owned();
        }
        seen
    });
    let mut member = server.connect("/broadcast/r");
    for i in 0..500 {
        member.text(&i.to_string());
        if i % 10 == 0 {
            member.next();
        }
    }
    assert_eq!(reader.join().unwrap(), (0..500).map(|i| i.to_string()).collect::<Vec<_>>());
}

#[test]
fn all_who_wait_get_the_message_and_other_rooms_do_not_wake_them() {
    let server = Server::start(&[]);
    let mut polls: Vec<Http> = (0..50).map(|_| waiting(&server, "wait=60s")).collect();
    until_polling(&server, 50);
    let mut other = server.connect("/broadcast/other");
    other.text("not for you");
    other.next();
    let mut member = server.connect("/broadcast/r");
    member.text("for all");
    for poll in &mut polls {
        assert_eq!(texts(&poll.receive().json()), ["for all"]);
    }
}

#[test]
fn what_the_log_holds_no_more_is_a_gap_and_polling_goes_on_from_the_oldest() {
    let server = Server::start(&["--room-log", "4KiB"]);
    let mut member = server.connect("/broadcast/r");
    let cursor = poll(&server, "wait=0")["cursor"].as_str().unwrap().to_owned();
    for i in 0..100 {
        member.text(&format!("{i:0200}"));
        member.next();
    }
    let answer = poll(&server, &format!("after={cursor}&limit=1000"));
    assert_eq!(answer["gap"], true);
    let held: Vec<usize> = texts(&answer).iter().map(|text| text.parse().unwrap()).collect();
    assert!(held.len() > 5 && held.len() < 50, "{held:?}");
    assert_eq!(held, (100 - held.len()..100).collect::<Vec<_>>());
    let again = poll(&server, &format!("after={}&wait=0", answer["cursor"].as_str().unwrap()));
    assert_eq!((&again["gap"], texts(&again).len()), (&json!(false), 0));

    let elsewhere = poll(&server, "after=z.7&limit=1");
    assert_eq!((&elsewhere["gap"], texts(&elsewhere).len()), (&json!(true), 1));
    assert_eq!(texts(&elsewhere)[0].parse::<usize>().unwrap(), held[0]);
}

#[test]
fn an_answer_is_bounded_and_the_rest_comes_with_the_next() {
    let server = Server::start(&[]);
    let mut member = server.connect("/broadcast/r");
    let mut cursor = poll(&server, "wait=0")["cursor"].as_str().unwrap().to_owned();
    let large = "x".repeat(50_000);
    for _ in 0..5 {
        member.text(&large);
        member.next();
    }
    let mut counts = Vec::new();
    while counts.iter().sum::<usize>() < 5 {
        let answer = poll(&server, &format!("after={cursor}"));
        counts.push(texts(&answer).len());
        cursor = answer["cursor"].as_str().unwrap().to_owned();
    }
    assert_eq!(counts, [2, 2, 1]);
}

/// Each answer is more than the kernel takes for a client that reads nothing.
#[test]
fn answers_that_nobody_receives_take_no_more_memory_than_there_is_for_them() {
    let server = Server::start(&["--max-message", "16MiB"]);
    let mut polls: Vec<Http> = (0..3).map(|_| waiting(&server, "wait=60s")).collect();
    until_polling(&server, 3);
    server.connect("/broadcast/r").text(&"x".repeat(14 << 20));
    let refused = server.stats_until(|stats| stats["refused"]["503"] == 1);
    assert_eq!(refused["polling"], 2);
    let answers: Vec<Answer> = polls.iter_mut().map(Http::receive).collect();
    let sent = answers.iter().filter(|answer| answer.status == 200);
    assert!(sent.clone().all(|answer| texts(&answer.json())[0].len() == 14 << 20) && sent.count() == 2);
    let refused = answers.iter().find(|answer| answer.status == 503).unwrap();
    assert_eq!(refused.header("retry-after"), Some("1"));
    server.stats_until(|stats| stats["polling"] == 0);
    let late = poll(&server, "after=z.7&wait=0");
    assert_eq!(texts(&late)[0].len(), 14 << 20);
}

#[test]
fn polls_count_as_connections_and_who_hangs_up_gives_the_place_back() {
    let server = Server::start(&["--max-connections", "2"]);
    let polls = [waiting(&server, "wait=60s"), waiting(&server, "wait=60s")];
    until_polling(&server, 2);
    assert_eq!(request(server.addr, "GET", "/poll/r", "", b"").status, 503);
    drop(polls);
    server.stats_until(|stats| stats["polling"] == 0);
    let _member = server.connect("/broadcast/r");
}

#[test]
fn a_long_poll_outlives_the_time_for_handshakes() {
    let server = Server::start(&["--handshake-timeout", "500ms"]);
    let mut slow = waiting(&server, "wait=60s");
    until_polling(&server, 1);
    std::thread::sleep(Duration::from_millis(1200));
    server.connect("/broadcast/r").text("late");
    assert_eq!(texts(&slow.receive().json()), ["late"]);
    assert_eq!(server.stats()["handshake_failures"], 0);
}

#[test]
fn a_room_that_is_only_polled_is_kept() {
    let server = Server::start(&["--room-retain", "50ms"]);
    let mut polling = waiting(&server, "wait=60s");
    until_polling(&server, 1);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(server.stats()["rooms"], 1);
    server.connect("/broadcast/r").text("still there");
    let answer = polling.receive().json();
    assert_eq!((texts(&answer)[0], &answer["gap"]), ("still there", &json!(false)));
    server.stats_until(|stats| stats["rooms"] == 0);
}

#[test]
fn a_drain_answers_at_once_and_the_answer_goes_out() {
    let mut server = Server::start(&["--drain", "100ms"]);
    let mut polls: Vec<Http> = (0..20).map(|_| waiting(&server, "wait=60s")).collect();
    until_polling(&server, 20);
    let start = Instant::now();
    server.terminate();
    for poll in &mut polls {
        let answer = poll.receive();
        assert_eq!((answer.status, texts(&answer.json()).len()), (200, 0));
    }
    assert!(server.wait().success());
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn while_draining_nobody_new_may_wait() {
    let mut server = Server::start(&["--drain", "1s"]);
    let members: Vec<_> = (0..2).map(|_| server.connect("/broadcast/r")).collect();
    server.terminate();
    server.stats_until(|stats| stats["draining"] == true);
    let answer = request(server.addr, "GET", "/poll/r", "", b"");
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    drop(members);
    assert!(server.wait().success());
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_name() {
    let server = Server::start(&[]);
    for (path, status, named) in [
        ("/poll/", 404, "no name"),
        ("/poll/r?after=7", 400, "after=7"),
        ("/poll/r?wait=soon", 400, "wait=soon"),
        ("/poll/r?limit=0", 400, "limit=0"),
    ] {
        let answer = request(server.addr, "GET", path, "", b"");
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text().contains(named), "{}", answer.text());
    }
    let answer = request(server.addr, "POST", "/poll/r", "", b"");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("get, head, options")));
}
