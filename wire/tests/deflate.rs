//! permessage-deflate (RFC 7692) end to end: the RFC's own bytes, any message, any cut, and peers that mean harm.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use proptest::prelude::*;
use wire::{
    Assembler, Context, Deflater, Direction, Event, Flow, FrameReader, Header, Inflater, Limits, Opcode, ProtocolError,
    Role, Rsv1, Rules,
};

const LIMIT: usize = 1 << 20;
const KEPT: Direction = Direction { context: Context::Kept, window_bits: 15 };
const FRESH: Direction = Direction { context: Context::Fresh, window_bits: 15 };

fn inflate_all(context: Context, payloads: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut inflater = Inflater::new(context);
    payloads.iter().map(|payload| inflater.inflate(payload, LIMIT).unwrap().to_vec()).collect()
}

fn deflated(deflater: &mut Deflater, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    deflater.deflate(payload, &mut out);
    out
}

/// RFC 7692 section 7.2.3.
#[test]
fn the_examples_of_the_rfc_are_read() {
    let hello = b"\xf2\x48\xcd\xc9\xc9\x07\x00";
    assert_eq!(inflate_all(Context::Kept, &[hello, hello]), [b"Hello", b"Hello"], "without context takeover");
    assert_eq!(inflate_all(Context::Kept, &[hello, b"\xf2\x00\x11\x00\x00"]), [b"Hello", b"Hello"], "with it");
    assert_eq!(inflate_all(Context::Kept, &[b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"]), [b"Hello"], "stored");
    let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    assert_eq!(inflate_all(Context::Kept, &[last, last, hello]), [b"Hello"; 3], "final blocks");
    assert_eq!(
        inflate_all(Context::Fresh, &[b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"]),
        [b"Hello"],
        "two blocks"
    );
    assert_eq!(inflate_all(Context::Kept, &[b"\x00", hello, b"\x00"]), [&b""[..], b"Hello", b""], "empty");
}

#[test]
fn the_examples_of_the_rfc_are_written() {
    let mut kept = Deflater::new(KEPT, 6);
    assert_eq!(deflated(&mut kept, b"Hello"), b"\xf2\x48\xcd\xc9\xc9\x07\x00");
    assert_eq!(deflated(&mut kept, b"Hello"), b"\xf2\x00\x11\x00\x00");
    let mut fresh = Deflater::new(FRESH, 6);
    for _ in 0..2 {
        assert_eq!(deflated(&mut fresh, b"Hello"), b"\xf2\x48\xcd\xc9\xc9\x07\x00");
        assert_eq!(deflated(&mut fresh, b""), b"\x00");
    }
}

#[test]
fn the_message_split_into_two_frames_is_read_as_one() {
    // RFC 7692 section 7.2.3.1: RSV1 on the first frame only.
    let mut bytes = b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00".to_vec();
    assert_eq!(receive(&mut bytes, LIMIT), Ok(vec![(Opcode::Text, b"Hello".to_vec())]));
    let mut bytes = b"\x41\x03\xf2\x48\xcd\xc0\x04\xc9\xc9\x07\x00".to_vec();
    assert_eq!(receive(&mut bytes, LIMIT), Err(ProtocolError::CompressedBitMisplaced));
}

fn receive(bytes: &mut [u8], max_message: usize) -> Result<Vec<(Opcode, Vec<u8>)>, ProtocolError> {
    let rules = Rules { role: Role::Client, rsv1: Rsv1::Allowed, max_frame: LIMIT as u64 };
    let limits = Limits { max_message, max_fragments: 10_000 };
    let (mut reader, mut assembler, mut inflater) =
        (FrameReader::new(), Assembler::new(), Inflater::new(Context::Kept));
    let mut messages = Vec::new();
    reader.feed(bytes, &rules, |header, payload| {
        if let Event::Message { opcode, payload } =
            assembler.accept_compressed(&mut inflater, &header, payload, &limits)?
        {
            messages.push((opcode, payload.to_vec()));
        }
        assembler.release();
        Ok::<_, ProtocolError>(Flow::Continue)
    })?;
    Ok(messages)
}

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut header = [0; wire::MAX_HEADER];
    let n = Header { rsv1: true, ..Header::unmasked(opcode, payload.len() as u64) }.encode(&mut header);
    [&header[..n], payload].concat()
}

#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    let bomb = deflated(&mut Deflater::new(FRESH, 9), &vec![0; 64 << 20]);
    assert!(bomb.len() < 80 << 10, "{}", bomb.len());
    for limit in [0, 1, 1000, 1 << 20] {
        let error = Inflater::new(Context::Fresh).inflate(&bomb, limit).unwrap_err();
        assert!(
            matches!(error, ProtocolError::MessageTooBig { len, max } if len == limit + 1 && max == limit),
            "{error:?}"
        );
    }
}

#[test]
fn a_message_of_exactly_the_limit_passes() {
    let payload = vec![7; 70_000];
    let bytes = deflated(&mut Deflater::new(KEPT, 6), &payload);
    assert_eq!(Inflater::new(Context::Kept).inflate(&bytes, 70_000).unwrap(), payload);
    assert!(Inflater::new(Context::Kept).inflate(&bytes, 69_999).is_err());
    assert_eq!(receive(&mut frame(Opcode::Binary, &bytes), 69_999).unwrap_err().close_code().0, 1009);
}

#[test]
fn what_is_no_deflate_data_or_no_text_closes_with_1007() {
    assert_eq!(receive(&mut frame(Opcode::Binary, b"\xff\xff\xff"), LIMIT), Err(ProtocolError::InvalidDeflate));
    assert_eq!(ProtocolError::InvalidDeflate.close_code().0, 1007);
    let invalid = deflated(&mut Deflater::new(KEPT, 6), b"\xff\xfe");
    assert_eq!(receive(&mut frame(Opcode::Text, &invalid), LIMIT), Err(ProtocolError::InvalidUtf8));
}

#[test]
fn a_message_that_is_cut_short_is_found_out_where_no_context_is_kept() {
    let payload: Vec<u8> = (0..3000_u32).map(|i| ((i * i) >> 5) as u8 & 0x3f).collect();
    for level in [0, 1, 6] {
        let mut whole = deflated(&mut Deflater::new(FRESH, level), &payload);
        let mut inflater = Inflater::new(Context::Fresh);
        assert_eq!(inflater.inflate(&whole, LIMIT).unwrap(), payload);
        while whole.pop().is_some() {
            // Nothing at all is an empty message.
            let cut = inflater.inflate(&whole, LIMIT).map(|message| message.to_vec());
            assert!(matches!(&cut, Err(ProtocolError::InvalidDeflate)) || (whole.is_empty() && cut == Ok(Vec::new())));
        }
    }
}

#[test]
fn compressed_text_that_has_arrived_in_part_is_not_taken_for_text() {
    let body = deflated(&mut Deflater::new(KEPT, 6), "Grüße an alle, die zuhören".as_bytes());
    let mut head = [0; wire::MAX_HEADER];
    let first = Header { rsv1: true, fin: false, ..Header::unmasked(Opcode::Text, 4) };
    let n = first.encode(&mut head);
    let mut bytes = [&head[..n], &body[..4]].concat();
    let n = Header::unmasked(Opcode::Continuation, body.len() as u64 - 4).encode(&mut head);
    bytes.extend_from_slice(&head[..n]);
    bytes.extend_from_slice(&body[4..]);
    let rules = Rules { role: Role::Client, rsv1: Rsv1::Allowed, max_frame: LIMIT as u64 };
    let limits = Limits { max_message: LIMIT, max_fragments: 1000 };
    let (mut reader, mut assembler, mut inflater) =
        (FrameReader::new(), Assembler::new(), Inflater::new(Context::Kept));
    let mut texts = Vec::new();
    for byte in &mut bytes {
        reader
            .feed(std::slice::from_mut(byte), &rules, |header, payload| {
                if let Event::Message { payload, .. } =
                    assembler.accept_compressed(&mut inflater, &header, payload, &limits)?
                {
                    texts.push(String::from_utf8(payload.to_vec()).unwrap());
                }
                assembler.release();
                Ok::<_, ProtocolError>(Flow::Continue)
            })
            .unwrap();
        if let Some(part) = reader.part() {
            assembler.preview(part).unwrap();
        }
    }
    assert_eq!(texts, ["Grüße an alle, die zuhören"]);
}

#[test]
fn without_agreement_a_compressed_message_breaks_the_protocol() {
    let header = Header { rsv1: true, ..Header::unmasked(Opcode::Text, 1) };
    let limits = Limits { max_message: 10, max_fragments: 1 };
    assert_eq!(Assembler::new().accept(&header, &mut [0], &limits), Err(ProtocolError::ReservedBits(0b100)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the messages, level and window: what was compressed comes back, with plain messages in between, however it is fragmented.
    #[test]
    fn every_message_comes_back(
        messages in proptest::collection::vec((proptest::collection::vec(0_u8..6, 0..3000), 1_usize..2000, any::<bool>()), 1..20),
        level in 0_u32..11, window_bits in 8_u8..16, fresh: bool,
    ) {
        let context = if fresh { Context::Fresh } else { Context::Kept };
        let mut deflater = Deflater::new(Direction { context, window_bits }, level);
        let mut bytes = Vec::new();
        for (payload, cut, compress) in &messages {
            let body = if *compress { deflated(&mut deflater, payload) } else { payload.clone() };
            let mut pieces: Vec<&[u8]> = body.chunks(*cut).collect();
            if pieces.is_empty() { pieces.push(&[]); }
            for (i, piece) in pieces.iter().enumerate() {
                let opcode = if i == 0 { Opcode::Binary } else { Opcode::Continuation };
                let header = Header {
                    rsv1: *compress && i == 0, fin: i + 1 == pieces.len(), ..Header::unmasked(opcode, piece.len() as u64)
                };
                let mut head = [0; wire::MAX_HEADER];
                let n = header.encode(&mut head);
                bytes.extend_from_slice(&head[..n]);
                bytes.extend_from_slice(piece);
            }
        }
        let received = receive(&mut bytes, LIMIT).unwrap();
        let expected: Vec<_> = messages.into_iter().map(|(payload, ..)| (Opcode::Binary, payload)).collect();
        prop_assert_eq!(received, expected);
    }

    /// Random bytes, and compressed ones that were cut or altered, never panic and never exceed the limit.
    #[test]
    fn damaged_data_is_refused_within_the_limit(
        payload in proptest::collection::vec(any::<u8>(), 0..2000), at in any::<proptest::sample::Index>(),
        flip in 1_u8..=255, cut: bool, compress: bool, limit in 0_usize..5000,
    ) {
        let mut bytes = if compress { deflated(&mut Deflater::new(KEPT, 6), &payload) } else { payload };
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= flip }
        }
        let mut inflater = Inflater::new(Context::Kept);
        for _ in 0..2 {
            if let Ok(out) = inflater.inflate(&bytes, limit) {
                prop_assert!(out.len() <= limit);
            }
        }
    }
}
