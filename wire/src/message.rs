//! Fragments to messages (RFC 6455 5.4), with UTF-8 checked and limits kept.

use crate::buffer::append_within;
use crate::close::CloseFrame;
use crate::deflate::Inflater;
pub use crate::error::ProtocolError;
use crate::frame::{Header, Opcode, Part};

/// Bytes of an incomplete frame that are looked at together.
const PREVIEW: usize = 1024;

/// What one frame meant.
#[derive(PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A whole message.
    Message {
        /// [`Opcode::Text`] (then `payload` is UTF-8) or [`Opcode::Binary`].
        opcode: Opcode,
        /// The message, fragments joined.
        payload: &'a mut [u8],
    },
    /// To be answered with a pong of the same payload (RFC 6455 5.5.3).
    Ping(&'a [u8]),
    /// An answer to our ping, or an unasked sign of life.
    Pong(&'a [u8]),
    /// The peer sends nothing more; `None` if it named no code.
    Close(Option<CloseFrame>),
    /// A fragment was taken in; its message is not complete yet.
    Incomplete,
}

/// What we take in as one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of one message, all fragments together.
    pub max_message: usize,
    /// Frames of one message. Without it, empty fragments would keep a connection busy for ever.
    pub max_fragments: u32,
}

/// Joins the fragments of messages; state only while a fragmented message is open.
///
/// A message in one frame passes through without a copy. Text is checked fragment by fragment, so invalid UTF-8
/// ends the connection as early as it can be known, and each byte is checked once.
#[derive(Default, Debug)]
pub struct Assembler {
    open: Option<Box<Open>>,
}

#[derive(Debug)]
struct Open {
    opcode: Opcode,
    coding: Coding,
    bytes: Vec<u8>,
    fragments: u32,
    /// Bytes known to be whole UTF-8 characters (text only); fewer than 4 more may be the beginning of one.
    valid: usize,
    stage: Stage,
}

/// What the bytes of a fragmented message are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Coding {
    Plain,
    /// Compressed as a whole; nothing can be said of its text before the end.
    Deflate,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Collecting,
    /// The message was handed out; its bytes are freed on the next occasion, since the caller borrowed them.
    HandedOut,
}

impl Assembler {
    /// An assembler before the first message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one frame as [`FrameReader`](crate::frame::FrameReader) gives it and says what it means.
    ///
    /// After a fragmented message, call [`release`](Self::release) before the connection goes idle.
    ///
    /// # Errors
    /// Fragments out of order, invalid UTF-8, an invalid close frame, a compressed message, or a message beyond `limits`. All are final
    /// for the connection.
    pub fn accept<'a>(
        &'a mut self,
        header: &Header,
        payload: &'a mut [u8],
        limits: &Limits,
    ) -> Result<Event<'a>, ProtocolError> {
        self.accept_with(None, header, payload, limits)
    }

    /// As [`accept`](Self::accept), where compression was agreed: a message marked as compressed is decompressed by `inflater`, which is
    /// to be the connection's own, unless the peer compresses without context. `limits` hold for a message before and after.
    ///
    /// # Errors
    /// As [`accept`](Self::accept), and [`ProtocolError::InvalidDeflate`].
    pub fn accept_compressed<'a>(
        &'a mut self,
        inflater: &'a mut Inflater,
        header: &Header,
        payload: &'a mut [u8],
        limits: &Limits,
    ) -> Result<Event<'a>, ProtocolError> {
        self.accept_with(Some(inflater), header, payload, limits)
    }

    #[inline]
    fn accept_with<'a>(
        &'a mut self,
        inflater: Option<&'a mut Inflater>,
        header: &Header,
        payload: &'a mut [u8],
        limits: &Limits,
    ) -> Result<Event<'a>, ProtocolError> {
        if header.rsv1 && inflater.is_none() {
            return Err(ProtocolError::ReservedBits(0b100));
        }
        match header.opcode {
            Opcode::Ping => Ok(Event::Ping(payload)),
            Opcode::Pong => Ok(Event::Pong(payload)),
            Opcode::Close => Ok(Event::Close(CloseFrame::parse(payload)?)),
            Opcode::Text | Opcode::Binary => self.begin(inflater, header, payload, limits),
            Opcode::Continuation => self.go_on(inflater, header, payload, limits),
        }
    }

    /// Looks at a frame that is here in part, for nothing but this: text that can no longer become UTF-8 need not be waited for.
    ///
    /// Each byte is looked at once, or as long as its character is not whole; the frame must still be accepted when it is whole.
    ///
    /// # Errors
    /// [`ProtocolError::InvalidUtf8`], final for the connection.
    pub fn preview(&self, mut part: Part<'_>) -> Result<(), ProtocolError> {
        // The beginning of a character that the fragments before have left.
        let before: &[u8] = match (part.header.opcode, &self.open) {
            // What is compressed says nothing before it is decompressed.
            (Opcode::Text, _) if !part.header.rsv1 => &[],
            (Opcode::Continuation, Some(open)) if open.opcode == Opcode::Text && open.coding == Coding::Plain => {
                &open.bytes[open.valid..]
            }
            _ => return Ok(()),
        };
        let mut text = [0; PREVIEW];
        loop {
            let carried = if part.seen() == 0 { before } else { &[] };
            text[..carried.len()].copy_from_slice(carried);
            let len = carried.len() + part.peek(&mut text[carried.len()..]);
            // Less than what was carried is nothing: its character is still not whole.
            part.see(whole_characters(&text[..len])?.saturating_sub(carried.len()));
            if len < PREVIEW {
                return Ok(());
            }
        }
    }

    /// Whether no fragmented message is open.
    pub fn is_idle(&self) -> bool {
        self.open.as_ref().is_none_or(|open| open.stage == Stage::HandedOut)
    }

    /// Bytes held for a fragmented message: at most [`max_message`](Limits::max_message).
    pub fn buffered(&self) -> usize {
        self.open.as_ref().map_or(0, |open| open.bytes.len())
    }

    /// Frees the buffer of a fragmented message that was handed out. Costs one comparison when there is none.
    pub fn release(&mut self) {
        if self.is_idle() {
            self.open = None;
        }
    }

    fn begin<'a>(
        &'a mut self,
        inflater: Option<&'a mut Inflater>,
        header: &Header,
        payload: &'a mut [u8],
        limits: &Limits,
    ) -> Result<Event<'a>, ProtocolError> {
        if !self.is_idle() {
            return Err(ProtocolError::MessageInterrupted);
        }
        self.open = None;
        if header.fin {
            check_size(payload.len(), limits)?;
            let payload = match inflater {
                Some(inflater) if header.rsv1 => inflater.inflate(payload, limits.max_message)?,
                _ => payload,
            };
            if header.opcode == Opcode::Text && std::str::from_utf8(payload).is_err() {
                return Err(ProtocolError::InvalidUtf8);
            }
            return Ok(Event::Message { opcode: header.opcode, payload });
        }
        let mut open = Box::new(Open {
            opcode: header.opcode,
            coding: if header.rsv1 { Coding::Deflate } else { Coding::Plain },
            bytes: Vec::new(),
            fragments: 0,
            valid: 0,
            stage: Stage::Collecting,
        });
        open.take_in(payload, limits)?;
        self.open = Some(open);
        Ok(Event::Incomplete)
    }

    fn go_on<'a>(
        &'a mut self,
        inflater: Option<&'a mut Inflater>,
        header: &Header,
        payload: &[u8],
        limits: &Limits,
    ) -> Result<Event<'a>, ProtocolError> {
        let open = match &mut self.open {
            Some(open) if open.stage == Stage::Collecting => open,
            _ => return Err(ProtocolError::NothingToContinue),
        };
        open.take_in(payload, limits)?;
        if !header.fin {
            return Ok(Event::Incomplete);
        }
        open.stage = Stage::HandedOut;
        if let (Coding::Deflate, Some(inflater)) = (open.coding, inflater) {
            let payload = inflater.inflate(&open.bytes, limits.max_message)?;
            if open.opcode == Opcode::Text && std::str::from_utf8(payload).is_err() {
                return Err(ProtocolError::InvalidUtf8);
            }
            return Ok(Event::Message { opcode: open.opcode, payload });
        }
        if open.opcode == Opcode::Text && open.valid < open.bytes.len() {
            return Err(ProtocolError::InvalidUtf8);
        }
        Ok(Event::Message { opcode: open.opcode, payload: &mut open.bytes })
    }
}

impl Open {
    fn take_in(&mut self, fragment: &[u8], limits: &Limits) -> Result<(), ProtocolError> {
        check_size(self.bytes.len().saturating_add(fragment.len()), limits)?;
        if self.fragments >= limits.max_fragments {
            return Err(ProtocolError::TooManyFragments { max: limits.max_fragments });
        }
        self.fragments += 1;
        append_within(&mut self.bytes, fragment, limits.max_message);
        if self.opcode == Opcode::Text && self.coding == Coding::Plain {
            self.valid += whole_characters(&self.bytes[self.valid..])?;
        }
        Ok(())
    }
}

/// Bytes of `text` up to its last whole character, provided that what follows could still become one.
fn whole_characters(text: &[u8]) -> Result<usize, ProtocolError> {
    match std::str::from_utf8(text) {
        Ok(text) => Ok(text.len()),
        Err(error) if error.error_len().is_none() => Ok(error.valid_up_to()),
        Err(_) => Err(ProtocolError::InvalidUtf8),
    }
}

fn check_size(len: usize, limits: &Limits) -> Result<(), ProtocolError> {
    if len > limits.max_message {
        return Err(ProtocolError::MessageTooBig { len, max: limits.max_message });
    }
    Ok(())
}
