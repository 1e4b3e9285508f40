//! A recording from its first connection to its summary.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use net::now;
use tokio::sync::mpsc::channel;
use tokio::time::{Instant, interval_at, sleep_until};

use super::line;
use super::parts::Rotation;
use super::rooms::RoomOf;
use super::source::{Feed, Heard, listen};
use super::tally::{Summary, Tally};
use super::tape::{Tape, TapeError};
use crate::progress::Voice;
use crate::report::numbers::{bytes, count};
use crate::run::Signals;

/// Messages that wait for their line, and lines that wait for the disk. Beyond that the sockets are not read, and the server waits.
const WAITING: usize = 1 << 14;
/// After this long without a message, the recording says so.
const SILENCE: Duration = Duration::from_secs(5);
/// Between the last line of an old recording and the first of the one that goes on with it, microseconds: pauses are not recorded.
const AFTER_PAUSE_US: u64 = 1000;
/// Between two lines of progress where they cannot replace each other, seconds.
const EVERY: u64 = 10;

/// What is to be recorded.
#[derive(Debug)]
pub struct Order {
    /// Where from.
    pub feed: Feed,
    /// Names of the rooms, in the order of the requests.
    pub rooms: Vec<String>,
    /// Which of its messages belong to which.
    pub room_of: RoomOf,
    /// Where to.
    pub file: PathBuf,
    /// When the next file begins; `None`: never.
    pub rotation: Option<Rotation>,
    /// How long; `None`: until a signal.
    pub length: Option<Duration>,
    /// Bytes of lines at most; `None`: no limit.
    pub max_bytes: Option<u64>,
}

/// Why there is no recording, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The files.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The first attempt to connect failed.
    #[error("cannot record {room}: {why}")]
    Unreachable {
        /// Which room.
        room: String,
        /// In a sentence.
        why: String,
    },
    /// Threads or signals.
    #[error("cannot set the recording up: {0}")]
    Setup(#[from] std::io::Error),
    /// It was open, and sent nothing.
    #[error("nothing was received in {} s: does the server want a subscription first (--send), or another path?", .0.as_secs())]
    Nothing(Duration),
}

/// A line on its way to the disk.
struct Written {
    at_us: u64,
    line: Vec<u8>,
}

/// Records until it is over; what came before an error is in the file.
///
/// # Errors
/// When nothing could be recorded, or the disk takes no more.
pub async fn record(order: Order, voice: &Voice) -> Result<Summary, RecordError> {
    let mut signals = Signals::new()?;
    let (tape, last_us) = Tape::open(&order.file, order.rotation)?;
    if let Some(last) = last_us {
        let at = last as f64 / 1e6;
        voice.say(&format!("{} has {at:.1} s already: going on from there", order.file.display()));
    }
    let (lines, taken) = sync_channel(WAITING);
    let writer = std::thread::Builder::new().name("tape".to_owned()).spawn(move || write(tape, &taken))?;
    let Order { feed, rooms, room_of, length, max_bytes, .. } = order;
    let feed = Arc::new(feed);
    let (heard, mut hear) = channel(WAITING);
    for room in 0..rooms.len() as u32 {
        tokio::spawn(listen(Arc::clone(&feed), room, heard.clone()));
    }
    drop(heard);
    let began = now();
    let mut desk = Desk {
        began,
        base_us: last_us.map_or(0, |last| last + AFTER_PAUSE_US),
        lines,
        tally: Tally::default(),
        line_bytes: 0,
        away: vec![None; rooms.len()],
        was_open: vec![false; rooms.len()],
        rooms,
        room_of,
        voice,
    };
    let end = length.map(|length| Instant::now() + length);
    let mut second = interval_at(Instant::now() + Duration::from_secs(1), Duration::from_secs(1));
    let mut view = View { terminal: std::io::stderr().is_terminal(), ..View::default() };
    let ended = loop {
        tokio::select! {
            biased;
            () = signals.interrupted() => break Ok(()),
            () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => break Ok(()),
            news = hear.recv() => match news.map(|news| desk.take(news)) {
                Some(Ok(())) if max_bytes.is_some_and(|most| desk.line_bytes >= most) => break Ok(()),
                Some(Ok(())) => {}
                Some(Err(Stop::Failed(error))) => break Err(error),
                // The writer says why.
                Some(Err(Stop::DiskGone)) | None => break Ok(()),
            },
            _ = second.tick() => view.second(&desk),
        }
    };
    // What was read before the end belongs to it.
    while let Ok(news) = hear.try_recv() {
        if max_bytes.is_some_and(|most| desk.line_bytes >= most) || desk.take(news).is_err() {
            break;
        }
    }
    view.end();
    let away: Vec<String> =
        desk.away.iter().zip(&desk.rooms).filter(|(away, _)| away.is_some()).map(|(_, room)| room.clone()).collect();
    let (tally, line_bytes) = (desk.tally, desk.line_bytes);
    drop(desk.lines);
    let files = join(writer)?;
    ended?;
    let length = Duration::from_nanos(now().saturating_sub(began));
    if tally.messages == 0 {
        return Err(RecordError::Nothing(length));
    }
    let files = files.iter().map(|file| file.display().to_string()).collect();
    Ok(Summary { tally, length_us: length.as_micros() as u64, line_bytes, files, lost_now: away })
}

fn join(writer: JoinHandle<Result<Vec<PathBuf>, TapeError>>) -> Result<Vec<PathBuf>, RecordError> {
    match writer.join() {
        Ok(files) => Ok(files?),
        Err(_) => Err(RecordError::Setup(std::io::Error::other("the thread that writes the file has ended"))),
    }
}

/// The writer's thread: line by line, and once a second everything to the file.
fn write(mut tape: Tape, lines: &Receiver<Written>) -> Result<Vec<PathBuf>, TapeError> {
    let mut flushed = now();
    loop {
        match lines.recv_timeout(Duration::from_secs(1)) {
            Ok(Written { at_us, line }) => tape.append(at_us, &line)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return tape.finish(),
        }
        if now().saturating_sub(flushed) >= 1_000_000_000 {
            tape.flush()?;
            flushed = now();
        }
    }
}

enum Stop {
    Failed(RecordError),
    DiskGone,
}

/// Where messages become lines.
struct Desk<'a> {
    began: u64,
    /// Time on the recording's clock when this began.
    base_us: u64,
    lines: SyncSender<Written>,
    tally: Tally,
    line_bytes: u64,
    rooms: Vec<String>,
    room_of: RoomOf,
    /// Since when each connection is away, after it was open.
    away: Vec<Option<u64>>,
    was_open: Vec<bool>,
    voice: &'a Voice,
}

impl Desk<'_> {
    fn take(&mut self, news: Heard) -> Result<(), Stop> {
        match news {
            Heard::Message { room, at, opcode, payload } => {
                let at_us = self.base_us + at.saturating_sub(self.began) / 1000;
                let name = self.room_of.name(&self.rooms[room as usize], &payload);
                let mut line = Vec::with_capacity(payload.len() + payload.len() / 8 + 64);
                line::append(at_us, &name, opcode, &payload, &mut line);
                self.tally.message(at_us, &name, payload.len());
                self.line_bytes += line.len() as u64;
                self.lines.send(Written { at_us, line }).map_err(|_| Stop::DiskGone)
            }
            Heard::Opened { room, at } => {
                let room = room as usize;
                self.was_open[room] = true;
                if let Some(since) = self.away[room].take() {
                    let away = at.saturating_sub(since) / 1000;
                    self.tally.gap(away);
                    let seconds = away as f64 / 1e6;
                    self.voice.say(&format!("{} is back after {seconds:.1} s", self.rooms[room]));
                }
                Ok(())
            }
            Heard::Lost { room, at, why } => {
                let name = &self.rooms[room as usize];
                if !self.was_open[room as usize] {
                    return Err(Stop::Failed(RecordError::Unreachable { room: name.clone(), why }));
                }
                if self.away[room as usize].is_none() {
                    self.away[room as usize] = Some(at);
                    self.voice.say(&format!("{name} was lost ({why}): trying again"));
                }
                Ok(())
            }
        }
    }
}

/// What is shown while it goes.
#[derive(Debug, Default)]
struct View {
    terminal: bool,
    seconds: u64,
    before: u64,
    silent_s: u64,
}

impl View {
    /// A second has gone by.
    fn second(&mut self, desk: &Desk<'_>) {
        self.seconds += 1;
        let messages = desk.tally.messages;
        self.silent_s = if messages == self.before { self.silent_s + 1 } else { 0 };
        if self.silent_s == SILENCE.as_secs() {
            let hint = if messages == 0 {
                ": does the server want a subscription first (--send), or another path?"
            } else {
                ""
            };
            self.end();
            desk.voice.say(&format!("nothing was received for {} s{hint}", SILENCE.as_secs()));
        }
        let line = format!(
            "recording {:>6} s  {} messages  {} a second  {}",
            self.seconds,
            count(messages),
            count(messages - self.before),
            bytes(desk.line_bytes as f64)
        );
        self.before = messages;
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[2K{line}");
        } else if self.seconds.is_multiple_of(EVERY) {
            desk.voice.say(&line);
        }
    }

    /// Takes the line away.
    fn end(&self) {
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[2K");
        }
    }
}
