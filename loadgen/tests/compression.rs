//! What fanout says of a server that compresses is what the server did: held against one that errs on purpose and counts its bytes.

use crate::command::{Done, Stage, adds_up, undisturbed};
use crate::deflating::{Act, Deflating, Insert, Tally};
use loadgen::result::Run;

const SUBSCRIBERS: u64 = 20;
const MESSAGES: u64 = 200;

/// 20 subscribers of one room, 200 chat lines within half a second.
fn scenario(url: &str, compression: &str) -> String {
    format!(
        r#"
name = "compression"
settle = "100ms"
drain = "3s"
max_schedule_lag = "1s"
[target]
url = "{url}"
[[connections]]
name = "subscribers"
count = {SUBSCRIBERS}
{compression}
[[publishers]]
name = "speaker"
rate = 400
payload = {{ template = '{{"id":"{{stamp}}","text":"{{text}}"}}', size = 160, corpus = "chat" }}
[[phases]]
name = "steady"
for = "500ms"
"#
    )
}

fn measure(act: Act, compression: &str) -> (Done, Tally) {
    let (done, tally) = undisturbed(|| {
        let server = Deflating::start(act);
        let done = Stage::new(&scenario(&server.url(), compression)).run_json(&["--workers", "1"]);
        (done, server.tally())
    });
    adds_up(done.run());
    (done, tally)
}

fn all_arrived(run: &Run) {
    let d = &run.deliveries;
    assert_eq!((run.publishes.sent, d.expected), (MESSAGES, MESSAGES * SUBSCRIBERS));
    assert_eq!(
        (d.delivered, d.lost, d.duplicated, d.reordered, d.corrupted, d.foreign),
        (d.expected, 0, 0, 0, 0, 0),
        "{d:?}"
    );
}

#[test]
fn every_byte_that_a_server_compresses_is_accounted_for() {
    for (act, compression, agreed) in [
        (Act::Alike, "compression = { offer = \"context\" }", "context/15"),
        (Act::Alike, "compression = { offer = \"no_context\" }", "standalone/15"),
        (Act::Alike, "compression = { offer = \"context\", window_bits = 12, require = true }", "context/12"),
        (Act::EachItsOwn, "compression = { offer = \"context\" }", "context/15"),
        (Act::EachItsOwn, "compression = { offer = \"no_context\" }", "standalone/15"),
    ] {
        let (done, tally) = measure(act, compression);
        done.exits(0);
        let run = done.run();
        all_arrived(run);
        let c = &run.compression;
        println!("{act:?} {compression}: {c:?}, {} inflated", run.loadgen.inflated);
        assert_eq!(c.negotiated, [(agreed.to_owned(), SUBSCRIBERS)].into());
        assert_eq!(run.groups["subscribers"].compression, *c);
        assert_eq!(c.wire_bytes, tally.wire_bytes);
        assert_eq!(c.payload_bytes, MESSAGES * SUBSCRIBERS * 160);
        // Four bytes of header for 160 of payload.
        assert_eq!(c.plain_bytes, MESSAGES * SUBSCRIBERS * 164);
        assert_eq!(c.ratio, Some(c.plain_bytes as f64 / c.wire_bytes as f64));
        let wire_per_s = c.wire_bytes as f64 / run.phases["steady"].length_s;
        assert!((run.rates.wire_bytes_per_s / wire_per_s - 1.0).abs() < 0.01, "{:?}", run.rates);
        match act {
            Act::Alike => assert_eq!(run.loadgen.inflated, MESSAGES, "once for all"),
            _ => assert!(run.loadgen.inflated > MESSAGES, "the bytes differ from one to the other"),
        }
        assert!(run.loadgen.inflate_cpu_s > 0.0);
    }
}

#[test]
fn a_server_that_declines_is_counted_or_failed_as_the_scenario_says() {
    let (done, _) = measure(Act::Decline, "compression = { offer = \"context\" }");
    done.exits(0);
    all_arrived(done.run());
    assert_eq!(done.run().compression.negotiated, [("off".to_owned(), SUBSCRIBERS)].into());
    assert_eq!(done.run().compression.ratio, Some(1.0));

    let (done, _) = measure(Act::Decline, "compression = { offer = \"context\", require = true }");
    done.exits(3);
    let cause = "the server did not agree to permessage-deflate, which the scenario requires";
    assert_eq!(done.run().connections.failed_by_cause, [(cause.to_owned(), SUBSCRIBERS)].into());
}

#[test]
fn an_answer_that_was_not_offered_fails_the_connection_and_not_the_run() {
    let terms = "the server agreed to permessage-deflate on terms that were not offered";
    for (value, cause) in [
        ("permessage-deflate; x=1", terms),
        ("permessage-deflate; server_max_window_bits=15", terms),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", terms),
        ("x-webkit-deflate-frame", "the server chose an extension that was not offered"),
        ("permessage-deflate;;", "the answer's Sec-WebSocket-Extensions is not a list of extensions"),
    ] {
        let (done, _) =
            measure(Act::Answer { every: 4, value }, "compression = { offer = \"context\", window_bits = 12 }");
        done.exits(3);
        let run = done.run();
        assert_eq!(run.connections.failed_by_cause, [(cause.to_owned(), 5)].into(), "{value}");
        assert_eq!(run.compression.negotiated, [("context/12".to_owned(), 15)].into());
        assert_eq!((run.deliveries.expected, run.deliveries.delivered), (15 * MESSAGES, 15 * MESSAGES));
    }
}

#[test]
fn what_does_not_belong_into_a_stream_ends_one_connection_by_its_name() {
    let context = "compression = { offer = \"context\" }";
    let no_context = "compression = { offer = \"no_context\" }";
    for (what, compression, cause) in [
        (Insert::Garbage, context, "server protocol error: a compressed message does not decompress"),
        (Insert::Garbage, no_context, "server protocol error: a compressed message does not decompress"),
        (Insert::Bomb, context, "server protocol error: a message is too big"),
        (Insert::CompressedPing, context, "server protocol error: RSV1 on a control frame or a continuation"),
    ] {
        let (done, _) = measure(Act::Insert { at: 31, what }, compression);
        done.exits(3);
        let run = done.run();
        assert_eq!(run.connections.closed_by, [(cause.to_owned(), 1)].into(), "{what:?}");
        let d = &run.deliveries;
        assert_eq!((d.expected, d.lost, d.corrupted), (MESSAGES * SUBSCRIBERS, MESSAGES - 30, 0), "{what:?}");
        assert!(run.loadgen.rss_peak_bytes < 400 << 20, "{} bytes", run.loadgen.rss_peak_bytes);
    }
}

#[test]
fn a_frame_marked_as_compressed_where_nothing_was_agreed_on_ends_its_connection() {
    let (done, _) = measure(Act::Unagreed { at: 31 }, "compression = { offer = \"context\" }");
    done.exits(3);
    let cause = "server protocol error: reserved bits without an extension that was agreed on";
    assert_eq!(done.run().connections.closed_by, [(cause.to_owned(), 1)].into());
    assert_eq!(done.run().deliveries.lost, MESSAGES - 30);
}

#[test]
fn what_was_altered_before_it_was_compressed_is_corrupted_at_its_subscriber_alone() {
    for compression in ["compression = { offer = \"context\" }", "compression = { offer = \"no_context\" }"] {
        let (done, tally) = measure(Act::Alter { every: 11, byte: 100 }, compression);
        done.exits(0);
        let d = &done.run().deliveries;
        assert_eq!((d.expected, d.corrupted, d.lost), (MESSAGES * SUBSCRIBERS, tally.altered, 0), "{d:?}");
        assert_eq!(tally.altered, MESSAGES / 11);
    }
}

#[test]
fn of_connections_that_are_not_decompressed_the_frames_are_counted() {
    let (done, tally) = measure(Act::Alike, "compression = { offer = \"context\" }\ninflate = 0.1");
    done.exits(0);
    let run = done.run();
    all_arrived(run);
    let (c, d) = (&run.compression, &run.deliveries);
    // The share that comes nearest to a tenth evenly, of so few.
    let looked_at = 3;
    assert_eq!(d.counted, MESSAGES * (SUBSCRIBERS - looked_at));
    assert_eq!(c.payload_bytes, MESSAGES * looked_at * 160);
    assert_eq!(c.wire_bytes + c.counted_bytes, tally.wire_bytes);
    let due = run.latency.due.as_ref().unwrap();
    assert!(due.count == looked_at * MESSAGES && due.max.is_some(), "of those that were looked at: {due:?}");
}

#[test]
fn counted_frames_belong_to_the_phase_that_expected_them() {
    let phases = "[[phases]]\nname = \"warm-up\"\nfor = \"250ms\"\nmeasure = false\n[[phases]]\nname = \"steady\"\nfor = \"250ms\"\n";
    let (done, ()) = undisturbed(|| {
        let server = Deflating::start(Act::Alike);
        let scenario = scenario(&server.url(), "compression = { offer = \"no_context\" }\ninflate = 0.1");
        let one = "[[phases]]\nname = \"steady\"\nfor = \"500ms\"\n";
        assert!(scenario.contains(one));
        (Stage::new(&scenario.replace(one, phases)).run_json(&["--workers", "1"]), ())
    });
    done.exits(0);
    for name in ["warm-up", "steady"] {
        let d = &done.run().phases[name].figures.deliveries;
        let expected = MESSAGES / 2 * SUBSCRIBERS;
        assert_eq!((d.expected, d.delivered, d.lost, d.duplicated), (expected, expected, 0, 0), "{name}: {d:?}");
        assert_eq!(d.counted, MESSAGES / 2 * (SUBSCRIBERS - 3), "{name}");
    }
}

#[test]
fn the_second_client_says_that_it_cannot() {
    let stage = Stage::new(&scenario("ws://127.0.0.1:9/{room}", "compression = { offer = \"context\" }"));
    let done = stage.run(&["--client", "tungstenite"]);
    done.exits(2).says("the tungstenite client cannot speak permessage-deflate");
}
