//! Runs over time: second by second, and with connections that left and came back.

use std::collections::BTreeMap;

use super::{good, spread_of};
use crate::record::Counts;
use crate::result::{Interval, Reconnect, Run};
use crate::tenths::Tenths;

/// A storm: everybody was cut when the measured phase began, and all but two came back over five seconds.
pub fn returned() -> Run {
    let mut run = timed(70);
    for interval in run.intervals.iter_mut().filter(|interval| (5.5..10.5).contains(&interval.at_s)) {
        interval.handshakes = 1000;
        interval.connections = 50 + (interval.at_s - 5.0) as u64 * 1000;
    }
    run.connections.left = 5000;
    run.connections.left_by = BTreeMap::from([("cut".to_owned(), 5000)]);
    let (mut first, mut back) = (Counts::new(), Counts::new());
    for i in 0..4998 {
        back.record(2000 + i * 1000);
        first.record(30_000 + i * 1010);
    }
    let us = |us: Option<u64>| us.map(|us| us as f64);
    run.reconnect = Reconnect {
        count: 4998,
        away: 2,
        p50: us(first.percentile(0.5)),
        p99: us(first.percentile(0.99)),
        max: us(first.max()),
        cut: 5000,
        back_50: us(back.percentile_of(0.5, 5000)),
        back_99: us(back.percentile_of(0.99, 5000)),
        back_all: None,
        peak_per_s: Some(1230.0),
        resumed: 4990,
        resume_refused: 8,
        failed_tries: 17,
        handshakes_by_tenth: (50..100).map(|tenth| [tenth, if tenth == 53 { 123 } else { 99 }]).collect(),
    };
    run.histograms.insert("reconnect.first".to_owned(), first.to_base64_v2());
    run.histograms.insert("reconnect.back".to_owned(), back.to_base64_v2());
    run.deliveries.resumed = 62_400;
    run.deliveries.missed = 100;
    run.latency.resumed = spread_of(1_400_000, 62_400);
    // One part resumes, one does not.
    let mut part = run.groups["members"].clone();
    part.reconnect = Reconnect { peak_per_s: None, handshakes_by_tenth: Vec::new(), ..run.reconnect.clone() };
    part.deliveries.resumed = 62_400;
    let mut forgetful = part.clone();
    forgetful.reconnect.resumed = 0;
    (forgetful.deliveries.resumed, forgetful.deliveries.missed) = (0, 100);
    run.groups = BTreeMap::from([("members".to_owned(), part), ("forgetful".to_owned(), forgetful)]);
    run
}

/// The good run with a time line of `seconds`, of which the last two are the drain; a stall in the middle.
pub fn timed(seconds: u32) -> Run {
    let mut run = good();
    let end = f64::from(seconds.saturating_sub(2));
    if let Some(steady) = run.phases.get_mut("steady") {
        steady.length_s = end - steady.start_s;
    }
    run.intervals = (1..=seconds)
        .map(|second| {
            let at_s = f64::from(second);
            let stall = if second.abs_diff(seconds / 2) < 3 { 40 } else { 1 + u64::from(second % 3) };
            let spread = (0..24).map(|step| (stall * 300 * (1 << (step / 3)) + step * 70, 40_000 >> step));
            let phase = if at_s <= 5.0 {
                "warm-up"
            } else if at_s <= end {
                "steady"
            } else {
                "drain"
            };
            Interval {
                handshakes: 0,
                at_s,
                phase: phase.to_owned(),
                connections: 5050 - u64::from(second % 7),
                publishes: 250 - u64::from(second % 5),
                deliveries: 25_000 - u64::from(second % 11) * 100,
                bytes: 3_300_000,
                p50: Some(800.0 + 10.0 * f64::from(second % 9)),
                p99: Some(12_000.0 * stall as f64 / 2.0),
                max: Some(41_000.0 * stall as f64),
                server_cpu_s: Some(0.38 + 0.01 * f64::from(second % 4)),
                server_rss_bytes: Some(11_000_000 + u64::from(second) * 1000),
                loadgen_cpu_s: 0.22,
                loadgen_rss_bytes: 14_000_000,
                arrivals: Tenths::of(spread.filter(|(_, n)| *n > 0)),
                ..Interval::default()
            }
        })
        .collect();
    run
}
