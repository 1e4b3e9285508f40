use std::num::NonZeroU32;
use std::ops::Add;
use std::sync::atomic::AtomicU64 as Hands;
use std::sync::{Arc, Barrier};
use std::thread;

use governor::clock::{Clock, Reference};
use governor::nanos::Nanos;
use governor::{Quota, RateLimiter};
use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

/// A moment of the oracle's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct At(u64);

impl Add<Nanos> for At {
    type Output = Self;

    fn add(self, time: Nanos) -> Self {
        Self(self.0 + time.as_u64())
    }
}

impl Reference for At {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, time: Nanos) -> Self {
        Self(self.0.saturating_sub(time.as_u64()))
    }
}

/// A clock that shows what it is set to, backwards too.
#[derive(Debug, Clone)]
struct Watch(Arc<Hands>);

impl Clock for Watch {
    type Instant = At;

    fn now(&self) -> At {
        At(self.0.load(Ordering::Relaxed))
    }
}

fn passes(limit: &Limit, bucket: &mut Bucket, times: impl Iterator<Item = u64>) -> u64 {
    times.filter(|now| bucket.take(limit, *now, 1) == Decision::Pass).count() as u64
}

#[test]
fn ten_a_second_with_a_burst_of_twenty_let_620_of_a_minutes_flood_through() {
    let start = 123_456_789;
    for step in [1_000_000, 333_333, 7_777_777] {
        let mut bucket = Bucket::default();
        let flood = (0..60 * SECOND).step_by(step).map(|t| start + t);
        let passed = passes(&Limit::messages(10.0, 20), &mut bucket, flood);
        assert!((619..=621).contains(&passed), "{passed} every {step} ns");
    }
}

#[test]
fn what_waits_is_told_how_long_and_passes_then() {
    let limit = Limit::messages(10.0, 2);
    let mut bucket = Bucket::default();
    assert_eq!(passes(&limit, &mut bucket, [5, 5].into_iter()), 2);
    assert_eq!(bucket.take(&limit, 5, 1), Decision::Wait(SECOND / 10));
    assert_eq!(bucket.take(&limit, 5 + SECOND / 10 - 1, 1), Decision::Wait(1));
    assert_eq!(bucket.look(&limit, 5 + SECOND / 10, 1), Decision::Pass);
    assert_eq!(bucket.take(&limit, 5 + SECOND / 10, 1), Decision::Pass);
    assert!(!bucket.is_full(5 + SECOND / 10) && bucket.is_full(5 + SECOND));
}

#[test]
fn reservations_come_one_interval_apart_and_can_be_given_back() {
    let limit = Limit::messages(1.0, 1);
    let mut bucket = Bucket::default();
    let waits: Vec<u64> = (0..4).map(|_| bucket.reserve(&limit, 0, 1)).collect();
    assert_eq!(waits, [0, SECOND, 2 * SECOND, 3 * SECOND]);
    bucket.give_back(&limit, 2);
    assert_eq!(bucket.reserve(&limit, 0, 1), 2 * SECOND);
}

#[test]
fn more_than_the_burst_passes_when_the_bucket_is_full_and_is_paid_for() {
    let limit = Limit::bytes(1000, 2000);
    let mut bucket = Bucket::default();
    assert_eq!(bucket.take(&limit, 0, 5000), Decision::Pass);
    assert_eq!(bucket.take(&limit, 0, 1), Decision::Wait(3 * SECOND + SECOND / 1000));
    assert_eq!(bucket.take(&limit, 0, 9999), Decision::Wait(5 * SECOND));
    assert_eq!(bucket.take(&limit, 5 * SECOND, 9999), Decision::Pass);
}

#[test]
fn bytes_at_several_gigabytes_a_second_are_counted_to_a_thousandth() {
    let limit = Limit::bytes(3_000_000_000, 1 << 20);
    let mut bucket = Bucket::default();
    let passed = (0..SECOND).step_by(100_000).map(|now| {
        let mut taken = 0;
        while bucket.take(&limit, now, 65_536) == Decision::Pass {
            taken += 65_536;
        }
        taken
    });
    let passed: u64 = passed.sum();
    assert!(passed.abs_diff(3_000_000_000) < 3_000_000 + (1 << 20), "{passed}");
}

#[test]
fn no_clock_and_no_limit_overflows() {
    let limits = [
        Limit::messages(f64::MIN_POSITIVE, u32::MAX),
        Limit::messages(f64::INFINITY, 1),
        Limit::messages(f64::NAN, 0),
        Limit::bytes(0, u64::MAX),
        Limit::bytes(u64::MAX, 0),
    ];
    for limit in limits {
        let mut bucket = Bucket::default();
        for now in [0, u64::MAX, 5, u64::MAX - 1, 0] {
            for n in [0, 1, u64::MAX] {
                let _ = bucket.take(&limit, now, n);
                let _ = bucket.reserve(&limit, now, n);
                bucket.give_back(&limit, n);
            }
        }
    }
    let mut bucket = Bucket::default();
    let limit = Limit::messages(10.0, 1);
    assert_eq!(bucket.take(&limit, 100 * SECOND, 1), Decision::Pass);
    assert_eq!(bucket.take(&limit, 0, 1), Decision::Wait(100 * SECOND + SECOND / 10), "the clock went back");
    assert_eq!(bucket.take(&limit, u64::MAX, 1), Decision::Pass, "far into the future");
}

#[test]
fn threads_that_share_a_bucket_get_together_what_one_would_get() {
    let (limit, bucket) = (Limit::messages(1e6, 500), Arc::new(SharedBucket::default()));
    let together = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (bucket, together) = (Arc::clone(&bucket), Arc::clone(&together));
            thread::spawn(move || {
                together.wait();
                (0..10_000).filter(|i| bucket.take(&limit, i / 10, 1) == Decision::Pass).count()
            })
        })
        .collect();
    let passed: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    // The last moment that any of them knows is 999 ns, in which no token comes back.
    assert_eq!(passed, 500);
}

proptest! {
    /// The same decisions as another implementation, for any sequence of times, also backwards. (Its `n` is at most the burst: more it
    /// refuses for good, and we let it pass once the bucket is full.)
    #[test]
    fn the_bucket_decides_as_governor_does(
        rate in 1_u32..2_000_000,
        burst in 1_u32..100,
        steps in proptest::collection::vec((0_u8..10, 0_u64..3_000, 1_u32..100), 1..400),
    ) {
        let (Some(per_second), Some(at_once)) = (NonZeroU32::new(rate), NonZeroU32::new(burst)) else { return Ok(()) };
        let start = 1 << 40;
        let hands = Arc::new(Hands::new(start));
        let oracle =
            RateLimiter::direct_with_clock(Quota::per_second(per_second).allow_burst(at_once), Watch(Arc::clone(&hands)));
        let limit = Limit::messages(f64::from(rate), burst);
        let mut bucket = Bucket::default();
        let interval = SECOND / u64::from(rate);
        let mut now = start;
        for (way, thousandths, n) in steps {
            let by = interval * thousandths / 1000;
            // Never before its start, which governor does not foresee.
            now = if way == 0 { now.saturating_sub(by).max(start) } else { now + by };
            hands.store(now, Ordering::Relaxed);
            let n = n.min(burst);
            let Some(many) = NonZeroU32::new(n) else { return Ok(()) };
            let expected = matches!(oracle.check_n(many), Ok(Ok(())));
            let decision = bucket.take(&limit, now, u64::from(n));
            prop_assert_eq!(decision == Decision::Pass, expected, "at {}, {} tokens", now - start, n);
        }
    }

    /// However many are taken at once, they are the same tokens, and what is given back can be taken again.
    #[test]
    fn tokens_taken_together_are_tokens_taken_one_by_one(
        rate in 0.1_f64..1e7,
        burst in 1_u32..100,
        steps in proptest::collection::vec((0_u64..3_000_000, 0_u64..50, 0_u64..50), 1..100),
    ) {
        let limit = Limit::messages(rate, burst);
        let [mut together, mut one_by_one, mut plain] = [Bucket::default(); 3];
        let mut now = 1000;
        for (by, wanted, returned) in steps {
            now += by;
            let tokens = together.take_up_to(&limit, now, wanted);
            let passed = (0..wanted).filter(|_| one_by_one.take_one(&limit, now) == Decision::Pass).count() as u64;
            let expected = (0..wanted).filter(|_| plain.take(&limit, now, 1) == Decision::Pass).count() as u64;
            prop_assert_eq!((tokens, passed), (expected, expected));
            // One that is full says so by any time gone by.
            let state = |bucket: Bucket| bucket.full.max(now);
            prop_assert_eq!((state(together), state(one_by_one)), (state(plain), state(plain)));
            for bucket in [&mut together, &mut one_by_one, &mut plain] {
                bucket.give_back(&limit, returned.min(tokens));
            }
        }
    }

    /// Waiting as long as told is enough, and no shorter time is.
    #[test]
    fn the_wait_is_exact(rate in 0.1_f64..1e6, burst in 1_u32..50, n in 1_u64..50, taken in 0_u64..200) {
        let limit = Limit::messages(rate, burst);
        let mut bucket = Bucket::default();
        bucket.reserve(&limit, 1000, taken);
        if let Decision::Wait(wait) = bucket.take(&limit, 1000, n) {
            prop_assert_eq!(bucket.look(&limit, 1000 + wait - 1, n), Decision::Wait(1));
            prop_assert_eq!(bucket.look(&limit, 1000 + wait, n), Decision::Pass);
        }
    }
}
