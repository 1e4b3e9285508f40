//! What one connection's bytes mean, however they are cut.

use super::*;
use proptest::prelude::*;
use wire::{CloseCode, append_masked_frame};

const KEY: [u8; 4] = [1, 2, 3, 4];

fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    append_masked_frame(&mut out, opcode, payload, KEY);
    out
}

/// A masked frame of fewer than 126 bytes whose FIN and opcode are those of `first`.
fn masked_fragment(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    out.extend(payload);
    out
}

fn receive(session: &mut Session, mut bytes: Vec<u8>) -> (Result<Outcome, ProtocolError>, Vec<String>) {
    let mut requests = Vec::new();
    let outcome = session.receive(&mut bytes, &Intake::new(1000), None, |request| {
        requests.push(format!("{request:?}"));
        Flow::Continue
    });
    (outcome, requests)
}

#[test]
fn messages_pings_and_pongs_are_requests_in_order() {
    let bytes =
        [frame(Opcode::Text, b"a"), frame(Opcode::Ping, b"p"), frame(Opcode::Pong, b""), frame(Opcode::Binary, b"b")]
            .concat();
    let (outcome, requests) = receive(&mut Session::new(), bytes);
    assert_eq!(outcome, Ok(Outcome::Open));
    assert_eq!(
        requests,
        ["Message { opcode: Text, payload: [97] }", "Ping([112])", "Pong", "Message { opcode: Binary, payload: [98] }"]
    );
}

#[test]
fn the_peers_close_names_its_code_and_ends_the_reading() {
    let mut session = Session::new();
    let bytes = [frame(Opcode::Close, &1000_u16.to_be_bytes()), frame(Opcode::Text, b"late")].concat();
    let (outcome, requests) = receive(&mut session, bytes);
    assert_eq!(outcome, Ok(Outcome::PeerCloses(Some(CloseFrame { code: CloseCode::NORMAL, reason: String::new() }))));
    assert!(requests.is_empty());
    assert_eq!(receive(&mut session, frame(Opcode::Text, b"later")), (Ok(Outcome::Closed), vec![]));
}

#[test]
fn after_our_close_data_is_ignored_until_the_peer_answers() {
    let mut session = Session::new();
    session.close();
    assert_eq!(receive(&mut session, frame(Opcode::Text, b"x")), (Ok(Outcome::Open), vec![]));
    assert_eq!(receive(&mut session, frame(Opcode::Close, b"")), (Ok(Outcome::Closed), vec![]));
}

#[test]
fn after_a_violation_nothing_is_read_any_more() {
    let mut session = Session::new();
    let (outcome, _) = receive(&mut session, b"\x81\x01a".to_vec());
    assert_eq!(outcome.unwrap_err().close_code(), CloseCode::PROTOCOL_ERROR);
    assert_eq!(receive(&mut session, frame(Opcode::Close, b"")), (Ok(Outcome::Open), vec![]));
}

#[test]
fn requests_before_a_violation_in_the_same_bytes_count() {
    let bytes = [frame(Opcode::Text, b"good"), b"\xf1\x80".to_vec()].concat();
    let (outcome, requests) = receive(&mut Session::new(), bytes);
    assert!(outcome.is_err());
    assert_eq!(requests.len(), 1);
}

#[test]
fn text_that_cannot_become_utf8_is_refused_before_its_frame_is_whole() {
    let mut session = Session::new();
    let bytes = frame(Opcode::Text, b"fine so far, but \xff and so on");
    let (start, rest) = bytes.split_at(bytes.len() - 10);
    assert_eq!(receive(&mut session, start[..20].to_vec()).0, Ok(Outcome::Open));
    assert_eq!(receive(&mut session, start[20..].to_vec()).0, Err(ProtocolError::InvalidUtf8));
    assert_eq!(receive(&mut session, rest.to_vec()), (Ok(Outcome::Open), vec![]));
    assert_eq!(session.buffered(), 0);
}

#[test]
fn an_oversized_message_is_refused_before_it_is_kept() {
    let mut session = Session::new();
    let header = frame(Opcode::Binary, &[0; 1001])[..8].to_vec();
    assert_eq!(receive(&mut session, header).0.unwrap_err().close_code(), CloseCode::TOO_BIG);
    assert_eq!(session.buffered(), 0);
}

#[test]
fn a_pause_after_each_request_loses_none_and_keeps_their_order() {
    let mut session = Session::new();
    let fragments = [masked_fragment(0x01, b"c"), masked_fragment(0x80, b"d")].concat();
    let mut bytes = [frame(Opcode::Text, b"a"), frame(Opcode::Ping, b"b"), fragments].concat();
    let mut requests = Vec::new();
    let mut step = |session: &mut Session, held: Option<&Held>, bytes: &mut [u8]| {
        let mut now = Vec::new();
        let outcome = session.receive_after(held, bytes, &Intake::new(1000), None, |request| {
            now.push(format!("{request:?}"));
            Flow::Pause
        });
        assert_eq!((outcome, now.len()), (Ok(Outcome::Open), 1));
        requests.append(&mut now);
    };
    step(&mut session, None, &mut bytes);
    assert!(session.is_midway() && session.buffered() > 0);
    step(&mut session, Some(&Held { opcode: Opcode::Text, payload: b"again".to_vec() }), &mut []);
    step(&mut session, None, &mut []);
    step(&mut session, None, &mut []);
    assert!(!session.is_midway());
    assert_eq!(
        requests,
        [
            "Message { opcode: Text, payload: [97] }",
            "Message { opcode: Text, payload: [97, 103, 97, 105, 110] }",
            "Ping([98])",
            "Message { opcode: Text, payload: [99, 100] }"
        ]
    );
}

#[test]
fn a_message_is_midway_from_its_first_byte_to_its_last() {
    let mut session = Session::new();
    let frame = [masked_fragment(0x02, b"ab"), masked_fragment(0x80, b"cd")].concat();
    for byte in &frame[..frame.len() - 1] {
        assert_eq!(receive(&mut session, vec![*byte]), (Ok(Outcome::Open), vec![]));
        assert!(session.is_midway());
    }
    let (_, requests) = receive(&mut session, vec![frame[frame.len() - 1]]);
    assert_eq!(requests.len(), 1);
    assert!(!session.is_midway());
}

#[test]
fn an_idle_session_is_small() {
    assert!(size_of::<Session>() <= 24);
}

proptest! {
    /// However the bytes are cut, the same requests come out.
    #[test]
    fn any_split_gives_the_same_requests(
        messages in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..300), 0_u8..3), 1..20),
        cuts in proptest::collection::vec(1_usize..200, 1..50),
    ) {
        let mut bytes = Vec::new();
        for (payload, kind) in &messages {
            let opcode = [Opcode::Binary, Opcode::Ping, Opcode::Pong][usize::from(*kind)];
            let len = if *kind == 0 { payload.len() } else { payload.len().min(125) };
            append_masked_frame(&mut bytes, opcode, &payload[..len], KEY);
        }
        let whole = receive(&mut Session::new(), bytes.clone()).1;
        let mut session = Session::new();
        let mut pieces = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            rest = after;
            pieces.extend(receive(&mut session, piece.to_vec()).1);
        }
        prop_assert_eq!(pieces, whole);
        prop_assert_eq!(session.buffered(), 0);
    }
}
