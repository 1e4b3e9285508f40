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
//!
//! Connections need not be there all the time: `order` numbers a room's publishes, `absence` says what a connection that left is owed,
//! and `roll` counts it for all of a group.
//!
//! Connections that agreed on compression receive other bytes for the same messages. For them a room also keeps, for each way of
//! compressing, the stream (`stream.rs`) as it was first received, decompressed once; each such connection follows it by `memcmp`, and
//! decompresses by itself only where its bytes are others.

mod absence;
mod book;
mod canonical;
mod compressed;
mod content;
mod counting;
mod cursor;
mod follower;
mod list;
mod marks;
mod meter;
mod observed;
mod order;
mod ranges;
mod receive;
mod roll;
mod spread;
mod stream;
mod unwrap;

pub use absence::Rejoin;
pub use book::{Book, NOT_DUE, PublishTable, Published};
pub use canonical::CanonicalRoom;
pub use compressed::Shared;
pub use content::{Content, Verify};
pub use cursor::Cursor;
pub use follower::{Compressed, trim_streams};
pub use marks::{Marks, Rules, Spot, Unit};
pub use meter::Meter;
pub use observed::Observed;
pub use order::RoomOrder;
pub use receive::{Control, Delivery, Reader, frame_len};
pub use roll::{Dues, Leave, Roll};
pub use spread::{MessageSpread, Sampled, SpreadSample};
pub use stream::Streams;

use receive::equal_prefix;

/// What a publish leaves behind until the end, bytes: in its publisher's book, in the order of its room, in the room's list of messages, and
/// in the index of that by sequence (room to grow included).
pub const PUBLISH_BYTES: u64 =
    ((book::CELL + order::CELL) * 8 + size_of::<canonical::Entry>() + 2 * size_of::<u32>()) as u64;

#[cfg(test)]
mod absence_tests;
#[cfg(test)]
mod compressed_tests;
#[cfg(test)]
mod tests;
