//! The short token that a publisher puts in a payload and a subscriber finds again, whatever the server wrapped around it.
//!
//! ```text
//!   ~  CC     RRR      PP..     SSSS..
//!   │  check  width    publisher sequence
//!   │         and run
//!   sentinel, rare in text and not a digit of the rest
//! ```
//!
//! Everything after the sentinel is base64url digits, big endian, so a stamp survives JSON strings, URLs and HTML
//! unchanged. It has 12 bytes for the first 4,096 publishers and their first 16.7 million messages each, and grows
//! when they have more. Two of the twelve bits of the check repeat the width: the length of a stamp is thus known
//! twice, and the other ten are a CRC of the rest, which sees every change within ten bits. So no change of a single byte
//! makes one stamp read as another.

use std::ops::Range;

/// Names one published message: which run of the load generator, which publisher in it, which of its messages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Stamp {
    /// The run, so that traffic left over from another one is not counted.
    pub run: u16,
    /// The publisher, counted over the whole run.
    pub publisher: u32,
    /// Which of the publisher's messages, counted by the publisher.
    pub seq: u32,
}

/// The longest stamp, in bytes.
pub const MAX_LEN: usize = 18;

/// The shortest stamp, and by far the most frequent length, in bytes.
pub const MIN_LEN: usize = 12;

const SENTINEL: u8 = b'~';
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Sentinel, check, width and run.
const FRONT: usize = 6;

/// How many digits publisher and sequence have. The first that fits is used, so a stamp has one spelling only.
const WIDTHS: [(usize, usize); 4] = [(2, 4), (3, 4), (2, 6), (6, 6)];

const fn fits(value: u32, digits: usize) -> bool {
    digits >= 6 || value >> (6 * digits) == 0
}

impl Stamp {
    /// Bytes that [`encode`](Self::encode) will append: [`MIN_LEN`] to [`MAX_LEN`].
    pub fn encoded_len(&self) -> usize {
        let (publisher, seq) = WIDTHS[self.width()];
        FRONT + publisher + seq
    }

    /// Appends the stamp as ASCII text.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let width = self.width();
        let (publisher, seq) = WIDTHS[width];
        let mut symbols = [0u8; MAX_LEN];
        put(&mut symbols[3..FRONT], (width as u32) << 16 | u32::from(self.run));
        put(&mut symbols[FRONT..FRONT + publisher], self.publisher);
        let end = FRONT + publisher + seq;
        put(&mut symbols[FRONT + publisher..end], self.seq);
        let check = (width as u32) << 10 | u32::from(crc(&symbols[3..end]));
        put(&mut symbols[1..3], check);
        let text = symbols.map(|symbol| DIGITS[usize::from(symbol)]);
        out.push(SENTINEL);
        out.extend_from_slice(&text[1..end]);
    }

    /// The first stamp of `run` in `payload`, and where it stands. Sentinels that begin no stamp of this run are skipped.
    pub fn find(payload: &[u8], run: u16) -> Option<(Self, Range<usize>)> {
        let mut from = 0;
        while let Some(start) = next_sentinel(payload, from) {
            if let Some((stamp, len)) = Self::parse(&payload[start..])
                && stamp.run == run
            {
                return Some((stamp, start..start + len));
            }
            from = start + 1;
        }
        None
    }

    /// The stamp at the beginning of `text`, with its length in bytes.
    fn parse(text: &[u8]) -> Option<(Self, usize)> {
        let mut symbols = [0u8; MAX_LEN];
        let front = text.first_chunk::<FRONT>()?;
        read(&front[1..], &mut symbols[1..FRONT])?;
        let check = number(&symbols[1..3]);
        let width_and_run = number(&symbols[3..FRONT]);
        let width = width_and_run >> 16;
        if width != check >> 10 {
            return None;
        }
        let (publisher_digits, seq_digits) = WIDTHS[width as usize];
        let middle = FRONT + publisher_digits;
        let end = middle + seq_digits;
        read(text.get(FRONT..end)?, &mut symbols[FRONT..end])?;
        if u64::from(crc(&symbols[3..end])) != check & 0x3ff {
            return None;
        }
        let stamp = Self {
            run: width_and_run as u16,
            publisher: u32::try_from(number(&symbols[FRONT..middle])).ok()?,
            seq: u32::try_from(number(&symbols[middle..end])).ok()?,
        };
        (stamp.width() as u64 == width).then_some((stamp, end))
    }

    fn width(&self) -> usize {
        // The last one fits everything.
        WIDTHS
            .iter()
            .position(|(publisher, seq)| fits(self.publisher, *publisher) && fits(self.seq, *seq))
            .unwrap_or(WIDTHS.len() - 1)
    }
}

/// Writes `value` as six-bit symbols, big endian.
fn put(symbols: &mut [u8], mut value: u32) {
    for symbol in symbols.iter_mut().rev() {
        *symbol = (value & 0x3f) as u8;
        value >>= 6;
    }
}

/// Reads digits into six-bit symbols; `None` if there is anything else among them.
fn read(text: &[u8], symbols: &mut [u8]) -> Option<()> {
    for (byte, symbol) in text.iter().zip(symbols) {
        *symbol = SYMBOLS[usize::from(*byte)];
        if *symbol == NO_SYMBOL {
            return None;
        }
    }
    Some(())
}

fn number(symbols: &[u8]) -> u64 {
    symbols.iter().fold(0, |value, symbol| value << 6 | u64::from(*symbol))
}

/// Where the next sentinel stands, at or after `from`. Whole blocks without one are passed by vector instructions.
fn next_sentinel(payload: &[u8], from: usize) -> Option<usize> {
    const BLOCK: usize = 32;
    let (blocks, tail) = payload[from..].as_chunks::<BLOCK>();
    let has_sentinel = |block: &[u8; BLOCK]| block.iter().fold(false, |any, byte| any | (*byte == SENTINEL));
    let (start, rest) = match blocks.iter().position(has_sentinel) {
        Some(index) => (from + index * BLOCK, &blocks[index][..]),
        None => (payload.len() - tail.len(), tail),
    };
    Some(start + rest.iter().position(|byte| *byte == SENTINEL)?)
}

/// CRC-10 (the polynomial of ATM, 0x233) of six-bit symbols: every burst of up to ten bits changes it.
fn crc(symbols: &[u8]) -> u16 {
    // A start other than 0, so that a run of the digit A, which is 0, is no stamp.
    symbols.iter().fold(0x3ff, |crc, symbol| CRC[usize::from((crc >> 4) as u8 ^ symbol)] ^ (crc << 6 & 0x3ff))
}

const CRC: [u16; 64] = {
    let mut table = [0; 64];
    let mut index = 0;
    while index < 64 {
        let mut crc = (index as u16) << 4;
        let mut bit = 0;
        while bit < 6 {
            crc = if crc & 0x200 != 0 { crc << 1 ^ 0x233 } else { crc << 1 } & 0x3ff;
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

const NO_SYMBOL: u8 = 0xff;

const SYMBOLS: [u8; 256] = {
    let mut table = [NO_SYMBOL; 256];
    let mut index = 0;
    while index < 64 {
        table[DIGITS[index] as usize] = index as u8;
        index += 1;
    }
    table
};
