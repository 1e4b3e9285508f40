//! What was published, what arrived where, and what did not.
//!
//! Every subscriber of a room must receive the same messages. So a worker keeps one **canonical room**: the frames as
//! they were first received by anybody, decoded and checked once against what was published. Every connection is then
//! a [`Cursor`] into it, and a read is compared with the canonical bytes (`memcmp`). Where they differ, that
//! connection is decoded frame by frame until it agrees again. The result is the same as decoding everything
//! (`tests.rs` holds the two against each other), at a fraction of the work.
//!
//! ```text
//! canonical   | m0 | m1 | m2 | m3 | m4 |          entries in the order first seen by anybody
//! cursor A                         ▲              has everything before entry 4
//! cursor B              ▲ missing {1}             has 0 and 2; 1 is lost unless it still comes
//! ```

mod book;
mod canonical;
mod content;
mod cursor;
mod ranges;
mod receive;
mod spread;

pub use book::{Book, NOT_DUE, PublishTable, Published};
pub use canonical::CanonicalRoom;
pub use content::{Content, Verify};
pub use cursor::Cursor;
pub use receive::{Control, Delivery, Reader, frame_len};
pub use spread::{MessageSpread, Sampled, SpreadSample};

#[cfg(test)]
mod tests;
