//! Publishes, pongs and closes on their way out.

use std::sync::Arc;

use net::now;
use rand::Rng;
use wire::close::{CloseCode, CloseFrame};
use wire::frame::{Opcode, append_masked_frame};

use super::Native;
use super::connection::{Connection, State};
use super::courier::Couriers;
use super::outbox::{Before, Flushed};
use crate::dialect::Words;
use crate::ledger::{NOT_DUE, Published};
use crate::worker::causes::broken;
use crate::worker::course::Publisher;
use crate::worker::life::{Farewell, Part};
use crate::worker::pacing::{Due, Sender};

impl Native {
    /// Sends a control frame, behind what waits already.
    pub(super) fn send_control(&mut self, id: u32, opcode: Opcode, payload: &[u8]) {
        let key = self.rng.next_u32().to_ne_bytes();
        let outbox = self.connections[id as usize].outbox.get_or_insert_default();
        append_masked_frame(outbox.bytes_mut(), opcode, payload, key);
        self.push(id);
    }

    /// Sends what waits, as far as the socket takes it.
    pub(super) fn push(&mut self, id: u32) {
        let connection = &mut self.connections[id as usize];
        let (Some(line), Some(outbox)) = (&mut connection.line, &mut connection.outbox) else { return };
        let publisher = connection.publisher.map(|p| p as usize);
        let table = publisher.and_then(|p| self.course.common.book.table(self.course.publishers[p].index));
        match (outbox.flush(line, table, now()), publisher) {
            (Flushed::All(Before::Full), Some(publisher)) => {
                self.course.pacing.writable(publisher, now());
                self.course.pacing.unblocked(publisher);
            }
            // Only publishers keep theirs: there are thousands of others.
            (Flushed::All(_), None) => connection.outbox = None,
            (Flushed::All(Before::Ready), Some(_)) | (Flushed::Blocked, _) => {}
            (Flushed::Broken(error), _) => self.closed(id, &broken(&error), Farewell::None),
        }
    }

    /// Looks at what is due.
    pub(super) fn pace(&mut self) {
        self.reads = 0;
        if self.course.publishes() {
            self.publish();
        }
    }

    /// Publishes what is due.
    fn publish(&mut self) {
        let mut due = std::mem::take(&mut self.due);
        let (publishers, connections) = (&self.course.publishers, &self.connections);
        let couriers = &self.couriers;
        self.course.pacing.due(now(), |p| sender(publishers[p], connections, couriers), &mut due);
        for of_one in due.chunk_by(|a, b| a.publisher == b.publisher) {
            match self.course.publishers[of_one[0].publisher].courier {
                Some(courier) => self.post(courier, of_one),
                None => self.publish_all(of_one),
            }
        }
        due.clear();
        self.due = due;
    }

    /// Publishes what is due at one publisher, in one write.
    fn publish_all(&mut self, due: &[Due]) {
        let Publisher { index, connection: Some(id), .. } = self.course.publishers[due[0].publisher] else { return };
        let common = Arc::clone(&self.course.common);
        let Some(table) = common.book.table(index) else { return };
        let connection = &mut self.connections[id as usize];
        let wrap = common.plan.target.dialect.as_ref().and_then(|dialect| dialect.publish.as_ref());
        let words = common.plan.words(connection.path_room, connection.number);
        let outbox = connection.outbox.get_or_insert_default();
        for publish in due {
            let begun = now();
            let phase = self.course.ledgers.recorder.phase(publish.phase);
            phase.sent += 1;
            if publish.at.is_some() {
                phase.schedule_lag.record(begun.saturating_sub(publish.sendable) / 1000);
            }
            let seq = table.begin(Published { due: publish.at.unwrap_or(NOT_DUE), sent: begun, phase: publish.phase });
            let Some((opcode, payload)) = self.course.ledgers.content_mut().render(index, seq) else { continue };
            let key = self.rng.next_u32().to_ne_bytes();
            match wrap {
                None => append_masked_frame(outbox.bytes_mut(), opcode, payload, key),
                Some(template) => {
                    self.wrapped.clear();
                    template.fill(&Words { seq, message: payload, ..words }, &mut self.wrapped);
                    append_masked_frame(outbox.bytes_mut(), Opcode::Text, &self.wrapped, key);
                }
            }
            outbox.published(seq);
        }
        self.push(id);
    }
}

/// Whether a publisher can send now.
pub(super) fn sender(publisher: Publisher, connections: &[Connection], couriers: &Couriers) -> Sender {
    if let Some(courier) = publisher.courier {
        return couriers.sender(courier);
    }
    // Who has none yet joins in a later phase.
    publisher.connection.map_or(Sender::Away, |c| sender_on(&connections[c as usize]))
}

fn sender_on(connection: &Connection) -> Sender {
    let away = connection.life.as_ref().and_then(|life| life.away.as_ref());
    match connection.state {
        State::Open => match &connection.outbox {
            Some(outbox) if !outbox.is_empty() => Sender::Blocked,
            _ => Sender::Ready,
        },
        State::Left => Sender::Away,
        State::Closed => Sender::Gone,
        // It is about to join.
        State::Connecting | State::Securing | State::Upgrading | State::Joining if connection.opened == 0 => {
            Sender::Away
        }
        state => match away {
            Some(away) if away.part == Part::Churn => Sender::Away,
            // It sends when it is back: what is due meanwhile is late by its absence.
            Some(_) => Sender::Blocked,
            None if state == State::Departing => Sender::Away,
            None => Sender::Gone,
        },
    }
}

pub(super) fn close_payload(code: CloseCode, reason: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    CloseFrame::encode(code, reason, &mut payload);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Inflate;
    use crate::worker::Member;

    fn connection(state: State, opened: u64) -> Connection {
        let member = Member {
            group: Some(0),
            room: 0,
            path_room: 0,
            endpoint: 0,
            publisher: Some(0),
            connection: 0,
            source: None,
            index: 0,
            inflate: Inflate::Verify,
        };
        Connection { state, opened, ..Connection::new(&member, 0, Some(0), None) }
    }

    #[test]
    fn who_opens_for_the_first_time_is_not_there_yet_whatever_it_has_to_do_first() {
        for state in [State::Connecting, State::Securing, State::Upgrading, State::Joining] {
            assert_eq!(sender_on(&connection(state, 0)), Sender::Away, "{state:?}");
        }
        assert_eq!(sender_on(&connection(State::Closed, 0)), Sender::Gone, "it did not open");
        assert_eq!(sender_on(&connection(State::Open, 1)), Sender::Ready);
    }
}
