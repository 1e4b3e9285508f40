//! Made-up messages that vary as real ones do: what a chat room, an exchange feed, a sensor or a game sends.
//!
//! Real traffic decides how well compression works and how long a frame is, so no message is filled up with a repeated
//! character. All of it is invented here; nothing is a recording.

mod vocabulary;

use std::io::Write as _;

use wire::stamp::Stamp;

use crate::corpus::vocabulary::{
    CHANNELS, ENDINGS, INSTRUMENTS, JOINERS, OBJECTS, OPENERS, REACTIONS, SITES, SUBJECTS, USERS, VERBS, WORDS,
};
use crate::payload::{LONGEST_STAMP, Stamping};
use crate::seeded::Seeded;

/// A kind of made-up message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corpus {
    /// English words (the default).
    Words,
    /// A chat line: JSON with a user and a sentence.
    Chat,
    /// An exchange tick: JSON with an instrument, prices and a time.
    Ticks,
    /// A reading of a sensor: JSON of many numbers.
    Telemetry,
    /// What moved in a game: a small binary delta.
    Game,
    /// Bytes that nothing compresses.
    Random,
}

/// `{"type":"chat","id":"","user":"","content":""}` and the longest user name.
const CHAT_FIXED: u32 = 46 + 16;

impl Corpus {
    /// Every corpus by the name it has in scenario files.
    pub const NAMED: [(&'static str, Self); 6] = [
        ("words", Self::Words),
        ("chat", Self::Chat),
        ("ticks", Self::Ticks),
        ("telemetry", Self::Telemetry),
        ("game", Self::Game),
        ("random", Self::Random),
    ];

    /// The name in scenario files.
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, corpus)| *corpus == self).map_or("", |(name, _)| name)
    }

    /// Whether its messages are not text.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Game | Self::Random)
    }

    /// Whether it can fill `{text}`.
    pub fn has_text(self) -> bool {
        matches!(self, Self::Words | Self::Chat | Self::Random)
    }

    /// Smallest total size of a message; `None` where messages have sizes of their own.
    pub fn least_size(self, stamping: Stamping) -> Option<u32> {
        let stamp = if stamping == Stamping::Stamped { LONGEST_STAMP } else { 1 };
        match self {
            Self::Words | Self::Random => Some(stamp),
            Self::Chat => Some(CHAT_FIXED + stamp),
            Self::Ticks | Self::Telemetry | Self::Game => None,
        }
    }

    /// Appends text of exactly `len` bytes (or of a length that is usual), safe inside a JSON string.
    pub fn text(self, rng: &mut Seeded, len: Option<usize>, out: &mut Vec<u8>) {
        match (self, len) {
            (Self::Chat, None) => sentence(rng, out),
            (Self::Chat, Some(len)) => sentences(rng, len, out),
            (Self::Random, len) => alphanumeric(rng, len.unwrap_or(32), out),
            (_, len) => {
                let len = len.unwrap_or_else(|| 24 + rng.below(72) as usize);
                words(rng, len, out);
            }
        }
    }

    /// Appends a whole message of `size` bytes, or of a size that is usual. What counts up or drifts in such traffic (times, numbers of
    /// trades, prices) follows `seq`, the rest is drawn.
    pub fn message(self, rng: &mut Seeded, seq: u32, stamp: Option<Stamp>, size: Option<usize>, out: &mut Vec<u8>) {
        let start = out.len();
        let left = |out: &Vec<u8>, usual: usize| size.unwrap_or(usual).saturating_sub(out.len() - start);
        match self {
            Self::Words => {
                put_stamp(stamp, out);
                if stamp.is_some() && left(out, 128) > 0 {
                    out.push(b' ');
                }
                let len = left(out, 128);
                words(rng, len, out);
            }
            Self::Random => {
                put_stamp(stamp, out);
                let len = left(out, 128);
                random_bytes(rng, len, out);
            }
            Self::Chat => {
                out.extend_from_slice(b"{\"type\":\"chat\",");
                put_id(stamp, out);
                let user = rng.pick(&USERS);
                let number = rng.below(100);
                // Writing into a Vec cannot fail, here and below.
                let _ = write!(out, "\"user\":\"{user}{number}\",\"content\":\"");
                match size {
                    None => sentence(rng, out),
                    Some(size) => sentences(rng, (size + start).saturating_sub(out.len() + 2), out),
                }
                out.extend_from_slice(b"\"}");
            }
            Self::Ticks => tick(rng, seq, stamp, out),
            Self::Telemetry => telemetry(rng, stamp, out),
            Self::Game => game(rng, seq, stamp, out),
        }
    }
}

fn put_stamp(stamp: Option<Stamp>, out: &mut Vec<u8>) {
    if let Some(stamp) = stamp {
        stamp.encode(out);
    }
}

fn put_id(stamp: Option<Stamp>, out: &mut Vec<u8>) {
    if let Some(stamp) = stamp {
        out.extend_from_slice(b"\"id\":\"");
        stamp.encode(out);
        out.extend_from_slice(b"\",");
    }
}

/// Bytes that every word and its space are copied as: a fixed length needs no call, which makes up half of the time.
const SLOT: usize = 16;

/// Every word, its space and its length with it.
const SLOTS: [([u8; SLOT], u8); WORDS.len()] = {
    let mut slots = [([b' '; SLOT], 0); WORDS.len()];
    let mut word = 0;
    while word < WORDS.len() {
        let bytes = WORDS[word].as_bytes();
        assert!(bytes.len() < SLOT);
        let mut at = 0;
        while at < bytes.len() {
            slots[word].0[at] = bytes[at];
            at += 1;
        }
        slots[word].1 = bytes.len() as u8 + 1;
        word += 1;
    }
    slots
};

/// Words up to exactly `len` bytes; the last one may be cut.
fn words(rng: &mut Seeded, len: usize, out: &mut Vec<u8>) {
    let (mut at, end) = (out.len(), out.len() + len);
    out.resize(end + SLOT, 0);
    let (mut bits, mut left) = (0, 0);
    while at < end {
        // One draw chooses nine words of 128: seven bits each.
        if left == 0 {
            (bits, left) = (rng.bits(), 9);
        }
        let (slot, used) = &SLOTS[(bits & 0x7f) as usize];
        out[at..at + SLOT].copy_from_slice(slot);
        at += usize::from(*used);
        bits >>= 7;
        left -= 1;
    }
    out.truncate(end);
}

fn alphanumeric(rng: &mut Seeded, len: usize, out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let end = out.len() + len;
    while out.len() < end {
        let bits = rng.bits();
        out.extend((0..10).map(|i| ALPHABET[(bits >> (6 * i)) as usize & 63]));
    }
    out.truncate(end);
}

fn random_bytes(rng: &mut Seeded, len: usize, out: &mut Vec<u8>) {
    let end = out.len() + len;
    while out.len() < end {
        out.extend_from_slice(&rng.bits().to_le_bytes());
    }
    out.truncate(end);
}

/// Sentences up to exactly `len` bytes, cut at a character and rounded up with full stops.
fn sentences(rng: &mut Seeded, len: usize, out: &mut Vec<u8>) {
    let start = out.len();
    while out.len() - start < len {
        if out.len() > start {
            out.push(b' ');
        }
        sentence(rng, out);
    }
    let mut end = start + len;
    // 0b10xx_xxxx continues a character of UTF-8.
    while out.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
        end -= 1;
    }
    out.truncate(end);
    out.resize(start + len, b'.');
}

/// What people write in a chat: three words to three lines, in no quotes and no backslashes.
fn sentence(rng: &mut Seeded, out: &mut Vec<u8>) {
    let put = |text: &str, out: &mut Vec<u8>| out.extend_from_slice(text.as_bytes());
    match rng.below(8) {
        0 => put(rng.pick(&REACTIONS), out),
        1 => {
            put("@", out);
            put(rng.pick(&USERS), out);
            put(" ", out);
            put(rng.pick(&REACTIONS), out);
        }
        kind => {
            put(rng.pick(&OPENERS), out);
            put(" ", out);
            let clauses = if kind == 7 { 3 } else { 1 + rng.below(2) };
            for clause in 0..clauses {
                if clause > 0 {
                    put(rng.pick(&JOINERS), out);
                }
                put(rng.pick(&SUBJECTS), out);
                put(" ", out);
                put(rng.pick(&VERBS), out);
                put(" ", out);
                put(rng.pick(&OBJECTS), out);
            }
            put(rng.pick(&ENDINGS), out);
        }
    }
}

/// Between two ticks, in microseconds, on average.
const TICK_EVERY: u64 = 20_000;

fn tick(rng: &mut Seeded, seq: u32, stamp: Option<Stamp>, out: &mut Vec<u8>) {
    let seq = u64::from(seq);
    let instrument = rng.below(INSTRUMENTS.len() as u64) as usize;
    let (name, base, decimals) = INSTRUMENTS[instrument];
    // Up and down by 0.4 % in some minutes, and a little to and fro.
    let drift = ((seq * 5 + instrument as u64 * 911) % 20_000) as f64 / 10_000.0 - 1.0;
    let price = base * (1.0 + drift.abs() * 0.004 + (rng.unit() - 0.5) * 0.000_2);
    let side = rng.pick(&["buy", "sell"]);
    let quantity = rng.exponential() * 40.0 / base.sqrt();
    let spread = base * (0.000_05 + rng.unit() * 0.000_05);
    let trade = 40_000_000 + seq * 3 + rng.below(3);
    let at = seq * TICK_EVERY + rng.below(TICK_EVERY);
    let (minute, second, micros) = (at / 60_000_000 % 60, at / 1_000_000 % 60, at % 1_000_000);
    out.extend_from_slice(b"{\"type\":\"tick\",");
    put_id(stamp, out);
    let _ = write!(
        out,
        "\"instrument\":\"{name}\",\"trade\":{trade},\"side\":\"{side}\",\"price\":\"{price:.decimals$}\",\"size\":\"{quantity:.6}\",\
         \"bid\":\"{:.decimals$}\",\"ask\":\"{:.decimals$}\",\"time\":\"2026-03-02T14:{minute:02}:{second:02}.{micros:06}Z\"}}",
        price - spread,
        price + spread,
    );
}

fn telemetry(rng: &mut Seeded, stamp: Option<Stamp>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{");
    put_id(stamp, out);
    let site = rng.pick(&SITES);
    let device = rng.below(400);
    let uptime = rng.below(8_000_000);
    let _ = write!(out, "\"device\":\"{site}-{device:03}\",\"uptime_s\":{uptime},\"readings\":{{");
    let channels = 4 + rng.below(5) as usize;
    let first = rng.below(CHANNELS.len() as u64) as usize;
    for i in 0..channels {
        let (name, middle, swing) = CHANNELS[(first + i) % CHANNELS.len()];
        let comma = if i > 0 { "," } else { "" };
        let value = middle + (rng.unit() - 0.5) * swing;
        let _ = write!(out, "{comma}\"{name}\":{value:.2}");
    }
    let _ = write!(out, "}},\"rssi\":-{},\"battery\":{}}}", 40 + rng.below(50), rng.below(101));
}

/// `G`, the game's tick, a count, and for each thing that moved: id, steps in x and y, heading, flags.
fn game(rng: &mut Seeded, seq: u32, stamp: Option<Stamp>, out: &mut Vec<u8>) {
    put_stamp(stamp, out);
    out.push(b'G');
    out.extend_from_slice(&seq.to_le_bytes());
    let moved = 1 + (rng.exponential() * 5.0).min(31.0) as u8;
    out.push(moved);
    for _ in 0..moved {
        let bits = rng.bits();
        out.extend_from_slice(&((bits % 300) as u16).to_le_bytes());
        // Most things move by a few steps.
        out.push(((bits >> 16) % 9) as u8);
        out.push(((bits >> 24) % 9) as u8);
        out.push((bits >> 32) as u8);
        out.push(if bits >> 61 == 0 { 1 } else { 0 });
    }
}
