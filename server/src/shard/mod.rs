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
//! | `relaying` | letters from other shards |
//! | `asking` | what HTTP clients and operators ask for: publishing, reading, listing, closing |
//! | `polling` | long polls that wait |
//! | `visitors` | whose connections they are |
//! | `reading` | bytes from a socket to publishes and replies |
//! | `writing` | flushes, blocked sockets, private frames |
//! | `leaving` | close frames, ends, lag, drain |
//! | `chatting` | what is particular to chat rooms: welcomes, messages, presence, notices of gaps |
//! | `scribe` | what is said in chat rooms, written with the time of day |
//! | `lines` | how bytes get into and out of sockets: as they are, or through TLS |
//! | `timing` | pings, timeouts, rooms that nobody uses |
//! | `limiting` | who is held to which limit on what it sends, and what happens beyond it |
//! | `turnstile` | pure: the limits on the messages of one read |
//! | `delays` | pure: messages that wait until their sender's rate allows them |
//! | `watch` | pure: floods of control frames, messages that never end |
//! | `connection` | one connection, in under a hundred bytes |
//! | `rooms` | the table of rooms |
//! | `spread` | rooms with members on several shards: homes and copies |
//! | `letters` | what shards tell each other |
//! | `post` | the letter boxes between shards, and who waits for room in one |
//! | `gate` | how full a letter box is |
//! | `slab` | a table that grows without copying |

mod arriving;
mod asking;
mod chatting;
mod connection;
mod delays;
mod gate;
mod inbox;
mod leaving;
mod letters;
mod limiting;
mod lines;
mod polling;
mod post;
mod reading;
mod relaying;
mod rooms;
mod scribe;
mod slab;
mod spread;
mod timing;
mod turn;
mod turnstile;
mod visitors;
mod watch;
mod writing;

pub use asking::{Ask, Kicked, Missing, NO_ROOM, NotPublished};
pub use inbox::{Command, Gone, Inbox, NoPlace, Reservation, Target, Ticket};
pub use turn::{Handle, start};
