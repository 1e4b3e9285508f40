//! How messages travel: as they are, or compressed in one of two ways.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How messages travel: a measured level says nothing about the cost of another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// As they are.
    Off,
    /// Each compressed by itself.
    Standalone,
    /// Compressed with a history that all subscribers share.
    Shared,
}

impl Way {
    /// What most connections agreed on, by the names of `compression.negotiated`; where nothing is said, nothing was compressed.
    #[must_use]
    pub fn of(negotiated: &BTreeMap<String, u64>) -> Self {
        let most = negotiated.iter().max_by_key(|(_, connections)| **connections);
        match most.map_or("off", |(name, _)| name.split('/').next().unwrap_or("off")) {
            "standalone" => Self::Standalone,
            "context" => Self::Shared,
            _ => Self::Off,
        }
    }

    /// Its name in scenarios, on the command line and in results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Standalone => "standalone",
            Self::Shared => "shared",
        }
    }

    /// For people: `without compression`.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Off => "without compression",
            Self::Standalone => "with standalone compression",
            Self::Shared => "with shared compression",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
