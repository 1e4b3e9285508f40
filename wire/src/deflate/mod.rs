//! permessage-deflate (RFC 7692): what the two sides agree on, and the bytes that follow from it.
//!
//! ```text
//!   client: Offer ── Sec-WebSocket-Extensions ──▶ answer_offers: Agreement and the answer's value
//!           verify_extensions: Agreement  ◀────────────────┘
//!
//!   payload ─▶ Deflater ─▶ frame with RSV1 ─▶ ... ─▶ Assembler ─▶ Inflater ─▶ payload
//! ```
//!
//! An [`Agreement`] says for each direction whether the compressor keeps its history from one message to the next (context takeover)
//! and how large its window is.

mod client;
mod deflater;
mod inflater;
mod params;
mod server;

pub use client::{Offer, verify_extensions};
pub use deflater::Deflater;
pub use inflater::Inflater;
pub use params::{Agreement, Context, Direction, MAX_WINDOW_BITS, MIN_WINDOW_BITS};
pub use server::{Sharing, answer_offers};
