//! Why a handshake fails, on either side.

/// Why a request was not written, an answer not believed, or an upgrade not granted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HandshakeError {
    // Writing the client's request.
    /// A part of the request would break out of its line or place.
    #[error("{part} of the upgrade request contains a character that is not allowed there: {text:?}")]
    ForbiddenCharacter {
        /// Which part: the host, the path, a header's name.
        part: &'static str,
        /// What it was.
        text: String,
    },
    /// A header that the handshake writes itself.
    #[error("the header {0} is written by the handshake itself; leave it out")]
    ReservedHeader(String),

    // Verifying the server's answer.
    /// The answer is not HTTP.
    #[error("the answer is not HTTP/1.1: {0}; is this the right port?")]
    NotHttp(String),
    /// The answer has more header bytes than we read.
    #[error("the header of the answer is longer than {max} bytes")]
    AnswerTooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// The answer has more header lines than we read.
    #[error("the answer has more than {max} header lines")]
    TooManyHeaders {
        /// The limit.
        max: usize,
    },
    /// 101 without `Upgrade: websocket`.
    #[error("the server switched protocols, but not to websocket: Upgrade is {0:?} (RFC 6455 4.1)")]
    WrongUpgrade(Option<String>),
    /// 101 without `Connection: Upgrade`.
    #[error("the server's 101 lacks \"Connection: Upgrade\"; it has {0:?} (RFC 6455 4.1)")]
    WrongConnection(Option<String>),
    /// The accept key does not answer our key: a cache or something that is no WebSocket server.
    #[error(
        "Sec-WebSocket-Accept is {got:?}, it should be {wanted:?}: this answer is not to our request (RFC 6455 4.1)"
    )]
    WrongAcceptKey {
        /// What the server sent.
        got: Option<String>,
        /// What follows from our key.
        wanted: String,
    },
    /// An extension that was not offered.
    #[error("the server chose the extension {0:?}, which was not offered (RFC 6455 4.1)")]
    ExtensionNotOffered(String),
    /// An extension that was offered, on terms that were not.
    #[error("the server answered the extension as {value:?}: {problem} (RFC 7692 7.1)")]
    ImpossibleExtension {
        /// What it answered.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A list of extensions that cannot be read.
    #[error("Sec-WebSocket-Extensions is not a list of extensions: {0:?} (RFC 6455 9.1)")]
    MalformedExtensions(String),
    /// A subprotocol that was not offered.
    #[error("the server chose the subprotocol {0:?}, which was not offered (RFC 6455 4.1)")]
    SubprotocolNotOffered(String),

    // Judging a client's request.
    /// The method is not GET.
    #[error("a WebSocket upgrade must use GET (RFC 6455 4.1)")]
    MethodNotGet,
    /// HTTP/1.0 cannot upgrade.
    #[error("a WebSocket upgrade needs HTTP/1.1 (RFC 6455 4.1)")]
    HttpTooOld,
    /// No `Upgrade: websocket`.
    #[error("this is a WebSocket endpoint: send \"Upgrade: websocket\" (RFC 6455 4.2.1)")]
    NotAnUpgrade,
    /// No `Connection: Upgrade`.
    #[error(
        "a WebSocket upgrade needs \"Connection: Upgrade\"; a proxy in between may have removed it (RFC 6455 4.2.1)"
    )]
    ConnectionNotUpgrade,
    /// A version other than 13.
    #[error("only Sec-WebSocket-Version 13 is spoken here (RFC 6455 4.2.2)")]
    UnsupportedVersion,
    /// A missing key, or one that is not 16 bytes in base64.
    #[error("Sec-WebSocket-Key must be 16 bytes in base64 (RFC 6455 4.2.1)")]
    InvalidKey,
}

impl HandshakeError {
    /// The HTTP status with which a server refuses: 405, 426 or 400.
    ///
    /// With 405 belongs `Allow: GET`, with 426 `Upgrade: websocket` and `Sec-WebSocket-Version: 13`.
    pub fn status(&self) -> u16 {
        match self {
            Self::MethodNotGet => 405,
            Self::NotAnUpgrade | Self::UnsupportedVersion => 426,
            _ => 400,
        }
    }
}
