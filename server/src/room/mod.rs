//! Pure: one room. A log of messages, and its members as cursors into that log.
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
//! | `sequence` | `Room`: numbering, appending, memory, who joins and leaves |
//! | `members` | the cursors, partitioned into blocked and ready |
//! | `flush` | writing: to all ready members, and to one that is writable again |
//! | `lag` | eviction and what it does to members that are behind |
//!
//! Sockets appear only as an opaque number passed to the `sink` of each call, which says how many bytes were taken.

mod flush;
mod lag;
mod members;
mod sequence;

pub use flush::{Private, Sent, Writable};
pub use lag::{Departure, LagPolicy, Why};
pub use members::MemberId;
pub use sequence::{Full, Room, home_shard};

#[cfg(test)]
mod model_tests;
