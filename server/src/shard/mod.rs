//! One hot thread: its sockets, sessions, rooms, timers and inbox, around one blocking `epoll_wait`.
//!
//! ```text
//!   control thread ── Command ──► inbox ─┐
//!   sockets ─────────────────────────────┼─► turn: commands, reads (append), writes, timers ─► flush the rooms written to
//!   timer ───────────────────────────────┘
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `inbox` | what other threads may ask of a shard, and the ticket for a place in a room |
//! | `turn` | `Shard` and its loop |
//! | `arriving` | commands: reserving, adopting, cancelling, reporting |
//! | `reading` | bytes from a socket to publishes and replies |
//! | `writing` | flushes, blocked sockets, private frames |
//! | `leaving` | close frames, ends, lag, drain |
//! | `timing` | pings, timeouts, rooms that nobody uses |
//! | `connection` | one connection, in under a hundred bytes |
//! | `rooms` | the table of rooms |
//! | `slab` | a table that grows without copying |

mod arriving;
mod connection;
mod inbox;
mod leaving;
mod reading;
mod rooms;
mod slab;
mod timing;
mod turn;
mod writing;

pub use inbox::{Command, Gone, Inbox, Reservation, Target, Ticket};
pub use turn::{Handle, start};
