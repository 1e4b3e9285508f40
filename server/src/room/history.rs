//! Reading a room's log without being a member: what it still holds from a message on.

use wire::{Header, Opcode, Parsed};

use super::sequence::{MemberId, Room};
use crate::resume::ResumePoint;

/// How much of a log to read at once. One message is read in any case, if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// Messages.
    pub messages: u64,
    /// Bytes, frame headers included.
    pub bytes: u64,
}

/// Messages of a room, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// The first of them; where there are none, the next that will be published.
    pub first: ResumePoint,
    /// Whether messages before `first` that were asked for are lost.
    pub lost: Lost,
    /// Whole unmasked frames, as the log holds them.
    frames: Vec<u8>,
    messages: u64,
}

/// Whether messages that were asked for are not held any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Everything asked for is there.
    Nothing,
    /// Some are evicted, or the log is another one than that asked for.
    Some,
}

impl Room {
    /// What the log holds from `from` on, at most so much. From now on, which is nothing, without `from`; from the oldest message on if
    /// the log does not hold `from`.
    #[must_use]
    pub fn history(&self, from: Option<ResumePoint>, most: Most) -> History {
        let next = self.next();
        let held = from.map(|from| {
            let offset = self.log().offset_of(from.index).filter(|_| from.generation == next.generation);
            offset.map(|offset| (from, offset))
        });
        let (first, offset, lost) = match held {
            None => (next, self.log().end().offset, Lost::Nothing),
            Some(Some((from, offset))) => (from, offset, Lost::Nothing),
            Some(None) => (self.oldest(), self.log().start().offset, Lost::Some),
        };
        let end = self.end_of(first.index, offset, most);
        let (a, b) = self.log().slices(offset, end.1);
        History { first, lost, frames: [a, b].concat(), messages: end.0 - first.index }
    }

    /// Where a piece of history ends: index and offset of the first message that is not in it.
    fn end_of(&self, index: u64, offset: u64, most: Most) -> (u64, u64) {
        let log = self.log();
        let end = (log.end().index, log.end().offset);
        let at = |index: u64| log.offset_of(index).map_or(end, |offset| (index, offset));
        let by_messages = at(index.saturating_add(most.messages.max(1)).min(end.0));
        let bytes = by_messages.1 - offset;
        if bytes <= most.bytes {
            return by_messages;
        }
        let within = log.containing(offset + most.bytes);
        if within.index > index { (within.index, within.offset) } else { at((index + 1).min(end.0)) }
    }

    /// Bytes that a member has still to be sent.
    #[must_use]
    pub fn behind(&self, id: MemberId) -> u64 {
        let Some(stream) = self.stream(id.variant) else { return 0 };
        let place = stream.members.place(id.seat);
        let rest = stream.members.blocked.get(place).map_or(0, |blocked| blocked.rest.len() as u64);
        stream.log.end().offset.saturating_sub(stream.members.all[place].cursor) + rest
    }
}

impl History {
    /// Of a room that is not there.
    #[must_use]
    pub fn nothing() -> Self {
        let first = ResumePoint { generation: 0, index: 0 };
        Self { first, lost: Lost::Some, frames: Vec::new(), messages: 0 }
    }

    /// Whether it has no messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// The message after the last one.
    #[must_use]
    pub fn next(&self) -> ResumePoint {
        ResumePoint { index: self.first.index + self.messages, ..self.first }
    }

    /// The messages: each one's name, opcode and payload.
    pub fn messages(&self) -> impl Iterator<Item = (ResumePoint, Opcode, &[u8])> {
        let mut rest = self.frames.as_slice();
        (self.first.index..).map_while(move |index| {
            let Ok(Parsed::Whole(header)) = Header::parse(rest) else { return None };
            let (frame, after) = rest.split_at_checked(header.header_len() + header.len as usize)?;
            rest = after;
            Some((ResumePoint { index, ..self.first }, header.opcode, &frame[header.header_len()..]))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Accounts;
    use crate::room::LagPolicy;
    use proptest::prelude::*;

    const ALL: Most = Most { messages: u64::MAX, bytes: u64::MAX };

    /// A room with messages of these lengths, the first bytes of which tell their index, as far as 4096 bytes hold them.
    fn room(lengths: &[usize]) -> Room {
        let mut accounts = Accounts::new(1 << 20);
        let mut room = Room::new("r", 35, 4096, LagPolicy::Disconnect, 0);
        for (i, length) in lengths.iter().enumerate() {
            let mut payload = vec![b'x'; (*length).max(4)];
            payload[..4].copy_from_slice(&(i as u32).to_be_bytes());
            let opcode = if i % 2 == 0 { Opcode::Binary } else { Opcode::Text };
            room.append(opcode, &payload, 0, &mut accounts).unwrap();
            room.flush(0, &mut accounts, &mut |_, _, _| unreachable!("there is nobody"));
        }
        room
    }

    fn point(index: u64) -> ResumePoint {
        ResumePoint { generation: 35, index }
    }

    #[test]
    fn from_now_on_there_is_nothing_yet() {
        let history = room(&[5, 5]).history(None, ALL);
        assert_eq!((history.first, history.next(), history.lost), (point(2), point(2), Lost::Nothing));
        assert!(history.is_empty() && history.messages().next().is_none());
    }

    #[test]
    fn another_log_or_a_message_of_the_future_means_that_something_is_lost() {
        let room = room(&[5, 5]);
        for from in [ResumePoint { generation: 36, index: 1 }, point(3)] {
            let history = room.history(Some(from), ALL);
            assert_eq!((history.lost, history.first, history.messages().count()), (Lost::Some, point(0), 2));
        }
        assert!(room.history(Some(point(2)), ALL).is_empty());
    }

    #[test]
    fn one_message_is_read_however_large_it_is() {
        let room = room(&[2000, 5]);
        let history = room.history(Some(point(0)), Most { messages: 9, bytes: 10 });
        assert_eq!((history.messages().count(), history.next()), (1, point(1)));
    }

    proptest! {
        #[test]
        fn reading_on_from_where_one_stopped_gives_every_message_held_once(
            lengths in prop::collection::vec(0_usize..500, 0..80), messages in 1_u64..9, bytes in 0_u64..2000, from in 0_u64..80,
        ) {
            let room = room(&lengths);
            let mut at = point(from.min(lengths.len() as u64));
            let mut seen = Vec::new();
            let mut wanted = None;
            loop {
                let history = room.history(Some(at), Most { messages, bytes });
                let first = *wanted.get_or_insert(history.first.index);
                prop_assert_eq!(history.lost == Lost::Some, history.first != at);
                prop_assert!(history.messages().count() as u64 <= messages);
                for (name, opcode, payload) in history.messages() {
                    prop_assert_eq!(payload.len(), lengths[name.index as usize].max(4));
                    prop_assert_eq!(u64::from(u32::from_be_bytes(*payload.first_chunk().unwrap())), name.index);
                    prop_assert_eq!(opcode, if name.index % 2 == 0 { Opcode::Binary } else { Opcode::Text });
                    seen.push(name.index);
                }
                at = history.next();
                if history.is_empty() {
                    prop_assert_eq!(seen, (first..lengths.len() as u64).collect::<Vec<_>>());
                    break;
                }
            }
        }
    }
}
