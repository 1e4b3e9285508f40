//! What both reports have in common: the words and the cells of their tables.

use crate::analyse::{Interval, Verdict};
use crate::compare::{ArmRuns, Compared, Comparison, Design, Difference, Scope, Standing, Uncompared, shown};
use crate::report::numbers::{percent, significant};

/// The word that opens the report.
pub(in crate::report) fn word(comparison: &Comparison) -> &'static str {
    let broken = comparison.expectations.iter().any(|outcome| outcome.standing == Standing::Broken);
    match comparison.exit_code() {
        4 => "NOT ENOUGH RUNS",
        3 if broken => "BROKEN",
        3 => "TRIPPED",
        _ if comparison.expectations.is_empty() => "COMPARED",
        _ => "HELD",
    }
}

/// What was compared, in how many runs.
pub(in crate::report) fn opening(comparison: &Comparison) -> String {
    let (a, b) = (&comparison.a.name, &comparison.b.name);
    let runs = match comparison.design {
        Design::Blocks => format!("{} of {} blocks", comparison.runs, comparison.asked),
        Design::Sets => format!("sets of {} and {} runs", comparison.a.valid, comparison.b.valid),
        Design::Tripwire => "one run against one: a tripwire".to_owned(),
    };
    let held = comparison.expectations.iter().filter(|outcome| outcome.standing == Standing::Held).count();
    let expectations = match comparison.expectations.len() {
        0 => String::new(),
        1 => format!(", {held} of 1 expectation"),
        all => format!(", {held} of {all} expectations"),
    };
    format!("{}: b ({b}) against a ({a}), {runs}{expectations}", comparison.scenario)
}

/// A difference of the machine.
pub(in crate::report) fn difference(difference: &Difference) -> String {
    let of = |values: &[String]| values.join(" and ");
    let scope = match difference.scope {
        Scope::BetweenArms => "it may be the cause of what is found",
        Scope::WithinAnArm => "it changed while the runs were made",
    };
    format!("{}: a {}, b {}: {scope}", difference.what, of(&difference.a), of(&difference.b))
}

/// The heads of the table of metrics.
pub(in crate::report) const HEADS: [&str; 7] = ["", "a", "b", "b / a", "95 %", "p", "b is"];

/// What they mean.
pub(in crate::report) fn explained(comparison: &Comparison) -> &'static str {
    match comparison.design {
        Design::Blocks => {
            "a, b: medians; b / a: median over the blocks, with its 95 % interval; p: of no difference (signed-rank, corrected for the \
             number of metrics); ~ (5 %): no difference can be told from noise, one of 5 % would have been seen; ?: too few runs"
        }
        Design::Sets => {
            "a, b: medians; b / a: their ratio, with its 95 % interval; p: of no difference (Mann-Whitney, corrected for the number of \
             metrics); ~ (5 %): no difference can be told from noise, one of 5 % would have been seen; ?: too few runs. The sets were not measured side \
             by side: what changed on the machine between them is in these figures"
        }
        Design::Tripwire => {
            "one run against one says nothing about noise: named is only what is off by a quarter, of p99 and beyond by half; for a verdict, \
             run `fanout ab`"
        }
    }
}

/// A row of that table.
pub(in crate::report) fn row(comparison: &Comparison, metric: &Compared) -> Vec<String> {
    let (finding, effect) = (&metric.finding, &metric.finding.effect);
    let statistics = comparison.design != Design::Tripwire;
    let shown = |value| shown(&finding.name, value);
    let mut row = vec![finding.name.clone(), shown(effect.a), shown(effect.b), ratio(effect.ratio)];
    row.push(if statistics { interval(effect.interval) } else { String::new() });
    row.push(if statistics { probability(finding.corrected_p) } else { String::new() });
    row.push(match finding.verdict {
        Verdict::Better => "better".to_owned(),
        Verdict::Worse => "worse".to_owned(),
        Verdict::Unclear if statistics => format!("~ ({})", percent(metric.visible_corrected)),
        Verdict::Unclear => "~".to_owned(),
        Verdict::NotEnoughRuns => "?".to_owned(),
    });
    row
}

/// Two decimals near 1, where they matter; otherwise two digits.
pub(in crate::report) fn ratio(ratio: f64) -> String {
    match ratio {
        0.9..1.1 => format!("{ratio:.3}"),
        0.1..10.0 => format!("{ratio:.2}"),
        _ => significant(ratio, 2),
    }
}

pub(in crate::report) fn interval(interval: Interval) -> String {
    format!("{}-{}", ratio(interval.low), ratio(interval.high))
}

fn probability(p: f64) -> String {
    if p < 0.0005 { "<0.001".to_owned() } else { format!("{p:.3}") }
}

/// A metric without a ratio.
pub(in crate::report) fn uncompared(metric: &Uncompared) -> String {
    let of = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| shown(&metric.name, value));
    format!("{}: a {}, b {} ({})", metric.name, of(metric.a), of(metric.b), metric.why)
}

/// Metrics that are equal in every run.
pub(in crate::report) fn equal(comparison: &Comparison) -> String {
    let each = comparison.equal.iter().map(|metric| match metric.a {
        Some(value) => format!("{} {}", metric.name, shown(&metric.name, value)),
        None => metric.name.clone(),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// The runs of an arm.
pub(in crate::report) fn arm(letter: &str, arm: &ArmRuns) -> String {
    let invalid = if arm.invalid > 0 { format!(", {} invalid", arm.invalid) } else { String::new() };
    format!("{letter} ({}): {} valid{invalid}", arm.name, arm.valid)
}

/// How many runs it takes to see 5 %.
pub(in crate::report) fn recommended(comparison: &Comparison) -> Option<String> {
    let metric = comparison.expectations.iter().map(|outcome| outcome.metric.as_str());
    let usual = ["server.cpu_us_per_delivery", "latency.due.p50", "latency.sent.p99"];
    let runs = comparison.recommended_runs?;
    let metric = metric
        .chain(usual)
        .find(|name| comparison.metric(name).is_some_and(|metric| metric.runs_for_5_percent == Some(runs)))?;
    Some(format!("to see a change of 5 % in {metric}: {runs} runs an arm (--runs {runs})"))
}
