//! The same load in every dialect, each against a real server that speaks it.

use loadgen::result::Run;

use super::command::{Stage, adds_up, counts, undisturbed};
use super::peers::{Peer, ready};

/// Members of three rooms who say five things a second each, some of them at once.
fn scenario(target: &str) -> String {
    format!(
        r#"
name = "any-server"
settle = "200ms"
drain = "2s"
max_schedule_lag = "1s"
[target]
{target}
[[connections]]
name = "members"
count = 60
rooms = 3
[[publishers]]
name = "members"
from = "members"
rate = 300
arrival = "poisson"
payload = {{ template = "{{text}} {{stamp}}", size = "20-400" }}
[[phases]]
name = "steady"
for = "1s"
"#
    )
}

/// Runs it, and asserts that every member received everything that was said in its room, as it was said.
fn everything_arrives(target: &str, flags: &[&str]) -> Run {
    let stage = Stage::new(&scenario(target));
    let (done, ()) = undisturbed(|| (stage.run_json(flags), ()));
    done.exits(0);
    let run = done.run();
    adds_up(run);
    let d = &run.deliveries;
    assert!(run.publishes.sent > 200, "{:?}", run.publishes);
    assert_eq!(d.expected, run.publishes.sent * 20, "20 members in each room");
    assert_eq!((d.delivered, d.lost, d.duplicated, d.reordered, d.corrupted), (d.expected, 0, 0, 0, 0), "{d:?}");
    // The content was compared as it was published, so nothing says that the server wraps it.
    assert!(!run.notes.iter().any(|note| note.contains("wraps messages")), "{:?}", run.notes);
    run.clone()
}

/// A counter of the server's own.
fn theirs(run: &Run, name: &str) -> u64 {
    run.server.as_ref().and_then(|server| server.stats.as_ref()).and_then(|stats| stats[name].as_u64()).unwrap()
}

/// What the probe adds: one message, in a room of two.
const PROBED: (u64, u64) = (1, 2);

fn counts_agree(run: &Run) {
    assert_eq!(theirs(run, "received"), run.publishes.sent + PROBED.0);
    assert_eq!(theirs(run, "delivered"), run.deliveries.delivered + PROBED.1);
}

#[test]
fn our_own_chat_rooms_are_spoken_to_and_nothing_of_the_server_s_own_is_taken_for_a_message() {
    let native = everything_arrives("dialect = \"chat\"", &[]);
    let tungstenite = everything_arrives("dialect = \"chat\"", &["--client", "tungstenite"]);
    assert_eq!(counts(&native), counts(&tungstenite));
    assert_eq!(native.connect_join.count, 0);
}

#[test]
fn a_gorilla_hub_s_joined_messages_are_told_apart_and_counted_as_it_counts_them() {
    let target = match ready(Peer::Gorilla) {
        Ok(spawn) => format!("{spawn}\npath = \"/ws/{{room}}\"\ndialect = \"gorilla\""),
        Err(why) => return println!("skipped: {why}"),
    };
    let native = everything_arrives(&target, &[]);
    counts_agree(&native);
    assert!(theirs(&native, "frames") < theirs(&native, "delivered"), "some frames hold several messages");
    let tungstenite = everything_arrives(&target, &["--client", "tungstenite"]);
    counts_agree(&tungstenite);
    assert_eq!(counts(&native), counts(&tungstenite));
}

#[test]
fn node_s_ws_needs_no_dialect() {
    let target = match ready(Peer::NodeWs) {
        Ok(spawn) => format!("{spawn}\npath = \"/ws/{{room}}\""),
        Err(why) => return println!("skipped: {why}"),
    };
    counts_agree(&everything_arrives(&target, &[]));
}

#[test]
fn socket_io_lets_every_connection_join_before_anything_is_expected() {
    let target = match ready(Peer::SocketIo) {
        Ok(spawn) => format!("{spawn}\ndialect = \"socketio\""),
        Err(why) => return println!("skipped: {why}"),
    };
    let native = everything_arrives(&target, &[]);
    counts_agree(&native);
    assert_eq!(native.connect_join.count, 60);
    let tungstenite = everything_arrives(&target, &["--client", "tungstenite"]);
    assert_eq!(tungstenite.connect_join.count, 60);
    assert_eq!(counts(&native), counts(&tungstenite));
}

#[test]
fn centrifugo_lets_every_connection_subscribe_before_anything_is_expected() {
    let target = match ready(Peer::Centrifugo) {
        Ok(spawn) => format!("{spawn}\ndialect = \"centrifugo\""),
        Err(why) => return println!("skipped: {why}"),
    };
    let native = everything_arrives(&target, &[]);
    assert_eq!(native.connect_join.count, 60);
    let tungstenite = everything_arrives(&target, &["--client", "tungstenite"]);
    assert_eq!(counts(&native), counts(&tungstenite));
}

#[test]
fn a_join_that_the_server_does_not_answer_is_said_before_the_run() {
    let dialect =
        "[[join]]\nname = \"hello\"\nsend = \"hello\"\nexpect = { text = \"welcome\" }\ntimeout = \"200ms\"\n";
    let stage = Stage::new(&scenario("dialect = \"mute.toml\"")).with("mute.toml", dialect);
    let done = stage.run(&[]);
    done.exits(1);
    done.says("did not let the probe's connection join (join step hello: no answer within 200ms)");
}

#[test]
fn connections_that_cannot_join_have_failed_with_a_cause_that_names_the_step() {
    // Each hears itself alone, and only what the first says, in the probe as in the run, is the right answer.
    let dialect = "path = \"/echo\"\n[[join]]\nname = \"number\"\nsend = \"I am {id}\"\nexpect = { text = \"I am 0\" }\ntimeout = \"300ms\"\n";
    let text = scenario("dialect = \"picky.toml\"").replace("count = 60\nrooms = 3", "count = 5");
    let stage = Stage::new(&format!("mode = \"echo\"{text}")).with("picky.toml", dialect);
    for client in ["native", "tungstenite"] {
        let (done, ()) = undisturbed(|| (stage.run_json(&["--client", client]), ()));
        done.exits(3);
        let run = done.run();
        assert_eq!((run.connections.opened, run.connections.failed), (1, 4), "{client}");
        let cause = "join step number: no answer within 300ms";
        assert_eq!(run.connections.failed_by_cause, [(cause.to_owned(), 4)].into(), "{client}");
        let d = &run.deliveries;
        assert_eq!((d.expected, d.delivered, d.lost), (run.publishes.sent, run.publishes.sent, 0), "{client}: {d:?}");
    }
}
