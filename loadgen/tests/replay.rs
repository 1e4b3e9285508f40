//! A recorded feed arrives byte for byte, whatever is in it.

#![allow(clippy::unwrap_used, reason = "a test may stop where its own preparation fails")]

mod command;
mod double;

use std::path::Path;

use base64::Engine as _;
use command::{Done, Stage, adds_up, counts, undisturbed};
use double::{Double, Fault};

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
    let trace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/traces/coinbase-2021-04-17.jsonl"));
    if !trace.exists() {
        return println!("skipped: the recording is not beside this repository");
    }
    let trace = trace.canonicalize().unwrap();
    let (done, ()) = undisturbed(|| (Stage::new(&scenario(trace.to_str().unwrap(), 50, 20)).run_json(&[]), ()));
    all_arrived(&done);
    assert_eq!(done.run().publishes.sent, 9_946);
    assert_eq!(done.run().rooms, 11);
}
