//! Streams made from the plain one: each message is encoded once for all members of such a stream, when the room is flushed.
//!
//! ```text
//!   plain log   ──┬───┬───┬───┬───┬───►      canonical: every message, in one frame, with its index
//!                 │   ▼   ▼   ▼
//!   derived log   │ ──┬───┬───┬─────►        begins where its first member begins, goes back when somebody resumes from further
//!               rewind                       back (events), is given up when its last member leaves
//! ```
//!
//! A further variant is one more [`Variant`] and an [`Encoder`]; cursors, partial writes, lag and departures are those of every [`Stream`].
//! What compressed streams hold is kept only for members that have not got it yet: who resumes reads the plain log.

use super::encode::{Encoder, Message, Shared};
use super::flush::Sent;
use super::lag::Why;
use super::sequence::{Full, Room};
use super::stream::Stream;
use crate::accounts::Accounts;
use crate::budget::Grant;
use crate::compressors::{Choice, Desk};
use crate::log::{Boundary, Framing, Log, MARK_EVERY};
use crate::variant::Variant;

/// Where a derived log's offsets begin: room for more history below than any memory holds.
const ORIGIN: u64 = 1 << 62;
/// A log of events may hold so many times the bytes of a plain one: its frames are longer, and its history should not be shorter.
const CAP_FACTOR: usize = 2;

/// A stream that follows the plain one.
#[derive(Debug)]
pub(super) struct Derived {
    pub variant: Variant,
    pub stream: Stream,
    pub encoder: Encoder,
    /// The next message to encode, in the plain log.
    pub source: Boundary,
}

impl Derived {
    /// Without members, from `source` on, which is a boundary of `plain`.
    pub fn new(variant: Variant, encoder: Encoder, plain: &Stream, source: Boundary) -> Self {
        let at = Boundary { index: source.index, offset: ORIGIN };
        let cap = plain.log.cap();
        let log = match &encoder {
            Encoder::Events(_) => Log::starting_at(at, Framing::Chunk, cap.saturating_mul(CAP_FACTOR)),
            Encoder::Standalone(_) | Encoder::Shared(_) => Log::starting_at(at, Framing::WebSocket, cap),
        };
        Self { variant, stream: Stream::new(plain.generation, plain.policy, variant.kind(), log), encoder, source }
    }

    /// Whether it has every message of `plain`.
    pub fn is_complete(&self, plain: &Log) -> bool {
        self.source.index == plain.end().index
    }

    /// Encodes the message at its `source` and appends it.
    ///
    /// If there is no memory for a message, all its members have to go: they would miss one without knowing.
    #[allow(clippy::too_many_arguments, reason = "what one message needs on its way from log to log")]
    fn take(
        &mut self,
        message: &Message<'_>,
        choice: Choice,
        next: Boundary,
        desk: &mut Desk,
        now: u64,
        accounts: &mut Accounts,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) {
        let frame = self.encoder.encode(message, choice, desk, accounts);
        loop {
            match self.stream.append(frame.head(), frame.payload, accounts) {
                Ok(_) => break,
                Err(Full::FlushFirst) => self.stream.flush(now, accounts, sink),
                Err(Full::NoMemory) => return self.stream.dismiss_all(Why::Lagged, now),
            }
        }
        self.source = next;
        let volume = accounts.tally.volumes.of_mut(self.variant.kind());
        volume.messages += 1;
        volume.plain_bytes += message.frame.len() as u64;
        volume.frame_bytes += frame.len() as u64;
    }

    /// Forgets what no member needs any more, so that a compressed log stays as small as what is on its way.
    fn trim(&mut self) {
        let Stream { log, flushed, members, .. } = &mut self.stream;
        if self.encoder.compresses() && members.blocked.is_empty() && *flushed == log.end().offset {
            log.evict(log.end());
        }
    }

    /// Takes history out of `plain` until message `index` is held, or as far back as memory allows. Not for compressed streams, which are
    /// made in order only.
    pub fn rewind(&mut self, index: u64, plain: &Log, accounts: &mut Accounts) {
        debug_assert!(!self.encoder.compresses());
        let (mut desk, mut joined) = (Desk::default(), Vec::new());
        let mut block = Vec::with_capacity(MARK_EVERY as usize);
        loop {
            let below = self.stream.log.start().index;
            if below <= index {
                return;
            }
            // From mark to mark, because the frames of a log can only be walked forwards.
            let first = index.max((below - 1) / MARK_EVERY * MARK_EVERY);
            let Some(offset) = plain.offset_of(first) else { return };
            block.clear();
            let mut at = Boundary { index: first, offset };
            while at.index < below {
                block.push(at);
                at = plain.after(at);
            }
            for at in block.iter().rev() {
                let (message, _) = Message::read(plain, *at, &mut joined);
                let frame = self.encoder.encode(&message, Choice::Leave, &mut desk, accounts);
                if self.stream.prepend(frame.payload, accounts) == Grant::Refused {
                    return;
                }
            }
        }
    }

    /// Gives all memory back to the books.
    pub fn dissolve(mut self, accounts: &mut Accounts) {
        self.stream.dissolve(accounts);
        if let Encoder::Shared(Shared { deflater, window, .. }) = self.encoder {
            accounts.compressors.close(window, deflater);
        }
    }
}

impl Room {
    /// Brings the derived streams to where the plain one is, and writes to their members.
    pub(super) fn derive(
        &mut self,
        now: u64,
        accounts: &mut Accounts,
        sink: &mut impl FnMut(i32, &[u8], &[u8]) -> Sent,
    ) {
        let Self { plain, derived, .. } = self;
        let (log, mut desk, mut joined) = (&plain.log, accounts.compressors.desk(), Vec::new());
        // A plain log never evicts what was not flushed, and every flush comes here; only who was dismissed falls behind.
        let sources = derived.iter().map(|derived| derived.source).filter(|at| at.offset >= log.start().offset);
        let mut at = sources.min_by_key(|at| at.offset).unwrap_or(log.end());
        let compressed = derived.iter().any(|derived| derived.encoder.compresses());
        let begun = if compressed { accounts.compressors.now() } else { 0 };
        while at.offset < log.end().offset {
            let (message, next) = Message::read(log, at, &mut joined);
            let choice = accounts.compressors.choose(message.payload);
            if compressed && choice == Choice::Leave {
                accounts.compressors.tally.under_threshold += 1;
            }
            for derived in derived.iter_mut().filter(|derived| derived.source.offset == at.offset) {
                derived.take(&message, choice, next, &mut desk, now, accounts, sink);
            }
            at = next;
        }
        accounts.compressors.put_back(desk);
        if compressed {
            accounts.compressors.tally.ns += accounts.compressors.now().saturating_sub(begun);
        }
        for derived in derived {
            derived.stream.flush(now, accounts, sink);
            derived.trim();
        }
    }

    /// Gives up the streams that have no members.
    pub(super) fn drop_unused(&mut self, accounts: &mut Accounts) {
        let mut i = 0;
        while i < self.derived.len() {
            if self.derived[i].stream.members.all.is_empty() {
                self.derived.swap_remove(i).dissolve(accounts);
            } else {
                i += 1;
            }
        }
    }
}
