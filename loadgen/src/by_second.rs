//! What both sides spent, second by second: the middle one and the highest. No clock, no sockets.

use crate::result::{Interval, Level, LoadgenSeconds, ServerSeconds};

/// An interval shorter than this is the rest of a second, in which a rate says little.
const WHOLE_SECOND: f64 = 0.5;

/// The intervals of phases that are measured.
pub fn measured(intervals: &[Interval], measures: impl Fn(&str) -> bool) -> Vec<&Interval> {
    intervals.iter().filter(|interval| measures(&interval.phase)).collect()
}

/// The server over these intervals.
pub fn server(seconds: &[&Interval]) -> ServerSeconds {
    let number = |figure: fn(&Interval) -> Option<u64>| level(seconds, |i| figure(i).map(|n| n as f64));
    ServerSeconds {
        cpu_share: level(seconds, |i| per_second(i, i.server_cpu_s?)),
        rss_bytes: number(|i| i.server_rss_bytes),
        threads: number(|i| i.server_threads),
        descriptors: number(|i| i.server_descriptors),
        context_switches: level(seconds, |i| per_second(i, i.server_context_switches? as f64)),
        send_queue_bytes: number(|i| i.server_send_queue_bytes),
        send_queue_max_bytes: number(|i| i.server_send_queue_max_bytes),
    }
}

/// The load generator over these intervals.
pub fn loadgen(seconds: &[&Interval]) -> LoadgenSeconds {
    LoadgenSeconds {
        cpu_share: level(seconds, |i| per_second(i, i.loadgen_cpu_s)),
        rss_bytes: level(seconds, |i| Some(i.loadgen_rss_bytes as f64)),
        descriptors: level(seconds, |i| i.loadgen_descriptors.map(|n| n as f64)),
    }
}

fn per_second(interval: &Interval, amount: f64) -> Option<f64> {
    (interval.length_s >= WHOLE_SECOND).then(|| amount / interval.length_s)
}

fn level(seconds: &[&Interval], figure: impl Fn(&Interval) -> Option<f64>) -> Level {
    let mut values: Vec<f64> = seconds.iter().filter_map(|i| figure(i)).collect();
    values.sort_by(f64::total_cmp);
    // Of an even number the lower of the two middle ones: a value that there was.
    Level { median: values.get(values.len().saturating_sub(1) / 2).copied(), max: values.last().copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_highest_second_are_told() {
        let second = |cpu, rss| Interval {
            length_s: 1.0,
            server_cpu_s: Some(cpu),
            server_rss_bytes: Some(rss),
            loadgen_cpu_s: cpu / 2.0,
            ..Interval::default()
        };
        let seconds = [second(0.2, 30), second(0.9, 10), second(0.4, 20)];
        let all: Vec<&Interval> = seconds.iter().collect();
        assert_eq!(server(&all).cpu_share, Level { median: Some(0.4), max: Some(0.9) });
        assert_eq!(server(&all).rss_bytes, Level { median: Some(20.0), max: Some(30.0) });
        assert_eq!(loadgen(&all).cpu_share, Level { median: Some(0.2), max: Some(0.45) });
        assert_eq!(server(&all).threads, Level::default(), "not sampled");
    }

    #[test]
    fn rates_are_taken_over_the_length_of_the_interval_and_not_of_its_scraps() {
        let of = |length_s, cpu| Interval { length_s, server_cpu_s: Some(cpu), ..Interval::default() };
        let seconds = [of(2.0, 1.0), of(0.001, 0.002)];
        assert_eq!(server(&seconds.iter().collect::<Vec<_>>()).cpu_share.max, Some(0.5));
        assert_eq!(server(&[]).cpu_share, Level::default());
    }
}
