//! Pure: what one connection's bytes mean, in 24 bytes of state while it is idle.

use wire::{Assembler, CloseFrame, Event, Flow, FrameReader, Limits, Opcode, ProtocolError, Role, Rsv1, Rules};

/// A message may come in so many fragments.
const MAX_FRAGMENTS: u32 = 16 * 1024;

/// What a connection may send.
#[derive(Debug, Clone, Copy)]
pub struct Intake {
    rules: Rules,
    limits: Limits,
}

impl Intake {
    /// Messages of at most `max_message` payload bytes, no extension.
    #[must_use]
    pub fn new(max_message: usize) -> Self {
        Self {
            rules: Rules { role: Role::Server, rsv1: Rsv1::Refused, max_frame: max_message as u64 },
            limits: Limits { max_message, max_fragments: MAX_FRAGMENTS },
        }
    }
}

/// What the peer wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// To publish a message, or to have it echoed.
    Message {
        /// Text or binary.
        opcode: Opcode,
        /// The whole message, unmasked.
        payload: &'a [u8],
    },
    /// A pong with this payload.
    Ping(&'a [u8]),
    /// Nothing: it answers a ping, or shows that it is alive.
    Pong,
}

/// How a connection stands with its peer (RFC 6455 section 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Our close frame is on its way; only the peer's interests us.
    Closing,
    /// Our close frame is on its way and the peer's bytes make no sense any more.
    Deaf,
    /// The peer's close frame was seen.
    Closed,
}

/// What reading found out, beside the requests.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Go on.
    Open,
    /// The peer closes: answer with its own code (or none), then end the connection.
    PeerCloses(Option<CloseFrame>),
    /// The peer answered our close: end the connection.
    Closed,
}

/// One connection's protocol state.
#[derive(Debug)]
pub struct Session {
    reader: FrameReader,
    assembler: Assembler,
    phase: Phase,
}

/// Why reading stopped: what the peer did, or a violation.
enum Stop {
    Violation(ProtocolError),
    Close(Option<CloseFrame>),
}

impl From<ProtocolError> for Stop {
    fn from(error: ProtocolError) -> Self {
        Self::Violation(error)
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Session {
    /// A connection after its handshake.
    #[must_use]
    pub fn new() -> Self {
        Self { reader: FrameReader::new(), assembler: Assembler::new(), phase: Phase::Open }
    }

    /// Notes that we send a close frame: from now on only the peer's close frame is looked for.
    pub fn close(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Closing;
        }
    }

    /// Takes in bytes as they were read and calls `f` for each thing that the peer wants, in order.
    ///
    /// # Errors
    /// The peer broke the protocol: close with the error's code. Everything that it sends from now on is ignored.
    pub fn receive(
        &mut self,
        bytes: &mut [u8],
        intake: &Intake,
        mut f: impl FnMut(Request<'_>),
    ) -> Result<Outcome, ProtocolError> {
        if matches!(self.phase, Phase::Deaf | Phase::Closed) {
            return Ok(if self.phase == Phase::Closed { Outcome::Closed } else { Outcome::Open });
        }
        let open = self.phase == Phase::Open;
        let Self { reader, assembler, .. } = self;
        let read = reader.feed(bytes, &intake.rules, |header, payload| {
            match assembler.accept(&header, payload, &intake.limits)? {
                Event::Close(frame) => return Err(Stop::Close(frame)),
                _ if !open => {}
                Event::Message { opcode, payload } => f(Request::Message { opcode, payload }),
                Event::Ping(payload) => f(Request::Ping(payload)),
                Event::Pong(_) => f(Request::Pong),
                Event::Incomplete => {}
            }
            Ok(Flow::Continue)
        });
        self.assembler.release();
        match read {
            Ok(_) => Ok(Outcome::Open),
            Err(Stop::Close(frame)) => {
                self.forget(Phase::Closed);
                Ok(if open { Outcome::PeerCloses(frame) } else { Outcome::Closed })
            }
            Err(Stop::Violation(error)) => {
                self.forget(Phase::Deaf);
                // After our close frame a violation changes nothing any more.
                if open { Err(error) } else { Ok(Outcome::Open) }
            }
        }
    }

    fn forget(&mut self, phase: Phase) {
        *self = Self { phase, ..Self::new() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wire::{CloseCode, append_masked_frame};

    const KEY: [u8; 4] = [1, 2, 3, 4];

    fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        append_masked_frame(&mut out, opcode, payload, KEY);
        out
    }

    /// Bytes kept for an incomplete frame or message.
    fn buffered(session: &Session) -> usize {
        session.reader.buffered() + session.assembler.buffered()
    }

    fn receive(session: &mut Session, mut bytes: Vec<u8>) -> (Result<Outcome, ProtocolError>, Vec<String>) {
        let mut requests = Vec::new();
        let outcome = session.receive(&mut bytes, &Intake::new(1000), |request| requests.push(format!("{request:?}")));
        (outcome, requests)
    }

    #[test]
    fn messages_pings_and_pongs_are_requests_in_order() {
        let bytes = [
            frame(Opcode::Text, b"a"),
            frame(Opcode::Ping, b"p"),
            frame(Opcode::Pong, b""),
            frame(Opcode::Binary, b"b"),
        ]
        .concat();
        let (outcome, requests) = receive(&mut Session::new(), bytes);
        assert_eq!(outcome, Ok(Outcome::Open));
        assert_eq!(
            requests,
            [
                "Message { opcode: Text, payload: [97] }",
                "Ping([112])",
                "Pong",
                "Message { opcode: Binary, payload: [98] }"
            ]
        );
    }

    #[test]
    fn the_peers_close_names_its_code_and_ends_the_reading() {
        let mut session = Session::new();
        let bytes = [frame(Opcode::Close, &1000_u16.to_be_bytes()), frame(Opcode::Text, b"late")].concat();
        let (outcome, requests) = receive(&mut session, bytes);
        assert_eq!(
            outcome,
            Ok(Outcome::PeerCloses(Some(CloseFrame { code: CloseCode::NORMAL, reason: String::new() })))
        );
        assert!(requests.is_empty());
        assert_eq!(receive(&mut session, frame(Opcode::Text, b"later")), (Ok(Outcome::Closed), vec![]));
    }

    #[test]
    fn after_our_close_data_is_ignored_until_the_peer_answers() {
        let mut session = Session::new();
        session.close();
        assert_eq!(receive(&mut session, frame(Opcode::Text, b"x")), (Ok(Outcome::Open), vec![]));
        assert_eq!(receive(&mut session, frame(Opcode::Close, b"")), (Ok(Outcome::Closed), vec![]));
    }

    #[test]
    fn after_a_violation_nothing_is_read_any_more() {
        let mut session = Session::new();
        let (outcome, _) = receive(&mut session, b"\x81\x01a".to_vec());
        assert_eq!(outcome.unwrap_err().close_code(), CloseCode::PROTOCOL_ERROR);
        assert_eq!(receive(&mut session, frame(Opcode::Close, b"")), (Ok(Outcome::Open), vec![]));
    }

    #[test]
    fn requests_before_a_violation_in_the_same_bytes_count() {
        let bytes = [frame(Opcode::Text, b"good"), b"\xf1\x80".to_vec()].concat();
        let (outcome, requests) = receive(&mut Session::new(), bytes);
        assert!(outcome.is_err());
        assert_eq!(requests.len(), 1);
    }

    #[test]
    fn an_oversized_message_is_refused_before_it_is_kept() {
        let mut session = Session::new();
        let header = frame(Opcode::Binary, &[0; 1001])[..8].to_vec();
        assert_eq!(receive(&mut session, header).0.unwrap_err().close_code(), CloseCode::TOO_BIG);
        assert_eq!(buffered(&session), 0);
    }

    #[test]
    fn an_idle_session_is_small() {
        assert!(size_of::<Session>() <= 24);
    }

    proptest! {
        /// However the bytes are cut, the same requests come out.
        #[test]
        fn any_split_gives_the_same_requests(
            messages in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..300), 0_u8..3), 1..20),
            cuts in proptest::collection::vec(1_usize..200, 1..50),
        ) {
            let mut bytes = Vec::new();
            for (payload, kind) in &messages {
                let opcode = [Opcode::Binary, Opcode::Ping, Opcode::Pong][usize::from(*kind)];
                let len = if *kind == 0 { payload.len() } else { payload.len().min(125) };
                append_masked_frame(&mut bytes, opcode, &payload[..len], KEY);
            }
            let whole = receive(&mut Session::new(), bytes.clone()).1;
            let mut session = Session::new();
            let mut pieces = Vec::new();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                rest = after;
                pieces.extend(receive(&mut session, piece.to_vec()).1);
            }
            prop_assert_eq!(pieces, whole);
            prop_assert_eq!(buffered(&session), 0);
        }
    }
}
