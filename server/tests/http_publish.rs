//! `POST /publish/{room}` on the operators' listener.

use std::net::SocketAddr;

use crate::common::Server;
use crate::common::http::{Http, free_addr, request};
use tokio_tungstenite::tungstenite::Message;

const TEXT: &str = "Content-Type: text/plain\r\n";

fn start(flags: &[&str]) -> (Server, SocketAddr) {
    let admin = free_addr();
    (Server::start(&[&["--admin", &admin.to_string()], flags].concat()), admin)
}

#[test]
fn a_published_body_reaches_every_member_and_the_answer_names_it() {
    let (server, admin) = start(&[]);
    let (mut a, answer) = server.try_connect("/broadcast/news").unwrap();
    let mut b = server.connect("/broadcast/news");
    let cursor = answer.headers()["fanout-cursor"].to_str().unwrap().to_owned();
    let generation = cursor.split('.').next().unwrap();
    a.text("from a member");
    assert_eq!((a.next_text(), b.next_text()), ("from a member".to_owned(), "from a member".to_owned()));
    let answer = request(admin, "POST", "/publish/news", TEXT, "grüezi".as_bytes());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json(), serde_json::json!({"room": "news", "seq": format!("{generation}.1"), "index": 1}));
    for client in [&mut a, &mut b] {
        assert_eq!(client.next(), Message::text("grüezi"));
    }
    assert_eq!(server.stats()["publishes"], 2);
}

#[test]
fn the_content_type_makes_a_message_text_or_binary() {
    let (server, admin) = start(&[]);
    let mut client = server.connect("/broadcast/r");
    let json = "Content-Type: application/json; charset=utf-8\r\n";
    assert_eq!(request(admin, "POST", "/publish/r", json, b"{}").status, 200);
    assert_eq!(request(admin, "POST", "/publish/r", "Content-Type: image/png\r\n", b"\xff\x00").status, 200);
    assert_eq!(request(admin, "POST", "/publish/r", "", b"").status, 200);
    assert_eq!(client.next(), Message::text("{}"));
    assert_eq!(client.next(), Message::binary(&b"\xff\x00"[..]));
    assert_eq!(client.next(), Message::binary(&b""[..]));
    let answer = request(admin, "POST", "/publish/r", TEXT, b"\xff");
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("UTF-8") && answer.text().contains("octet-stream"));
    assert_eq!(server.stats()["publishes"], 3);
}

#[test]
fn many_messages_follow_each_other_on_one_connection() {
    let (server, admin) = start(&[]);
    let mut client = server.connect("/broadcast/r");
    let mut http = Http::connect(admin);
    for i in 0..200 {
        let answer = http.request("POST", "/publish/r", TEXT, i.to_string().as_bytes());
        assert_eq!(answer.json()["index"], i);
        assert_eq!(answer.header("connection"), None);
    }
    // And without waiting for the answers.
    for i in 200..300 {
        http.send("POST", "/publish/r", TEXT, i.to_string().as_bytes());
    }
    for i in 200..300 {
        assert_eq!(http.receive().json()["index"], i);
    }
    for i in 0..300 {
        assert_eq!(client.next_text(), i.to_string());
    }
    assert_eq!(server.stats()["accepted"], 3);
}

#[test]
fn what_is_published_before_anybody_is_there_can_be_resumed_from() {
    let (server, admin) = start(&[]);
    let seq = request(admin, "POST", "/publish/early", TEXT, b"bird").json()["seq"].as_str().unwrap().to_owned();
    let mut client = server.connect(&format!("/broadcast/early?resume={seq}"));
    assert_eq!(client.next_text(), "bird");
}

#[test]
fn a_message_may_be_as_large_as_the_limit_and_no_larger() {
    let (server, admin) = start(&["--max-message", "100000"]);
    let mut client = server.connect("/broadcast/r");
    let whole = vec![b'x'; 100_000];
    assert_eq!(request(admin, "POST", "/publish/r", TEXT, &whole).status, 200);
    assert_eq!(client.next_text().len(), 100_000);
    let answer = request(admin, "POST", "/publish/r", TEXT, &vec![b'x'; 3_000_000]);
    assert_eq!(answer.status, 413);
    assert!(answer.text().contains("100000") && answer.text().contains("--max-message"), "{}", answer.text());

    let mut chunked = Http::connect(admin);
    chunked.write(b"POST /publish/r HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    chunked.write(b"3\r\nabc\r\n");
    chunked.write(b"2\r\nde\r\n0\r\n\r\n");
    assert_eq!(chunked.receive().json()["index"], 1);
    assert_eq!(client.next(), Message::binary(&b"abcde"[..]));
}

#[test]
fn who_asks_first_is_told_to_go_on_or_that_it_is_too_much() {
    let (_server, admin) = start(&["--max-message", "1000"]);
    let mut http = Http::connect(admin);
    let head = |length| {
        format!(
            "POST /publish/r HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    http.write(head(5).as_bytes());
    assert_eq!(http.receive().status, 100);
    http.write(b"hello");
    assert_eq!(http.receive().status, 200);
    http.write(head(1001).as_bytes());
    assert_eq!(http.receive().status, 413);
}

#[test]
fn a_room_without_memory_says_when_to_try_again() {
    let (server, admin) = start(&["--log-memory", "64KiB"]);
    let answer = request(admin, "POST", "/publish/r", TEXT, &vec![b'x'; 100_000]);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert!(answer.text().contains("--log-memory"), "{}", answer.text());
    assert_eq!(server.stats()["publishes"], 0);
    assert_eq!(request(admin, "POST", "/publish/r", TEXT, b"small").json()["index"], 0);
}

#[test]
fn clients_cannot_publish_by_http() {
    let (server, admin) = start(&[]);
    assert_eq!(request(server.addr, "POST", "/publish/r", TEXT, b"x").status, 404);
    let answer = request(admin, "GET", "/publish/r", "", b"");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("post")));
    assert_eq!(request(admin, "POST", "/publish/", TEXT, b"x").status, 404);
    assert_eq!(request(admin, "POST", "/publish/%ff", TEXT, b"x").status, 400);
}
