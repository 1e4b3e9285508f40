//! The bytes in front of a payload (RFC 6455 5.2), read and written.
//!
//! ```text
//!   byte 0            byte 1          0, 2 or 8 bytes       0 or 4 bytes
//!   FIN RSV opcode    MASK length     length, big endian    masking key
//!    1   3    4        1     7
//! ```

use crate::error::ProtocolError;
use crate::frame::mask::apply_mask;
use crate::frame::opcode::Opcode;

/// The longest header: two bytes, a 64-bit length and a masking key.
pub const MAX_HEADER: usize = 14;

/// The longest payload of a close, ping or pong (RFC 6455 5.5), in bytes.
pub const MAX_CONTROL_PAYLOAD: usize = 125;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV2_AND_3: u8 = 0x30;
const MASKED: u8 = 0x80;

/// What stands in front of a payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Whether this frame ends its message.
    pub fin: bool,
    /// The bit by which permessage-deflate marks a compressed message (RFC 7692 6).
    pub rsv1: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The masking key, from clients only.
    pub mask: Option<[u8; 4]>,
    /// Bytes of payload that follow the header.
    pub len: u64,
}

/// What [`Header::parse`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// A whole header, [`header_len`](Header::header_len) bytes long.
    Whole(Header),
    /// The header is longer than the input.
    Incomplete {
        /// Bytes that the header has, as far as is known: always more than the input.
        need: usize,
    },
}

impl Header {
    /// The header of a whole message (or control frame) as a server sends it: unmasked.
    pub fn unmasked(opcode: Opcode, len: u64) -> Self {
        Self { fin: true, rsv1: false, opcode, mask: None, len }
    }

    /// The header of a whole message (or control frame) as a client sends it.
    pub fn masked(opcode: Opcode, len: u64, key: [u8; 4]) -> Self {
        Self { mask: Some(key), ..Self::unmasked(opcode, len) }
    }

    /// Bytes of the header itself, 2 to [`MAX_HEADER`].
    pub fn header_len(&self) -> usize {
        let extended = match self.len {
            0..=125 => 0,
            126..=0xffff => 2,
            _ => 8,
        };
        2 + extended + if self.mask.is_some() { 4 } else { 0 }
    }

    /// Writes the header to the beginning of `out` in its shortest form and returns its length in bytes.
    ///
    /// The rules about what a header may say are not applied here: tests send wrong ones on purpose.
    pub fn encode(&self, out: &mut [u8; MAX_HEADER]) -> usize {
        out[0] = if self.fin { FIN } else { 0 } | if self.rsv1 { RSV1 } else { 0 } | self.opcode as u8;
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        let mut at = match self.len {
            len @ 0..=125 => {
                out[1] = masked | len as u8;
                2
            }
            len @ 126..=0xffff => {
                out[1] = masked | 126;
                out[2..4].copy_from_slice(&(len as u16).to_be_bytes());
                4
            }
            len => {
                out[1] = masked | 127;
                out[2..10].copy_from_slice(&len.to_be_bytes());
                10
            }
        };
        if let Some(key) = self.mask {
            out[at..at + 4].copy_from_slice(&key);
            at += 4;
        }
        at
    }

    /// Reads a header from the beginning of `input`, refusing what is wrong whoever sent it.
    ///
    /// What depends on who we are and what was agreed is checked by [`Rules::check`](crate::frame::Rules::check).
    ///
    /// # Errors
    /// RSV2 or RSV3 set, a reserved opcode, a fragmented or long control frame, a length that is not minimal or has its
    /// high bit set: as soon as the bytes that show it are there.
    pub fn parse(input: &[u8]) -> Result<Parsed, ProtocolError> {
        let Some(&first) = input.first() else {
            return Ok(Parsed::Incomplete { need: 2 });
        };
        if first & RSV2_AND_3 != 0 {
            return Err(ProtocolError::ReservedBits((first & (RSV1 | RSV2_AND_3)) >> 4));
        }
        let opcode = Opcode::try_from(first & 0x0f)?;
        let fin = first & FIN != 0;
        if opcode.is_control() && !fin {
            return Err(ProtocolError::ControlFragmented);
        }
        let Some(&second) = input.get(1) else {
            return Ok(Parsed::Incomplete { need: 2 });
        };
        let short = second & 0x7f;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL_PAYLOAD {
            return Err(ProtocolError::ControlTooLong);
        }
        let key_len = if second & MASKED != 0 { 4 } else { 0 };
        let rest = &input[2..];
        let (len, rest) = match short {
            126 => match rest.split_first_chunk::<2>() {
                Some((bytes, rest)) => (u64::from(u16::from_be_bytes(*bytes)), rest),
                None => return Ok(Parsed::Incomplete { need: 4 + key_len }),
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((bytes, rest)) => (u64::from_be_bytes(*bytes), rest),
                None => return Ok(Parsed::Incomplete { need: 10 + key_len }),
            },
            short => (u64::from(short), rest),
        };
        if len >> 63 != 0 {
            return Err(ProtocolError::LengthHighBit);
        }
        if (short == 126 && len < 126) || (short == 127 && len <= 0xffff) {
            return Err(ProtocolError::NonMinimalLength(len));
        }
        let mask = match (key_len, rest.first_chunk::<4>()) {
            (0, _) => None,
            (_, Some(key)) => Some(*key),
            (_, None) => return Ok(Parsed::Incomplete { need: input.len() - rest.len() + key_len }),
        };
        Ok(Parsed::Whole(Self { fin, rsv1: first & RSV1 != 0, opcode, mask, len }))
    }
}

/// Appends a whole unmasked frame, as a server sends it. One reservation, one copy.
pub fn append_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    append(out, &Header::unmasked(opcode, payload.len() as u64), payload);
}

/// Appends a whole masked frame, as a client sends it.
///
/// `key` should be unpredictable where an attacker chooses payloads and proxies may be confused by them (RFC 6455 10.3).
pub fn append_masked_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], key: [u8; 4]) {
    append(out, &Header::masked(opcode, payload.len() as u64, key), payload);
    let start = out.len() - payload.len();
    apply_mask(&mut out[start..], key);
}

fn append(out: &mut Vec<u8>, header: &Header, payload: &[u8]) {
    let mut bytes = [0; MAX_HEADER];
    let size = header.encode(&mut bytes);
    out.reserve(size + payload.len());
    out.extend_from_slice(&bytes[..size]);
    out.extend_from_slice(payload);
}
