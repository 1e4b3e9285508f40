//! Frames: the unit in which everything travels (RFC 6455 section 5).
//!
//! [`Header`] reads and writes the two to fourteen bytes in front of a payload, [`decode`] takes one frame from the
//! beginning of a buffer, and [`FrameReader`] does so for a stream that arrives in arbitrary pieces.

mod decode;
mod header;
mod mask;
mod opcode;
mod part;
mod reader;

pub use decode::{Decoded, Role, Rsv1, Rules, decode};
pub use header::{Header, MAX_CONTROL_PAYLOAD, MAX_HEADER, Parsed, append_frame, append_masked_frame};
pub use mask::{apply_mask, apply_mask_from};
pub use opcode::Opcode;
pub use part::Part;
pub use reader::{Flow, FrameReader};
