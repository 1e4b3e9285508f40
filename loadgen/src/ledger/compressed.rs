//! A read of a connection that agreed on compression: matched with its stream by bytes, decompressed where it differs.

use wire::deflate::{Context, Inflater};
use wire::frame::{Decoded, Header, Opcode, Role, Rsv1, Rules, decode};
use wire::message::{Assembler, Event, Limits, ProtocolError};

use super::cursor::Cursor;
use super::follower::{Compressed, Follower};
use super::meter::Meter;
use super::receive::{After, Reader};
use super::stream::{Coding, Item, Known, Streams};

/// What a message may be at most where compression was agreed, before and after: a bomb costs this much memory, once.
const LIMITS: Limits = Limits { max_message: 64 << 20, max_fragments: 1 << 20 };
const RULES: Rules = Rules { role: Role::Client, rsv1: Rsv1::Allowed, max_frame: LIMITS.max_message as u64 };

/// What the connections of a room, and all of a worker, decompress with.
#[derive(Debug)]
pub struct Shared<'a> {
    /// Those of the connection's room.
    pub streams: &'a mut Streams,
    /// For messages that stand for themselves.
    pub fresh: &'a mut Inflater,
    /// Counts the CPU time.
    pub meter: &'a mut Meter,
}

impl Reader<'_> {
    /// Takes in what a read returned, on a connection that agreed on compression.
    ///
    /// # Errors
    /// The server broke the protocol; the connection is of no use any more.
    pub fn receive_compressed(
        &mut self,
        cursor: &mut Cursor,
        compressed: &mut Compressed,
        shared: &mut Shared<'_>,
        input: &mut [u8],
    ) -> Result<(), ProtocolError> {
        let mut joined = cursor.take_pending(input);
        let input = joined.as_deref_mut().unwrap_or(input);
        match compressed {
            Compressed::Followed(follower) => self.follow(cursor, follower, shared, input),
            Compressed::Counted => self.count(cursor, shared, input),
        }
    }

    fn follow(
        &mut self,
        cursor: &mut Cursor,
        follower: &mut Follower,
        shared: &mut Shared<'_>,
        mut input: &mut [u8],
    ) -> Result<(), ProtocolError> {
        while !input.is_empty() {
            if cursor.is_clean() && follower.own.is_none() {
                let matched = self.match_stream(cursor, follower, shared, input);
                input = &mut input[matched..];
                if input.is_empty() {
                    break;
                }
                let stream = shared.streams.get(follower.stream);
                if stream.start_of(follower.item) < follower.offset {
                    // It differs inside a frame that an earlier read began.
                    follower.detach(stream, cursor);
                    let mut joined = cursor.take_pending(input).unwrap_or_default();
                    return self.follow(cursor, follower, shared, &mut joined);
                }
            }
            let Some((header, frame)) = next_frame(cursor, &mut input)? else { return Ok(()) };
            if is_message(&header) && cursor.is_clean() {
                self.whole(cursor, follower, shared, &header, frame)?;
            } else if self.part(cursor, follower, shared, &header, frame)? == After::Close {
                return Ok(());
            }
        }
        cursor.settle();
        Ok(())
    }

    /// Moves on over what equals the stream: part of a frame only if the input ends there.
    fn match_stream(
        &mut self,
        cursor: &mut Cursor,
        follower: &mut Follower,
        shared: &mut Shared<'_>,
        input: &[u8],
    ) -> usize {
        let stream = shared.streams.get(follower.stream);
        let equal = stream.equal(follower.offset, input);
        let reached = follower.offset + equal as u64;
        let (from, begun) = (follower.item, follower.offset);
        let mut to = from;
        while stream.items.get(to as usize).is_some_and(|item| item.end <= reached) {
            to += 1;
        }
        follower.item = to;
        follower.offset = if equal == input.len() { reached } else { stream.start_of(to).max(begun) };
        if to > from {
            self.items(cursor, follower.stream, shared, from, to);
        }
        (follower.offset - begun) as usize
    }

    /// Counts items `from..to` of a stream.
    fn items(&mut self, cursor: &mut Cursor, stream: u32, shared: &mut Shared<'_>, from: u32, to: u32) {
        let mut at = from;
        while at < to {
            let items = &shared.streams.get(stream).items[at as usize..to as usize];
            let next = |(n, item): &(u32, &Item)| item.known == Known::Exactly && item.entry == cursor.entry + n;
            let n = (0..).zip(items).take_while(next).count() as u32;
            if n > 0 {
                let (first, last) = (cursor.entry, cursor.entry + n);
                self.run(cursor, first, last);
                cursor.entry = last;
                cursor.offset = self.room.start_of(last);
                self.save(first, stream, shared, at, at + n);
                at += n;
            } else {
                self.again(cursor, stream, shared, at);
                at += 1;
            }
        }
    }

    /// Counts what compression saved on items `from..to`, which are the entries from `entry` on.
    fn save(&mut self, entry: u32, stream: u32, shared: &Shared<'_>, from: u32, to: u32) {
        let Some(group) = self.delivery.group else { return };
        let stream = shared.streams.get(stream);
        let mut start = stream.start_of(from);
        for (entry, item) in (entry..).zip(&stream.items[from as usize..to as usize]) {
            let plain = self.room.entries[entry as usize].end - self.room.start_of(entry);
            let phase = self.room.entries[entry as usize].phase;
            self.recorder.slot(phase, group).saved += plain as i64 - (item.end - start) as i64;
            start = item.end;
        }
    }

    /// Takes in an item of the stream that this connection has to judge for itself.
    fn again(&mut self, cursor: &mut Cursor, stream: u32, shared: &mut Shared<'_>, item: u32) {
        let Shared { streams, fresh, .. } = shared;
        let stream = streams.get(stream);
        let Some((header, sent)) = stream.payload(item) else { return };
        let payload = match (header.rsv1, stream.context()) {
            (false, _) => Some(sent.to_vec()),
            (true, Context::Kept) => stream.output(item).map(<[u8]>::to_vec),
            (true, Context::Fresh) => fresh.inflate(sent, LIMITS.max_message).ok().map(|out| out.to_vec()),
        };
        // It was decompressed before, so it can be again.
        let Some(payload) = payload else { return };
        let wire = (header.header_len() + sent.len()) as u64;
        self.frame(cursor, header.opcode, &payload, wire);
    }

    /// A message in one frame that is not the stream's next.
    fn whole(
        &mut self,
        cursor: &mut Cursor,
        follower: &mut Follower,
        shared: &mut Shared<'_>,
        header: &Header,
        frame: &mut [u8],
    ) -> Result<(), ProtocolError> {
        if follower.own.is_none() && follower.item == shared.streams.get(follower.stream).len() {
            return self.extend(cursor, follower, shared, header, frame);
        }
        let Shared { streams, fresh, meter } = shared;
        let stream = streams.get(follower.stream);
        if header.rsv1 {
            follower.leave(stream);
        }
        let wire = frame.len() as u64;
        let (inflater, alike) = match &mut follower.own {
            Some(own) => (&mut own.inflater, Some(&mut own.alike)),
            None => (&mut **fresh, None),
        };
        let (mut assembler, payload) = (Assembler::new(), &mut frame[header.header_len()..]);
        let event = self.timed(meter, header, || assembler.accept_compressed(inflater, header, payload, &LIMITS))?;
        let Event::Message { opcode, payload } = event else { return Ok(()) };
        let entry = self.frame(cursor, opcode, payload, wire);
        let len = payload.len() as u64;
        let same_output = |item: &u32| stream.output(*item) == Some(&*payload);
        match alike {
            Some(alike) if header.rsv1 => {
                let same = alike.candidate(stream, entry).filter(same_output);
                alike.took(same.filter(|&item| stream.frame(item) == Some(&*frame)), len);
                follower.rejoin(stream);
            }
            Some(alike) => alike.passed(stream, frame),
            None if stream.context() == Context::Fresh => {
                // Every frame stands for itself: go on behind this message, if the stream has it.
                let next = entry.and_then(|entry| stream.item_of(entry)).filter(|&item| stream.frame(item).is_some());
                if let Some(item) = next {
                    follower.place(stream, item + 1);
                }
            }
            None => {}
        }
        Ok(())
    }

    /// A message that nobody had before: the stream grows by it.
    fn extend(
        &mut self,
        cursor: &mut Cursor,
        follower: &mut Follower,
        shared: &mut Shared<'_>,
        header: &Header,
        frame: &mut [u8],
    ) -> Result<(), ProtocolError> {
        let Shared { streams, fresh, meter } = shared;
        let stream = streams.get_mut(follower.stream);
        let with_context = header.rsv1 && stream.context() == Context::Kept;
        let mut lent = with_context.then(|| stream.lend());
        let inflater = lent.as_mut().unwrap_or(fresh);
        let wire = frame.len() as u64;
        let (mut assembler, payload) = (Assembler::new(), &mut frame[header.header_len()..]);
        let event = self.timed(meter, header, || assembler.accept_compressed(inflater, header, payload, &LIMITS))?;
        let Event::Message { opcode, payload } = event else { return Ok(()) };
        let entry = self.frame(cursor, opcode, payload, wire);
        if with_context {
            stream.append_output(payload);
        }
        stream.append(frame, if header.rsv1 { Coding::Deflate } else { Coding::Plain }, entry, lent);
        follower.place(stream, stream.len());
        Ok(())
    }

    /// A control frame, or one of several of a message.
    fn part(
        &mut self,
        cursor: &mut Cursor,
        follower: &mut Follower,
        shared: &mut Shared<'_>,
        header: &Header,
        frame: &mut [u8],
    ) -> Result<After, ProtocolError> {
        let Shared { streams, fresh, meter } = shared;
        let stream = streams.get(follower.stream);
        if header.rsv1 {
            // Nobody else will have it in the same parts.
            follower.leave(stream);
        }
        let inflater = match &mut follower.own {
            Some(own) => {
                if header.opcode == Opcode::Continuation {
                    own.alike.took(None, 0);
                }
                &mut own.inflater
            }
            // Without context; or of a message that is not compressed, which it does not look at.
            None => &mut **fresh,
        };
        let payload = &mut frame[header.header_len()..];
        if header.opcode != Opcode::Continuation || !header.fin {
            return self.assemble(Some(inflater), cursor, header, payload);
        }
        let (after, ns) = meter.time(|| self.assemble(Some(inflater), cursor, header, payload));
        self.recorder.phase(self.delivery.phase).inflate_ns += ns;
        after
    }

    /// Does what decompresses one message, if it is compressed, on the meter.
    fn timed<R>(&mut self, meter: &mut Meter, header: &Header, inflate: impl FnOnce() -> R) -> R {
        if !header.rsv1 {
            return inflate();
        }
        let (result, ns) = meter.time(inflate);
        let phase = self.recorder.phase(self.delivery.phase);
        phase.inflated += 1;
        phase.inflate_ns += ns;
        result
    }

    /// Counts frames and looks into none but control frames.
    fn count(
        &mut self,
        cursor: &mut Cursor,
        shared: &mut Shared<'_>,
        mut input: &mut [u8],
    ) -> Result<(), ProtocolError> {
        while !input.is_empty() {
            let Some((header, frame)) = next_frame(cursor, &mut input)? else { return Ok(()) };
            if header.opcode.is_control() {
                let payload = &mut frame[header.header_len()..];
                if self.assemble(Some(shared.fresh), cursor, &header, payload)? == After::Close {
                    return Ok(());
                }
                continue;
            }
            let messages = u64::from(header.fin);
            self.delivered += messages;
            self.messages += messages;
            if let Some(group) = self.delivery.group {
                let slot = self.recorder.slot(self.delivery.phase, group);
                slot.counted += messages;
                slot.counted_bytes += frame.len() as u64;
            }
        }
        cursor.settle();
        Ok(())
    }
}

/// Takes the next frame off the input; what there is of one that has not arrived whole is kept for the next read.
fn next_frame<'i>(
    cursor: &mut Cursor,
    input: &mut &'i mut [u8],
) -> Result<Option<(Header, &'i mut [u8])>, ProtocolError> {
    match decode(input, &RULES)? {
        Decoded::Frame { header, consumed, .. } => {
            let (frame, rest) = std::mem::take(input).split_at_mut(consumed);
            *input = rest;
            Ok(Some((header, frame)))
        }
        Decoded::Incomplete { .. } => {
            cursor.apart_mut().pending = input.to_vec();
            Ok(None)
        }
    }
}

fn is_message(header: &Header) -> bool {
    header.fin && matches!(header.opcode, Opcode::Text | Opcode::Binary)
}
