use std::collections::{BTreeSet, HashMap};

use super::*;
use crate::loop_time::LoopTime;
use crate::rate::Cause;
use crate::stats::{Front, Process};
use wire::CloseCode;

/// One sample as an independent reader finds it: name, labels, value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Reads the format from its description, not from how we write it; what breaks a rule of it panics.
fn parse(text: &str) -> (HashMap<String, String>, Vec<Sample>) {
    assert!(text.ends_with('\n'), "the last line ends, too");
    let (mut types, mut helps, mut samples) = (HashMap::new(), BTreeSet::new(), Vec::new());
    let mut family = String::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            family = help.split(' ').next().unwrap().to_owned();
            assert!(helps.insert(family.clone()), "{family} has two HELP lines");
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(name, family, "HELP and TYPE stand together");
            assert!(["counter", "gauge", "histogram"].contains(&kind));
            assert!(types.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} has two TYPE lines");
        } else {
            let sample = sample(line);
            let own = sample.0 == family
                || ["_bucket", "_sum", "_count"].iter().any(|end| sample.0.strip_suffix(end) == Some(&family))
                    && types[&family] == "histogram";
            assert!(own, "{line} stands in the family {family}");
            samples.push(sample);
        }
    }
    (types, samples)
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap();
    let name = &line[..end];
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':'), "{line}");
    let mut labels = BTreeMap::new();
    let mut rest = &line[end..];
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap();
            let (mut value, mut characters) = (String::new(), after.char_indices());
            let end = loop {
                match characters.next().unwrap() {
                    (i, '"') => break i,
                    (_, '\\') => value.push(match characters.next().unwrap().1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        c => panic!("\\{c} is no escape: {line}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            rest = &after[end + 1..];
            match rest.as_bytes()[0] {
                b',' => rest = &rest[1..],
                b'}' => break rest = &rest[1..],
                _ => panic!("{line}"),
            }
        }
    }
    let value = rest.strip_prefix(' ').unwrap();
    (name.to_owned(), labels, if value == "+Inf" { f64::INFINITY } else { value.parse().unwrap() })
}

fn snapshot() -> Snapshot {
    let shard = |n: u64| {
        let mut shard = ShardReport { connections: 5, lag_policy: "skip", ..ShardReport::default() };
        shard.kinds.insert("broadcast", 4);
        shard.tally.publishes = 10 * n;
        shard.tally.skipped_connections = 2;
        for messages in [1, 1, 3, 5000] {
            shard.tally.flushes.record(messages);
        }
        shard.counters.closed = BTreeMap::from([(1000, n), (1006, 1)]);
        shard.counters.closed_by_peer = [3001, 3999, 4000].map(|code| (CloseCode(code).into(), n)).into();
        shard.counters.chat.refused = BTreeMap::from([("too_long", n)]);
        shard.counters.chat.announcements_lost = 1;
        shard.counters.protocol_errors.insert("A \"quoted\"\\\nname".to_owned(), 1);
        shard.counters.limited.by(Cause::Room).dropped = n;
        shard.counters.lagged = 1;
        let mut time = LoopTime::new(0);
        for (woke, done) in [(1_000, 2_000), (5_000, 3_000_000_000)] {
            time.woke(woke);
            time.done(done);
        }
        shard.loop_time = time;
        shard
    };
    Snapshot {
        uptime_s: 12.5,
        service: Service::Draining,
        front: Front { accepted: u64::MAX, refused: BTreeMap::from([(503, 2)]), polling: 3, ..Front::default() },
        process: Process { cpu_s: 0.25, rss_bytes: 4096, descriptors: 9, max_descriptors: 20_000 },
        shards: vec![(0, shard(1)), (2, shard(2))],
    }
}

fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> f64 {
    let wanted = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let found: Vec<f64> = samples.iter().filter(|s| s.0 == name && s.1 == wanted).map(|s| s.2).collect();
    assert_eq!(found.len(), 1, "{name} {labels:?}");
    found[0]
}

#[test]
fn an_independent_reader_finds_what_the_counters_say() {
    let (types, samples) = parse(&render(&snapshot()));
    for (name, labels, expected) in [
        ("fanout_draining", &[][..], 1.0),
        ("fanout_connections", &[("shard", "2")], 5.0),
        ("fanout_members", &[("kind", "broadcast")], 8.0),
        ("fanout_publishes_total", &[("shard", "2")], 20.0),
        ("fanout_closes_total", &[("by", "server"), ("code", "1000")], 3.0),
        ("fanout_closes_total", &[("by", "peer"), ("code", "3xxx")], 3.0),
        ("fanout_closes_total", &[("by", "peer"), ("code", "4xxx")], 3.0),
        ("fanout_chat_refusals_total", &[("reason", "too_long")], 3.0),
        ("fanout_chat_announcements_lost_total", &[("shard", "0")], 1.0),
        ("fanout_protocol_errors_total", &[("error", "A \"quoted\"\\\nname")], 2.0),
        ("fanout_dropped_messages_total", &[("cause", "room")], 3.0),
        ("fanout_lagged_members_total", &[("policy", "skip")], 4.0),
        ("fanout_lagged_members_total", &[("policy", "disconnect")], 2.0),
        ("fanout_refused_requests_total", &[("status", "503")], 2.0),
        ("fanout_polling", &[], 3.0),
        ("process_cpu_seconds_total", &[], 0.25),
        ("process_open_fds", &[], 9.0),
    ] {
        assert_eq!(value(&samples, name, labels), expected, "{name}");
    }
    assert_eq!(types["fanout_closes_total"], "counter");
}

#[test]
fn counters_end_in_total_and_nothing_else_does() {
    let (types, samples) = parse(&render(&snapshot()));
    for (name, kind) in &types {
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert!(name.starts_with("fanout_") || name.starts_with("process_"), "{name}");
    }
    let unique: BTreeSet<_> = samples.iter().map(|(name, labels, _)| (name, labels)).collect();
    assert_eq!(unique.len(), samples.len(), "no series twice");
}

#[test]
fn histograms_grow_with_their_bounds_and_end_in_infinity() {
    let (types, samples) = parse(&render(&snapshot()));
    for (name, _) in types.iter().filter(|(_, kind)| *kind == "histogram") {
        for shard in ["0", "2"] {
            let buckets: Vec<(f64, f64)> = samples
                .iter()
                .filter(|s| s.0 == format!("{name}_bucket") && s.1["shard"] == shard)
                .map(|s| (if s.1["le"] == "+Inf" { f64::INFINITY } else { s.1["le"].parse().unwrap() }, s.2))
                .collect();
            assert!(buckets.len() > 3 && buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name} {buckets:?}");
            let last = buckets[buckets.len() - 1];
            assert_eq!(last.0, f64::INFINITY);
            assert_eq!(last.1, value(&samples, &format!("{name}_count"), &[("shard", shard)]));
        }
    }
    assert_eq!(value(&samples, "fanout_flush_messages_bucket", &[("shard", "0"), ("le", "1")]), 2.0);
    assert_eq!(value(&samples, "fanout_flush_messages_bucket", &[("shard", "0"), ("le", "4")]), 3.0);
    assert_eq!(value(&samples, "fanout_flush_messages_sum", &[("shard", "0")]), 5005.0);
    assert_eq!(value(&samples, "fanout_loop_turn_seconds_bucket", &[("shard", "0"), ("le", "0.000001024")]), 1.0);
    assert_eq!(value(&samples, "fanout_loop_asleep_seconds_total", &[("shard", "0")]), 0.000_004);
}
