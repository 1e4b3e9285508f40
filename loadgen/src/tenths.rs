//! Counts in ten steps a decade: small enough to keep one for every second of a run.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where the steps of a decade begin: the preferred numbers R10 of ISO 3, as whole microseconds from 10 us on.
const DECADE: [u64; 10] = [10, 13, 16, 20, 25, 32, 40, 50, 63, 80];

/// How often latencies fell into each step: below 10 us, then ten steps a decade (10, 13, 16, 20, 25, 32, 40, 50, 63, 80, 100 us, ...).
///
/// Written as one string, the first step that has any and then the counts: `"21 4 0 17"` is 4 in step 21 (1 to 1.3 ms) and 17 in step 23;
/// nothing is `""`. A second of a broadcast takes about 100 bytes where its whole histogram takes thousands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tenths {
    counts: Vec<u64>,
}

/// Why a string is not one of [`Tenths`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a step and its counts, such as `21 4 0 17`; the file was changed or cut short, take the original"
)]
pub struct TenthsError(String);

impl Tenths {
    /// The steps of values, in microseconds, and how often each was seen.
    #[must_use]
    pub fn of(values: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut tenths = Self::default();
        values.for_each(|(us, n)| tenths.add(step_of(us), n));
        tenths
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (step, &n) in other.counts.iter().enumerate().filter(|(_, n)| **n > 0) {
            self.add(step, n);
        }
    }

    fn add(&mut self, step: usize, n: u64) {
        if self.counts.len() <= step {
            self.counts.resize(step + 1, 0);
        }
        self.counts[step] += n;
    }

    /// How many there are in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|&n| n == 0)
    }

    /// The steps that have any, from the lowest: its number and how many.
    pub fn steps(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.counts.iter().copied().enumerate().filter(|(_, n)| *n > 0)
    }
}

/// The first value of a step, in microseconds; its last is one less than that of the next step.
#[must_use]
pub fn lowest_of_step(step: usize) -> u64 {
    match step.checked_sub(1) {
        None => 0,
        Some(above) => DECADE[above % 10] * 10_u64.saturating_pow(u32::try_from(above / 10).unwrap_or(u32::MAX)),
    }
}

fn step_of(us: u64) -> usize {
    let (mut step, mut rest) = (0, us);
    while rest >= 100 {
        rest /= 10;
        step += 10;
    }
    step + DECADE.partition_point(|&edge| edge <= rest)
}

impl Serialize for Tenths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(first) = self.counts.iter().position(|&n| n > 0) else { return serializer.serialize_str("") };
        let words: Vec<String> =
            std::iter::once(first as u64).chain(self.counts[first..].iter().copied()).map(|n| n.to_string()).collect();
        serializer.serialize_str(&words.join(" "))
    }
}

impl<'de> Deserialize<'de> for Tenths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| serde::de::Error::custom(TenthsError(text)))
    }
}

fn parse(text: &str) -> Option<Tenths> {
    /// Beyond what a `u64` of microseconds can reach.
    const STEPS: usize = 200;
    let mut words = text.split_ascii_whitespace();
    let Some(first) = words.next() else { return Some(Tenths::default()) };
    let first: usize = first.parse().ok().filter(|&first| first < STEPS)?;
    let mut counts = vec![0; first];
    for word in words.take(STEPS) {
        counts.push(word.parse().ok()?);
    }
    Some(Tenths { counts })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[u64]) -> Tenths {
        Tenths::of(values.iter().map(|&us| (us, 1)))
    }

    #[test]
    fn every_value_falls_into_the_step_that_holds_it() {
        for us in (0..3000).chain([9_999, 10_000, 12_999, 13_000, 99_999_999, 134_000_000]) {
            let step = step_of(us);
            assert!(lowest_of_step(step) <= us && us < lowest_of_step(step + 1), "{us} in step {step}");
        }
    }

    #[test]
    fn a_second_is_one_short_string() {
        let tenths = of(&[1000, 1100, 1299, 1250, 1600, 1700]);
        assert_eq!(serde_json::to_string(&tenths).unwrap(), "\"21 4 0 2\"");
        assert_eq!(serde_json::from_str::<Tenths>("\"21 4 0 2\"").unwrap(), tenths);
        assert_eq!(serde_json::to_string(&of(&[])).unwrap(), "\"\"");
        assert!(serde_json::from_str::<Tenths>("\"\"").unwrap().is_empty());
    }

    #[test]
    fn two_seconds_together_are_as_if_recorded_together() {
        let mut sum = of(&[5, 80, 3_000_000]);
        sum.merge(&of(&[80, 12]));
        assert_eq!(sum, of(&[5, 12, 80, 80, 3_000_000]));
        assert_eq!(sum.count(), 5);
    }

    #[test]
    fn what_is_no_count_is_refused_by_name() {
        for text in ["\"x\"", "\"3 -1\"", "\"999999999999 1\""] {
            let error = serde_json::from_str::<Tenths>(text).unwrap_err().to_string();
            assert!(error.contains("is not a step and its counts"), "{error}");
        }
    }
}
