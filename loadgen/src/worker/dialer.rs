//! Who connects next, and who has taken too long. No sockets.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Member, Ramp};

/// Handshakes under way at once, at most: beyond this a listening backlog overflows and SYNs are sent again a second later.
const MOST_OPENING: u32 = 512;
/// TCP, TLS and upgrade together may take this long, with either client.
pub const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// The same in nanoseconds.
const OPEN_WITHIN_NS: u64 = OPEN_WITHIN.as_nanos() as u64;

/// The ramps of a worker.
#[derive(Debug)]
pub struct Dialer {
    ramps: Vec<(Ramp, usize)>,
    start: Option<u64>,
    opening: u32,
    deadlines: VecDeque<(u64, u32)>,
}

impl Dialer {
    /// Ramps that begin together when started.
    pub fn new(ramps: Vec<Ramp>) -> Self {
        Dialer {
            ramps: ramps.into_iter().map(|r| (r, 0)).collect(),
            start: None,
            opening: 0,
            deadlines: VecDeque::new(),
        }
    }

    /// Begins.
    pub fn start(&mut self, now: u64) {
        self.start = Some(now);
    }

    /// Nobody is dialled any more.
    pub fn stop(&mut self) {
        self.start = None;
    }

    /// Connections there will be.
    pub fn total(&self) -> usize {
        self.ramps.iter().map(|(r, _)| r.members.len()).sum()
    }

    /// Handshakes under way.
    pub fn opening(&self) -> u32 {
        self.opening
    }

    /// Nobody is left to be dialled.
    pub fn is_done(&self) -> bool {
        self.ramps.iter().all(|(r, next)| *next == r.members.len())
    }

    /// When [`Dialer::next`] or [`Dialer::expired`] must be asked again.
    pub fn wake_at(&self) -> Option<u64> {
        let start = self.start?;
        let dial = self.has_room().then(|| self.ramps.iter().filter_map(|ramp| due(ramp, start)).min()).flatten();
        dial.into_iter().chain(self.deadlines.front().map(|d| d.0)).min()
    }

    /// The next connection that is due by `now`.
    pub fn next(&mut self, now: u64) -> Option<Member> {
        let start = self.start?;
        if !self.has_room() {
            return None;
        }
        let (ramp, next) = self.ramps.iter_mut().find(|ramp| due(ramp, start).is_some_and(|at| at <= now))?;
        let member = ramp.members[*next];
        *next += 1;
        if *next == ramp.members.len() {
            // The list is not needed again, and there may be thousands in it.
            *ramp = Ramp { rate: ramp.rate, members: Vec::new() };
            *next = 0;
        }
        Some(member)
    }

    /// Whether another handshake may begin.
    pub fn has_room(&self) -> bool {
        self.opening < MOST_OPENING
    }

    /// A handshake begins that is somebody's first.
    pub fn begin(&mut self) {
        self.opening += 1;
    }

    /// A handshake, whoever's, began at `now` and has only so much time.
    pub fn watch(&mut self, connection: u32, now: u64) {
        self.deadlines.push_back((now + OPEN_WITHIN_NS, connection));
    }

    /// A handshake that was somebody's first ended, one way or the other.
    pub fn ended(&mut self) {
        self.opening = self.opening.saturating_sub(1);
    }

    /// A handshake whose time is over by `now`: when it began, and of which connection. It may have ended long ago.
    pub fn expired(&mut self, now: u64) -> Option<(u64, u32)> {
        let (at, connection) = self.deadlines.pop_front_if(|(at, _)| *at <= now)?;
        Some((at - OPEN_WITHIN_NS, connection))
    }

    /// Every handshake has ended: forget the deadlines.
    pub fn settle(&mut self) {
        if self.opening == 0 && self.is_done() {
            self.deadlines = VecDeque::new();
        }
    }
}

fn due((ramp, next): &(Ramp, usize), start: u64) -> Option<u64> {
    (*next < ramp.members.len()).then(|| start + (*next as f64 / ramp.rate * 1e9) as u64)
}
