//! What the flags mean, in the units that the server works with.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::compression::compression;
use super::engine::{Engine, engine};
use super::flags::Flags;
use super::rates::rates;
use super::security::Security;
use super::units::{Size, Span};
use crate::admin_token::AdminToken;
use crate::compressors::Compression;
use crate::rate::Rates;
use crate::room::LagPolicy;

/// Descriptors kept for other things than WebSocket connections: requests, handshakes, files.
const DESCRIPTORS_KEPT: u64 = 500;
/// Shards that wait for each other are a bit each in 64.
const MOST_SHARDS: usize = 64;
/// A message must fit a log of eight of them in memory.
const LARGEST_MESSAGE: u64 = 256 << 20;

/// Everything the server needs to know. Durations in nanoseconds where its loop uses them.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address for clients.
    pub listen: SocketAddr,
    /// Address for operators.
    pub admin: Option<SocketAddr>,
    /// What operators must send, if anything.
    pub admin_token: Option<AdminToken>,
    /// CPUs to pin to; empty is no pinning.
    pub cpus: Vec<usize>,
    /// Hot threads.
    pub shards: usize,
    /// Members of a room on one shard above which others get some, at least 1.
    pub spread_above: usize,
    /// How messages are fanned out.
    pub engine: Engine,
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
    /// Rooms at once.
    pub max_rooms: usize,
    /// Nanoseconds without progress after which a blocked client is closed, if limited.
    pub write_timeout: Option<u64>,
    /// From accepting a connection to the end of its upgrade.
    pub handshake_timeout: Duration,
    /// Nanoseconds of silence before a ping, if any.
    pub ping_interval: Option<u64>,
    /// Nanoseconds of silence before a client that was pinged is closed, if any; longer than `ping_interval`.
    pub pong_timeout: Option<u64>,
    /// Nanoseconds within which a message must be complete, if limited.
    pub message_timeout: Option<u64>,
    /// How much clients may send.
    pub rates: Rates,
    /// Which messages are compressed, and how.
    pub compression: Compression,
    /// Over which clients are closed on SIGTERM.
    pub drain: Duration,
    /// Who may come in, and how.
    pub security: Security,
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
    /// A flag that the textbook hub would ignore.
    #[error("--{flag} means nothing to --engine textbook; leave it out, or use --engine native")]
    NotForTextbook {
        /// Which flag.
        flag: String,
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
        let engine = engine(&flags)?;
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
        if max_connections == 0 {
            let problem = "nobody could ever connect; use at least 1".to_owned();
            return Err(ConfigError::Invalid { flag: "max-connections", value: "0".to_owned(), problem });
        }
        let max_message = size("max-message", flags.max_message, 1 << 20, 1, LARGEST_MESSAGE)?;
        let security = Security::from_flags(&flags)?;
        let rates = rates(&flags)?;
        let (ping_interval, pong_timeout) = liveness(flags.ping_interval, flags.pong_timeout)?;
        let cpus = cpus(flags.cpus.clone().unwrap_or_default())?;
        let shards = shards(flags.shards, cpus.len())?;
        let compression = compression(&flags, shards)?;
        Ok(Self {
            listen: flags.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 9001))),
            admin: flags.admin,
            admin_token: admin_token(flags.admin, flags.admin_token)?,
            shards,
            cpus,
            spread_above: match flags.spread_above.unwrap_or(1024) {
                0 => {
                    let problem = "a room's first member has to be somewhere; use at least 1".to_owned();
                    return Err(ConfigError::Invalid { flag: "spread-above", value: "0".to_owned(), problem });
                }
                above => above,
            },
            engine,
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
            max_rooms: match flags.max_rooms.unwrap_or(100_000) {
                0 => {
                    let problem = "nobody could ever join a room; use at least 1".to_owned();
                    return Err(ConfigError::Invalid { flag: "max-rooms", value: "0".to_owned(), problem });
                }
                rooms => rooms,
            },
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
            message_timeout: some(span(flags.message_timeout, Duration::from_secs(60))),
            rates,
            compression,
            drain: flags.drain.map_or(Duration::from_secs(10), |Span(time)| time),
            security,
        })
    }
}

/// Who reaches operators' routes can close rooms and read what is published, so a reachable address needs a token.
fn admin_token(admin: Option<SocketAddr>, file: Option<PathBuf>) -> Result<Option<AdminToken>, ConfigError> {
    let Some(path) = file else {
        return match admin {
            Some(addr) if !addr.ip().to_canonical().is_loopback() => Err(ConfigError::Invalid {
                flag: "admin",
                value: addr.to_string(),
                problem: "anybody who reaches this address could publish and close rooms; add --admin-token FILE, or use a loopback \
                          address such as 127.0.0.1:9002"
                    .to_owned(),
            }),
            _ => Ok(None),
        };
    };
    let invalid =
        |problem: String| ConfigError::Invalid { flag: "admin-token", value: path.display().to_string(), problem };
    if admin.is_none() {
        return Err(invalid("there is nothing to protect without --admin ADDR".to_owned()));
    }
    let text = std::fs::read_to_string(&path).map_err(|error| invalid(format!("cannot read it: {error}")))?;
    AdminToken::parse(&text).map(Some).map_err(|error| invalid(error.to_string()))
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

pub(super) fn size(
    flag: &'static str,
    given: Option<Size>,
    default: u64,
    least: u64,
    most: u64,
) -> Result<usize, ConfigError> {
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

/// As many as CPUs are given, unless said otherwise.
fn shards(given: Option<usize>, cpus: usize) -> Result<usize, ConfigError> {
    let shards = given.unwrap_or(cpus.clamp(1, MOST_SHARDS));
    if (1..=MOST_SHARDS).contains(&shards) {
        return Ok(shards);
    }
    let problem = format!("must be between 1 and {MOST_SHARDS}; use the number of CPUs that the server may have");
    Err(ConfigError::Invalid { flag: "shards", value: shards.to_string(), problem })
}

fn refuse_what_is_not_built(flags: &Flags) -> Result<(), ConfigError> {
    let absent = |flag, given: Option<String>| match given {
        Some(value) => Err(ConfigError::NotBuilt { flag, value, use_instead: "the server without this flag" }),
        None => Ok(()),
    };
    // The URL may hold a password.
    absent("redis", flags.redis.as_ref().map(|_| "URL".to_owned()))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
