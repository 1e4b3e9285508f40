//! Pure: how much clients may send, and what happens to what is too much.
//!
//! | limit | counted by | flags |
//! |---|---|---|
//! | messages | connection, or all connections of an address or a user together | `--rate`, `--burst`, `--rate-by`; for users `--rate-user`, `--burst-user` |
//! | bytes | connection | `--byte-rate`, `--byte-burst` |
//! | messages into a room | room | `--room-rate`, `--room-burst` |
//! | pings and pongs | connection | `--control-rate` |

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::bucket::Limit;

/// What happens to a message beyond a limit. (Beyond a room's, it is always dropped: who sends it is not to blame for the others.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RatePolicy {
    /// It is dropped and counted; in a chat room its sender is told.
    #[default]
    Drop,
    /// Its sender is closed with 1008.
    Disconnect,
    /// It waits until it is allowed, and nothing more is read from its sender meanwhile.
    Delay,
}

impl FromStr for RatePolicy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "drop" => Ok(Self::Drop),
            "disconnect" => Ok(Self::Disconnect),
            "delay" => Ok(Self::Delay),
            other => Err(format!("no rate policy is called {other:?}; use drop, disconnect or delay")),
        }
    }
}

/// Whose messages are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RateBy {
    /// A connection's.
    #[default]
    Connection,
    /// Those of all connections from an address (from a /64 network, for IPv6), users' apart from others'.
    Address,
    /// Those of all connections of a user; of an address, where there is no user.
    User,
}

impl FromStr for RateBy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "connection" => Ok(Self::Connection),
            "address" => Ok(Self::Address),
            "user" => Ok(Self::User),
            other => Err(format!("rates cannot be counted by {other:?}; use connection, address or user")),
        }
    }
}

/// Whether a connection has shown who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It has not.
    Anonymous,
    /// It has.
    User,
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The messages of a connection.
    Connection,
    /// The messages from an address.
    Address,
    /// The messages of a user.
    User,
    /// The messages into a room.
    Room,
    /// The bytes of a connection.
    Bytes,
}

/// One limit as it was asked for, and as buckets need it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Messages or bytes a second.
    pub per_second: f64,
    /// Messages or bytes at once.
    pub burst: u64,
    /// The same for buckets.
    pub limit: Limit,
}

impl Rate {
    /// `per_second` messages, `burst` at once.
    #[must_use]
    pub fn messages(per_second: f64, burst: u32) -> Self {
        Self { per_second, burst: u64::from(burst), limit: Limit::messages(per_second, burst) }
    }

    /// `per_second` bytes, `burst` at once.
    #[must_use]
    pub fn bytes(per_second: u64, burst: u64) -> Self {
        Self { per_second: per_second as f64, burst, limit: Limit::bytes(per_second, burst) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s, burst {}", self.per_second, self.burst)
    }
}

/// All limits on what clients send; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// What happens beyond them.
    pub policy: RatePolicy,
    /// What `anonymous` and `user` are counted by.
    pub by: RateBy,
    /// Messages of those who are nobody.
    pub anonymous: Option<Rate>,
    /// Messages of users.
    pub user: Option<Rate>,
    /// Messages into one room, whoever sends them.
    pub room: Option<Rate>,
    /// Payload bytes of one connection.
    pub bytes: Option<Rate>,
    /// Pings and pongs of one connection, which is closed beyond it, whatever the policy.
    pub control: Option<Rate>,
}

impl Rates {
    /// The limit on the messages of a class.
    #[must_use]
    pub fn of(&self, class: Class) -> Option<&Rate> {
        match class {
            Class::Anonymous => self.anonymous.as_ref(),
            Class::User => self.user.as_ref(),
        }
    }

    /// The limit on the messages of a connection that its own bucket alone holds to it.
    #[inline]
    #[must_use]
    pub fn own(&self, meter: Meter) -> Option<&Rate> {
        match meter {
            Meter::Anonymous => self.anonymous.as_ref(),
            Meter::User => self.user.as_ref(),
            Meter::Off | Meter::Listed => None,
        }
    }

    /// What to tell a client of `class` that reached a limit, in at most 123 bytes; such as `rate limit: 10/s, burst 20`.
    #[must_use]
    pub fn sentence(&self, cause: Cause, class: Class) -> String {
        let (whose, rate) = match cause {
            Cause::Connection => ("rate limit", self.of(class)),
            Cause::Address => ("rate limit of your address", self.of(class)),
            Cause::User => ("rate limit of this user", self.of(class)),
            Cause::Room => ("rate limit of this room", self.room.as_ref()),
            Cause::Bytes => ("rate limit in bytes", self.bytes.as_ref()),
        };
        rate.map_or_else(|| whose.to_owned(), |rate| format!("{whose}: {rate}"))
    }
}

/// How a connection is held to limits: one byte of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Meter {
    /// Not at all.
    #[default]
    Off,
    /// By its own bucket of messages alone, as anonymous.
    Anonymous,
    /// By its own bucket of messages alone, as a user.
    User,
    /// By what its shard's table says of it.
    Listed,
}

impl Meter {
    /// Whether the connection's own bucket is all that counts.
    #[must_use]
    pub fn is_own(self) -> bool {
        matches!(self, Self::Anonymous | Self::User)
    }
}

impl From<Class> for Meter {
    fn from(class: Class) -> Self {
        match class {
            Class::Anonymous => Self::Anonymous,
            Class::User => Self::User,
        }
    }
}

/// What limits did, by cause. Part of `/stats`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Limited {
    /// The messages of a connection.
    pub connection: Actions,
    /// The messages from an address.
    pub address: Actions,
    /// The messages of a user.
    pub user: Actions,
    /// The messages into a room.
    pub room: Actions,
    /// The bytes of a connection.
    pub bytes: Actions,
}

/// What one limit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Actions {
    /// Messages dropped, those included whose connection ended while they waited.
    pub dropped: u64,
    /// Connections closed.
    pub disconnected: u64,
    /// Messages that had to wait.
    pub delayed: u64,
}

impl Limited {
    /// What one limit did.
    pub fn by(&mut self, cause: Cause) -> &mut Actions {
        match cause {
            Cause::Connection => &mut self.connection,
            Cause::Address => &mut self.address,
            Cause::User => &mut self.user,
            Cause::Room => &mut self.room,
            Cause::Bytes => &mut self.bytes,
        }
    }

    /// Every cause by its name, and what its limit did.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Actions); 5] {
        [
            ("connection", self.connection),
            ("address", self.address),
            ("user", self.user),
            ("room", self.room),
            ("bytes", self.bytes),
        ]
    }

    /// Adds what limits did elsewhere.
    pub fn add(&mut self, other: &Self) {
        for (to, from) in [
            (&mut self.connection, other.connection),
            (&mut self.address, other.address),
            (&mut self.user, other.user),
            (&mut self.room, other.room),
            (&mut self.bytes, other.bytes),
        ] {
            to.dropped += from.dropped;
            to.disconnected += from.disconnected;
            to.delayed += from.delayed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_which_limit_it_reached() {
        let rates = Rates {
            anonymous: Some(Rate::messages(0.5, 20)),
            user: Some(Rate::messages(100.0, 200)),
            bytes: Some(Rate::bytes(65_536, 131_072)),
            ..Rates::default()
        };
        assert_eq!(rates.sentence(Cause::Connection, Class::Anonymous), "rate limit: 0.5/s, burst 20");
        assert_eq!(rates.sentence(Cause::User, Class::User), "rate limit of this user: 100/s, burst 200");
        assert_eq!(rates.sentence(Cause::Bytes, Class::User), "rate limit in bytes: 65536/s, burst 131072");
    }

    #[test]
    fn counts_of_several_shards_add_up_by_cause() {
        let mut all = Limited::default();
        for _ in 0..2 {
            let mut shard = Limited::default();
            shard.by(Cause::Room).dropped += 2;
            shard.by(Cause::Bytes).delayed += 3;
            all.add(&shard);
        }
        assert_eq!((all.room.dropped, all.bytes.delayed, all.connection), (4, 6, Actions::default()));
        assert_eq!(all.named()[3], ("room", all.room));
    }
}
