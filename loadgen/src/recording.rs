//! `fanout record`: writes down what a WebSocket feed sends, in the form that a scenario plays again ([`crate::trace`]).
//!
//! ```text
//! source (a connection a room) ─▶ session: clock, room, line ─▶ tape (a thread of its own): append, rotate, keep whole
//! ```
//!
//! Times are taken right after each read, before anything is parsed, and writing to the disk never holds up a read.

mod line;
mod parts;
mod rooms;
mod session;
mod source;
mod tail;
mod tally;
mod tape;

pub use parts::Rotation;
pub use rooms::RoomOf;
pub use session::{Order, RecordError, record};
pub use source::Feed;
pub use tally::{Summary, Tally};
