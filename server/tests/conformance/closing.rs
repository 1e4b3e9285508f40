//! Section 7: how connections are closed.

use crate::common::masked;
use crate::peer::{CLOSE, CONTINUATION, Case, End, FIN, Got, Step, TEXT, close, ping, text};

const HELLO: &[u8] = b"Hello World!";
/// Codes that a peer may send (RFC 6455 section 7.4).
const VALID: [u16; 13] = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
/// Codes that it may not.
const INVALID: [u16; 9] = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];

pub fn section_7() -> Vec<Case> {
    let normal = || close(Some(1000), b"");
    let answered = |id: &str, frames: &[Vec<u8>], got: Vec<Got>, code| {
        Case::new(id, vec![Step::Send(frames.concat())], got, End::Answered(code))
    };
    let refused = |id: &str, frame: Vec<u8>, code| Case::new(id, vec![Step::Send(frame)], vec![], End::Theirs(code));
    let large: Vec<u8> = b"BAsd7&jh23".iter().copied().cycle().take(256 << 10).collect();
    let hello = || Got::Text(HELLO.to_vec());
    let not_utf8 = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64";
    let mut cases = vec![
        Case::new("7.1.1", vec![Step::Send(text(HELLO))], vec![hello()], End::Ours),
        answered("7.1.2", &[normal(), close(None, b"")], vec![], Some(1000)),
        answered("7.1.3", &[normal(), ping(b"")], vec![], Some(1000)),
        answered("7.1.4", &[normal(), text(HELLO)], vec![], Some(1000)),
        answered(
            "7.1.5",
            &[masked(TEXT, b"fragment1"), normal(), masked(FIN | CONTINUATION, b"fragment2")],
            vec![],
            Some(1000),
        ),
        // Informational in the suite; here what came before the close is answered before it.
        answered(
            "7.1.6",
            &[text(&large), text(HELLO), normal(), ping(b"")],
            vec![Got::Text(large), hello()],
            Some(1000),
        ),
        answered("7.3.1", &[close(None, b"")], vec![], None),
        refused("7.3.2", masked(FIN | CLOSE, b"a"), 1002),
        answered("7.3.3", &[normal()], vec![], Some(1000)),
        answered("7.3.4", &[close(Some(1000), HELLO)], vec![], Some(1000)),
        answered("7.3.5", &[close(Some(1000), &[b'*'; 123])], vec![], Some(1000)),
        refused("7.3.6", close(Some(1000), &[b'*'; 124]), 1002),
        refused("7.5.1", close(Some(1000), not_utf8), 1007),
    ];
    cases.extend(
        (1..).zip(VALID).map(|(n, code)| answered(&format!("7.7.{n}"), &[close(Some(code), b"")], vec![], Some(code))),
    );
    cases.extend((1..).zip(INVALID).map(|(n, code)| refused(&format!("7.9.{n}"), close(Some(code), b""), 1002)));
    // Informational in the suite; here codes that the RFC does not know are refused.
    cases.push(refused("7.13.1", close(Some(5000), b""), 1002));
    cases.push(refused("7.13.2", close(Some(65535), b""), 1002));
    cases
}
