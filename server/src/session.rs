//! Pure: what one connection's bytes mean, in 24 bytes of state while it is idle.

use wire::{
    Assembler, CloseFrame, Event, Flow, FrameReader, Inflater, Limits, Opcode, ProtocolError, Role, Rsv1, Rules,
};

/// A message may come in so many fragments: twice what the conformance suites send, and few enough that one of empty fragments ends.
const MAX_FRAGMENTS: u32 = 128 * 1024;

/// What a connection may send.
#[derive(Debug, Clone, Copy)]
pub struct Intake {
    rules: Rules,
    limits: Limits,
}

impl Intake {
    /// Messages of at most `max_message` payload bytes, before and after decompression.
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

/// A message that the peer has sent and whose time has not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Text or binary.
    pub opcode: Opcode,
    /// The whole message, unmasked.
    pub payload: Vec<u8>,
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

    /// A connection whose bytes mean nothing: all of them are thrown away.
    #[must_use]
    pub fn deaf() -> Self {
        Self { phase: Phase::Deaf, ..Self::new() }
    }

    /// Notes that we send a close frame: from now on only the peer's close frame is looked for.
    pub fn close(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Closing;
        }
    }

    /// Whether a frame or message has begun and not ended, or bytes wait for the end of a pause.
    #[must_use]
    #[inline]
    pub fn is_midway(&self) -> bool {
        !self.reader.is_idle() || !self.assembler.is_idle()
    }

    /// Bytes kept of what [`is_midway`](Self::is_midway).
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.reader.buffered() + self.assembler.buffered()
    }

    /// As [`receive`](Self::receive), after a message that was held back at the end of the last pause.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    #[inline]
    pub fn receive_after(
        &mut self,
        held: Option<&Held>,
        bytes: &mut [u8],
        intake: &Intake,
        inflater: Option<&mut Inflater>,
        mut f: impl FnMut(Request<'_>) -> Flow,
    ) -> Result<Outcome, ProtocolError> {
        if let Some(Held { opcode, payload }) = held
            && f(Request::Message { opcode: *opcode, payload }) == Flow::Pause
        {
            return Ok(Outcome::Open);
        }
        self.receive(bytes, intake, inflater, f)
    }

    /// Takes in bytes as they were read and calls `f` for each thing that the peer wants, in order.
    ///
    /// Where `f` says [`Flow::Pause`], what it was given counts as taken and the rest of the bytes is kept: feed no more before the pause
    /// is over, and then none, to go on with them.
    ///
    /// Where compression was agreed, `inflater` decompresses; it may be that of others too, if none of them keeps context. Without it a
    /// message marked as compressed is a violation.
    ///
    /// # Errors
    /// The peer broke the protocol: close with the error's code. Everything that it sends from now on is ignored.
    pub fn receive(
        &mut self,
        bytes: &mut [u8],
        intake: &Intake,
        inflater: Option<&mut Inflater>,
        mut f: impl FnMut(Request<'_>) -> Flow,
    ) -> Result<Outcome, ProtocolError> {
        if matches!(self.phase, Phase::Deaf | Phase::Closed) {
            return Ok(if self.phase == Phase::Closed { Outcome::Closed } else { Outcome::Open });
        }
        let open = self.phase == Phase::Open;
        let Self { reader, assembler, .. } = self;
        let mut inflater = inflater;
        let rsv1 = if inflater.is_some() { Rsv1::Allowed } else { Rsv1::Refused };
        let read = reader.feed(bytes, &Rules { rsv1, ..intake.rules }, |header, payload| {
            let event = match inflater.as_deref_mut() {
                None => assembler.accept(&header, payload, &intake.limits)?,
                Some(inflater) => assembler.accept_compressed(inflater, &header, payload, &intake.limits)?,
            };
            Ok(match event {
                Event::Close(frame) => return Err(Stop::Close(frame)),
                _ if !open => Flow::Continue,
                Event::Message { opcode, payload } => f(Request::Message { opcode, payload }),
                Event::Ping(payload) => f(Request::Ping(payload)),
                Event::Pong(_) => f(Request::Pong),
                Event::Incomplete => Flow::Continue,
            })
        });
        let read = read.and_then(|_| match reader.part() {
            Some(part) => Ok(assembler.preview(part)?),
            None => Ok(()),
        });
        self.assembler.release();
        match read {
            Ok(()) => Ok(Outcome::Open),
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
#[path = "session_tests.rs"]
mod tests;
