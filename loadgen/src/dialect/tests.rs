//! The dialect files against frames as their servers send them.

use super::*;

const FILES: [(&str, &str); 7] = [
    ("chat", include_str!("../../../scenarios/dialects/chat.toml")),
    ("gorilla", include_str!("../../../scenarios/dialects/gorilla.toml")),
    ("centrifugo", include_str!("../../../scenarios/dialects/centrifugo.toml")),
    ("socketio", include_str!("../../../scenarios/dialects/socketio.toml")),
    ("phoenix", include_str!("../../../scenarios/dialects/phoenix.toml")),
    ("graphql-ws", include_str!("../../../scenarios/dialects/graphql-ws.toml")),
    ("actioncable", include_str!("../../../scenarios/dialects/actioncable.toml")),
];

fn read(text: &str) -> Result<Dialect, DialectError> {
    parse(text, Names { environment: &|name| Err(format!("{name} is not set")), columns: &[] })
}

fn dialect(name: &str) -> Dialect {
    let (_, text) = FILES.iter().find(|(known, _)| *known == name).unwrap();
    read(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn texts(said: &[Vec<u8>]) -> Vec<&str> {
    said.iter().map(|frame| std::str::from_utf8(frame).unwrap()).collect()
}

/// Plays a join: what is said at first, and after each frame of the server's.
fn joins(dialect: &Dialect, first: &[&str], then: &[(&str, &[&str])]) {
    let words = Words::of("r\"1", 7);
    let mut say = Vec::new();
    let (mut join, mut progress) = Join::begin(dialect, &words, 0, &mut say);
    assert_eq!(texts(&say), first);
    for (frame, answers) in then {
        assert_eq!(progress, Progress::Waiting, "before {frame}");
        say.clear();
        progress = join.hear(dialect, &words, frame.as_bytes(), 1, &mut say);
        assert_eq!(texts(&say), *answers, "after {frame}");
    }
    assert!(matches!(progress, Progress::Joined(_)), "{progress:?}");
}

/// The cause for which a join fails when the server says this.
fn fails(dialect: &Dialect, frames: &[&str]) -> String {
    let words = Words::of("r1", 7);
    let (mut join, mut progress) = Join::begin(dialect, &words, 0, &mut Vec::new());
    for frame in frames {
        progress = join.hear(dialect, &words, frame.as_bytes(), 1, &mut Vec::new());
    }
    match progress {
        Progress::Failed(cause) => cause,
        other => panic!("{other:?}"),
    }
}

/// A message as it is published by its publish number 5.
fn published(dialect: &Dialect, message: &str) -> String {
    let words = Words { seq: 5, message: message.as_bytes(), ..Words::of("r\"1", 7) };
    String::from_utf8(dialect.publish.as_ref().unwrap().filled(&words)).unwrap()
}

/// What the parts of a frame say: `message`, `=answer` or `-`.
fn says(dialect: &Dialect, frame: &str) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let parts = dialect.receive.parts(frame.as_bytes());
    let said = parts.iter().map(|part| match dialect.receive.read(part.bytes) {
        Said::Message(message) => text(&message),
        Said::Answer(answer) => format!("={}", text(answer)),
        Said::Nothing => "-".to_owned(),
    });
    said.collect()
}

#[test]
fn every_named_dialect_is_a_file() {
    assert!(NAMES.iter().all(|name| *name == PLAIN || text_of(name).is_some()));
    for (name, text) in FILES {
        let dialect = dialect(name);
        assert!(dialect.path.is_some(), "{name}");
        assert!(text_of(name).is_none_or(|built_in| built_in == text));
    }
}

#[test]
fn chat_is_joined_by_its_path_and_wraps_what_is_said() {
    let chat = dialect("chat");
    joins(&chat, &[], &[]);
    assert!(!chat.names_room() && !chat.confirms());
    assert_eq!(published(&chat, "say \"hi\""), r#"{"type":"chat","content":"say \"hi\""}"#);
    let chat_message = r#"{"type":"chat","room":"r1","sender":"c-1","content":"say \"hi\"","timestamp":"2026-11-20T12:00:00Z","seq":"1.2"}"#;
    assert_eq!(says(&chat, chat_message), ["say \"hi\""]);
    assert_eq!(says(&chat, r#"{"type":"system","room":"r1","content":"c-2 joined"}"#), ["-"]);
}

#[test]
fn a_gorilla_hub_joins_messages_by_newlines() {
    let gorilla = dialect("gorilla");
    assert_eq!(says(&gorilla, "one\ntwo\nthree"), ["one", "two", "three"]);
    assert_eq!(says(&gorilla, "one"), ["one"]);
}

#[test]
fn centrifugo_connects_subscribes_and_answers_pings() {
    let centrifugo = dialect("centrifugo");
    let connected = r#"{"id":1,"connect":{"client":"6e1d","version":"6.2.4","ping":25,"pong":true}}"#;
    joins(
        &centrifugo,
        &[r#"{"id":1,"connect":{"name":"fanout"}}"#],
        &[
            (connected, &[r#"{"id":2,"subscribe":{"channel":"r\"1"}}"#]),
            ("{}\n{\"push\":{\"channel\":\"other\"}}", &["{}"]),
            (r#"{"id":2,"subscribe":{}}"#, &[]),
        ],
    );
    assert_eq!(
        fails(&centrifugo, &[connected, r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#]),
        "join step subscribe: refused by the server"
    );
    assert!(centrifugo.names_room() && centrifugo.confirms());
    assert_eq!(published(&centrifugo, "a\"b"), r#"{"id":3,"publish":{"channel":"r\"1","data":"a\"b"}}"#);
    let push = r#"{"push":{"channel":"r1","pub":{"data":"a\"b","offset":4}}}"#;
    let joined = "{\"push\":{\"channel\":\"r1\",\"join\":{\"info\":{\"client\":\"6e1e\"}}}}";
    assert_eq!(
        says(&centrifugo, &format!("{{\"id\":3,\"publish\":{{}}}}\n{push}\n{joined}\n{{}}\n{push}\n")),
        ["-", "a\"b", "-", "={}", "a\"b"]
    );
}

#[test]
fn what_follows_the_last_reply_in_its_frame_comes_after_the_join() {
    let centrifugo = dialect("centrifugo");
    let words = Words::of("r1", 0);
    let (mut join, _) = Join::begin(&centrifugo, &words, 0, &mut Vec::new());
    let (reply, push) = (r#"{"id":2,"subscribe":{}}"#, r#"{"push":{"channel":"r1","pub":{"data":"x"}}}"#);
    let frame = format!("{{\"id\":1,\"connect\":{{}}}}\n{reply}\n{push}");
    let Progress::Joined(at) = join.hear(&centrifugo, &words, frame.as_bytes(), 1, &mut Vec::new()) else { panic!() };
    assert_eq!(&frame[at..], push);
}

#[test]
fn socket_io_opens_connects_joins_and_answers_pings() {
    let socketio = dialect("socketio");
    joins(
        &socketio,
        &[],
        &[
            (r#"0{"sid":"lv_","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#, &["40"]),
            (r#"40{"sid":"wZX"}"#, &[r#"420["join","r\"1"]"#]),
            ("2", &["3"]),
            ("430[]", &[]),
        ],
    );
    assert_eq!(
        fails(&socketio, &["0{}", r#"44{"message":"Not authorized"}"#]),
        "join step connect: refused by the server"
    );
    assert_eq!(published(&socketio, "a\"b"), r#"42["message","a\"b"]"#);
    assert_eq!(says(&socketio, r#"42["message","a\"b"]"#), ["a\"b"]);
    assert_eq!(says(&socketio, "2"), ["=3"]);
    for other in [r#"42["users",3]"#, "43[1]", "40", "6", "42"] {
        assert_eq!(says(&socketio, other), ["-"], "{other}");
    }
}

#[test]
fn phoenix_joins_its_topic_and_beats() {
    let phoenix = dialect("phoenix");
    joins(
        &phoenix,
        &[r#"["1","1","room:r\"1","phx_join",{}]"#],
        &[(r#"["1","1","room:r\"1","phx_reply",{"status":"ok","response":{}}]"#, &[])],
    );
    assert_eq!(
        fails(
            &phoenix,
            &[r#"["1","1","room:r1","phx_reply",{"status":"error","response":{"reason":"unauthorized"}}]"#]
        ),
        "join step join: refused by the server"
    );
    assert_eq!(published(&phoenix, "hi"), r#"["1",null,"room:r\"1","new_msg",{"body":"hi"}]"#);
    assert_eq!(says(&phoenix, r#"[null,null,"room:r1","new_msg",{"body":"hi"}]"#), ["hi"]);
    assert_eq!(says(&phoenix, r#"[null,null,"room:r1","presence_diff",{"joins":{},"leaves":{}}]"#), ["-"]);
    assert_eq!(says(&phoenix, r#"[null,"0","phoenix","phx_reply",{"status":"ok","response":{}}]"#), ["-"]);
    let beat = phoenix.beat.unwrap();
    assert_eq!(beat.every, Duration::from_secs(30));
    assert_eq!(beat.send.filled(&Words::of("r1", 0)), br#"[null,"0","phoenix","heartbeat",{}]"#);
}

#[test]
fn graphql_ws_initialises_subscribes_and_answers_pings() {
    let graphql = dialect("graphql-ws");
    assert_eq!(graphql.subprotocol.as_deref(), Some("graphql-transport-ws"));
    let subscribe = r#"{"id":"s","type":"subscribe","payload":{"query":"subscription($room:String!){messageAdded(room:$room){ text }}","variables":{"room":"r\"1"}}}"#;
    joins(&graphql, &[r#"{"type":"connection_init"}"#], &[(r#"{"type":"connection_ack"}"#, &[subscribe])]);
    assert!(published(&graphql, "a\"b").ends_with(r#""variables":{"room":"r\"1","text":"a\"b"}}}"#));
    assert!(published(&graphql, "").starts_with(r#"{"id":"p5","#));
    assert_eq!(says(&graphql, r#"{"id":"s","type":"next","payload":{"data":{"messageAdded":{"text":"a"}}}}"#), ["a"]);
    assert_eq!(says(&graphql, r#"{"id":"p5","type":"next","payload":{"data":{"addMessage":{"text":"a"}}}}"#), ["-"]);
    assert_eq!(says(&graphql, r#"{"id":"p5","type":"complete"}"#), ["-"]);
    assert_eq!(says(&graphql, r#"{"type":"ping"}"#), [r#"={"type":"pong"}"#]);
}

#[test]
fn action_cable_is_welcomed_and_subscribes() {
    let cable = dialect("actioncable");
    assert_eq!(cable.subprotocol.as_deref(), Some("actioncable-v1-json"));
    let identifier = r#"{\"channel\":\"ChatChannel\",\"room\":\"r\\\"1\"}"#;
    let subscribe = format!(r#"{{"command":"subscribe","identifier":"{identifier}"}}"#);
    let confirmed = format!(r#"{{"identifier":"{identifier}","type":"confirm_subscription"}}"#);
    joins(
        &cable,
        &[],
        &[
            (r#"{"type":"welcome"}"#, &[&subscribe]),
            (r#"{"type":"ping","message":1732190000}"#, &[]),
            (&confirmed, &[]),
        ],
    );
    let said: serde_json::Value = serde_json::from_str(&published(&cable, "a\"b")).unwrap();
    let data: serde_json::Value = serde_json::from_str(said["data"].as_str().unwrap()).unwrap();
    assert_eq!((data["action"].as_str(), data["text"].as_str()), (Some("speak"), Some("a\"b")));
    assert_eq!(says(&cable, &format!(r#"{{"identifier":"{identifier}","message":{{"text":"a\"b"}}}}"#)), ["a\"b"]);
    assert_eq!(says(&cable, r#"{"type":"ping","message":1732190000}"#), ["-"]);
    assert_eq!(
        fails(&cable, &[r#"{"type":"disconnect","reason":"unauthorized","reconnect":false}"#]),
        "join step welcome: refused by the server"
    );
}

#[test]
fn a_step_that_takes_too_long_says_which() {
    let slow = read("[[join]]\nname = \"hello\"\nexpect = { text = \"hi\" }\ntimeout = \"250ms\"").unwrap();
    let (join, progress) = Join::begin(&slow, &Words::of("r", 0), 1_000, &mut Vec::new());
    assert_eq!((progress, join.until()), (Progress::Waiting, 250_001_000));
    assert_eq!(join.late(&slow, 250_000_999), None);
    assert_eq!(join.late(&slow, 250_001_000).unwrap(), "join step hello: no answer within 250ms");
    assert_eq!(join.broken(&slow, "server eof"), "join step hello: server eof");
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    for (text, line, column, said) in [
        ("[[join]]\nname = \"x\"\n", 1, 1, "the step `x` neither sends nor expects anything"),
        (
            "[[join]]\nname = \"x\"\nsend = \"a\"\ntimeout = \"1s\"",
            1,
            1,
            "the step `x` waits for no answer: give `expect`, or remove `refuse` and `timeout`",
        ),
        (
            "[[join]]\nname = \"x\"\nsend = \"{user}\"",
            3,
            8,
            "unknown placeholder {user}: here there is {room}, {id}, each also with .json behind it, and {env.NAME}; write \\{ for a brace",
        ),
        (
            "[[join]]\nname = \"x\"\nexpect = { at = \"id\", is = 1 }",
            3,
            17,
            "`id` is not a JSON pointer: it begins with /, such as \"/push/pub/data\"",
        ),
        (
            "[[join]]\nname = \"x\"\nexpect = { at = \"/id\" }",
            3,
            17,
            "`at` needs `is`; to ask only whether something is there, use `has`",
        ),
        ("[[join]]\nname = \"x\"\nexpect = { is = 1 }", 3, 17, "`is` needs `at`, the JSON pointer to the value"),
        (
            "[[join]]\nname = \"x\"\nexpect = { at = \"/a\", is = [1] }",
            3,
            28,
            "`is` must be a text, a number, true or false",
        ),
        ("[[join]]\nname = \"x\"\nexpect = {}\ntimeout = \"0s\"", 4, 11, "`0s` is no time at all"),
        ("[publish]\nsend = \"hello\"", 2, 8, "a publish must hold {message}, or {message.json} inside a JSON string"),
        ("[publish]\nsend = \"{message} {env.TOKEN}\"", 2, 8, "TOKEN is not set"),
        ("[receive]\nlist = \"/a\"", 2, 8, "`list` is for split = \"array\""),
        ("[[heartbeat]]\nevery = \"1s\"", 1, 1, "a heartbeat has either `on` and `answer`, or `every` and `send`"),
        ("[recieve]", 1, 2, "unknown field `recieve`"),
        ("[receive]\nsplit = \"tabs\"", 2, 9, "unknown variant `tabs`"),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
        assert!(error.message.starts_with(said), "{text}: {error}");
    }
}

#[test]
fn a_dialect_keeps_the_sentence_that_says_what_it_is() {
    assert_eq!(read("description = \"Our own hub.\"").unwrap().description, "Our own hub.");
    assert_eq!(read("").unwrap().description, "");
}
