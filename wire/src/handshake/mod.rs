//! What both sides say before the first frame (RFC 6455 section 4).
//!
//! The client's side writes its request and verifies every line of the answer that the RFC tells it to. The server's side
//! judges header values that an HTTP library has read; it knows no HTTP library itself.

mod client;
mod error;
mod key;
mod server;
mod token;

pub use client::{Answer, ClientRequest, MAX_ANSWER_BYTES, MAX_ANSWER_HEADERS, is_reserved_header, verify_answer};
pub use error::HandshakeError;
pub use key::{accept_key, encode_key};
pub use server::{UpgradeRequest, check_request, choose_subprotocol};
pub(crate) use token::is_token;
