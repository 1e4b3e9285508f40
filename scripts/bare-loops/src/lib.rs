//! The physical limits of this machine, and the benchmark that measures fanout beside them.
//!
//! ```text
//!   CPU 0                                CPU 1
//!   fanout-server  ── 1,000 sockets ──►  bare-recv (publishes too)  ┐ one pair: two half-second runs,
//!   bare-send      ── 1,000 sockets ──►  bare-recv                  ┘ in the order AB, BA, AB, ...
//! ```
//!
//! `bare-send` calls `send` once for each connection in turn and does nothing else; no broadcast server that writes to sockets can be
//! faster. It does so without a pause, or, in step, when its reader asks for the next message, which is what limits a closed loop.
//! `bare-recv` calls `epoll_wait` and `recv` and counts bytes; no load generator can cost less. Beside a sender it takes what has come
//! every few milliseconds and copies none of it ([`Reading::Every`]): otherwise it is the slower of the two, and how many sends pay for
//! waking it is a matter of chance. Each waits for [`Order`]s on standard input, one JSON line a run, and answers with a [`Tally`].
//! The program `bench` starts them, pins them, gives the orders in pairs and prints ratios with their intervals; it also compares
//! runs of `fanout` with each other: one reader stopped or none, one client or the other.

mod order;
mod publisher;
mod reader;
mod sender;
mod statistics;
mod stopped;
mod upgrade;

pub use order::{Load, Order, Tally, obey};
pub use publisher::{Publisher, Publishing};
pub use reader::{Reader, Reading, connect};
pub use sender::Sender;
pub use statistics::{Interval, bootstrap, median};
pub use stopped::stopped_reader;
