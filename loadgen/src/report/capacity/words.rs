//! The sentences and cells that every form of the report shares.

use crate::analyse::search::{Length, Upper};
use crate::capacity::{Axis, Costs, Found, Outcome, Resource, Scaling, Trial};
use crate::report::numbers::{bytes, count, duration_us, percent, rate, significant};

/// A load with its unit: `3,200 connections`.
pub(crate) fn load(axis: Axis, load: f64) -> String {
    format!("{} {}", bare(axis, load), axis.unit())
}

fn bare(axis: Axis, load: f64) -> String {
    match axis {
        Axis::Rate => significant(load, 4),
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Axis::Connections | Axis::Size => count(load.round() as u64),
    }
}

/// The answer, in a sentence.
pub(in crate::report) fn answer(axis: Axis, found: &Found) -> String {
    let objective = &found.objective;
    match (found.bounds.lower, found.bounds.upper) {
        (Some(lower), Upper::Broke(upper)) => {
            format!("{objective}: holds at {}, breaks at {}", load(axis, lower), bare(axis, upper))
        }
        (Some(lower), Upper::LoadGenerator(upper)) => format!(
            "{objective}: holds at {} at least; at {} the load generator gave way first, so the server's limit is not known",
            load(axis, lower),
            bare(axis, upper)
        ),
        (Some(lower), Upper::EndOfRange) => {
            format!("{objective}: holds at {} at least, the end of the range", load(axis, lower))
        }
        (None, Upper::Broke(upper)) => {
            format!("{objective}: breaks already at {}, the start of the range", load(axis, upper))
        }
        (None, Upper::LoadGenerator(upper)) => {
            format!("{objective}: not known, as the load generator gave way already at {}", load(axis, upper))
        }
        (None, Upper::EndOfRange) => format!("{objective}: nothing was tried"),
    }
}

/// What gave way, where something did.
pub(in crate::report) fn gave_way(found: &Found) -> Option<String> {
    let cause = found.cause.as_ref()?;
    Some(match cause.resource {
        Resource::Unclear => format!("what gave way is not clear: {}", cause.figure),
        resource => format!("what gave way: {} ({})", resource.words(), cause.figure),
    })
}

/// What the load of the lower bound costs, as label and figure.
pub(in crate::report) fn costs(costs: &Costs) -> Vec<(&'static str, String)> {
    let known = |value: Option<f64>, words: &dyn Fn(f64) -> String| value.map_or_else(|| "not known".to_owned(), words);
    vec![
        ("connections", count(costs.connections)),
        ("publishes/s", rate(costs.publishes_per_s)),
        ("deliveries/s", rate(costs.deliveries_per_s)),
        ("arrival after due time, p50", known(costs.p50, &duration_us)),
        ("arrival after due time, p99", known(costs.p99, &duration_us)),
        ("server CPU, of one core", known(costs.server_cpu_share, &percent)),
        (
            "server CPU for a million deliveries",
            known(costs.cpu_s_per_million_deliveries, &|s| format!("{} s", significant(s, 3))),
        ),
        ("memory for 1,000 connections, kernel included", known(costs.memory_bytes_per_1000_connections, &bytes)),
        ("bytes sent for a million deliveries", known(costs.wire_bytes_per_million_deliveries, &bytes)),
    ]
}

pub(in crate::report) const HEADS: [&str; 8] =
    ["load", "trial", "outcome", "deliveries/s", "p50", "p99", "server CPU", "lost"];

/// A row of the table of trials.
pub(in crate::report) fn row(outcome: &Outcome, trial: &Trial) -> Vec<String> {
    let time = |us: Option<f64>| us.map_or_else(|| "never".to_owned(), duration_us);
    let said: Vec<&str> = outcome
        .found
        .iter()
        .filter_map(|found| trial.verdicts.get(&found.objective))
        .chain(trial.verdicts.values().filter(|_| outcome.found.is_empty()))
        .map(|verdict| match verdict {
            crate::analyse::search::Verdict::Held => "held",
            crate::analyse::search::Verdict::Broke => "broke",
            crate::analyse::search::Verdict::Invalid => "invalid",
        })
        .collect();
    vec![
        bare(outcome.axis, trial.load),
        match trial.length {
            Length::Short => "short".to_owned(),
            Length::Full => "full".to_owned(),
        },
        said.join(", "),
        rate(trial.deliveries_per_s),
        time(trial.p50),
        time(trial.p99),
        trial.server_cpu_share.map_or_else(|| "-".to_owned(), percent),
        percent(trial.lost_share),
    ]
}

/// What the Universal Scalability Law says, in sentences.
pub(in crate::report) fn scaling(axis: Axis, scaling: &Scaling) -> Vec<String> {
    let with = |[value, low, high]: [f64; 3]| format!("{} ({} to {})", exponent(value), exponent(low), exponent(high));
    let peak = match scaling.peak {
        Some(peak) if peak > 2.0 * scaling.measured_to => format!(
            "throughput would be highest at {}: EXTRAPOLATED, more than twice beyond the {} that were measured",
            load(axis, peak),
            load(axis, scaling.measured_to)
        ),
        Some(peak) => format!("throughput is highest at {}", load(axis, peak)),
        None => "no load of highest throughput: the interval of coherency holds 0".to_owned(),
    };
    vec![
        format!(
            "contention {}, coherency {} (95 % intervals), from {} levels",
            with(scaling.contention),
            with(scaling.coherency),
            scaling.levels.len()
        ),
        peak,
    ]
}

fn exponent(value: f64) -> String {
    if value == 0.0 || (0.001..1000.0).contains(&value) { significant(value, 3) } else { format!("{value:.1e}") }
}
