//! Runs made up for tests of the reports.

use std::collections::BTreeMap;

use serde_json::json;

use crate::record::Counts;
use crate::result::{
    Compression, Connections, Deliveries, Environment, Figures, Interval, Latency, Level, LoadgenCost, LoadgenSeconds,
    PhaseFigures, Publishes, Quantiles, Rates, Reason, Reconnect, Run, ServerCost, ServerSeconds, Spread,
    ThresholdResult, Validity,
};
use crate::tenths::Tenths;

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
            client: "native".to_owned(),
            target: "bundled, ws://127.0.0.1:9001".to_owned(),
        },
        validity: Validity { valid: true, reasons: Vec::new() },
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

/// A storm: everybody was cut, and all but two came back.
pub fn returned() -> Run {
    let mut run = good();
    run.connections.left = 5000;
    run.connections.left_by = BTreeMap::from([("cut".to_owned(), 5000)]);
    run.reconnect = Reconnect {
        count: 4998,
        away: 2,
        p50: Some(2_600_000.0),
        p99: Some(5_010_000.0),
        cut: 5000,
        back_50: Some(2_510_000.0),
        back_99: Some(4_960_000.0),
        back_all: None,
        peak_per_s: Some(1230.0),
        resumed: 4990,
        resume_refused: 8,
        failed_tries: 17,
    };
    run.deliveries.resumed = 62_400;
    run.deliveries.missed = 100;
    run.latency.resumed = spread_of(1_400_000, 62_400);
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

/// Publishing as fast as answers come back; one phase, one group, no thresholds.
pub fn closed_loop() -> Run {
    let mut run = good();
    run.latency.due = None;
    run.histograms.remove("due");
    run.latency.round_trip = Some(spread_of(2100, 15_000));
    run.rates = Rates {
        publishes_asked_per_s: None,
        publishes_per_s: 20_400.0,
        deliveries_per_s: 20_400_000.0,
        deliveries_per_read: 212.4,
        ..run.rates
    };
    run.schedule_lag = Quantiles::default();
    run.thresholds.clear();
    run.phases.remove("warm-up");
    if let Some(server) = &mut run.server {
        server.cpu_share = 0.997;
    }
    run
}

/// One hundred connections to an echo server that we did not start.
pub fn echo() -> Run {
    let mut run = good();
    run.scenario = json!({ "name": "echo", "mode": "echo" });
    (run.subscribers, run.rooms) = (100, 1);
    run.server = None;
    run.spread = Spread::default();
    run.environment.target = "ws://192.0.2.7:9001".to_owned();
    run.environment.server_cpus = None;
    run.rates.deliveries_per_s = 250.0;
    run.thresholds.clear();
    run.phases.remove("warm-up");
    run.notes = vec!["the server confirms no join: publishing began 500 ms after the last one".to_owned()];
    run
}

/// The good run with context, of which one connection in five was decompressed.
pub fn compressed() -> Run {
    let mut run = good();
    let compression = Compression {
        negotiated: BTreeMap::from([("context/15".to_owned(), 4990), ("off".to_owned(), 10)]),
        payload_bytes: 38_400_000,
        plain_bytes: 39_600_000,
        wire_bytes: 8_200_000,
        ratio: Some(39.6 / 8.2),
        counted_bytes: 32_700_000,
    };
    run.compression = compression.clone();
    run.deliveries.counted = 1_200_000;
    run.rates.payload_bytes_per_s = 640_000.0;
    run.rates.wire_bytes_per_s = 681_000.0;
    (run.loadgen.inflate_cpu_s, run.loadgen.inflated) = (0.18, 15_000);
    if let Some(members) = run.groups.get_mut("members") {
        members.compression = compression;
    }
    run
}

/// The good run, ended by Ctrl-C.
pub fn interrupted() -> Run {
    let mut run = good();
    run.interrupted = true;
    run.ended_early = Some("Ctrl-C after 31 s of 65 s".to_owned());
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
