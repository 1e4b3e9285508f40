//! The WebSocket protocol without any I/O: bytes in, values out.
//!
//! ```text
//!   bytes read ─▶ FrameReader ─▶ (Header, payload) ─▶ Assembler ─▶ Event
//!                 one frame at a    unmasked in          Message, Ping,
//!                 time, in place    the read buffer      Pong, Close
//!
//!   bytes to write ◀─ append_frame / append_masked_frame / Header::encode
//! ```
//!
//! ```
//! use wire::{Assembler, Event, Flow, FrameReader, Limits, Opcode, ProtocolError, Role, Rsv1, Rules};
//!
//! let rules = Rules { role: Role::Server, rsv1: Rsv1::Refused, max_frame: 1 << 20 };
//! let limits = Limits { max_message: 1 << 20, max_fragments: 1024 };
//! let (mut reader, mut assembler) = (FrameReader::new(), Assembler::new());
//!
//! let mut read = Vec::new(); // what a socket would give, in pieces of any size
//! wire::append_masked_frame(&mut read, Opcode::Text, b"Hello", [1, 2, 3, 4]);
//!
//! let mut messages = 0;
//! reader.feed(&mut read, &rules, |header, payload| {
//!     if let Event::Message { payload, .. } = assembler.accept(&header, payload, &limits)? {
//!         assert_eq!(payload, b"Hello");
//!         messages += 1;
//!     }
//!     assembler.release();
//!     Ok::<_, ProtocolError>(Flow::Continue)
//! })?;
//! assert_eq!(messages, 1);
//! # Ok::<(), ProtocolError>(())
//! ```
//!
//! Nothing here knows a socket, a clock or a runtime, so every rule of RFC 6455 that a peer can break is tested
//! by handing over bytes. A connection that is idle between messages holds 16 bytes of this crate: two empty boxes.
//!
//! * [`frame`]: opcodes, headers, masking, the decoder and the reader that keeps what is incomplete;
//! * [`message`]: fragments to messages, UTF-8, limits on size and number of fragments;
//! * [`close`]: close codes, standard ones and ours, and the payload of a close frame;
//! * [`deflate`]: permessage-deflate, what is agreed and the bytes that follow;
//! * [`handshake`]: what client and server say before the first frame;
//! * [`stamp`]: the token by which a published message is known again at every subscriber.

pub mod close;
pub mod deflate;
pub mod frame;
pub mod handshake;
pub mod message;
pub mod stamp;

mod buffer;
mod error;

pub use close::{CloseCode, CloseFrame};
pub use deflate::{
    Agreement, Context, Deflater, Direction, Inflater, MAX_WINDOW_BITS, MIN_WINDOW_BITS, Offer, Sharing, answer_offers,
    verify_extensions,
};
pub use error::ProtocolError;
pub use frame::{
    Decoded, Flow, FrameReader, Header, MAX_CONTROL_PAYLOAD, MAX_HEADER, Opcode, Parsed, Part, Role, Rsv1, Rules,
    append_frame, append_masked_frame, apply_mask, apply_mask_from, decode,
};
pub use handshake::{
    Answer, ClientRequest, HandshakeError, UpgradeRequest, accept_key, check_request, choose_subprotocol, encode_key,
    verify_answer,
};
pub use message::{Assembler, Event, Limits};
pub use stamp::Stamp;
