//! A scene as metrics for Prometheus.

use super::exposition::{Exposition, Kind, Labels};
use super::scene::Scene;
use super::snapshot::{Side, Snapshot};

/// The metrics of a run as far as it has come.
#[must_use]
pub fn text(scene: &Scene) -> String {
    let mut out = Exposition::default();
    let outline = &scene.outline;
    let all =
        [("scenario", outline.name.as_str()), ("target", outline.target.as_str()), ("part", outline.part.as_str())];
    let info: Labels<'_> = if outline.part.is_empty() { &all[..2] } else { &all };
    out.family("fanout_run_info", Kind::Gauge, "The run that is measured.", [(info, 1)]);
    out.family("fanout_run_ended", Kind::Gauge, "1 when the run is over.", [(NONE, u8::from(scene.ended))]);
    out.family("fanout_subscribers", Kind::Gauge, "Connections that are to receive.", [(NONE, outline.subscribers)]);
    if let Some(now) = &scene.now {
        progress(&mut out, now);
        traffic(&mut out, now);
        latency(&mut out, now);
        costs(&mut out, now);
    }
    let names: Vec<String> = scene.alarms().iter().filter_map(|alarm| name_of(alarm.kind?)).collect();
    let labels: Vec<[(&str, &str); 1]> = names.iter().map(|name| [("kind", name.as_str())]).collect();
    out.family("fanout_alarm", Kind::Gauge, "What is wrong now.", labels.iter().map(|label| (&label[..], 1)));
    out.finish()
}

const NONE: Labels<'static> = &[];

fn name_of(kind: super::alarm::Kind) -> Option<String> {
    serde_json::to_value(kind).ok()?.as_str().map(str::to_owned)
}

fn progress(out: &mut Exposition, now: &Snapshot) {
    let phase: Labels<'_> = &[("phase", now.phase.as_str())];
    out.family("fanout_phase_info", Kind::Gauge, "The phase under way.", [(phase, 1)]);
    let help = "Since the start of the first phase; while connecting, since the first dial.";
    out.family("fanout_elapsed_seconds", Kind::Gauge, help, [(NONE, now.elapsed.as_secs_f64())]);
    let c = &now.connections;
    let states = [
        (&[("state", "opening")], c.opening),
        (&[("state", "open")], c.open),
        (&[("state", "away")], c.away),
        (&[("state", "refused")], c.refused),
        (&[("state", "failed")], c.failed),
        (&[("state", "closed")], c.closed),
    ];
    let states = states.iter().map(|(label, n)| (&label[..], *n));
    out.family("fanout_connections", Kind::Gauge, "Connections by what became of them.", states);
    out.family("fanout_connections_asked", Kind::Gauge, "Connections asked for in all.", [(NONE, c.asked)]);
}

fn traffic(out: &mut Exposition, now: &Snapshot) {
    let t = &now.totals;
    for (name, help, value) in [
        ("fanout_publishes_due_total", "Publishes that fell due.", t.due),
        ("fanout_publishes_sent_total", "Publishes handed to the socket.", t.sent),
        ("fanout_deliveries_total", "Messages received.", t.delivered),
        ("fanout_received_bytes_total", "Bytes received, headers included.", t.bytes),
    ] {
        out.family(name, Kind::Counter, help, [(NONE, value)]);
    }
    let help = "Deliveries expected and not there: under way, or lost.";
    out.family("fanout_deliveries_outstanding", Kind::Gauge, help, now.outstanding.map(|n| (NONE, n)));
    let help = "Deliveries known to be lost; what comes out of order is taken back.";
    out.family("fanout_deliveries_lost", Kind::Gauge, help, [(NONE, now.lost)]);
}

fn latency(out: &mut Exposition, now: &Snapshot) {
    let all = &now.totals.latency;
    let help = "Arrival after due time (in a closed loop after sending), warm-up included.";
    out.histogram("fanout_delivery_latency_seconds", help, all.cumulative(), all.sum(), all.count());
    let second = &now.second;
    let last: Vec<(Labels<'_>, f64)> =
        [(&[("quantile", "0.5")][..], second.p50), (&[("quantile", "0.99")][..], second.p99)]
            .into_iter()
            .filter_map(|(label, us)| Some((label, us? / 1e6)))
            .collect();
    out.family("fanout_second_latency_seconds", Kind::Gauge, "The same within the last second.", last);
    let us = |us: Option<f64>| us.map(|us| (NONE, us / 1e6));
    let help = "How late fanout itself sent within the last second, 99 %.";
    out.family("fanout_schedule_lag_p99_seconds", Kind::Gauge, help, us(second.schedule_lag_p99));
    let help = "How long deliveries waited for fanout within the last second, 99 %.";
    out.family("fanout_read_age_p99_seconds", Kind::Gauge, help, us(second.read_age_p99));
}

fn costs(out: &mut Exposition, now: &Snapshot) {
    let both = |figure: fn(&Side) -> Option<f64>| {
        let sides =
            [(&[("side", "server")][..], now.server.as_ref()), (&[("side", "loadgen")][..], Some(&now.loadgen))];
        sides.into_iter().filter_map(move |(label, side)| Some((label, figure(side?)?)))
    };
    let counter = |out: &mut Exposition, name, help, figure| out.family(name, Kind::Counter, help, both(figure));
    let gauge = |out: &mut Exposition, name, help, figure| out.family(name, Kind::Gauge, help, both(figure));
    counter(out, "fanout_process_cpu_seconds_total", "CPU time so far.", |side| side.cpu_s);
    gauge(out, "fanout_process_resident_bytes", "Resident memory.", |side| side.rss_bytes.map(number));
    gauge(out, "fanout_process_descriptors", "Open descriptors.", |side| side.descriptors.map(number));
    gauge(out, "fanout_process_threads", "Threads.", |side| side.threads.map(number));
    let help = "Written and not yet acknowledged, all connections together.";
    gauge(out, "fanout_process_send_queue_bytes", help, |side| side.send_queue_bytes.map(number));
    let help = "The fullest of these queues.";
    gauge(out, "fanout_process_send_queue_max_bytes", help, |side| side.send_queue_max_bytes.map(number));
}

fn number(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::scene::Update;
    use crate::live::snapshot::{Connections, Outline, Totals};
    use crate::record::Counts;

    fn scene() -> Scene {
        let mut counts = Counts::new();
        counts.record_n(800, 1000);
        let mut totals = Totals { due: 11, sent: 10, delivered: 1000, bytes: 140_000, ..Totals::default() };
        totals.latency.add(&counts);
        let mut scene = Scene::default();
        let outline =
            Outline { name: "a \"b\"".to_owned(), target: "ws://127.0.0.1:1".to_owned(), ..Outline::default() };
        scene.take(Update::Begin(Box::new(outline)));
        scene.take(Update::Second(Box::new(Snapshot {
            phase: "steady".to_owned(),
            connections: Connections { asked: 100, open: 98, closed: 2, ..Connections::default() },
            totals,
            server: Some(Side { cpu_s: Some(1.5), rss_bytes: Some(4096), ..Side::default() }),
            ..Snapshot::default()
        })));
        scene
    }

    #[test]
    fn counters_gauges_and_the_histogram_are_there() {
        let text = text(&scene());
        for line in [
            "fanout_run_info{scenario=\"a \\\"b\\\"\",target=\"ws://127.0.0.1:1\"} 1",
            "fanout_phase_info{phase=\"steady\"} 1",
            "fanout_connections{state=\"open\"} 98",
            "fanout_publishes_sent_total 10",
            "fanout_deliveries_total 1000",
            "fanout_delivery_latency_seconds_bucket{le=\"0.0005\"} 0",
            "fanout_delivery_latency_seconds_bucket{le=\"0.001\"} 1000",
            "fanout_delivery_latency_seconds_count 1000",
            "fanout_process_cpu_seconds_total{side=\"server\"} 1.5",
            "fanout_process_resident_bytes{side=\"server\"} 4096",
            "fanout_alarm{kind=\"closed\"} 1",
        ] {
            assert!(text.lines().any(|have| have == line), "no {line} in\n{text}");
        }
        assert!(!text.contains("fanout_schedule_lag_p99_seconds"), "what is not known has no sample");
    }

    #[test]
    fn every_family_is_declared_once_and_before_its_samples() {
        let text = text(&scene());
        let mut declared = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let name = rest.split(' ').next().unwrap();
                assert!(!declared.contains(&name), "{name} twice");
                declared.push(name);
            } else if !line.starts_with('#') {
                let family = *declared.last().unwrap();
                assert!(line.starts_with(family), "{line} under {family}");
                assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
            }
        }
        assert!(declared.len() > 15);
    }
}
