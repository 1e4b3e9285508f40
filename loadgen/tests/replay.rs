//! A recorded feed arrives byte for byte, whatever is in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::command::{Done, Stage, adds_up, counts, undisturbed};
use crate::double::{Double, Fault};
use base64::Engine as _;
use loadgen::pacer::Pacer;
use loadgen::plan::{Arrival, Phase};
use loadgen::trace::Trace;

fn scenario(trace: &str, subscribers: u32, speed: u32) -> String {
    format!(
        r#"
name = "replayed"
settle = "200ms"
max_schedule_lag = "10s"
[[connections]]
name = "traders"
count = {subscribers}
rooms = "replay"
[[publishers]]
name = "feed"
replay = "{trace}"
speed = {speed}
[[phases]]
name = "session"
for = "replay"
"#
    )
}

/// Two rooms: messages equal to their neighbours, empty ones, binary ones, and one of 700 KB.
fn awkward_trace() -> (String, u64) {
    let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let big: String = (0..70_000).map(|i| format!("{i:010}")).collect();
    let every_byte: Vec<u8> = (0..=255).collect();
    let mut lines = Vec::new();
    for i in 0..60u32 {
        let at = i * 10_000;
        let mut line = |room: &str, field: &str, value: &str| {
            lines.push(serde_json::json!({ "at_us": at, "room": room, field: value }).to_string());
        };
        // Equal to the one before, and to the one before that.
        line(
            "ADA/XBT",
            "text",
            if i % 10 < 8 { "{\"event\":\"heartbeat\"}" } else { "{\"event\":\"trade\",\"é\":\"~\"}" },
        );
        match i % 20 {
            3 => line("ADA/XBT", "text", &big),
            7 => line("ADA/XBT", "base64", &encode(&every_byte)),
            9 => line("ADA/XBT", "text", ""),
            11 => line("köln 100 %", "base64", &encode(&every_byte.repeat(200))),
            13 => line("ADA/XBT", "base64", &encode(b"{\"event\":\"heartbeat\"}")),
            _ => line("köln 100 %", "text", &format!("tick {i}")),
        }
    }
    let count = lines.len() as u64;
    (lines.join("\n"), count)
}

/// The recording that lies beside the repository where it is developed.
fn recording() -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/traces/coinbase-2021-04-17.jsonl"));
    let found = path.canonicalize().ok();
    if found.is_none() {
        println!("skipped: the recording is not beside this repository");
    }
    found
}

fn all_arrived(done: &Done) {
    done.exits(0);
    let run = done.run();
    adds_up(run);
    let d = &run.deliveries;
    assert_eq!((d.lost, d.corrupted, d.duplicated, d.reordered, d.foreign), (0, 0, 0, 0, 0), "{d:?}");
    assert_eq!(d.delivered, d.expected);
    assert!(run.latency.due.as_ref().unwrap().p99.is_some());
}

#[test]
fn every_byte_of_an_awkward_feed_arrives_at_both_clients() {
    let (trace, messages) = awkward_trace();
    let seen = ["native", "tungstenite"].map(|client| {
        let (done, ()) = undisturbed(|| {
            (Stage::new(&scenario("feed.jsonl", 12, 1)).with("feed.jsonl", &trace).run_json(&["--client", client]), ())
        });
        all_arrived(&done);
        let run = done.run();
        assert_eq!(run.publishes.sent, messages);
        assert_eq!(run.rooms, 2);
        assert_eq!(run.deliveries.delivered, messages * 6, "6 subscribers in each room");
        assert!(run.rates.payload_bytes_per_s > 6.0 * 3.0 * 700_000.0 * 0.5, "{:?}", run.rates);
        counts(run)
    });
    assert_eq!(seen[0], seen[1]);
}

/// A feed of three messages to one room of a server that has this fault.
fn feed_of_three(fault: Fault) -> Done {
    let line = |n: u32| format!("{{\"at_us\":{},\"room\":\"a\",\"text\":\"{{\\\"n\\\":{n}}}\"}}\n", n * 100_000);
    let trace: String = (0..3).map(line).collect();
    let (done, ()) = undisturbed(|| {
        let double = Double::start(fault);
        let target = format!("[target]\nurl = \"{}\"\n[[connections]]", double.url());
        let scenario = scenario("feed.jsonl", 2, 1).replace("[[connections]]", &target);
        (Stage::new(&scenario).with("feed.jsonl", &trace).run_json(&[]), ())
    });
    done
}

#[test]
fn a_feed_can_be_replayed_to_a_server_that_takes_only_its_format() {
    let done = feed_of_three(Fault::JsonOnly);
    all_arrived(&done);
    assert_eq!(done.run().deliveries.delivered, 6);
}

#[test]
fn a_server_that_wraps_a_feed_is_refused_because_nothing_tells_its_messages_apart() {
    let done = feed_of_three(Fault::Wrap);
    done.exits(1).says("wraps messages in something of its own");
}

#[test]
fn half_a_minute_of_an_exchange_at_twenty_times_its_speed_arrives_whole() {
    let Some(trace) = recording() else { return };
    let (done, ()) = undisturbed(|| (Stage::new(&scenario(trace.to_str().unwrap(), 50, 20)).run_json(&[]), ()));
    all_arrived(&done);
    assert_eq!(done.run().publishes.sent, 9_946);
    assert_eq!(done.run().rooms, 11);
}

#[test]
fn every_message_of_an_exchange_is_due_when_it_was_recorded() {
    let Some(file) = recording() else { return };
    let trace = Arc::new(Trace::parse(&std::fs::read(file).unwrap()).unwrap());
    let rooms = trace.rooms.len() as u32;
    let phase = Phase {
        name: "session".into(),
        length: Duration::from_micros(trace.length_us()),
        measure: true,
        load: (1.0, 1.0),
        at_start: None,
        connections: None,
    };
    let arrival = Arrival::Replay { trace: Arc::clone(&trace), speed: 1.0, repeat: false };
    let pacer = Pacer::new(&arrival, rooms, &[phase], 1);
    for room in 0..rooms {
        let mut schedule = pacer.schedule(room).unwrap();
        for &message in trace.room_messages(room) {
            assert_eq!(schedule.peek(), Some(trace.messages[message as usize].at_us * 1000));
            schedule.advance();
        }
        assert_eq!(schedule.peek(), None);
    }
}

#[test]
fn a_compressed_feed_begun_later_and_played_in_a_loop_arrives_whole() {
    let line = |n: u64| format!("{{\"at_us\":{},\"room\":\"r{}\",\"text\":\"tick {n}\"}}\n", n * 20_000, n / 10 % 2);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all((0..30).map(line).collect::<String>().as_bytes()).unwrap();
    let file = gzip.finish().unwrap();
    // The last 10 messages, 198 ms with the gap behind them: twice, and the six of a third time that fall before the end.
    let scenario = scenario("feed.jsonl.gz", 4, 1)
        .replace("speed = 1", "start = \"400ms\"\nloop = true")
        .replace("for = \"replay\"", "for = \"500ms\"");
    let (done, ()) = undisturbed(|| (Stage::new(&scenario).with("feed.jsonl.gz", &file).run_json(&[]), ()));
    all_arrived(&done);
    let run = done.run();
    assert_eq!(run.rooms, 1, "the other room is silent from there on");
    assert_eq!(run.publishes.sent, 26);
    assert_eq!(run.deliveries.delivered, 26 * 4);
    assert_eq!(run.scenario["publishers"][0]["start_us"], 400_000);
}
