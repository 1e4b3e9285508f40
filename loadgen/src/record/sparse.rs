//! [`Counts`] on their way between processes: only the slots that are not zero, and nothing is lost.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Counts, SLOTS};

#[derive(Serialize, Deserialize)]
struct Sparse {
    /// How many empty slots lie before it, and its count.
    used: Vec<(u32, u64)>,
    sum: u64,
    max: u64,
    clamped: u64,
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut used = Vec::new();
        let mut empty = 0;
        for &n in &self.slots[..self.used()] {
            if n == 0 {
                empty += 1;
            } else {
                used.push((empty, n));
                empty = 0;
            }
        }
        Sparse { used, sum: self.sum, max: self.max, clamped: self.clamped }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Counts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sparse = Sparse::deserialize(deserializer)?;
        let mut counts = Counts::new();
        let mut slot = 0;
        for (empty, n) in sparse.used {
            slot += empty as usize;
            let Some(place) = counts.slots.get_mut(slot) else {
                return Err(D::Error::custom(format!("slot {slot} of a histogram of {SLOTS}")));
            };
            *place = n;
            counts.count += n;
            slot += 1;
        }
        counts.sum = sparse.sum;
        counts.max = sparse.max;
        counts.clamped = sparse.clamped;
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::MAX_US;

    fn sent(counts: &Counts) -> Counts {
        postcard::from_bytes(&postcard::to_stdvec(counts).unwrap()).unwrap()
    }

    fn same(a: &Counts, b: &Counts) {
        assert_eq!((&a.slots, a.count, a.sum, a.max, a.clamped), (&b.slots, b.count, b.sum, b.max, b.clamped));
    }

    #[test]
    fn an_empty_histogram_takes_a_few_bytes() {
        assert!(postcard::to_stdvec(&Counts::new()).unwrap().len() <= 4);
        same(&sent(&Counts::new()), &Counts::new());
    }

    #[test]
    fn a_slot_that_does_not_exist_is_refused() {
        let far = Sparse { used: vec![(u32::MAX, 1)], sum: 1, max: 1, clamped: 0 };
        assert!(postcard::from_bytes::<Counts>(&postcard::to_stdvec(&far).unwrap()).is_err());
    }

    proptest! {
        /// However samples are divided among processes, what they hand over merges to what one recorder would hold, slot by slot.
        #[test]
        fn recorders_of_several_processes_merge_to_that_of_one(
            samples in prop::collection::vec((0..5_usize, prop_oneof![0..3000_u64, 0..60_000_000_u64, MAX_US - 2..MAX_US * 2], 1..4_u64), 0..300),
        ) {
            let mut one = Counts::new();
            let mut several = vec![Counts::new(); 5];
            for &(process, us, n) in &samples {
                one.record_n(us, n);
                several[process].record_n(us, n);
            }
            let mut merged = Counts::new();
            several.iter().for_each(|counts| merged.merge(&sent(counts)));
            same(&merged, &one);
            prop_assert_eq!(merged.quantiles(Some(samples.len() as u64 * 4)), one.quantiles(Some(samples.len() as u64 * 4)));
            prop_assert_eq!(merged.to_base64_v2(), one.to_base64_v2());
        }
    }
}
