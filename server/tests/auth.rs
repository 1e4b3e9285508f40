//! Tokens, the rooms that they open, and the addresses that clients count for.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::common::Server;
use crate::common::http::{free_addr, request};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

const SECRET: &str = "a secret of more than thirty-two bytes";

/// A directory with a file in it.
fn file(name: &str, content: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

fn jwt(claims: &serde_json::Value, algorithm: Algorithm, key: &EncodingKey) -> String {
    encode(&Header::new(algorithm), claims, key).unwrap()
}

/// Seconds since 1970, so many from now.
fn from_now(seconds: i64) -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64 + seconds
}

const TOKENS: &str = "[[token]]\ntoken = \"sesame\"\nuser = \"ali\"\nrooms = [\"cave\", \"team-*\"]\n";

#[test]
fn a_token_opens_its_rooms_and_no_others() {
    let (_dir, path) = file("tokens.toml", TOKENS);
    let server = Server::start(&["--auth-tokens", &path]);
    let header = "Authorization: Bearer sesame";
    for (path, headers, status) in [
        ("/broadcast/cave", &[header][..], 101),
        ("/broadcast/team-7", &[header], 101),
        ("/broadcast/cave?token=sesame", &[], 101),
        ("/broadcast/cave?resume=z.7&token=ses%61me", &[], 101),
        ("/echo", &[header], 101),
        ("/broadcast/treasury", &[header], 403),
        ("/broadcast/cave", &[], 401),
        ("/echo", &[], 401),
        ("/broadcast/cave", &["Authorization: Bearer Sesame"], 401),
        ("/broadcast/cave", &["Authorization: Basic c2VzYW1l"], 401),
        ("/broadcast/cave", &[header, header], 401),
        ("/broadcast/cave?token=", &[], 401),
    ] {
        assert_eq!(server.ask(path, headers).status, status, "{path} {headers:?}");
    }
    // Nobody who was refused left anything behind.
    assert_eq!(server.stats_until(|stats| stats["connections"] == 0)["rooms"], 2);
}

#[test]
fn a_refusal_says_what_to_present_and_never_what_was() {
    let (_dir, path) = file("tokens.toml", TOKENS);
    let server = Server::start(&["--auth-tokens", &path, "--log", "trace"]);
    let nothing = server.ask("/broadcast/cave", &[]);
    assert!(nothing.head.contains("\r\nwww-authenticate: bearer\r\n"), "{}", nothing.head);
    assert!(nothing.body.contains("?token=TOKEN"), "{}", nothing.body);
    let wrong = server.ask("/broadcast/cave?token=open-barley", &[]);
    assert!(wrong.head.contains("\r\nwww-authenticate: bearer error=\"invalid_token\"\r\n"), "{}", wrong.head);
    assert!(!format!("{wrong:?}{}", server.stats()).contains("barley"));
}

#[test]
fn the_anonymous_may_be_let_in_beside_those_with_tokens() {
    let (_dir, path) = file("tokens.toml", TOKENS);
    let server = Server::start(&["--auth-tokens", &path, "--auth-anonymous", "allow"]);
    assert_eq!(server.ask("/broadcast/treasury", &[]).status, 101);
    assert_eq!(server.ask("/broadcast/treasury?token=sesame", &[]).status, 403);
    assert_eq!(server.ask("/broadcast/cave?token=wrong", &[]).status, 401);
}

#[test]
fn a_signed_token_is_checked_with_the_key_and_the_clock() {
    let (_dir, path) = file("secret", &format!("{SECRET}\n"));
    let server = Server::start(&["--auth-jwt-key", &path, "--auth-jwt-audience", "fanout"]);
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let good = json!({ "sub": "bob", "exp": from_now(60), "aud": "fanout", "rooms": ["lobby"] });
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = good.clone();
        claims[name] = value;
        jwt(&claims, Algorithm::HS256, &key)
    };
    let other = EncodingKey::from_secret(b"another secret of thirty-two bytes");
    for (token, status, sentence) in [
        (jwt(&good, Algorithm::HS256, &key), 101, ""),
        (jwt(&good, Algorithm::HS512, &key), 101, ""),
        (with("rooms", json!(["cave"])), 403, "does not open this room"),
        (with("exp", json!(from_now(-60))), 401, "has expired"),
        (with("nbf", json!(from_now(60))), 401, "not valid yet"),
        (with("aud", json!("other")), 401, "(aud)"),
        (jwt(&good, Algorithm::HS256, &other), 401, "signature"),
        ("a.b.c".to_owned(), 401, "not one that this server knows"),
    ] {
        let answer = server.ask("/broadcast/lobby", &[&format!("Authorization: Bearer {token}")]);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(sentence), "{answer:?}");
        assert_eq!(server.ask(&format!("/broadcast/lobby?token={token}"), &[]).status, status);
    }
}

#[test]
fn a_public_key_is_enough_to_check_tokens() {
    let pair = rcgen::KeyPair::generate().unwrap();
    let (_dir, path) = file("key.pem", &pair.public_key_pem());
    let server = Server::start(&["--auth-jwt-key", &path]);
    let claims = json!({ "sub": "bob", "exp": from_now(60) });
    let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
    assert_eq!(server.ask(&format!("/echo?token={}", jwt(&claims, Algorithm::ES256, &key)), &[]).status, 101);
    // The public key, which everybody knows, as if it were a secret.
    let forged = EncodingKey::from_secret(pair.public_key_pem().as_bytes());
    assert_eq!(server.ask(&format!("/echo?token={}", jwt(&claims, Algorithm::HS256, &forged)), &[]).status, 401);
}

#[test]
fn tokens_are_read_again_on_a_hangup_signal_and_a_damaged_file_changes_nothing() {
    let (_dir, path) = file("tokens.toml", TOKENS);
    let server = Server::start(&["--auth-tokens", &path]);
    let mut open = server.connect("/broadcast/cave?token=sesame");
    let until = |token: &str, status: u16| {
        let start = std::time::Instant::now();
        while server.ask(&format!("/broadcast/cave?token={token}"), &[]).status != status {
            assert!(start.elapsed() < crate::common::PATIENCE, "{token} is never answered with {status}");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    std::fs::write(&path, TOKENS.replace("sesame", "barley")).unwrap();
    server.signal(net::Signal::Hangup);
    until("barley", 101);
    until("sesame", 401);
    std::fs::write(&path, "[[token]]\n").unwrap();
    server.signal(net::Signal::Hangup);
    server.stats_until(|stats| stats["reload_failures"] == 1);
    until("barley", 101);
    // Whoever is in, stays.
    open.text("still here");
    assert_eq!(open.next_text(), "still here");
}

#[test]
fn files_that_cannot_be_used_are_refused_with_a_sentence() {
    let refused = |flag: &str, content: &str, sentence: &str| {
        let (_dir, path) = file("file", content);
        let output = Command::new(env!("CARGO_BIN_EXE_fanout-server"))
            .args(["--listen", "127.0.0.1:0", flag, &path])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(sentence) && text.contains(&path) && !text.contains("sesame"), "{text}");
        assert_eq!(output.status.code(), Some(2));
    };
    refused("--auth-tokens", "[[token]]\ntoken = sesame\n", "line 2: not as it should be");
    refused("--auth-tokens", "[[token]]\nuser = \"u\"\n", "line 1: give either token");
    refused("--auth-jwt-key", "sesame", "the secret has 6 bytes and must have at least 32");
    let missing = Path::new("/nonexistent/tokens");
    let output = Command::new(env!("CARGO_BIN_EXE_fanout-server")).arg("--auth-tokens").arg(missing).output().unwrap();
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("cannot read the file of --auth-tokens, /nonexistent/tokens: ")
    );
}

#[test]
fn behind_a_proxy_clients_count_for_their_own_addresses() {
    let server = Server::start(&["--max-per-address", "1", "--trusted-proxies", "1"]);
    let from = |address: &str| {
        let mut stream = server.dial();
        let request = format!(
            "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-For: {address}\r\n\r\n"
        );
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let mut head = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut head).unwrap();
        (String::from_utf8(head[9..].to_vec()).unwrap(), stream)
    };
    let (first, _one) = from("192.0.2.1");
    let (second, _two) = from("192.0.2.2");
    assert_eq!((first.as_str(), second.as_str()), ("101", "101"));
    assert_eq!(from("192.0.2.1").0, "429");
    // A client's own entries stand further left, and prove nothing.
    assert_eq!(from("192.0.2.9, 192.0.2.1").0, "429");
    assert_eq!(from("2001:db8::1").0, "101");
    assert_eq!(server.stats()["forwarded_unusable"], 0);
    let (unusable, _three) = from("unknown");
    assert_eq!(unusable, "101");
    assert_eq!(from("unknown").0, "429");
    assert_eq!(server.stats()["forwarded_unusable"], 2);
}

#[test]
fn without_trusted_proxies_the_header_is_not_believed() {
    let server = Server::start(&["--max-per-address", "1"]);
    let _first = server.connect("/echo");
    assert_eq!(server.ask("/echo", &["X-Forwarded-For: 192.0.2.2"]).status, 429);
}

#[test]
fn where_tokens_are_asked_for_only_operators_are_told_the_names_of_rooms() {
    let (_dir, path) = file("tokens.toml", TOKENS);
    let admin = free_addr();
    let server = Server::start(&["--auth-tokens", &path, "--admin", &admin.to_string()]);
    let _member = server.connect("/broadcast/cave?token=sesame");
    let public = server.stats();
    assert_eq!((&public["rooms"], &public["per_room"]), (&json!(1), &json!([])));
    assert_eq!(request(admin, "GET", "/stats", "", b"").json()["per_room"][0]["name"], "cave");
}
