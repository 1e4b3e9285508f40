//! A stream of frames, read in any pieces and with any pauses.

use proptest::collection::vec;
use proptest::prelude::*;
use wire::ProtocolError;
use wire::frame::{Decoded, Flow, FrameReader, Header, MAX_HEADER, Opcode, Parsed, Role, Rsv1, Rules, decode};

use super::{CLIENT, SERVER, Seen, whole};

fn opcode() -> impl Strategy<Value = Opcode> {
    prop_oneof![
        Just(Opcode::Continuation),
        Just(Opcode::Text),
        Just(Opcode::Binary),
        Just(Opcode::Close),
        Just(Opcode::Ping),
        Just(Opcode::Pong),
    ]
}

/// Sizes around every boundary of the length encoding, and small ones.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![0usize..20, 120usize..132, Just(300), Just(5000), 65530usize..65540]
}

fn frame() -> impl Strategy<Value = Seen> {
    (opcode(), any::<bool>(), size(), any::<u8>()).prop_map(|(opcode, fin, size, seed)| {
        let size = if opcode.is_control() { size.min(125) } else { size };
        let payload = (0..size).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed)).collect();
        Seen { fin: fin || opcode.is_control(), opcode, payload }
    })
}

fn encoded(frames: &[Seen], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        let header =
            Header { fin: frame.fin, rsv1: false, opcode: frame.opcode, mask, len: frame.payload.len() as u64 };
        let mut bytes = [0; MAX_HEADER];
        let size = header.encode(&mut bytes);
        assert_eq!(size, header.header_len());
        assert_eq!(Header::parse(&bytes[..size]), Ok(Parsed::Whole(header)));
        out.extend_from_slice(&bytes[..size]);
        // Masked byte by byte, as the RFC defines it, not with our own function.
        let key = mask.unwrap_or_default();
        out.extend(frame.payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]));
    }
    out
}

/// Feeds `pieces` one after the other; `pauses` says after which frames to pause.
fn read_all(
    reader: &mut FrameReader,
    pieces: &[&[u8]],
    rules: &Rules,
    mut pauses: impl FnMut(usize) -> Flow,
) -> Result<Vec<Seen>, ProtocolError> {
    let mut seen: Vec<Seen> = Vec::new();
    for piece in pieces {
        let mut bytes = piece.to_vec();
        let mut input = &mut bytes[..];
        loop {
            let before = seen.len();
            let flow = reader.feed(input, rules, |header, payload| {
                seen.push(Seen { fin: header.fin, opcode: header.opcode, payload: payload.to_vec() });
                Ok::<_, ProtocolError>(pauses(seen.len()))
            })?;
            if flow == Flow::Continue {
                break;
            }
            assert!(seen.len() > before, "a pause needs a frame");
            input = &mut [];
        }
    }
    Ok(seen)
}

fn split_at_points<'a>(bytes: &'a [u8], points: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = points.iter().map(|p| p.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #[test]
    fn every_split_of_a_stream_gives_the_same_frames(
        frames in vec(frame(), 0..8), key: Option<[u8; 4]>, points in vec(any::<prop::sample::Index>(), 0..12),
        pause_every in 1usize..5,
    ) {
        let bytes = encoded(&frames, key);
        let rules = if key.is_some() { SERVER } else { CLIENT };
        let pieces = split_at_points(&bytes, &points);
        let mut reader = FrameReader::new();
        prop_assert_eq!(&read_all(&mut reader, &pieces, &rules, |_| Flow::Continue).unwrap(), &frames);
        prop_assert!(reader.is_idle());
        prop_assert_eq!(reader.buffered(), 0);
        let pauses = |count| if count % pause_every == 0 { Flow::Pause } else { Flow::Continue };
        prop_assert_eq!(&read_all(&mut reader, &pieces, &rules, pauses).unwrap(), &frames);
        prop_assert!(reader.is_idle());
    }

    #[test]
    fn random_bytes_never_panic_and_are_never_kept_beyond_the_limit(
        pieces in vec(vec(any::<u8>(), 0..200), 0..20), max_frame in 0u64..400, client: bool, agreed: bool,
    ) {
        let rules = Rules {
            role: if client { Role::Client } else { Role::Server },
            rsv1: if agreed { Rsv1::Allowed } else { Rsv1::Refused },
            max_frame,
        };
        let most = max_frame.max(125) as usize;
        let mut reader = FrameReader::new();
        for mut piece in pieces {
            let fed = reader.feed(&mut piece, &rules, |_, payload| {
                assert!(payload.len() <= most);
                Ok::<_, ProtocolError>(Flow::Continue)
            });
            prop_assert!(reader.buffered() < most + MAX_HEADER);
            prop_assert_eq!(reader.is_idle(), reader.buffered() == 0);
            if fed.is_err() {
                break;
            }
        }
    }

    #[test]
    fn a_frame_cut_short_is_incomplete_and_asks_for_no_more_than_it_has(frame in frame(), key: [u8; 4], cut: prop::sample::Index) {
        let bytes = encoded(&[frame], Some(key));
        let have = cut.index(bytes.len());
        match decode(&mut bytes[..have].to_vec(), &SERVER) {
            Ok(Decoded::Incomplete { need }) => prop_assert!(have < need && need <= bytes.len()),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn byte_by_byte_is_the_same_as_at_once() {
    let frames = [whole(Opcode::Text, b"Hello"), whole(Opcode::Ping, b""), whole(Opcode::Binary, &[9; 300])];
    let bytes = encoded(&frames, Some([1, 2, 3, 4]));
    let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
    let seen = read_all(&mut FrameReader::new(), &pieces, &SERVER, |_| Flow::Continue);
    assert_eq!(seen.unwrap(), frames);
}

#[test]
fn a_pause_keeps_the_rest_and_gives_it_without_further_input() {
    let bytes = b"\x81\x01a\x81\x01b\x81\x01c\x81".to_vec();
    let mut reader = FrameReader::new();
    let mut seen = Vec::new();
    let mut step = |reader: &mut FrameReader, input: &[u8], flow: Flow| {
        reader.feed(&mut input.to_vec(), &CLIENT, |_, payload| {
            seen.push(payload[0]);
            Ok::<_, ProtocolError>(flow)
        })
    };
    assert_eq!(step(&mut reader, &bytes, Flow::Pause), Ok(Flow::Pause));
    assert_eq!(reader.buffered(), 7);
    assert_eq!(step(&mut reader, b"", Flow::Pause), Ok(Flow::Pause));
    assert_eq!(reader.buffered(), 4);
    assert_eq!(step(&mut reader, b"\x01", Flow::Continue), Ok(Flow::Continue));
    assert_eq!(reader.buffered(), 2);
    assert_eq!(step(&mut reader, b"d", Flow::Continue), Ok(Flow::Continue));
    assert!(reader.is_idle());
    assert_eq!(seen, b"abcd");
}

#[test]
fn a_pause_at_the_last_frame_keeps_nothing() {
    let mut reader = FrameReader::new();
    for input in [&b"\x81\x01a"[..], b"\x81", b"\x01b"] {
        let fed = reader.feed(&mut input.to_vec(), &CLIENT, |_, _| Ok::<_, ProtocolError>(Flow::Pause));
        assert_eq!(fed, Ok(if input.len() == 1 { Flow::Continue } else { Flow::Pause }));
        assert_eq!(reader.is_idle(), input.len() != 1);
    }
}

#[test]
fn an_error_of_the_receiver_ends_the_feed() {
    #[derive(PartialEq, Eq, Debug)]
    enum Failure {
        Full,
        Protocol(ProtocolError),
    }
    impl From<ProtocolError> for Failure {
        fn from(error: ProtocolError) -> Self {
            Self::Protocol(error)
        }
    }
    let mut count = 0;
    let mut reader = FrameReader::new();
    let fed = reader.feed(&mut b"\x81\x01a\x81\x01b".to_vec(), &CLIENT, |_, _| {
        count += 1;
        Err(Failure::Full)
    });
    assert_eq!((fed, count), (Err(Failure::Full), 1));
    let fed = reader.feed(&mut [0x83, 0], &CLIENT, |_, _| Ok(Flow::Continue));
    assert_eq!(fed, Err(Failure::Protocol(ProtocolError::ReservedOpcode(3))));
}

#[test]
fn frames_before_a_bad_one_are_still_given() {
    let mut seen = 0;
    let fed = FrameReader::new().feed(&mut b"\x81\x01a\x81\x01b\x83\x00".to_vec(), &CLIENT, |_, _| {
        seen += 1;
        Ok::<_, ProtocolError>(Flow::Continue)
    });
    assert_eq!((fed, seen), (Err(ProtocolError::ReservedOpcode(3)), 2));
}

#[test]
fn an_idle_reader_is_one_pointer() {
    assert_eq!(size_of::<FrameReader>(), 8);
    assert_eq!(size_of::<wire::Assembler>(), 8);
}
