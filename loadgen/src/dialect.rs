//! How a server wants to be spoken to: what is said to join, how a publish is wrapped, what of its frames are messages.
//!
//! A dialect is data, a TOML file ([`File`]); those that have a name ([`NAMES`]) are such files too, in `scenarios/dialects`. This module
//! is pure: frames in, what to do about them out. Sockets and deadlines are the clients' business.
//!
//! ```text
//! 101 ─▶ Join ── send, wait for what is expected, ... ──▶ joined
//!                                                           │
//! frame ─▶ Receive::parts ─▶ Receive::read ─▶ Message (the ledger's) | Answer (to be sent) | Nothing
//! payload ─▶ Dialect::publish ─▶ frame
//! ```

mod build;
mod built_in;
mod file;
mod join;
mod matching;
mod pointer;
mod receive;
mod template;

use std::time::Duration;

pub use build::{DialectError, parse};
pub use built_in::{NAMES, text_of};
pub use file::File;
pub use join::{Join, Progress, Step};
pub use matching::Match;
pub use pointer::Pointer;
pub use receive::{Part, Receive, Said, Split};
pub use template::{Names, Template, TemplateError, Words};

/// The name of the dialect that adds nothing.
pub const PLAIN: &str = "plain";

/// A dialect, ready to be spoken.
#[derive(Debug, Clone, Default)]
pub struct Dialect {
    /// One sentence for people; empty where the file has none.
    pub description: String,
    /// The path of its servers, where the scenario gives none.
    pub path: Option<String>,
    /// The subprotocol that its servers speak.
    pub subprotocol: Option<String>,
    /// What is said and waited for before the connection has joined its room.
    pub join: Vec<Step>,
    /// How a message becomes a frame; `None`: it is one.
    pub publish: Option<Template>,
    /// What a frame holds.
    pub receive: Receive,
    /// What is said from time to time.
    pub beat: Option<Beat>,
    /// What is said before the close frame.
    pub leave: Option<Template>,
}

/// What is said from time to time, so that the server knows that we live.
#[derive(Debug, Clone)]
pub struct Beat {
    /// How often.
    pub every: Duration,
    /// What.
    pub send: Template,
}

impl Dialect {
    /// Whether the server learns the room from what is said, and not only from the path.
    pub fn names_room(&self) -> bool {
        let join = self.join.iter().filter_map(|step| step.send.as_ref());
        join.chain(&self.publish).any(Template::names_room)
    }

    /// Whether the server confirms the join, or whatever comes last of it.
    pub fn confirms(&self) -> bool {
        self.join.iter().any(|step| step.expect.is_some())
    }
}

#[cfg(test)]
mod tests;
