//! What operators may do, and who is one.

use std::io::Write;
use std::net::SocketAddr;

use crate::common::http::{Answer, Http, free_addr, request};
use crate::common::{Server, masked};
use serde_json::{Value, json};

fn start(flags: &[&str]) -> (Server, SocketAddr) {
    let admin = free_addr();
    (Server::start(&[&["--admin", &admin.to_string()], flags].concat()), admin)
}

fn get(admin: SocketAddr, path: &str) -> Value {
    let answer = request(admin, "GET", path, "", b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn delete(admin: SocketAddr, path: &str) -> Answer {
    request(admin, "DELETE", path, "", b"")
}

fn column(rows: &Value, name: &str) -> Vec<Value> {
    rows.as_array().unwrap().iter().map(|row| row[name].clone()).collect()
}

#[test]
fn rooms_are_listed_by_name_with_what_matters_about_them() {
    let (server, admin) = start(&[]);
    let mut members: Vec<_> =
        ["b", "game/1", "game/2", "a", "a"].map(|room| server.connect(&format!("/broadcast/{room}"))).into();
    members[4].text("hello");
    members[4].next();
    let all = get(admin, "/rooms");
    assert_eq!(all["total"], 4);
    assert_eq!(column(&all["rooms"], "name"), ["a", "b", "game/1", "game/2"]);
    assert_eq!(column(&all["rooms"], "members"), [2, 1, 1, 1]);
    let a = &all["rooms"][0];
    assert_eq!((&a["index"], &a["protocol"]), (&json!(1), &json!("broadcast")));
    assert!(a["last_publish_s"].as_f64().unwrap() < 60.0 && a["log_bytes"].as_u64().unwrap() >= 4096);
    assert!(all["rooms"][1]["last_publish_s"].is_null());
    let games = get(admin, "/rooms?prefix=game%2F&limit=1");
    assert_eq!((&games["total"], column(&games["rooms"], "name")), (&json!(2), vec![json!("game/1")]));
}

#[test]
fn a_closed_room_tells_its_members_and_only_them() {
    let (server, admin) = start(&[]);
    let mut inside: Vec<_> = (0..3).map(|_| server.connect("/broadcast/bad")).collect();
    let mut outside = server.connect("/broadcast/good");
    inside[0].text("last words");
    inside[0].next();
    let answer = delete(admin, "/rooms/bad");
    assert_eq!((answer.status, answer.json()), (200, json!({"room": "bad", "closed": 3})));
    assert_eq!(inside[0].close_code(), 4004);
    for member in &mut inside[1..] {
        let (messages, code) = member.drain();
        assert_eq!((messages.len(), code), (1, 4004));
    }
    outside.text("still here");
    assert_eq!(outside.next_text(), "still here");
    assert_eq!(server.stats()["closed"]["4004"], 3);
    assert_eq!(delete(admin, "/rooms/never").status, 404);
}

#[test]
fn clients_are_listed_with_where_they_come_from_and_what_they_wait_for() {
    let (server, admin) = start(&["--ping-interval", "0"]);
    let _member = server.connect("/broadcast/r");
    let _echo = server.connect("/echo");
    let all = get(admin, "/clients");
    assert_eq!(all["total"], 2);
    let mut rooms = column(&all["clients"], "room");
    rooms.sort_by_key(Value::is_null);
    assert_eq!(rooms, [json!("r"), Value::Null]);
    let of_room = get(admin, "/clients?room=r");
    assert_eq!(of_room["total"], 1);
    let client = &of_room["clients"][0];
    assert_eq!(
        (&client["address"], &client["user"], &client["blocked_s"]),
        (&json!("127.0.0.1"), &Value::Null, &Value::Null)
    );
    assert_eq!(client["waiting_bytes"], 0);
    assert!(client["connected_s"].as_f64().unwrap() < 60.0 && client["heard_s"].as_f64().unwrap() < 60.0);
    assert_eq!(get(admin, "/clients?room=other"), json!({"total": 0, "clients": []}));
    assert_eq!(get(admin, "/clients?limit=1")["clients"].as_array().unwrap().len(), 1);
}

#[test]
fn a_client_that_does_not_read_is_seen_to_be_blocked() {
    let (server, admin) = start(&["--write-timeout", "0", "--room-log", "64MiB"]);
    let _slow = server.upgrade("/broadcast/r", server.dial_narrow()).unwrap().0;
    let mut fast = server.connect("/broadcast/r");
    let large = "x".repeat(1 << 20);
    for _ in 0..16 {
        fast.text(&large);
        fast.next();
    }
    let clients = get(admin, "/clients?room=r");
    let mut waiting: Vec<(u64, bool)> = clients["clients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|client| (client["waiting_bytes"].as_u64().unwrap(), client["blocked_s"].is_number()))
        .collect();
    waiting.sort_unstable();
    assert_eq!(waiting[0], (0, false));
    assert!(waiting[1].0 > 4 << 20 && waiting[1].0 < 17 << 20 && waiting[1].1, "{waiting:?}");
}

#[test]
fn a_kicked_client_is_told_and_its_name_is_nobody_elses_afterwards() {
    let (server, admin) = start(&[]);
    let mut bad = server.connect("/broadcast/r");
    let id = get(admin, "/clients")["clients"][0]["id"].as_str().unwrap().to_owned();
    let answer = delete(admin, &format!("/clients/{id}"));
    assert_eq!((answer.status, answer.json()), (200, json!({"id": id, "closed": 1})));
    assert_eq!(bad.close_code(), 4003);
    drop(bad);
    server.stats_until(|stats| stats["connections"] == 0);
    let mut next = server.connect("/broadcast/r");
    let other = get(admin, "/clients")["clients"][0]["id"].as_str().unwrap().to_owned();
    let number = |id: &str| id.rsplit_once('-').unwrap().0.to_owned();
    assert_eq!((number(&id), id == other), (number(&other), false), "the same number, another client");
    let answer = delete(admin, &format!("/clients/{id}"));
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("has gone"), "{}", answer.text());
    next.text("alive");
    assert_eq!(next.next_text(), "alive");
    assert_eq!(delete(admin, "/clients/7").status, 404);
    assert_eq!(delete(admin, "/clients/99-0-1").status, 404);
}

#[test]
fn a_client_in_the_middle_of_a_frame_can_be_kicked_too() {
    let (server, admin) = start(&[]);
    let mut half = server.raw("/broadcast/r");
    half.send(&masked(0x81, b"hello")[..7]);
    let id = get(admin, "/clients")["clients"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(delete(admin, &format!("/clients/{id}")).status, 200);
    let (first, payload) = half.frame();
    assert_eq!((first, u16::from_be_bytes([payload[0], payload[1]])), (0x88, 4003));
}

#[test]
fn each_route_says_which_method_it_takes() {
    let (_server, admin) = start(&[]);
    for (method, path, allowed) in [
        ("DELETE", "/rooms", "get, head"),
        ("GET", "/rooms/r", "delete"),
        ("POST", "/clients", "get, head"),
        ("GET", "/clients/0-1-z", "delete"),
        ("POST", "/metrics", "get, head"),
    ] {
        let answer = request(admin, method, path, "", b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
    let answer = request(admin, "GET", "/nothing", "", b"");
    assert!(answer.status == 404 && answer.text().contains("/publish/{room}"), "{}", answer.text());
    assert_eq!(request(admin, "GET", "/poll/r", "", b"").status, 404);
}

#[test]
fn with_a_token_everything_but_the_health_check_needs_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all(b"0123456789abcdef\n").unwrap();
    let (server, admin) = start(&["--admin-token", file.path().to_str().unwrap()]);
    let right = "Authorization: Bearer 0123456789abcdef\r\n";
    for (method, path) in [
        ("GET", "/metrics"),
        ("GET", "/rooms"),
        ("GET", "/clients"),
        ("GET", "/stats"),
        ("POST", "/publish/r"),
        ("GET", "/nothing"),
    ] {
        for wrong in ["", "Authorization: Bearer 0123456789abcdeX\r\n", "Authorization: Basic 0123456789abcdef\r\n"] {
            let answer = request(admin, method, path, wrong, b"");
            assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("bearer")), "{path} {wrong}");
        }
        assert_ne!(request(admin, method, path, right, b"").status, 401);
    }
    assert_eq!(request(admin, "GET", "/healthz", "", b"").text(), "ok\n");
    assert_eq!(server.get("/stats").0, 200);
    assert_eq!(server.stats()["publishes"], 1);
}

#[test]
fn without_a_token_no_web_page_can_reach_the_operators_routes() {
    let (server, admin) = start(&[]);
    let origin = "Origin: http://evil.example\r\nContent-Type: text/plain\r\n";
    assert_eq!(request(admin, "POST", "/publish/r", origin, b"x").status, 403);
    let mut http = Http::connect(admin);
    http.write(b"GET /clients HTTP/1.1\r\nHost: evil.example:9002\r\n\r\n");
    assert_eq!(http.receive().status, 403);
    assert_eq!(server.stats()["publishes"], 0);
}

#[test]
fn an_operators_connection_is_kept_until_he_errs() {
    let (_server, admin) = start(&[]);
    let mut http = Http::connect(admin);
    for path in ["/healthz", "/stats", "/rooms", "/metrics"] {
        assert_eq!(http.request("GET", path, "", b"").status, 200, "{path}");
    }
    assert_eq!(http.request("GET", "/nothing", "", b"").status, 404);
    assert!(http.ends());
}

#[test]
fn what_can_only_be_read_cannot_be_posted_to() {
    let (server, admin) = start(&[]);
    let public = server.addr;
    for (addr, path) in [(public, "/stats"), (public, "/healthz"), (admin, "/stats"), (admin, "/healthz")] {
        for method in ["POST", "DELETE", "OPTIONS"] {
            let answer = request(addr, method, path, "", b"");
            assert_eq!((answer.status, answer.header("allow")), (405, Some("get, head")), "{method} {path}");
        }
        assert_eq!(request(addr, "GET", path, "", b"").status, 200, "{path}");
    }
}

#[test]
fn connections_of_operators_leave_descriptors_to_clients() {
    let (server, admin) = start(&[]);
    let mut kept: Vec<Http> = (0..64).map(|_| Http::connect(admin)).collect();
    for http in &mut kept {
        assert_eq!(http.request("GET", "/healthz", "", b"").status, 200);
    }
    assert!(Http::connect(admin).ends(), "one too many was let in");
    assert_eq!(server.stats()["turned_away"], 1);
    let before = server.descriptors();
    drop(kept);
    while server.descriptors() > before - 64 {
        std::thread::yield_now();
    }
    assert_eq!(request(admin, "GET", "/healthz", "", b"").status, 200);
}

#[test]
fn a_request_names_one_host_and_a_refusal_the_methods_that_would_do() {
    let admin = free_addr();
    let server = Server::start(&["--admin", &admin.to_string()]);
    for (head, status) in [
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("GET /healthz HTTP/1.0\r\n\r\n", 200),
    ] {
        for addr in [server.addr, admin] {
            let mut http = Http::connect(addr);
            http.write(head.as_bytes());
            assert_eq!(http.receive().status, status, "{head}");
        }
    }
    let allow = |addr, path| request(addr, "PATCH", path, "", b"").header("allow").map(str::to_owned);
    for (addr, path, expected) in [
        (server.addr, "/stats", "get, head"),
        (server.addr, "/", "get, head"),
        (server.addr, "/poll/r", "get, head, options"),
        (server.addr, "/sse/r", "get, options"),
        (server.addr, "/broadcast/r", "get"),
        (admin, "/metrics", "get, head"),
        (admin, "/publish/r", "post"),
    ] {
        assert_eq!(allow(addr, path).as_deref(), Some(expected), "{path}");
    }
}
