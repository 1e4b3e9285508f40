//! The canonical room against decoding everything: whatever a server does to its subscribers' streams, and however reads
//! cut and interleave them, the counts are the same.

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;
use wire::deflate::{Context, Inflater};
use wire::frame::{Header, MAX_HEADER, Opcode, append_frame};

use super::*;
use crate::corpus::Corpus;
use crate::dialect::Receive;
use crate::payload::{Content as PayloadContent, Medium, PayloadSource, Stamping};
use crate::plan::Correlate;
use crate::recorder::Recorder;

pub(super) const RUN: u16 = 77;
pub(super) const PUBLISHERS: u32 = 3;
pub(super) const MESSAGES: u32 = 12;

pub(super) fn source(sizes: std::ops::RangeInclusive<u32>) -> Arc<PayloadSource> {
    let content = PayloadContent::Generated { corpus: Corpus::Words, sizes: Some(sizes) };
    Arc::new(PayloadSource::new(content, Medium::Text, Stamping::Stamped, 9).unwrap())
}

/// What a server sends one subscriber.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sent {
    Message { publisher: u32, seq: u32, how: How },
    Ping,
    Greeting,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum How {
    AsPublished,
    /// In several frames.
    Fragmented,
    /// The last byte changed.
    Altered,
    /// The stamp changed.
    Unreadable,
}

pub(super) struct Bench {
    book: Book,
    pub content: Content,
    pub room: CanonicalRoom,
    pub recorder: Recorder,
    pub cursors: Vec<Cursor>,
    /// Of connections that agreed on compression.
    pub compressed: Vec<Option<Compressed>>,
    pub streams: Streams,
    fresh: Inflater,
    meter: Meter,
    pub now: u64,
    pub dialect: Option<Receive>,
}

impl Bench {
    pub fn new(connections: usize, correlate: Correlate) -> Self {
        let book = Book::new(vec![0; PUBLISHERS as usize]).unwrap();
        for publisher in 0..PUBLISHERS {
            for seq in 0..MESSAGES {
                let at = 1_000_000 * u64::from(seq + 1);
                book.table(publisher).unwrap().begin(Published { due: at, sent: at + 500, phase: (seq / 6) as u16 });
            }
        }
        Bench {
            book,
            content: Content::new(RUN, correlate, Verify::Exact, vec![(0..PUBLISHERS, source(40..=300))]),
            room: CanonicalRoom::new(connections as u32, 1000),
            recorder: Recorder::new(2, 1),
            cursors: (0..connections).map(|_| Cursor::default()).collect(),
            compressed: (0..connections).map(|_| None).collect(),
            streams: Streams::default(),
            fresh: Inflater::new(Context::Fresh),
            meter: Meter::new(|| 0),
            now: 1_000_000_000,
            dialect: None,
        }
    }

    /// More messages of publisher 0, up to this many.
    pub fn publish_up_to(&mut self, count: u32) {
        for _ in MESSAGES..count {
            self.book.table(0).unwrap().begin(Published { due: 20_000_000, sent: 20_000_500, phase: 1 });
        }
    }

    pub fn reads(&mut self, connection: usize, bytes: &[u8]) {
        self.now += 1000;
        let mut input = bytes.to_vec();
        let mut reader = Reader {
            room: &mut self.room,
            room_id: 0,
            book: &self.book,
            content: &mut self.content,
            dialect: self.dialect.as_ref(),
            recorder: &mut self.recorder,
            controls: &mut Vec::new(),
            first_arrivals: &mut Vec::new(),
            delivery: Delivery { now: self.now, group: Some(0), publisher: None, phase: 0 },
            delivered: 0,
            messages: 0,
            echoes: 0,
        };
        let cursor = &mut self.cursors[connection];
        let mut shared = Shared { streams: &mut self.streams, fresh: &mut self.fresh, meter: &mut self.meter };
        match &mut self.compressed[connection] {
            None => reader.receive(cursor, &mut input).unwrap(),
            Some(compressed) => reader.receive_compressed(cursor, compressed, &mut shared, &mut input).unwrap(),
        }
    }

    /// What a message is before it is sent.
    pub fn payload(&mut self, publisher: u32, seq: u32, how: How) -> (Opcode, Vec<u8>) {
        let (opcode, payload) = self.content.render(publisher, seq).unwrap();
        let mut payload = payload.to_vec();
        match how {
            How::AsPublished | How::Fragmented => {}
            How::Altered => *payload.last_mut().unwrap() ^= 1,
            How::Unreadable => {
                let at = payload.iter().position(|b| *b == b'~').unwrap();
                payload[at] = b'-';
            }
        }
        (opcode, payload)
    }

    fn stream(&mut self, sent: &[Sent]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for item in sent {
            match *item {
                Sent::Ping => append_frame(&mut bytes, Opcode::Ping, b"hello"),
                Sent::Greeting => append_frame(&mut bytes, Opcode::Text, b"welcome"),
                Sent::Message { publisher, seq, how } => {
                    let (opcode, payload) = self.payload(publisher, seq, how);
                    match how {
                        How::AsPublished | How::Altered | How::Unreadable => {
                            append_frame(&mut bytes, opcode, &payload);
                        }
                        How::Fragmented => {
                            let (a, b) = payload.split_at(payload.len() / 2);
                            frame(&mut bytes, opcode, false, a);
                            append_frame(&mut bytes, Opcode::Ping, b"between");
                            frame(&mut bytes, Opcode::Continuation, true, b);
                        }
                    }
                }
            }
        }
        bytes
    }

    pub fn totals(&self) -> Totals {
        let sum = |f: fn(&crate::recorder::Slot) -> u64| self.recorder.slots().map(f).sum();
        Totals {
            delivered: sum(|s| s.delivered),
            duplicated: sum(|s| s.duplicated),
            reordered: sum(|s| s.reordered),
            corrupted: sum(|s| s.corrupted),
            unidentified: sum(|s| s.unreadable + s.foreign),
            payload_bytes: sum(|s| s.payload_bytes),
            latencies: sum(|s| s.due.count()),
        }
    }
}

pub(super) fn frame(out: &mut Vec<u8>, opcode: Opcode, fin: bool, payload: &[u8]) {
    let mut head = [0; MAX_HEADER];
    let n = Header { fin, ..Header::unmasked(opcode, payload.len() as u64) }.encode(&mut head);
    out.extend_from_slice(&head[..n]);
    out.extend_from_slice(payload);
}

#[derive(Debug, Default, PartialEq)]
pub(super) struct Totals {
    pub delivered: u64,
    pub duplicated: u64,
    pub reordered: u64,
    pub corrupted: u64,
    pub unidentified: u64,
    pub payload_bytes: u64,
    pub latencies: u64,
}

/// Decodes everything, remembers everything.
pub(super) fn naive(streams: &[Vec<Sent>], content: &mut Content) -> Totals {
    let mut t = Totals::default();
    for stream in streams {
        let mut had: HashSet<(u32, u32)> = HashSet::new();
        for item in stream {
            match *item {
                Sent::Ping => {}
                Sent::Greeting | Sent::Message { how: How::Unreadable, .. } => t.unidentified += 1,
                Sent::Message { publisher, seq, how } => {
                    if !had.insert((publisher, seq)) {
                        t.duplicated += 1;
                    } else if how == How::Altered {
                        t.corrupted += 1;
                    } else {
                        t.delivered += 1;
                        t.latencies += 1;
                        t.payload_bytes += content.render(publisher, seq).unwrap().1.len() as u64;
                        t.reordered += u64::from((seq + 1..MESSAGES).any(|later| had.contains(&(publisher, later))));
                    }
                }
            }
        }
    }
    t
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    Drop,
    Duplicate,
    SwapWithNext,
    Late(usize),
    Alter,
    Unreadable,
    Fragment,
    Ping,
    Greeting,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        30 => Just(Fault::None),
        2 => Just(Fault::Drop),
        2 => Just(Fault::Duplicate),
        2 => Just(Fault::SwapWithNext),
        1 => (1usize..9).prop_map(Fault::Late),
        1 => Just(Fault::Alter),
        1 => Just(Fault::Unreadable),
        1 => Just(Fault::Fragment),
        1 => Just(Fault::Ping),
        1 => Just(Fault::Greeting),
    ]
}

/// One order of all messages, publishers interleaved; then what the server does to it on one connection.
pub(super) fn streams(connections: usize) -> impl Strategy<Value = Vec<Vec<Sent>>> {
    let total = (PUBLISHERS * MESSAGES) as usize;
    let order = prop::collection::vec(0..PUBLISHERS, total * 2);
    let faults = prop::collection::vec(prop::collection::vec(fault(), total), connections);
    (order, faults, any::<bool>()).prop_map(move |(order, faults, alike)| {
        let mut next = [0; PUBLISHERS as usize];
        let mut base: Vec<(u32, u32)> = Vec::new();
        for p in order {
            if next[p as usize] < MESSAGES {
                base.push((p, next[p as usize]));
                next[p as usize] += 1;
            }
        }
        // A server that errs alike towards everybody, and one that errs towards each on its own.
        (0..connections).map(|c| spoil(&base, &faults[if alike { 0 } else { c }])).collect()
    })
}

fn spoil(base: &[(u32, u32)], faults: &[Fault]) -> Vec<Sent> {
    let mut out: Vec<Sent> = Vec::new();
    let mut later: Vec<(usize, Sent)> = Vec::new();
    for (i, (&(publisher, seq), fault)) in base.iter().zip(faults).enumerate() {
        let message = |how| Sent::Message { publisher, seq, how };
        match fault {
            Fault::None => out.push(message(How::AsPublished)),
            Fault::Drop => {}
            Fault::Duplicate => out.extend([message(How::AsPublished), message(How::AsPublished)]),
            Fault::SwapWithNext => later.push((i + 1, message(How::AsPublished))),
            Fault::Late(n) => later.push((i + n, message(How::AsPublished))),
            Fault::Alter => out.push(message(How::Altered)),
            Fault::Unreadable => out.push(message(How::Unreadable)),
            Fault::Fragment => out.push(message(How::Fragmented)),
            Fault::Ping => out.extend([Sent::Ping, message(How::AsPublished)]),
            Fault::Greeting => out.extend([Sent::Greeting, message(How::AsPublished)]),
        }
        let (now, rest) = later.into_iter().partition(|(at, _)| *at <= i);
        later = rest;
        out.extend(now.into_iter().map(|(_, m): (usize, Sent)| m));
    }
    out.extend(later.into_iter().map(|(_, m)| m));
    out
}

fn play(bench: &mut Bench, streams: &[Vec<Sent>], cuts: &[(usize, usize)]) {
    let rest = streams.iter().map(|s| bench.stream(s)).collect();
    play_bytes(bench, rest, cuts);
}

pub(super) fn play_bytes(bench: &mut Bench, mut rest: Vec<Vec<u8>>, cuts: &[(usize, usize)]) {
    for &(connection, n) in cuts {
        let connection = connection % rest.len();
        let n = n.min(rest[connection].len());
        let piece: Vec<u8> = rest[connection].drain(..n).collect();
        if !piece.is_empty() {
            bench.reads(connection, &piece);
        }
    }
    play_rest(bench, rest);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_canonical_room_counts_as_decoding_everything_does(
        streams in streams(4),
        cuts in prop::collection::vec((0usize..4, 1usize..700), 0..120),
    ) {
        let mut bench = Bench::new(4, Correlate::Stamp);
        play(&mut bench, &streams, &cuts);
        let expected = naive(&streams, &mut bench.content);
        prop_assert_eq!(bench.totals(), expected);
    }

    #[test]
    fn trimming_the_canonical_bytes_changes_no_count(
        streams in streams(3),
        cuts in prop::collection::vec((0usize..3, 1usize..700), 1..60),
    ) {
        let mut bench = Bench::new(3, Correlate::Stamp);
        let mut rest: Vec<Vec<u8>> = streams.iter().map(|s| bench.stream(s)).collect();
        for (i, &(connection, n)) in cuts.iter().cycle().take(cuts.len().max(60)).enumerate() {
            let n = n.min(rest[connection].len());
            let piece: Vec<u8> = rest[connection].drain(..n).collect();
            if !piece.is_empty() { bench.reads(connection, &piece); }
            if i % 5 == 0 {
                // As far as the first cursor is: the others are cut off from what they have not matched yet.
                let to = bench.cursors[0].needs_from(&bench.room);
                for cursor in &mut bench.cursors {
                    if cursor.needs_from(&bench.room) < to { cursor.detach(&bench.room); }
                }
                bench.room.trim_to(to);
            }
        }
        play_rest(&mut bench, rest);
        let expected = naive(&streams, &mut bench.content);
        prop_assert_eq!(bench.totals(), expected);
    }
}

pub(super) fn play_rest(bench: &mut Bench, rest: Vec<Vec<u8>>) {
    for (connection, piece) in rest.into_iter().enumerate() {
        if !piece.is_empty() {
            bench.reads(connection, &piece);
        }
    }
}

#[test]
fn a_connection_that_never_differs_keeps_no_state_of_its_own() {
    let mut bench = Bench::new(2, Correlate::Stamp);
    let all: Vec<Sent> = (0..MESSAGES).map(|seq| Sent::Message { publisher: 0, seq, how: How::AsPublished }).collect();
    play(&mut bench, &[all.clone(), all], &[(0, 500), (1, 37), (0, 41), (1, 900)]);
    assert!(bench.cursors.iter().all(|c| c.apart.is_none()));
    assert_eq!(bench.totals().delivered, 2 * u64::from(MESSAGES));
}

#[test]
fn latency_counts_from_due_and_from_sent_in_the_phase_in_which_it_was_due() {
    let mut bench = Bench::new(1, Correlate::Stamp);
    bench.now = 7_499_000;
    let late = [5, 6].map(|seq| Sent::Message { publisher: 1, seq, how: How::AsPublished });
    let bytes = bench.stream(&late);
    bench.reads(0, &bytes);
    // Read at 7.5 ms: due at 6 ms (phase 0) and at 7 ms (phase 1), each sent half a microsecond later.
    for (phase, due) in [(0, 1500), (1, 500)] {
        let slot = bench.recorder.slot_of(phase, 0).unwrap();
        assert_eq!((slot.due.max(), slot.sent.max(), slot.delivered), (Some(due), Some(due - 1), 1), "phase {phase}");
    }
}

#[test]
fn without_stamps_messages_are_matched_by_content_and_place() {
    let mut bench = Bench::new(2, Correlate::Content);
    let message = |seq| Sent::Message { publisher: 0, seq, how: How::AsPublished };
    let whole: Vec<Sent> = (0..8).map(message).collect();
    // The third is lost, the sixth and seventh are swapped, the eighth comes twice.
    let spoilt: Vec<Sent> = [0, 1, 3, 4, 6, 5, 7, 7].map(message).to_vec();
    play(&mut bench, &[whole, spoilt], &[(0, 200), (1, 200), (1, 300), (0, 100)]);
    let t = bench.totals();
    assert_eq!((t.delivered, t.duplicated, t.reordered), (8 + 7, 1, 1));
}

#[test]
fn an_altered_first_copy_does_not_become_the_measure_of_the_others() {
    let mut bench = Bench::new(2, Correlate::Stamp);
    let altered = [Sent::Message { publisher: 0, seq: 0, how: How::Altered }];
    let intact = [Sent::Message { publisher: 0, seq: 0, how: How::AsPublished }];
    play(&mut bench, &[altered.to_vec(), intact.to_vec()], &[(0, 1000), (1, 1000)]);
    let t = bench.totals();
    assert_eq!((t.corrupted, t.delivered), (1, 1));
}
