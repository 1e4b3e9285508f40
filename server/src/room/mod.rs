//! Pure: one room. A log of messages, and its members as cursors into that log, or into one derived from it.
//!
//! ```text
//!   append ─► Log ─► flush: one send a ready member of everything between its cursor and the end
//!                      │ partial        ▲ full
//!                      ▼                │
//!                    blocked ──► writable: rest of the split frame, private frames, the log
//!                      │ eviction passes its cursor
//!                      ▼
//!                    lag policy: disconnect | skip | latest
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `sequence` | `Room`: numbering, appending, who joins and leaves |
//! | `stream` | one variant of the messages: a log and its members, memory |
//! | `derive` | streams made from the plain one, each while it has members |
//! | `encode` | one message as a frame of such a stream |
//! | `groups` | who receives which compressed stream, and when members change over |
//! | `members` | the cursors, partitioned into blocked and ready |
//! | `flush` | writing: to all ready members, and to one that is writable again |
//! | `lag` | eviction and what it does to members that are behind |
//! | `history` | reading the log without being a member |
//!
//! Sockets appear only as an opaque number passed to the `sink` of each call, which says how many bytes were taken.

mod derive;
mod encode;
mod flush;
mod groups;
mod history;
mod lag;
mod members;
mod sequence;
mod stream;

pub use crate::variant::Variant;
pub use flush::{Private, Sent, Writable};
pub use history::{History, Lost, Most};
pub use lag::{Departure, LagPolicy, Why};
pub use sequence::{Full, MemberId, Room, home_shard};

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod reference_tests;
