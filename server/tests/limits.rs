//! What the server refuses, and how it says so.

use std::io::{Read, Write};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::common::http::free_addr;
use crate::common::{Server, get};

#[test]
fn what_is_not_there_is_answered_with_what_is() {
    let server = Server::start(&[]);
    let (status, body) = server.get("/nothing");
    assert_eq!(status, 404);
    assert!(body.contains("/broadcast/{room}") && body.contains("/echo"), "{body}");
    assert_eq!(server.get("/broadcast/").0, 404);
    assert_eq!(server.get("/broadcast/%ff").0, 400);
    assert_eq!(server.get("/broadcast/r").0, 426);
    assert_eq!(server.get("/echo").0, 426);
    assert_eq!(server.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(server.stats()["refused"]["404"], 2);
}

#[test]
fn connections_beyond_the_limit_are_refused_until_one_leaves() {
    let server = Server::start(&["--max-connections", "2"]);
    let first = server.connect("/echo");
    let _second = server.connect("/broadcast/r");
    assert!(server.try_connect("/echo").err().unwrap().contains("503"));
    drop(first);
    server.stats_until(|stats| stats["connections"] == 1);
    let _third = server.connect("/echo");
}

#[test]
fn one_address_cannot_take_more_than_its_share() {
    let server = Server::start(&["--max-per-address", "1"]);
    let first = server.connect("/echo");
    assert!(server.try_connect("/echo").err().unwrap().contains("429"));
    drop(first);
    server.stats_until(|stats| stats["connections"] == 0);
    let _again = server.connect("/echo");
}

#[test]
fn rooms_beyond_the_limit_are_not_made_until_one_is_dropped() {
    let server = Server::start(&["--max-rooms", "2", "--room-retain", "50ms"]);
    let first = server.connect("/broadcast/a");
    let _second = server.connect("/broadcast/b");
    let refused = server.ask("/broadcast/c", &[]);
    assert!(refused.status == 503 && refused.body.contains("--max-rooms"), "{refused:?}");
    // Those that there are may be joined, and an echo is no room.
    assert_eq!((server.ask("/broadcast/b", &[]).status, server.ask("/echo", &[]).status), (101, 101));
    drop(first);
    let stats = server.stats_until(|stats| stats["rooms"] == 1 && stats["connections"] == 1);
    assert_eq!(stats["refused"]["503"], 1);
    let _third = server.connect("/broadcast/c");
}

#[test]
fn a_request_that_never_ends_is_cut_off() {
    let server = Server::start(&["--handshake-timeout", "1s"]);
    let start = Instant::now();
    let mut slow = server.dial();
    slow.write_all(b"GET /echo HTTP/1.1\r\nHost:").unwrap();
    let mut silent = server.dial();
    for stream in [&mut slow, &mut silent] {
        // Perhaps with an answer such as 408, perhaps without.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert!(start.elapsed() < Duration::from_secs(3));
    assert_eq!(server.stats_until(|stats| stats["handshake_failures"] == 2)["connections"], 0);
}

#[test]
fn a_late_first_byte_buys_no_more_time_for_the_request() {
    let server = Server::start(&["--handshake-timeout", "2s"]);
    let start = Instant::now();
    let mut stream = server.dial();
    std::thread::sleep(Duration::from_millis(1500));
    stream.write_all(b"GET /echo HTTP/1.1\r\nHost:").unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    let took = start.elapsed();
    // Two seconds from its first byte on would be three and a half.
    assert!(took > Duration::from_millis(1900) && took < Duration::from_millis(3400), "{took:?}");
}

#[test]
fn a_method_that_cannot_be_is_answered_with_the_one_that_can() {
    let server = Server::start(&[]);
    let mut stream = server.dial();
    stream.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let answer = answer.to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 405 ") && answer.contains("\r\nallow: get\r\n"), "{answer}");
}

#[test]
fn a_head_with_too_many_lines_or_too_long_is_refused() {
    let server = Server::start(&[]);
    let lines = |n: usize| (0..n).map(|i| format!("X-{i}: y")).collect::<Vec<_>>();
    let ask = |lines: &[String]| server.ask("/echo", &lines.iter().map(String::as_str).collect::<Vec<_>>()).status;
    assert_eq!(ask(&lines(59)), 101);
    assert_eq!(ask(&lines(60)), 431);
    assert_eq!(ask(&[format!("X: {}", "y".repeat(7000))]), 101);
    // The answer to a head that is not read to its end may get lost on its way.
    let mut long = server.dial();
    long.write_all(format!("GET /echo HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "y".repeat(8192)).as_bytes()).unwrap();
    let mut answer = String::new();
    if long.read_to_string(&mut answer).is_ok() {
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    server.stats_until(|stats| stats["handshake_failures"] == 2);
}

#[test]
fn those_who_connect_and_say_nothing_cannot_shut_the_door_on_operators_or_on_those_inside() {
    let free = free_addr();
    let server = Server::start(&["--max-connections", "8", "--admin", &free.to_string()]);
    let mut inside = server.connect("/echo");
    let silent: Vec<_> = (0..200).map(|_| server.dial()).collect();
    let admin = || serde_json::from_str::<serde_json::Value>(&get(free, "/stats").1).unwrap();
    let start = Instant::now();
    // A quarter of the connections and 64 may wait.
    while admin()["turned_away"] != 200 - 8 / 4 - 64 {
        assert!(start.elapsed() < crate::common::PATIENCE, "still {}", admin());
        std::thread::sleep(Duration::from_millis(5));
    }
    inside.text("fine");
    assert_eq!(inside.next_text(), "fine");
    drop(silent);
    server.stats_until(|stats| stats["handshake_failures"] == 66);
    let _next = server.connect("/echo");
}

#[test]
fn nonsense_instead_of_a_request_harms_nobody() {
    let server = Server::start(&[]);
    let mut other = server.connect("/echo");
    let mut stream = server.dial();
    stream.write_all(&[0xff; 100_000]).ok();
    let _ = stream.read_to_end(&mut Vec::new());
    other.text("fine");
    assert_eq!(other.next_text(), "fine");
}

#[test]
fn operators_have_their_own_address_without_websockets() {
    let free = free_addr();
    let server = Server::start(&["--admin", &free.to_string()]);
    let _client = server.connect("/broadcast/r");
    assert!(get(free, "/stats").1.contains("\"members\":1"));
    assert_eq!(get(free, "/healthz").0, 200);
    assert_eq!(get(free, "/broadcast/r").0, 404);
}

#[test]
fn what_cannot_be_configured_is_refused_with_a_sentence() {
    let refused = |args: &[&str], sentence: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_fanout-server")).args(args).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(sentence), "{text}");
        output.status.code()
    };
    assert_eq!(refused(&["--compression", "on"], "--compression on: use off, standalone or shared"), Some(2));
    assert_eq!(refused(&["--room-log", "many"], "64KiB"), Some(2));
    assert_eq!(refused(&["--log", "server=loud"], "--log server=loud: "), Some(2));
    assert_eq!(refused(&["--pong-timeout", "30s"], "--ping-interval 54s: must be shorter"), Some(2));
    let server = Server::start(&[]);
    assert_eq!(refused(&["--listen", &server.addr.to_string()], "is in use"), Some(1));
}
