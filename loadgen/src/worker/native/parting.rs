//! Connections that leave by plan, are cut, or are ended.

use net::{Token, now};
use wire::close::CloseCode;
use wire::frame::Opcode;

use super::Native;
use super::connection::State;
use super::sending::close_payload;
use crate::ledger::Leave;
use crate::life::{AtStart, Jitter, On, Reconnect, Resume, is_among};
use crate::plan::Plan;
use crate::worker::Member;
use crate::worker::course::Stage;
use crate::worker::life::{Account, Away, Farewell, Life, Part};

/// Tries begun in one turn: reading and publishing go on between them. A `connect` over loopback is the whole handshake of TCP, 40 us on a
/// slow machine, and its answer is dealt with in the next turn.
const TRIES_AT_ONCE: usize = 16;
/// Connections cut in one turn, for the same reason: ten thousand take more than a tenth of a second.
pub(super) const CUTS_AT_ONCE: usize = 64;
/// How long a leave waits for what its connection has still to send, nanoseconds.
pub(super) const SAY_FIRST: u64 = 10_000_000;
/// Publishers with connections of their own come back to a restarted server like this: the scenario has no key for it.
const PUBLISHERS: Reconnect = Reconnect {
    on: On::Any,
    backoff: (std::time::Duration::from_millis(100), std::time::Duration::from_secs(1)),
    jitter: Jitter::Full,
    resume: Resume::Never,
};

/// A cut that is under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cutting {
    /// When it began: however many turns it takes, it means those that were open then, and their returns count from then.
    began: u64,
    share: f64,
    phase: u16,
    /// The first connection that has not been looked at.
    next: u32,
}

impl Cutting {
    /// Whether it is to end connection `index` of a group, which opened at `opened`.
    fn ends(self, index: u32, opened: u64) -> bool {
        // Another phase cuts others.
        opened <= self.began && is_among(index.wrapping_add(u32::from(self.phase)), self.share)
    }
}

/// A restart of the server, as far as a worker needs to know.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Restart {
    begun: Option<u64>,
    ended: Option<u64>,
}

impl Restart {
    /// When it began, if it is what ended a connection that had opened then.
    fn ends(self, opened: u64) -> Option<u64> {
        self.begun.filter(|_| self.ended.is_none_or(|ended| opened < ended))
    }
}

/// What a new connection must remember, if it can ever leave and come back.
pub(super) fn life_of(plan: &Plan, member: &Member) -> Option<Box<Life>> {
    let acts = || plan.phases.iter().filter_map(|phase| phase.at_start);
    let leaves = match member.group.map(|group| &plan.groups[usize::from(group)]) {
        Some(group) => group.churn.is_some() || group.reconnect.is_some() || acts().next().is_some(),
        None => acts().any(|act| matches!(act, AtStart::Restart(_))),
    };
    let draws = || crate::life::draws(plan.seed, member.group.unwrap_or(u16::MAX), member.index);
    leaves.then(|| Box::new(Life::new(*member, draws())))
}

impl Native {
    /// Phases begin: whoever comes and goes draws how long the first session lasts.
    pub(super) fn begin_sessions(&mut self, at: u64) {
        for id in 0..self.connections.len() as u32 {
            if self.connections[id as usize].state == State::Open {
                self.begin_session(id, at);
            }
        }
    }

    pub(super) fn begin_session(&mut self, id: u32, at: u64) {
        let connection = &mut self.connections[id as usize];
        let churn = connection.group.and_then(|group| self.course.common.plan.groups[usize::from(group)].churn);
        let (Some(churn), Some(life)) = (churn, &mut connection.life) else { return };
        let until = at + churn.session(&mut life.draws);
        life.due = Some(until);
        self.returns.at(until, id);
    }

    /// Does what is due: planned leaves, and tries to come back.
    pub(super) fn come_and_go(&mut self) {
        let mut tries = 0;
        while tries < TRIES_AT_ONCE
            && let Some((when, id)) = self.returns.due(self.course.woke)
        {
            let connection = &mut self.connections[id as usize];
            let Some(life) = connection.life.as_mut().filter(|life| life.due == Some(when)) else { continue };
            life.due = None;
            match connection.state {
                State::Open if !self.course.in_phases() => {}
                State::Open if connection.outbox.as_ref().is_some_and(|outbox| !outbox.is_empty()) => {
                    // What it has said is not to be taken back.
                    let later = when.max(self.course.woke) + SAY_FIRST;
                    life.due = Some(later);
                    self.returns.at(later, id);
                }
                State::Open => self.depart(id, Part::Churn),
                State::Departing | State::Away if matches!(self.course.stage, Stage::Leaving { .. } | Stage::Over) => {}
                State::Departing | State::Away => {
                    tries += 1;
                    self.try_to_return(id);
                }
                State::Connecting
                | State::Securing
                | State::Upgrading
                | State::Joining
                | State::Leaving
                | State::Left
                | State::Closed => {}
            }
        }
    }

    /// Leaves by plan, with a goodbye.
    pub(super) fn depart(&mut self, id: u32, part: Part) {
        self.say_goodbye(id);
        if self.connections[id as usize].state != State::Open {
            return;
        }
        self.send_control(id, Opcode::Close, &close_payload(CloseCode::NORMAL, ""));
        // The goodbye may have found the connection broken: then it has been dealt with.
        if self.connections[id as usize].state == State::Open {
            self.part(id, part, now());
        }
    }

    /// Resets a share of the subscribers' connections, some in each turn.
    pub(super) fn cut(&mut self, share: f64, phase: u16) {
        self.cut_on(usize::MAX);
        self.cutting = Some(Cutting { began: now(), share, phase, next: 0 });
    }

    /// Resets at most so many more of those that are to be cut.
    pub(super) fn cut_on(&mut self, most: usize) {
        let Some(cutting) = self.cutting.take() else { return };
        let mut cut = 0;
        for id in cutting.next..self.connections.len() as u32 {
            if cut == most {
                self.cutting = Some(Cutting { next: id, ..cutting });
                return;
            }
            let connection = &mut self.connections[id as usize];
            let Some(life) = connection.life.as_ref().filter(|life| life.member.group.is_some()) else { continue };
            if connection.state == State::Open && cutting.ends(life.member.index, connection.opened) {
                if let Some(line) = connection.line.take() {
                    // Where the option cannot be set it ends in an orderly way, which is a cut all the same.
                    let _ = line.abort();
                }
                self.part(id, Part::Cut, cutting.began);
                cut += 1;
            }
        }
    }

    /// The server is about to be restarted: what ends from now on ends by plan.
    pub(super) fn restart_begins(&mut self) {
        self.restart = Restart { begun: Some(now()), ended: None };
    }

    /// It is up again.
    pub(super) fn restart_ended(&mut self) {
        self.restart.ended = Some(now());
    }

    /// An open connection was ended by the server or the network.
    pub(super) fn ended(&mut self, id: u32, cause: &str, farewell: Farewell) {
        if self.resume_was_refused(id, cause) {
            return;
        }
        let restarted = self.restart.ends(self.connections[id as usize].opened);
        let part = if restarted.is_some() { Part::Restart } else { Part::Closed(farewell) };
        if part.plan().is_none() {
            let connection = &self.connections[id as usize];
            self.course.tally.close(cause.to_owned());
            self.course.tally.address(connection.endpoint).closed += 1;
            connection.group.into_iter().for_each(|group| self.course.tally.close_of(group));
        }
        self.part(id, part, restarted.unwrap_or(0));
    }

    /// An open connection is over; `event` is when the cut or the restart began that did it.
    fn part(&mut self, id: u32, part: Part, event: u64) {
        let at = now();
        self.count_resumed(id);
        if let Some(plan) = part.plan() {
            self.course.tally.part(plan);
        }
        let common = &self.course.common;
        let connection = &mut self.connections[id as usize];
        let (room, group) = (connection.room, connection.group);
        self.course.ledgers.break_off(room, &mut connection.cursor);
        let reconnect = reconnect_of(&common.plan, group, part);
        let phase = self.course.phase;
        let (mut due, mut resume) = (None, None);
        if let Some(life) = &mut connection.life {
            let churn = group.and_then(|group| common.plan.groups[usize::from(group)].churn);
            due = match (part, churn, reconnect) {
                (Part::ForGood, ..) => None,
                (Part::Churn, Some(churn), _) => Some(at + churn.offline(&mut life.draws)),
                (.., Some(reconnect)) => Some(at + reconnect.delay(0, &mut life.draws)),
                _ => None,
            };
            if due.is_some() && reconnect.is_some_and(|r| r.resume == Resume::Ask) {
                let said = self.course.ledgers.chat_seq(room, &connection.cursor);
                let counted = life.cursor.as_ref().map(|cursor| cursor.after(connection.received.into()));
                resume = said.or(counted);
            }
            life.due = due;
            life.over = due.is_none() && part.ends_account();
            life.cursor = None;
            // That of the return before: it has been counted.
            life.away = None;
        }
        let mut account = Account::Open;
        if let Some(group) = group.filter(|_| part.ends_account()) {
            let left = self.course.ledgers.mark(room);
            account = Account::Pending { left };
            if resume.is_none() {
                let leave = if due.is_some() { Leave::Away } else { Leave::ForGood };
                self.course.ledgers.leave(room, group, &mut connection.cursor, left, leave);
                account = Account::Ended { left };
            }
        }
        let struck = matches!(part, Part::Cut | Part::Restart);
        if let Some(group) = group.filter(|_| struck || due.is_some()) {
            let absences = self.course.ledgers.recorder.slot(phase, group).absences_mut();
            absences.struck += u64::from(struck);
            absences.to_return += u64::from(due.is_some());
        }
        connection.waits = false;
        connection.outbox = None;
        connection.compressed = None;
        if connection.throttle.take().is_some_and(|throttle| throttle.resting) {
            // The server's goodbye stands behind what was left unread.
            self.poller.again(Token(id));
        }
        connection.state = match part {
            Part::Churn | Part::ForGood if connection.line.is_some() => State::Departing,
            Part::ForGood => State::Left,
            _ if due.is_some() => State::Away,
            _ => State::Closed,
        };
        if connection.state != State::Departing {
            connection.line = None;
        }
        if let (Some(due), Some(life)) = (due, &mut connection.life) {
            let event = struck.then_some(event);
            life.away = Some(Away { part, phase, since: at, event, account, tries: 0, resume, back: None });
            self.returns.at(due, id);
            self.away += 1;
        }
    }

    /// The server has answered a goodbye.
    pub(super) fn departed(&mut self, id: u32) {
        let connection = &mut self.connections[id as usize];
        connection.line = None;
        let returns = connection.life.as_ref().is_some_and(|life| life.due.is_some());
        connection.state = if returns { State::Away } else { State::Left };
    }
}

/// How a connection comes back after an end of this kind.
pub(super) fn reconnect_of(plan: &Plan, group: Option<u16>, part: Part) -> Option<Reconnect> {
    match (group, part) {
        (None, Part::Restart) => Some(PUBLISHERS),
        (None, _) => None,
        (Some(group), part) => {
            plan.groups[usize::from(group)].reconnect.filter(|reconnect| match (reconnect.on, part) {
                (On::Any, _) | (On::Drop, Part::Churn | Part::ForGood | Part::Cut) => true,
                (On::Drop, Part::Restart) => true,
                (On::Drop, Part::Closed(farewell)) => farewell == Farewell::None,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_in_turns_ends_its_share_of_those_that_were_open_when_it_began() {
        let cutting = Cutting { began: 1000, share: 0.5, phase: 3, next: 0 };
        let chosen = |opened: u64| (0..1000).filter(|index| cutting.ends(*index, opened)).count();
        assert!(chosen(1000).abs_diff(500) <= 1, "{}", chosen(1000));
        assert_eq!(chosen(1001), 0, "who came, or came back, while others were being cut stays");
        let all = Cutting { share: 1.0, ..cutting };
        assert!((0..1000).all(|index| all.ends(index, 0)));
        assert!((0..1000).any(|index| cutting.ends(index, 0) != Cutting { phase: 4, ..cutting }.ends(index, 0)));
    }
}
