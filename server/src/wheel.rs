//! A coarse timer wheel in eight bytes an entry, for things that can say themselves when they are next due.
//!
//! Everything is named by a small number and is in the wheel at most once. An entry is a link in its slot's list, so moving one is
//! constant work and an idle connection costs two `u32`. A due time beyond the wheel's reach is brought back at the reach: whoever is
//! called looks at its own deadlines and schedules itself again.

/// Nanoseconds a slot stands for.
pub const TICK: u64 = 16_000_000;
const SLOTS: usize = 64 * WORDS;
/// Slots are marked in words of 64 bits, and words in one of them.
const WORDS: usize = 64;
/// The furthest ahead that an entry is kept, in nanoseconds (65 s): a later one fires at this and schedules itself again.
const REACH: u64 = TICK * (SLOTS as u64 - 1);

const NONE: u32 = u32::MAX;
/// In `previous`: this is the first of the slot in the lower bits.
const FIRST: u32 = 1 << 31;

#[derive(Debug, Clone, Copy)]
struct Link {
    /// The one before, or `FIRST | slot`, or `NONE` when not in the wheel.
    previous: u32,
    next: u32,
}

const UNLINKED: Link = Link { previous: NONE, next: NONE };

/// The wheel. Times are nanoseconds of one clock; ids are below 2^31.
#[derive(Debug)]
pub struct Wheel {
    heads: Box<[u32]>,
    /// One bit a slot: is anything in it?
    filled: Box<[u64]>,
    /// One bit a word of `filled`: is any bit of it set?
    words: u64,
    links: Vec<Link>,
    /// Every tick before this one has fired.
    tick: u64,
}

impl Wheel {
    /// An empty wheel at time `now`.
    #[must_use]
    pub fn new(now: u64) -> Self {
        Self {
            heads: vec![NONE; SLOTS].into_boxed_slice(),
            filled: vec![0; WORDS].into_boxed_slice(),
            words: 0,
            links: Vec::new(),
            tick: now / TICK,
        }
    }

    /// Has `id` fire at `due`, at most one [`TICK`] late and never early (but 65 s from now at the latest), and not at any time
    /// it was scheduled for before.
    pub fn schedule(&mut self, id: u32, due: u64, now: u64) {
        debug_assert!(id < FIRST);
        self.cancel(id);
        // Slots gone by without an entry are free again; without this, the reach would be counted from the last `pop`.
        self.tick = self.tick.max(self.first_filled().map_or(now / TICK, |first| first.min(now / TICK)));
        if self.links.len() <= id as usize {
            self.links.resize(id as usize + 1, UNLINKED);
        }
        let tick = due.div_ceil(TICK).clamp(self.tick, self.tick + REACH / TICK);
        let slot = (tick % SLOTS as u64) as usize;
        let next = self.heads[slot];
        if next != NONE {
            self.links[next as usize].previous = id;
        }
        self.links[id as usize] = Link { previous: FIRST | slot as u32, next };
        self.heads[slot] = id;
        self.filled[slot / 64] |= 1 << (slot % 64);
        self.words |= 1 << (slot / 64);
    }

    /// Takes `id` out, if it is in.
    pub fn cancel(&mut self, id: u32) {
        let Some(&Link { previous, next }) = self.links.get(id as usize) else { return };
        if previous == NONE {
            return;
        }
        self.links[id as usize] = UNLINKED;
        if next != NONE {
            self.links[next as usize].previous = previous;
        }
        if previous & FIRST == 0 {
            self.links[previous as usize].next = next;
            return;
        }
        let slot = (previous & !FIRST) as usize;
        self.heads[slot] = next;
        if next == NONE {
            self.filled[slot / 64] &= !(1 << (slot % 64));
            if self.filled[slot / 64] == 0 {
                self.words &= !(1 << (slot / 64));
            }
        }
    }

    /// Takes out one entry that is due at `now`; call until `None`.
    pub fn pop(&mut self, now: u64) -> Option<u32> {
        let current = now / TICK;
        let tick = self.first_filled()?;
        if tick > current {
            self.tick = self.tick.max(current);
            return None;
        }
        self.tick = tick;
        let id = self.heads[(tick % SLOTS as u64) as usize];
        self.cancel(id);
        Some(id)
    }

    /// When the next entry is due; `None` when the wheel is empty.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        self.first_filled().map(|tick| tick * TICK)
    }

    /// Constant work: a shard asks in every turn.
    fn first_filled(&self) -> Option<u64> {
        let first = (self.tick % SLOTS as u64) as usize;
        let word = first / 64;
        let mut slot = None;
        let bits = self.filled[word] & (!0 << (first % 64));
        if bits != 0 {
            slot = Some(word * 64 + bits.trailing_zeros() as usize);
        } else if self.words != 0 {
            // The words after this one, then those before it, and at the very end its own lower part.
            let steps = 1 + self.words.rotate_right((word as u32 + 1) % 64).trailing_zeros() as usize;
            let word = (word + steps) % WORDS;
            slot = Some(word * 64 + self.filled[word].trailing_zeros() as usize);
        }
        slot.map(|slot| self.tick + ((slot + SLOTS - first) % SLOTS) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn an_entry_fires_once_and_not_before_it_is_due() {
        let mut wheel = Wheel::new(0);
        wheel.schedule(7, 5 * TICK, 0);
        assert_eq!(wheel.next_due(), Some(5 * TICK));
        assert_eq!(wheel.pop(5 * TICK - 1), None);
        assert_eq!(wheel.pop(5 * TICK), Some(7));
        assert_eq!(wheel.pop(500 * TICK), None);
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn scheduling_again_moves_an_entry() {
        let mut wheel = Wheel::new(0);
        wheel.schedule(1, 5 * TICK, 0);
        wheel.schedule(1, 2 * TICK, 0);
        assert_eq!(wheel.pop(2 * TICK), Some(1));
        assert_eq!(wheel.pop(9 * TICK), None);
    }

    #[test]
    fn a_due_time_beyond_the_reach_fires_at_the_reach() {
        let mut wheel = Wheel::new(0);
        wheel.schedule(1, 100 * REACH, 0);
        assert_eq!(wheel.next_due(), Some(REACH));
    }

    #[test]
    fn the_reach_is_counted_from_now_however_long_nothing_fired() {
        let mut wheel = Wheel::new(0);
        wheel.schedule(1, 10_000 * TICK, 9_000 * TICK);
        assert_eq!(wheel.pop(9_999 * TICK), None);
        assert_eq!(wheel.pop(10_000 * TICK), Some(1));
    }

    #[test]
    fn a_due_time_gone_by_fires_at_once() {
        let mut wheel = Wheel::new(1000 * TICK);
        wheel.schedule(1, 3, 1000 * TICK);
        assert_eq!(wheel.pop(1000 * TICK), Some(1));
    }

    proptest! {
        /// Any sequence of schedule, cancel and passing time fires what a sorted map fires.
        #[test]
        fn the_wheel_agrees_with_a_sorted_map(steps in proptest::collection::vec((0_u8..8, 0_u32..50, 0_u64..REACH * 2), 1..300)) {
            let mut wheel = Wheel::new(0);
            let mut model: BTreeMap<u32, u64> = BTreeMap::new();
            let mut now = 0;
            for (what, id, time) in steps {
                match what {
                    0 => { wheel.cancel(id); model.remove(&id); }
                    1..=5 => {
                        let due = (now / TICK * TICK + time % (REACH - TICK)).div_ceil(TICK);
                        wheel.schedule(id, due * TICK, now);
                        model.insert(id, due);
                    }
                    _ => {
                        now += time % (REACH / 4);
                        let mut fired = Vec::new();
                        while let Some(id) = wheel.pop(now) { fired.push(id); }
                        let mut expected: Vec<u32> = model.iter().filter(|(_, due)| **due <= now / TICK).map(|(id, _)| *id).collect();
                        model.retain(|_, due| *due > now / TICK);
                        fired.sort_unstable();
                        expected.sort_unstable();
                        prop_assert_eq!(fired, expected);
                        prop_assert_eq!(wheel.next_due(), model.values().min().map(|due| due * TICK));
                    }
                }
            }
        }
    }
}
