//! What this machine can generate and time, against the null server: with the code that runs use, message by message.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use net::{Interest, Poller, Timeout, Token, now, read_fd, thread_cpu};
use wire::frame::{Opcode, append_masked_frame};
use wire::handshake::{Answer, ClientRequest, HandshakeError, encode_key, verify_answer};
use wire::message::ProtocolError;

use super::figures::{Calibration, Pace};
use super::load::{BYTES, RUN, SUBSCRIBERS, source};
use super::null::{BLAST, DISCARD, LISTENING};
use crate::ledger::{Book, CanonicalRoom, Content, Cursor, Delivery, Published, Reader, Verify};
use crate::payload::PayloadError;
use crate::plan::Correlate;
use crate::recorder::Recorder;
use crate::target::Split;

/// Nothing of a calibration takes longer to come.
const PATIENCE: Duration = Duration::from_secs(5);
/// Publishes that are entered into the book at a time.
const AHEAD: u32 = 1 << 16;
/// Deliveries are only lost by a machine that cannot do anything any more: the null server is on TCP.
const SCRATCH: usize = 256 << 10;
/// Between two looks at the clock while publishing.
const LOOK_EVERY: u32 = 64;

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// Processes, sockets, threads.
    #[error("the null server cannot be reached: {0}")]
    Io(#[from] io::Error),
    /// It is ours, so this is a defect.
    #[error("the null server does not answer as it should: {0}")]
    Handshake(#[from] HandshakeError),
    /// As above.
    #[error("the null server broke the protocol: {0}")]
    Protocol(#[from] ProtocolError),
    /// As above.
    #[error("the messages of the calibration cannot be made: {0}")]
    Payload(#[from] PayloadError),
    /// What came is not what was sent.
    #[error("{0} of the null server's messages were not recognised: figures of this machine are not to be trusted")]
    Mistaken(u64),
}

/// Measures both for `length` each. The null server runs on another CPU where there is one, and is gone afterwards.
///
/// # Errors
/// When the null server could not be started or spoken to, or did not send what it should.
pub fn calibrate(length: Duration) -> Result<Calibration, CalibrationError> {
    let available = net::available()?;
    let split = Split::of(&available, Some(1));
    let null = Null::start(&split)?;
    if split.server.is_some() {
        // Unpinned, the figures are only noisier.
        let _ = net::pin_thread(&split.loadgen[..1]);
    }
    let measured = publish(null.address, length).and_then(|publish| Ok((publish, receive(null.address, length)?)));
    let _ = net::pin_thread(&available);
    let (publish, receive) = measured?;
    Ok(Calibration { publish, receive, subscribers: SUBSCRIBERS, message_bytes: BYTES, apart: split.server.is_some() })
}

/// The null server's process.
struct Null {
    child: Child,
    address: SocketAddr,
}

impl Null {
    fn start(split: &Split) -> Result<Self, CalibrationError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("null-server").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        net::die_with_parent(&mut command);
        if let Some(cpus) = &split.server {
            net::pin_child(&mut command, cpus)?;
        }
        let mut child = command.spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        match line.trim().strip_prefix(LISTENING).and_then(|address| address.parse().ok()) {
            Some(address) => Ok(Null { child, address }),
            None => {
                let mut null = Null { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
                null.end();
                Err(io::Error::other("it ended before it listened").into())
            }
        }
    }

    fn end(&mut self) {
        // One that has ended already is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Null {
    fn drop(&mut self) {
        self.end();
    }
}

/// Opens a WebSocket; what came behind the answer is given too.
fn open(address: SocketAddr, path: &str) -> Result<(TcpStream, Vec<u8>), CalibrationError> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let key = encode_key([7; 16]);
    let host = address.to_string();
    let mut request = Vec::new();
    let asked = ClientRequest { host: &host, path, key: &key, headers: &[], subprotocols: &[], compression: None };
    asked.write(&mut request)?;
    stream.write_all(&request)?;
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    loop {
        let n = stream.read(&mut part)?;
        answer.extend_from_slice(&part[..n]);
        match verify_answer(&answer, &key, &[], None)? {
            Answer::Upgraded { consumed, .. } => return Ok((stream, answer.split_off(consumed))),
            Answer::Incomplete if n > 0 => {}
            Answer::Incomplete | Answer::Refused { .. } => {
                return Err(io::Error::other("it refused the upgrade").into());
            }
        }
    }
}

fn publish(address: SocketAddr, length: Duration) -> Result<Pace, CalibrationError> {
    let (mut stream, _) = open(address, DISCARD)?;
    let source = source()?;
    let book = Book::new(vec![0])?;
    let (mut payload, mut frame) = (Vec::new(), Vec::new());
    let (begin, cpu) = (now(), thread_cpu());
    let end = begin + length.as_nanos() as u64;
    let mut messages = 0;
    let mut at = begin;
    while at < end {
        for _ in 0..LOOK_EVERY {
            payload.clear();
            source.render(0, messages, RUN, &mut payload);
            frame.clear();
            append_masked_frame(&mut frame, Opcode::Text, &payload, messages.to_be_bytes());
            at = now();
            if let Some(table) = book.table(0) {
                table.begin(Published { due: at, sent: at, phase: 0 });
            }
            stream.write_all(&frame)?;
            messages += 1;
        }
    }
    Ok(Pace::of(messages.into(), now() - begin, thread_cpu() - cpu))
}

/// Everything that a worker keeps of a room.
struct Receiver {
    book: Book,
    content: Content,
    room: CanonicalRoom,
    recorder: Recorder,
    subscribers: Vec<(TcpStream, Cursor)>,
}

fn receive(address: SocketAddr, length: Duration) -> Result<Pace, CalibrationError> {
    let mut this = Receiver {
        book: Book::new(vec![0])?,
        content: Content::new(RUN, Correlate::Stamp, Verify::Exact, vec![(0..1, source()?)]),
        room: CanonicalRoom::new(SUBSCRIBERS as u32, 1 << 16),
        recorder: Recorder::new(1, 1),
        subscribers: Vec::new(),
    };
    let mut poller = Poller::new(SUBSCRIBERS)?;
    let mut early = Vec::new();
    for i in 0..SUBSCRIBERS {
        let (stream, rest) = open(address, BLAST)?;
        stream.set_nonblocking(true)?;
        poller.add(stream.as_raw_fd(), Token(i as u32), Interest::Read)?;
        this.subscribers.push((stream, Cursor::default()));
        early.push(rest);
    }
    for (i, mut rest) in early.into_iter().enumerate() {
        this.take(i, &mut rest)?;
    }
    let mut scratch = vec![0; SCRATCH];
    let (begin, cpu) = (now(), thread_cpu());
    let end = begin + length.as_nanos() as u64;
    let (mut messages, mut at) = (0, begin);
    let mut again = Vec::new();
    while at < end {
        let turn = poller.wait(Timeout::Ns(PATIENCE.as_nanos() as u64))?;
        poller.take_again(&mut again);
        if turn.events == 0 && again.is_empty() {
            return Err(io::Error::other("it sends nothing").into());
        }
        let ready: Vec<Token> = poller.iter().map(|ready| ready.token).chain(again.iter().copied()).collect();
        for token in ready {
            match read_fd(this.subscribers[token.0 as usize].0.as_raw_fd(), &mut scratch) {
                Ok(0) => return Err(io::Error::other("it closed a connection").into()),
                Ok(n) => {
                    messages += this.take(token.0 as usize, &mut scratch[..n])?;
                    poller.again(token);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        this.trim();
        at = now();
    }
    let pace = Pace::of(messages, at - begin, thread_cpu() - cpu);
    let strange: u64 = this.recorder.slots().map(|s| s.foreign + s.unreadable + s.corrupted + s.duplicated).sum();
    if strange > 0 { Err(CalibrationError::Mistaken(strange)) } else { Ok(pace) }
}

impl Receiver {
    /// What one read brought; how many deliveries that was.
    fn take(&mut self, subscriber: usize, input: &mut [u8]) -> Result<u64, CalibrationError> {
        let now = now();
        let (_, cursor) = &mut self.subscribers[subscriber];
        // A message cannot come before it was published: the null server's are, as far as the book is concerned, in time.
        if let Some(table) = self.book.table(0)
            && table.count() < self.room.len() + AHEAD / 2
        {
            for _ in 0..AHEAD {
                table.begin(Published { due: now, sent: now, phase: 0 });
            }
        }
        let mut reader = Reader {
            room: &mut self.room,
            room_id: 0,
            book: &self.book,
            content: &mut self.content,
            dialect: None,
            recorder: &mut self.recorder,
            controls: &mut Vec::new(),
            first_arrivals: &mut Vec::new(),
            delivery: Delivery { now, group: Some(0), publisher: None, phase: 0 },
            delivered: 0,
            messages: 0,
            echoes: 0,
        };
        reader.receive(cursor, input)?;
        Ok(reader.delivered)
    }

    /// Lets go of what everybody has.
    fn trim(&mut self) {
        if self.room.held() > 8 << 20 {
            let needed = self.subscribers.iter().map(|(_, cursor)| cursor.needs_from(&self.room)).min().unwrap_or(0);
            self.room.trim_to(needed);
        }
    }
}
