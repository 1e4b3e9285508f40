//! Sharing compressed streams against decompressing everything: whatever each connection agreed on, however the server compresses, and
//! however reads cut and interleave what it sends, the counts are the same.

use std::collections::HashSet;

use proptest::prelude::*;
use wire::deflate::{Context, Deflater, Direction};
use wire::frame::{Header, Opcode, append_frame};

use super::tests::{Bench, How, MESSAGES, Sent, Totals, frame, naive, play_bytes, streams};
use super::*;
use crate::plan::{Correlate, Inflate};

const KEPT: Direction = Direction { context: Context::Kept, window_bits: 15 };
const SMALL: Direction = Direction { context: Context::Kept, window_bits: 9 };
const FRESH: Direction = Direction { context: Context::Fresh, window_bits: 15 };

/// How one connection's messages are compressed.
#[derive(Debug, Clone)]
struct Way {
    /// `None`: not agreed on.
    direction: Option<Direction>,
    /// Messages, by their place, that are sent plain all the same.
    plain: Vec<bool>,
    /// Messages before which the compressor forgets what it had.
    resets: Vec<bool>,
}

fn way() -> impl Strategy<Value = Way> {
    let direction = prop_oneof![
        Just(None),
        Just(Some(KEPT)),
        Just(Some(KEPT)),
        Just(Some(SMALL)),
        Just(Some(FRESH)),
        Just(Some(FRESH))
    ];
    let flags = || prop::collection::vec(prop::bool::weighted(0.1), 64);
    (direction, flags(), flags()).prop_map(|(direction, plain, resets)| Way { direction, plain, resets })
}

/// A server that does alike for all who agreed alike, and one that does as it likes for each.
fn ways(connections: usize) -> impl Strategy<Value = Vec<Way>> {
    (prop::collection::vec(way(), connections), any::<bool>(), any::<bool>()).prop_map(|(mut ways, one, alike)| {
        let first = ways[0].clone();
        for way in ways.iter_mut().skip(1).filter(|_| alike) {
            (way.plain, way.resets) = (first.plain.clone(), first.resets.clone());
            if one {
                way.direction = first.direction;
            }
        }
        ways
    })
}

/// What goes over one connection, and the bytes of the frames of each thing sent.
fn encode(bench: &mut Bench, sent: &[Sent], way: &Way) -> (Vec<u8>, Vec<u64>) {
    let mut deflater = Deflater::new(way.direction.unwrap_or(KEPT), 6);
    let (mut bytes, mut sizes) = (Vec::new(), Vec::new());
    for (i, item) in sent.iter().enumerate() {
        let (opcode, payload, how) = match *item {
            Sent::Ping => {
                append_frame(&mut bytes, Opcode::Ping, b"hello");
                sizes.push(0);
                continue;
            }
            Sent::Greeting => (Opcode::Text, b"welcome".to_vec(), How::AsPublished),
            Sent::Message { publisher, seq, how } => {
                let (opcode, payload) = bench.payload(publisher, seq, how);
                (opcode, payload, how)
            }
        };
        let plain = way.direction.is_none() || way.plain[i % way.plain.len()];
        let mut body = Vec::new();
        if plain {
            body = payload;
        } else {
            if way.resets[i % way.resets.len()] {
                deflater.reset();
            }
            deflater.deflate(&payload, &mut body);
        }
        let before = bytes.len();
        let mut between = 0;
        if how == How::Fragmented {
            let (a, b) = body.split_at(body.len() / 2);
            compressed_frame(&mut bytes, opcode, false, !plain, a);
            between = bytes.len();
            append_frame(&mut bytes, Opcode::Ping, b"between");
            between = bytes.len() - between;
            frame(&mut bytes, Opcode::Continuation, true, b);
        } else {
            compressed_frame(&mut bytes, opcode, true, !plain, &body);
        }
        sizes.push((bytes.len() - before - between) as u64);
    }
    (bytes, sizes)
}

fn compressed_frame(out: &mut Vec<u8>, opcode: Opcode, fin: bool, rsv1: bool, body: &[u8]) {
    let at = out.len();
    frame(out, opcode, fin, body);
    if rsv1 {
        out[at] |= 0x40;
    }
}

/// Bytes of the frames that brought what counts as delivered.
fn delivered_bytes(sent: &[Sent], sizes: &[u64]) -> u64 {
    let mut had = HashSet::new();
    let first = |item: &Sent| match *item {
        Sent::Message { publisher, seq, how } if how != How::Unreadable => {
            had.insert((publisher, seq)) && how != How::Altered
        }
        _ => false,
    };
    sent.iter().map(first).zip(sizes).filter(|(delivered, _)| *delivered).map(|(_, size)| size).sum()
}

fn agree(bench: &mut Bench, ways: &[Way]) {
    for (i, way) in ways.iter().enumerate() {
        bench.compressed[i] = way.direction.map(|d| Compressed::new(&mut bench.streams, d, Inflate::Verify));
    }
}

fn wire_bytes(bench: &Bench) -> u64 {
    bench.recorder.slots().map(|s| s.wire_bytes()).sum()
}

fn trim(bench: &mut Bench, most: u64) {
    let members = bench.cursors.iter_mut().zip(&mut bench.compressed);
    let mut members: Vec<_> = members.filter_map(|(cursor, c)| Some((cursor, c.as_mut()?))).collect();
    trim_streams(&mut bench.streams, &mut members, most);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn shared_streams_count_as_decompressing_everything_does(
        streams in streams(4),
        ways in ways(4),
        cuts in prop::collection::vec((0usize..4, 1usize..500), 0..120),
    ) {
        let mut bench = Bench::new(4, Correlate::Stamp);
        agree(&mut bench, &ways);
        let sent: Vec<_> = streams.iter().zip(&ways).map(|(s, way)| encode(&mut bench, s, way)).collect();
        let wire: u64 = streams.iter().zip(&sent).map(|(s, (_, sizes))| delivered_bytes(s, sizes)).sum();
        play_bytes(&mut bench, sent.into_iter().map(|(bytes, _)| bytes).collect(), &cuts);
        let expected = naive(&streams, &mut bench.content);
        prop_assert_eq!(bench.totals(), expected);
        prop_assert_eq!(wire_bytes(&bench), wire);
    }

    #[test]
    fn trimming_streams_changes_no_count(
        streams in streams(3),
        ways in ways(3),
        most in 0u64..4000,
        cuts in prop::collection::vec((0usize..3, 1usize..500), 20..100),
    ) {
        let mut bench = Bench::new(3, Correlate::Stamp);
        agree(&mut bench, &ways);
        let mut rest: Vec<_> = streams.iter().zip(&ways).map(|(s, way)| encode(&mut bench, s, way).0).collect();
        for (i, cut) in cuts.iter().enumerate() {
            let n = cut.1.min(rest[cut.0].len());
            let piece: Vec<u8> = rest[cut.0].drain(..n).collect();
            if !piece.is_empty() {
                bench.reads(cut.0, &piece);
            }
            if i % 5 == 0 {
                trim(&mut bench, most);
            }
        }
        play_bytes(&mut bench, rest, &[]);
        let expected = naive(&streams, &mut bench.content);
        prop_assert_eq!(bench.totals(), expected);
    }

    #[test]
    fn who_opens_later_counts_from_there(
        ways in ways(2),
        at in 1usize..MESSAGES as usize,
        cuts in prop::collection::vec((0usize..2, 1usize..500), 0..40),
    ) {
        let all: Vec<Sent> =
            (0..MESSAGES).map(|seq| Sent::Message { publisher: 0, seq, how: How::AsPublished }).collect();
        let mut bench = Bench::new(2, Correlate::Stamp);
        agree(&mut bench, &ways[..1]);
        let (early, _) = encode(&mut bench, &all[..at], &ways[0]);
        let (whole, _) = encode(&mut bench, &all, &ways[0]);
        // A compressor of the connection's own, or one that begins anew: it refers to nothing from before.
        let (late, _) = encode(&mut bench, &all[at..], &ways[1]);
        bench.reads(0, &early);
        bench.compressed[1] = ways[1].direction.map(|d| Compressed::new(&mut bench.streams, d, Inflate::Verify));
        bench.cursors[1] = Cursor::at_end(&bench.room, 0);
        play_bytes(&mut bench, vec![whole[early.len()..].to_vec(), late], &cuts);
        let t = bench.totals();
        prop_assert_eq!((t.delivered, t.duplicated, t.unidentified), ((2 * MESSAGES as usize - at) as u64, 0, 0));
    }
}

fn followers(bench: &Bench) -> Vec<bool> {
    let own = |c: &Option<Compressed>| matches!(c, Some(Compressed::Followed(follower)) if follower.own.is_some());
    bench.compressed.iter().map(own).collect()
}

#[test]
fn connections_that_receive_the_same_bytes_have_one_decompressor_between_them() {
    let all: Vec<Sent> = (0..MESSAGES).map(|seq| Sent::Message { publisher: 0, seq, how: How::AsPublished }).collect();
    for direction in [KEPT, FRESH] {
        let way = Way { direction: Some(direction), plain: vec![false], resets: vec![false] };
        let mut bench = Bench::new(5, Correlate::Stamp);
        agree(&mut bench, &vec![way.clone(); 5]);
        let (bytes, _) = encode(&mut bench, &all, &way);
        play_bytes(&mut bench, vec![bytes; 5], &[(0, 400), (1, 33), (2, 500), (1, 700), (4, 1)]);
        assert_eq!(bench.totals().delivered, 5 * u64::from(MESSAGES));
        assert_eq!(followers(&bench), [false; 5]);
        assert!(bench.cursors.iter().all(|c| c.apart.is_none()));
        assert_eq!(bench.recorder.phases().map(|p| p.inflated).sum::<u64>(), u64::from(MESSAGES), "{direction:?}");
    }
}

#[test]
fn a_connection_that_was_apart_comes_back_once_all_of_its_window_is_the_stream_s() {
    const COUNT: u32 = 700;
    let all: Vec<Sent> = (0..COUNT).map(|seq| Sent::Message { publisher: 0, seq, how: How::AsPublished }).collect();
    let way = Way { direction: Some(KEPT), plain: vec![false], resets: vec![false] };
    let mut bench = Bench::new(2, Correlate::Stamp);
    bench.publish_up_to(COUNT);
    agree(&mut bench, &[way.clone(), way.clone()]);
    let (bytes, sizes) = encode(&mut bench, &all, &way);
    let end_of = |n: usize| sizes[..n].iter().sum::<u64>() as usize;
    // The second connection misses message 10: the server sends it the rest by a compressor that begins anew, and by the room's one
    // when both have the same window.
    let skipped: Vec<Sent> = all[11..].to_vec();
    let (nursery, nursery_sizes) = encode(&mut bench, &skipped, &way);
    let mut given = 0;
    let longer_than_window = |seq: &u32| {
        given += bench.payload(0, *seq, How::AsPublished).1.len();
        given <= 32 << 10
    };
    let window = 12 + (11..COUNT).take_while(longer_than_window).count();
    let until = nursery_sizes[..window - 11].iter().sum::<u64>() as usize;
    bench.reads(0, &bytes);
    bench.reads(1, &bytes[..end_of(10)]);
    bench.reads(1, &nursery[..until]);
    assert_eq!(followers(&bench), [false, true]);
    for n in window..COUNT as usize {
        bench.reads(1, &bytes[end_of(n)..end_of(n + 1)]);
    }
    assert_eq!(followers(&bench), [false, false], "it shares the stream again");
    let t = bench.totals();
    assert_eq!(
        t,
        Totals {
            delivered: 2 * u64::from(COUNT) - 1,
            latencies: t.delivered,
            payload_bytes: t.payload_bytes,
            ..Totals::default()
        }
    );
}

#[test]
fn compressed_messages_without_stamps_are_matched_by_content_and_place() {
    for direction in [KEPT, FRESH] {
        let mut bench = Bench::new(3, Correlate::Content);
        let way = Way { direction: Some(direction), plain: vec![false], resets: vec![false] };
        agree(&mut bench, &vec![way.clone(); 3]);
        let message = |seq| Sent::Message { publisher: 0, seq, how: How::AsPublished };
        let whole: Vec<Sent> = (0..8).map(message).collect();
        // The third is lost, the sixth and seventh are swapped, the eighth comes twice; to two of three.
        let spoilt: Vec<Sent> = [0, 1, 3, 4, 6, 5, 7, 7].map(message).to_vec();
        let sent = [&whole, &spoilt, &spoilt].map(|sent| encode(&mut bench, sent, &way).0);
        play_bytes(&mut bench, sent.to_vec(), &[(0, 200), (1, 200), (2, 300), (1, 300), (0, 100)]);
        let t = bench.totals();
        assert_eq!((t.delivered, t.duplicated, t.reordered, t.unidentified), (8 + 7 + 7, 2, 2, 0), "{direction:?}");
    }
}

#[test]
fn frames_that_are_only_counted_are_counted_whatever_is_in_them() {
    let mut bench = Bench::new(1, Correlate::Stamp);
    bench.compressed[0] = Some(Compressed::new(&mut bench.streams, KEPT, Inflate::CountFrames));
    let mut bytes = Vec::new();
    for body in [&b"no deflate at all"[..], b"", &[0xff; 300]] {
        compressed_frame(&mut bytes, Opcode::Text, true, true, body);
        append_frame(&mut bytes, Opcode::Ping, b"hello");
    }
    compressed_frame(&mut bytes, Opcode::Text, false, true, b"one message ");
    compressed_frame(&mut bytes, Opcode::Continuation, true, false, b"in two frames");
    for piece in bytes.chunks(7) {
        bench.reads(0, piece);
    }
    let pings = 3 * 7;
    let slot = bench.recorder.slots().next().unwrap();
    assert_eq!((slot.counted, slot.counted_bytes, slot.delivered), (4, bytes.len() as u64 - pings, 0));
    assert_eq!(slot.wire_bytes(), slot.counted_bytes);
    assert_eq!(Header::unmasked(Opcode::Ping, 5).header_len() as u64 + 5, 7);
}
