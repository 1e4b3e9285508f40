//! Publishing over HTTP/1.1: requests with a message in them, and what is answered. No sockets.
//!
//! Only as much of HTTP as a publisher needs (RFC 9112): one request at a time on a connection that stays open, and of the answer its
//! status and where it ends.

mod answer;
mod route;

pub use answer::{Answer, AnswerError, AnswerReader, Keep};
pub use route::{Destination, Letter, Route};
