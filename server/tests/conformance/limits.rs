//! Sections 9 and 10: sizes up to 16 MiB, fragments and chops of every size, round trips.

use crate::common::masked;
use crate::peer::{BINARY, Case, End, FIN, Got, Step, TEXT, fragments};

/// Text and binary, by the sections' numbers.
const KINDS: [u8; 2] = [TEXT, BINARY];

fn payload(opcode: u8, len: usize) -> Vec<u8> {
    let pattern: &[u8] = if opcode == TEXT { b"BAsd7&jh23" } else { b"\x00\xfe\x23\xfa\xf0" };
    pattern.iter().copied().cycle().take(len).collect()
}

fn got(opcode: u8, payload: Vec<u8>) -> Got {
    if opcode == TEXT { Got::Text(payload) } else { Got::Binary(payload) }
}

fn echoed(id: String, opcode: u8, len: usize, step: impl FnOnce(&[u8]) -> Step) -> Case {
    let payload = payload(opcode, len);
    Case::new(id, vec![step(&payload)], vec![got(opcode, payload)], End::Ours)
}

pub fn section_9() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kind, opcode) in KINDS.into_iter().enumerate() {
        for (n, len) in (1..).zip([64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20]) {
            let id = format!("9.{}.{n}", kind + 1);
            cases.push(echoed(id, opcode, len, |payload| Step::Send(masked(FIN | opcode, payload))));
        }
        for (n, size) in (1..=9).map(|n| (n, 64 << (2 * (n - 1)))) {
            let id = format!("9.{}.{n}", kind + 3);
            cases.push(echoed(id, opcode, 4 << 20, |payload| Step::Send(fragments(opcode, payload, size))));
        }
        for (n, size) in (1..=6).map(|n| (n, 64 << (n - 1))) {
            let id = format!("9.{}.{n}", kind + 5);
            cases.push(echoed(id, opcode, 1 << 20, |payload| Step::Chop(masked(FIN | opcode, payload), size)));
        }
        for (n, len) in (1..).zip([0, 16, 64, 256, 1024, 4096]) {
            let payload = payload(opcode, len);
            let round = |n| [Step::Send(masked(FIN | opcode, &payload)), Step::Await(n)];
            let steps = (1..=1000).flat_map(round).collect();
            let id = format!("9.{}.{n}", kind + 7);
            cases.push(Case::new(id, steps, vec![got(opcode, payload.clone()); 1000], End::Ours));
        }
    }
    cases
}

pub fn section_10() -> Vec<Case> {
    let step = |payload: &[u8]| Step::Send(fragments(TEXT, payload, 1300));
    vec![echoed("10.1.1".to_owned(), TEXT, 65536, step)]
}
