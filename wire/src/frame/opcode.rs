//! What a frame is (RFC 6455 5.2).

use crate::error::ProtocolError;

/// The kind of a frame. The discriminants are the bits on the wire, so `opcode as u8` is what is sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the open message.
    Continuation = 0x0,
    /// The first (or only) frame of a UTF-8 message.
    Text = 0x1,
    /// The first (or only) frame of a message of arbitrary bytes.
    Binary = 0x2,
    /// The sender will send nothing after this.
    Close = 0x8,
    /// To be answered with a pong of the same payload.
    Ping = 0x9,
    /// The answer to a ping, or an unasked sign of life.
    Pong = 0xA,
}

impl Opcode {
    /// Close, ping and pong: never fragmented, at most 125 bytes, and allowed between fragments (RFC 6455 5.5).
    pub fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }
}

impl TryFrom<u8> for Opcode {
    type Error = ProtocolError;

    /// # Errors
    /// [`ProtocolError::ReservedOpcode`] for every value without a meaning.
    fn try_from(bits: u8) -> Result<Self, ProtocolError> {
        match bits {
            0x0 => Ok(Self::Continuation),
            0x1 => Ok(Self::Text),
            0x2 => Ok(Self::Binary),
            0x8 => Ok(Self::Close),
            0x9 => Ok(Self::Ping),
            0xA => Ok(Self::Pong),
            other => Err(ProtocolError::ReservedOpcode(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_opcode_is_its_own_bits_and_all_others_are_refused() {
        for bits in 0..=u8::MAX {
            match Opcode::try_from(bits) {
                Ok(opcode) => assert_eq!(opcode as u8, bits),
                Err(error) => assert_eq!(error, ProtocolError::ReservedOpcode(bits)),
            }
        }
        let known = (0..=u8::MAX).filter(|bits| Opcode::try_from(*bits).is_ok());
        assert_eq!(known.collect::<Vec<_>>(), [0, 1, 2, 8, 9, 10]);
    }

    #[test]
    fn close_ping_and_pong_are_the_control_frames() {
        use Opcode::*;
        assert!([Close, Ping, Pong].iter().all(|o| o.is_control()));
        assert!(![Continuation, Text, Binary].iter().any(|o| o.is_control()));
    }
}
