//! Deliveries are counted: in runs where they came as the canonical room has them, one by one where they did not.

use super::book::NOT_DUE;
use super::cursor::Cursor;
use super::receive::{Delivery, Reader};
use crate::recorder::NotOwed;

/// Bytes of one message with its headers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// As one plain frame.
    pub plain: u64,
    /// As they came.
    pub wire: u64,
}

impl Reader<'_> {
    /// Counts entries `from..to`, received in this order and right after everything before the cursor.
    pub(super) fn run(&mut self, cursor: &Cursor, from: u32, to: u32) {
        self.delivered += u64::from(to - from);
        self.messages += u64::from(to - from);
        let Delivery { now, group, publisher, .. } = self.delivery;
        if let Some(publisher) = publisher {
            self.own_echoes(publisher, from, to);
        }
        let Some(group) = group else { return };
        let late = self.count_reordered(cursor, from, to);
        let since = cursor.since;
        let frame_start = self.room.start_of(from);
        let (entries, sample) = self.room.sample_mut();
        let mut frame_start = frame_start;
        let mut rest = &mut entries[from as usize..to as usize];
        while let Some(head) = rest.first() {
            let phase = head.phase;
            let same = rest.iter().take_while(|e| e.phase == phase).count();
            let (these, others) = rest.split_at_mut(same);
            rest = others;
            let slot = self.recorder.slot(phase, group);
            // Messages published in one write share their times: record them together.
            let (mut due, mut sent, mut n) = (these[0].due, these[0].sent, 0);
            for e in these.iter_mut() {
                slot.payload_bytes += u64::from(e.payload_len);
                if e.number < since {
                    slot.replayed(now, e.due, e.sent, not_owed(cursor, e.number));
                    continue;
                }
                if e.first == 0 {
                    e.first = now;
                }
                e.last = now;
                if e.due != due || e.sent != sent {
                    slot.times(now, due, sent, n);
                    (due, sent, n) = (e.due, e.sent, 0);
                }
                n += 1;
            }
            slot.times(now, due, sent, n);
            let end = these[same - 1].end;
            slot.frame_bytes += end - frame_start;
            slot.delivered += same as u64;
            frame_start = end;
        }
        let mut sampled = sample.next_from(from);
        while sampled < to {
            let e = &entries[sampled as usize];
            if e.number >= since {
                sample.add(sampled, now.saturating_sub(e.sent) / 1000);
            }
            sampled += sample.step();
        }
        for phase in late {
            self.recorder.slot(phase, group).reordered += 1;
        }
    }

    fn own_echoes(&mut self, publisher: u32, from: u32, to: u32) {
        for e in &self.room.entries[from as usize..to as usize] {
            if e.publisher == publisher {
                self.echoes += 1;
                if e.due == NOT_DUE {
                    let us = self.delivery.now.saturating_sub(e.sent) / 1000;
                    self.recorder.phase(e.phase).round_trip.record(us);
                }
            }
        }
    }

    /// Phases of the entries among `from..to` that this connection received after a later one of the same publisher.
    fn count_reordered(&self, cursor: &Cursor, from: u32, to: u32) -> Vec<u16> {
        if !self.room.any_out_of_order() {
            return Vec::new();
        }
        let of = |n: &u32| self.room.entries[*n as usize];
        (from..to).filter(|n| of(n).out_of_order && self.overtaken(cursor, *n, from)).map(|n| of(&n).phase).collect()
    }

    /// Whether a later message of the same publisher has been received: one before the cursor, or in the run that
    /// began at `run` before this entry.
    fn overtaken(&self, cursor: &Cursor, entry: u32, run: u32) -> bool {
        let e = self.room.entries[entry as usize];
        (e.seq + 1..self.room.seen_of(e.publisher))
            .filter_map(|seq| self.room.position(e.publisher, seq))
            .any(|n| if n >= run { n < entry } else { cursor.has(n) })
    }

    /// Counts one identified message that did not come as part of a run.
    pub(super) fn arrived(&mut self, cursor: &mut Cursor, entry: u32, intact: bool, size: Size) {
        let phase = self.room.entries[entry as usize].phase;
        let group = self.delivery.group;
        if entry < cursor.entry {
            if !cursor.apart.as_mut().is_some_and(|a| a.missing.remove(entry)) {
                if let Some(group) = group {
                    self.recorder.slot(phase, group).duplicated += 1;
                }
                return;
            }
            if let Some(group) = group {
                self.recorder.slot(phase, group).passed_over -= 1;
            }
        } else {
            if entry > cursor.entry {
                let from = cursor.entry;
                cursor.apart_mut().missing.push(from, entry);
                if let Some(group) = group {
                    self.recorder.slot(phase, group).passed_over += i64::from(entry - from);
                }
            }
            cursor.entry = entry + 1;
            cursor.offset = self.room.start_of(cursor.entry);
        }
        if let Some(publisher) = self.delivery.publisher {
            self.own_echoes(publisher, entry, entry + 1);
        }
        let Some(group) = group else { return };
        let number = self.room.entries[entry as usize].number;
        let replayed = number < cursor.since;
        if !intact {
            let slot = self.recorder.slot(phase, group);
            slot.corrupted += 1;
            if let Some(why) = not_owed(cursor, number).filter(|_| replayed) {
                slot.absences_mut().regain(why);
            }
            return;
        }
        self.delivered += 1;
        // Asked as a run of its own: everything before the cursor is what `has` says.
        let overtaken = self.overtaken(cursor, entry, u32::MAX);
        let now = self.delivery.now;
        let (entries, sample) = self.room.sample_mut();
        let e = &mut entries[entry as usize];
        let slot = self.recorder.slot(phase, group);
        if replayed {
            slot.replayed(now, e.due, e.sent, not_owed(cursor, number));
        } else {
            if e.first == 0 {
                e.first = now;
            }
            e.last = now;
            if sample.next_from(entry) == entry {
                sample.add(entry, now.saturating_sub(e.sent) / 1000);
            }
            slot.times(now, e.due, e.sent, 1);
        }
        slot.delivered += 1;
        slot.reordered += u64::from(overtaken);
        slot.payload_bytes += u64::from(e.payload_len);
        slot.frame_bytes += size.plain;
        slot.saved += size.plain as i64 - size.wire as i64;
    }

    pub(super) fn unidentified(&mut self, len: usize) {
        let Some(group) = self.delivery.group else { return };
        let slot = self.recorder.slot(self.delivery.phase, group);
        if self.room.has_length(len) {
            slot.unreadable += 1;
        } else {
            slot.foreign += 1;
        }
    }
}

/// Why a message that was begun before the connection opened is not owed to it, if it is not.
fn not_owed(cursor: &Cursor, number: u32) -> Option<NotOwed> {
    cursor.apart.as_ref().and_then(|apart| apart.absences.why(number))
}
