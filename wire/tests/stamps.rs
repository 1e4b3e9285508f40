//! Stamps: found again whatever is around them, and never read as another.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use proptest::collection::vec;
use proptest::prelude::*;
use wire::stamp::{MAX_LEN, MIN_LEN, Stamp};

fn text(stamp: Stamp) -> Vec<u8> {
    let mut out = Vec::new();
    stamp.encode(&mut out);
    out
}

fn stamp() -> impl Strategy<Value = Stamp> {
    let value = || prop_oneof![0u32..5000, (0u32..32).prop_map(|bits| 1 << bits), any::<u32>()];
    (any::<u16>(), value(), value()).prop_map(|(run, publisher, seq)| Stamp { run, publisher, seq })
}

#[test]
fn has_twelve_bytes_in_ordinary_runs_and_at_most_eighteen() {
    let len = |publisher, seq| text(Stamp { run: 0xffff, publisher, seq }).len();
    assert_eq!(len(0, 0), MIN_LEN);
    assert_eq!(len(4095, (1 << 24) - 1), MIN_LEN);
    assert_eq!(len(4096, 0), 13);
    assert_eq!(len(0, 1 << 24), 14);
    assert_eq!(len(u32::MAX, u32::MAX), MAX_LEN);
}

/// Several programs and stored traces must agree on these bytes.
#[test]
fn is_spelled_the_same_for_ever() {
    let spelled = |run, publisher, seq| String::from_utf8(text(Stamp { run, publisher, seq }));
    assert_eq!(spelled(0, 0, 0).unwrap(), "~KzAAAAAAAAA");
    assert_eq!(spelled(7, 3, 41).unwrap(), "~OsAAHADAAAp");
    assert_eq!(spelled(0xffff, u32::MAX, u32::MAX).unwrap(), "~zr___D_____D_____");
}

#[test]
fn digits_that_change_places_are_noticed() {
    let token = text(Stamp { run: 7, publisher: 3, seq: 0x00ab_cdef });
    for (a, b) in (1..token.len()).flat_map(|a| (1..a).map(move |b| (a, b))) {
        let mut swapped = token.clone();
        swapped.swap(a, b);
        assert!(swapped == token || Stamp::find(&swapped, 7).is_none(), "{a} and {b}");
    }
}

#[test]
fn is_found_inside_json_and_after_false_sentinels() {
    let stamp = Stamp { run: 7, publisher: 3, seq: 41 };
    let token = String::from_utf8(text(stamp)).unwrap();
    let payload = format!(r#"{{"type":"chat","content":"~ hi ~abc ~~{token} there","seq":"~"}}"#);
    let (found, place) = Stamp::find(payload.as_bytes(), 7).unwrap();
    assert_eq!(found, stamp);
    assert_eq!(payload[place], token);
}

#[test]
fn the_first_stamp_of_the_run_counts() {
    let stamps = [(1, 10), (2, 20), (2, 30)].map(|(run, seq)| Stamp { run, publisher: 0, seq });
    let payload = stamps.map(text).concat();
    assert_eq!(Stamp::find(&payload, 2), Some((stamps[1], 12..24)));
    assert_eq!(Stamp::find(&payload, 3), None);
}

#[test]
fn nothing_is_found_where_nothing_is() {
    assert_eq!(Stamp::find(b"", 0), None);
    assert_eq!(Stamp::find(&[b'~'; 1000], 0), None);
    assert_eq!(Stamp::find(b"~AAAAAAAAAAAAAAAAAAAAAAA", 0), None);
}

proptest! {
    #[test]
    fn is_found_where_it_was_put(
        stamp in stamp(), before in vec(any::<u8>(), 0..100), after in vec(any::<u8>(), 0..100),
    ) {
        let token = text(stamp);
        prop_assert_eq!(token.len(), stamp.encoded_len());
        prop_assert!((MIN_LEN..=MAX_LEN).contains(&token.len()));
        let payload = [&before[..], &token, &after].concat();
        prop_assert_eq!(Stamp::find(&payload, stamp.run), Some((stamp, before.len()..before.len() + token.len())));
        prop_assert_eq!(Stamp::find(&payload, stamp.run ^ 1), None);
    }

    #[test]
    fn survives_json_urls_and_html_unchanged(stamp in stamp()) {
        let safe = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~');
        prop_assert!(text(stamp).iter().all(safe));
    }

    #[test]
    fn a_stamp_with_one_byte_changed_is_no_stamp(
        stamp in stamp(), at: prop::sample::Index, byte: u8, after in "[A-Za-z0-9_-]{0,20}",
    ) {
        let token = text(stamp);
        let mut payload = [&token[..], after.as_bytes()].concat();
        let at = at.index(token.len());
        prop_assume!(payload[at] != byte);
        payload[at] = byte;
        prop_assert_eq!(Stamp::find(&payload, stamp.run), None);
    }

    #[test]
    fn a_stamp_cut_short_is_no_stamp(stamp in stamp(), cut: prop::sample::Index) {
        let token = text(stamp);
        prop_assert_eq!(Stamp::find(&token[..cut.index(token.len())], stamp.run), None);
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(prop_oneof![Just(b'~'), b'A'..=b'Z', any::<u8>()], 0..200), run: u16) {
        if let Some((found, place)) = Stamp::find(&bytes, run) {
            prop_assert_eq!(text(found), &bytes[place]);
        }
    }
}

/// The whole of the guarantee, for one stamp: every byte, every value, with text behind that could be digits.
#[test]
fn no_single_byte_of_a_stamp_can_be_changed_unnoticed() {
    for stamp in [
        Stamp { run: 0xbeef, publisher: 5, seq: 1234 },
        Stamp { run: 0, publisher: 70_000, seq: 0 },
        Stamp { run: 1, publisher: 1, seq: u32::MAX },
        Stamp { run: 1, publisher: u32::MAX, seq: 1 },
    ] {
        let token = text(stamp);
        for at in 0..token.len() {
            for byte in (0..=u8::MAX).filter(|byte| *byte != token[at]) {
                let mut payload = [&token[..], b"ABCDEFGH"].concat();
                payload[at] = byte;
                assert_eq!(Stamp::find(&payload, stamp.run), None, "byte {at} as {byte:#x}");
            }
        }
    }
}
