//! One frame from the beginning of a buffer, in place.

use crate::error::ProtocolError;
use crate::frame::header::{Header, Parsed};
use crate::frame::mask::apply_mask;
use crate::frame::opcode::Opcode;

/// Which side we are, and so which frames we accept (RFC 6455 5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// We are the server: every frame we receive must be masked.
    Server,
    /// We are the client: no frame we receive may be masked.
    Client,
}

/// Whether the first frame of a message may have RSV1 set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rsv1 {
    /// No extension was agreed: the bit ends the connection.
    Refused,
    /// permessage-deflate was agreed: the bit marks a compressed message (RFC 7692 6).
    Allowed,
}

/// What we accept on one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Which side we are.
    pub role: Role,
    /// What RSV1 means here.
    pub rsv1: Rsv1,
    /// The largest payload of a data frame, in bytes. Control frames have their own limit of 125.
    pub max_frame: u64,
}

impl Rules {
    /// Checks a header against what was agreed on this connection.
    ///
    /// # Errors
    /// A mask that is missing or should be, RSV1 where it has no meaning, or a payload over [`max_frame`](Self::max_frame).
    pub fn check(&self, header: &Header) -> Result<(), ProtocolError> {
        match (self.role, header.mask) {
            (Role::Server, None) => return Err(ProtocolError::Unmasked),
            (Role::Client, Some(_)) => return Err(ProtocolError::Masked),
            _ => {}
        }
        if header.rsv1 {
            if self.rsv1 == Rsv1::Refused {
                return Err(ProtocolError::ReservedBits(0b100));
            }
            if header.opcode.is_control() || header.opcode == Opcode::Continuation {
                return Err(ProtocolError::CompressedBitMisplaced);
            }
        }
        // Control frames are at most 125 bytes already and must get through under any limit.
        if header.len > self.max_frame && !header.opcode.is_control() {
            return Err(ProtocolError::FrameTooBig { len: header.len, max: self.max_frame });
        }
        Ok(())
    }
}

/// What [`decode`] found at the beginning of a buffer.
#[derive(PartialEq, Eq, Debug)]
pub enum Decoded<'a> {
    /// A whole frame.
    Frame {
        /// Its header; `mask` still tells the key, but it has been applied.
        header: Header,
        /// Its payload, unmasked in place.
        payload: &'a mut [u8],
        /// Bytes of header and payload: the next frame begins here.
        consumed: usize,
    },
    /// The frame does not end in this buffer.
    Incomplete {
        /// Bytes of the whole frame as far as is known: always more than the buffer has, never more than the frame has.
        need: usize,
    },
}

/// Decodes one frame from the beginning of `buf`, unmasking its payload in place.
///
/// Nothing is changed while the frame is incomplete, so the call can be repeated with more bytes at constant cost.
/// A whole frame must not be decoded twice: the second time would mask it again.
///
/// # Errors
/// Every violation of [`Header::parse`] and [`Rules::check`], as soon as the header is there: a payload over the limit
/// is refused without waiting for it.
#[inline]
pub fn decode<'a>(buf: &'a mut [u8], rules: &Rules) -> Result<Decoded<'a>, ProtocolError> {
    let header = match Header::parse(buf)? {
        Parsed::Whole(header) => header,
        Parsed::Incomplete { need } => return Ok(Decoded::Incomplete { need }),
    };
    rules.check(&header)?;
    let start = header.header_len();
    // Only a 32-bit machine whose rules allow more than it can address gets here with less than the length.
    let end = usize::try_from(header.len).unwrap_or(usize::MAX).saturating_add(start);
    let Some(payload) = buf.get_mut(start..end) else {
        return Ok(Decoded::Incomplete { need: end });
    };
    if let Some(key) = header.mask {
        apply_mask(payload, key);
    }
    Ok(Decoded::Frame { header, payload, consumed: end })
}
