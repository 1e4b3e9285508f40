//! What a shard counts while it works.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use wire::CloseCode;

use crate::rate::Limited;

/// A shard's counters beside those of its rooms.
#[derive(Debug, Default, Clone)]
pub struct Counters {
    /// Pings sent to silent peers.
    pub pings: u64,
    /// Pongs received.
    pub pongs: u64,
    /// Connections that this server closed, by close code; with 1006 those that broke, and with 1005 event streams whose client left.
    pub closed: BTreeMap<u16, u64>,
    /// Connections that the peer closed, by its code.
    pub closed_by_peer: BTreeMap<PeerCode, u64>,
    /// Violations by peers, by name.
    pub protocol_errors: BTreeMap<String, u64>,
    /// Members closed by the lag policy or the write timeout.
    pub lagged: u64,
    /// What happened in chat rooms beside the messages themselves.
    pub chat: ChatCounters,
    /// What rate limits did.
    pub limited: Limited,
    /// Connections closed for too many pings and pongs.
    pub control_floods: u64,
    /// Connections closed because a message did not end in time.
    pub slow_messages: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// Times that a connection was not read because a letter box of another shard was full.
    pub parked: u64,
}

/// A close code as peers are counted by: those that applications may choose as they like (RFC 6455 section 7.4.2), two thousand of them, by
/// their thousand only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerCode(u16);

impl From<CloseCode> for PeerCode {
    fn from(code: CloseCode) -> Self {
        Self(if code.0 < 3000 { code.0 } else { code.0 / 1000 * 1000 })
    }
}

impl fmt::Display for PeerCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 3000 { write!(f, "{}", self.0) } else { write!(f, "{}xxx", self.0 / 1000) }
    }
}

impl Serialize for PeerCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A shard's counters of its chat rooms.
#[derive(Debug, Default, Clone, Serialize)]
pub struct ChatCounters {
    /// Clients welcomed.
    pub welcomes: u64,
    /// Messages that say who joined and left; published messages too.
    pub announcements: u64,
    /// Of those that were due, how many there was no memory for.
    pub announcements_lost: u64,
    /// Clients told that they were skipped over.
    pub gap_notices: u64,
    /// Messages of clients that were not taken, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Of those, how many the client was not told of because it does not read.
    pub refused_silently: u64,
}

impl ChatCounters {
    /// Adds what was counted on another shard.
    pub(crate) fn add(&mut self, other: &Self) {
        self.welcomes += other.welcomes;
        self.announcements += other.announcements;
        self.announcements_lost += other.announcements_lost;
        self.gap_notices += other.gap_notices;
        self.refused_silently += other.refused_silently;
        for (name, count) in &other.refused {
            *self.refused.entry(name).or_default() += *count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_codes_peers_choose_few_are_counted() {
        let named = |code| PeerCode::from(CloseCode(code)).to_string();
        let names: Vec<String> = [1000, 1005, 2999, 3000, 3999, 4000, 4999].map(named).to_vec();
        assert_eq!(names, ["1000", "1005", "2999", "3xxx", "3xxx", "4xxx", "4xxx"]);
        let counts = BTreeMap::from([(PeerCode::from(CloseCode(4321)), 2)]);
        assert_eq!(serde_json::to_string(&counts).unwrap(), r#"{"4xxx":2}"#);
    }
}
