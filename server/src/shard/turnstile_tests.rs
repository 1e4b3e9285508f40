use std::net::IpAddr;
use std::sync::Arc;

use super::*;
use crate::rate::{Meter, Rate};
use crate::shares::{Key, Shares};

const SECOND: u64 = 1_000_000_000;

/// A connection's limits, and what they did.
struct Sender {
    rates: Rates,
    meter: Meter,
    bucket: Bucket,
    room: Bucket,
    listing: Option<Listing>,
    counts: Limited,
}

impl Sender {
    fn new(rates: Rates, meter: Meter, listing: Option<Listing>) -> Self {
        let (bucket, room) = (Bucket::default(), Bucket::default());
        Self { rates, meter, bucket, room, listing, counts: Limited::default() }
    }

    /// One read of messages of these lengths: which pass, and what came of it.
    fn read(&mut self, now: u64, waited: bool, lengths: &[usize]) -> (Vec<usize>, Passage) {
        let mut spare = Bucket::default();
        let mut turnstile = Turnstile::open(&self.rates, self.meter, &mut spare, &mut self.counts, now);
        match (self.rates.own(self.meter), &mut self.listing) {
            (Some(rate), _) => turnstile.count_by(rate, &mut self.bucket),
            (None, Some(listing)) => turnstile.count_all(listing, &mut self.bucket),
            (None, None) => {}
        }
        turnstile.goes_to_room(&mut self.room);
        if waited {
            turnstile.after_delay();
        }
        let mut passed = Vec::new();
        for len in lengths {
            match turnstile.pass(Opcode::Binary, &vec![0; *len]) {
                Ok(()) => passed.push(*len),
                Err(Flow::Continue) => {}
                Err(Flow::Pause) => break,
            }
        }
        (passed, turnstile.into_passage())
    }
}

fn rates(policy: RatePolicy) -> Rates {
    Rates { policy, anonymous: Some(Rate::messages(1.0, 2)), ..Rates::default() }
}

fn delayed(passage: Passage) -> (u64, usize, Cause) {
    match passage.excess.as_deref() {
        Some(Excess::Delay(Delayed { until, message, cause })) => (*until, message.payload.len(), *cause),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_user_without_a_limit_is_held_to_the_rooms_alone_and_not_to_that_of_others() {
    for policy in [RatePolicy::Drop, RatePolicy::Disconnect, RatePolicy::Delay] {
        let rates = Rates { room: Some(Rate::messages(1.0, 5)), ..rates(policy) };
        let mut sender = Sender::new(rates, Meter::Off, None);
        let (passed, _) = sender.read(0, false, &[1; 9]);
        assert_eq!(passed.len(), 5, "{policy:?}");
        assert_eq!(sender.counts.room.dropped, 4);
        assert_eq!(sender.bucket, Bucket::default(), "nobody's bucket is touched");
        assert_eq!((sender.counts.connection.delayed, sender.counts.connection.disconnected), (0, 0));
    }
}

#[test]
fn without_limits_everything_passes() {
    let mut sender = Sender::new(Rates::default(), Meter::Off, None);
    let (passed, passage) = sender.read(0, false, &[1; 1000]);
    assert_eq!((passed.len(), passage.excess.is_none(), passage.completed), (1000, true, true));
    assert!(!sender.read(0, false, &[]).1.completed);
}

#[test]
fn drop_lets_the_burst_pass_and_counts_the_rest() {
    let mut sender = Sender::new(rates(RatePolicy::Drop), Meter::Anonymous, None);
    let (passed, passage) = sender.read(0, false, &[1, 2, 3, 4, 5]);
    assert_eq!(passed, [1, 2]);
    assert!(matches!(passage.excess.as_deref(), Some(Excess::Dropped { cause: Cause::Connection, messages: 3, .. })));
    assert_eq!(sender.counts.connection.dropped, 3);
    assert_eq!(sender.read(SECOND, false, &[6, 7]).0, [6]);
}

#[test]
fn disconnect_lets_nothing_pass_any_more_and_counts_once() {
    let rates = Rates { bytes: Some(Rate::bytes(10, 10)), ..rates(RatePolicy::Disconnect) };
    let mut sender = Sender::new(rates, Meter::Listed, Some(Listing::new(Class::Anonymous, None)));
    // The second is too large, the third alone would be small enough.
    let (passed, passage) = sender.read(0, false, &[5, 9, 1]);
    assert_eq!(passed, [5]);
    assert!(matches!(passage.excess.as_deref(), Some(Excess::Disconnect { cause: Cause::Bytes, .. })));
    assert_eq!(sender.counts.bytes.disconnected, 1);
}

#[test]
fn delay_keeps_the_message_until_its_time_and_loses_none() {
    let mut sender = Sender::new(rates(RatePolicy::Delay), Meter::Anonymous, None);
    let (passed, passage) = sender.read(0, false, &[1, 2, 3, 4]);
    assert_eq!((passed, delayed(passage)), (vec![1, 2], (SECOND, 3, Cause::Connection)));
    // It has paid already: the next has to wait for another token.
    let (passed, passage) = sender.read(SECOND, true, &[3, 4]);
    assert_eq!((passed, delayed(passage)), (vec![3], (2 * SECOND, 4, Cause::Connection)));
    assert_eq!(sender.counts.connection.delayed, 2);
}

#[test]
fn delay_waits_for_the_limit_that_takes_longest() {
    let rates = Rates { bytes: Some(Rate::bytes(100, 100)), ..rates(RatePolicy::Delay) };
    let mut sender = Sender::new(rates, Meter::Listed, Some(Listing::new(Class::Anonymous, None)));
    let (passed, passage) = sender.read(0, false, &[100, 50]);
    assert_eq!((passed, delayed(passage)), (vec![100], (SECOND / 2, 50, Cause::Bytes)));
    let (passed, passage) = sender.read(SECOND / 2, true, &[50, 0]);
    assert_eq!((passed, delayed(passage)), (vec![50], (SECOND, 0, Cause::Connection)));
}

#[test]
fn who_shares_a_bucket_waits_in_turn_and_gives_its_turn_back_when_it_goes() {
    let shares = Arc::<Shares>::default();
    let rates = Rates { by: RateBy::Address, ..rates(RatePolicy::Delay) };
    let listing = || {
        let key = Key::address(IpAddr::from([127, 0, 0, 1]), Class::Anonymous);
        Some(Listing::new(Class::Anonymous, Some(shares.of(key, 0))))
    };
    let mut senders = [0; 3].map(|_| Sender::new(rates, Meter::Listed, listing()));
    let [one, two, three] = &mut senders;
    assert_eq!(delayed(one.read(0, false, &[1, 1, 1]).1), (SECOND, 1, Cause::Address));
    assert_eq!(delayed(two.read(0, false, &[1]).1), (2 * SECOND, 1, Cause::Address));
    two.listing.as_mut().unwrap().give_back(&rates);
    assert_eq!(delayed(three.read(0, false, &[1]).1).0, 2 * SECOND);
}

#[test]
fn a_user_is_told_from_an_address_and_has_its_own_limit() {
    let shares = Arc::<Shares>::default();
    let rates = Rates { by: RateBy::User, user: Some(Rate::messages(1.0, 5)), ..rates(RatePolicy::Drop) };
    let share = shares.of(Key::User("alice".into()), 0);
    let mut alice = Sender::new(rates, Meter::Listed, Some(Listing::new(Class::User, Some(share))));
    let share = shares.of(Key::address(IpAddr::from([127, 0, 0, 1]), Class::Anonymous), 0);
    let mut nobody = Sender::new(rates, Meter::Listed, Some(Listing::new(Class::Anonymous, Some(share))));
    assert_eq!(alice.read(0, false, &[1; 9]).0.len(), 5);
    assert_eq!(nobody.read(0, false, &[1; 9]).0.len(), 2);
    assert_eq!((alice.counts.user.dropped, nobody.counts.address.dropped), (4, 7));
}

#[test]
fn a_rooms_limit_drops_under_every_policy_and_after_the_senders_own() {
    for policy in [RatePolicy::Drop, RatePolicy::Disconnect, RatePolicy::Delay] {
        let rates = Rates { policy, room: Some(Rate::messages(1.0, 3)), ..Rates::default() };
        let mut sender = Sender::new(rates, Meter::Off, None);
        let (passed, passage) = sender.read(0, false, &[1; 10]);
        assert_eq!(passed.len(), 3);
        assert!(matches!(passage.excess.as_deref(), Some(Excess::Dropped { cause: Cause::Room, messages: 7, .. })));
        assert_eq!(sender.counts.room.dropped, 7);
    }
}

#[test]
fn a_rooms_limit_does_not_hold_those_to_a_rate_who_have_none() {
    let rates = Rates { room: Some(Rate::messages(1.0, 100)), ..rates(RatePolicy::Drop) };
    let mut user = Sender::new(rates, Meter::Off, None);
    assert_eq!(user.read(0, false, &[1; 50]).0.len(), 50);
}

#[test]
fn one_read_or_many_take_the_same_tokens() {
    let mut sender = Sender::new(rates(RatePolicy::Drop), Meter::Anonymous, None);
    assert_eq!(sender.read(0, false, &[1]).0.len(), 1);
    assert_eq!(sender.read(SECOND, false, &[1; 9]).0.len(), 2);
    assert_eq!(sender.read(SECOND * 3 / 2, false, &[1; 9]).0.len(), 0);
    assert_eq!(sender.read(SECOND * 2, false, &[1; 9]).0.len(), 1);
}
