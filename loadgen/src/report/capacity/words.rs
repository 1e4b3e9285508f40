//! The sentences and cells that every form of the report shares.

use crate::analyse::search::{Length, Upper, Verdict};
use crate::capacity::{Axis, Costs, Found, Outcome, Resource, Scaling, Trial};
use crate::report::numbers::{
    bytes, count, duration_us, duration_us_exact, percent, publishes_per_s, rate, significant, with_unit,
};
use crate::thresholds::{Metric, Threshold};

/// A load in words that say whom it reaches: `2,662 members of one room at 20 publishes/s`, `208 publishes/s to 1,000 members of one room`.
pub(in crate::report) fn amount(outcome: &Outcome, at: f64) -> String {
    let n = outcome.axis.number(at);
    let trials = || outcome.trials.iter().filter(|trial| trial.is_valid());
    let Some(like) = trials().rev().find(|trial| trial.load == at).or_else(|| trials().next_back()) else {
        return outcome.axis.amount(at);
    };
    let (all, publishes) = (people(like, &count(like.connections)), publishes_per_s(like.publishes_per_s));
    let size = with_unit(&n, ["byte", "bytes"]);
    match outcome.axis {
        Axis::Connections if like.load == at && like.publishes_per_s > 0.0 => {
            format!("{} at {publishes}", people(like, &n))
        }
        Axis::Connections => people(like, &n),
        Axis::Rate => format!("{} to {all}", outcome.axis.amount(at)),
        Axis::Size if like.load == at => format!("payloads of {size}, {publishes} to {all}"),
        Axis::Size => format!("payloads of {size}"),
    }
}

/// So many connections in the words of this trial: `1,000 members of one room`.
pub(super) fn people(like: &Trial, n: &str) -> String {
    // An echo goes to its sender alone.
    let is_broadcast = like.connections < 2 || like.deliveries_per_s > 1.5 * like.publishes_per_s;
    match like.rooms {
        Some(1) if is_broadcast => with_unit(n, ["member of one room", "members of one room"]),
        Some(rooms) if is_broadcast => format!("{} of {} rooms", with_unit(n, ["member", "members"]), count(rooms)),
        _ => with_unit(n, ["connection", "connections"]),
    }
}

/// `capacity of chat`, and not `capacity of capacity`.
pub(in crate::report) fn title(outcome: &Outcome) -> String {
    let name = &outcome.scenario;
    if name.to_lowercase().contains("capacity") { name.clone() } else { format!("capacity of {name}") }
}

/// The word that opens the report.
pub(in crate::report) fn word(outcome: &Outcome) -> &'static str {
    match outcome.exit_code() {
        0 => "FOUND",
        3 => "NOT EVEN THE LOWEST LOAD HOLDS",
        _ => "NOT DECIDED",
    }
}

/// What stands behind the verdict: the answer where there is one, else what was searched.
pub(in crate::report) fn headline(outcome: &Outcome) -> String {
    let axis = outcome.axis;
    let said = match (outcome.exit_code(), &outcome.found[..]) {
        (0, [Found { bounds, .. }]) => bounds.lower.map(|lower| match bounds.upper {
            Upper::Broke(upper) => format!("holds {}, breaks at {}", axis.amount(lower), axis.number(upper)),
            Upper::LoadGenerator(_) | Upper::EndOfRange => format!("holds at least {}", axis.amount(lower)),
        }),
        _ => None,
    };
    let [low, high] = outcome.range.map(|load| axis.number(load));
    let said = said.unwrap_or_else(|| format!("from {low} to {high} {} searched", axis.unit()));
    format!("{}: {said}", title(outcome))
}

/// An objective in words: `latency.due.p99 < 50ms and nothing lost`.
pub(in crate::report) fn objective(found: &Found) -> String {
    if found.thresholds.is_empty() { in_words(&found.objective) } else { in_words(&found.thresholds.join(", ")) }
}

/// Thresholds with commas between them, in words.
fn in_words(thresholds: &str) -> String {
    let each: Vec<String> = thresholds.split(", ").map(one_in_words).collect();
    match each.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
        _ => each.concat(),
    }
}

fn one_in_words(threshold: &str) -> String {
    match threshold {
        "deliveries.lost == 0" => "nothing lost",
        "deliveries.duplicated == 0" => "nothing duplicated",
        "deliveries.corrupted == 0" => "nothing corrupted",
        "connections.failed == 0" => "no connection failed",
        other => other,
    }
    .to_owned()
}

/// ` (2 of 3 trials)` where trials of full length did not agree about a load.
fn agreed(outcome: &Outcome, found: &Found, load: f64, verdict: Verdict) -> String {
    let full = outcome.trials.iter().filter(|trial| trial.load == load && trial.length == Length::Full);
    let said: Vec<Verdict> = full.filter_map(|trial| trial.verdicts.get(&found.objective).copied()).collect();
    let same = said.iter().filter(|said| **said == verdict).count();
    if same == said.len() { String::new() } else { format!(" (in {same} of {} trials)", said.len()) }
}

/// The answer, in a sentence.
pub(in crate::report) fn answer(outcome: &Outcome, found: &Found) -> String {
    let with = objective(found);
    let held = |load| format!("{} with {with}{}", amount(outcome, load), agreed(outcome, found, load, Verdict::Held));
    let also = |load| outcome.axis.number(load);
    match (found.bounds.lower, found.bounds.upper) {
        (Some(lower), Upper::Broke(upper)) => {
            let broke = agreed(outcome, found, upper, Verdict::Broke);
            format!("the server holds {}; at {} it broke{broke}", held(lower), also(upper))
        }
        (Some(lower), Upper::LoadGenerator(upper)) => format!(
            "the server holds at least {}; at {} fanout itself could not keep up, so where the server breaks is not known",
            held(lower),
            also(upper)
        ),
        (Some(lower), Upper::EndOfRange) => {
            format!("the server holds at least {}, the end of the range: where it breaks was not searched", held(lower))
        }
        (None, Upper::Broke(upper)) => {
            let broke = agreed(outcome, found, upper, Verdict::Broke);
            format!("not even {}, the start of the range, held with {with}{broke}", amount(outcome, upper))
        }
        (None, Upper::LoadGenerator(upper)) => format!(
            "what the server holds with {with} is not known: already at {}, fanout itself could not keep up, so the trials were invalid",
            amount(outcome, upper)
        ),
        (None, Upper::EndOfRange) => format!("nothing was tried for {with}"),
    }
}

/// Of objectives that were not decided: how far the search had come.
pub(in crate::report) fn undecided(outcome: &Outcome) -> Vec<String> {
    let names = outcome.trials.first().map(|trial| trial.verdicts.keys().collect::<Vec<_>>()).unwrap_or_default();
    let open = names.into_iter().filter(|name| outcome.found.iter().all(|found| found.objective != **name));
    open.map(|name| {
        let loads = |verdict| {
            let said = outcome.trials.iter().filter(move |trial| trial.verdicts.get(name) == Some(&verdict));
            said.map(|trial| trial.load)
        };
        let held = loads(Verdict::Held).max_by(f64::total_cmp).map(|load| {
            let end = if load >= outcome.range[1] { ", the end of the range" } else { "" };
            format!("highest that held {}{end}", amount(outcome, load))
        });
        let broke = loads(Verdict::Broke)
            .min_by(f64::total_cmp)
            .map(|load| format!("lowest that broke {}", outcome.axis.number(load)));
        let so_far: Vec<String> = held.into_iter().chain(broke).collect();
        let so_far = if so_far.is_empty() { "no valid trial".to_owned() } else { so_far.join(", ") };
        format!("so far, not confirmed, with {}: {so_far}", in_words(name))
    })
    .collect()
}

/// Notes that nothing else of the report says: the last of a search that was broken off is the first of what is to be done.
pub(in crate::report) fn notes(outcome: &Outcome) -> &[String] {
    match outcome.notes.split_last() {
        Some((_, earlier)) if !outcome.complete => earlier,
        _ => &outcome.notes,
    }
}

/// What gave way, where something did.
pub(in crate::report) fn gave_way(found: &Found) -> Option<String> {
    let cause = found.cause.as_ref()?;
    Some(match cause.resource {
        Resource::Unclear if cause.figure.contains("is not known") => {
            format!("what gave way is not clear: {}", cause.figure)
        }
        Resource::Unclear => {
            format!("what gave way is not clear, as nothing that is measured was full: {}", cause.figure)
        }
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
        ("server CPU, of one core", known(costs.server_cpu_share, &busy)),
        (
            "server CPU for a million deliveries",
            known(costs.cpu_s_per_million_deliveries, &|s| format!("{} s", significant(s, 3))),
        ),
        ("memory for 1,000 connections, kernel included", known(costs.memory_bytes_per_1000_connections, &bytes)),
        ("bytes sent for a million deliveries", known(costs.wire_bytes_per_million_deliveries, &bytes)),
    ]
}

/// A share of a core. Nothing hangs on whether a core that was busy all the time had a thousandth to spare.
fn busy(share: f64) -> String {
    format!("{} %", significant(share * 100.0, 2))
}

/// What the columns of `row` are called.
pub(in crate::report) fn heads(outcome: &Outcome) -> [&'static str; 9] {
    ["no.", outcome.axis.unit(), "trial", OUTCOME, "deliveries/s", "p50", "p99", "server CPU", "lost"]
}

/// The column of outcomes.
pub(in crate::report) const OUTCOME: &str = "outcome";

/// What they mean.
pub(in crate::report) const HEADS_EXPLAINED: &str = "by load; no.: the order in which they were made; p50, p99: arrival after due time; server CPU: share of one core; lost: of all expected \
     deliveries";

/// Trials with their numbers in the order in which they were made, by load.
pub(in crate::report) fn by_load(outcome: &Outcome) -> Vec<(usize, &Trial)> {
    let mut trials: Vec<_> = (1..).zip(&outcome.trials).collect();
    trials.sort_by(|(_, a), (_, b)| a.load.total_cmp(&b.load).then(a.length.cmp(&b.length)));
    trials
}

/// A row of the table of trials.
pub(in crate::report) fn row(outcome: &Outcome, number: usize, trial: &Trial) -> Vec<String> {
    let time = |us: Option<f64>| us.map_or_else(|| "never".to_owned(), duration_us);
    let said: Vec<&str> = outcome
        .found
        .iter()
        .filter_map(|found| trial.verdicts.get(&found.objective))
        .chain(trial.verdicts.values().filter(|_| outcome.found.is_empty()))
        .map(|verdict| match verdict {
            Verdict::Held => "held",
            Verdict::Broke => "broke",
            Verdict::Invalid => "invalid",
        })
        .collect();
    vec![
        number.to_string(),
        outcome.axis.number(trial.load),
        match trial.length {
            Length::Short => "short".to_owned(),
            Length::Full => "full".to_owned(),
        },
        said.join(", "),
        rate(trial.deliveries_per_s),
        time(trial.p50),
        time(trial.p99),
        trial.server_cpu_share.map_or_else(|| "-".to_owned(), busy),
        percent(trial.lost_share),
    ]
}

/// Why a trial broke or was invalid; empty where it held.
pub(in crate::report) fn why(outcome: &Outcome, trial: &Trial) -> String {
    let cause = || trial.cause.as_ref().map(|cause| cause.figure.clone()).unwrap_or_default();
    match trial.verdict() {
        Verdict::Held => String::new(),
        Verdict::Invalid => cause(),
        Verdict::Broke => {
            let missed = missed(outcome, trial);
            if missed.is_empty() { cause() } else { missed.join("; ") }
        }
    }
}

/// The thresholds of the search's objectives that did not hold, with what they were.
fn missed(outcome: &Outcome, trial: &Trial) -> Vec<String> {
    let asked: Vec<&String> = outcome.found.iter().flat_map(|found| &found.thresholds).collect();
    let never = || format!("never ({} lost)", percent(trial.lost_share));
    let of = |threshold: &str, was: Option<String>| {
        let (metric, limit) = threshold.split_once(' ').unwrap_or((threshold, ""));
        format!("{metric} was {}, not {limit}", was.unwrap_or_else(never))
    };
    if !trial.missed.is_empty() {
        let missed = trial.missed.iter().filter(|missed| asked.is_empty() || asked.contains(&&missed.threshold));
        return missed.map(|missed| of(&missed.threshold, missed.was.clone())).collect();
    }
    // Searches of older versions have only these figures.
    let mut said: Vec<String> = Vec::new();
    for threshold in asked {
        let Some((metric, limit)) = limit(threshold) else { continue };
        let was = match metric {
            "latency.due.p50" => trial.p50,
            "latency.due.p99" => trial.p99,
            _ => continue,
        };
        let line = of(threshold, was.map(duration_us_exact));
        if was.is_none_or(|was| was >= limit) && !said.contains(&line) {
            said.push(line);
        }
    }
    said
}

/// Metric and microseconds of an objective of the form `latency.due.p99 < 50ms`.
pub(in crate::report) fn limit(threshold: &str) -> Option<(&str, f64)> {
    let (metric, text) = threshold.split_once(' ')?;
    let known = metric.starts_with("latency.due.p") && text.trim_start().starts_with('<');
    let threshold = Threshold::parse(&Metric::find(metric, &[], &[]).ok()?, text).ok()?;
    known.then(|| threshold.value()).flatten().map(|us| (metric, us))
}

/// What the Universal Scalability Law says: first what it means, then its figures.
pub(in crate::report) fn scaling(outcome: &Outcome, scaling: &Scaling) -> Vec<String> {
    let axis = outcome.axis;
    let to = || {
        format!(
            "up to {}, the highest load with a valid trial: no ceiling of throughput was seen",
            axis.amount(scaling.measured_to)
        )
    };
    let broke = outcome.found.iter().any(|found| matches!(found.bounds.upper, Upper::Broke(_)));
    let objective = if broke { "; what broke was the objective" } else { "" };
    let with = |[value, low, high]: [f64; 3]| format!("{} ({} to {})", exponent(value), exponent(low), exponent(high));
    let peak = match scaling.peak {
        Some(peak) if peak > 2.0 * scaling.measured_to => format!(
            "throughput would be highest at {}: EXTRAPOLATED, more than twice beyond the {} that were measured",
            axis.amount(peak),
            axis.amount(scaling.measured_to)
        ),
        Some(peak) => format!("throughput is highest at {}", axis.amount(peak)),
        None if in_step(scaling) => format!("throughput rose in step with the load {}{objective}", to()),
        None => format!("throughput rose more slowly than the load {}{objective}", to()),
    };
    vec![
        peak,
        format!(
            "the Universal Scalability Law fitted to {} valid trials: contention {}, coherency {}; in brackets 95 % intervals",
            scaling.levels.len(),
            with(scaling.contention),
            with(scaling.coherency)
        ),
    ]
}

/// Whether at the highest load throughput is at least nine tenths of what it would be if it rose in proportion.
fn in_step(scaling: &Scaling) -> bool {
    let n = scaling.measured_to;
    1.0 + scaling.contention[0] * (n - 1.0) + scaling.coherency[0] * n * (n - 1.0) <= 1.0 / 0.9
}

fn exponent(value: f64) -> String {
    if value == 0.0 || (0.001..1000.0).contains(&value) { significant(value, 3) } else { format!("{value:.1e}") }
}
