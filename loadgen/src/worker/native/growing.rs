//! Phases that grow or shrink a group: who joins while they run, and who leaves for good.

use super::Native;
use super::connection::State;
use super::parting::SAY_FIRST;
use crate::ledger::Leave;
use crate::plan::Move;
use crate::worker::life::{Account, Part};
use crate::worker::moving::Step;

impl Native {
    /// Opens those who join now, and says goodbye to those who leave.
    pub(super) fn grow_and_shrink(&mut self) {
        while self.course.dialer.has_room()
            && let Some(step) = self.course.moving.next(self.course.woke)
        {
            match step.what {
                Move::Join => {
                    self.course.tally.asked += 1;
                    self.dial(step.member);
                }
                Move::Leave => self.leave_for_good(step),
            }
        }
    }

    /// A phase has fewer connections, and this is one of those that go, wherever it is.
    fn leave_for_good(&mut self, step: Step) {
        let number = step.member.connection;
        let Some(&id) = self.places.get(&number) else { return };
        let connection = &self.connections[id as usize];
        if connection.state == State::Open && connection.outbox.as_ref().is_some_and(|outbox| !outbox.is_empty()) {
            // What it has said is not to be taken back.
            return self.course.moving.put_off(step, self.course.woke + SAY_FIRST);
        }
        self.places.remove(&number);
        match connection.state {
            State::Open => self.depart(id, Part::ForGood),
            State::Away | State::Departing | State::Closed => self.stay_away(id),
            State::Connecting | State::Securing | State::Upgrading | State::Joining => {
                // One that opens for the first time leaves as soon as it is open.
                if self.comes_back(id).is_some() {
                    self.stay_away(id);
                }
            }
            State::Leaving | State::Left => {}
        }
    }

    /// A connection has opened that joins while phases run, at `at`.
    pub(super) fn joins_late(&mut self, id: u32, at: u64) {
        if let Some(publisher) = self.connections[id as usize].publisher {
            self.course.pacing.returned(publisher as usize, at);
        }
        self.begin_session(id, at);
    }

    /// Whether a phase had it leave while it was being opened.
    pub(super) fn was_to_leave(&self, id: u32) -> bool {
        let connection = &self.connections[id as usize];
        self.course.moving.shrinks() && self.places.get(&connection.number) != Some(&id)
    }

    /// One that is not there, by plan or not, does not come back: its account ends here, if it has not ended yet.
    fn stay_away(&mut self, id: u32) {
        let connection = &mut self.connections[id as usize];
        let Some(group) = connection.group.filter(|_| connection.opened != 0) else { return };
        let tries = connection.opening.take().is_some();
        let (mut waits, mut over, mut account) = (false, false, Account::Open);
        if let Some(life) = &mut connection.life {
            waits = life.due.take().is_some();
            over = life.over;
            account = life.away.take().map_or(Account::Open, |away| away.account);
        }
        self.away -= u32::from(waits || tries);
        connection.line = None;
        connection.state = State::Left;
        let room = connection.room;
        match account {
            // It was cut, and would not have come back.
            Account::Open if over => {}
            Account::Open => self.course.ledgers.leave_closed(room, group),
            Account::Pending { left } => {
                self.course.ledgers.leave(room, group, &mut connection.cursor, left, Leave::ForGood);
            }
            Account::Ended { .. } => self.course.ledgers.stay_away(room, group),
        }
    }
}
