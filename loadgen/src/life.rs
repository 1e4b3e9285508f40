//! How connections leave and come back: churn, backoff, and what happens to them at the start of a phase. Pure, and seeded.

use std::time::Duration;

use crate::seeded::Seeded;

/// People who come and go: planned leaves, and a return after each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Churn {
    /// How long a connection stays open on average. Sessions are drawn from an exponential distribution: whoever has been here for an
    /// hour is as likely to leave in the next second as whoever has just come, so leaves come evenly from the first second on.
    pub session: Duration,
    /// How long it stays away: drawn evenly between these.
    pub offline: (Duration, Duration),
}

/// How a connection that was closed comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    /// After which ends.
    pub on: On,
    /// The first wait and the longest: each is twice the one before.
    pub backoff: (Duration, Duration),
    /// How waits are drawn.
    pub jitter: Jitter,
    /// Whether it asks for what it missed.
    pub resume: Resume,
}

/// Which ends a connection comes back after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// All.
    Any,
    /// Those without a close frame: a reset, the end of the stream, an error of the network.
    Drop,
}

/// How the wait before a try is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// Everybody waits exactly as long: a thundering herd.
    None,
    /// Half of the wait, and as much again at random.
    Equal,
    /// Anything up to the wait ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
    Full,
}

/// Whether a connection that comes back asks for what it missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// With `?resume=` and the cursor that the server gave.
    Ask,
    /// It goes on with what is new.
    Never,
}

/// What is done to connections when a phase starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AtStart {
    /// The server that we started gets this signal, and is started again on the same port once it has ended.
    Restart(Stop),
    /// This share of the subscribers' connections is reset by the client's side, without a goodbye.
    Cut(f64),
}

/// How a server is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// SIGTERM: it may say goodbye.
    Terminate,
    /// SIGKILL: it cannot.
    Kill,
}

/// What is random in the life of connection `index` of a group.
pub fn draws(seed: u64, group: u16, index: u32) -> Seeded {
    Seeded::new(seed, [u64::from(group) << 32 | u64::from(index), 0x6c69_6665])
}

/// Whether connection `index` of a group is among `share` of them: even over any number of rooms, as multiples of the golden ratio fill
/// the unit evenly and keep step with no whole number.
pub fn is_among(index: u32, share: f64) -> bool {
    const GOLDEN_RATIO: f64 = 0.618_033_988_749_894_9;
    (f64::from(index) * GOLDEN_RATIO).fract() < share
}

impl Churn {
    /// How long the next session lasts, nanoseconds.
    pub fn session(&self, draws: &mut Seeded) -> u64 {
        (self.session.as_nanos() as f64 * draws.exponential()) as u64
    }

    /// How long it stays away then, nanoseconds.
    pub fn offline(&self, draws: &mut Seeded) -> u64 {
        let (least, most) = (self.offline.0.as_nanos() as u64, self.offline.1.as_nanos() as u64);
        least + draws.below(most.saturating_sub(least) + 1)
    }
}

impl Reconnect {
    /// The wait before try `attempt`, counted from 0, nanoseconds.
    pub fn delay(&self, attempt: u32, draws: &mut Seeded) -> u64 {
        let (first, most) = (self.backoff.0.as_nanos() as u64, self.backoff.1.as_nanos() as u64);
        // Doubling a nanosecond 63 times is more than anybody waits.
        let wait = first.saturating_mul(1 << attempt.min(63)).min(most);
        match self.jitter {
            Jitter::None => wait,
            Jitter::Equal => wait / 2 + draws.below(wait / 2 + 1),
            Jitter::Full => draws.below(wait + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    fn delays(jitter: Jitter) -> Vec<u64> {
        let reconnect = Reconnect { on: On::Any, backoff: (ms(500), ms(3000)), jitter, resume: Resume::Never };
        let mut draws = draws(1, 0, 0);
        (0..5).map(|attempt| reconnect.delay(attempt, &mut draws) / 1_000_000).collect()
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        assert_eq!(delays(Jitter::None), [500, 1000, 2000, 3000, 3000]);
        assert!(delays(Jitter::Equal).iter().zip([500, 1000, 2000, 3000, 3000]).all(|(d, w)| *d >= w / 2 && *d <= w));
        assert!(delays(Jitter::Full).iter().zip([500, 1000, 2000, 3000, 3000]).all(|(d, w)| *d <= w));
    }

    #[test]
    fn a_wait_of_any_attempt_is_finite() {
        let reconnect = Reconnect { on: On::Any, backoff: (ms(1), ms(9)), jitter: Jitter::None, resume: Resume::Ask };
        assert_eq!(reconnect.delay(u32::MAX, &mut draws(1, 0, 0)), 9_000_000);
    }

    #[test]
    fn full_jitter_spreads_evenly_from_nothing_to_the_wait() {
        let full =
            Reconnect { on: On::Any, backoff: (ms(1000), ms(1000)), jitter: Jitter::Full, resume: Resume::Never };
        let mut tenths = [0; 10];
        for index in 0..10_000 {
            tenths[(full.delay(0, &mut draws(7, 0, index)) / 100_000_001) as usize] += 1;
        }
        assert!(tenths.iter().all(|n| (850..1150).contains(n)), "{tenths:?}");
    }

    #[test]
    fn sessions_have_the_mean_that_was_asked_for_and_absences_stay_within_theirs() {
        let churn = Churn { session: ms(90_000), offline: (ms(1000), ms(5000)) };
        let mut draws = draws(3, 1, 2);
        let mean = (0..20_000).map(|_| churn.session(&mut draws) as f64).sum::<f64>() / 20_000.0 / 1e9;
        assert!((87.0..93.0).contains(&mean), "{mean}");
        assert!((0..1000).all(|_| (1_000_000_000..=5_000_000_000).contains(&churn.offline(&mut draws))));
    }

    #[test]
    fn a_share_is_cut_evenly_in_every_room() {
        for rooms in 1..=7 {
            for room in 0..rooms {
                let cut = (0..7000).filter(|i| i % rooms == room && is_among(*i, 0.5)).count() as f64;
                let members = (0..7000).filter(|i| i % rooms == room).count() as f64;
                assert!((cut / members - 0.5).abs() < 0.01, "room {room} of {rooms}: {cut} of {members}");
            }
        }
        assert!((0..1000).all(|i| is_among(i, 1.0)));
    }
}
