//! A frame of a server that has a dialect: the messages in it, each a delivery.
//!
//! The canonical room holds every message as a frame of its own with what the server wrapped around it. So who receives messages one a
//! frame is matched by bytes as ever, and who receives several in one, as many as his own pace joined, is matched part by part.

use wire::frame::Opcode;

use super::cursor::Cursor;
use super::receive::{Control, Copy, Reader, frame_len};
use crate::dialect::{Receive, Said};

impl Reader<'_> {
    /// Takes in a whole frame's payload, which came in `wire` bytes: one message, or what the dialect finds in it. The entry, where it is
    /// one published message and nothing else, intact and not to be mistaken for another.
    pub fn frame(&mut self, cursor: &mut Cursor, opcode: Opcode, payload: &[u8], wire: u64) -> Option<u32> {
        match self.dialect {
            None => self.message(cursor, Copy { opcode, message: payload, part: payload, wire }),
            Some(receive) => self.unwrap(receive, cursor, opcode, payload, wire),
        }
    }

    fn unwrap(
        &mut self,
        receive: &Receive,
        cursor: &mut Cursor,
        opcode: Opcode,
        payload: &[u8],
        wire: u64,
    ) -> Option<u32> {
        let parts = receive.parts(payload);
        let total = parts.iter().map(|part| part.bytes.len() as u64).sum::<u64>().max(1);
        let mut before = 0;
        let mut found = None;
        for part in &parts {
            // Of the frame's bytes each part has its share, headers and separators included.
            let through = before + part.bytes.len() as u64;
            let wire = wire * through / total - wire * before / total;
            before = through;
            if self.next_in_line(cursor, opcode, part.bytes, wire) {
                continue;
            }
            match receive.read(part.bytes) {
                Said::Message(message) => {
                    let copy = Copy { opcode, message: &message, part: part.bytes, wire };
                    found = self.message(cursor, copy);
                }
                Said::Answer(answer) => self.controls.push(Control::Say(answer.to_vec())),
                Said::Nothing => {}
            }
        }
        found.filter(|_| parts.len() == 1)
    }

    /// Counts a part that is what the canonical room has next for this connection.
    fn next_in_line(&mut self, cursor: &mut Cursor, opcode: Opcode, part: &[u8], wire: u64) -> bool {
        let entry = cursor.entry;
        if !self.room.holds(entry, opcode, part) {
            return false;
        }
        self.run(cursor, entry, entry + 1);
        cursor.entry = entry + 1;
        cursor.offset = self.room.start_of(cursor.entry);
        if let Some(group) = self.delivery.group {
            let phase = self.room.entries[entry as usize].phase;
            self.recorder.slot(phase, group).saved += frame_len(opcode, part.len()) as i64 - wire as i64;
        }
        true
    }
}

#[cfg(test)]
mod tests;
