//! `--engine textbook`: the broadcast hub of every tutorial, as the honest "before" that any report can compare with.
//!
//! ```text
//!   socket ─► task of a client ─► hub: rooms behind a lock ─► a queue a member ─► task of a member ─► one write a message
//! ```
//!
//! hyper takes the request, fastwebsockets the socket, tokio the scheduling: on one thread when one CPU is given, on several otherwise.
//! A member whose queue is full misses the message, which is counted. Nothing here was made slow, and nothing of the log and its cursors
//! makes it fast. It keeps fastwebsockets' habits: frames are limited in size but messages in fragments are not, clients need not mask, and
//! a violation ends the connection without a close frame. So it is for measuring, not for the open network. Chat rooms are those of
//! `/ws/{room}` without a past: no resume, and nobody is told who joins and leaves.
//!
//! | file | holds |
//! |---|---|
//! | `server` | runtime, listener, signals, drain |
//! | `site` | who answers which request; `/stats` |
//! | `hub` | rooms, members and their queues |
//! | `chat` | the words of chat rooms: the native engine's, numbered by the hub |
//! | `client` | the task of one client |

mod chat;
mod client;
mod hub;
mod server;
mod site;

pub use server::run;
