//! The scenario file as it is written: one struct a table, before anything is resolved.
//!
//! The doc comments here are the descriptions in `fanout schema`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::scenario::objectives::Objectives;
use crate::scenario::scalar::{At, Scalar};
use crate::scenario::value::{
    Count, InflateShare, Load, Name, PhaseLength, Positive, ReadRate, Rooms, Seed, Share, SizeRange, Span, Spans, Time,
    Urls, WindowBits,
};
use crate::scenario::variants::Variants;
use crate::scenario::word::{
    ArrivalKey, AssignKey, CorpusKey, CorrelateKey, FeedEndKey, FromKey, JitterKey, ModeKey, OfferKey, OnKey,
    SpreadKey, StopKey, UnitKey, ViaKey,
};

/// A scenario of fanout: what connects, what is published, and what must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "fanout scenario")]
pub struct File {
    /// Names the run and the folder of its results: a-z, 0-9 and -.
    pub name: At<Name>,
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
    /// Seeds schedules and payload bytes; the same seed gives the same run. Default 1.
    pub seed: Option<Seed>,
    /// Wait after joining, before publishing. Default 500ms.
    pub settle: Option<Time>,
    /// What arrives later than this after the end is lost. Default 5s.
    pub drain: Option<Time>,
    /// How a delivery is matched to its publish. Default "stamp"; replayed traffic is always matched by content.
    pub correlate: Option<At<CorrelateKey>>,
    /// Who is expected to receive a publish. Default "broadcast".
    pub mode: Option<At<ModeKey>>,
    /// With mode = "observe": what messages say of themselves.
    pub observe: Option<At<ObserveTable>>,
    /// Largest schedule lag (99 %) of a valid run. Default: the larger of 1ms and 10 % of latency.due.p99.
    pub max_schedule_lag: Option<Span>,
    /// The server under test. Left out: the bundled server on a free port.
    #[serde(default)]
    pub target: TargetTable,
    /// Groups of subscribers.
    #[serde(default)]
    pub connections: Vec<ConnectionsTable>,
    /// Groups of publishers.
    #[serde(default)]
    pub publishers: Vec<PublishersTable>,
    /// Phases in order; connecting is an unmeasured phase of its own before them.
    #[serde(default)]
    pub phases: Vec<PhaseTable>,
    /// Objectives: metric = "< value", or a list of such.
    #[serde(default)]
    pub thresholds: Objectives,
    /// Named changes to this file: [variants.NAME] with lines such as "target.server.compression" = "off".
    #[serde(default)]
    #[allow(dead_code, reason = "its changes were made before the rest was read; here for the schema")]
    pub variants: Variants,
    /// The two variants that `fanout ab` compares.
    pub ab: Option<AbTable>,
    /// What `fanout capacity` searches; its objectives are the thresholds.
    pub capacity: Option<CapacityTable>,
}

/// `[target]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct TargetTable {
    /// Path on a server that fanout starts. Default "/broadcast/{room}", "/echo" in echo mode.
    pub path: Option<At<String>>,
    /// A running server, such as "ws://127.0.0.1:9001/ws/{room}"; a list of such, with one path, shares the connections.
    pub url: Option<At<Urls>>,
    /// To which of several addresses a connection goes. Default "connection".
    pub assign: Option<At<AssignKey>>,
    /// A command that starts the server; {port} is the port it must listen on. Other users of the machine can see it: secrets belong in `env`.
    pub spawn: Option<At<Vec<String>>>,
    /// When a spawned server is up: "tcp" (default), a path that answers 2xx, or "line:TEXT" on its stdout.
    pub ready: Option<At<String>>,
    /// How long a spawned server may take to be up. Default 10s.
    pub ready_timeout: Option<At<Span>>,
    /// Extra environment of a spawned server.
    pub env: Option<At<BTreeMap<String, At<String>>>>,
    /// Working directory of a spawned server, relative to the scenario file.
    pub cwd: Option<At<String>>,
    /// Process of a running server, to sample its cost. Default: whoever listens at `url`, where that is on this machine.
    pub pid: Option<At<Count>>,
    /// Flags of the bundled server, such as { lag_policy = "skip" }; {env.NAME} is replaced, and such a flag is handed over in the server's
    /// environment, where other users of the machine cannot see it.
    pub server: Option<At<BTreeMap<String, At<Scalar>>>>,
    /// How many bundled servers to start, each with rooms of its own (in echo mode: connections). Default: as many as their descriptors make necessary.
    pub servers: Option<At<Count>>,
    /// Extra request headers; {env.NAME} is replaced.
    #[serde(default)]
    pub headers: BTreeMap<String, At<String>>,
    /// Subprotocols to offer, in order of preference.
    #[serde(default)]
    pub subprotocols: Vec<At<String>>,
    /// A CSV file with one row a connection, subscribers first: {column} in path, headers and payload templates.
    pub feed: Option<At<String>>,
    /// What becomes of connections beyond the last row. Default "error".
    pub feed_end: Option<At<FeedEndKey>>,
    /// TLS of a wss:// url, of a server that fanout starts, and of publishers' https:// urls, such as { ca = "ca.pem" }; also for `ready` and
    /// /stats. Default for wss:// and https://: the system's authorities.
    pub tls: Option<At<TlsTable>>,
    /// How the server wants to be spoken to: "plain" (default), "chat", "gorilla", "centrifugo", "socketio", or a file "my.toml".
    pub dialect: Option<At<String>>,
}

/// `tls`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table such as { ca = \"ca.pem\" }")]
#[schemars(inline)]
pub struct TlsTable {
    /// File of the certificate authorities to trust, in PEM, instead of the system's.
    pub ca: Option<At<String>>,
    /// Whether any certificate will do, whoever signed it for whatever name. Default false.
    pub insecure: Option<At<bool>>,
    /// File of the certificate (chain) that is shown to a server that asks for one, in PEM.
    pub cert: Option<At<String>>,
    /// File of its private key, in PEM.
    pub key: Option<At<String>>,
}

/// One of `[[connections]]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ConnectionsTable {
    /// Names the group in results: a-z, 0-9 and -.
    pub name: At<Name>,
    /// How many connections.
    pub count: At<Count>,
    /// A number of rooms (r0, r1, ..), a list of names, or "replay" for those of the trace. Default 1.
    pub rooms: Option<At<Rooms>>,
    /// How connections are spread over the rooms. Default "even".
    pub spread: Option<At<SpreadKey>>,
    /// Connections in each room, instead of `rooms`.
    pub room_size: Option<At<Count>>,
    /// Connections opened a second. Default 2000.
    pub ramp: Option<Positive>,
    /// Local addresses, used in turn: "127.0.0.2" or "127.0.0.2-127.0.0.5".
    pub source_ips: Option<At<Vec<At<String>>>>,
    /// Compression (permessage-deflate) that is offered. Default: none.
    pub compression: Option<At<CompressionTable>>,
    /// Which connections that agreed on compression are decompressed: "all" (default), or a share such as 0.01; frames of the
    /// others are only counted.
    pub inflate: Option<InflateShare>,
    /// Bytes that each connection reads a second, at most: a slow consumer. Default: as they come.
    pub read_bytes_per_s: Option<At<ReadRate>>,
    /// Planned leaves and returns while phases run, such as { session = "90s", offline = "1s-5s" }. Default: connections stay.
    pub churn: Option<At<ChurnTable>>,
    /// How a connection that was closed comes back, such as { backoff = "500ms-30s" }. Default: it stays closed.
    pub reconnect: Option<At<ReconnectTable>>,
}

/// `churn`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table such as { session = \"90s\", offline = \"1s-5s\" }")]
#[schemars(inline)]
pub struct ChurnTable {
    /// How long a connection stays open on average (exponentially distributed).
    pub session: Option<At<Span>>,
    /// Leaves a second, the whole group together, instead of `session`.
    pub rate: Option<At<Positive>>,
    /// How long it stays away: "3s", or evenly between the ends of "1s-5s".
    pub offline: At<Spans>,
}

/// `reconnect`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table such as { backoff = \"500ms-30s\", jitter = \"full\" }")]
#[schemars(inline)]
pub struct ReconnectTable {
    /// After which ends: "any" (default), or "drop": those without a close frame.
    pub on: Option<At<OnKey>>,
    /// The first wait, which doubles with every failed try up to the second. Default "500ms-30s".
    pub backoff: Option<At<Spans>>,
    /// How the wait is drawn: "full" (default; anything up to it), "equal" (half of it, and up to as much again) or "none".
    pub jitter: Option<At<JitterKey>>,
    /// Whether it asks the server for what it missed (?resume= with the server's cursor). Default false.
    pub resume: Option<At<bool>>,
}

/// `compression`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table such as { offer = \"context\" }")]
#[schemars(inline)]
pub struct CompressionTable {
    /// "off", "no_context" (each message by itself), or "context" (messages may refer to earlier ones).
    pub offer: At<OfferKey>,
    /// Whether a server that agrees to none has failed the connection. Default false: it goes on without.
    pub require: Option<At<bool>>,
    /// The largest window that the server may use: 8 to 15 bits. Default: as it likes.
    pub window_bits: Option<At<WindowBits>>,
}

/// One of `[[publishers]]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct PublishersTable {
    /// Names the group: a-z, 0-9 and -.
    pub name: At<Name>,
    /// Who sends: connections of their own ("separate", default) or the subscribers ("members", default in echo mode).
    pub from: Option<At<FromKey>>,
    /// How many separate publishers; publisher i serves room i modulo rooms. Default 1.
    pub count: Option<At<Count>>,
    /// Publishes a second, the whole group together.
    pub rate: Option<At<Positive>>,
    /// Time between the publishes of each publisher, instead of `rate`.
    pub every: Option<At<Span>>,
    /// When publishes are due. Default "uniform".
    pub arrival: Option<At<ArrivalKey>>,
    /// With arrival "closed": unanswered publishes that each publisher keeps. Default 1.
    pub in_flight: Option<At<Count>>,
    /// How publishes are sent: over a "websocket" (default), or each as a request over "http".
    pub via: Option<At<ViaKey>>,
    /// Over HTTP: where to, such as "http://127.0.0.1:8000/api/publish", or https:// with the certificates of `target.tls`; with {room}, and {target.admin} for the bundled server's
    /// operators' listener or {target.address} for the server under test.
    pub url: Option<At<String>>,
    /// Over HTTP: "POST" (default), "PUT" or "PATCH".
    pub method: Option<At<String>>,
    /// Over HTTP: further headers.
    pub headers: Option<At<BTreeMap<String, At<String>>>>,
    /// Over HTTP: what is posted, with {message} and {room}. Default: the message alone.
    pub body: Option<At<String>>,
    /// What is sent. Default: 128 bytes of words.
    pub payload: Option<At<PayloadTable>>,
    /// A recorded trace to play instead: lines of {"at_us":..,"room":..,"text":..} or "base64", plain or gzip.
    pub replay: Option<At<String>>,
    /// How fast the trace is played. Default 1.
    pub speed: Option<At<Positive>>,
    /// Where in the trace to begin, such as "30s". Default: at its beginning.
    pub start: Option<At<Time>>,
    /// Whether the trace begins again (where it began) at its end, as long as phases last. Default false.
    #[serde(rename = "loop")]
    pub repeat: Option<At<bool>>,
}

/// `payload`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table such as { size = 128 }")]
#[schemars(inline)]
pub struct PayloadTable {
    /// Text with {text}, {stamp}, {seq}, {publisher}, {room} and {env.NAME}.
    pub template: Option<At<String>>,
    /// Total bytes of a message, stamp included: 128, "2KiB", or a range "128-512".
    pub size: Option<At<SizeRange>>,
    /// What messages (or the {text} of a template) look like: words, chat, ticks, telemetry, game, random.
    pub corpus: Option<At<CorpusKey>>,
    /// File with the messages: its lines if it ends in .txt, .jsonl or .ndjson, otherwise the whole file as one.
    pub file: Option<At<String>>,
    /// Whether messages are binary. Default: only where they are not UTF-8.
    pub binary: Option<At<bool>>,
}

/// One of `[[phases]]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct PhaseTable {
    /// Names the phase in results: a-z, 0-9 and -.
    pub name: At<Name>,
    /// How long, such as "30s", or "replay": until the trace ends.
    #[serde(rename = "for")]
    pub length: At<PhaseLength>,
    /// Whether it counts in the figures of the whole run. Default true.
    #[serde(default = "measured")]
    pub measure: bool,
    /// Times the publishers' rates: "5x", or "1x-5x" to ramp. Default "1x".
    pub load: Option<At<Load>>,
    /// Subscribers at its end, all groups together: they join or leave evenly over the phase, groups in proportion to their counts.
    /// Default: as many as before.
    pub connections: Option<At<Count>>,
    /// What is done when the phase starts: { restart = "SIGTERM" } or { cut = 0.5 }.
    pub at_start: Option<At<AtStartTable>>,
}

/// `at_start`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table such as { restart = \"SIGTERM\" } or { cut = 0.5 }")]
#[schemars(inline)]
pub struct AtStartTable {
    /// The server that fanout started gets this signal, "SIGTERM" or "SIGKILL", and is started again on the same port.
    pub restart: Option<At<StopKey>>,
    /// This share of the subscribers' connections is reset by the client, without a goodbye.
    pub cut: Option<At<Share>>,
}

/// `[observe]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct ObserveTable {
    /// Where a message says when it was sent. Left out: no latency is known.
    pub timestamp: Option<At<SpotTable>>,
    /// JSON pointer to a number that counts a room's messages, one more each time: gaps in it are reported.
    pub sequence: Option<At<String>>,
    /// How far the sender's clock may be from UTC, where it is on another machine. Default: not known.
    pub clock_error: Option<At<Span>>,
}

/// `timestamp`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table such as { pointer = \"/T\", unit = \"ms\" }")]
#[schemars(inline)]
pub struct SpotTable {
    /// JSON pointer (RFC 6901), such as "/T" or "/data/time".
    pub pointer: Option<At<String>>,
    /// Instead of a pointer: the text right before it.
    pub after: Option<At<String>>,
    /// "s", "ms", "us", "ns" (since 1970), or "rfc3339".
    pub unit: At<UnitKey>,
}

/// `[ab]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct AbTable {
    /// The variant that is compared to.
    pub a: At<Name>,
    /// The variant that is compared.
    pub b: At<Name>,
    /// Valid runs of each; a verdict needs ten. Default 10.
    pub runs: Option<At<Count>>,
    /// What must hold, on medians: "server.cpu_us_per_delivery <= 1.05 x a", or of b alone "latency.due.p99 < 50ms".
    #[serde(default)]
    pub expect: Vec<At<String>>,
}

/// `[capacity]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub struct CapacityTable {
    /// What is raised: "connections", "rate" (publishes a second, all together) or "size" (payload bytes).
    pub axis: At<String>,
    /// Lowest and highest load, such as "1000-19000".
    pub range: At<String>,
    /// How near the bounds shall be to each other, as a share of the lower one, such as "5%". Default 5%.
    pub width: Option<At<String>>,
    /// Length of the measured phases in the short trials that look for the bound; it is confirmed at full length. Default 10s.
    pub trial: Option<Span>,
}

fn measured() -> bool {
    true
}
