//! `fanout-server`: one message in, thousands of copies out.
//!
//! A room is a log and a subscriber is a cursor into it: a message is framed once, appended once, and a flush is one `send` a subscriber of
//! everything between its cursor and the end.
//!
//! ```text
//!   control thread (tokio)                       hot thread (epoll)
//!   listener ─► http ─► route, admission ──────► shard ─► session ─► room ─► log
//!      ▲         └── Subscribe / Adopt ─────────►  │ wheel
//!   serve: signals, drain                          └ accounts, stats
//! ```
//!
//! Pure modules take bytes and the time and return values: `log`, `room`, `session`, `outbox`, `wheel`, `budget`, `accounts`, `resume`,
//! `route`. I/O is in `shard` (sockets), `listener` and `http` (handshakes) and `serve` (threads and signals); `command` makes
//! it a program with exit codes.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod admission;
pub mod budget;
pub mod command;
pub mod config;
pub mod http;
pub mod listener;
pub mod log;
pub mod outbox;
pub mod resume;
pub mod room;
pub mod route;
pub mod serve;
pub mod session;
pub mod shard;
pub mod stats;
pub mod wheel;

pub use command::serve_as;
pub use config::{Config, ConfigError, Flags};
pub use serve::{ServeError, run};
