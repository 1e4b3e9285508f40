//! A decoder of permessage-deflate written from RFC 1951, as slow as it is simple, that looks no further back than was agreed.
//!
//! That of zlib-rs keeps 32 KiB whatever the window, and so would not notice what a client with a smaller window fails at.

use crate::coding::Coding;

/// One client's decoder.
pub struct Decoder {
    coding: Coding,
    /// The end of everything that was received compressed.
    history: Vec<u8>,
}

const LENGTHS: [(usize, u32); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A canonical Huffman code: how many symbols of each length, and the symbols by length.
struct Code {
    counts: [usize; 16],
    symbols: Vec<usize>,
}

impl Code {
    fn new(lengths: &[usize]) -> Self {
        let mut counts = [0; 16];
        lengths.iter().for_each(|len| counts[*len] += 1);
        counts[0] = 0;
        let mut symbols: Vec<usize> = (0..lengths.len()).filter(|symbol| lengths[*symbol] > 0).collect();
        symbols.sort_by_key(|symbol| lengths[*symbol]);
        Self { counts, symbols }
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> Option<usize> {
        (0..count).try_fold(0, |value, i| {
            let byte = *self.bytes.get(self.at / 8)?;
            let bit = usize::from(byte >> (self.at % 8) & 1);
            self.at += 1;
            Some(value | bit << i)
        })
    }

    fn symbol(&mut self, code: &Code) -> Option<usize> {
        let (mut value, mut first, mut index) = (0, 0, 0);
        for len in 1..16 {
            value |= self.take(1)?;
            let count = code.counts[len];
            if value < first + count {
                return code.symbols.get(index + value - first).copied();
            }
            index += count;
            first = (first + count) << 1;
            value <<= 1;
        }
        None
    }
}

impl Decoder {
    pub fn new(coding: Coding) -> Self {
        Self { coding, history: Vec::new() }
    }

    /// One message. `None` if it cannot be decoded with what this decoder has received and its window.
    pub fn decode(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let window = match self.coding {
            Coding::Plain => return None,
            Coding::Standalone(window) => {
                self.history.clear();
                window.bytes()
            }
            Coding::Shared(window) => window.bytes(),
        };
        let begin = self.history.len();
        let input = [payload, &[0, 0, 0xff, 0xff]].concat();
        let mut bits = Bits { bytes: &input, at: 0 };
        while bits.at.div_ceil(8) < input.len() {
            let last = bits.take(1)?;
            match bits.take(2)? {
                0 => self.stored(&mut bits)?,
                1 => {
                    let lengths: Vec<_> = (0..288)
                        .map(|symbol| match symbol {
                            144..256 => 9,
                            256..280 => 7,
                            _ => 8,
                        })
                        .collect();
                    self.coded(&mut bits, &Code::new(&lengths), &Code::new(&[5; 30]), window)?;
                }
                2 => {
                    let (literals, distances) = codes(&mut bits)?;
                    self.coded(&mut bits, &literals, &distances, window)?;
                }
                _ => return None,
            }
            if last == 1 {
                break;
            }
        }
        let out = self.history[begin..].to_vec();
        self.history.drain(..self.history.len().saturating_sub(window));
        Some(out)
    }

    fn stored(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let at = bits.at.div_ceil(8);
        let len = usize::from(u16::from_le_bytes(*bits.bytes.get(at..)?.first_chunk()?));
        self.history.extend(bits.bytes.get(at + 4..at + 4 + len)?);
        bits.at = (at + 4 + len) * 8;
        Some(())
    }

    fn coded(&mut self, bits: &mut Bits<'_>, literals: &Code, distances: &Code, window: usize) -> Option<()> {
        loop {
            match bits.symbol(literals)? {
                literal @ 0..256 => self.history.push(literal as u8),
                256 => return Some(()),
                symbol => {
                    let (base, extra) = *LENGTHS.get(symbol - 257)?;
                    let len = base + bits.take(extra)?;
                    let symbol = bits.symbol(distances)?;
                    let extra = (symbol as u32 / 2).saturating_sub(1);
                    let base = if symbol < 4 { symbol + 1 } else { ((2 + symbol % 2) << extra) + 1 };
                    let distance = base + bits.take(extra)?;
                    if distance > window {
                        return None;
                    }
                    for _ in 0..len {
                        self.history.push(*self.history.get(self.history.len().checked_sub(distance)?)?);
                    }
                }
            }
        }
    }
}

fn codes(bits: &mut Bits<'_>) -> Option<(Code, Code)> {
    let (literals, distances, count) = (bits.take(5)? + 257, bits.take(5)? + 1, bits.take(4)? + 4);
    let mut lengths = [0; 19];
    for place in &ORDER[..count] {
        lengths[*place] = bits.take(3)?;
    }
    let code = Code::new(&lengths);
    let mut lengths = Vec::new();
    while lengths.len() < literals + distances {
        let (len, times) = match bits.symbol(&code)? {
            16 => (*lengths.last()?, 3 + bits.take(2)?),
            17 => (0, 3 + bits.take(3)?),
            18 => (0, 11 + bits.take(7)?),
            len => (len, 1),
        };
        lengths.extend(std::iter::repeat_n(len, times));
    }
    Some((Code::new(&lengths[..literals]), Code::new(&lengths[literals..])))
}

#[test]
fn the_reference_decoder_decodes_and_looks_no_further_back_than_it_may() {
    use crate::coding::Window;
    use wire::{Context, Deflater, Direction};
    let message: Vec<u8> = (0..6000_u32).map(|i| ((i % 3000).wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
    for (window, readable) in [(Window::Fifteen, true), (Window::Twelve, true), (Window::Eleven, false)] {
        let mut deflater = Deflater::new(Direction { context: Context::Kept, window_bits: 15 }, 6);
        let mut decoder = Decoder::new(Coding::Shared(window));
        for part in [&message[..], b"Hello", &message[5000..], &[7; 1000]] {
            let mut out = Vec::new();
            deflater.deflate(part, &mut out);
            assert_eq!(decoder.decode(&out).as_deref(), readable.then_some(part), "{window:?}");
            if !readable {
                break;
            }
        }
    }
    let mut decoder = Decoder::new(Coding::Shared(Window::Nine));
    let [first, again] = [&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..], &[0xf2, 0x00, 0x11, 0x00, 0x00]];
    assert_eq!([decoder.decode(first).unwrap(), decoder.decode(again).unwrap()], [b"Hello", b"Hello"]);
}
