//! Pure: lets the messages of one read pass one by one, as the limits on their sender and their room allow.

use wire::{Flow, Opcode};

use super::delays::Delayed;
use crate::bucket::{Bucket, Decision};
use crate::rate::{Cause, Class, Limited, Meter, Rate, RateBy, RatePolicy, Rates};
use crate::session::Held;
use crate::shares::Share;

/// Tokens taken at once from a connection's own bucket, after the first.
const AT_ONCE: u64 = 64;

/// What is known of a connection whose limits need more than its own bucket of messages.
#[derive(Debug)]
pub struct Listing {
    class: Class,
    /// The bucket of messages, if it is one of several connections.
    share: Option<Share>,
    bytes: Bucket,
}

impl Listing {
    pub fn new(class: Class, share: Option<Share>) -> Self {
        Self { class, share, bytes: Bucket::default() }
    }

    /// Gives back the tokens of a message that waited and will never be.
    pub fn give_back(&mut self, rates: &Rates) {
        if let (Some(share), Some(rate)) = (&self.share, rates.of(self.class)) {
            share.bucket().give_back(&rate.limit, 1);
        }
    }

    /// What the connection's messages are counted by.
    fn cause(&self, by: RateBy) -> Cause {
        match (by, self.class) {
            (RateBy::Connection, _) => Cause::Connection,
            (RateBy::User, Class::User) => Cause::User,
            (RateBy::Address, _) | (RateBy::User, Class::Anonymous) => Cause::Address,
        }
    }
}

/// What limits did to a read: the last word on it.
#[derive(Debug)]
pub enum Excess {
    /// So many of its messages were dropped, the last by this limit.
    Dropped { cause: Cause, class: Class, messages: u32 },
    /// Its sender is to be closed.
    Disconnect { cause: Cause, class: Class },
    /// Its sender is not to be read until then.
    Delay(Delayed),
}

/// What came of a read beside its messages.
#[derive(Debug)]
pub struct Passage {
    /// Boxed because it is rare and every read hands this over.
    pub excess: Option<Box<Excess>>,
    /// Pings and pongs.
    pub controls: u32,
    /// Whether a message ended in it, so that one that has not ended began in it.
    pub completed: bool,
}

impl Passage {
    /// Whether there is anything to do about it.
    #[inline]
    pub fn is_remarkable(&self) -> bool {
        self.excess.is_some() || self.controls > 0
    }
}

/// The limits on one connection, for the length of one read.
///
/// Tokens of its own bucket are taken beforehand: one at the beginning, because most reads hold one message, and then many at once. What is
/// left is given back at the end. So a message that passes costs one decrement, limited or not.
#[derive(Debug)]
pub struct Turnstile<'a> {
    /// Messages that pass without a further look.
    free: u64,
    /// What `free` was at the beginning.
    given: u64,
    meter: Meter,
    /// Messages that have no free passage are looked at by everything that there may be, not by the connection's own bucket alone.
    by_all: bool,
    now: u64,
    bucket: &'a mut Bucket,
    room: Option<&'a mut Bucket>,
    listing: Option<&'a mut Listing>,
    rates: &'a Rates,
    counts: &'a mut Limited,
    /// The first message has waited and goes through.
    waited: bool,
    passage: Passage,
}

impl<'a> Turnstile<'a> {
    /// In front of a connection with such a meter: everything passes, until it is counted. `bucket` stands for its own until there is one.
    #[inline]
    pub fn open(rates: &'a Rates, meter: Meter, bucket: &'a mut Bucket, counts: &'a mut Limited, now: u64) -> Self {
        Self {
            free: u64::MAX,
            given: u64::MAX,
            meter,
            by_all: false,
            now,
            bucket,
            room: None,
            listing: None,
            rates,
            counts,
            waited: false,
            passage: Passage { excess: None, controls: 0, completed: false },
        }
    }

    /// Counts messages by the connection's own bucket, which is held to `rate`.
    #[inline]
    pub fn count_by(&mut self, rate: &Rate, bucket: &'a mut Bucket) {
        let first = match bucket.take_one(&rate.limit, self.now) {
            Decision::Pass => 1,
            Decision::Wait(_) => 0,
        };
        (self.free, self.given, self.bucket) = (first, first, bucket);
    }

    /// Counts by what is listed of the connection, and by its own bucket.
    pub fn count_all(&mut self, listing: &'a mut Listing, bucket: &'a mut Bucket) {
        (self.free, self.given, self.by_all) = (0, 0, true);
        (self.listing, self.bucket) = (Some(listing), bucket);
    }

    /// What passes goes into a room whose bucket this is.
    #[inline]
    pub fn goes_to_room(&mut self, bucket: &'a mut Bucket) {
        if self.rates.room.is_some() {
            self.room = Some(bucket);
            self.look_at_all();
        }
    }

    /// The first message has waited for its time, and has paid.
    pub fn after_delay(&mut self) {
        self.waited = true;
        self.look_at_all();
    }

    /// Lets a message pass, or says how to go on without it.
    ///
    /// # Errors
    /// It was dropped, or is kept to wait; whether the next may be looked at.
    #[inline]
    pub fn pass(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Flow> {
        match self.free.checked_sub(1) {
            Some(left) => {
                self.free = left;
                Ok(())
            }
            None => self.look_at(opcode, payload),
        }
    }

    /// Counts a ping or pong.
    #[inline]
    pub fn control(&mut self) {
        self.passage.controls += 1;
    }

    /// What came of the read.
    #[inline]
    pub fn into_passage(mut self) -> Passage {
        self.passage.completed |= self.free != self.given;
        if self.meter.is_own() && self.free > 0 {
            self.give_back();
        }
        self.passage
    }

    /// What the connection's messages are limited as.
    fn class(&self) -> Class {
        match (self.meter, self.listing.as_deref()) {
            (_, Some(listing)) => listing.class,
            (Meter::User, None) => Class::User,
            (Meter::Off | Meter::Anonymous | Meter::Listed, None) => Class::Anonymous,
        }
    }

    /// The limit on the connection's messages, if there is one.
    fn limit(&self) -> Option<&'a Rate> {
        match self.meter {
            Meter::Off => None,
            Meter::Anonymous | Meter::User | Meter::Listed => self.rates.of(self.class()),
        }
    }

    /// Lets nothing pass freely any more, before anything has passed.
    fn look_at_all(&mut self) {
        if self.meter.is_own() {
            self.give_back();
        }
        (self.free, self.given, self.by_all) = (0, 0, true);
    }

    /// Gives back what was taken from the connection's own bucket beforehand.
    #[cold]
    fn give_back(&mut self) {
        if let Some(rate) = self.limit() {
            self.bucket.give_back(&rate.limit, self.free);
        }
    }

    /// Takes more from the connection's own bucket beforehand, one of them for a message that is here.
    /// `None` if there are none.
    fn take_more(&mut self) -> Option<()> {
        let rate = self.limit()?;
        self.free = self.bucket.take_up_to(&rate.limit, self.now, AT_ONCE).checked_sub(1)?;
        Some(())
    }

    #[inline(never)]
    fn look_at(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Flow> {
        self.passage.completed = true;
        if matches!(self.passage.excess.as_deref(), Some(Excess::Disconnect { .. })) {
            return Err(Flow::Continue);
        }
        if !self.by_all && self.take_more().is_some() {
            return Ok(());
        }
        if !std::mem::take(&mut self.waited) {
            let taken = match self.rates.policy {
                RatePolicy::Delay => self.reserve(payload.len() as u64),
                RatePolicy::Drop | RatePolicy::Disconnect => self.take(payload.len() as u64),
            };
            if let Err((cause, wait)) = taken {
                return Err(self.beyond(cause, wait, opcode, payload));
            }
        }
        if let (Some(bucket), Some(rate)) = (&mut self.room, &self.rates.room)
            && bucket.take(&rate.limit, self.now, 1) != Decision::Pass
        {
            self.drop_one(Cause::Room);
            return Err(Flow::Continue);
        }
        Ok(())
    }

    /// Takes the tokens of a message from all of its sender's buckets, or from none.
    fn take(&mut self, len: u64) -> Result<(), (Cause, u64)> {
        let bytes = self.rates.bytes.as_ref();
        if let (Some(rate), Some(listing)) = (bytes, self.listing.as_deref())
            && let Decision::Wait(wait) = listing.bytes.look(&rate.limit, self.now, len)
        {
            return Err((Cause::Bytes, wait));
        }
        if let Some(rate) = self.limit() {
            let (decision, cause) = match self.listing.as_deref() {
                Some(listing @ Listing { share: Some(share), .. }) => {
                    (share.bucket().take(&rate.limit, self.now, 1), listing.cause(self.rates.by))
                }
                _ => (self.bucket.take(&rate.limit, self.now, 1), Cause::Connection),
            };
            if let Decision::Wait(wait) = decision {
                return Err((cause, wait));
            }
        }
        if let (Some(rate), Some(listing)) = (bytes, self.listing.as_deref_mut()) {
            listing.bytes.reserve(&rate.limit, self.now, len);
        }
        Ok(())
    }

    /// As [`take`](Self::take), but from the future if need be; then what it waits for longest is the cause.
    fn reserve(&mut self, len: u64) -> Result<(), (Cause, u64)> {
        let mut longest = (Cause::Connection, 0);
        if let Some(rate) = self.limit() {
            longest = match self.listing.as_deref() {
                Some(listing @ Listing { share: Some(share), .. }) => {
                    (listing.cause(self.rates.by), share.bucket().reserve(&rate.limit, self.now, 1))
                }
                _ => (Cause::Connection, self.bucket.reserve(&rate.limit, self.now, 1)),
            };
        }
        if let (Some(rate), Some(listing)) = (&self.rates.bytes, self.listing.as_deref_mut()) {
            let wait = listing.bytes.reserve(&rate.limit, self.now, len);
            if wait > longest.1 {
                longest = (Cause::Bytes, wait);
            }
        }
        if longest.1 > 0 { Err(longest) } else { Ok(()) }
    }

    /// What the policy says about a message beyond a limit, which may pass in `wait` nanoseconds.
    fn beyond(&mut self, cause: Cause, wait: u64, opcode: Opcode, payload: &[u8]) -> Flow {
        match self.rates.policy {
            RatePolicy::Drop => {
                self.drop_one(cause);
                Flow::Continue
            }
            RatePolicy::Disconnect => {
                self.counts.by(cause).disconnected += 1;
                // A close frame of the peer may still come in this read, so the rest is looked at; no message of it passes.
                self.passage.excess = Some(Box::new(Excess::Disconnect { cause, class: self.class() }));
                Flow::Continue
            }
            RatePolicy::Delay => {
                self.counts.by(cause).delayed += 1;
                let message = Held { opcode, payload: payload.to_vec() };
                let until = self.now.saturating_add(wait);
                self.passage.excess = Some(Box::new(Excess::Delay(Delayed { until, message, cause })));
                Flow::Pause
            }
        }
    }

    fn drop_one(&mut self, cause: Cause) {
        self.counts.by(cause).dropped += 1;
        let before = match self.passage.excess.as_deref() {
            Some(Excess::Dropped { messages, .. }) => *messages,
            _ => 0,
        };
        self.passage.excess = Some(Box::new(Excess::Dropped { cause, class: self.class(), messages: before + 1 }));
    }
}

#[cfg(test)]
#[path = "turnstile_tests.rs"]
mod tests;
