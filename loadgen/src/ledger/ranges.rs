//! A set of entry numbers kept as ranges: what one connection has missed.

/// Sorted, disjoint, half-open ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    ranges: Vec<(u32, u32)>,
}

impl Ranges {
    /// Adds `from..to`, which lies behind everything already in the set.
    pub fn push(&mut self, from: u32, to: u32) {
        if from >= to {
            return;
        }
        match self.ranges.last_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => self.ranges.push((from, to)),
        }
    }

    /// The parts of the ranges from `from` on, the last first.
    pub fn back_to(&self, from: u32) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.ranges.iter().rev().take_while(move |range| range.1 > from).map(move |range| (range.0.max(from), range.1))
    }

    /// Takes one number out; whether it was there.
    pub fn remove(&mut self, n: u32) -> bool {
        let Some(i) = self.find(n) else { return false };
        let (from, to) = self.ranges[i];
        match (from == n, n + 1 == to) {
            (true, true) => {
                self.ranges.remove(i);
            }
            (true, false) => self.ranges[i].0 = n + 1,
            (false, true) => self.ranges[i].1 = n,
            (false, false) => {
                self.ranges[i].1 = n;
                self.ranges.insert(i + 1, (n + 1, to));
            }
        }
        true
    }

    /// Whether a number is in the set.
    pub fn contains(&self, n: u32) -> bool {
        self.find(n).is_some()
    }

    /// Nothing in it.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.ranges.iter().copied()
    }

    fn find(&self, n: u32) -> Option<usize> {
        let after = self.ranges.partition_point(|r| r.0 <= n);
        after.checked_sub(1).filter(|&i| n < self.ranges[i].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn ranges_hold_what_a_plain_set_holds(steps in prop::collection::vec((0u32..4, 1u32..5, 0u32..60), 1..60)) {
            let (mut ranges, mut plain, mut end) = (Ranges::default(), BTreeSet::new(), 0);
            for (gap, len, take) in steps {
                ranges.push(end + gap, end + gap + len);
                plain.extend(end + gap..end + gap + len);
                end += gap + len;
                prop_assert_eq!(ranges.remove(take), plain.remove(&take));
            }
            let listed: BTreeSet<u32> = ranges.iter().flat_map(|(a, b)| a..b).collect();
            prop_assert_eq!(&listed, &plain);
            let from = end / 2;
            let mut late: Vec<u32> = ranges.back_to(from).flat_map(|(a, b)| (a..b).rev()).collect();
            late.reverse();
            prop_assert_eq!(late, plain.range(from..).copied().collect::<Vec<_>>());
            for n in 0..end { prop_assert_eq!(ranges.contains(n), plain.contains(&n)); }
        }
    }
}
