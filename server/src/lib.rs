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
//! Pure modules take bytes and the time and return values: `log`, `room`, `session`, `outbox`, `wheel`, `bucket`, `rate`, `shares`, `budget`,
//! `accounts`, `coding`, `compressors`, `variant`, `resume`, `received`, `route`, `protocol`, `chat`, `sse`, `origin`, `forwarded`, `auth` (but for reading its files), `client_id`,
//! `admin_token`, `histogram`, `loop_time`, `stats`, `metrics`, `prometheus`. I/O is in `shard` (sockets), `listener` and `http`
//! (handshakes), `tls` (certificates) and `serve` (threads and signals); `command` makes it a program with exit codes. `textbook` is another
//! engine, for comparison: of the above it shares the flags, the routes and the words of chat rooms only.
#![forbid(unsafe_code)]

pub mod accounts;
pub mod admin_token;
pub mod admission;
pub mod auth;
pub mod bucket;
pub mod budget;
pub mod chat;
pub mod client_id;
pub mod coding;
pub mod command;
pub mod compression_report;
pub mod compressors;
pub mod config;
pub mod forwarded;
pub mod histogram;
pub mod http;
pub mod listener;
pub mod log;
pub mod loop_time;
pub mod metrics;
pub mod origin;
pub mod outbox;
pub mod prometheus;
pub mod protocol;
pub mod rate;
pub mod received;
pub mod resume;
pub mod room;
pub mod route;
pub mod serve;
pub mod session;
pub mod shard;
pub mod shares;
pub mod sse;
pub mod stats;
pub mod textbook;
pub mod tls;
pub mod variant;
pub mod wheel;

pub use command::serve_as;
pub use config::{Config, ConfigError, Flags};
pub use serve::{ServeError, run};
