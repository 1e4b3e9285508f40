//! The client's side of the handshake: what it writes and what it believes (RFC 6455 4.1).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use proptest::prelude::*;
use wire::handshake::{
    Answer, ClientRequest, HandshakeError, MAX_ANSWER_BYTES, MAX_ANSWER_HEADERS, UpgradeRequest, check_request,
    verify_answer,
};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const REQUEST: ClientRequest<'static> = ClientRequest {
    host: "server.example.com",
    path: "/chat",
    key: KEY,
    headers: &[],
    subprotocols: &[],
    compression: None,
};

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn written(request: &ClientRequest) -> String {
    let mut out = Vec::new();
    request.write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The answer of the RFC with `lines` added.
fn answer(lines: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{lines}\r\n"
    )
}

fn verify(text: &str) -> Result<Answer, HandshakeError> {
    verify_answer(text.as_bytes(), KEY, &["chat".to_owned(), "superchat".to_owned()], None)
}

#[test]
fn writes_the_request_line_by_line() {
    let headers = [pair("Origin", "http://example.com"), pair("X-Name", "Zoë")];
    let subprotocols = ["chat".to_owned(), "superchat".to_owned()];
    let request = ClientRequest { headers: &headers, subprotocols: &subprotocols, ..REQUEST };
    let expected = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Protocol: chat, superchat\r\nOrigin: http://example.com\r\nX-Name: Zoë\r\n\r\n";
    assert_eq!(written(&request), expected);
}

#[test]
fn what_the_client_writes_a_server_grants() {
    let text = written(&REQUEST);
    let mut lines = [httparse::EMPTY_HEADER; 16];
    let mut request = httparse::Request::new(&mut lines);
    assert!(request.parse(text.as_bytes()).unwrap().is_complete());
    let header = |name: &str| {
        let line = request.headers.iter().find(|line| line.name.eq_ignore_ascii_case(name));
        line.map(|line| std::str::from_utf8(line.value).unwrap())
    };
    let granted = check_request(&UpgradeRequest {
        method: request.method.unwrap(),
        http_minor: request.version.unwrap(),
        connection: header("connection"),
        upgrade: header("upgrade"),
        version: header("sec-websocket-version"),
        key: header("sec-websocket-key"),
    });
    assert_eq!(granted, Ok(()));
}

#[test]
fn no_part_can_break_out_of_its_place() {
    let bad_value = [pair("X-A", "b\r\nX-Evil: 1")];
    let bare_line_feed = [pair("X-A", "b\nX-Evil: 1")];
    let nul = [pair("X-A", "b\0")];
    let bad_name = [pair("X-A: 1\r\nX-B", "b")];
    let empty_name = [pair("", "b")];
    let bad_protocol = ["chat, other".to_owned()];
    let cases = [
        ClientRequest { host: "a\r\nX-Evil: 1", ..REQUEST },
        ClientRequest { host: "", ..REQUEST },
        ClientRequest { path: "/a HTTP/1.1\r\nX-Evil: 1", ..REQUEST },
        ClientRequest { path: "/a b", ..REQUEST },
        ClientRequest { path: "/ä", ..REQUEST },
        ClientRequest { path: "/a#b", ..REQUEST },
        ClientRequest { path: "a", ..REQUEST },
        ClientRequest { key: "a\nb", ..REQUEST },
        ClientRequest { headers: &bad_value, ..REQUEST },
        ClientRequest { headers: &bare_line_feed, ..REQUEST },
        ClientRequest { headers: &nul, ..REQUEST },
        ClientRequest { headers: &bad_name, ..REQUEST },
        ClientRequest { headers: &empty_name, ..REQUEST },
        ClientRequest { subprotocols: &bad_protocol, ..REQUEST },
    ];
    for request in cases {
        let mut out = b"before".to_vec();
        let refused = request.write(&mut out);
        assert!(matches!(refused, Err(HandshakeError::ForbiddenCharacter { .. })), "{request:?}");
        assert_eq!(out, b"before");
    }
}

#[test]
fn headers_of_the_handshake_itself_cannot_be_given_again() {
    for name in ["Host", "upgrade", "CONNECTION", "Sec-WebSocket-Key", "Sec-WebSocket-Extensions", "Content-Length"] {
        let headers = [pair(name, "x")];
        let refused = ClientRequest { headers: &headers, ..REQUEST }.write(&mut Vec::new());
        assert_eq!(refused, Err(HandshakeError::ReservedHeader(name.to_owned())));
    }
}

#[test]
fn believes_the_answer_of_the_rfc_and_leaves_the_frames_behind_it() {
    let text = answer("Sec-WebSocket-Protocol: chat\r\nFanout-Cursor: 1f.7\r\n");
    let Ok(Answer::Upgraded { consumed, subprotocol, compression: None, headers }) =
        verify(&(text.clone() + "\u{1}frames"))
    else {
        panic!("should be upgraded")
    };
    assert_eq!(consumed, text.len());
    assert_eq!(subprotocol.as_deref(), Some("chat"));
    assert!(headers.contains(&pair("Fanout-Cursor", "1f.7")));
}

#[test]
fn takes_other_spellings_of_the_same_answer() {
    let text = "HTTP/1.1 101\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n\
        sec-websocket-extensions: \r\nsec-websocket-accept:   s3pPLMBiTxaQ9kYGzzhZRbK+xOo=  \r\n\r\n";
    assert!(matches!(verify(text), Ok(Answer::Upgraded { subprotocol: None, .. })));
}

#[test]
fn every_beginning_of_an_answer_is_incomplete() {
    let text = answer("Fanout-Cursor: 1f.7\r\n");
    for end in 0..text.len() {
        assert_eq!(verify(&text[..end]), Ok(Answer::Incomplete), "{end}");
    }
}

#[test]
fn a_refusal_is_an_answer_with_its_status_and_headers() {
    let text = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 4\r\n\r\n";
    let refused = Answer::Refused {
        status: 503,
        reason: "Service Unavailable".to_owned(),
        consumed: text.len(),
        headers: vec![pair("Retry-After", "5"), pair("Content-Length", "4")],
    };
    assert_eq!(verify(&format!("{text}busy")), Ok(refused));
    assert!(matches!(verify("HTTP/1.0 404 Not Found\r\n\r\n"), Ok(Answer::Refused { status: 404, .. })));
}

#[test]
fn refuses_a_101_that_does_not_answer_this_request() {
    use HandshakeError::*;
    let good = answer("");
    let without = |line: &str| good.replace(line, "");
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    assert_eq!(verify(&without("Upgrade: websocket\r\n")), Err(WrongUpgrade(None)));
    let h2c = good.replace("Upgrade: websocket", "Upgrade: h2c");
    assert_eq!(verify(&h2c), Err(WrongUpgrade(Some("h2c".to_owned()))));
    assert_eq!(verify(&without("Connection: Upgrade\r\n")), Err(WrongConnection(None)));
    assert!(matches!(verify(&without(accept)), Err(WrongAcceptKey { got: None, .. })));
    assert!(matches!(verify(&good.replace("s3pP", "S3pP")), Err(WrongAcceptKey { got: Some(_), .. })));
    assert!(matches!(verify(&answer(accept)), Err(WrongAcceptKey { .. })), "twice");
    assert!(matches!(verify(&good.replace("HTTP/1.1", "HTTP/1.0")), Err(NotHttp(_))));
}

#[test]
fn refuses_what_was_not_offered() {
    use HandshakeError::*;
    let extension = verify(&answer("Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    assert_eq!(extension, Err(ExtensionNotOffered("permessage-deflate".to_owned())));
    for value in ["other", "CHAT", "chat, superchat", ""] {
        let chosen = verify(&answer(&format!("Sec-WebSocket-Protocol: {value}\r\n")));
        assert_eq!(chosen, Err(SubprotocolNotOffered(value.to_owned())));
    }
    let twice = "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n";
    assert_eq!(verify(&answer(twice)), Err(SubprotocolNotOffered("chat, chat".to_owned())));
}

#[test]
fn refuses_what_is_not_http() {
    for text in ["SSH-2.0-OpenSSH_9.6\r\n", "\u{0}\u{1}\u{2}", "HTTP/2 101\r\n\r\n"] {
        assert!(matches!(verify(text), Err(HandshakeError::NotHttp(_))), "{text:?}");
    }
}

#[test]
fn reads_only_so_many_bytes_and_lines() {
    let long = answer(&format!("X: {}\r\n", "y".repeat(MAX_ANSWER_BYTES)));
    assert_eq!(verify(&long), Err(HandshakeError::AnswerTooLong { max: MAX_ANSWER_BYTES }));
    assert_eq!(verify(&long[..MAX_ANSWER_BYTES]), Err(HandshakeError::AnswerTooLong { max: MAX_ANSWER_BYTES }));
    assert_eq!(verify(&long[..MAX_ANSWER_BYTES - 1]), Ok(Answer::Incomplete));
    let most = answer(&"X: y\r\n".repeat(MAX_ANSWER_HEADERS - 3));
    assert!(matches!(verify(&most), Ok(Answer::Upgraded { .. })));
    let many = answer(&"X: y\r\n".repeat(MAX_ANSWER_HEADERS - 2));
    assert_eq!(verify(&many), Err(HandshakeError::TooManyHeaders { max: MAX_ANSWER_HEADERS }));
}

proptest! {
    #[test]
    fn any_answer_is_read_or_refused(
        start in prop_oneof![Just(""), Just("HTTP/1.1 101 OK\r\n"), Just("HTTP/1.1 200 OK\r\nA: ")],
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let buf = [start.as_bytes(), &bytes].concat();
        if let Ok(Answer::Upgraded { consumed, .. } | Answer::Refused { consumed, .. }) = verify_answer(&buf, KEY, &[], None) {
            prop_assert!(consumed <= buf.len());
        }
    }

    #[test]
    fn no_header_value_adds_a_line(value in "[a-z \\r\\n\\t\\x00é]{0,6}") {
        let headers = [pair("X-A", &value)];
        let mut out = Vec::new();
        if (ClientRequest { headers: &headers, ..REQUEST }).write(&mut out).is_ok() {
            let lines = out.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
            prop_assert_eq!(lines, 2 * 8);
        }
    }
}
