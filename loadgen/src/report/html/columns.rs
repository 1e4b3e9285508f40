//! The seconds of a run as the columns of a chart.

use super::frame::{Axis, Band, Size};
use super::scale::Scale;
use crate::report::numbers::seconds;
use crate::result::{Interval, Run};
use crate::tenths::Tenths;

/// One column: one second, or several where a long run has more of them than a chart has columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column<'r> {
    /// Seconds from the start of the first phase.
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    /// At least one.
    intervals: &'r [Interval],
}

impl Column<'_> {
    pub(super) fn middle(&self) -> f64 {
        f64::midpoint(self.from_s, self.to_s)
    }

    /// The sum of a figure over the column, a second.
    pub(super) fn per_s(&self, of: impl Fn(&Interval) -> f64) -> f64 {
        self.intervals.iter().map(of).sum::<f64>() / (self.to_s - self.from_s).max(1e-9)
    }

    /// The same where every second has the figure.
    pub(super) fn known_per_s(&self, of: impl Fn(&Interval) -> Option<f64>) -> Option<f64> {
        let sum: Option<f64> = self.intervals.iter().map(of).sum();
        sum.map(|sum| sum / (self.to_s - self.from_s).max(1e-9))
    }

    /// The largest of a figure in the column.
    pub(super) fn largest(&self, of: impl Fn(&Interval) -> Option<f64>) -> Option<f64> {
        self.intervals.iter().filter_map(of).max_by(f64::total_cmp)
    }

    pub(super) fn sum(&self, of: impl Fn(&Interval) -> u64) -> u64 {
        self.intervals.iter().map(of).sum()
    }

    /// Latencies of what arrived in the column.
    pub(super) fn arrivals(&self) -> Tenths {
        let mut sum = Tenths::default();
        self.intervals.iter().for_each(|interval| sum.merge(&interval.arrivals));
        sum
    }

    /// `12 to 13 s, steady`.
    pub(super) fn when(&self) -> String {
        let phase = self.intervals.first().map_or("", |interval| &interval.phase);
        let comma = if phase.is_empty() { "" } else { ", " };
        format!("{} to {}{comma}{phase}", seconds(self.from_s), seconds(self.to_s))
    }
}

/// The columns of a run's time line, as many as `size` has room for.
pub(super) fn columns(run: &Run, size: Size) -> Vec<Column<'_>> {
    let each = run.intervals.len().div_ceil(size.columns()).max(1);
    let mut from_s = 0.0;
    let columns = run.intervals.chunks(each).map(|intervals| {
        let to_s = intervals.last().map_or(from_s, |interval| interval.at_s);
        let column = Column { from_s, to_s, intervals };
        from_s = to_s;
        column
    });
    columns.filter(|column| column.to_s > column.from_s).collect()
}

/// How many seconds a column is; said where it is more than one.
pub(super) fn each(run: &Run, size: Size) -> usize {
    run.intervals.len().div_ceil(size.columns()).max(1)
}

/// Whether there is a time line to draw.
pub(super) fn is_there(run: &Run) -> bool {
    columns(run, Size::Wide).len() > 1
}

/// The axis of time.
pub(super) fn axis(run: &Run, size: Size) -> Axis {
    let end = run.intervals.last().map_or(1.0, |interval| interval.at_s);
    Axis::new(Scale::seconds(end, size.ticks()), "time since the first phase began", 30, seconds)
}

/// What the legend says of shaded bands, where there are any: a narrow one has no room for its name.
pub(super) fn shaded(run: &Run) -> Option<(&'static str, &'static str)> {
    bands(run).iter().any(|band| band.class == "unmeasured").then_some(("unmeasured", "shaded: not measured"))
}

/// The phases, and what came in after the last of them.
pub(super) fn bands(run: &Run) -> Vec<Band> {
    let mut phases: Vec<_> = run.phases.iter().collect();
    phases.sort_by(|a, b| a.1.start_s.total_cmp(&b.1.start_s));
    let mut bands: Vec<Band> = phases
        .into_iter()
        .map(|(name, phase)| Band {
            from: phase.start_s,
            to: phase.start_s + phase.length_s,
            name: if phase.measure { name.clone() } else { format!("{name} (not measured)") },
            class: if phase.measure { "measured" } else { "unmeasured" },
        })
        .collect();
    let planned = bands.last().map_or(0.0, |band| band.to);
    let end = run.intervals.last().map_or(0.0, |interval| interval.at_s);
    if end > planned + 0.1 {
        bands.push(Band {
            from: planned,
            to: end,
            name: "drain (waiting for the rest)".to_owned(),
            class: "unmeasured",
        });
    }
    bands
}
