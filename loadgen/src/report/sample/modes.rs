//! Runs of other kinds than broadcast by the schedule.

use std::collections::BTreeMap;

use serde_json::json;

use super::{good, spread_of};
use crate::result::{Compression, Quantiles, Rates, Run, Spread};

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
