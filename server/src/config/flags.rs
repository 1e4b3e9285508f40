//! Every flag of the server as it is written: on the command line, as `FANOUT_...`, or in the file of `--config`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use super::check::ConfigError;
use super::units::{Size, Span};

/// Declares the flags once, so that the command line, the file and the merging of the two cannot differ.
macro_rules! flags {
    ($($(#[doc = $doc:literal])+ $([$($attribute:tt)+])? $name:ident: $kind:ty, $env:literal, $value:literal, $heading:literal;)+) => {
        /// The server's flags. A flag on the command line wins over the environment (`FANOUT_...`), that over the file of `--config`, and
        /// that over the default.
        #[derive(Debug, Clone, Default, Args)]
        pub struct Flags {
            /// Read flags from a TOML file: the same names without the dashes, such as room-log = "4MiB"
            #[arg(long, env = "FANOUT_CONFIG", hide_env_values = true, value_name = "FILE", help_heading = "Listening")]
            pub config: Option<PathBuf>,
            $(
                $(#[doc = $doc])+
                #[arg(long, env = $env, hide_env_values = true, value_name = $value, help_heading = $heading $(, $($attribute)+)?)]
                pub $name: Option<$kind>,
            )+
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        struct File {
            $(
                #[serde(default)]
                $name: Option<$kind>,
            )+
        }

        impl Flags {
            fn fill_from(&mut self, file: File) {
                $(
                    if self.$name.is_none() {
                        self.$name = file.$name;
                    }
                )+
            }
        }
    };
}

flags! {
    /// Address for clients; port 0 takes a free one, the ready line says which [default: 127.0.0.1:9001]
    listen: SocketAddr, "FANOUT_LISTEN", "ADDR", "Listening";
    /// Address for /stats and /healthz alone, for operators [default: none]
    admin: SocketAddr, "FANOUT_ADMIN", "ADDR", "Listening";
    /// CPUs to pin to, such as 0 or 0,1: the control thread to the first, the shards in turn [default: no pinning]
    [value_delimiter = ','] cpus: Vec<usize>, "FANOUT_CPUS", "LIST", "Listening";
    /// Hot threads [default: 1, the only number built so far]
    shards: usize, "FANOUT_SHARDS", "N", "Listening";
    /// How messages are fanned out: native, or textbook [default: native, the only one built so far]
    engine: String, "FANOUT_ENGINE", "NAME", "Listening";
    /// Diagnostics on stderr: error, warn, info, debug, or a filter such as server=debug [default: warn]
    log: String, "FANOUT_LOG", "FILTER", "Listening";

    /// Collect messages for so long before writing; 0 writes at the end of each turn of the loop [default: 0ms]
    flush_delay: Span, "FANOUT_FLUSH_DELAY", "TIME", "Rooms";
    /// Bytes of history a room may keep, rounded up to a power of two; at least eight of its largest message [default: 4MiB]
    room_log: Size, "FANOUT_ROOM_LOG", "SIZE", "Rooms";
    /// Bytes of history of all rooms together [default: 1GiB]
    log_memory: Size, "FANOUT_LOG_MEMORY", "SIZE", "Rooms";
    /// A room without members is dropped, and a room without messages forgets its history, after this [default: 60s]
    room_retain: Span, "FANOUT_ROOM_RETAIN", "TIME", "Rooms";
    /// What happens to a client too slow for the history kept: disconnect, skip, or latest [default: disconnect]
    lag_policy: String, "FANOUT_LAG_POLICY", "POLICY", "Rooms";

    /// Largest message taken from a client, in bytes [default: 1MiB]
    max_message: Size, "FANOUT_MAX_MESSAGE", "SIZE", "Limits";
    /// WebSocket connections at once; more are refused with 503 [default: descriptor limit less 500]
    max_connections: usize, "FANOUT_MAX_CONNECTIONS", "N", "Limits";
    /// Connections from one address at once; more are refused with 429; 0 is no limit [default: 0]
    max_per_address: u32, "FANOUT_MAX_PER_ADDRESS", "N", "Limits";
    /// A client that takes no byte for so long is closed under --lag-policy disconnect; 0 is never [default: 10s]
    write_timeout: Span, "FANOUT_WRITE_TIMEOUT", "TIME", "Limits";
    /// A request must be complete and upgraded within this, counted from the connection's beginning [default: 10s]
    handshake_timeout: Span, "FANOUT_HANDSHAKE_TIMEOUT", "TIME", "Limits";
    /// A client silent for so long is pinged (up to a tenth earlier, so that not all are at once); must be shorter than --pong-timeout; 0
    /// is never, and then nobody is closed for being silent [default: 54s]
    ping_interval: Span, "FANOUT_PING_INTERVAL", "TIME", "Limits";
    /// A client silent for so long, though it was pinged, is closed; 0 is never [default: 60s]
    pong_timeout: Span, "FANOUT_PONG_TIMEOUT", "TIME", "Limits";
    /// On SIGTERM, clients are closed evenly over this time [default: 10s]
    drain: Span, "FANOUT_DRAIN", "TIME", "Limits";

    /// Messages a second that a client may publish; 0 is no limit [default: 0, the only value built so far]
    rate: f64, "FANOUT_RATE", "N", "Not built yet";
    /// Messages beyond the rate that may come at once [default: 20]
    burst: u32, "FANOUT_BURST", "N", "Not built yet";
    /// What happens beyond the rate: drop, disconnect, or delay [default: drop]
    rate_policy: String, "FANOUT_RATE_POLICY", "POLICY", "Not built yet";
    /// What the rate is counted by: connection, address, or user [default: connection]
    rate_by: String, "FANOUT_RATE_BY", "WHAT", "Not built yet";
    /// permessage-deflate: off, standalone, or shared [default: off, the only one built so far]
    compression: String, "FANOUT_COMPRESSION", "MODE", "Not built yet";
    /// Messages under so many bytes are not compressed [default: 64]
    compression_threshold: Size, "FANOUT_COMPRESSION_THRESHOLD", "SIZE", "Not built yet";
    /// Deflate level, 1 to 9 [default: 6]
    compression_level: u32, "FANOUT_COMPRESSION_LEVEL", "N", "Not built yet";
    /// Bytes for compressors [default: 256MiB]
    deflate_memory: Size, "FANOUT_DEFLATE_MEMORY", "SIZE", "Not built yet";
    /// Web origins that may connect [default: any]
    [value_delimiter = ','] allow_origin: Vec<String>, "FANOUT_ALLOW_ORIGIN", "URL", "Not built yet";
    /// Certificate chain for TLS (PEM)
    tls_cert: PathBuf, "FANOUT_TLS_CERT", "FILE", "Not built yet";
    /// Private key for TLS (PEM)
    tls_key: PathBuf, "FANOUT_TLS_KEY", "FILE", "Not built yet";
    /// Tokens that clients must present
    auth_tokens: PathBuf, "FANOUT_AUTH_TOKENS", "FILE", "Not built yet";
    /// Redis that joins the rooms of several servers
    redis: String, "FANOUT_REDIS", "URL", "Not built yet";
}

impl Flags {
    /// Fills in from the file of `--config` what neither command line nor environment gave.
    pub(super) fn with_file(mut self) -> Result<Self, ConfigError> {
        if let Some(path) = self.config.take() {
            let file = read(&path)?;
            self.fill_from(file);
        }
        Ok(self)
    }
}

fn read(path: &Path) -> Result<File, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text).map_err(|source| ConfigError::File { path: path.to_owned(), source: Box::new(source) })
}
