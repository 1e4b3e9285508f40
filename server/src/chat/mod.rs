//! Pure: the protocol of a chat room, JSON in text messages.
//!
//! ```text
//!   {"type":"chat","content":"hello"} ─► request ─► append ─► the room's log: encoded once, for everybody
//!        (optional: "room")                 │ refused
//!                                           ▼
//!                                         error, to this client alone
//!
//!   {"type":"chat","room":"general","sender":"k3v9x0qd","content":"hello",
//!    "timestamp":"2026-11-20T16:28:21.123Z","seq":"2fz8k1.41"}
//! ```
//!
//! Every message that the server sends has these six fields. `seq` is `GENERATION.INDEX`, as text because JavaScript's numbers would not
//! hold every one. What it means, and so what a client that returns must ask for as `?resume=`:
//!
//! | message | `sender` | is in the log | `seq` | resume with |
//! |---|---|---|---|---|
//! | `chat` | who said it | yes | this very message | INDEX + 1 |
//! | `system`: who joined and left | `server` | yes | this very message | INDEX + 1 |
//! | `system`: the welcome, a notice of skipped messages | the client's own name | no | the next message that this client gets | INDEX |
//! | `error`: why its message was not taken | `server` | no | the room's next message | (nothing new) |
//!
//! A client's own name is the sender of its first message, the welcome: the user that its token names, or else an id of eight characters.
//!
//! | file | holds |
//! |---|---|
//! | `request` | what a member may say, and what is wrong with what it said |
//! | `message` | what the server says: encoding, appending |
//! | `participant` | who says it: ids and names |
//! | `presence` | who joined and left, announced so rarely that a crowd costs no more than its size |
//! | `timestamp` | RFC 3339 |

mod message;
mod participant;
mod presence;
mod request;
mod timestamp;

pub use message::{Kind, Message, SERVER, append};
pub use participant::{ClientId, Participant};
pub use presence::Presence;
pub use request::{MAX_CONTENT, Refusal, heard};
pub use timestamp::Calendar;
