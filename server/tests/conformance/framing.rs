//! Sections 1 to 5: framing, pings and pongs, reserved bits, opcodes, fragmentation.

use crate::common::masked;
use crate::peer::{BINARY, CLOSE, CONTINUATION, Case, End, FIN, Got, PING, PONG, Step, TEXT, ping, text};

/// What the suite says most often.
const HELLO: &[u8] = b"Hello, world!";

fn hello() -> Vec<Got> {
    vec![Got::Text(HELLO.to_vec())]
}

fn pong(payload: &[u8]) -> Got {
    Got::Pong(payload.to_vec())
}

/// Messages of the lengths at which the header changes, and one in chops.
pub fn section_1() -> Vec<Case> {
    let sizes = [0, 125, 126, 127, 128, 65535, 65536, 65536];
    let case = |kind: usize, n: usize| {
        let (opcode, payload) = [(TEXT, vec![b'*'; sizes[n]]), (BINARY, vec![0xfe; sizes[n]])][kind].clone();
        let frame = masked(FIN | opcode, &payload);
        let step = if n == 7 { Step::Chop(frame, 997) } else { Step::Send(frame) };
        let got = if opcode == TEXT { Got::Text(payload) } else { Got::Binary(payload) };
        Case::new(format!("1.{}.{}", kind + 1, n + 1), vec![step], vec![got], End::Ours)
    };
    (0..2).flat_map(|kind| (0..8).map(move |n| (kind, n))).map(|(kind, n)| case(kind, n)).collect()
}

pub fn section_2() -> Vec<Case> {
    let small: &[u8] = b"Hello, world!";
    let bytes: &[u8] = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
    let longest = &[0xfe; 125][..];
    let answered =
        |id: &str, payload: &[u8]| Case::new(id, vec![Step::Send(ping(payload))], vec![pong(payload)], End::Ours);
    let many: Vec<_> = (0..10).map(|n| format!("payload-{n}").into_bytes()).collect();
    let pings: Vec<u8> = many.iter().flat_map(|payload| ping(payload)).collect();
    let pongs = || many.iter().map(|payload| pong(payload)).collect();
    let unasked = |payload| Step::Send(masked(FIN | PONG, payload));
    vec![
        answered("2.1", b""),
        answered("2.2", small),
        answered("2.3", bytes),
        answered("2.4", longest),
        Case::new("2.5", vec![Step::Send(ping(&[0xfe; 126]))], vec![], End::Theirs(1002)),
        Case::new("2.6", vec![Step::Chop(ping(longest), 1)], vec![pong(longest)], End::Ours),
        Case::new("2.7", vec![unasked(b"")], vec![], End::Ours),
        Case::new("2.8", vec![unasked(b"unsolicited pong payload")], vec![], End::Ours),
        Case::new(
            "2.9",
            vec![unasked(b"unsolicited pong payload"), Step::Send(ping(b"ping payload"))],
            vec![pong(b"ping payload")],
            End::Ours,
        ),
        Case::new("2.10", vec![Step::Send(pings.clone())], pongs(), End::Ours),
        Case::new("2.11", vec![Step::Chop(pings, 1)], pongs(), End::Ours),
    ]
}

/// How a stream is cut.
#[derive(Clone, Copy)]
enum Cut {
    Nowhere,
    Frames,
    Octets,
}

fn cut(frames: &[Vec<u8>], cut: Cut) -> Vec<Step> {
    match cut {
        Cut::Nowhere => vec![Step::Send(frames.concat())],
        Cut::Frames => frames.iter().cloned().map(Step::Send).collect(),
        Cut::Octets => vec![Step::Chop(frames.concat(), 1)],
    }
}

/// A frame that must end the connection.
fn wrong_at_once(id: &str, frame: Vec<u8>) -> Case {
    Case::new(id, vec![Step::Send(frame)], vec![], End::Theirs(1002))
}

/// The same after a message, whose echo must come first, and before a ping, which must not be answered.
fn wrong_in_between(id: &str, frame: Vec<u8>, how: Cut) -> Case {
    let frames = [text(HELLO), frame, ping(b"")];
    Case::new(id, cut(&frames, how), hello(), End::Theirs(1002)).tolerating(vec![])
}

pub fn section_3() -> Vec<Case> {
    let rsv = |bits: u8, opcode, payload| masked(FIN | bits << 4 | opcode, payload);
    vec![
        wrong_at_once("3.1", rsv(1, TEXT, HELLO)),
        wrong_in_between("3.2", rsv(2, TEXT, HELLO), Cut::Nowhere),
        wrong_in_between("3.3", rsv(3, TEXT, HELLO), Cut::Frames),
        wrong_in_between("3.4", rsv(4, TEXT, HELLO), Cut::Octets),
        wrong_at_once("3.5", rsv(5, BINARY, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")),
        wrong_at_once("3.6", rsv(6, PING, HELLO)),
        wrong_at_once("3.7", rsv(7, CLOSE, b"")),
    ]
}

pub fn section_4() -> Vec<Case> {
    let group = |name: &str, first: u8| {
        let frame = |n: u8, payload| masked(FIN | (first + n), payload);
        let id = |n: u8| format!("{name}.{}", n + 1);
        [
            wrong_at_once(&id(0), frame(0, b"")),
            wrong_at_once(&id(1), frame(1, b"reserved opcode payload")),
            wrong_in_between(&id(2), frame(2, b""), Cut::Nowhere),
            wrong_in_between(&id(3), frame(3, HELLO), Cut::Nowhere),
            wrong_in_between(&id(4), frame(4, HELLO), Cut::Octets),
        ]
    };
    group("4.1", 3).into_iter().chain(group("4.2", 11)).collect()
}

pub fn section_5() -> Vec<Case> {
    let begin = |payload| masked(TEXT, payload);
    let middle = |payload| masked(CONTINUATION, payload);
    let end = |payload| masked(FIN | CONTINUATION, payload);
    let two = || vec![Got::Text(b"fragment1fragment2".to_vec())];
    let broken = |id: &str, frames: &[Vec<u8>], how| Case::new(id, cut(frames, how), vec![], End::Theirs(1002));
    let joined = |id: &str, how| Case::new(id, cut(&[begin(b"fragment1"), end(b"fragment2")], how), two(), End::Ours);
    let around_a_ping = |id: &str, how| {
        let frames = [begin(b"fragment1"), ping(b"ping payload"), end(b"fragment2")];
        Case::new(id, cut(&frames, how), [vec![pong(b"ping payload")], two()].concat(), End::Ours)
    };
    let nothing_to_end = || [end(b"non-continuation payload"), text(HELLO)];
    let nothing_to_continue = || [middle(b"non-continuation payload"), text(HELLO)];
    // The first ping must be answered while the message is still open.
    let two_pings = |id: &str, how| {
        let first = [begin(b"fragment1"), middle(b"fragment2"), ping(b"pongme 1!")];
        let second = [middle(b"fragment3"), middle(b"fragment4"), ping(b"pongme 2!"), end(b"fragment5")];
        let steps = cut(&first, how).into_iter().chain([Step::Await(1)]).chain(cut(&second, how)).collect();
        let whole = Got::Text(b"fragment1fragment2fragment3fragment4fragment5".to_vec());
        Case::new(id, steps, vec![pong(b"pongme 1!"), pong(b"pongme 2!"), whole], End::Ours)
    };
    let twice = |first: &dyn Fn() -> Vec<u8>| {
        let once = || vec![first(), begin(b"fragment2"), end(b"fragment3")];
        [once(), once()].concat()
    };
    vec![
        broken("5.1", &[masked(PING, b"fragment1"), end(b"fragment2")], Cut::Nowhere),
        broken("5.2", &[masked(PONG, b"fragment1"), end(b"fragment2")], Cut::Nowhere),
        joined("5.3", Cut::Nowhere),
        joined("5.4", Cut::Frames),
        joined("5.5", Cut::Octets),
        around_a_ping("5.6", Cut::Nowhere),
        around_a_ping("5.7", Cut::Frames),
        around_a_ping("5.8", Cut::Octets),
        broken("5.9", &nothing_to_end(), Cut::Nowhere),
        broken("5.10", &nothing_to_end(), Cut::Frames),
        broken("5.11", &nothing_to_end(), Cut::Octets),
        broken("5.12", &nothing_to_continue(), Cut::Nowhere),
        broken("5.13", &nothing_to_continue(), Cut::Frames),
        broken("5.14", &nothing_to_continue(), Cut::Octets),
        Case::new(
            "5.15",
            cut(&[begin(b"fragment1"), end(b"fragment2"), middle(b"fragment3"), text(b"fragment4")], Cut::Nowhere),
            two(),
            End::Theirs(1002),
        )
        .tolerating(vec![]),
        broken("5.16", &twice(&|| middle(b"fragment1")), Cut::Nowhere),
        broken("5.17", &twice(&|| end(b"fragment1")), Cut::Nowhere),
        broken("5.18", &[begin(b"fragment1"), text(b"fragment2")], Cut::Nowhere),
        two_pings("5.19", Cut::Nowhere),
        two_pings("5.20", Cut::Frames),
    ]
}
