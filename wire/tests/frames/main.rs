//! Frames as RFC 6455 section 5 describes them: the examples it prints, and what it forbids.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod streams;

use wire::frame::{
    Decoded, Header, MAX_HEADER, Opcode, Parsed, Role, Rsv1, Rules, append_frame, append_masked_frame, decode,
};
use wire::{CloseCode, ProtocolError};

const CLIENT: Rules = Rules { role: Role::Client, rsv1: Rsv1::Refused, max_frame: 1 << 20 };
const SERVER: Rules = Rules { role: Role::Server, ..CLIENT };

/// A frame as a test compares it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    fin: bool,
    opcode: Opcode,
    payload: Vec<u8>,
}

fn one(bytes: &[u8], rules: &Rules) -> Result<Seen, ProtocolError> {
    let mut bytes = bytes.to_vec();
    let whole = bytes.len();
    match decode(&mut bytes, rules)? {
        Decoded::Frame { header, payload, consumed } => {
            assert_eq!(consumed, whole);
            assert_eq!(header.len, payload.len() as u64);
            Ok(Seen { fin: header.fin, opcode: header.opcode, payload: payload.to_vec() })
        }
        Decoded::Incomplete { need } => panic!("incomplete, {need} bytes are needed"),
    }
}

fn refusal(bytes: &[u8], rules: &Rules) -> ProtocolError {
    let mut bytes = bytes.to_vec();
    match decode(&mut bytes, rules) {
        Err(error) => error,
        Ok(other) => panic!("{other:?} should be refused"),
    }
}

fn whole(opcode: Opcode, payload: &[u8]) -> Seen {
    Seen { fin: true, opcode, payload: payload.to_vec() }
}

#[test]
fn decodes_the_examples_of_the_rfc() {
    assert_eq!(one(b"\x81\x05Hello", &CLIENT), Ok(whole(Opcode::Text, b"Hello")));
    let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(one(masked, &SERVER), Ok(whole(Opcode::Text, b"Hello")));
    let first = Seen { fin: false, ..whole(Opcode::Text, b"Hel") };
    assert_eq!(one(b"\x01\x03Hel", &CLIENT), Ok(first));
    assert_eq!(one(b"\x80\x02lo", &CLIENT), Ok(whole(Opcode::Continuation, b"lo")));
    assert_eq!(one(b"\x89\x05Hello", &CLIENT), Ok(whole(Opcode::Ping, b"Hello")));
    let pong = b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(one(pong, &SERVER), Ok(whole(Opcode::Pong, b"Hello")));
    let mut middle = b"\x82\x7e\x01\x00".to_vec();
    middle.extend([7; 256]);
    assert_eq!(one(&middle, &CLIENT), Ok(whole(Opcode::Binary, &[7; 256])));
    let mut long = b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00".to_vec();
    long.extend([7; 65536]);
    assert_eq!(one(&long, &CLIENT), Ok(whole(Opcode::Binary, &[7; 65536])));
}

#[test]
fn encodes_the_examples_of_the_rfc() {
    let mut out = Vec::new();
    append_frame(&mut out, Opcode::Text, b"Hello");
    assert_eq!(out, b"\x81\x05Hello");
    out.clear();
    append_masked_frame(&mut out, Opcode::Text, b"Hello", [0x37, 0xfa, 0x21, 0x3d]);
    assert_eq!(out, b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    out.clear();
    append_frame(&mut out, Opcode::Binary, &[7; 256]);
    assert_eq!(out[..4], *b"\x82\x7e\x01\x00");
    out.clear();
    append_frame(&mut out, Opcode::Binary, &[7; 65536]);
    assert_eq!(out[..10], *b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00");
    let fragment = Header { fin: false, rsv1: true, ..Header::unmasked(Opcode::Text, 3) };
    let mut bytes = [0; MAX_HEADER];
    assert_eq!(fragment.encode(&mut bytes), 2);
    assert_eq!(bytes[..2], [0x41, 0x03]);
}

#[test]
fn appends_behind_what_is_there() {
    let mut out = b"before".to_vec();
    append_masked_frame(&mut out, Opcode::Text, b"Hello", [1, 2, 3, 4]);
    append_frame(&mut out, Opcode::Ping, b"");
    assert_eq!(out[..6], *b"before");
    assert_eq!(one(&out[6..17], &SERVER), Ok(whole(Opcode::Text, b"Hello")));
    assert_eq!(out[17..], [0x89, 0]);
}

#[test]
fn refuses_what_no_extension_and_no_rfc_defines() {
    for (first, bits) in [(0x91, 0b001), (0xa1, 0b010), (0xc1, 0b100), (0xf1, 0b111), (0xd9, 0b101)] {
        assert_eq!(refusal(&[first, 0], &CLIENT), ProtocolError::ReservedBits(bits));
    }
    for opcode in [3, 4, 5, 6, 7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        let error = refusal(&[0x80 | opcode, 0], &CLIENT);
        assert_eq!(error, ProtocolError::ReservedOpcode(opcode));
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    }
}

#[test]
fn refuses_from_the_first_byte_what_the_first_byte_shows() {
    assert_eq!(refusal(&[0x83], &CLIENT), ProtocolError::ReservedOpcode(3));
    assert_eq!(refusal(&[0x09], &CLIENT), ProtocolError::ControlFragmented);
    assert_eq!(refusal(&[0xa1], &CLIENT), ProtocolError::ReservedBits(0b010));
}

#[test]
fn rsv1_is_for_the_first_frame_of_a_message_and_only_when_agreed() {
    let agreed = Rules { rsv1: Rsv1::Allowed, ..CLIENT };
    assert_eq!(one(b"\xc1\x00", &agreed), Ok(whole(Opcode::Text, b"")));
    assert_eq!(one(b"\xc2\x00", &agreed), Ok(whole(Opcode::Binary, b"")));
    for first in [0xc0, 0xc8, 0xc9, 0xca] {
        assert_eq!(refusal(&[first, 0], &agreed), ProtocolError::CompressedBitMisplaced);
        assert_eq!(refusal(&[first, 0], &CLIENT), ProtocolError::ReservedBits(0b100));
    }
}

#[test]
fn refuses_control_frames_that_are_long_or_fragmented() {
    for opcode in [0x8, 0x9, 0xa] {
        assert_eq!(refusal(&[opcode, 0], &CLIENT), ProtocolError::ControlFragmented);
        for short in [126, 127] {
            assert_eq!(refusal(&[0x80 | opcode, short], &CLIENT), ProtocolError::ControlTooLong);
        }
        let mut longest = vec![0x80 | opcode, 125];
        longest.extend([b'x'; 125]);
        assert!(one(&longest, &CLIENT).is_ok());
    }
}

#[test]
fn refuses_lengths_that_are_not_minimal() {
    let wide = |len: u64| [&[0x82, 127], &len.to_be_bytes()[..]].concat();
    for len in [0u16, 1, 125] {
        let frame = [&[0x82, 126], &len.to_be_bytes()[..]].concat();
        assert_eq!(refusal(&frame, &CLIENT), ProtocolError::NonMinimalLength(u64::from(len)));
    }
    for len in [0, 125, 126, 0xffff] {
        assert_eq!(refusal(&wide(len), &CLIENT), ProtocolError::NonMinimalLength(len));
    }
    for len in [1 << 63, u64::MAX] {
        assert_eq!(refusal(&wide(len), &CLIENT), ProtocolError::LengthHighBit);
    }
}

#[test]
fn servers_require_masks_and_clients_refuse_them() {
    assert_eq!(refusal(b"\x81\x05Hello", &SERVER), ProtocolError::Unmasked);
    assert_eq!(refusal(b"\x81\x85\0\0\0\0Hello", &CLIENT), ProtocolError::Masked);
    assert_eq!(refusal(b"\x88\x00", &SERVER), ProtocolError::Unmasked);
}

#[test]
fn refuses_a_payload_over_the_limit_from_its_header_alone() {
    let rules = Rules { max_frame: 1000, ..CLIENT };
    let error = refusal(&[0x82, 126, 0x03, 0xe9], &rules);
    assert_eq!(error, ProtocolError::FrameTooBig { len: 1001, max: 1000 });
    assert_eq!(error.close_code(), CloseCode::TOO_BIG);
    let mut most = [0x82, 126, 0x03, 0xe8];
    assert_eq!(decode(&mut most, &rules), Ok(Decoded::Incomplete { need: 1004 }));
    let huge = [&[0x82, 127], &(u64::MAX >> 1).to_be_bytes()[..]].concat();
    assert!(matches!(refusal(&huge, &rules), ProtocolError::FrameTooBig { .. }));
    let all = Rules { max_frame: u64::MAX, ..CLIENT };
    assert!(matches!(decode(&mut huge.clone(), &all), Ok(Decoded::Incomplete { .. })));
}

#[test]
fn control_frames_pass_under_any_message_limit() {
    let rules = Rules { max_frame: 0, ..CLIENT };
    assert_eq!(one(b"\x89\x05Hello", &rules), Ok(whole(Opcode::Ping, b"Hello")));
    assert!(matches!(refusal(b"\x81\x05Hello", &rules), ProtocolError::FrameTooBig { .. }));
}

#[test]
fn says_how_many_bytes_the_frame_needs_as_far_as_is_known() {
    let frame = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    for (have, expected) in [(0, 2), (1, 2), (2, 6), (5, 6), (6, 11), (10, 11)] {
        let mut start = frame[..have].to_vec();
        assert_eq!(decode(&mut start, &SERVER), Ok(Decoded::Incomplete { need: expected }));
        assert_eq!(start, frame[..have], "an incomplete frame must not be touched");
    }
    assert_eq!(Header::parse(&[0x82, 0xff]), Ok(Parsed::Incomplete { need: 14 }));
    assert_eq!(Header::parse(&[0x82, 0xfe]), Ok(Parsed::Incomplete { need: 8 }));
}
