//! A case: what is sent, what must come back, and how that is judged. The frames are put together and taken apart here, not by our codec.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::common::{PATIENCE, Server, masked};

/// How long nothing may come, where nothing must come.
const QUIET: Duration = Duration::from_millis(100);
/// How long a failure that could be known may take.
const FAST: Duration = Duration::from_secs(2);

pub const FIN: u8 = 0x80;
pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xa;

/// What comes back, or does not.
#[derive(Clone, PartialEq, Eq)]
pub enum Got {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    /// Nothing for a while, and the connection was still open.
    Nothing,
}

/// One thing that a case does.
pub enum Step {
    /// These bytes, in one write.
    Send(Vec<u8>),
    /// These bytes, so many a write.
    Chop(Vec<u8>, usize),
    /// Goes on when so many things have come back.
    Await(usize),
    /// Nothing must come for a while.
    Quiet,
    /// The peer should have failed the connection by now; if it has not, here is the rest.
    FailedOrElse(Vec<u8>),
}

/// How the connection ends.
pub enum End {
    /// We close with 1000 when all that is expected has come, and get that close frame back.
    Ours,
    /// A close frame was among what we sent: the answer has this code.
    Answered(Option<u16>),
    /// The peer fails the connection, with this code.
    Theirs(u16),
}

pub struct Case {
    pub id: String,
    steps: Vec<Step>,
    expected: Vec<Got>,
    /// What counts as NON-STRICT.
    tolerated: Option<Vec<Got>>,
    end: End,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    NonStrict,
    Failed(String),
}

/// How the peer's side of the stream ended.
#[derive(Debug, PartialEq, Eq)]
struct Ending {
    /// The code of its close frame: `None` without a frame, `Some(None)` for one without a code.
    close: Option<Option<u16>>,
    /// Whether nothing followed but the end of the stream.
    clean: bool,
}

impl Case {
    pub fn new(id: impl Into<String>, steps: Vec<Step>, expected: Vec<Got>, end: End) -> Self {
        Self { id: id.into(), steps, expected, tolerated: None, end }
    }

    /// With what counts as NON-STRICT.
    pub fn tolerating(self, tolerated: Vec<Got>) -> Self {
        Self { tolerated: Some(tolerated), ..self }
    }

    pub fn run(&self, server: &Server) -> Verdict {
        let answers = matches!(self.end, End::Theirs(_));
        let mut peer = Peer { stream: server.raw("/echo").stream, got: Vec::new(), answers, ending: None };
        for step in &self.steps {
            if let Err(why) = peer.take(step) {
                return Verdict::Failed(why);
            }
        }
        self.judge(&mut peer).unwrap_or_else(Verdict::Failed)
    }

    fn judge(&self, peer: &mut Peer) -> Result<Verdict, String> {
        if let End::Ours = self.end {
            while peer.ending.is_none() && peer.got.len() < self.expected.len() {
                peer.receive()?;
            }
            peer.send(&close(Some(1000), b""));
        }
        while peer.ending.is_none() {
            peer.receive()?;
        }
        let code = match self.end {
            End::Ours => Some(1000),
            End::Answered(code) => code,
            End::Theirs(code) => Some(code),
        };
        let right = Ending { close: Some(code), clean: true };
        if peer.ending.as_ref() != Some(&right) {
            return Err(format!("the end is {:?}, not {right:?}", peer.ending));
        }
        if peer.got == self.expected {
            Ok(Verdict::Ok)
        } else if self.tolerated.as_ref() == Some(&peer.got) {
            Ok(Verdict::NonStrict)
        } else {
            Err(format!("{} came, not {}", named(&peer.got), named(&self.expected)))
        }
    }
}

struct Peer {
    stream: TcpStream,
    got: Vec<Got>,
    /// Whether it answers a close frame, not having sent one itself.
    answers: bool,
    ending: Option<Ending>,
}

impl Peer {
    fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Send(bytes) => self.send(bytes),
            Step::Chop(bytes, size) => bytes.chunks(*size).for_each(|chop| self.send(chop)),
            Step::Await(number) => {
                while self.ending.is_none() && self.got.len() < *number {
                    self.receive()?;
                }
            }
            Step::Quiet => {
                if self.silent_for(QUIET) {
                    self.got.push(Got::Nothing);
                }
            }
            Step::FailedOrElse(rest) => {
                if self.silent_for(FAST) {
                    self.got.push(Got::Nothing);
                    self.send(rest);
                }
            }
        }
        Ok(())
    }

    /// The peer may have closed already; what it said tells.
    fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    fn silent_for(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        peeked.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    }

    /// Takes in one frame, which must be one that a server may send: no mask, no reserved bit, whole, its length in the fewest bytes.
    fn receive(&mut self) -> Result<(), String> {
        let mut head = [0; 2];
        match self.stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(format!("nothing more came after {}", named(&self.got)));
            }
            Err(error) => {
                self.ending = Some(Ending { close: None, clean: error.kind() == ErrorKind::UnexpectedEof });
                return Ok(());
            }
        }
        let [first, second] = head;
        if first & 0x70 != 0 || first & FIN == 0 || second & 0x80 != 0 {
            return Err(format!("a frame begins with {head:02x?}"));
        }
        let (len, least) = match second {
            126 => (self.number(2)?, 126),
            127 => (self.number(8)?, 0x1_0000),
            short => (usize::from(short), 0),
        };
        if len < least {
            return Err(format!("a length of {len} is not in the fewest bytes"));
        }
        let payload = self.exactly(len)?;
        match first & 0xf {
            TEXT => self.got.push(Got::Text(payload)),
            BINARY => self.got.push(Got::Binary(payload)),
            PONG => self.got.push(Got::Pong(payload)),
            CLOSE => self.end(&payload),
            other => return Err(format!("a frame of opcode {other} came")),
        }
        Ok(())
    }

    /// After the peer's close frame: ours, if it waits for that, and then the end of the stream.
    fn end(&mut self, payload: &[u8]) {
        if self.answers {
            self.send(&masked(FIN | CLOSE, payload));
        }
        let clean = matches!(self.stream.read(&mut [0; 16]), Ok(0));
        let _ = self.stream.shutdown(Shutdown::Both);
        let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        self.ending = Some(Ending { close: Some(code), clean });
    }

    fn number(&mut self, bytes: usize) -> Result<usize, String> {
        Ok(self.exactly(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn exactly(&mut self, len: usize) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0; len];
        self.stream.read_exact(&mut bytes).map_err(|error| format!("within a frame: {error}"))?;
        Ok(bytes)
    }
}

/// Short enough to be read.
fn named(got: &[Got]) -> String {
    let mut names: Vec<_> = got.iter().take(5).map(Got::name).collect();
    if got.len() > 5 {
        names.push(format!("{} in all", got.len()));
    }
    format!("[{}]", names.join(", "))
}

impl Got {
    fn name(&self) -> String {
        let (kind, payload) = match self {
            Self::Text(payload) => ("text", payload),
            Self::Binary(payload) => ("binary", payload),
            Self::Pong(payload) => ("pong", payload),
            Self::Nothing => return "nothing for a while".to_owned(),
        };
        let shown = String::from_utf8_lossy(&payload[..payload.len().min(20)]).into_owned();
        format!("{kind} of {} bytes {shown:?}", payload.len())
    }
}

pub fn text(payload: &[u8]) -> Vec<u8> {
    masked(FIN | TEXT, payload)
}

pub fn ping(payload: &[u8]) -> Vec<u8> {
    masked(FIN | PING, payload)
}

pub fn close(code: Option<u16>, reason: &[u8]) -> Vec<u8> {
    masked(FIN | CLOSE, &[&code.map(u16::to_be_bytes).unwrap_or_default()[..code.map_or(0, |_| 2)], reason].concat())
}

/// A message in fragments of so many bytes. As in the suite, one that fills its last fragment is ended by an empty one.
pub fn fragments(opcode: u8, payload: &[u8], size: usize) -> Vec<u8> {
    let last = payload.len() / size;
    let piece = |n: usize| &payload[n * size..payload.len().min((n + 1) * size)];
    let first = |n| if n == 0 { opcode } else { CONTINUATION };
    (0..=last).flat_map(|n| masked(if n == last { FIN } else { 0 } | first(n), piece(n))).collect()
}
