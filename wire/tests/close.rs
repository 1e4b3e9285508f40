//! Close codes and close frames (RFC 6455 5.5.1 and 7.4).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use proptest::prelude::*;
use wire::{CloseCode, CloseFrame, ProtocolError};

fn encoded(code: u16, reason: &str) -> Vec<u8> {
    let mut out = Vec::new();
    CloseFrame::encode(CloseCode(code), reason, &mut out);
    out
}

#[test]
fn codes_that_may_be_sent_are_those_of_the_table() {
    let refused = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];
    for code in refused {
        assert!(!CloseCode(code).is_valid_on_wire(), "{code}");
        let payload = [&code.to_be_bytes()[..], b"why"].concat();
        let error = CloseFrame::parse(&payload).unwrap_err();
        assert_eq!(error, ProtocolError::InvalidCloseCode(code));
        assert_eq!(error.close_code(), CloseCode::PROTOCOL_ERROR);
    }
    let sent = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
    for code in sent {
        assert!(CloseCode(code).is_valid_on_wire(), "{code}");
        let frame = CloseFrame { code: CloseCode(code), reason: "why".to_owned() };
        assert_eq!(CloseFrame::parse(&encoded(code, "why")), Ok(Some(frame)));
    }
}

#[test]
fn every_code_with_a_name_of_its_own_has_another_name_and_meaning() {
    let own: Vec<CloseCode> = (1000..=1015)
        .chain(4001..=4004)
        .map(CloseCode)
        .filter(|code| !matches!(code.name(), "unassigned" | "private"))
        .collect();
    assert_eq!(own.len(), 19, "1000 to 1015 without 1004, and four of ours");
    for (i, code) in own.iter().enumerate() {
        for other in &own[..i] {
            assert_ne!(code.name(), other.name());
            assert_ne!(code.meaning(), other.meaning());
        }
    }
    assert_eq!(CloseCode(3500).name(), "registered");
    assert_eq!(CloseCode(4500).name(), "private");
    assert_eq!(CloseCode(5).name(), "unassigned");
    assert_eq!(CloseCode::LAGGED.to_string(), "4002 (lagged)");
}

#[test]
fn an_empty_payload_names_no_code_and_one_byte_is_an_error() {
    assert_eq!(CloseFrame::parse(b""), Ok(None));
    assert_eq!(CloseFrame::parse(b"\x03"), Err(ProtocolError::CloseTooShort));
    let bare = CloseFrame { code: CloseCode::NORMAL, reason: String::new() };
    assert_eq!(CloseFrame::parse(b"\x03\xe8"), Ok(Some(bare)));
}

#[test]
fn a_reason_that_is_not_utf8_is_an_error() {
    let error = CloseFrame::parse(b"\x03\xe8\xce").unwrap_err();
    assert_eq!(error, ProtocolError::InvalidCloseReason);
    assert_eq!(error.close_code(), CloseCode::INVALID_PAYLOAD);
}

#[test]
fn a_code_that_must_not_be_sent_is_written_as_no_code() {
    for code in [1005, 1006, 1015, 0, 70] {
        assert_eq!(encoded(code, "why"), b"");
    }
}

#[test]
fn a_long_reason_is_cut_at_a_character() {
    assert_eq!(encoded(1000, &"x".repeat(123)).len(), 125);
    assert_eq!(encoded(1000, &"x".repeat(124)).len(), 125);
    // 61 times two bytes; the next would end at 124.
    assert_eq!(encoded(1000, &"é".repeat(100)).len(), 2 + 122);
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(code in prop_oneof![1000u16..1004, 3000u16..5000], reason: String) {
        let payload = encoded(code, &reason);
        prop_assert!(payload.len() <= 125);
        let frame = CloseFrame::parse(&payload).unwrap().unwrap();
        prop_assert_eq!(frame.code, CloseCode(code));
        prop_assert!(reason.starts_with(&frame.reason));
        prop_assert!(reason.len() - frame.reason.len() == 0 || frame.reason.len() > 119);
    }

    #[test]
    fn any_payload_is_read_or_refused(payload in proptest::collection::vec(any::<u8>(), 0..126)) {
        if let Ok(Some(frame)) = CloseFrame::parse(&payload) {
            prop_assert_eq!(encoded(frame.code.0, &frame.reason), payload);
        }
    }
}
