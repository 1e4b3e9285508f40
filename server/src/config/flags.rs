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

            /// The flags that were given, by name, except for those with the value that `neutral` has.
            pub(super) fn given_beyond(&self, neutral: &Self) -> Vec<String> {
                let given = [$((stringify!($name), self.$name.is_some() && self.$name != neutral.$name)),+];
                given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name.replace('_', "-")).collect()
            }
        }
    };
}

flags! {
    /// Address for clients; port 0 takes a free one, the ready line says which [default: 127.0.0.1:9001]
    listen: SocketAddr, "FANOUT_LISTEN", "ADDR", "Listening";
    /// Address for operators: /metrics, POST /publish/{room}, /rooms, /clients, /stats, /healthz; such as 127.0.0.1:9002 [default: none]
    admin: SocketAddr, "FANOUT_ADMIN", "ADDR", "Listening";
    /// File with the token (16 characters or more) that operators must send as Authorization: Bearer TOKEN; required unless --admin is
    /// a loopback address [default: none]
    admin_token: PathBuf, "FANOUT_ADMIN_TOKEN_FILE", "FILE", "Listening";
    /// CPUs to pin to, such as 0 or 0,1: the control thread to the first, the shards in turn [default: no pinning]
    [value_delimiter = ','] cpus: Vec<usize>, "FANOUT_CPUS", "LIST", "Listening";
    /// Hot threads, 1 to 64, each with its own connections and rooms [default: as many as --cpus names, else 1]
    shards: usize, "FANOUT_SHARDS", "N", "Listening";
    /// Members of one room that a shard takes before other shards get some of them too; smaller rooms stay on one shard [default: 1024]
    spread_above: usize, "FANOUT_SPREAD_ABOVE", "N", "Listening";
    /// How messages are fanned out: native, or textbook: the hub of every tutorial, for comparison [default: native]
    engine: String, "FANOUT_ENGINE", "NAME", "Listening";
    /// Diagnostics on stderr: error, warn, info, debug, or a filter such as server=debug [default: warn]
    log: String, "FANOUT_LOG", "FILTER", "Listening";

    /// Collect messages for so long before writing; 0 writes at the end of each turn of the loop [default: 0ms]
    flush_delay: Span, "FANOUT_FLUSH_DELAY", "TIME", "Rooms";
    /// Bytes of history a room may keep, rounded up to a power of two; at least eight of its largest message; twice as many more while
    /// somebody receives it as events [default: 4MiB]
    room_log: Size, "FANOUT_ROOM_LOG", "SIZE", "Rooms";
    /// Bytes of history of all rooms together [default: 1GiB]
    log_memory: Size, "FANOUT_LOG_MEMORY", "SIZE", "Rooms";
    /// A room without members is dropped, and a room without messages forgets its history, after this [default: 60s]
    room_retain: Span, "FANOUT_ROOM_RETAIN", "TIME", "Rooms";
    /// What happens to a client too slow for the history kept: disconnect, skip, or latest [default: disconnect]
    lag_policy: String, "FANOUT_LAG_POLICY", "POLICY", "Rooms";

    /// Largest message taken from a client, in bytes [default: 1MiB]
    max_message: Size, "FANOUT_MAX_MESSAGE", "SIZE", "Limits";
    /// WebSocket connections, event streams and long polls at once; more are refused with 503 [default: descriptor limit less 500]
    max_connections: usize, "FANOUT_MAX_CONNECTIONS", "N", "Limits";
    /// Connections from one address at once, the first 64 bits of an IPv6 address; more are refused with 429; as many again (eight at least)
    /// may not have sent their request yet, unless proxies are trusted; 0 is no limit [default: 0]
    max_per_address: u32, "FANOUT_MAX_PER_ADDRESS", "N", "Limits";
    /// Rooms at once, those included that were left less than --room-retain ago; with several shards, each has its share; to make one more is
    /// refused with 503 [default: 100000]
    max_rooms: usize, "FANOUT_MAX_ROOMS", "N", "Limits";
    /// A client that takes no byte for so long is closed under --lag-policy disconnect; at /echo, where it is not read while it has too much
    /// to take, under every policy; 0 is never [default: 10s]
    write_timeout: Span, "FANOUT_WRITE_TIMEOUT", "TIME", "Limits";
    /// A request must be complete and upgraded within this, counted from the connection's beginning [default: 10s]
    handshake_timeout: Span, "FANOUT_HANDSHAKE_TIMEOUT", "TIME", "Limits";
    /// A client silent for so long is pinged (up to a tenth earlier, so that not all are at once); must be shorter than --pong-timeout; 0
    /// is never, and then nobody is closed for being silent; an event stream gets a comment, which asks for nothing [default: 54s]
    ping_interval: Span, "FANOUT_PING_INTERVAL", "TIME", "Limits";
    /// A client silent for so long, though it was pinged, is closed; 0 is never [default: 60s]
    pong_timeout: Span, "FANOUT_PONG_TIMEOUT", "TIME", "Limits";
    /// A message must be complete within this time of its first byte and, after ten seconds, come at 1 KiB/s or faster, or its sender is
    /// closed; 0 is no limit [default: 60s]
    message_timeout: Span, "FANOUT_MESSAGE_TIMEOUT", "TIME", "Limits";
    /// On SIGTERM, clients are closed evenly over this time [default: 10s]
    drain: Span, "FANOUT_DRAIN", "TIME", "Limits";

    /// Web pages that may use the server beside those that it serves itself: origins such as `https://example.com`, `https://*.example.com` for
    /// all below it, or * for any; others are refused with 403. Requests that do not come from a page are not asked [default: none]
    [value_delimiter = ','] allow_origin: Vec<String>, "FANOUT_ALLOW_ORIGIN", "ORIGIN", "Security";
    /// Proxies in front of the server, each of which appends to X-Forwarded-For: a client's address is the entry so many from the right. With
    /// 0, the header is not believed [default: 0]
    trusted_proxies: usize, "FANOUT_TRUSTED_PROXIES", "N", "Security";
    /// Ask for tokens (Authorization: Bearer TOKEN, or ?token=TOKEN): a TOML file with a table `[[token]]` for each: `token` or `sha256`,
    /// `user`, and `rooms = ["lobby", "team-*"]` unless all are meant. Read again on SIGHUP
    auth_tokens: PathBuf, "FANOUT_AUTH_TOKENS", "FILE", "Security";
    /// Ask for signed tokens (JWT) with the claims exp, sub for the user and, unless all rooms are meant, rooms: the file has the public key in
    /// PEM form (RSA, P-256, P-384, Ed25519), or else the secret. Read again on SIGHUP
    auth_jwt_key: PathBuf, "FANOUT_AUTH_JWT_KEY", "FILE", "Security";
    /// What aud of a JWT must be, or be among [default: not asked]
    auth_jwt_audience: String, "FANOUT_AUTH_JWT_AUDIENCE", "TEXT", "Security";
    /// What iss of a JWT must be [default: not asked]
    auth_jwt_issuer: String, "FANOUT_AUTH_JWT_ISSUER", "TEXT", "Security";
    /// Those who present no token, where tokens are asked for: allow, or refuse with 401 [default: refuse]
    auth_anonymous: String, "FANOUT_AUTH_ANONYMOUS", "WHAT", "Security";
    /// Certificate chain for TLS in PEM form, the server's own certificate first; clients then use wss://. Read again on SIGHUP
    tls_cert: PathBuf, "FANOUT_TLS_CERT", "FILE", "Security";
    /// Its private key in PEM form: PKCS#8, PKCS#1 or SEC1, not encrypted. Read again on SIGHUP
    tls_key: PathBuf, "FANOUT_TLS_KEY", "FILE", "Security";

    /// Messages a second that a client may send, such as 10 or 0.5; 0 is no limit [default: 0]
    rate: f64, "FANOUT_RATE", "N", "Rates";
    /// Messages that may come at once; afterwards they come at the rate [default: 20]
    burst: u32, "FANOUT_BURST", "N", "Rates";
    /// What happens to a message beyond a limit: drop (in a chat room its sender is told), disconnect (with 1008), or delay (it waits, and
    /// nothing is read from its sender meanwhile) [default: drop]
    rate_policy: String, "FANOUT_RATE_POLICY", "POLICY", "Rates";
    /// Whose messages are counted together: a connection's, an address's (a /64 network's for IPv6), or a user's (an address's, without a
    /// user) [default: connection]
    rate_by: String, "FANOUT_RATE_BY", "WHAT", "Rates";
    /// As --rate, for authenticated users; 0 is no limit [default: that of --rate]
    rate_user: f64, "FANOUT_RATE_USER", "N", "Rates";
    /// As --burst, for authenticated users [default: that of --burst]
    burst_user: u32, "FANOUT_BURST_USER", "N", "Rates";
    /// Messages a second into one room, from all its members together; what is beyond is dropped under every --rate-policy; 0 is no
    /// limit [default: 0]
    room_rate: f64, "FANOUT_ROOM_RATE", "N", "Rates";
    /// Messages into one room that may come at once [default: one second's worth]
    room_burst: u32, "FANOUT_ROOM_BURST", "N", "Rates";
    /// Payload bytes a second that one connection may send; 0 is no limit [default: 0]
    byte_rate: Size, "FANOUT_BYTE_RATE", "SIZE", "Rates";
    /// Payload bytes of one connection that may come at once; a larger message may come when nothing came before, and is paid for by what
    /// comes after [default: one second's worth]
    byte_burst: Size, "FANOUT_BYTE_BURST", "SIZE", "Rates";
    /// Pings and pongs a second that a client may send, and twice as many at once; beyond that it is closed; 0 is no limit [default: 100]
    control_rate: f64, "FANOUT_CONTROL_RATE", "N", "Rates";
    /// permessage-deflate for clients that offer it: off, standalone (each message by itself), or shared (one history for all members of a
    /// room that keep context; each message is compressed once, whoever receives it) [default: shared]
    compression: String, "FANOUT_COMPRESSION", "MODE", "Compression";
    /// Messages under so many bytes are not compressed [default: 64]
    compression_threshold: Size, "FANOUT_COMPRESSION_THRESHOLD", "SIZE", "Compression";
    /// Deflate level, from 1 (fast) to 9 (small) [default: 6]
    compression_level: u32, "FANOUT_COMPRESSION_LEVEL", "N", "Compression";
    /// Bytes for compressors, divided among the shards: 372 KiB each, 260 KiB for clients with small windows. Each shard has one; each room
    /// whose members share a history has one or two more, and does without where there is no memory [default: 256MiB]
    deflate_memory: Size, "FANOUT_DEFLATE_MEMORY", "SIZE", "Compression";

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
