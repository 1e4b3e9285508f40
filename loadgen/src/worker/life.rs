//! What a connection remembers that may leave and come back. No sockets.

use super::Member;
use crate::ledger::Rejoin;
use crate::seeded::Seeded;

/// Why an open connection ended before the run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It left by plan, and comes back by plan.
    Churn,
    /// It left by plan and stays away.
    ForGood,
    /// `at_start` cut it.
    Cut,
    /// `at_start` restarts the server.
    Restart,
    /// The server or the network ended it.
    Closed(Farewell),
}

/// Whether a connection ended with a close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// It did.
    Said,
    /// A reset, the end of the stream, an error.
    None,
}

impl Part {
    /// The name in `run.json`; `None` for what nobody planned.
    pub fn plan(self) -> Option<&'static str> {
        match self {
            Part::Churn => Some("churn"),
            Part::ForGood => Some("shrink"),
            Part::Cut => Some("cut"),
            Part::Restart => Some("restart"),
            Part::Closed(_) => None,
        }
    }

    /// Whether the account ends: the client's side left. A server that is restarted owes what is published meanwhile.
    pub fn ends_account(self) -> bool {
        matches!(self, Part::Churn | Part::ForGood | Part::Cut)
    }

    /// Whether a server that does not take it back at once is to blame.
    pub fn must_be_let_in(self) -> bool {
        !matches!(self, Part::Cut | Part::Restart)
    }
}

/// The life of one connection.
#[derive(Debug)]
pub struct Life {
    pub member: Member,
    /// What is random in it.
    pub draws: Seeded,
    /// When it leaves or tries to come back; what is due at another time is void.
    pub due: Option<u64>,
    /// Its absence, until the first message after it.
    pub away: Option<Away>,
    /// Its account has ended, and it does not come back.
    pub over: bool,
    /// Where its messages begin, as the server said when it opened: `GENERATION.INDEX`.
    pub cursor: Option<ServerCursor>,
}

impl Life {
    /// Of a connection that has never been open.
    pub fn new(member: Member, draws: Seeded) -> Self {
        Life { member, draws, due: None, away: None, over: false, cursor: None }
    }
}

/// One absence.
#[derive(Debug)]
pub struct Away {
    pub part: Part,
    /// Its phase.
    pub phase: u16,
    /// When the connection ended.
    pub since: u64,
    /// When the cut or the restart began that ended it.
    pub event: Option<u64>,
    pub account: Account,
    /// Tries that came to nothing.
    pub tries: u32,
    /// What it asks the server to resume from.
    pub resume: Option<ServerCursor>,
    /// When it was open again.
    pub back: Option<u64>,
}

/// The account of a connection that is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// It goes on.
    Open,
    /// It ended at this number, unless the connection resumes.
    Pending {
        /// The first publish that it was not there for.
        left: u32,
    },
    /// It ended there.
    Ended {
        /// The first publish that it was not there for.
        left: u32,
    },
}

impl Away {
    /// How the account goes on now that the connection is open again.
    pub fn rejoin(&self) -> Rejoin {
        match (&self.resume, self.account) {
            (Some(_), _) => Rejoin::Resumed,
            (None, Account::Open) => Rejoin::Interrupted,
            (None, Account::Pending { left } | Account::Ended { left }) => Rejoin::Missed { left },
        }
    }
}

/// A place in the server's log of a room: `GENERATION.INDEX`, the index being that of the next message wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCursor {
    generation: Box<str>,
    index: u64,
}

impl ServerCursor {
    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        let (generation, index) = text.split_once('.')?;
        let plain = !generation.is_empty() && generation.bytes().all(|b| b.is_ascii_alphanumeric());
        plain.then_some(())?;
        Some(ServerCursor { generation: generation.into(), index: index.parse().ok()? })
    }

    /// So many messages later.
    pub fn after(&self, messages: u64) -> Self {
        ServerCursor { generation: self.generation.clone(), index: self.index + messages }
    }

    /// That of the message after this one, which says its own place as `"seq":"GENERATION.INDEX"` (the bundled server's chat).
    pub fn after_chat(message: &[u8]) -> Option<Self> {
        const KEY: &[u8] = b"\"seq\":\"";
        let at = message.windows(KEY.len()).rposition(|window| window == KEY)? + KEY.len();
        let end = at + message[at..].iter().position(|b| *b == b'"')?;
        Some(Self::parse(std::str::from_utf8(&message[at..end]).ok()?)?.after(1))
    }
}

impl std::fmt::Display for ServerCursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.generation, self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_moves_by_the_messages_that_were_received() {
        let cursor = ServerCursor::parse("2fz8k1.41").unwrap();
        assert_eq!(cursor.after(9).to_string(), "2fz8k1.50");
        for text in ["", "41", ".41", "x.", "x.-1", "a b.1", "x&y=.1"] {
            assert_eq!(ServerCursor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_chat_message_says_where_it_stands_whatever_it_quotes() {
        let message = br#"{"type":"chat","content":"\"seq\":\"x.1\"","seq":"2fz8k1.41"}"#;
        assert_eq!(ServerCursor::after_chat(message).unwrap().to_string(), "2fz8k1.42");
        assert_eq!(ServerCursor::after_chat(b"{}"), None);
    }

    #[test]
    fn only_a_leave_of_the_clients_side_ends_an_account() {
        let closed = Part::Closed(Farewell::None);
        assert!([Part::Churn, Part::ForGood, Part::Cut].iter().all(|part| part.ends_account()));
        assert!([Part::Restart, closed].iter().all(|part| !part.ends_account()));
        assert!(closed.plan().is_none() && closed.must_be_let_in());
    }
}
