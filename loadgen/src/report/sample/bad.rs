//! Runs with trouble.

use std::collections::BTreeMap;

use super::{good, histograms, latencies};
use crate::result::{Deliveries, Latency, Reason, Run, ThresholdResult, Validity};

/// The good run with an objective that did not hold.
pub fn failed() -> Run {
    let mut run = good();
    run.passed = false;
    run.thresholds[0] = ThresholdResult { pass: false, expr: "< 10ms".to_owned(), ..run.thresholds[0].clone() };
    run
}

/// The good run with 1.2 % lost and some other trouble.
pub fn lost() -> Run {
    let mut run = good();
    let (expected, lost) = (1_500_000, 18_000);
    let counts = latencies(expected - lost);
    let due = counts.quantiles(Some(expected));
    run.deliveries = Deliveries {
        expected,
        lost,
        delivered: expected - lost,
        lost_share: 0.012,
        duplicated: 3,
        reordered: 2,
        ..Deliveries::default()
    };
    run.latency =
        Latency { due: Some(due), sent: counts.quantiles(None), arrived: counts.quantiles(None), ..Latency::default() };
    run.histograms = histograms(&counts);
    run.passed = false;
    run.thresholds[0] = ThresholdResult { value: None, pass: false, ..run.thresholds[0].clone() };
    run.thresholds[1] = ThresholdResult { value: Some(18_000.0), pass: false, ..run.thresholds[1].clone() };
    run.phases.remove("warm-up");
    run
}

/// A server that closed 12 connections, refused 3 and gave no answer to 2.
pub fn dropped() -> Run {
    let mut run = good();
    run.passed = false;
    run.connections.opened = 5045;
    run.connections.refused = 3;
    run.connections.failed = 2;
    run.connections.closed = 14;
    run.connections.refused_by_status = BTreeMap::from([("503".to_owned(), 3)]);
    run.connections.failed_by_cause = BTreeMap::from([("no answer to the upgrade within 10 s".to_owned(), 2)]);
    run.connections.closed_by = BTreeMap::from([("server 1013".to_owned(), 12), ("server reset".to_owned(), 2)]);
    run.thresholds.clear();
    run
}

/// A publisher that could not keep up.
pub fn invalid() -> Run {
    let mut run = good();
    run.passed = false;
    run.validity = Validity {
        valid: false,
        reasons: vec![Reason {
            rule: "schedule-lag".to_owned(),
            figure: "fanout sent publishes late: p99 8.10 ms where 1.20 ms is allowed".to_owned(),
            cure: "lower the publishers' rate, or pin fanout to a core of its own".to_owned(),
        }],
    };
    run.rates.publishes_per_s = 212.0;
    run.loadgen.cpu_share = 0.99;
    run
}

/// The good run, ended by Ctrl-C.
pub fn interrupted() -> Run {
    let mut run = good();
    run.interrupted = true;
    run.ended_early = Some("Ctrl-C after 31 s of 65 s".to_owned());
    run
}
