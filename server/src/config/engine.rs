//! `--engine`: how messages are fanned out, and which flags have no meaning for which engine.

use std::str::FromStr;

use super::check::ConfigError;
use super::flags::Flags;

/// How messages are fanned out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Engine {
    /// A log a room and a cursor a subscriber.
    #[default]
    Native,
    /// The hub of every tutorial: a task and a bounded queue a client, one write a message.
    Textbook,
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "native" => Ok(Self::Native),
            "textbook" => Ok(Self::Textbook),
            _ => Err("use native or textbook".to_owned()),
        }
    }
}

/// The flags that the textbook hub obeys.
pub(super) const TEXTBOOK: [&str; 11] = [
    "listen",
    "cpus",
    "engine",
    "log",
    "max-message",
    "max-connections",
    "max-per-address",
    "handshake-timeout",
    "ping-interval",
    "pong-timeout",
    "drain",
];

/// Reads `--engine`. Who measures the textbook hub with a flag that it would ignore must not think that it was measured so.
///
/// # Errors
/// When there is no such engine, or a flag was given that means nothing to it, with another value than the one that asks for nothing.
pub(super) fn engine(flags: &Flags) -> Result<Engine, ConfigError> {
    let engine = match &flags.engine {
        None => Engine::default(),
        Some(name) => {
            name.parse().map_err(|problem| ConfigError::Invalid { flag: "engine", value: name.clone(), problem })?
        }
    };
    if engine == Engine::Textbook
        && let Some(flag) = flags.given_beyond(&neutral()).into_iter().find(|flag| !TEXTBOOK.contains(&flag.as_str()))
    {
        return Err(ConfigError::NotForTextbook { flag });
    }
    Ok(engine)
}

/// Values that ask for nothing that the textbook hub does not do.
fn neutral() -> Flags {
    let word = |word: &str| Some(word.to_owned());
    Flags {
        shards: Some(1),
        flush_delay: "0".parse().ok(),
        write_timeout: "0".parse().ok(),
        compression: word("off"),
        rate: Some(0.0),
        ..Flags::default()
    }
}
