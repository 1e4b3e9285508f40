//! Section 6: text is UTF-8, however it is cut, and what is not is refused as soon as that can be known (6.4).

use crate::common::masked;
use crate::peer::{CONTINUATION, Case, End, FIN, Got, Step, TEXT, fragments, text};

/// The word that the suite puts in front of what is wrong.
const KOSME: &[u8] = "κ\u{1f79}σμε".as_bytes();
const EDITED: &[u8] = b"edited";
/// One past the last code point.
const OUT_OF_RANGE: &[u8] = b"\xf4\x90\x80\x80";
/// A surrogate.
const SURROGATE: &[u8] = b"\xed\xa0\x80";

fn accepted(id: &str, stream: Vec<u8>, message: &[u8]) -> Case {
    Case::new(id, vec![Step::Send(stream)], vec![Got::Text(message.to_vec())], End::Ours)
}

fn refused(id: &str, stream: Vec<u8>) -> Case {
    Case::new(id, vec![Step::Send(stream)], vec![], End::Theirs(1007))
}

/// The first part is still possible; the second is not, which has to be said without waiting for the third.
fn fail_fast(id: &str, parts: [Vec<u8>; 3]) -> Case {
    let [first, second, third] = parts;
    let steps = vec![Step::Send(first), Step::Quiet, Step::Send(second), Step::FailedOrElse(third)];
    Case::new(id, steps, vec![Got::Nothing], End::Theirs(1007)).tolerating(vec![Got::Nothing; 2])
}

pub fn section_6() -> Vec<Case> {
    let whole = "Hello-µ@ßöäüàá-UTF-8!!".as_bytes();
    let halves = ["Hello-µ@ßöä".as_bytes(), "üàá-UTF-8!!".as_bytes()];
    let surrogate = [KOSME, SURROGATE, EDITED].concat();
    let begin = |payload| masked(TEXT, payload);
    let middle = |payload| masked(CONTINUATION, payload);
    let end = |payload| masked(FIN | CONTINUATION, payload);
    let too_high = [KOSME, OUT_OF_RANGE, EDITED].concat();
    // Up to the byte that makes it impossible, that byte, and the rest.
    let around = [&too_high[..12], &too_high[12..13], &too_high[13..]];
    // The same as parts of one frame.
    let in_one_frame = |parts: [&[u8]; 3]| {
        let frame = text(&parts.concat());
        let header = frame.len() - parts.concat().len();
        let (first, rest) = frame.split_at(header + parts[0].len());
        let (second, third) = rest.split_at(parts[1].len());
        [first.to_vec(), second.to_vec(), third.to_vec()]
    };
    let mut cases = vec![
        accepted("6.1.1", text(b""), b""),
        accepted("6.1.2", [begin(b""), middle(b""), end(b"")].concat(), b""),
        accepted("6.1.3", [begin(b""), middle(b"middle frame payload"), end(b"")].concat(), b"middle frame payload"),
        accepted("6.2.1", text(whole), whole),
        accepted("6.2.2", [begin(halves[0]), end(halves[1])].concat(), whole),
        accepted("6.2.3", fragments(TEXT, whole, 1), whole),
        accepted("6.2.4", fragments(TEXT, KOSME, 1), KOSME),
        refused("6.3.1", text(&surrogate)),
        refused("6.3.2", fragments(TEXT, &surrogate, 1)),
        fail_fast("6.4.1", [begin(KOSME), middle(OUT_OF_RANGE), end(EDITED)]),
        fail_fast("6.4.2", [begin(around[0]), middle(around[1]), end(around[2])]),
        fail_fast("6.4.3", in_one_frame([KOSME, OUT_OF_RANGE, EDITED])),
        fail_fast("6.4.4", in_one_frame(around)),
    ];
    for (section, sequences) in (5..).zip(sequences()) {
        for (n, sequence) in (1..).zip(sequences) {
            let id = format!("6.{section}.{n}");
            cases.push(match sequence {
                Sequence::Valid(bytes) => accepted(&id, text(&bytes), &bytes),
                Sequence::Invalid(bytes) => refused(&id, text(&bytes)),
            });
        }
    }
    cases
}

enum Sequence {
    Valid(Vec<u8>),
    Invalid(Vec<u8>),
}

fn valid(sequences: &[&[u8]]) -> Vec<Sequence> {
    sequences.iter().map(|bytes| Sequence::Valid(bytes.to_vec())).collect()
}

fn invalid(sequences: &[&[u8]]) -> Vec<Sequence> {
    sequences.iter().map(|bytes| Sequence::Invalid(bytes.to_vec())).collect()
}

/// Sequences whose last byte is missing.
const UNFINISHED: [&[u8]; 10] = [
    b"\xc0",
    b"\xe0\x80",
    b"\xf0\x80\x80",
    b"\xf8\x80\x80\x80",
    b"\xfc\x80\x80\x80\x80",
    b"\xdf",
    b"\xef\xbf",
    b"\xf7\xbf\xbf",
    b"\xfb\xbf\xbf\xbf",
    b"\xfd\xbf\xbf\xbf\xbf",
];

/// 6.5 to 6.23, after Markus Kuhn's UTF-8 decoder stress test. Which are valid is written down, not computed.
fn sequences() -> [Vec<Sequence>; 19] {
    let prefixes = (1..=KOSME.len()).map(|n| match n {
        2 | 5 | 7 | 9 | 11 => Sequence::Valid(KOSME[..n].to_vec()),
        _ => Sequence::Invalid(KOSME[..n].to_vec()),
    });
    let all_continuations: Vec<u8> = (0x80..0xbf).collect();
    let starts = [(0xc0, 0xdf), (0xe0, 0xef), (0xf0, 0xf7), (0xf8, 0xfb), (0xfc, 0xfd)];
    let lonely = starts.map(|(from, to)| Sequence::Invalid((from..to).flat_map(|byte| [byte, b' ']).collect()));
    let planes = (1..=16).map(|plane| plane << 16);
    let non_characters: Vec<_> = planes
        .flat_map(|plane| [plane + 0xfffe, plane + 0xffff])
        .filter_map(char::from_u32)
        .map(|c| Sequence::Valid(c.to_string().into_bytes()))
        .collect();
    [
        valid(&[
            b"hello\x24world",
            b"hello\xc2\xa2world",
            b"hello\xe2\x82\xacworld",
            b"hello\xf0\xa4\xad\xa2world",
            KOSME,
        ]),
        prefixes.collect(),
        valid(&[b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"]),
        invalid(&[b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]),
        valid(&[b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"]),
        invalid(&[b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"]),
        [
            valid(&[b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf"]),
            invalid(&[b"\xf4\x90\x80\x80"]),
        ]
        .into_iter()
        .flatten()
        .collect(),
        invalid(&[
            b"\x80",
            b"\xbf",
            b"\x80\xbf",
            b"\x80\xbf\x80",
            b"\x80\xbf\x80\xbf",
            b"\x80\xbf\x80\xbf\x80",
            b"\x80\xbf\x80\xbf\x80\xbf",
            &all_continuations,
        ]),
        lonely.into(),
        invalid(&UNFINISHED),
        invalid(&[&UNFINISHED.concat()]),
        invalid(&[b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]),
        invalid(&[
            b"\xc0\xaf",
            b"\xe0\x80\xaf",
            b"\xf0\x80\x80\xaf",
            b"\xf8\x80\x80\x80\xaf",
            b"\xfc\x80\x80\x80\x80\xaf",
        ]),
        invalid(&[
            b"\xc1\xbf",
            b"\xe0\x9f\xbf",
            b"\xf0\x8f\xbf\xbf",
            b"\xf8\x87\xbf\xbf\xbf",
            b"\xfc\x83\xbf\xbf\xbf\xbf",
        ]),
        invalid(&[
            b"\xc0\x80",
            b"\xe0\x80\x80",
            b"\xf0\x80\x80\x80",
            b"\xf8\x80\x80\x80\x80",
            b"\xfc\x80\x80\x80\x80\x80",
        ]),
        invalid(&[
            b"\xed\xa0\x80",
            b"\xed\xad\xbf",
            b"\xed\xae\x80",
            b"\xed\xaf\xbf",
            b"\xed\xb0\x80",
            b"\xed\xbe\x80",
            b"\xed\xbf\xbf",
        ]),
        invalid(&[
            b"\xed\xa0\x80\xed\xb0\x80",
            b"\xed\xa0\x80\xed\xbf\xbf",
            b"\xed\xad\xbf\xed\xb0\x80",
            b"\xed\xad\xbf\xed\xbf\xbf",
            b"\xed\xae\x80\xed\xb0\x80",
            b"\xed\xae\x80\xed\xbf\xbf",
            b"\xed\xaf\xbf\xed\xb0\x80",
            b"\xed\xaf\xbf\xed\xbf\xbf",
        ]),
        valid(&[b"\xef\xbf\xbe", b"\xef\xbf\xbf"]).into_iter().chain(non_characters).collect(),
        valid(&[
            b"\xef\xbf\xb9",
            b"\xef\xbf\xba",
            b"\xef\xbf\xbb",
            b"\xef\xbf\xbc",
            b"\xef\xbf\xbd",
            b"\xef\xbf\xbe",
            b"\xef\xbf\xbf",
        ]),
    ]
}
