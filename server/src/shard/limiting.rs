//! Limits on what clients send: who is held to which, and what becomes of those who send too much, too slowly or in floods.

use wire::CloseCode;

use super::connection::{Connection, Farewell, Stage};
use super::delays::{Delayed, Delays};
use super::turn::Shard;
use super::turnstile::{Excess, Listing, Passage, Turnstile};
use super::watch::{Pace, Watch};
use crate::admission::{Permit, Visitor};
use crate::bucket::Bucket;
use crate::config::Config;
use crate::rate::{Class, Limited, Meter, RateBy, RatePolicy, Rates};
use crate::session::Held;
use crate::shares::Key;

/// Bytes read at once from clients whose messages may have to wait: what was read after such a message is kept.
const SCRATCH_UNDER_DELAY: usize = 16 << 10;

/// What a shard's limits need beside the connections themselves.
#[derive(Debug)]
pub(super) struct Limiting {
    pub rates: Rates,
    /// By connection: its messages, if its meter is on. Not in the connection, because most servers limit nobody.
    buckets: Vec<Bucket>,
    /// Stands for the bucket of whoever has none.
    spare: Bucket,
    /// By connection, for those whose meter says so.
    listings: Vec<Option<Box<Listing>>>,
    delays: Delays,
    watch: Watch,
    /// Bytes to read at once.
    pub read_size: usize,
}

impl Limiting {
    pub fn new(config: &Config, scratch: usize) -> Self {
        let read_size = match config.rates.policy {
            RatePolicy::Delay => SCRATCH_UNDER_DELAY.min(scratch),
            RatePolicy::Drop | RatePolicy::Disconnect => scratch,
        };
        Self {
            rates: config.rates,
            buckets: Vec::new(),
            spare: Bucket::default(),
            listings: Vec::new(),
            delays: Delays::default(),
            watch: Watch::new(config.message_timeout, config.rates.control),
            read_size,
        }
    }

    /// Decides what a new connection is held to.
    pub fn enrol(&mut self, id: u32, visitor: &Visitor, permit: &Permit, now: u64) -> Meter {
        let class = if visitor.user.is_some() { Class::User } else { Class::Anonymous };
        let limited = self.rates.of(class).is_some();
        if !limited && self.rates.bytes.is_none() {
            return Meter::Off;
        }
        if self.buckets.len() <= id as usize {
            self.buckets.resize_with(id as usize + 1, Bucket::default);
        }
        self.buckets[id as usize] = Bucket::default();
        let key = match (self.rates.by, &visitor.user) {
            _ if !limited => None,
            (RateBy::Connection, _) => None,
            (RateBy::User, Some(user)) => Some(Key::User(user.clone())),
            (RateBy::User, None) | (RateBy::Address, _) => Some(Key::address(visitor.address, class)),
        };
        if key.is_none() && self.rates.bytes.is_none() {
            return class.into();
        }
        let share = key.map(|key| permit.shares().of(key, now));
        if self.listings.len() <= id as usize {
            self.listings.resize_with(id as usize + 1, || None);
        }
        self.listings[id as usize] = Some(Box::new(Listing::new(class, share)));
        Meter::Listed
    }

    /// The limits on what is read now from a connection with this meter, after a message that was held back, if there is one.
    #[inline]
    pub fn turnstile<'a>(
        &'a mut self,
        id: u32,
        meter: Meter,
        held: Option<&Held>,
        counts: &'a mut Limited,
        now: u64,
    ) -> Turnstile<'a> {
        let mut turnstile = Turnstile::open(&self.rates, meter, &mut self.spare, counts, now);
        if meter != Meter::Off
            && let Some(bucket) = self.buckets.get_mut(id as usize)
        {
            match (self.rates.own(meter), self.listings.get_mut(id as usize)) {
                (Some(rate), _) => turnstile.count_by(rate, bucket),
                (None, Some(Some(listing))) => turnstile.count_all(listing, bucket),
                (None, Some(None) | None) => {}
            }
        }
        if held.is_some() {
            turnstile.after_delay();
        }
        turnstile
    }

    /// When a message that waits is next allowed, in nanoseconds.
    pub fn next_due(&self) -> Option<u64> {
        self.delays.next_due()
    }

    /// When a message that has not ended must have come further, in nanoseconds.
    pub fn message_due(&self, id: u32, connection: &Connection, now: u64) -> Option<u64> {
        if !connection.midway {
            return None;
        }
        self.watch.pace(id, connection.session.buffered(), now).map(|pace| match pace {
            Pace::Due(at) => at,
            Pace::TooSlow => now,
        })
    }
}

impl Shard {
    /// Does what the limits make of a read that has been taken in.
    #[cold]
    pub(super) fn limit(&mut self, id: u32, passage: Passage) {
        let Passage { excess, controls, completed } = passage;
        match excess.map(|excess| *excess) {
            None => {}
            // Counted already.
            Some(Excess::Dropped { cause, class, messages }) => {
                let sentence = self.limiting.rates.sentence(cause, class);
                tracing::debug!("{messages} messages of connection {id} dropped: {sentence}");
                self.tell_limited(id, messages, sentence);
            }
            Some(Excess::Disconnect { cause, class }) => {
                let reason = self.limiting.rates.sentence(cause, class);
                self.close(id, Farewell::new(CloseCode::POLICY, reason));
            }
            Some(Excess::Delay(delayed)) => self.delay(id, delayed),
        }
        if controls > 0 && self.is_open(id) && self.limiting.watch.floods(id, controls, self.now) {
            self.counters.control_floods += 1;
            let allowed = self.limiting.rates.control.map(|rate| rate.to_string()).unwrap_or_default();
            let reason = format!("too many pings and pongs: {allowed} are taken");
            self.close(id, Farewell::new(CloseCode::POLICY, reason));
        }
        self.watch_message(id, completed);
    }

    /// Keeps a message until it is allowed, and reads nothing from its sender until then: TCP pushes back, nothing is lost.
    fn delay(&mut self, id: u32, delayed: Delayed) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        if connection.stage == Stage::Open {
            connection.stage = Stage::Delayed;
            self.limiting.delays.insert(id, delayed);
        } else {
            self.counters.limited.by(delayed.cause).dropped += 1;
        }
    }

    /// Lets every message pass whose time has come, and reads on from its sender.
    pub(super) fn end_delays(&mut self) {
        while let Some((id, delayed)) = self.limiting.delays.pop(self.now) {
            let Some(connection) = self.connections.get_mut(id) else { continue };
            connection.stage = Stage::Open;
            if !self.post.is_alone() {
                self.park_if_full(id);
            }
            if self.is_open(id) {
                self.take_in(id, 0, Some(&delayed.message));
                if self.is_open(id) {
                    self.poller.again(net::Token(id));
                }
            } else {
                // Allowed, but a letter box has no room for it.
                self.limiting.delays.keep(id, delayed);
            }
        }
    }

    /// Lets the message pass that was allowed while its sender was parked, if there is one.
    pub(super) fn pass_kept(&mut self, id: u32) {
        if let Some(delayed) = self.limiting.delays.remove(id) {
            self.take_in(id, 0, Some(&delayed.message));
        }
    }

    fn is_open(&self, id: u32) -> bool {
        self.connections.get(id).is_some_and(|connection| connection.stage == Stage::Open)
    }

    /// Begins or ends to watch a message that has not ended.
    fn watch_message(&mut self, id: u32, completed: bool) {
        let Some(connection) = self.connections.get_mut(id) else { return };
        let midway = connection.stage == Stage::Open && connection.session.is_midway() && self.limiting.watch.is_on();
        match (connection.midway, midway) {
            (false, true) => {
                connection.midway = true;
                self.limiting.watch.began(id, self.now);
                self.schedule_ping(id);
            }
            (true, true) if completed => self.limiting.watch.began(id, self.now),
            (true, false) => {
                connection.midway = false;
                self.limiting.watch.ended(id);
            }
            (true, true) | (false, false) => {}
        }
    }

    /// An open connection is looked at: if the message that it is in the middle of took too long, it is closed.
    pub(super) fn is_too_slow(&mut self, id: u32) -> bool {
        let Some(connection) = self.connections.get(id) else { return false };
        let too_slow = connection.midway
            && self.limiting.watch.pace(id, connection.session.buffered(), self.now) == Some(Pace::TooSlow);
        if too_slow {
            self.counters.slow_messages += 1;
            let reason = "message not completed in time (--message-timeout, or under 1 KiB/s)";
            self.close(id, Farewell::new(CloseCode::POLICY, reason));
        }
        too_slow
    }

    /// We read again from a connection after a pause of ours, which counts for nothing.
    pub(super) fn read_again_from(&mut self, id: u32) {
        self.limiting.watch.restart(id, self.now);
    }

    /// Forgets everything about a connection that goes. A message of it that waits is lost, and counted.
    pub(super) fn unlimit(&mut self, id: u32) {
        if let Some(delayed) = self.limiting.delays.remove(id) {
            self.counters.limited.by(delayed.cause).dropped += 1;
            if let Some(Some(listing)) = self.limiting.listings.get_mut(id as usize) {
                listing.give_back(&self.limiting.rates);
            }
        }
        if let Some(listing) = self.limiting.listings.get_mut(id as usize) {
            *listing = None;
        }
        self.limiting.watch.forget(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::Admission;
    use crate::config::Flags;
    use crate::rate::Rate;

    /// What a connection is held to, by the name of its user (or none).
    fn enrolled(rates: Rates, user: Option<&str>) -> Meter {
        let mut config = Config::from_flags(Flags::default()).unwrap();
        config.rates = rates;
        let permit = Admission::new(1, None).enter([127, 0, 0, 1].into()).unwrap();
        let visitor = Visitor { address: [127, 0, 0, 1].into(), user: user.map(Into::into) };
        let mut limiting = Limiting::new(&config, 1 << 18);
        let meter = limiting.enrol(7, &visitor, &permit, 0);
        assert_eq!(limiting.listings.get(7).is_some_and(Option::is_some), meter == Meter::Listed);
        assert_eq!(limiting.buckets.get(7).is_some(), meter != Meter::Off);
        meter
    }

    #[test]
    fn a_connection_is_listed_only_where_its_own_bucket_does_not_do() {
        let (some, other) = (Some(Rate::messages(1.0, 1)), Rates::default());
        for (rates, nobody, alice) in [
            (other, Meter::Off, Meter::Off),
            (Rates { anonymous: some, user: some, ..other }, Meter::Anonymous, Meter::User),
            (Rates { anonymous: some, ..other }, Meter::Anonymous, Meter::Off),
            (Rates { user: some, by: RateBy::User, ..other }, Meter::Off, Meter::Listed),
            (Rates { anonymous: some, by: RateBy::Address, ..other }, Meter::Listed, Meter::Off),
            (Rates { bytes: Some(Rate::bytes(1, 1)), ..other }, Meter::Listed, Meter::Listed),
            (Rates { room: some, ..other }, Meter::Off, Meter::Off),
        ] {
            assert_eq!((enrolled(rates, None), enrolled(rates, Some("alice"))), (nobody, alice), "{rates:?}");
        }
    }
}
