//! What an operator calls one connection: `SHARD-NUMBER-SERIAL`, such as `0-17-2fkc3a91x`.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// One connection, as long as it lasts and never another. Printed in base 10, 10 and 36.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientId {
    /// The shard that holds it.
    pub shard: usize,
    /// Its number there, which is used again when it has gone.
    pub number: u32,
    /// When it was let in, in nanoseconds since some beginning, moved on where another came at the same time: no two are alike.
    pub serial: u64,
}

/// What is wrong with a text that should name a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this names no client; use an id as GET /clients lists it, such as 0-17-2fkc3a91x")]
pub struct NotAClient;

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serial = crate::resume::ResumePoint { generation: self.serial, index: 0 }.generation_name();
        write!(f, "{}-{}-{serial}", self.shard, self.number)
    }
}

impl FromStr for ClientId {
    type Err = NotAClient;

    fn from_str(text: &str) -> Result<Self, NotAClient> {
        let mut parts = text.split('-');
        let mut part = || parts.next().ok_or(NotAClient);
        let (shard, number, serial) = (part()?, part()?, part()?);
        if parts.next().is_some() {
            return Err(NotAClient);
        }
        Ok(Self {
            shard: shard.parse().map_err(|_| NotAClient)?,
            number: number.parse().map_err(|_| NotAClient)?,
            serial: u64::from_str_radix(serial, 36).map_err(|_| NotAClient)?,
        })
    }
}

impl Serialize for ClientId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_id_reads_back(shard in 0_usize..64, number: u32, serial: u64) {
            let id = ClientId { shard, number, serial };
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "0", "0-1", "0-1-", "0-1-x-1", "a-1-x", "0--1-x"] {
            assert_eq!(text.parse::<ClientId>(), Err(NotAClient), "{text}");
        }
    }
}
