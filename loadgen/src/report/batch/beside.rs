//! Variants side by side: a column each, a row for each figure that one of them has.

use super::{Arm, Batch};
use crate::analyse::median;
use crate::compare::shown;
use crate::report::numbers::plural;
use crate::report::returns;
use crate::result::{Quantiles, Run};

/// A row of the table.
struct Figure {
    name: &'static str,
    /// Its path in `run.json`, by which it is written.
    path: &'static str,
    of: fn(&Run) -> Reading,
}

/// A figure of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    /// The run has no such figure.
    None,
    /// It is later than everything: a percentile among the lost, or connections that were not all back.
    Never,
    Is(f64),
}

impl Reading {
    /// Of what is expected of a run.
    fn expected(there: bool, value: Option<f64>) -> Self {
        match (there, value) {
            (false, _) => Self::None,
            (true, None) => Self::Never,
            (true, Some(value)) => Self::Is(value),
        }
    }

    fn known(value: Option<f64>) -> Self {
        value.map_or(Self::None, Self::Is)
    }

    fn value(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Never => Some(f64::INFINITY),
            Self::Is(value) => Some(value),
        }
    }
}

fn due(run: &Run, of: fn(&Quantiles) -> Option<f64>) -> Reading {
    run.latency.due.as_ref().map_or(Reading::None, |due| Reading::expected(due.count > 0, of(due)))
}

/// Where there is no due time.
fn sent(run: &Run, of: fn(&Quantiles) -> Option<f64>) -> Reading {
    let sent = &run.latency.sent;
    Reading::expected(run.latency.due.is_none() && sent.count > 0, of(sent))
}

fn back(run: &Run, us: Option<f64>) -> Reading {
    Reading::expected(run.reconnect.cut > 0, us)
}

/// What left or came back has; others have none.
fn while_away(run: &Run, n: u64) -> Reading {
    Reading::known(returns::are_there(run).then_some(n as f64))
}

const FIGURES: [Figure; 14] = [
    Figure { name: "half open again after", path: "reconnect.back_50", of: |run| back(run, run.reconnect.back_50) },
    Figure { name: "99 % open again after", path: "reconnect.back_99", of: |run| back(run, run.reconnect.back_99) },
    Figure { name: "all open again after", path: "reconnect.back_all", of: |run| back(run, run.reconnect.back_all) },
    Figure {
        name: "handshakes, busiest tenth of a second",
        path: "reconnect.peak_per_s",
        of: |run| Reading::known(run.reconnect.peak_per_s),
    },
    Figure { name: "messages replayed", path: "deliveries.resumed", of: |run| while_away(run, run.deliveries.resumed) },
    Figure { name: "messages missed", path: "deliveries.missed", of: |run| while_away(run, run.deliveries.missed) },
    Figure { name: "messages lost", path: "deliveries.lost", of: |run| Reading::Is(run.deliveries.lost as f64) },
    Figure { name: "deliveries", path: "rates.deliveries_per_s", of: |run| Reading::Is(run.rates.deliveries_per_s) },
    Figure { name: "arrival after due time, p50", path: "latency.due.p50", of: |run| due(run, |due| due.p50) },
    Figure { name: "arrival after due time, p99", path: "latency.due.p99", of: |run| due(run, |due| due.p99) },
    Figure { name: "arrival after sent, p50", path: "latency.sent.p50", of: |run| sent(run, |sent| sent.p50) },
    Figure { name: "arrival after sent, p99", path: "latency.sent.p99", of: |run| sent(run, |sent| sent.p99) },
    Figure {
        name: "server CPU, of one core",
        path: "server.cpu_share",
        of: |run| Reading::known(run.server.as_ref().map(|server| server.cpu_share)),
    },
    Figure {
        name: "server CPU per delivery",
        path: "server.cpu_us_per_delivery",
        of: |run| Reading::known(run.server.as_ref().and_then(|server| server.cpu_us_per_delivery)),
    },
];

/// Paths of the figures that one of these runs has.
pub(super) fn paths<'r>(runs: &'r [&Run]) -> impl Iterator<Item = &'r str> {
    let there = |figure: &&Figure| runs.iter().any(|run| (figure.of)(run) != Reading::None);
    FIGURES.iter().filter(there).map(|figure| figure.path)
}

/// A head for each variant.
pub(in crate::report) fn heads(batch: &Batch) -> Vec<String> {
    std::iter::once(String::new()).chain(batch.arms().iter().map(|arm| arm.name.to_owned())).collect()
}

/// Verdicts, then figures: medians where there are several runs of a variant.
pub(in crate::report) fn rows(batch: &Batch) -> Vec<Vec<String>> {
    let arms = batch.arms();
    let verdicts = std::iter::once("verdict".to_owned()).chain(arms.iter().map(Arm::verdict)).collect();
    let runs: Vec<Vec<&Run>> = arms.iter().map(Arm::counted).collect();
    let row = |figure: &Figure| {
        let cells: Vec<Option<String>> = runs.iter().map(|runs| cell(figure, runs)).collect();
        let there = cells.iter().any(Option::is_some);
        let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned()));
        there.then(|| std::iter::once(figure.name.to_owned()).chain(cells).collect())
    };
    std::iter::once(verdicts).chain(FIGURES.iter().filter_map(row)).collect()
}

/// The median of those that have it.
fn cell(figure: &Figure, runs: &[&Run]) -> Option<String> {
    let values: Vec<f64> = runs.iter().filter_map(|run| (figure.of)(run).value()).collect();
    let middle = (!values.is_empty()).then(|| median(&values))?;
    Some(if middle.is_finite() { shown(figure.path, middle) } else { "never".to_owned() })
}

/// What the cells mean, and what they do not say.
pub(in crate::report) fn explained(batch: &Batch) -> String {
    let arms = batch.arms();
    let counted = || arms.iter().map(|arm| arm.counted().len());
    let of = match (counted().min().unwrap_or_default(), counted().max().unwrap_or_default()) {
        (_, 0 | 1) => "One run of each variant.".to_owned(),
        (least, most) if least == most => {
            format!("Medians over the valid runs of each variant, {} of each.", plural(most as u64, "run"))
        }
        (least, most) => {
            format!(
                "Medians over the valid runs of each variant, from {least} to {} of each.",
                plural(most as u64, "run")
            )
        }
    };
    let doubtful = arms.iter().any(|arm| arm.counted().iter().any(|run| !run.validity.valid));
    let invalid = if doubtful {
        " Where there is no valid run, the figures are of an invalid one and say nothing about the server."
    } else {
        ""
    };
    format!(
        "{of}{invalid} A small difference may be chance: fanout ab FILE --a {} --b {} makes runs in turn and tells.",
        arms.first().map_or("A", |arm| arm.name),
        arms.get(1).map_or("B", |arm| arm.name)
    )
}
