//! Connections that come back; how they left is in `parting`.
//!
//! ```text
//!            depart (churn), cut, closed (server, restart)
//!   Open ──────────────────────────────────────────────▶ Departing / Away ──▶ Closed, Left
//!    ▲                                                         │ due: a wait drawn by `life`
//!    └──────────── opened ◀── Upgrading ◀── Connecting ◀───────┘
//! ```
//!
//! A connection keeps its place in the worker's table through all of it; only its socket is another.

use net::now;

use super::Native;
use super::connection::State;
use super::parting::reconnect_of;
use crate::ledger::Leave;
use crate::worker::life::{Account, Part, ServerCursor};

impl Native {
    /// Dials once more.
    pub(super) fn try_to_return(&mut self, id: u32) {
        let connection = &mut self.connections[id as usize];
        let Some(life) = &connection.life else { return };
        let member = life.member;
        let resume = life.away.as_ref().and_then(|away| away.resume.as_ref()).map(ToString::to_string);
        // A goodbye that was not answered in all that time is not waited for.
        connection.line = None;
        self.course.ledgers.recorder.phase(self.course.phase).handshakes += 1;
        if let Some(start) = self.course.pacing.started() {
            self.course.tally.handshake(self.course.woke.saturating_sub(start));
        }
        self.open_socket(id, member, resume);
    }

    /// A try to come back has failed: the next one comes later.
    pub(super) fn try_later(&mut self, id: u32) {
        let connection = &mut self.connections[id as usize];
        let group = connection.group;
        let Some(life) = &mut connection.life else { return };
        let Some(away) = &mut life.away else { return };
        away.tries += 1;
        if let Some(group) = group {
            self.course.ledgers.recorder.slot(away.phase, group).absences_mut().failed_tries += 1;
        }
        let Some(reconnect) = reconnect_of(&self.course.common.plan, group, away.part) else {
            self.away -= 1;
            return;
        };
        let due = now() + reconnect.delay(away.tries, &mut life.draws);
        life.due = Some(due);
        connection.state = State::Away;
        self.returns.at(due, id);
    }

    /// Whether a connection that is being opened was open before; and if so, whether the server is to blame where that fails.
    pub(super) fn comes_back(&self, id: u32) -> Option<Part> {
        self.connections[id as usize].life.as_ref()?.away.as_ref().map(|away| away.part)
    }

    /// It is open again, at `at`.
    pub(super) fn is_back(&mut self, id: u32, at: u64) {
        let connection = &mut self.connections[id as usize];
        let (room, group) = (connection.room, connection.group);
        let Some(away) = connection.life.as_mut().and_then(|life| life.away.as_mut()) else { return };
        let how = away.rejoin();
        if let (Account::Pending { left }, None, Some(group)) = (away.account, &away.resume, group) {
            self.course.ledgers.leave(room, group, &mut connection.cursor, left, Leave::Away);
            away.account = Account::Ended { left };
        }
        self.course.ledgers.rejoin(room, group, &mut connection.cursor, how);
        away.back = Some(at);
        connection.waits = true;
        if let Some(publisher) = connection.publisher {
            self.course.pacing.returned(publisher as usize, at);
        }
        self.away -= 1;
        self.course.tally.reopen();
        // One that asked to resume may still be turned down.
        if away.resume.is_none() {
            self.count_return(id);
        }
        if self.course.in_phases() {
            self.begin_session(id, at);
        }
    }

    /// The first message since it was open again, at `at`.
    pub(super) fn hears_again(&mut self, id: u32, at: u64) {
        let connection = &mut self.connections[id as usize];
        connection.waits = false;
        self.count_resumed(id);
        let connection = &mut self.connections[id as usize];
        let away = connection.life.as_mut().and_then(|life| life.away.take());
        if let (Some(away), Some(group)) = (away, connection.group) {
            let absences = self.course.ledgers.recorder.slot(away.phase, group).absences_mut();
            absences.first.record(at.saturating_sub(away.since) / 1000);
        }
    }

    /// Counts a return that asked to resume, once it is known that it was let.
    pub(super) fn count_resumed(&mut self, id: u32) {
        let away = self.connections[id as usize].life.as_ref().and_then(|life| life.away.as_ref());
        if away.is_some_and(|away| away.back.is_some() && away.resume.is_some()) {
            self.count_return(id);
        }
    }

    /// Counts a return that holds.
    fn count_return(&mut self, id: u32) {
        let connection = &self.connections[id as usize];
        let Some(away) = connection.life.as_ref().and_then(|life| life.away.as_ref()) else { return };
        let (Some(back), Some(group)) = (away.back, connection.group) else { return };
        let absences = self.course.ledgers.recorder.slot(away.phase, group).absences_mut();
        absences.returned += 1;
        absences.resumed_connections += u64::from(away.resume.is_some());
        if let Some(event) = away.event {
            absences.back.record(back.saturating_sub(event) / 1000);
        }
    }

    /// Whether a close says that there is nothing to resume from: then it comes back at once, and goes on with what is new.
    pub(super) fn resume_was_refused(&mut self, id: u32, cause: &str) -> bool {
        let connection = &mut self.connections[id as usize];
        let Some(life) = &mut connection.life else { return false };
        let Some(away) = life.away.as_mut().filter(|away| away.back.is_some() && away.resume.is_some()) else {
            return false;
        };
        if cause != REFUSED_RESUME {
            return false;
        }
        away.resume = None;
        away.back = None;
        let at = now();
        life.due = Some(at);
        if let Some(group) = connection.group {
            self.course.ledgers.recorder.slot(away.phase, group).absences_mut().resumes_refused += 1;
        }
        connection.line = None;
        connection.outbox = None;
        connection.compressed = None;
        connection.waits = false;
        connection.state = State::Away;
        self.course.ledgers.break_off(connection.room, &mut connection.cursor);
        self.course.tally.leave();
        self.returns.at(at, id);
        self.away += 1;
        true
    }

    /// The run is over: whoever is still away has left, and whoever is back is.
    pub(super) fn end_absences(&mut self) {
        for id in 0..self.connections.len() as u32 {
            self.count_resumed(id);
            let connection = &mut self.connections[id as usize];
            let Some(away) = connection.life.as_mut().and_then(|life| life.away.as_mut()) else { continue };
            if let (Account::Pending { left }, None, Some(group)) = (away.account, away.back, connection.group) {
                away.account = Account::Ended { left };
                self.course.ledgers.leave(connection.room, group, &mut connection.cursor, left, Leave::Away);
            }
        }
    }

    /// Notes where the server says that a connection's messages begin.
    pub(super) fn note_cursor(&mut self, id: u32, headers: &[(String, String)]) {
        let connection = &mut self.connections[id as usize];
        connection.received = 0;
        if let Some(life) = &mut connection.life {
            let named = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("fanout-cursor"));
            life.cursor = named.and_then(|(_, cursor)| ServerCursor::parse(cursor));
        }
    }
}

/// The close that says that a resume is not possible.
const REFUSED_RESUME: &str = "server 4001";
