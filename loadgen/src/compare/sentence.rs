//! The sentence that a manager reads: what b gains, what it costs, and what shows no difference.

use super::comparison::{Compared, Comparison, Design};
use crate::analyse::{LEAST_BLOCKS, Verdict};
use crate::report::numbers::{percent, significant};

/// A metric as the sentence speaks of it.
struct Phrase {
    metric: &'static str,
    /// What b does with it.
    verb: &'static str,
    /// After the amount, where b has less.
    less: &'static str,
    /// After the amount, where b has more.
    more: &'static str,
    /// On its own, where it shows no difference; empty: then it is not spoken of.
    noun: &'static str,
}

/// In the order of the sentence. Of those about latency only the first that was measured is spoken of.
const PHRASES: [Phrase; 8] = [
    Phrase {
        metric: "rates.wire_bytes_per_s",
        verb: "sends",
        less: "fewer bytes",
        more: "more bytes",
        noun: "bytes sent",
    },
    Phrase {
        metric: "rates.deliveries_per_s",
        verb: "makes",
        less: "fewer deliveries a second",
        more: "more deliveries a second",
        noun: "delivery rate",
    },
    Phrase {
        metric: "server.cpu_us_per_delivery",
        verb: "uses",
        less: "less server CPU per delivery",
        more: "more server CPU per delivery",
        noun: "server CPU per delivery",
    },
    Phrase {
        metric: "latency.due.p50",
        verb: "has",
        less: "lower median latency",
        more: "higher median latency",
        noun: "",
    },
    Phrase {
        metric: "latency.due.p99",
        verb: "has",
        less: "lower p99 latency",
        more: "higher p99 latency",
        noun: "p99 latency",
    },
    Phrase {
        metric: "latency.sent.p99",
        verb: "has",
        less: "lower p99 latency after sending",
        more: "higher p99 latency after sending",
        noun: "p99 latency after sending",
    },
    Phrase {
        metric: "server.rss_bytes_per_connection",
        verb: "needs",
        less: "less server memory per connection",
        more: "more server memory per connection",
        noun: "server memory per connection",
    },
    Phrase {
        metric: "connect.p99",
        verb: "has",
        less: "shorter p99 time to connect",
        more: "longer p99 time to connect",
        noun: "",
    },
];

/// Everything that can be said in one or two sentences.
pub(super) fn summary(comparison: &Comparison) -> String {
    let (a, b) = (format!("a ({})", comparison.a.name), format!("b ({})", comparison.b.name));
    if !comparison.is_conclusive() {
        let of = if comparison.design == Design::Blocks { "blocks" } else { "runs an arm" };
        return format!("not enough runs: {} valid {of}, and a verdict needs {LEAST_BLOCKS}", comparison.runs);
    }
    let found: Vec<(&Phrase, &Compared)> = PHRASES
        .iter()
        .filter(|phrase| phrase.metric != "latency.sent.p99" || comparison.metric("latency.due.p99").is_none())
        .filter_map(|phrase| comparison.metric(phrase.metric).map(|metric| (phrase, metric)))
        .collect();
    let of = |verdict| found.iter().filter(move |(_, metric)| metric.finding.verdict == verdict);
    let gains: Vec<String> = of(Verdict::Better).map(|(p, m)| format!("{} {}", p.verb, amount(p, m))).collect();
    let costs: Vec<(String, String)> =
        of(Verdict::Worse).map(|(p, m)| (amount(p, m), format!("{} {}", p.verb, amount(p, m)))).collect();
    let unclear: Vec<(&str, String)> = of(Verdict::Unclear)
        .filter(|(p, _)| !p.noun.is_empty())
        .map(|(p, m)| (p.noun, percent(m.visible_corrected)))
        .collect();
    let mut parts = Vec::new();
    match (gains.is_empty(), costs.is_empty()) {
        (false, false) => {
            let costs: Vec<&str> = costs.iter().map(|(amount, _)| amount.as_str()).collect();
            parts.push(format!("{b} {} than {a} for {}", listed(&gains), listed(&costs)));
        }
        (false, true) => parts.push(format!("{b} {} than {a}", listed(&gains))),
        (true, false) => {
            let costs: Vec<&str> = costs.iter().map(|(_, clause)| clause.as_str()).collect();
            parts.push(format!("{b} {} than {a}", listed(&costs)));
        }
        (true, true) => {}
    }
    if comparison.design == Design::Tripwire {
        let tripped = comparison.metrics.iter().filter(|metric| metric.tripped == Some(true)).count();
        parts.insert(
            0,
            match tripped {
                0 => format!("tripwire, one run against one: nothing between {b} and {a} is beyond its wide margin"),
                1 => "tripwire, one run against one: 1 metric is beyond its wide margin".to_owned(),
                n => format!("tripwire, one run against one: {n} metrics are beyond their wide margins"),
            },
        );
    } else if !unclear.is_empty() {
        parts.push(no_difference(&unclear, if parts.is_empty() { Some((&b, &a)) } else { None }));
    }
    if let Some(lost) = lost(comparison) {
        // First: whatever else b is good at, it is less good at what it is for.
        parts.insert(0, lost);
    }
    if parts.is_empty() { format!("nothing measured lets {b} and {a} be compared") } else { parts.join("; ") }
}

/// `p99 latency shows no difference (one of 8 % would have been seen)`.
fn no_difference(unclear: &[(&str, String)], arms: Option<(&String, &String)>) -> String {
    let between = arms.map_or(String::new(), |(b, a)| format!("between {b} and {a}, "));
    let seen = |first: bool, visible: &str| {
        if first { format!("(one of {visible} would have been seen)") } else { format!("({visible})") }
    };
    let each: Vec<String> =
        unclear.iter().enumerate().map(|(i, (noun, visible))| format!("{noun} {}", seen(i == 0, visible))).collect();
    match unclear {
        [(noun, visible)] => format!("{between}{noun} shows no difference {}", seen(true, visible)),
        _ => format!("{between}no difference shows in {}", listed(&each)),
    }
}

/// Losses have no ratio where one side has none, and are never left out.
fn lost(comparison: &Comparison) -> Option<String> {
    let found = comparison.uncompared.iter().find(|metric| metric.name == "deliveries.lost_share")?;
    let share = |value: Option<f64>| match value {
        Some(0.0) => "nothing".to_owned(),
        Some(share) => format!("{} of its deliveries", percent(share)),
        None => "an unknown share".to_owned(),
    };
    match (found.a, found.b) {
        (Some(0.0), Some(0.0)) => Some("some runs lost deliveries".to_owned()),
        (a, b) => Some(format!("b lost {}, a {} (medians)", share(b), share(a))),
    }
}

/// `6.3 times fewer bytes`, `3 % more server CPU per delivery`.
fn amount(phrase: &Phrase, metric: &Compared) -> String {
    let ratio = metric.finding.effect.ratio;
    let direction = if ratio < 1.0 { phrase.less } else { phrase.more };
    let times = if ratio < 1.0 { 1.0 / ratio } else { ratio };
    if times >= 2.0 {
        format!("{} times {direction}", significant(times, 2))
    } else {
        format!("{} {direction}", percent((ratio - 1.0).abs()))
    }
}

fn listed(items: &[impl AsRef<str>]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [rest @ .., last] => {
            let rest: Vec<&str> = rest.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", rest.join(", "), last.as_ref())
        }
    }
}
