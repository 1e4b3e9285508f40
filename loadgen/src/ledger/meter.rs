//! What decompressing costs, by the thread's own CPU clock.

/// The first inflations are timed one by one, later ones by a sample: asking the clock costs a system call.
const EACH: u64 = 1024;
/// Of the later ones, one in this many is timed and stands for all. A prime, so that it falls in with no pattern of the senders'.
const STEP: u64 = 17;

/// Times inflations.
#[derive(Debug)]
pub struct Meter {
    clock: fn() -> u64,
    calls: u64,
}

impl Meter {
    /// A meter over a clock in nanoseconds: the CPU time of the calling thread.
    pub fn new(clock: fn() -> u64) -> Self {
        Meter { clock, calls: 0 }
    }

    /// Does `work` and gives its nanoseconds, zero where it was not timed: the next one that is then stands for it.
    pub(super) fn time<R>(&mut self, work: impl FnOnce() -> R) -> (R, u64) {
        self.calls += 1;
        let weight = match self.calls {
            ..=EACH => 1,
            n if n.is_multiple_of(STEP) => STEP,
            _ => return (work(), 0),
        };
        let before = (self.clock)();
        let result = work();
        (result, (self.clock)().saturating_sub(before) * weight)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_sample_stands_for_all() {
        thread_local!(static NOW: Cell<u64> = const { Cell::new(0) });
        let mut meter = Meter::new(|| NOW.get());
        let n = EACH + 100 * STEP;
        let sum: u64 = (0..n).map(|_| meter.time(|| NOW.set(NOW.get() + 5)).1).sum();
        assert!(sum.abs_diff(5 * n) <= 5 * STEP, "{sum} for {}", 5 * n);
    }
}
