//! A feed that we do not publish: what one subscriber missed and others had, gaps in its own numbers, and how old messages are.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::command::{Stage, adds_up, undisturbed};
use wire::frame::{Opcode, append_frame};
use wire::handshake::accept_key;

/// Between two messages of the feed.
const EVERY: Duration = Duration::from_millis(5);

/// A feed that sends `{"T":..,"seq":..}` to everybody, for as long as anybody listens: every 10th number is left out, and subscriber 1
/// misses every message that `missed` says.
fn feed(subscribers: usize, missed: fn(u64) -> bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        // The probe comes first, and goes again.
        let mut all: Vec<TcpStream> = Vec::new();
        drop(upgrade(&listener));
        while all.len() < subscribers {
            all.push(upgrade(&listener));
        }
        let mut seq = 0;
        loop {
            seq += 1;
            if seq % 10 == 0 {
                continue;
            }
            let ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
            let mut frame = Vec::new();
            append_frame(&mut frame, Opcode::Text, format!("{{\"T\":{ms},\"seq\":{seq}}}").as_bytes());
            for (subscriber, stream) in all.iter_mut().enumerate() {
                if (subscriber != 1 || !missed(seq)) && stream.write_all(&frame).is_err() {
                    return;
                }
            }
            std::thread::sleep(EVERY);
        }
    });
    url
}

fn upgrade(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap().trim();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        accept_key(key)
    );
    stream.write_all(answer.as_bytes()).unwrap();
    stream
}

fn scenario(url: &str, thresholds: &str) -> String {
    format!(
        "name = \"watch\"\nmode = \"observe\"\ndrain = \"300ms\"\n[target]\nurl = \"{url}\"\n\
         [observe]\ntimestamp = {{ pointer = \"/T\", unit = \"ms\" }}\nsequence = \"/seq\"\n\
         [[connections]]\nname = \"watchers\"\ncount = 4\n[[phases]]\nname = \"watch\"\nfor = \"2s\"\n[thresholds]\n{thresholds}\n"
    )
}

#[test]
fn what_one_subscriber_misses_is_lost_and_what_nobody_gets_is_a_gap() {
    let (done, ()) = undisturbed(|| {
        let url = feed(4, |seq| seq % 10 == 5);
        let thresholds = "\"deliveries.lost\" = \"== 0\"\n\"observe.latency.p50\" = \"< 10s\"";
        (Stage::new(&scenario(&url, thresholds)).run_json(&[]), ())
    });
    done.exits(3);
    let run = done.run();
    adds_up(run);
    let observe = run.observe.as_ref().unwrap();
    assert!(observe.messages > 50, "{observe:?}");
    let d = &run.deliveries;
    assert_eq!(d.expected, observe.messages * 4);
    // One of nine numbers that are sent is missed by one of four.
    assert!(d.lost >= observe.messages / 9 - 2 && d.lost <= observe.messages / 9 + 2, "{d:?} of {observe:?}");
    assert_eq!((d.duplicated, d.reordered, d.corrupted, d.foreign), (0, 0, 0, 0), "{d:?}");
    assert_eq!((observe.numbered, observe.timed, observe.implausible), (observe.messages, observe.messages, 0));
    assert!(observe.gaps >= observe.messages / 9 - 1 && observe.gap_messages == observe.gaps, "{observe:?}");
    assert_eq!(observe.went_back, 0);
    let latency = observe.latency.as_ref().unwrap();
    assert_eq!(latency.count, d.expected);
    assert!(latency.p50.is_some() && latency.max.is_none(), "a lost one is later than all others");
    let clock = observe.clock.as_ref().unwrap();
    assert!(clock.same_host && clock.error_us.is_some() && clock.step_us == 1000.0, "{clock:?}");
    assert!(run.latency.due.is_none());
    assert!(run.thresholds.iter().any(|t| t.metric == "observe.latency.p50" && t.pass), "{:?}", run.thresholds);
}

#[test]
fn a_feed_that_everybody_gets_is_whole_and_the_report_names_the_clock() {
    let (done, ()) = undisturbed(|| {
        let url = feed(4, |_| false);
        (Stage::new(&scenario(&url, "\"deliveries.lost\" = \"== 0\"")).run(&[]), ())
    });
    done.exits(0);
    assert_eq!(done.run().deliveries.lost, 0);
    for words in
        ["messages/s observed", "arrival after its own timestamp", "the sender's clock is taken to be this machine's"]
    {
        assert!(done.stdout.contains(words), "{words}:\n{}", done.stdout);
    }
}

#[test]
fn what_makes_no_sense_while_observing_is_refused() {
    let refused = |scenario: String, said: &str| {
        Stage::new(&scenario).run(&[]).exits(2).says(said);
    };
    let good = scenario("ws://127.0.0.1:9", "");
    refused(good.replace("mode = \"observe\"", ""), "[observe] is for mode = \"observe\", which is missing");
    refused(format!("{good}[[publishers]]\nname = \"a\"\nrate = 1\n"), "nothing is published");
    refused(good.replace("\"/T\"", "\"T\""), "`T` is no JSON pointer");
    refused(good.replace("pointer = \"/T\", ", ""), "this does not say where the timestamp is");
    refused(good.replace("\"ms\"", "\"days\""), "`days` is not a unit of time");
    refused(
        good.replace("[thresholds]", "[thresholds]\n\"latency.due.p99\" = \"< 1s\""),
        "what others publish has no due times",
    );
    let churning = "count = 4\nchurn = { session = \"1s\", offline = \"1s\" }";
    refused(good.replace("count = 4", churning), "observed connections stay: remove `churn`");
    refused(good.replace("url = \"ws://127.0.0.1:9\"", ""), "the bundled server sends nothing by itself");
}
