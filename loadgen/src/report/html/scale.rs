//! Where a value stands on an axis, and which values the axis names.

/// An axis from its lower end to its upper one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// Ticks at multiples of this.
    Linear(f64),
    Logarithmic,
}

impl Scale {
    /// From 0 to the first round value that `high` does not exceed, with at most `most` steps; round in multiples of `unit` (1,024 for
    /// KiB).
    #[must_use]
    pub fn from_zero(high: f64, most: u32, unit: f64) -> Self {
        let high = if high.is_finite() && high > 0.0 { high } else { unit };
        let step = unit * round_step(high / unit / f64::from(most.max(1)));
        Self { kind: Kind::Linear(step), low: 0.0, high: (high / step).ceil() * step }
    }

    /// Seconds from 0 to `high`, with ticks as clocks have them.
    #[must_use]
    pub fn seconds(high: f64, most: u32) -> Self {
        const STEPS: [f64; 12] = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
        let high = high.max(0.1);
        let wide = high / f64::from(most.max(1));
        let step = match wide {
            ..1.0 => round_step(wide),
            _ => STEPS.into_iter().find(|&step| step >= wide).unwrap_or_else(|| 3600.0 * round_step(wide / 3600.0)),
        };
        Self { kind: Kind::Linear(step), low: 0.0, high }
    }

    /// From `low` to `high` as they are, with no ticks between that a linear axis would have.
    #[must_use]
    pub fn exactly(low: f64, high: f64) -> Self {
        Self { kind: Kind::Linear(high - low), low, high }
    }

    /// Logarithmic, from the last of 1, 2, 5, 10, ... that is not above `low` to the first that is not below `high`.
    #[must_use]
    pub fn logarithmic(low: f64, high: f64) -> Self {
        let low = if low.is_finite() && low > 0.0 { low } else { 1.0 };
        let high = high.max(low);
        let low = one_two_five(low);
        let mut top = one_two_five(high);
        if top < high * (1.0 - 1e-9) {
            top = next(top);
        }
        Self { kind: Kind::Logarithmic, low, high: if top > low { top } else { next(low) } }
    }

    /// Ratios from `low` to `high` as they are: twice as much stands as far from 1 as half as much.
    #[must_use]
    pub fn ratios(low: f64, high: f64) -> Self {
        Self { kind: Kind::Logarithmic, low, high }
    }

    /// Where `value` stands: 0 at the lower end, 1 at the upper one; what is outside, at the end that it is beyond.
    #[must_use]
    pub fn at(&self, value: f64) -> f64 {
        let place = match self.kind {
            Kind::Linear(_) => (value - self.low) / (self.high - self.low),
            Kind::Logarithmic => (value.max(f64::MIN_POSITIVE) / self.low).ln() / (self.high / self.low).ln(),
        };
        place.clamp(0.0, 1.0)
    }

    /// The values to name, from the lowest; of a logarithmic axis only powers of ten where 1, 2 and 5 would be more than `most`.
    #[must_use]
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        match self.kind {
            Kind::Linear(step) => {
                let last = ((self.high - self.low) / step + 1e-9).floor();
                (0..=last as u32).map(|i| self.low + step * f64::from(i)).collect()
            }
            Kind::Logarithmic => {
                let all: Vec<f64> = std::iter::successors(Some(self.low), |&value| Some(next(value)))
                    .take_while(|&v| v <= self.high * 1.001)
                    .collect();
                if all.len() <= most { all } else { all.into_iter().filter(|&v| is_power_of_ten(v)).collect() }
            }
        }
    }

    /// Its upper end.
    #[must_use]
    pub fn high(&self) -> f64 {
        self.high
    }
}

/// The first of 1, 2, 5, 10, ... (and 0.1, 0.2, ...) that is not below `value`.
fn round_step(value: f64) -> f64 {
    let step = one_two_five(value);
    if step < value * (1.0 - 1e-9) { next(step) } else { step }
}

/// The last of 1, 2, 5, 10, ... that is not above `value`.
fn one_two_five(value: f64) -> f64 {
    let power = 10_f64.powf((value.log10() + 1e-9).floor());
    [5.0, 2.0].into_iter().map(|step| step * power).find(|&step| step <= value * (1.0 + 1e-9)).unwrap_or(power)
}

fn next(value: f64) -> f64 {
    let power = 10_f64.powf((value.log10() + 1e-9).floor());
    match (value / power).round() as u32 {
        1 => 2.0 * power,
        2 => 5.0 * power,
        _ => 10.0 * power,
    }
}

fn is_power_of_ten(value: f64) -> bool {
    (value.log10() - value.log10().round()).abs() < 1e-6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_axis_ends_at_a_round_value() {
        let scale = Scale::from_zero(23_400.0, 5, 1.0);
        assert_eq!(scale.ticks(9), [0.0, 5000.0, 10_000.0, 15_000.0, 20_000.0, 25_000.0]);
        assert_eq!(scale.at(12_500.0), 0.5);
        assert_eq!(Scale::from_zero(0.0, 5, 1.0).high(), 1.0);
        assert_eq!(Scale::from_zero(9000.0, 4, 1024.0).ticks(9), [0.0, 5120.0, 10_240.0]);
    }

    #[test]
    fn a_logarithmic_axis_gives_each_decade_the_same_room() {
        let scale = Scale::logarithmic(130.0, 60_000.0);
        assert_eq!(scale.ticks(9), [100.0, 1000.0, 10_000.0, 100_000.0]);
        assert!((scale.at(1000.0) - scale.at(100.0) - (scale.at(10_000.0) - scale.at(1000.0))).abs() < 1e-12);
        assert_eq!(Scale::logarithmic(300.0, 900.0).ticks(9), [200.0, 500.0, 1000.0]);
        assert_eq!(Scale::logarithmic(0.0, 0.0).ticks(9), [1.0, 2.0]);
    }

    #[test]
    fn time_has_ticks_as_clocks_have() {
        assert_eq!(Scale::seconds(71.0, 6).ticks(9), [0.0, 15.0, 30.0, 45.0, 60.0]);
        assert_eq!(Scale::seconds(600.0, 6).ticks(9), [0.0, 120.0, 240.0, 360.0, 480.0, 600.0]);
        assert_eq!(Scale::seconds(0.5, 5).ticks(9).len(), 6);
    }

    #[test]
    fn what_is_outside_stands_at_the_end() {
        let scale = Scale::exactly(1.0, 3.0);
        assert_eq!([0.0, 2.0, 9.0].map(|value| scale.at(value)), [0.0, 0.5, 1.0]);
    }
}
