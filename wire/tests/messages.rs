//! Fragments to messages: order, control frames in between, UTF-8 and limits.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use proptest::collection::vec;
use proptest::prelude::*;
use wire::frame::{Header, Opcode};
use wire::message::{Assembler, Event, Limits};
use wire::{CloseCode, CloseFrame, Flow, FrameReader, ProtocolError, Role, Rsv1, Rules};

const LIMITS: Limits = Limits { max_message: 1000, max_fragments: 10 };

/// An event that owns what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Got {
    Message(Opcode, Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseFrame>),
    Incomplete,
}

fn accept_within(
    assembler: &mut Assembler,
    opcode: Opcode,
    fin: bool,
    payload: &[u8],
    limits: &Limits,
) -> Result<Got, ProtocolError> {
    let header = Header { fin, ..Header::unmasked(opcode, payload.len() as u64) };
    let mut payload = payload.to_vec();
    assembler.accept(&header, &mut payload, limits).map(|event| match event {
        Event::Message { opcode, payload } => Got::Message(opcode, payload.to_vec()),
        Event::Ping(payload) => Got::Ping(payload.to_vec()),
        Event::Pong(payload) => Got::Pong(payload.to_vec()),
        Event::Close(frame) => Got::Close(frame),
        Event::Incomplete => Got::Incomplete,
    })
}

fn more(assembler: &mut Assembler, opcode: Opcode, payload: &[u8]) -> Result<Got, ProtocolError> {
    accept_within(assembler, opcode, false, payload, &LIMITS)
}

fn last(assembler: &mut Assembler, opcode: Opcode, payload: &[u8]) -> Result<Got, ProtocolError> {
    accept_within(assembler, opcode, true, payload, &LIMITS)
}

use Opcode::{Binary, Close, Continuation, Ping, Pong, Text};

#[test]
fn an_unfragmented_message_passes_through_in_place() {
    let mut assembler = Assembler::new();
    let mut payload = *b"Hello";
    let place = payload.as_ptr();
    let header = Header::unmasked(Text, 5);
    match assembler.accept(&header, &mut payload, &LIMITS).unwrap() {
        Event::Message { opcode, payload } => {
            assert_eq!((opcode, &*payload), (Text, &b"Hello"[..]));
            assert_eq!(payload.as_ptr(), place);
        }
        other => panic!("{other:?}"),
    }
    assert!(assembler.is_idle());
    assert_eq!(assembler.buffered(), 0);
}

#[test]
fn fragments_are_joined_with_control_frames_in_between() {
    let mut a = Assembler::new();
    assert_eq!(more(&mut a, Text, b"Hel"), Ok(Got::Incomplete));
    assert!(!a.is_idle());
    assert_eq!(last(&mut a, Ping, b"are you there"), Ok(Got::Ping(b"are you there".to_vec())));
    assert_eq!(more(&mut a, Continuation, b""), Ok(Got::Incomplete));
    assert_eq!(last(&mut a, Pong, b""), Ok(Got::Pong(vec![])));
    assert_eq!(last(&mut a, Continuation, b"lo"), Ok(Got::Message(Text, b"Hello".to_vec())));
    assert!(a.is_idle());
    assert_eq!(last(&mut a, Binary, b"next"), Ok(Got::Message(Binary, b"next".to_vec())));
}

#[test]
fn a_close_between_fragments_is_a_close() {
    let mut a = Assembler::new();
    assert_eq!(more(&mut a, Binary, b"half"), Ok(Got::Incomplete));
    let frame = CloseFrame { code: CloseCode::NORMAL, reason: "bye".to_owned() };
    assert_eq!(last(&mut a, Close, b"\x03\xe8bye"), Ok(Got::Close(Some(frame))));
    assert_eq!(last(&mut a, Close, b"\x03"), Err(ProtocolError::CloseTooShort));
}

#[test]
fn the_buffer_of_a_fragmented_message_is_freed_by_release_and_by_the_next_message() {
    let mut a = Assembler::new();
    for release in [Assembler::release, |a: &mut Assembler| drop(last(a, Text, b"x"))] {
        more(&mut a, Text, b"Hel").unwrap();
        last(&mut a, Continuation, b"lo").unwrap();
        assert_eq!(a.buffered(), 5);
        release(&mut a);
        assert_eq!(a.buffered(), 0);
    }
    more(&mut a, Text, b"Hel").unwrap();
    a.release();
    assert_eq!(a.buffered(), 3, "an open message must not be lost");
}

#[test]
fn fragments_out_of_order_are_refused() {
    let mut a = Assembler::new();
    let error = last(&mut a, Continuation, b"lo").unwrap_err();
    assert_eq!(error, ProtocolError::NothingToContinue);
    assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    assert_eq!(more(&mut a, Continuation, b"lo"), Err(ProtocolError::NothingToContinue));
    more(&mut a, Text, b"Hel").unwrap();
    assert_eq!(last(&mut a, Text, b"lo"), Err(ProtocolError::MessageInterrupted));
    assert_eq!(more(&mut a, Binary, b"lo"), Err(ProtocolError::MessageInterrupted));
    last(&mut a, Continuation, b"lo").unwrap();
    assert_eq!(last(&mut a, Continuation, b"!"), Err(ProtocolError::NothingToContinue));
}

#[test]
fn a_compressed_message_is_refused_until_compression_can_be_agreed() {
    let header = Header { rsv1: true, ..Header::unmasked(Text, 0) };
    let refused = Assembler::new().accept(&header, &mut [], &LIMITS).unwrap_err();
    assert_eq!(refused, ProtocolError::ReservedBits(0b100));
}

#[test]
fn text_may_be_split_inside_a_character() {
    let text = "κόσμε 𝄞".as_bytes();
    for cut in 0..=text.len() {
        let mut a = Assembler::new();
        assert_eq!(more(&mut a, Text, &text[..cut]), Ok(Got::Incomplete), "cut at {cut}");
        assert_eq!(last(&mut a, Continuation, &text[cut..]), Ok(Got::Message(Text, text.to_vec())));
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_as_soon_as_it_is_known() {
    let invalid = [
        &b"\xce\xba\xed\xa0\x80"[..], // a surrogate
        b"\xf4\x90\x80\x80",          // beyond U+10FFFF
        b"\xc0\xaf",                  // overlong
        b"\xff",
        b"a\x80",
    ];
    for text in invalid {
        let error = last(&mut Assembler::new(), Text, text).unwrap_err();
        assert_eq!(error, ProtocolError::InvalidUtf8, "{text:x?}");
        assert_eq!(error.close_code(), CloseCode::INVALID_PAYLOAD);
        assert!(last(&mut Assembler::new(), Binary, text).is_ok());
        assert_eq!(more(&mut Assembler::new(), Text, text), Err(ProtocolError::InvalidUtf8));
    }
    let mut a = Assembler::new();
    more(&mut a, Text, b"ok \xf4").unwrap();
    assert_eq!(more(&mut a, Continuation, b"\x90"), Err(ProtocolError::InvalidUtf8), "before the character ends");
}

#[test]
fn text_that_ends_inside_a_character_is_refused() {
    assert_eq!(last(&mut Assembler::new(), Text, b"\xce"), Err(ProtocolError::InvalidUtf8));
    let mut a = Assembler::new();
    more(&mut a, Text, b"\xce").unwrap();
    assert_eq!(last(&mut a, Continuation, b""), Err(ProtocolError::InvalidUtf8));
}

#[test]
fn size_is_limited_over_all_fragments() {
    let limits = Limits { max_message: 6, max_fragments: 10 };
    let mut a = Assembler::new();
    accept_within(&mut a, Binary, false, b"abc", &limits).unwrap();
    accept_within(&mut a, Continuation, false, b"def", &limits).unwrap();
    let error = accept_within(&mut a, Continuation, true, b"g", &limits).unwrap_err();
    assert_eq!(error, ProtocolError::MessageTooBig { len: 7, max: 6 });
    assert_eq!(error.close_code(), CloseCode::TOO_BIG);
    assert!(accept_within(&mut Assembler::new(), Binary, true, b"abcdef", &limits).is_ok());
    let error = accept_within(&mut Assembler::new(), Binary, true, b"abcdefg", &limits).unwrap_err();
    assert_eq!(error, ProtocolError::MessageTooBig { len: 7, max: 6 });
}

#[test]
fn the_number_of_fragments_is_limited_even_when_they_are_empty() {
    let limits = Limits { max_message: 10, max_fragments: 3 };
    let mut a = Assembler::new();
    accept_within(&mut a, Binary, false, b"", &limits).unwrap();
    accept_within(&mut a, Continuation, false, b"", &limits).unwrap();
    accept_within(&mut a, Continuation, false, b"", &limits).unwrap();
    let error = accept_within(&mut a, Continuation, true, b"", &limits).unwrap_err();
    assert_eq!(error, ProtocolError::TooManyFragments { max: 3 });
    assert_eq!(error.close_code(), CloseCode::POLICY);
}

proptest! {
    #[test]
    fn however_a_text_is_cut_it_is_judged_as_the_whole(
        text in prop_oneof![
            any::<String>().prop_map(String::into_bytes),
            vec(any::<u8>(), 0..12),
            (any::<String>(), vec(any::<u8>(), 0..3)).prop_map(|(text, tail)| [text.into_bytes(), tail].concat()),
        ],
        points in vec(any::<prop::sample::Index>(), 1..6),
    ) {
        let mut cuts: Vec<usize> = points.iter().map(|p| p.index(text.len() + 1)).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
        let mut assembler = Assembler::new();
        let mut outcome = Ok(Got::Incomplete);
        for (i, piece) in pieces.iter().enumerate() {
            let opcode = if i == 0 { Text } else { Continuation };
            let fin = i + 1 == pieces.len();
            outcome = accept_within(&mut assembler, opcode, fin, piece, &Limits { max_message: 10_000, ..LIMITS });
            if outcome.is_err() {
                break;
            }
        }
        let whole = match std::str::from_utf8(&text) {
            Ok(_) => Ok(Got::Message(Text, text.clone())),
            Err(_) => Err(ProtocolError::InvalidUtf8),
        };
        prop_assert_eq!(outcome, whole);
    }

    #[test]
    fn any_order_of_frames_never_panics_and_never_holds_more_than_the_limit(
        frames in vec((0usize..6, any::<bool>(), vec(any::<u8>(), 0..60)), 0..40), max_message in 0usize..200,
    ) {
        let limits = Limits { max_message, max_fragments: 5 };
        let opcodes = [Continuation, Text, Binary, Close, Ping, Pong];
        let mut assembler = Assembler::new();
        for (opcode, fin, payload) in frames {
            // Errors are final on a connection; going on all the same must be harmless.
            let _ = accept_within(&mut assembler, opcodes[opcode], fin, &payload, &limits);
            prop_assert!(assembler.buffered() <= max_message);
        }
    }
}

/// Feeds a stream of text frames piece by piece, and says after how many bytes it was refused.
fn refused_after(stream: &[u8], pieces: &[usize]) -> Option<usize> {
    let rules = Rules { role: Role::Server, rsv1: Rsv1::Refused, max_frame: 1 << 20 };
    let limits = Limits { max_message: 1 << 20, max_fragments: 100 };
    let (mut reader, mut assembler) = (FrameReader::new(), Assembler::new());
    let mut at = 0;
    for piece in pieces.iter().cycle() {
        let end = (at + piece).min(stream.len());
        let fed = reader.feed(&mut stream[at..end].to_vec(), &rules, |header, payload| {
            assembler.accept(&header, payload, &limits).map(|_| Flow::Continue)
        });
        at = end;
        if fed.and_then(|_| reader.part().map_or(Ok(()), |part| assembler.preview(part))).is_err() {
            return Some(at);
        }
        if at == stream.len() {
            return None;
        }
    }
    None
}

/// One fragmented text message: its frames, and for every byte of text how many bytes of the stream are there when it is.
fn text_in_frames(text: &[u8], frames: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let (mut stream, mut places) = (Vec::new(), Vec::new());
    let mut rest = text;
    for (n, len) in frames.iter().cycle().enumerate() {
        let (now, later) = rest.split_at((*len).min(rest.len()));
        rest = later;
        let mut frame = Vec::new();
        wire::append_masked_frame(&mut frame, if n == 0 { Text } else { Continuation }, now, [1, 20, 3, 40]);
        frame[0] &= if rest.is_empty() { 0xff } else { 0x7f };
        let header = frame.len() - now.len();
        places.extend((1..=now.len()).map(|byte| stream.len() + header + byte));
        stream.extend(frame);
        if rest.is_empty() {
            return (stream, places);
        }
    }
    unreachable!("frames repeat until the text ends")
}

proptest! {
    /// Byte by byte, the connection ends with the byte that makes the text impossible, wherever frames begin and end.
    #[test]
    fn invalid_text_is_refused_at_its_first_wrong_byte(
        good in "[a-zäß€𝄞]{0,30}", bad in vec(any::<u8>(), 0..6), after in vec(any::<u8>(), 0..20),
        frames in vec(1usize..40, 1..6),
    ) {
        let text = [good.as_bytes(), &bad, &after].concat();
        let wrong = (1..=text.len()).find(|n| {
            std::str::from_utf8(&text[..*n]).is_err_and(|error| error.error_len().is_some())
        });
        let (stream, places) = text_in_frames(&text, &frames);
        let expected = match wrong {
            Some(n) => Some(places[n - 1]),
            // Unless a character is missing its end, which only the end of the message shows.
            None => std::str::from_utf8(&text).is_err().then_some(stream.len()),
        };
        prop_assert_eq!(refused_after(&stream, &[1]), expected);
    }

    /// In larger pieces, with the piece that holds that byte.
    #[test]
    fn long_text_is_looked_at_piece_by_piece(
        letters in 0usize..6000, wrong in any::<bool>(), pieces in vec(1usize..3000, 1..10),
    ) {
        let text = [&"ä€b".repeat(letters / 6).into_bytes()[..], if wrong { b"\xff" } else { b"x" }, &[b'z'; 3000]].concat();
        let (stream, places) = text_in_frames(&text, &[usize::MAX]);
        let refused = refused_after(&stream, &pieces);
        prop_assert_eq!(refused.is_some(), wrong);
        if let Some(refused) = refused {
            let first = places[text.len() - 3001];
            prop_assert!(refused >= first && refused < first + 3000, "{} {}", refused, first);
        }
    }
}
