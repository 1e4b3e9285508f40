//! `GET /metrics` and the figures of `/stats` that belong to it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use crate::common::http::{Http, free_addr, request};
use crate::common::{Raw, Server};

fn start() -> (Server, SocketAddr) {
    let admin = free_addr();
    (Server::start(&["--admin", &admin.to_string()]), admin)
}

/// The sum of a series over all its labels that contain `label`.
fn sum(text: &str, name: &str, label: &str) -> f64 {
    let of = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        let rest = series.strip_prefix(name)?;
        (rest.is_empty() || rest.starts_with('{') && rest.contains(label)).then(|| value.parse::<f64>().unwrap())
    };
    let found: Vec<f64> = text.lines().filter_map(of).collect();
    assert!(!found.is_empty(), "{name} {label} is not in\n{text}");
    found.iter().sum()
}

#[test]
fn members_are_counted_by_what_they_speak() {
    let (server, admin) = start();
    let _chat = [server.connect("/ws/c"), server.connect("/ws/c")];
    let _plain = server.connect("/broadcast/b");
    server.stats_until(|stats| stats["members"] == 3);
    let text = request(admin, "GET", "/metrics", "", b"").text().to_owned();
    for (kind, expected) in [("broadcast", 1.0), ("chat", 2.0), ("events", 0.0)] {
        let counted = sum(&text, "fanout_members", &format!("kind=\"{kind}\""));
        assert!((counted - expected).abs() < 0.5, "{kind} {counted}");
    }
}

#[test]
fn the_metrics_say_what_happened() {
    let (server, admin) = start();
    let mut members: Vec<_> = (0..3).map(|_| server.connect("/broadcast/r")).collect();
    let _echo = server.connect("/echo");
    for i in 0..10 {
        members[0].text("hello");
        members.iter_mut().for_each(|member| assert_eq!(member.next_text(), "hello", "{i}"));
    }
    let mut nonsense: Raw = server.raw("/broadcast/r");
    nonsense.send(&[0xff; 16]);
    assert_eq!(nonsense.close_code(), 1002);
    drop(nonsense);
    assert_eq!(server.get("/nothing").0, 404);
    server.stats_until(|stats| stats["connections"] == 4);

    let answer = request(admin, "GET", "/metrics", "", b"");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    for (name, label, expected) in [
        ("fanout_connections", "shard=\"0\"", 4.0),
        ("fanout_members", "kind=\"broadcast\"", 3.0),
        ("fanout_rooms", "", 1.0),
        ("fanout_publishes_total", "", 10.0),
        ("fanout_publish_bytes_total", "", 50.0),
        ("fanout_deliveries_total", "", 30.0),
        ("fanout_flush_messages_count", "", 10.0),
        ("fanout_flush_messages_sum", "", 10.0),
        ("fanout_closes_total", "code=\"1002\"", 1.0),
        ("fanout_protocol_errors_total", "error=", 1.0),
        ("fanout_refused_requests_total", "status=\"404\"", 1.0),
        ("fanout_draining", "", 0.0),
        ("fanout_build_info", "version=", 1.0),
    ] {
        assert_eq!(sum(text, name, label), expected, "{name}\n{text}");
    }
    assert!(sum(text, "process_resident_memory_bytes", "") > 1e6);
    assert!(sum(text, "process_open_fds", "") > 10.0 && sum(text, "process_cpu_seconds_total", "") > 0.0);
    assert!(sum(text, "fanout_loop_turn_seconds_count", "") > 10.0);
    assert!(sum(text, "fanout_loop_turn_seconds_sum", "") > 0.0);
    assert!(sum(text, "fanout_loop_asleep_seconds_total", "") > 0.0);
}

#[test]
fn slept_and_worked_time_of_the_loop_is_all_the_time_there_is() {
    let (server, admin) = start();
    let read = || {
        let text = request(admin, "GET", "/metrics", "", b"").text().to_owned();
        let loops = sum(&text, "fanout_loop_turn_seconds_sum", "") + sum(&text, "fanout_loop_asleep_seconds_total", "");
        (sum(&text, "fanout_uptime_seconds", ""), loops)
    };
    let before = read();
    let mut member = server.connect("/broadcast/r");
    for _ in 0..2000 {
        member.text("x");
        member.next();
    }
    let after = read();
    let (passed, accounted) = (after.0 - before.0, after.1 - before.1);
    // What a turn takes that is still going on is counted after it.
    assert!((passed - accounted).abs() < 0.1 + passed * 0.2, "{accounted} of {passed}");
}

#[test]
fn stats_say_it_too() {
    let (server, _) = start();
    let _member = server.connect("/broadcast/r");
    let stats = server.stats();
    assert_eq!(stats["polling"], 0);
    assert_eq!(stats["per_shard"][0]["shard"], 0);
    assert_eq!(stats["per_shard"][0]["members"], 1);
    assert!(stats["process"]["rss_bytes"].as_u64().unwrap() > 1_000_000);
    assert!(stats["process"]["descriptors"].as_u64() < stats["process"]["max_descriptors"].as_u64());
    assert!(stats["process"]["cpu_s"].as_f64().unwrap() > 0.0);
    let us = |name: &str| stats["loop_us"][name].as_u64().unwrap();
    assert!(us("p50") > 0 && us("p50") <= us("p99") && us("p99") <= us("max"), "{stats}");
    assert!(stats["per_room"][0]["last_publish_s"].is_null());
}

#[test]
fn metrics_are_for_operators() {
    let (server, _) = start();
    assert_eq!(server.get("/metrics").0, 404);
}

/// Each gathering of the counters interrupts every shard, and anybody may ask for them.
#[test]
fn those_who_ask_for_stats_at_once_share_what_is_gathered_after_the_last_of_them_asked() {
    let server = Server::start(&[]);
    let start = Instant::now();
    let mut asking: Vec<Http> = (0..50).map(|_| Http::connect(server.addr)).collect();
    asking.iter_mut().for_each(|http| http.send("GET", "/stats", "", b""));
    let gathered: BTreeSet<String> =
        asking.iter_mut().map(|http| http.receive().json()["uptime_s"].to_string()).collect();
    assert!(gathered.len() as u128 <= 1 + start.elapsed().as_millis() / 100, "{gathered:?}");
    let mut member = server.connect("/broadcast/r");
    for i in 1..=3 {
        member.text("x");
        member.next();
        assert_eq!(server.stats()["publishes"], i, "not an older number");
    }
}
