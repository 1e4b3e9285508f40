//! Runs made up for tests of the reports.

mod bad;
mod lives;
mod modes;

pub use bad::{dropped, failed, interrupted, invalid, lost};
pub use lives::{returned, timed};
pub use modes::{closed_loop, compressed, echo};

use std::collections::BTreeMap;

use serde_json::json;

use crate::record::Counts;
use crate::result::{
    Compression, Connections, Deliveries, Environment, Figures, Interval, Latency, Level, LoadgenCost, LoadgenSeconds,
    PhaseFigures, Publishes, Quantiles, Rates, Reconnect, Run, ServerCost, ServerSeconds, Spread, ThresholdResult,
    Validity,
};

/// `n` latencies between 0.3 ms and 41 ms, most of them short.
fn latencies(n: u64) -> Counts {
    let mut counts = Counts::new();
    counts.record_n(320, n / 10);
    counts.record_n(640, n / 5);
    counts.record_n(800, n * 4 / 10);
    counts.record_n(1400, n / 5);
    counts.record_n(5200, n * 88 / 1000);
    counts.record_n(12_000, n / 100);
    counts.record_n(24_500, n / 1000 - 1);
    counts.record_n(41_000, n - counts.count());
    counts
}

fn spread_of(us: u64, n: u64) -> Quantiles {
    let mut counts = Counts::new();
    counts.record_n(us, n - 10);
    counts.record_n(us * 3, 10);
    counts.quantiles(None)
}

fn histograms(counts: &Counts) -> BTreeMap<String, String> {
    BTreeMap::from(["due", "sent"].map(|name| (name.to_owned(), counts.to_base64_v2())))
}

fn level(median: f64, max: f64) -> Level {
    Level { median: Some(median), max: Some(max) }
}

fn threshold(metric: &str, expr: &str, value: f64) -> ThresholdResult {
    ThresholdResult {
        metric: metric.to_owned(),
        expr: expr.to_owned(),
        value: Some(value),
        pass: true,
        ..ThresholdResult::default()
    }
}

/// 5,000 subscribers in 50 rooms for a minute: everything held.
pub fn good() -> Run {
    let n = 1_500_000;
    let counts = latencies(n);
    let due = counts.quantiles(Some(n));
    let figures = Figures {
        publishes: Publishes { due: 15_000, sent: 15_000, away: 0 },
        deliveries: Deliveries { expected: n, delivered: n, ..Deliveries::default() },
        rates: Rates {
            publishes_asked_per_s: Some(250.0),
            publishes_per_s: 250.0,
            deliveries_per_s: 25_000.0,
            payload_bytes_per_s: 3_200_000.0,
            wire_bytes_per_s: 3_300_000.0,
            deliveries_per_read: 1.2,
        },
        compression: Compression {
            negotiated: BTreeMap::from([("off".to_owned(), 5000)]),
            payload_bytes: 192_000_000,
            plain_bytes: 198_000_000,
            wire_bytes: 198_000_000,
            ratio: Some(1.0),
            counted_bytes: 0,
        },
        latency: Latency { due: Some(due.clone()), sent: due.clone(), arrived: due, ..Latency::default() },
        schedule_lag: spread_of(20, 15_000),
        reconnect: Reconnect::default(),
        subscribers: 5000,
        closed: None,
    };
    let phase = |measure, start_s, length_s| PhaseFigures {
        measure,
        start_s,
        length_s,
        figures: figures.clone(),
        server_cpu_s: Some(length_s * 0.38),
    };
    Run {
        observe: None,
        schema: 1,
        started: "2025-11-20T12:16:03Z".to_owned(),
        elapsed_s: 71.2,
        interrupted: false,
        ended_early: None,
        scenario: json!({ "name": "chat-peak", "mode": "broadcast" }),
        environment: Environment {
            fanout: "0.1.0".to_owned(),
            kernel: "6.12.1".to_owned(),
            cpu: "Example CPU 2.4 GHz".to_owned(),
            cores: 2,
            memory_bytes: 24 << 30,
            limits: BTreeMap::from([("descriptors".to_owned(), 20_000)]),
            versions: BTreeMap::from([("fanout".to_owned(), "0.1.0".to_owned())]),
            git: None,
            server_cpus: Some(vec![0]),
            loadgen_cpus: vec![1],
            awake_cpus: Vec::new(),
            client: "native".to_owned(),
            target: "bundled, ws://127.0.0.1:9001".to_owned(),
            boot: "6b3b5a0e-5a6c-4f0e-9c55-2f2d6b0c7a11".to_owned(),
        },
        validity: Validity { valid: true, reasons: Vec::new() },
        invalid_before: Vec::new(),
        passed: true,
        subscribers: 5000,
        rooms: 50,
        connections: Connections {
            asked: 5050,
            opened: 5050,
            ramp_s: 2.5,
            opened_per_s: 2020.0,
            peak: 5050,
            ..Connections::default()
        },
        connect: spread_of(210, 5050),
        connect_tcp: spread_of(60, 5050),
        connect_tls: Quantiles::default(),
        connect_join: Quantiles::default(),
        connect_upgrade: spread_of(150, 5050),
        publishes: figures.publishes.clone(),
        http: None,
        deliveries: figures.deliveries.clone(),
        rates: figures.rates.clone(),
        compression: figures.compression.clone(),
        reconnect: Reconnect::default(),
        latency: figures.latency.clone(),
        schedule_lag: figures.schedule_lag.clone(),
        read_age: spread_of(45, n),
        spread: Spread {
            first: spread_of(150, 15_000),
            last: spread_of(900, 15_000),
            last_less_first: spread_of(740, 15_000),
            median: spread_of(500, 1000),
            p99: spread_of(880, 1000),
            sampled: 1000,
        },
        server: Some(ServerCost {
            pid: 4711,
            cpu_s: 22.8,
            cpu_share: 0.38,
            cores: 1,
            cpu_us_per_delivery: Some(15.2),
            rss_bytes: 11_500_000,
            rss_peak_bytes: 12_000_000,
            rss_idle_bytes: 10_100_000,
            rss_bytes_per_connection: Some(290.0),
            kernel_bytes_per_connection: Some(6600.0),
            context_switches: 91_234,
            tcp_retransmits: 0,
            processes: 1,
            by_second: ServerSeconds {
                cpu_share: level(0.38, 0.41),
                rss_bytes: level(11_400_000.0, 12_000_000.0),
                threads: level(3.0, 3.0),
                descriptors: level(5064.0, 5064.0),
                context_switches: level(1520.0, 1610.0),
                send_queue_bytes: level(120_000.0, 2_400_000.0),
                send_queue_max_bytes: level(1400.0, 38_000.0),
            },
            stats: None,
        }),
        loadgen: LoadgenCost {
            cpu_s: 13.2,
            cpu_share: 0.22,
            cores: 1,
            cpu_us_per_delivery: Some(8.8),
            cpu_us_per_read: Some(10.56),
            rss_bytes: 14_000_000,
            rss_peak_bytes: 14_500_000,
            rss_idle_bytes: 12_000_000,
            rss_bytes_per_connection: Some(410.0),
            reads: 1_250_000,
            workers: 1,
            by_second: LoadgenSeconds {
                cpu_share: level(0.22, 0.25),
                rss_bytes: level(13_900_000.0, 14_500_000.0),
                descriptors: level(5060.0, 5060.0),
            },
            ..LoadgenCost::default()
        },
        groups: BTreeMap::from([("members".to_owned(), figures.clone())]),
        phases: BTreeMap::from([
            ("warm-up".to_owned(), phase(false, 0.0, 5.0)),
            ("steady".to_owned(), phase(true, 5.0, 60.0)),
        ]),
        intervals: vec![Interval { at_s: 1.0, phase: "warm-up".to_owned(), ..Interval::default() }],
        thresholds: vec![
            threshold("latency.due.p99", "< 50ms", 12_000.0),
            threshold("deliveries.lost", "== 0", 0.0),
            threshold("server.cpu_us_per_delivery", "< 20", 15.2),
        ],
        baseline: None,
        histograms: histograms(&counts),
        notes: Vec::new(),
        errors: BTreeMap::new(),
    }
}
