//! What a peer can do wrong, each with the section of RFC 6455 that says so and the close code that answers it.

use crate::close::CloseCode;

/// A violation of the protocol, or of our limits, by the peer.
///
/// It is final for the connection: answer with a close frame carrying [`close_code`](Self::close_code) and read no more frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProtocolError {
    /// RSV bits are set that no agreed extension gives a meaning to. Holds the three bits, RSV1 being the highest (4).
    #[error("reserved bits {0:#05b} are set, but no extension that defines them was agreed (RFC 6455 5.2)")]
    ReservedBits(u8),
    /// RSV1 is set on a control frame or a continuation, where it never may be.
    #[error(
        "RSV1 is set on a control or continuation frame; only the first frame of a message may be marked as compressed (RFC 7692 6.1)"
    )]
    CompressedBitMisplaced,
    /// The opcode is one of 3 to 7 or 11 to 15.
    #[error("opcode {0:#x} is reserved; use 0, 1, 2, 8, 9 or 10 (RFC 6455 5.2)")]
    ReservedOpcode(u8),
    /// A longer length field than the length needs.
    #[error("payload length {0} is not encoded in the fewest bytes (RFC 6455 5.2)")]
    NonMinimalLength(u64),
    /// A 64-bit length whose most significant bit is set.
    #[error("the most significant bit of the 64-bit payload length is set; it must be 0 (RFC 6455 5.2)")]
    LengthHighBit,
    /// A control frame with a payload over 125 bytes.
    #[error("a control frame has a payload of more than 125 bytes (RFC 6455 5.5)")]
    ControlTooLong,
    /// A control frame with FIN clear.
    #[error("a control frame is fragmented; it must have FIN set (RFC 6455 5.5)")]
    ControlFragmented,
    /// A frame from a client is not masked.
    #[error("a frame from a client is not masked; clients must mask every frame (RFC 6455 5.1)")]
    Unmasked,
    /// A frame from a server is masked.
    #[error("a frame from a server is masked; servers must not mask (RFC 6455 5.1)")]
    Masked,
    /// The header announces more payload than we take in one frame.
    #[error("a frame announces {len} bytes of payload, the limit is {max}; send smaller messages (RFC 6455 10.4)")]
    FrameTooBig {
        /// What the header announced, in bytes.
        len: u64,
        /// The limit, in bytes.
        max: u64,
    },
    /// The fragments of a message add up to more than we take.
    #[error("a message has at least {len} bytes, the limit is {max}; send smaller messages (RFC 6455 10.4)")]
    MessageTooBig {
        /// Bytes of the message so far, in bytes.
        len: usize,
        /// The limit, in bytes.
        max: usize,
    },
    /// A message comes in more fragments than we take.
    #[error("a message has more than {max} fragments; send it in fewer (RFC 6455 10.4)")]
    TooManyFragments {
        /// The limit.
        max: u32,
    },
    /// A continuation frame while no message is open.
    #[error("a continuation frame without a message to continue (RFC 6455 5.4)")]
    NothingToContinue,
    /// A new data frame while a fragmented message is still open.
    #[error("a new message begins before the fragmented one before it has ended (RFC 6455 5.4)")]
    MessageInterrupted,
    /// A text message is not UTF-8.
    #[error("a text message is not valid UTF-8; send it as binary (RFC 6455 8.1)")]
    InvalidUtf8,
    /// A message marked as compressed does not decompress.
    #[error("a message marked as compressed is not valid deflate data (RFC 7692 7.2.2)")]
    InvalidDeflate,
    /// A close frame with a payload of one byte.
    #[error("a close frame has a payload of one byte; it needs none, or a two-byte code (RFC 6455 5.5.1)")]
    CloseTooShort,
    /// A close code that must not be sent.
    #[error("close code {0} must not be sent (RFC 6455 7.4)")]
    InvalidCloseCode(u16),
    /// The reason of a close frame is not UTF-8.
    #[error("the reason of a close frame is not valid UTF-8 (RFC 6455 5.5.1)")]
    InvalidCloseReason,
}

impl ProtocolError {
    /// The code with which this violation is answered (RFC 6455 7.4.1).
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::InvalidUtf8 | Self::InvalidCloseReason | Self::InvalidDeflate => CloseCode::INVALID_PAYLOAD,
            Self::FrameTooBig { .. } | Self::MessageTooBig { .. } => CloseCode::TOO_BIG,
            Self::TooManyFragments { .. } => CloseCode::POLICY,
            Self::ReservedBits(_)
            | Self::CompressedBitMisplaced
            | Self::ReservedOpcode(_)
            | Self::NonMinimalLength(_)
            | Self::LengthHighBit
            | Self::ControlTooLong
            | Self::ControlFragmented
            | Self::Unmasked
            | Self::Masked
            | Self::NothingToContinue
            | Self::MessageInterrupted
            | Self::CloseTooShort
            | Self::InvalidCloseCode(_) => CloseCode::PROTOCOL_ERROR,
        }
    }
}
