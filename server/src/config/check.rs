//! What the flags mean, in the units that the server works with.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::flags::Flags;
use super::units::{Size, Span};
use crate::room::LagPolicy;

/// Descriptors kept for other things than WebSocket connections: requests, handshakes, files.
const DESCRIPTORS_KEPT: u64 = 500;
/// A message must fit a log of eight of them in memory.
const LARGEST_MESSAGE: u64 = 256 << 20;

/// Everything the server needs to know. Durations in nanoseconds where its loop uses them.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address for clients.
    pub listen: SocketAddr,
    /// Address for operators.
    pub admin: Option<SocketAddr>,
    /// CPUs to pin to; empty is no pinning.
    pub cpus: Vec<usize>,
    /// Hot threads.
    pub shards: usize,
    /// Filter for diagnostics.
    pub log: EnvFilter,
    /// Nanoseconds to collect messages before a flush; 0 is the end of the turn.
    pub flush_delay: u64,
    /// Bytes a room's log may grow to.
    pub room_log: usize,
    /// Bytes of all logs together.
    pub log_memory: usize,
    /// Nanoseconds that an unused room, or unused history, is kept.
    pub room_retain: u64,
    /// What happens to members too slow.
    pub lag_policy: LagPolicy,
    /// Largest message in bytes.
    pub max_message: usize,
    /// WebSocket connections at once.
    pub max_connections: usize,
    /// Connections from one address at once, if limited.
    pub max_per_address: Option<u32>,
    /// Nanoseconds without progress after which a blocked client is closed, if limited.
    pub write_timeout: Option<u64>,
    /// From accepting a connection to the end of its upgrade.
    pub handshake_timeout: Duration,
    /// Nanoseconds of silence before a ping, if any.
    pub ping_interval: Option<u64>,
    /// Nanoseconds of silence before a client that was pinged is closed, if any; longer than `ping_interval`.
    pub pong_timeout: Option<u64>,
    /// Over which clients are closed on SIGTERM.
    pub drain: Duration,
}

/// A flag, variable or file that cannot be used, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value of a later version.
    #[error("--{flag} {value}: not built yet; use {use_instead}")]
    NotBuilt {
        /// Which flag.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What works.
        use_instead: &'static str,
    },
    /// A value outside its range.
    #[error("--{flag} {value}: {problem}")]
    Invalid {
        /// Which flag.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The file of `--config` cannot be read.
    #[error("cannot read the file of --config, {path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file of `--config` is not what it should be.
    #[error("in the file of --config, {path}:\n{source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// The descriptor limit cannot be read.
    #[error("cannot read the limit on open files: {0}")]
    Limit(#[from] io::Error),
}

impl Config {
    /// Fills in file and defaults, and checks everything. Also raises the process's soft descriptor limit to the hard one, because
    /// that is the default of `--max-connections`.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn from_flags(flags: Flags) -> Result<Self, ConfigError> {
        let flags = flags.with_file()?;
        refuse_what_is_not_built(&flags)?;
        let possible = net::raise_descriptors()?.soft.saturating_sub(DESCRIPTORS_KEPT).max(1) as usize;
        let max_connections = flags.max_connections.unwrap_or(possible);
        if max_connections > possible {
            return Err(ConfigError::Invalid {
                flag: "max-connections",
                value: max_connections.to_string(),
                problem: format!(
                    "the limit on open files allows {possible}; raise the hard limit (ulimit -Hn) or lower this"
                ),
            });
        }
        let max_message = size("max-message", flags.max_message, 1 << 20, 1, LARGEST_MESSAGE)?;
        let (ping_interval, pong_timeout) = liveness(flags.ping_interval, flags.pong_timeout)?;
        Ok(Self {
            listen: flags.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 9001))),
            admin: flags.admin,
            cpus: cpus(flags.cpus.unwrap_or_default())?,
            shards: 1,
            log: log(flags.log.as_deref().unwrap_or("warn"))?,
            flush_delay: span(flags.flush_delay, Duration::ZERO),
            room_log: size("room-log", flags.room_log, 4 << 20, 4096, 1 << 40)?,
            log_memory: size("log-memory", flags.log_memory, 1 << 30, 64 << 10, 1 << 50)?,
            room_retain: span(flags.room_retain, Duration::from_secs(60)),
            lag_policy: match flags.lag_policy {
                None => LagPolicy::default(),
                Some(name) => {
                    name.parse().map_err(|problem| ConfigError::Invalid { flag: "lag-policy", value: name, problem })?
                }
            },
            max_message,
            max_connections,
            max_per_address: flags.max_per_address.filter(|limit| *limit > 0),
            write_timeout: some(span(flags.write_timeout, Duration::from_secs(10))),
            handshake_timeout: match flags.handshake_timeout {
                Some(Span(Duration::ZERO)) => {
                    return Err(ConfigError::Invalid {
                        flag: "handshake-timeout",
                        value: "0".to_owned(),
                        problem: "no handshake could ever finish; use a duration such as 10s".to_owned(),
                    });
                }
                given => Duration::from_nanos(span(given, Duration::from_secs(10))),
            },
            ping_interval,
            pong_timeout,
            drain: flags.drain.map_or(Duration::from_secs(10), |Span(time)| time),
        })
    }
}

fn span(given: Option<Span>, default: Duration) -> u64 {
    let time = given.map_or(default, |Span(time)| time);
    // Half the range, so that adding it to any clock reading cannot overflow.
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX / 2)
}

fn some(ns: u64) -> Option<u64> {
    (ns > 0).then_some(ns)
}

fn log(filter: &str) -> Result<EnvFilter, ConfigError> {
    EnvFilter::try_new(filter).map_err(|error| ConfigError::Invalid {
        flag: "log",
        value: filter.to_owned(),
        problem: format!("{error}; use error, warn, info, debug, or a filter such as server=debug"),
    })
}

/// `--ping-interval` and `--pong-timeout`, in nanoseconds. Both count from the last sign of life, so the ping must come first.
fn liveness(ping: Option<Span>, pong: Option<Span>) -> Result<(Option<u64>, Option<u64>), ConfigError> {
    let interval = span(ping, Duration::from_secs(54));
    let timeout = span(pong, Duration::from_secs(60));
    if timeout > 0 && interval >= timeout {
        let [ping, pong] = [interval, timeout].map(|ns| humantime::format_duration(Duration::from_nanos(ns)));
        return Err(ConfigError::Invalid {
            flag: "ping-interval",
            value: ping.to_string(),
            problem: format!(
                "must be shorter than --pong-timeout, which is {pong}, or a client is closed for being silent before it is asked"
            ),
        });
    }
    Ok((some(interval), some(timeout)))
}

fn size(flag: &'static str, given: Option<Size>, default: u64, least: u64, most: u64) -> Result<usize, ConfigError> {
    let bytes = given.map_or(default, |Size(bytes)| bytes);
    if (least..=most).contains(&bytes) {
        return Ok(bytes as usize);
    }
    let problem = format!("must be between {least} and {most} bytes");
    Err(ConfigError::Invalid { flag, value: bytes.to_string(), problem })
}

fn cpus(cpus: Vec<usize>) -> Result<Vec<usize>, ConfigError> {
    let available = net::available()?;
    match cpus.iter().find(|cpu| !available.contains(cpu)) {
        None => Ok(cpus),
        Some(cpu) => Err(ConfigError::Invalid {
            flag: "cpus",
            value: cpu.to_string(),
            problem: format!("this process may only run on {available:?}"),
        }),
    }
}

fn refuse_what_is_not_built(flags: &Flags) -> Result<(), ConfigError> {
    let only = |flag, given: Option<String>, built: &'static str| match given {
        Some(value) if value != built => Err(ConfigError::NotBuilt { flag, value, use_instead: built }),
        _ => Ok(()),
    };
    if let Some(shards) = flags.shards
        && shards != 1
    {
        let (flag, value) = ("shards", shards.to_string());
        return Err(if shards == 0 {
            ConfigError::Invalid { flag, value, problem: "there must be at least one; use 1".to_owned() }
        } else {
            ConfigError::NotBuilt { flag, value: "N > 1".to_owned(), use_instead: "1" }
        });
    }
    let bytes = |size: Option<Size>| size.map(|Size(bytes)| bytes.to_string());
    only("engine", flags.engine.clone(), "native")?;
    only("compression", flags.compression.clone(), "off")?;
    only("compression-threshold", bytes(flags.compression_threshold), "64")?;
    only("compression-level", flags.compression_level.map(|level| level.to_string()), "6")?;
    only("deflate-memory", bytes(flags.deflate_memory), "268435456")?;
    only("rate", flags.rate.map(|rate| rate.to_string()), "0")?;
    only("burst", flags.burst.map(|burst| burst.to_string()), "20")?;
    only("rate-policy", flags.rate_policy.clone(), "drop")?;
    only("rate-by", flags.rate_by.clone(), "connection")?;
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let absent = |flag, given: Option<String>| match given {
        Some(value) => Err(ConfigError::NotBuilt { flag, value, use_instead: "the server without this flag" }),
        None => Ok(()),
    };
    absent("allow-origin", flags.allow_origin.as_ref().map(|origins| origins.join(",")))?;
    absent("tls-cert", path(&flags.tls_cert))?;
    absent("tls-key", path(&flags.tls_key))?;
    absent("auth-tokens", path(&flags.auth_tokens))?;
    // The URL may hold a password.
    absent("redis", flags.redis.as_ref().map(|_| "URL".to_owned()))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
