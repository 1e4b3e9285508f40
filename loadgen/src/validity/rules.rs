//! The rules, one function each: the reason it is broken, or `None`.

use super::{Evidence, OwnSecond, Purpose, RanOut};
use crate::record::MAX_US;
use crate::result::Reason;

/// Every rule, the most telling first.
pub(super) const ALL: [fn(&Evidence) -> Option<Reason>; 12] = [
    ran_out,
    nothing_expected,
    ledger,
    impossible_deliveries,
    unaccountable,
    unsent,
    schedule_lag,
    cpu_at_limit,
    read_age,
    elapsed,
    clock,
    clamped,
];

/// How the figure begins of a run in which publishes left later than is allowed.
pub const SENT_LATE: &str = "fanout sent publishes late";
/// A load generator that uses this much of its cores has none to spare.
const CPU_LIMIT: f64 = 0.95;
/// Fewer seconds than this at the limit are a burst, not a trend.
const TREND_SECONDS: usize = 3;
/// How much longer than planned the phases may take: this share, and this many seconds.
const OVER_PLAN: (f64, f64) = (0.05, 1.0);
/// The least schedule lag that is ever held against a run, in microseconds.
const LEAST_LAG_LIMIT: f64 = 1000.0;

fn reason(rule: &str, figure: String, cure: &str) -> Option<Reason> {
    Some(Reason { rule: rule.to_owned(), figure, cure: cure.to_owned() })
}

fn ran_out(evidence: &Evidence) -> Option<Reason> {
    let &(what, times) = evidence.ran_out.iter().filter(|(_, times)| *times > 0).max_by_key(|(_, times)| *times)?;
    let (what, cure) = match what {
        RanOut::Descriptors => (
            "file descriptors",
            "raise the limit (ulimit -n, or LimitNOFILE= of the service), or use fewer connections",
        ),
        RanOut::Ports => (
            "local ports",
            "give the group more source_ips (such as 127.0.0.2-127.0.0.5), or widen net.ipv4.ip_local_port_range",
        ),
        RanOut::Memory => ("memory", "use fewer connections, or a machine with more memory"),
    };
    reason("ran-out", format!("fanout ran out of {what} {times} times"), cure)
}

fn nothing_expected(evidence: &Evidence) -> Option<Reason> {
    if evidence.deliveries.expected > 0 || evidence.turned_away > 0 || evidence.purpose == Purpose::Hold {
        return None;
    }
    let (figure, cure) = if evidence.publishes_due == 0 {
        (
            "nothing was published in the measured phases".to_owned(),
            "raise the publishers' rate or the length of the phases until at least one publish is due",
        )
    } else {
        (
            format!("{} publishes were due but no delivery was expected", evidence.publishes_due),
            "give every room that is published to a subscriber, or let the run get past its warm-up",
        )
    };
    reason("nothing-measured", figure, cure)
}

/// Deliveries beyond what was expected of their phase and group; they say nothing about the arithmetic.
fn surplus(evidence: &Evidence) -> u64 {
    (evidence.deliveries.delivered + evidence.deliveries.corrupted).saturating_sub(evidence.deliveries_possible)
}

fn ledger(evidence: &Evidence) -> Option<Reason> {
    let d = &evidence.deliveries;
    let surplus = surplus(evidence);
    let sum = d.delivered + d.corrupted + d.lost;
    if sum == d.expected + surplus {
        return None;
    }
    reason(
        "ledger",
        format!(
            "expected {} is not delivered {} + corrupted {} + lost {} - surplus {surplus} = {}",
            d.expected,
            d.delivered,
            d.corrupted,
            d.lost,
            sum - surplus
        ),
        "this is an error in fanout: please report it with run.json",
    )
}

fn impossible_deliveries(evidence: &Evidence) -> Option<Reason> {
    let surplus = surplus(evidence);
    if surplus == 0 {
        return None;
    }
    reason(
        "impossible-deliveries",
        format!("{surplus} deliveries arrived beyond those that publishes and subscribers allow for"),
        "if another run publishes to these rooms, give this one rooms of its own; otherwise the server sends copies that the \
         probe did not see, such as a sender's own message after more than 250 ms",
    )
}

fn unaccountable(evidence: &Evidence) -> Option<Reason> {
    let unaccountable = evidence.deliveries.unaccountable;
    if unaccountable == 0 || evidence.left > 0 {
        return None;
    }
    reason(
        "unaccountable",
        format!("{unaccountable} deliveries are neither delivered nor lost although no subscriber left by plan"),
        "this is an error in fanout: please report it with run.json",
    )
}

fn unsent(evidence: &Evidence) -> Option<Reason> {
    if evidence.unsent_by_us == 0 {
        return None;
    }
    reason(
        "unsent",
        format!("{} of {} publishes that were due were never sent", evidence.unsent_by_us, evidence.publishes_due),
        "lower the publishers' rate, use more publishers, or give fanout a faster core",
    )
}

/// The most that schedule lag p99 may be, in microseconds.
fn lag_limit(evidence: &Evidence) -> f64 {
    evidence
        .max_schedule_lag
        .unwrap_or_else(|| LEAST_LAG_LIMIT.max(evidence.claimed.us().map_or(0.0, |claimed| claimed * 0.1)))
}

fn schedule_lag(evidence: &Evidence) -> Option<Reason> {
    let lag = evidence.schedule_lag_p99?;
    let limit = lag_limit(evidence);
    if lag <= limit {
        return None;
    }
    reason(
        "schedule-lag",
        format!("{SENT_LATE}: p99 {} where {} is allowed", ms(lag), ms(limit)),
        "lower the publishers' rate, use more publishers, pin fanout to a core of its own, keep its CPUs awake (--keep-awake), or allow more \
         with max_schedule_lag",
    )
}

fn cpu_at_limit(evidence: &Evidence) -> Option<Reason> {
    evidence.seconds.chunk_by(|a, b| busy(a) == busy(b)).filter(|streak| busy(&streak[0])).find_map(|streak| {
        let lags: Vec<f64> = streak.iter().filter_map(|second| second.lag_p99).collect();
        let third = lags.len() / 3;
        if lags.len() < TREND_SECONDS {
            return None;
        }
        // Medians of the first and the last third: one odd second is no trend.
        let (first, last) = (median(&lags[..third]), median(&lags[lags.len() - third..]));
        if last < 2.0 * first || last - first < lag_limit(evidence) / 2.0 {
            return None;
        }
        reason(
            "cpu-limit",
            format!(
                "fanout used all of its CPU for {} s while it fell behind its schedule, from {} to {}",
                streak.len(),
                ms(first),
                ms(last)
            ),
            "lower the load, or give fanout more or faster cores",
        )
    })
}

fn busy(second: &OwnSecond) -> bool {
    second.cpu_share >= CPU_LIMIT
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn read_age(evidence: &Evidence) -> Option<Reason> {
    let age = evidence.read_age_p99?;
    let claimed = evidence.claimed.us()?;
    if age <= claimed / 2.0 {
        return None;
    }
    let metric = evidence.claimed.metric();
    reason(
        "read-age",
        format!(
            "deliveries waited for fanout to read them: p99 {}, more than half of {metric} = {}",
            ms(age),
            ms(claimed)
        ),
        "use fewer subscribers or a lower rate, pin fanout to a core of its own, or use a faster core",
    )
}

fn elapsed(evidence: &Evidence) -> Option<Reason> {
    let (share, seconds) = OVER_PLAN;
    if evidence.elapsed_s <= evidence.planned_s * (1.0 + share) + seconds {
        return None;
    }
    reason(
        "elapsed",
        format!("the phases took {:.1} s where {:.1} s were planned", evidence.elapsed_s, evidence.planned_s),
        "the machine was paused or overloaded: run again with nothing else on it",
    )
}

fn clock(evidence: &Evidence) -> Option<Reason> {
    if evidence.clock_went_back == 0 {
        return None;
    }
    reason(
        "clock",
        format!("the clock went back {} times", evidence.clock_went_back),
        "run on a machine (or virtual machine) with a steady monotonic clock",
    )
}

fn clamped(evidence: &Evidence) -> Option<Reason> {
    if evidence.clamped == 0 {
        return None;
    }
    reason(
        "clamped",
        format!("{} latencies were longer than the {} s that are recorded", evidence.clamped, MAX_US / 1_000_000),
        "the server fell minutes behind: lower the load, or shorten the run",
    )
}

fn ms(us: f64) -> String {
    if us < 100.0 { format!("{us:.0} us") } else { format!("{:.2} ms", us / 1000.0) }
}
