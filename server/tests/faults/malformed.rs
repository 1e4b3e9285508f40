//! Conversations with random damage: the server lives, forgets them, and passes nothing malformed on.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::thread;

use tokio_tungstenite::tungstenite::Message;

use crate::common::{Server, masked};
use crate::crowd::{Member, in_parts, request};
use crate::witness::Witness;

/// Conversations, unless the variable says another number.
const CASES: usize = 2000;
const CASES_FROM: &str = "FANOUT_TEST_MALFORMED";

/// Small numbers from a seed, the same everywhere (xorshift).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % bound.max(1)
    }

    fn byte(&mut self) -> u8 {
        self.below(256) as u8
    }
}

/// What a client that is well might send after its handshake.
fn frames(dice: &mut Dice) -> Vec<u8> {
    let frame = |dice: &mut Dice| match dice.below(8) {
        0 => masked(0x81, "grüße".repeat(dice.below(100)).as_bytes()),
        1 => masked(0x82, &vec![dice.byte(); dice.below(70_000)]),
        2 => masked(0x89, &vec![dice.byte(); dice.below(126)]),
        3 => masked(0x8a, b""),
        4 => [masked(0x01, b"a\xc3"), masked(0x89, b"p"), masked(0x00, b"\xa4"), masked(0x80, b"b")].concat(),
        5 => masked(0x88, &[0x03, 0xe8]),
        _ => masked(0x81, b"short"),
    };
    (0..1 + dice.below(5)).flat_map(|_| frame(dice)).collect()
}

/// Changes a few things: bytes, lengths, order, ends.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(bytes.len());
        let to = at + dice.below((bytes.len() - at).min(200));
        match dice.below(8) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = dice.byte(),
            2 => bytes.truncate(at + 1),
            3 => drop(bytes.drain(at..to)),
            4 => bytes.insert(at, dice.byte()),
            5 => bytes.extend_from_within(at..to),
            // Most likely within a header.
            6 => {
                let head = dice.below(bytes.len().min(14));
                bytes[head] = [0x00, 0x7e, 0x7f, 0x80, 0xfe, 0xff][dice.below(6)];
            }
            _ => bytes.extend((0..dice.below(50)).map(|_| dice.byte())),
        }
        if bytes.is_empty() {
            bytes.push(dice.byte());
        }
    }
}

/// One conversation, in one or several writes, and one of three ends.
fn converse(server: &Server, seed: u64) {
    let mut dice = Dice::new(seed);
    let path = ["/broadcast/damaged", "/echo"][dice.below(2)];
    let mut bytes = frames(&mut dice);
    let mut stream = if dice.below(4) == 0 {
        bytes.splice(0..0, request(path).into_bytes());
        server.dial()
    } else {
        Member::connect(server.addr, path).stream
    };
    damage(&mut bytes, &mut dice);
    let size = if dice.below(2) == 0 { bytes.len() } else { 1 + dice.below(bytes.len()) };
    for piece in bytes.chunks(size) {
        // It may have been closed for what came before.
        if stream.write_all(piece).is_err() {
            return;
        }
    }
    match dice.below(3) {
        0 => drop(net::Socket::from(stream).abort()),
        1 => {}
        _ => {
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
}

#[test]
fn random_damage_harms_only_those_who_send_it() {
    let cases = std::env::var(CASES_FROM).map_or(CASES, |number| number.parse().unwrap());
    let server = Server::start(&["--max-message", "64KiB", "--room-log", "64MiB"]);
    let witness = Witness::start(&server);
    // Sees what the undamaged parts of the conversations publish; tungstenite refuses what is not right.
    let mut observer = server.connect("/broadcast/damaged");
    let mut closer = server.connect("/broadcast/damaged");
    let observing = thread::spawn(move || {
        let mut messages = 0;
        loop {
            match observer.next() {
                Message::Text(text) if text.as_str() == "that was all" => return messages,
                Message::Close(frame) => panic!("{frame:?}"),
                _ => messages += 1,
            }
        }
    });
    // It receives as well, and must not be the slow one.
    let draining = closer.0.get_ref().try_clone().unwrap();
    let drained = thread::spawn(move || io::copy(&mut &draining, &mut io::sink()).unwrap());
    in_parts(cases, |part| part.for_each(|seed| converse(&server, seed as u64)));
    let stats = server.stats_until(|stats| stats["connections"] == 6);
    closer.text("that was all");
    let observed: u64 = observing.join().unwrap();
    let damaged = stats["per_room"].as_array().unwrap().iter().find(|room| room["name"] == "damaged").unwrap();
    assert_eq!(damaged["index"], observed, "what was published in that room was delivered");
    assert!(stats["closed"]["1002"].as_u64() > Some(0) && stats["closed"]["1007"].as_u64() > Some(0), "{stats}");
    let _ = closer.0.get_ref().shutdown(Shutdown::Both);
    drained.join().unwrap();
    witness.complete();
}
