//! Made-up messages that vary as real ones do: what a chat room, an exchange feed, a sensor or a game sends.
//!
//! Real traffic decides how well compression works and how long a frame is, so no message is filled up with a repeated
//! character. All of it is invented here; nothing is a recording.

use std::io::Write as _;

use wire::stamp::Stamp;

use crate::payload::{Stamping, LONGEST_STAMP};
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

    /// Appends a whole message of `size` bytes, or of a size that is usual.
    pub fn message(self, rng: &mut Seeded, stamp: Option<Stamp>, size: Option<usize>, out: &mut Vec<u8>) {
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
            Self::Ticks => tick(rng, stamp, out),
            Self::Telemetry => telemetry(rng, stamp, out),
            Self::Game => game(rng, stamp, out),
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

/// Words up to exactly `len` bytes; the last one may be cut.
fn words(rng: &mut Seeded, len: usize, out: &mut Vec<u8>) {
    let end = out.len() + len;
    out.reserve(len + 16);
    let (mut bits, mut left) = (0, 0);
    while out.len() < end {
        // One draw chooses nine words of 128: seven bits each.
        if left == 0 {
            (bits, left) = (rng.bits(), 9);
        }
        out.extend_from_slice(WORDS[(bits & 0x7f) as usize].as_bytes());
        out.push(b' ');
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

fn tick(rng: &mut Seeded, stamp: Option<Stamp>, out: &mut Vec<u8>) {
    let instrument = rng.below(INSTRUMENTS.len() as u64) as usize;
    let (name, base, decimals) = INSTRUMENTS[instrument];
    let price = base * (1.0 + (rng.unit() - 0.5) * 0.004);
    let side = rng.pick(&["buy", "sell"]);
    let quantity = rng.exponential() * 40.0 / base.sqrt();
    let spread = base * (0.000_05 + rng.unit() * 0.000_2);
    let trade = 40_000_000 + rng.below(9_000_000);
    let (minute, second, micros) = (rng.below(60), rng.below(60), rng.below(1_000_000));
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
fn game(rng: &mut Seeded, stamp: Option<Stamp>, out: &mut Vec<u8>) {
    put_stamp(stamp, out);
    out.push(b'G');
    out.extend_from_slice(&((rng.bits() >> 40) as u32).to_le_bytes());
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

const INSTRUMENTS: [(&str, f64, usize); 12] = [
    ("LUMEN-USD", 0.412_6, 4),
    ("TALON-USD", 38_211.5, 2),
    ("TALON-EUR", 35_080.2, 2),
    ("QUARTZ-USD", 1_904.77, 2),
    ("QUARTZ-TALON", 0.049_85, 5),
    ("HALYARD-USD", 12.083, 3),
    ("MERIDIAN-EUR", 86.41, 2),
    ("OSPREY-USD", 214.9, 2),
    ("COBALT-GBP", 3.871, 3),
    ("JUNIPER-USD", 0.007_31, 6),
    ("BASALT-EUR", 540.25, 2),
    ("SORREL-USD", 27.66, 2),
];

const SITES: [&str; 8] = ["kiln", "dock", "mill", "barn", "tower", "quay", "shaft", "yard"];

const CHANNELS: [(&str, f64, f64); 11] = [
    ("temperature_c", 21.5, 14.0),
    ("humidity", 48.0, 50.0),
    ("pressure_hpa", 1013.0, 40.0),
    ("vibration_mm_s", 2.1, 4.0),
    ("current_a", 7.4, 9.0),
    ("voltage_v", 230.0, 6.0),
    ("flow_l_min", 33.0, 22.0),
    ("co2_ppm", 610.0, 500.0),
    ("rpm", 1480.0, 120.0),
    ("load", 0.55, 0.9),
    ("noise_db", 57.0, 30.0),
];

const USERS: [&str; 24] = [
    "mira", "jonas", "teo", "anouk", "priya", "sam", "lucia", "okoro", "wei", "hanne", "dario", "yusuf", "freya", "marek",
    "noor", "elio", "kasia", "tomas", "ines", "ravi", "bea", "linus", "amara", "petra",
];

const REACTIONS: [&str; 20] = [
    "lol", "same here", "👍", "yes please", "no way", "thanks!", "on it", "😂😂", "+1", "ok", "brb", "good point", "wait, what?",
    "agreed", "haha true", "see you there", "not sure yet", "🎉", "sounds good", "merci à tous",
];

const OPENERS: [&str; 16] = [
    "so", "hey all,", "fyi", "quick question:", "just saw that", "hm,", "update:", "ok so", "I think", "reminder:", "honestly,",
    "anyone know why", "looks like", "turns out", "by the way,", "for what it is worth,",
];

const SUBJECTS: [&str; 24] = [
    "the build", "my train", "the demo", "our last release", "the new stream", "someone", "the queue", "this map", "the café",
    "the second half", "the other team", "that bug", "the referee", "the meeting", "the upload", "her setup", "the parser",
    "the bridge", "tonight's show", "the boss fight", "the sensor", "the forecast", "their server", "the playlist",
];

const VERBS: [&str; 24] = [
    "is stuck at", "just finished", "needs", "keeps missing", "will not survive", "moved to", "breaks", "was better than",
    "is waiting for", "finally fixed", "shows", "depends on", "ate", "is louder than", "got ahead of", "forgot", "beats",
    "started without", "is blocked by", "ended before", "has nothing on", "reminds me of", "is 20 minutes behind", "runs past",
];

const OBJECTS: [&str; 32] = [
    "the green one", "level 14", "half the tests", "platform 3", "what we said on Monday", "the old version", "lunch", "gate B22",
    "my whole weekend", "the warm-up", "everything I tried", "the Zürich office", "a missing comma", "the first goal",
    "two people", "the left lane", "the last patch", "page 7", "the coffee machine", "all of us", "the schedule", "round 5",
    "that cliff", "the small print", "the backup", "extra time", "10 pm", "the lighthouse", "the rain", "chapter two",
    "the third try", "a restart",
];

const JOINERS: [&str; 8] = [", and ", ", but ", " because ", " while ", "; also ", " until ", " so ", " and then "];

const ENDINGS: [&str; 14] =
    ["", "", "", ".", ".", "!", "?", " :)", " 😅", "...", " again", " right now", ", any ideas?", " (same as yesterday)"];

/// 128 words of English, so that seven bits choose one.
const WORDS: [&str; 128] = [
    "about", "after", "again", "air", "all", "along", "also", "always", "animal", "another", "answer", "around", "ask", "away",
    "back", "because", "before", "began", "being", "below", "between", "book", "boy", "build", "call", "came", "carry", "change",
    "city", "close", "come", "could", "country", "cross", "different", "does", "down", "each", "earth", "eat", "end", "enough",
    "even", "every", "example", "eye", "face", "family", "far", "father", "feet", "few", "find", "first", "follow", "food",
    "form", "found", "four", "girl", "give", "good", "great", "group", "grow", "hand", "hard", "head", "hear", "help", "high",
    "home", "house", "idea", "important", "into", "just", "keep", "kind", "know", "land", "large", "last", "later", "learn",
    "leave", "letter", "life", "light", "line", "list", "little", "live", "long", "made", "make", "many", "mean", "might",
    "mile", "mountain", "move", "much", "must", "name", "near", "need", "never", "night", "number", "often", "open", "paper",
    "part", "people", "place", "plant", "point", "river", "school", "second", "sentence", "should", "small", "sound", "story",
    "study", "tree",
];
