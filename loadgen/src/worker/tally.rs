//! What became of a worker's connections.

use std::collections::BTreeMap;

use net::DialError;
use serde::{Deserialize, Serialize};
use wire::deflate::{Agreement, Context};

use crate::live::snapshot::Connections;
use crate::record::Counts;
use crate::validity::RanOut;

/// Counts of connections, by what happened and why. Times in nanoseconds of CLOCK_MONOTONIC.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Asked for.
    pub asked: u64,
    /// Upgraded.
    pub opened: u64,
    /// Answered with something else than 101, by HTTP status.
    pub refused: BTreeMap<u16, u64>,
    /// Never opened, by cause.
    pub failed: BTreeMap<String, u64>,
    /// Ended before the run did, by cause.
    pub closed: BTreeMap<String, u64>,
    /// Subscribers that ended before the run did, by group.
    pub closed_of: BTreeMap<u16, u64>,
    /// Ended by plan, by what planned it.
    pub left: BTreeMap<String, u64>,
    /// Of `refused` and `failed`, those of connections that had been open before.
    pub again: u64,
    /// Handshakes of connections that came back, by tenth of a second since the first phase began.
    pub handshakes: Vec<u32>,
    /// Failures of this machine's own making: descriptors, ports, memory.
    pub exhausted: BTreeMap<RanOut, u64>,
    /// TCP, TLS and upgrade together, microseconds.
    pub connect: Counts,
    /// TCP alone, microseconds.
    pub tcp: Counts,
    /// TLS alone, microseconds; of connections that have it.
    pub tls: Counts,
    /// Upgrade alone, microseconds.
    pub upgrade: Counts,
    /// The steps of a dialect, microseconds; not part of `connect`.
    pub join: Counts,
    /// First attempt.
    pub began: Option<u64>,
    /// Last connection of the ramp opened.
    pub last_opened: Option<u64>,
    /// Of `opened`, those that opened while phases ran.
    pub joined_late: u64,
    /// Connections opened by group of subscribers and agreement on compression.
    pub agreed: BTreeMap<(u16, String), u64>,
    /// Publishes over HTTP, by the status of their answers.
    pub answers: BTreeMap<u16, u64>,
    /// Publishes over HTTP that came to nothing, by cause.
    pub unpublished: BTreeMap<String, u64>,
    /// From a request to its answer, microseconds.
    pub answer: Counts,
    /// What happened at each of the server's addresses.
    pub addresses: BTreeMap<u16, AddressTally>,
    /// Open now.
    pub open: u64,
    /// Most open at once.
    pub peak: u64,
}

impl Tally {
    /// A connection opened, having taken this long.
    pub fn open(&mut self, when: When, took: Took) {
        self.opened += 1;
        self.open += 1;
        self.peak = self.peak.max(self.open);
        match when {
            When::Ramp { now } => self.last_opened = Some(now),
            When::Phase => self.joined_late += 1,
        }
        self.tcp.record(took.tcp_us);
        if let Some(us) = took.tls_us {
            self.tls.record(us);
        }
        self.upgrade.record(took.upgrade_us);
        if let Some(us) = took.join_us {
            self.join.record(us);
        }
        self.connect.record(took.tcp_us + took.tls_us.unwrap_or(0) + took.upgrade_us);
    }

    /// A subscriber's connection opened with this agreement on compression.
    pub fn agree(&mut self, group: u16, agreed: Option<Agreement>) {
        *self.agreed.entry((group, name_of(agreed))).or_default() += 1;
    }

    /// A connection never opened.
    pub fn fail(&mut self, cause: String, blame: Blame) {
        if let Blame::ThisMachine(what) = blame {
            *self.exhausted.entry(what).or_default() += 1;
        }
        *self.failed.entry(cause).or_default() += 1;
    }

    /// A connection that was open before could not come back.
    pub fn fail_again(&mut self, cause: String, blame: Blame) {
        self.again += 1;
        self.fail(cause, blame);
    }

    /// The server did not let a connection back in.
    pub fn refuse_again(&mut self, status: u16) {
        self.again += 1;
        self.refuse(status);
    }

    /// An open connection ended by plan.
    pub fn part(&mut self, plan: &'static str) {
        self.leave();
        *self.left.entry(plan.to_owned()).or_default() += 1;
    }

    /// A connection is open again.
    pub fn reopen(&mut self) {
        self.open += 1;
        self.peak = self.peak.max(self.open);
    }

    /// A connection tries to come back, so many nanoseconds after the first phase began.
    pub fn handshake(&mut self, since: u64) {
        let tenth = (since / 100_000_000) as usize;
        if self.handshakes.len() <= tenth {
            self.handshakes.resize(tenth + 1, 0);
        }
        self.handshakes[tenth] += 1;
    }

    /// The server answered with something else than 101.
    pub fn refuse(&mut self, status: u16) {
        *self.refused.entry(status).or_default() += 1;
    }

    /// An open connection ended before its time.
    pub fn close(&mut self, cause: String) {
        self.open = self.open.saturating_sub(1);
        *self.closed.entry(cause).or_default() += 1;
    }

    /// That was a subscriber of this group.
    pub fn close_of(&mut self, group: u16) {
        *self.closed_of.entry(group).or_default() += 1;
    }

    /// An open connection ended because the run did, or the scenario wanted it.
    pub fn leave(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// A publish over HTTP was answered after so many microseconds.
    pub fn answered(&mut self, status: u16, us: u64) {
        *self.answers.entry(status).or_default() += 1;
        self.answer.record(us);
    }

    /// So many publishes over HTTP came to nothing.
    pub fn unpublished(&mut self, cause: String, n: u64) {
        if n > 0 {
            *self.unpublished.entry(cause).or_default() += n;
        }
    }

    /// The counts of one of the server's addresses.
    pub fn address(&mut self, endpoint: u16) -> &mut AddressTally {
        self.addresses.entry(endpoint).or_default()
    }

    /// Where connections are now, while `opening` of them are being opened, and `away` are about to come back.
    pub fn states(&self, opening: u32, away: u32) -> Connections {
        Connections {
            asked: self.asked,
            opening: opening.into(),
            open: self.open,
            away: away.into(),
            refused: self.refused.values().sum(),
            failed: self.failed.values().sum(),
            closed: self.closed.values().sum(),
        }
    }

    /// Connections whose outcome is known.
    pub fn resolved(&self) -> u64 {
        self.opened + self.refused.values().sum::<u64>() + self.failed.values().sum::<u64>() - self.again
    }

    /// Adds another worker's.
    pub fn merge(&mut self, other: &Tally) {
        self.asked += other.asked;
        self.opened += other.opened;
        self.joined_late += other.joined_late;
        self.open += other.open;
        self.peak += other.peak;
        add(&mut self.refused, &other.refused);
        add(&mut self.failed, &other.failed);
        add(&mut self.closed, &other.closed);
        add(&mut self.left, &other.left);
        self.again += other.again;
        if self.handshakes.len() < other.handshakes.len() {
            self.handshakes.resize(other.handshakes.len(), 0);
        }
        self.handshakes.iter_mut().zip(&other.handshakes).for_each(|(sum, n)| *sum += n);
        add(&mut self.agreed, &other.agreed);
        add(&mut self.exhausted, &other.exhausted);
        add(&mut self.closed_of, &other.closed_of);
        add(&mut self.answers, &other.answers);
        add(&mut self.unpublished, &other.unpublished);
        self.answer.merge(&other.answer);
        for (&endpoint, theirs) in &other.addresses {
            self.address(endpoint).add(theirs);
        }
        self.connect.merge(&other.connect);
        self.tcp.merge(&other.tcp);
        self.tls.merge(&other.tls);
        self.upgrade.merge(&other.upgrade);
        self.join.merge(&other.join);
        self.began = self.began.into_iter().chain(other.began).min();
        self.last_opened = self.last_opened.max(other.last_opened);
    }
}

/// What happened at one of the server's addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressTally {
    /// Upgraded.
    pub opened: u64,
    /// Answered with something else than 101.
    pub refused: u64,
    /// Never opened for another reason.
    pub failed: u64,
    /// Ended before the run did.
    pub closed: u64,
}

impl AddressTally {
    fn add(&mut self, other: &AddressTally) {
        self.opened += other.opened;
        self.refused += other.refused;
        self.failed += other.failed;
        self.closed += other.closed;
    }
}

/// When a connection opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before the first phase.
    Ramp {
        /// When exactly.
        now: u64,
    },
    /// While phases ran.
    Phase,
}

/// What opening a connection took, step by step, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Took {
    /// Until TCP was connected.
    pub tcp_us: u64,
    /// The TLS handshake after that; `None`: there was none.
    pub tls_us: Option<u64>,
    /// The upgrade after that.
    pub upgrade_us: u64,
    /// The steps of a dialect after that; `None`: there were none.
    pub join_us: Option<u64>,
}

impl Took {
    /// Of the times at which each step ended, nanoseconds; `secured` is `None` without TLS. Nothing was joined.
    pub fn between(began: u64, connected: u64, secured: Option<u64>, upgraded: u64) -> Self {
        let us = |from: u64, to: u64| to.saturating_sub(from) / 1000;
        Took {
            tcp_us: us(began, connected),
            tls_us: secured.map(|secured| us(connected, secured)),
            upgrade_us: us(secured.unwrap_or(connected), upgraded),
            join_us: None,
        }
    }
}

/// Who is to blame for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// This machine ran out of something.
    ThisMachine(RanOut),
    /// The server or the network.
    Server,
}

impl Blame {
    /// Who is to blame for a connect that failed.
    pub fn of(error: &DialError) -> Self {
        match error {
            DialError::PortsExhausted { .. } => Blame::ThisMachine(RanOut::Ports),
            DialError::ProcessDescriptors { .. } | DialError::SystemDescriptors => {
                Blame::ThisMachine(RanOut::Descriptors)
            }
            DialError::Memory => Blame::ThisMachine(RanOut::Memory),
            _ => Blame::Server,
        }
    }
}

fn add<K: Ord + Clone>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, n) in from {
        *into.entry(key.clone()).or_default() += n;
    }
}

/// How `run.json` names an agreement on compression: `off`, `standalone/15`, `context/12`.
fn name_of(agreed: Option<Agreement>) -> String {
    let Some(Agreement { server, .. }) = agreed else { return "off".to_owned() };
    let context = match server.context {
        Context::Fresh => "standalone",
        Context::Kept => "context",
    };
    format!("{context}/{}", server.window_bits)
}
