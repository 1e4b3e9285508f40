//! However a server batches, the counts are those of decoding everything.

use proptest::prelude::*;
use wire::frame::{Opcode, append_frame};

use super::super::tests::{Bench, How, Sent, Totals, naive, play_bytes, streams};
use crate::dialect::{Pointer, Receive, Split};
use crate::ledger::Cursor;
use crate::plan::Correlate;

fn lines() -> Receive {
    Receive { split: Split::Lines, message: Pointer::parse("/push/data").ok(), ..Receive::default() }
}

fn bench(connections: usize) -> Bench {
    let mut bench = Bench::new(connections, Correlate::Stamp);
    bench.dialect = Some(lines());
    bench
}

fn pushed(bench: &mut Bench, sent: &Sent) -> Option<String> {
    let message = match *sent {
        Sent::Ping => return None,
        Sent::Greeting => "welcome".to_owned(),
        Sent::Message { publisher, seq, how } => String::from_utf8(bench.payload(publisher, seq, how).1).unwrap(),
    };
    Some(serde_json::json!({ "push": { "channel": "r0", "data": message } }).to_string())
}

/// A subscriber's stream in frames of one to five lines; an acknowledgement stands among some of them.
fn batched(bench: &mut Bench, sent: &[Sent], sizes: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut waiting: Vec<String> = Vec::new();
    let mut sizes = sizes.iter().cycle();
    let mut size = *sizes.next().unwrap();
    for item in sent {
        match pushed(bench, item) {
            Some(line) => waiting.push(line),
            None => append_frame(&mut bytes, Opcode::Ping, b"hello"),
        }
        if waiting.len() >= size {
            if size == 3 {
                waiting.insert(1, r#"{"id":3,"publish":{}}"#.to_owned());
            }
            append_frame(&mut bytes, Opcode::Text, waiting.join("\n").as_bytes());
            waiting.clear();
            size = *sizes.next().unwrap();
        }
    }
    append_frame(&mut bytes, Opcode::Text, waiting.join("\n").as_bytes());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn messages_joined_differently_for_each_subscriber_count_as_decoding_everything_does(
        streams in streams(4),
        sizes in prop::collection::vec(prop::collection::vec(1usize..6, 1..5), 4),
        cuts in prop::collection::vec((0usize..4, 1usize..900), 0..120),
    ) {
        let mut bench = bench(4);
        let bytes = streams.iter().zip(&sizes).map(|(s, sizes)| batched(&mut bench, s, sizes)).collect();
        play_bytes(&mut bench, bytes, &cuts);
        let expected = naive(&streams, &mut bench.content);
        prop_assert_eq!(bench.totals(), expected);
    }
}

#[test]
fn one_frame_of_five_lines_is_five_deliveries_and_its_bytes_are_counted_once() {
    let mut bench = bench(2);
    let all: Vec<Sent> = (0..5).map(|seq| Sent::Message { publisher: 0, seq, how: How::AsPublished }).collect();
    let (joined, single) = (batched(&mut bench, &all, &[5]), batched(&mut bench, &all, &[1]));
    let came = (joined.len() + single.len()) as u64;
    play_bytes(&mut bench, vec![joined, single], &[(0, 5000), (1, 5000)]);
    assert_eq!(
        bench.totals(),
        Totals { delivered: 10, latencies: 10, payload_bytes: bench.totals().payload_bytes, ..Totals::default() }
    );
    // The empty frames at the end hold nothing.
    assert_eq!(bench.recorder.slots().map(|slot| slot.wire_bytes()).sum::<u64>(), came - 4);
}

#[test]
fn who_receives_one_message_a_frame_is_matched_by_bytes_whoever_came_first() {
    let mut bench = bench(2);
    let all: Vec<Sent> = (0..9).map(|seq| Sent::Message { publisher: 0, seq, how: How::AsPublished }).collect();
    let (joined, single) = (batched(&mut bench, &all, &[4]), batched(&mut bench, &all, &[1]));
    play_bytes(&mut bench, vec![joined, single], &[(0, 9000), (1, 9000)]);
    assert_eq!(bench.totals().delivered, 18);
    // The room is made of the lines, each as the frame that the second connection got.
    let end: u64 = bench.room.end();
    assert!(bench.cursors.iter().all(|cursor: &Cursor| cursor.needs_from(&bench.room) == end));
}
