//! `fanout record` and `fanout doctor`, as a user runs them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::command::server::{Server, free_address};
use crate::command::{Stage, adds_up, undisturbed};
use loadgen::trace::Trace;
use wire::frame::{Opcode, append_frame};
use wire::handshake::accept_key;

/// A feed of a test: one connection after the other, which gets what the test says.
struct Feed {
    url: String,
    say: Sender<Say>,
    /// What each connection asked for: the request, and then every byte it sent.
    asked: Receiver<String>,
    thread: JoinHandle<()>,
}

enum Say {
    Message(Opcode, Vec<u8>),
    /// The connection ends without a goodbye.
    Drop,
}

impl Feed {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        let ((say, said), (ask, asked)) = (channel(), channel());
        let thread = std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if !serve(stream, &said, &ask) {
                    return;
                }
            }
        });
        Feed { url, say, asked, thread }
    }

    fn text(&self, text: &str) {
        self.say.send(Say::Message(Opcode::Text, text.as_bytes().to_vec())).unwrap();
    }
}

/// Whether the test has more to say.
fn serve(mut stream: TcpStream, said: &Receiver<Say>, ask: &Sender<String>) -> bool {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap().to_owned();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        accept_key(key.trim())
    );
    stream.write_all(answer.as_bytes()).unwrap();
    let _ = ask.send(request);
    loop {
        match said.recv() {
            Ok(Say::Message(opcode, payload)) => {
                let mut frame = Vec::new();
                append_frame(&mut frame, opcode, &payload);
                if stream.write_all(&frame).is_err() {
                    return true;
                }
            }
            Ok(Say::Drop) => return true,
            Err(_) => return false,
        }
    }
}

#[test]
fn a_recording_has_every_message_survives_a_lost_connection_and_is_gone_on_with() {
    let stage = Stage::new("");
    let feed = Feed::start();
    let file = stage.directory.path().join("feed.jsonl.gz");
    let url = feed.url.clone();
    let arguments = |most: &'static str| {
        let mut arguments = vec!["record", "URL", "-o", "feed.jsonl.gz", "--room-at", "/product", "--max-bytes", most];
        arguments[1] = Box::leak(url.clone().into_boxed_str());
        arguments
    };
    // Four of these lines have about 250 bytes, five more than 300.
    let going = stage.go(&arguments("280"));
    feed.asked.recv().unwrap();
    feed.text(r#"{"product":"BTC","n":1}"#);
    feed.text(r#"{"product":"ETH","n":2}"#);
    feed.say.send(Say::Drop).unwrap();
    feed.asked.recv().unwrap();
    feed.text(r#"{"product":"BTC","n":3}"#);
    feed.say.send(Say::Message(Opcode::Binary, vec![0, 1, 255])).unwrap();
    feed.text(r#"{"product":"BTC","n":5}"#);
    let done = going.wait();
    done.exits(0).says("was lost").says("is back after");
    assert!(done.stdout.starts_with("5 messages of 3 rooms"), "{}", done.stdout);
    assert!(done.stdout.contains("; 1 gap, "), "{}", done.stdout);
    let first = Trace::parse(&std::fs::read(&file).unwrap()).unwrap();
    let said: Vec<&[u8]> = first.messages.iter().map(|message| first.payload(message)).collect();
    assert_eq!(said[0], br#"{"product":"BTC","n":1}"#);
    assert_eq!((said[3], first.messages[3].binary), (&[0, 1, 255][..], true));
    assert_eq!(first.rooms, ["BTC", "ETH", "feed"]);

    // The process before has gone: its connection ends with the first thing that is said to it.
    feed.say.send(Say::Drop).unwrap();
    let going = stage.go(&arguments("1"));
    feed.asked.recv().unwrap();
    feed.text(r#"{"product":"BTC","n":6}"#);
    let done = going.wait();
    done.exits(0).says("going on from there");
    let both = Trace::parse(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(both.messages.len(), 6);
    assert!(both.messages[5].at_us > first.messages[4].at_us);
    drop(feed.say);
    let _ = TcpStream::connect(feed.url.trim_start_matches("ws://"));
    drop(feed.thread);
}

#[test]
fn ctrl_c_ends_a_recording_with_its_file_whole() {
    let stage = Stage::new("");
    let feed = Feed::start();
    let mut going = stage.go(&["record", &feed.url, "-o", "feed.jsonl", "--send", "subscribe", "--header", "X-Key: 7"]);
    let request = feed.asked.recv().unwrap();
    assert!(request.contains("X-Key: 7\r\n"), "{request}");
    feed.text("one");
    // Nothing more comes, which is said; so the first message has been taken in by then.
    going.until_said("nothing was received for 5 s");
    going.signal("INT");
    let done = going.wait();
    done.exits(0);
    assert!(done.stdout.starts_with("1 message of 1 room"), "{}", done.stdout);
    let trace = Trace::parse(&std::fs::read(stage.directory.path().join("feed.jsonl")).unwrap()).unwrap();
    assert_eq!(trace.payload(&trace.messages[0]), b"one");
}

#[test]
fn what_cannot_be_recorded_is_said() {
    let stage = Stage::new("");
    let free = free_address();
    let url = format!("ws://{free}/feed");
    stage.go(&["record", &url, "-o", "a.jsonl"]).wait().exits(1).says("refused the connection");
    assert!(!stage.directory.path().join("a.jsonl").exists(), "nothing came");
    stage.go(&["record", &url, "-o", "no/such/a.jsonl"]).wait().exits(1).says("make its directory first");
    stage
        .go(&["record", &format!("{url}/{{room}}"), "-o", "a.jsonl"])
        .wait()
        .exits(2)
        .says("name the rooms with --room");
    stage.go(&["record", &url, "-o", "a.jsonl", "--rotate", "often"]).wait().exits(2).says("neither a size nor a time");
    stage.go(&["record", "http://127.0.0.1:1/", "-o", "a.jsonl"]).wait().exits(2).says("begins with ws://");
}

#[test]
fn what_was_recorded_of_one_run_can_be_replayed_in_another() {
    let server = Server::start(&[]);
    let stage = Stage::new(
        "name = \"again\"\nsettle = \"200ms\"\nmax_schedule_lag = \"10s\"\n[[connections]]\nname = \"all\"\ncount = 6\nrooms = \"replay\"\n\
         [[publishers]]\nname = \"feed\"\nreplay = \"feed.jsonl\"\n[[phases]]\nname = \"session\"\nfor = \"replay\"\n",
    );
    let url = server.url("/broadcast/{room}");
    let going = stage.go(&["record", &url, "--room", "r0", "--room", "r1", "-o", "feed.jsonl", "--max-bytes", "3000"]);
    let live = Stage::new(&format!(
        "name = \"live\"\nmax_schedule_lag = \"10s\"\n[target]\nurl = \"{url}\"\n[[connections]]\nname = \"all\"\ncount = 2\nrooms = 2\n\
         [[publishers]]\nname = \"feed\"\ncount = 2\nrate = 20\n[[phases]]\nname = \"steady\"\nfor = \"2s\"\n"
    ));
    let original = live.run_json(&[]);
    assert_eq!(original.run().publishes.sent, 40);
    let recorded = going.wait();
    recorded.exits(0);
    let trace = Trace::parse(&std::fs::read(stage.directory.path().join("feed.jsonl")).unwrap()).unwrap();
    assert_eq!(
        {
            let mut rooms = trace.rooms.clone();
            rooms.sort();
            rooms
        },
        ["r0", "r1"]
    );
    let (done, ()) = undisturbed(|| (stage.run_json(&[]), ()));
    done.exits(0);
    let run = done.run();
    adds_up(run);
    assert_eq!(run.publishes.sent, trace.messages.len() as u64);
    assert_eq!((run.deliveries.delivered, run.deliveries.lost), (trace.messages.len() as u64 * 3, 0));
}

#[test]
fn the_doctor_looks_measures_and_ends_by_itself() {
    let stage = Stage::new("");
    let done = stage.go(&["doctor", "--format", "json", "--connections", "1000000000000"]).wait();
    done.exits(0);
    let report: serde_json::Value = serde_json::from_str(&done.stdout).unwrap();
    let limits = report["limits"].as_array().unwrap();
    let descriptors = limits.iter().find(|finding| finding["name"] == "descriptors").unwrap();
    assert_eq!(descriptors["verdict"], "low", "{descriptors}");
    assert!(descriptors["lift"].as_str().unwrap().contains("ulimit -Hn"));
    assert!(report["clock"]["timers"].as_u64().unwrap() > 0);
    assert_eq!(report["calibration_error"], serde_json::Value::Null);
    for side in ["publish", "receive"] {
        assert!(report["calibration"][side]["messages"].as_u64().unwrap() > 0, "{report}");
    }
}

#[test]
fn the_doctor_s_page_says_what_one_can_count_on() {
    let stage = Stage::new("");
    let done = stage.go(&["doctor", "--no-calibration"]).wait();
    done.exits(0);
    let headings: Vec<&str> =
        done.stdout.lines().filter(|l| !l.starts_with([' ', '!', '?']) && !l.is_empty()).collect();
    assert!(headings[0].contains("connections: "), "{}", done.stdout);
    for title in ["limits", "processor", "clock and scheduler"] {
        assert!(headings.contains(&title), "{}", done.stdout);
    }
    assert!(done.stdout.contains("more: "), "{}", done.stdout);
}
