//! Connections that left and came back: the times of all of them together, and the busiest tenth of a second.

use serde_json::{Map, Value, json};

use super::{MergeError, Timing};
use crate::record::Counts;
use crate::result::{Reconnect, Run};

/// Percentiles of the times of returns under `path` (`reconnect`, `groups.NAME.reconnect`), put in the place of those in `merged`, whose
/// counts are sums already. Where a run has returns without their histogram, nothing is known.
pub(super) fn times(
    merged: &mut Map<String, Value>,
    path: &str,
    of_each: &[&Value],
    runs: &[Run],
) -> Result<(), MergeError> {
    let whole = |key: &str| merged.get(key).and_then(Value::as_u64).unwrap_or(0);
    let (count, cut) = (whole("count"), whole("cut"));
    let first = histogram(path, "first", "count", of_each, runs)?;
    let back = histogram(path, "back", "cut", of_each, runs)?;
    let us = |us: Option<u64>| json!(us.map(|us| us as f64));
    let of_first = |share: f64| us(first.as_ref().filter(|_| count > 0).and_then(|counts| counts.percentile(share)));
    let of_back =
        |share: f64| us(back.as_ref().filter(|_| cut > 0).and_then(|counts| counts.percentile_of(share, cut)));
    let longest = us(first.as_ref().and_then(Counts::max));
    for (key, value) in [
        ("p50", of_first(0.5)),
        ("p99", of_first(0.99)),
        ("max", longest),
        ("back_50", of_back(0.5)),
        ("back_99", of_back(0.99)),
        ("back_all", of_back(1.0)),
    ] {
        merged.insert(key.to_owned(), value);
    }
    Ok(())
}

/// The histogram of all runs; `None`: one of them has returns (of which `counted` tells) and no histogram.
fn histogram(
    path: &str,
    which: &str,
    counted: &str,
    of_each: &[&Value],
    runs: &[Run],
) -> Result<Option<Counts>, MergeError> {
    let name = format!("{path}.{which}");
    let mut merged = Counts::new();
    for ((number, run), of_run) in (1..).zip(runs).zip(of_each) {
        if [counted, "count"].iter().any(|key| of_run[*key].as_u64() == Some(0)) {
            // Nobody came back, so there is nothing to know.
            continue;
        }
        let Some(text) = run.histograms.get(&name) else { return Ok(None) };
        let counts = Counts::from_base64_v2(text, time(of_run, which), None)
            .map_err(|error| MergeError::Histogram { run: number, name: name.clone(), why: error.to_string() })?;
        merged.merge(&counts);
    }
    Ok(Some(merged))
}

/// The longest time, exactly, where the run tells it.
fn time(of_run: &Value, which: &str) -> Option<f64> {
    let key = if which == "first" { "max" } else { "back_all" };
    of_run[key].as_f64()
}

/// Handshakes of all runs by tenth of a second, and a second in the busiest of these. The tenths of each run are counted from the start of
/// its own first phase.
pub(super) fn handshakes(runs: &[Run], timing: Timing) -> (Vec<[u32; 2]>, Option<f64>) {
    let mut all = std::collections::BTreeMap::<u32, u32>::new();
    let mut before = 0.0;
    for run in runs {
        let shift = if timing == Timing::InTurn { (before * 10.0_f64).round() as u32 } else { 0 };
        for [tenth, n] in &run.reconnect.handshakes_by_tenth {
            *all.entry(tenth + shift).or_default() += n;
        }
        before += run.phases.values().map(|phase| phase.length_s).sum::<f64>();
    }
    let tenths: Vec<[u32; 2]> = all.into_iter().map(|(tenth, n)| [tenth, n]).collect();
    let peaks = || runs.iter().filter_map(|run| run.reconnect.peak_per_s);
    let peak = match timing {
        // No two runs were made in the same tenth.
        Timing::InTurn => peaks().max_by(f64::total_cmp),
        Timing::Together if runs.iter().all(is_told_by_tenth) => Reconnect::busiest(&tenths),
        Timing::Together => None,
    };
    (tenths, peak)
}

fn is_told_by_tenth(run: &Run) -> bool {
    run.reconnect.peak_per_s.is_none() || !run.reconnect.handshakes_by_tenth.is_empty()
}

/// What a reader must know of returns that were put together.
pub(super) fn notes(runs: &[Run], timing: Timing) -> Vec<String> {
    let mut notes = Vec::new();
    let returned = runs.iter().filter(|run| run.reconnect.count > 0).count();
    let has = |run: &Run, name: &str| run.histograms.contains_key(name);
    let lacks = |run: &Run| run.reconnect.count > 0 && !has(run, "reconnect.first");
    let numbers = |of: &dyn Fn(&Run) -> bool| {
        let found = (1..).zip(runs).filter(|(_, run)| of(run)).map(|(number, _): (usize, _)| number.to_string());
        found.collect::<Vec<_>>().join(", ")
    };
    if runs.iter().any(lacks) {
        notes.push(format!(
            "how long returns took is not known of all runs together: run {} is older than the histograms of returns",
            numbers(&lacks)
        ));
    }
    if timing == Timing::InTurn {
        return notes;
    }
    let untold = |run: &Run| !is_told_by_tenth(run);
    if runs.iter().any(untold) {
        notes.push(format!(
            "the busiest tenth of a second is not known of all runs together: run {} is older than handshakes by tenth of a second",
            numbers(&untold)
        ));
    } else if returned > 1 {
        notes.push(
            "handshakes are added up by tenth of a second since the start of each run's own first phase: the busiest tenth is as exact as \
             these starts agree"
                .to_owned(),
        );
    }
    notes
}
