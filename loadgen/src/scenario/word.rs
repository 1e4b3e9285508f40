//! The values of a scenario file that are one of a few words.

use crate::scenario::scalar::from_scalar;

/// A type that is one of a few words; words of later versions are refused by name.
macro_rules! one_of {
    (
        $(#[$doc:meta])*
        $type:ident, $what:literal, { $($(#[$variant_doc:meta])* $word:literal => $variant:ident),+ }, later [$($later:literal),*]
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type {
            $($(#[$variant_doc])* $variant),+
        }

        impl $type {
            /// The word in the file.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        from_scalar!($type, $what, { "type": "string", "enum": [$($word),+] }, |scalar| {
            let later: &[&str] = &[$($later),*];
            match scalar.to_string().as_str() {
                $($word => Ok($type::$variant),)+
                word if later.contains(&word) => Err(format!("`{word}` is not built yet in this version")),
                word => Err(format!("`{word}` is not {}: write {}", $what, [$(concat!("\"", $word, "\"")),+].join(" or "))),
            }
        });
    };
}

one_of!(
    /// `correlate`.
    CorrelateKey, "a way to correlate", {
        /// By a short token inside the payload.
        "stamp" => Stamp,
        /// By content and position within the room.
        "content" => Content
    }, later []
);

one_of!(
    /// `mode`.
    ModeKey, "a mode", {
        /// Every subscriber of the room expects a publish.
        "broadcast" => Broadcast,
        /// Only the connection that sent it expects it.
        "echo" => Echo,
        /// A feed that others publish is watched.
        "observe" => Observe
    }, later []
);

one_of!(
    /// `unit`.
    UnitKey, "a unit of time", {
        /// Since 1970, with a fraction where there is one.
        "s" => Seconds,
        /// Since 1970.
        "ms" => Millis,
        /// Since 1970.
        "us" => Micros,
        /// Since 1970.
        "ns" => Nanos,
        /// A date and time with its zone.
        "rfc3339" => Rfc3339
    }, later []
);

one_of!(
    /// `assign`.
    AssignKey, "known for `assign`", {
        /// Connections take turns.
        "connection" => Connection,
        /// Everybody of a room goes to one address.
        "room" => Room
    }, later []
);

one_of!(
    /// `feed_end`.
    FeedEndKey, "known for `feed_end`", {
        /// There must be a row for each.
        "error" => Error,
        /// They begin again at the first row.
        "wrap" => Wrap
    }, later []
);

one_of!(
    /// `spread`.
    SpreadKey, "a spread", {
        /// Connection i goes to room i modulo rooms.
        "even" => Even,
        /// The n-th room has 1/n of the first one's connections.
        "zipf" => Zipf
    }, later []
);

one_of!(
    /// `offer`.
    OfferKey, "an offer of compression", {
        /// None.
        "off" => Off,
        /// Each message by itself.
        "no_context" => NoContext,
        /// Messages may refer to earlier ones.
        "context" => Context
    }, later []
);

one_of!(
    /// `from`.
    FromKey, "known for `from`", {
        /// Connections of their own.
        "separate" => Separate,
        /// The subscribers.
        "members" => Members
    }, later []
);

one_of!(
    /// `arrival`.
    ArrivalKey, "an arrival", {
        /// Evenly spaced.
        "uniform" => Uniform,
        /// At random, as independent people do.
        "poisson" => Poisson,
        /// As soon as an earlier one is answered.
        "closed" => Closed
    }, later []
);

one_of!(
    /// `on`.
    OnKey, "known for `on`", {
        /// After any end of a connection.
        "any" => Any,
        /// After one without a close frame.
        "drop" => Drop
    }, later []
);

one_of!(
    /// `jitter`.
    JitterKey, "a jitter", {
        /// Everybody waits as long.
        "none" => None,
        /// Half of the wait, and up to as much again.
        "equal" => Equal,
        /// Anything up to the wait.
        "full" => Full
    }, later []
);

one_of!(
    /// `restart`.
    StopKey, "a way to end a server", {
        /// It may say goodbye.
        "SIGTERM" => Terminate,
        /// It cannot.
        "SIGKILL" => Kill
    }, later []
);

one_of!(
    /// `via`.
    ViaKey, "known for `via`", {
        /// Over the publisher's connection.
        "websocket" => Websocket,
        /// By a request for each.
        "http" => Http
    }, later []
);

one_of!(
    /// `corpus`.
    CorpusKey, "a corpus", {
        /// English words.
        "words" => Words,
        /// Chat lines.
        "chat" => Chat,
        /// Exchange ticks.
        "ticks" => Ticks,
        /// Readings of sensors.
        "telemetry" => Telemetry,
        /// Binary deltas of a game.
        "game" => Game,
        /// Random bytes.
        "random" => Random
    }, later []
);
