//! A target that cannot be, and what cannot go to it, is refused as everything else is in `scenario_refusals`.

use crate::written::refused;

#[test]
#[rustfmt::skip]
fn tls_that_makes_no_sense_is_refused() {
    refused(&[
        ("[[phases]]", "[target]\nurl = \"ws://127.0.0.1:1\"\ntls = {}\n[[phases]]", &[], (10, 7), "`tls` is for wss:// urls, and this one begins with ws://"),
        ("[[phases]]", "[target]\nurl = \"https://127.0.0.1:1\"\n[[phases]]", &[], (9, 7), "a WebSocket url begins with wss://, not https://"),
        ("[[phases]]", "[target]\ntls = { insecure = true }\n[[phases]]", &[], (9, 7), "`tls` needs a server that speaks it, and the bundled one has no certificate"),
        ("[[phases]]", "[target]\nurl = \"wss://127.0.0.1:1\"\ntls = { insecure = true, ca = \"x\" }\n[[phases]]", &[], (10, 31), "`ca` does not go together with `insecure = true`, which trusts everybody: remove one"),
        ("[[phases]]", "[target]\nurl = \"wss://127.0.0.1:1\"\ntls = { insecure = true, cert = \"x\" }\n[[phases]]", &[], (10, 33), "`cert` needs `key`, the file with its private key"),
        ("[[phases]]", "[target]\nurl = \"wss://127.0.0.1:1\"\ntls = { insecure = true, key = \"x\" }\n[[phases]]", &[], (10, 32), "`key` needs `cert`, the file with its certificate"),
        ("[[phases]]", "[target]\nurl = \"wss://127.0.0.1:1\"\ntls = { ca = \"bad.jsonl\" }\n[[phases]]", &[], (10, 14), "bad.jsonl holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"),
        ("[[phases]]", "[target]\ntls = { cert_file = \"x\" }\n[[phases]]", &[], (9, 9), "unknown key `cert_file` in tls; did you mean `cert`?"),
    ]);
}

#[test]
#[rustfmt::skip]
fn dialects_that_do_not_exist_or_cannot_carry_the_load_are_refused() {
    refused(&[
        ("[[phases]]", "[target]\ndialect = \"socket.io\"\n[[phases]]", &[], (9, 11), "there is no dialect `socket.io`; did you mean `socketio`?"),
        ("rate = 5", "rate = 5\npayload = { binary = true }\n[target]\ndialect = \"chat\"", &[], (10, 11), "the dialect chat wraps messages in text, and some of these payloads are binary"),
        ("count = 10", "count = 10\ncompression = { offer = \"context\" }", &["target.dialect=socketio"], (1, 16), "the dialect socketio says something to join, which does not go together with an offer of compression yet"),
        ("count = 10", "count = 10\nrooms = 3", &["publishers.source.count=3", "target.dialect=gorilla"], (5, 9), "3 rooms, but the path /ws has no {room}: all connections would be in one"),
    ]);
}

#[test]
#[rustfmt::skip]
fn a_target_that_cannot_be_reached_as_written_is_refused() {
    refused(&[
        ("[[phases]]", "[target]\nurl = \"127.0.0.1:9001\"\n[[phases]]", &[], (9, 7), "this is not a URL (relative URL without a base): write it as ws://HOST:PORT/PATH"),
        ("[[phases]]", "[target]\nurl = \"http://127.0.0.1:9001\"\n[[phases]]", &[], (9, 7), "a WebSocket url begins with ws://, not http://"),
        ("[[phases]]", "[target]\nurl = \"ftp://127.0.0.1:9001\"\n[[phases]]", &[], (9, 7), "a WebSocket url begins with ws:// or wss://, not ftp:"),
        ("[[phases]]", "[target]\nurl = \"ws://\"\n[[phases]]", &[], (9, 7), "this is not a URL (empty host): write it as ws://HOST:PORT/PATH"),
        ("[[phases]]", "[target]\nurl = \"ws://127.0.0.1:99999\"\n[[phases]]", &[], (9, 7), "this is not a URL (invalid port number): write it as ws://HOST:PORT/PATH"),
        ("[[phases]]", "[target]\nurl = \"ws://127.0.0.1:0\"\n[[phases]]", &[], (9, 7), "port 0 is no port to connect to"),
        ("[[phases]]", "[target]\nurl = \"ws://127.0.0.1:9001/#top\"\n[[phases]]", &[], (9, 7), "a WebSocket url has no fragment (#..): remove it"),
        ("[[phases]]", "[target]\nurl = \"ws://{room}.test:9001\"\n[[phases]]", &[], (9, 7), "{room} can stand only in the path of a url"),
        ("[[phases]]", "[target]\nurl = \"ws://{room}:pw@127.0.0.1:9001\"\n[[phases]]", &[], (9, 7), "{room} can stand only in the path of a url"),
        ("[[phases]]", "[target]\nurl = \"ws://{env.CARGO_PKG_NAME}.invalid:9001\"\n[[phases]]", &[], (9, 7), "no address is known for the host `{env.CARGO_PKG_NAME}.invalid`"),
        ("[[phases]]", "[target]\nurl = \"ws://127.0.0.1:9001/{rooms}\"\n[[phases]]", &[], (9, 7), r#"unknown placeholder {rooms}: here there is {room} and {env.NAME}; write \{ for a brace"#),
        ("[[phases]]", "[target]\nurl = \"ws://127.0.0.1:9001/{env.FANOUT_TEST_NOT_SET}\"\n[[phases]]", &[], (9, 7), "the environment variable FANOUT_TEST_NOT_SET is not set"),
        ("[[phases]]", "[target]\npath = \"ws\"\n[[phases]]", &[], (9, 8), "the path `ws` must begin with /"),
        ("[[phases]]", "[target]\npath = \"/a b\"\n[[phases]]", &[], (9, 8), "the path holds ' ': write it percent-encoded"),
        ("[[phases]]", "[target]\nspawn = []\n[[phases]]", &[], (9, 9), "`spawn` is empty: write the program and its arguments"),
        ("[[phases]]", "[target]\nspawn = [\"node\", \"hub.js\"]\n[[phases]]", &[], (9, 9), "neither `spawn` nor `env` holds {port}: the server has to be told its port"),
        ("[[phases]]", "[target]\nspawn = [\"node\", \"{prot}\", \"{port}\"]\n[[phases]]", &[], (9, 9), r#"unknown placeholder {prot}: here there is {port} and {env.NAME}; write \{ for a brace"#),
        ("[[phases]]", "[target]\nspawn = [\"x\", \"{port}\"]\nready = \"soon\"\n[[phases]]", &[], (10, 9), r#"`soon` is not known for `ready`: write "tcp", a path such as "/healthz", or "line:TEXT""#),
        ("[[phases]]", "[target]\nserver = { lag_polcy = \"skip\" }\n[[phases]]", &[], (9, 24), "the bundled server has no flag `lag_polcy`; did you mean `lag_policy`?"),
        ("[[phases]]", "[target]\nserver = { listen = \"127.0.0.1:1\" }\n[[phases]]", &[], (9, 21), "`listen` cannot be set here: fanout chooses it for its own server"),
        ("[[phases]]", "[target]\nheaders = { Host = \"x\" }\n[[phases]]", &[], (9, 20), "the handshake writes the header `Host` itself"),
        ("[[phases]]", "[target]\nheaders = { Transfer-Encoding = \"chunked\" }\n[[phases]]", &[], (9, 33), "the handshake writes the header `Transfer-Encoding` itself"),
        ("[[phases]]", "[target]\nheaders = { Sec-WebSocket-Protocol = \"x\" }\n[[phases]]", &[], (9, 38), "the handshake writes the header `Sec-WebSocket-Protocol` itself; use `subprotocols`"),
        ("[[phases]]", "[target]\nheaders = { \"a b\" = \"x\" }\n[[phases]]", &[], (9, 21), "`a b` is not a header name"),
        ("[[phases]]", "[target]\nheaders = { A = \"x\\r\\nB: y\" }\n[[phases]]", &[], (9, 17), "the value of the header `A` holds a control character"),
        ("[[phases]]", "[target]\nheaders = { A = \"{env.FANOUT_TEST_NOT_SET}\" }\n[[phases]]", &[], (9, 17), "the environment variable FANOUT_TEST_NOT_SET is not set"),
        ("[[phases]]", "[target]\nsubprotocols = [\"a b\"]\n[[phases]]", &[], (9, 17), "`a b` is not a subprotocol name (RFC 6455 4.1: a token)"),
    ]);
}

#[test]
#[rustfmt::skip]
fn a_feed_that_cannot_be_used_is_refused_by_file_and_line_without_its_values() {
    refused(&[
        ("[[phases]]", "[target]\nfeed = \"missing.csv\"\n[[phases]]", &[], (9, 8), "cannot read DIR/missing.csv: No such file or directory (os error 2)"),
        ("[[phases]]", "[target]\nfeed = \"short.csv\"\n[[phases]]", &[], (9, 8), "short.csv, line 3: it has 1 values, but there are 2 columns; a value with a comma in it needs quotes"),
        ("[[phases]]", "[target]\nfeed = \"rooms.csv\"\n[[phases]]", &[], (9, 8), "rooms.csv, line 1: the column `room` cannot be used, because {room} means something else: rename it, for example to user_room"),
        ("[[phases]]", "[target]\nfeed = \"users.csv\"\n[[phases]]", &[], (9, 8), "users.csv has 2 rows for 11 connections (1 of them by publishers)"),
        ("[[phases]]", "[target]\nfeed = \"users.csv\"\nfeed_end = \"stop\"\n[[phases]]", &[], (10, 12), "`stop` is not known for `feed_end`: write \"error\" or \"wrap\""),
        ("[[phases]]", "[target]\nfeed_end = \"wrap\"\n[[phases]]", &[], (9, 12), "`feed_end` is for a `feed`, which is missing"),
        ("[[phases]]", "[target]\nfeed = \"users.csv\"\nfeed_end = \"wrap\"\nheaders = { X-User = \"{usr}\" }\n[[phases]]", &[], (11, 22), r"unknown placeholder {usr}: here there is {user} and {token} and {env.NAME}; write \{ for a brace"),
        ("[[phases]]", "[target]\nfeed = \"bell.csv\"\nfeed_end = \"wrap\"\nheaders = { X-User = \"{user}\" }\n[[phases]]", &[], (11, 22), "line 3 of the feed: `user` holds a control character, which the header `X-User` cannot"),
        ("rate = 5", "rate = 5\npayload = { template = \"{name} {stamp}\" }", &[], (8, 24), r"unknown placeholder {name}: payloads have {text}, {stamp}, {seq}, {publisher}, {room} and {env.NAME}; write \{ for a brace"),
    ]);
}

#[test]
#[rustfmt::skip]
fn addresses_that_cannot_share_the_connections_are_refused() {
    refused(&[
        ("[[phases]]", "[target]\nassign = \"room\"\n[[phases]]", &[], (9, 10), "`assign` is for a server with several addresses: give `url` as a list"),
        ("[[phases]]", "[target]\nurl = []\n[[phases]]", &[], (9, 7), "the list of urls is empty: name one, or leave `url` out"),
        ("[[phases]]", "[target]\nurl = [\"ws://127.0.0.1:1/a\", \"ws://127.0.0.1:2/b\"]\n[[phases]]", &[], (9, 30), "the urls of a list have the same path, and this one has another"),
        ("[[phases]]", "[target]\nurl = [\"ws://127.0.0.1:1/a\", \"ws://127.0.0.1:1/a\"]\n[[phases]]", &[], (9, 30), "the address 127.0.0.1:1 is in the list twice: remove one"),
        ("[[phases]]", "[target]\nurl = [\"ws://ada:s3cr3t@127.0.0.1:1/a\", \"ws://127.0.0.1:2/a\"]\n[[phases]]", &[], (9, 41), "the urls of a list have the same user info, and this one has another"),
        ("count = 10", "count = 10\nread_bytes_per_s = 0", &[], (5, 20), "`0` is no number of bytes a second: write one from 1 up, such as 64000 or \"64KiB\""),
    ]);
}

#[test]
#[rustfmt::skip]
fn publishers_over_http_that_cannot_work_are_refused() {
    refused(&[
        ("rate = 5", "rate = 5\nvia = \"http\"", &[], (6, 8), "the publishers `source` have no url"),
        ("rate = 5", "rate = 5\nurl = \"http://127.0.0.1:1/\"", &[], (8, 7), "`url` is for publishers with via = \"http\""),
        ("rate = 5", "rate = 5\nvia = \"carrier pigeon\"", &[], (8, 7), "`carrier pigeon` is not known for `via`: write \"websocket\" or \"http\""),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"ftp://127.0.0.1:1/\"", &[], (9, 7), "a publishing url begins with http:// or https://, not ftp://"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"https://{target.admin}/publish/{room}\"", &[], (9, 7), "the operators' listener of the bundled server speaks no TLS"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"https://{target.address}/publish/{room}\"", &[], (9, 7), "the server under test speaks no TLS"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://{target.address}/publish/{room}\"\n[target]\nurl = \"wss://127.0.0.1:1/\"\ntls = { insecure = true }", &[], (9, 7), "the server under test speaks TLS only"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"https://127.0.0.1:1/\"\n[target]\ntls = { ca = \"bad.jsonl\" }", &[], (11, 14), "bad.jsonl holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://127.0.0.1:1/\"\n[target]\ntls = { insecure = true }", &[], (11, 7), "`tls` needs a server that speaks it, and the bundled one has no certificate"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://{room}/\"", &[], (9, 7), "{room} can stand only in the path of a url"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://me:{token}@127.0.0.1:1/\"\n[target]\nfeed = \"users.csv\"", &[], (9, 7), "{token} can stand only in the path of a url"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://{room}@{target.admin}/\"", &[], (9, 7), "{room} can stand only in the path of a url"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://{target.admin}:9002/\"", &[], (9, 7), "{target.admin} has a port of its own: remove the one behind it"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://me:pw@{target.address}:80/{room}\"", &[], (9, 7), "{target.address} has a port of its own: remove the one behind it"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://127.0.0.1:0/\"", &[], (9, 7), "port 0 is no port to connect to"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://127.0.0.1:1/#top\"", &[], (9, 7), "a publishing url has no fragment (#..): remove it"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://{env.CARGO_PKG_VERSION}.invalid:1/\"", &[], (9, 7), "no address is known for the host `{env.CARGO_PKG_VERSION}.invalid`"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://{target.admin}/\"\n[target]\nurl = \"ws://127.0.0.1:1\"", &[], (9, 7), "{target.admin} is the bundled server's, and this scenario has another"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://127.0.0.1:1/\"\nmethod = \"GET\"", &[], (10, 10), "`GET` does not publish: write \"POST\", \"PUT\" or \"PATCH\""),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://127.0.0.1:1/\"\nbody = \"hello\"", &[], (10, 8), "the body has no {message}: nobody would receive what is published"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nurl = \"http://127.0.0.1:1/\"\nheaders = { Host = \"x\" }", &[], (10, 20), "the request has its own header `Host`: remove it"),
        ("rate = 5", "rate = 5\nvia = \"http\"\nfrom = \"members\"\nurl = \"http://127.0.0.1:1/\"", &[], (9, 8), "subscribers send over their own connections: remove `from`, or via = \"http\""),
        ("rate = 5", "arrival = \"closed\"\nvia = \"http\"\nurl = \"http://127.0.0.1:1/\"", &[], (7, 11), "a closed loop waits for the publisher's own copy, which one over HTTP does not receive"),
    ]);
}
