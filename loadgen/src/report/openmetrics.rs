//! `metrics.om`: the figures of a run in the text format of [OpenMetrics](https://openmetrics.io), for a Prometheus that collects files.
//!
//! Units are the ones that Prometheus expects: seconds and bytes. A percentile that falls among the lost is `+Inf`, later than everything;
//! what was not measured is left out.

mod costs;
mod family;
mod returns;

use family::{Family, Labels, Sample, add_quantiles, quantiles, with};

use crate::result::{Deliveries, Figures, Latency, Publishes, Rates, Reconnect, Run};

/// The file, with `# EOF` at its end.
#[must_use]
pub fn text(run: &Run) -> String {
    let mut out = String::new();
    for family in families(run) {
        family.write(&labels(run), &mut out);
    }
    out += "# EOF\n";
    out
}

/// What every sample carries.
fn labels(run: &Run) -> Labels {
    let text = |key: &str| run.scenario.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
    let scenario = ("scenario", text("name").unwrap_or_default());
    std::iter::once(scenario).chain(text("variant").map(|variant| ("variant", variant))).collect()
}

fn families(run: &Run) -> Vec<Family> {
    let flag = |yes: bool| Some(f64::from(u8::from(yes)));
    let mut all = vec![
        about(run),
        Family::single(
            "fanout_run_passed",
            "Every threshold held, measurement valid, nothing dropped",
            flag(run.passed),
        ),
        Family::single("fanout_run_valid", "Whether the measurement is to be believed", flag(run.validity.valid)),
        Family::single("fanout_run_elapsed_seconds", "From the first connection to the end", Some(run.elapsed_s)),
        connections(run),
    ];
    all.extend(counts(run));
    all.extend(rates(run));
    all.extend([latency(run), quantiles("fanout_connect_seconds", "TCP, TLS and upgrade", &run.connect), steps(run)]);
    all.push(quantiles("fanout_schedule_lag_seconds", "How late fanout itself sent what was due", &run.schedule_lag));
    all.push(quantiles("fanout_read_age_seconds", "How long deliveries waited for fanout's turn", &run.read_age));
    all.push(spread(run));
    all.push(Family::single(
        "fanout_compression_ratio",
        "What the messages would take as plain frames, by what they took",
        run.compression.ratio,
    ));
    all.extend(returns::families(run));
    all.extend(costs::families(run));
    all.extend(thresholds(run));
    all
}

fn about(run: &Run) -> Family {
    let e = &run.environment;
    let facts = [
        ("started", run.started.clone()),
        ("version", e.fanout.clone()),
        ("git", e.git.clone().unwrap_or_default()),
        ("cpu", e.cpu.clone()),
        ("kernel", e.kernel.clone()),
        ("client", e.client.clone()),
    ];
    let labels = facts.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let samples = vec![Sample { labels, value: 1.0 }];
    Family { name: "fanout_run", kind: "info", help: "What ran, and where", samples }
}

#[allow(clippy::cast_precision_loss)]
fn connections(run: &Run) -> Family {
    let c = &run.connections;
    let mut family = Family::gauge("fanout_connections", "Connections by what became of them");
    let states =
        [("asked", c.asked), ("opened", c.opened), ("refused", c.refused), ("failed", c.failed), ("closed", c.closed)];
    for (state, n) in states {
        family.add(vec![("state", state.to_owned())], Some(n as f64));
    }
    family
}

/// A part of the run and its figures; the whole run has no label.
struct Part<'r> {
    labels: Labels,
    publishes: &'r Publishes,
    deliveries: &'r Deliveries,
    rates: &'r Rates,
    latency: &'r Latency,
    reconnect: &'r Reconnect,
}

fn part<'r>(key: &'static str, name: &str, figures: &'r Figures) -> Part<'r> {
    let Figures { publishes, deliveries, rates, latency, reconnect, .. } = figures;
    Part { labels: vec![(key, name.to_owned())], publishes, deliveries, rates, latency, reconnect }
}

fn parts(run: &Run) -> Vec<Part<'_>> {
    let Run { publishes, deliveries, rates, latency, reconnect, .. } = run;
    let mut all = vec![Part { labels: Vec::new(), publishes, deliveries, rates, latency, reconnect }];
    all.extend(run.groups.iter().map(|(name, figures)| part("group", name, figures)));
    all.extend(run.phases.iter().map(|(name, phase)| part("phase", name, &phase.figures)));
    all
}

#[allow(clippy::cast_precision_loss)]
fn counts(run: &Run) -> [Family; 2] {
    let mut publishes = Family::gauge("fanout_publishes", "Messages by the schedule, and handed to the socket");
    let mut deliveries = Family::gauge("fanout_deliveries", "Copies of messages by what became of them");
    for Part { labels, publishes: p, deliveries: d, .. } in parts(run) {
        for (state, n) in [("due", p.due), ("sent", p.sent)] {
            publishes.add(with(&labels, "state", state), Some(n as f64));
        }
        let outcomes = [
            ("expected", d.expected),
            ("delivered", d.delivered),
            ("lost", d.lost),
            ("duplicated", d.duplicated),
            ("reordered", d.reordered),
            ("corrupted", d.corrupted),
            ("missed", d.missed),
            ("unaccountable", d.unaccountable),
        ];
        for (outcome, n) in outcomes {
            deliveries.add(with(&labels, "outcome", outcome), Some(n as f64));
        }
    }
    [publishes, deliveries]
}

fn rates(run: &Run) -> [Family; 2] {
    let mut events = Family::gauge("fanout_rate", "Publishes and deliveries a second");
    let mut bytes = Family::gauge("fanout_byte_rate", "Bytes a second, of payload and as received");
    for Part { labels, rates: r, .. } in parts(run) {
        events.add(with(&labels, "of", "publishes_asked"), r.publishes_asked_per_s);
        events.add(with(&labels, "of", "publishes"), Some(r.publishes_per_s));
        events.add(with(&labels, "of", "deliveries"), Some(r.deliveries_per_s));
        bytes.add(with(&labels, "of", "payload"), Some(r.payload_bytes_per_s));
        bytes.add(with(&labels, "of", "wire"), Some(r.wire_bytes_per_s));
    }
    [events, bytes]
}

fn latency(run: &Run) -> Family {
    let mut family = Family::gauge("fanout_latency_seconds", "Arrival less when a message was due, or sent");
    for Part { labels, latency, .. } in parts(run) {
        let all = [
            ("due", latency.due.as_ref()),
            ("sent", Some(&latency.sent)),
            ("arrived", Some(&latency.arrived)),
            ("resumed", Some(&latency.resumed)),
            ("round_trip", latency.round_trip.as_ref()),
        ];
        for (from, quantiles) in all {
            add_quantiles(&mut family, &with(&labels, "from", from), quantiles);
        }
    }
    family
}

fn steps(run: &Run) -> Family {
    let mut family = Family::gauge("fanout_connect_step_seconds", "The steps of connecting, and of a dialect's join");
    let all = [
        ("tcp", &run.connect_tcp),
        ("tls", &run.connect_tls),
        ("upgrade", &run.connect_upgrade),
        ("join", &run.connect_join),
    ];
    for (step, quantiles) in all {
        add_quantiles(&mut family, &[("step", step.to_owned())], Some(quantiles));
    }
    family
}

fn spread(run: &Run) -> Family {
    let mut family =
        Family::gauge("fanout_spread_seconds", "Per message: its first and its last subscriber, less when it was sent");
    for (of, quantiles) in [("first", &run.spread.first), ("last", &run.spread.last)] {
        add_quantiles(&mut family, &[("subscriber", of.to_owned())], Some(quantiles));
    }
    family
}

fn thresholds(run: &Run) -> [Family; 2] {
    let mut held =
        Family::gauge("fanout_threshold_held", "Whether a threshold held; those that were skipped are left out");
    let mut value = Family::gauge("fanout_threshold_value", "What a threshold looked at, in the unit of run.json");
    for threshold in run.thresholds.iter().filter(|threshold| !threshold.skipped) {
        let mut labels = vec![("metric", threshold.metric.clone()), ("expr", threshold.expr.clone())];
        labels.extend(threshold.over_s.map(|seconds| ("over", format!("{seconds}s"))));
        held.add(labels.clone(), Some(f64::from(u8::from(threshold.pass))));
        value.add(labels, threshold.value);
    }
    [held, value]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::report::sample;

    /// The rules of the text format that a writer can break: families in one piece, metadata before samples, units as suffixes, labels quoted
    /// and escaped, no sample twice, and `# EOF` once, at the end.
    fn check(text: &str) -> usize {
        let body = text.strip_suffix("# EOF\n").expect("ends with # EOF");
        let (mut families, mut samples) = (HashSet::new(), HashSet::new());
        let mut current = String::new();
        for line in body.lines() {
            if let Some(meta) = line.strip_prefix("# ") {
                let (keyword, rest) = meta.split_once(' ').unwrap();
                let (name, value) = rest.split_once(' ').unwrap();
                match keyword {
                    "TYPE" => {
                        assert!(families.insert(name.to_owned()), "{name} twice");
                        assert!(["gauge", "info"].contains(&value), "{line}");
                        current = name.to_owned();
                    }
                    "UNIT" => assert!(name == current && name.ends_with(&format!("_{value}")), "{line}"),
                    "HELP" => assert!(name == current && !value.is_empty(), "{line}"),
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (name, rest) = line.split_once('{').unwrap();
            assert!(name == current || name == format!("{current}_info"), "{line} in {current}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
            let (labels, value) = rest.rsplit_once("} ").unwrap();
            assert!(value == "+Inf" || value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            assert!(quotes_match(labels), "{line}");
            assert!(samples.insert(format!("{name}{{{labels}")), "twice: {line}");
        }
        samples.len()
    }

    fn quotes_match(labels: &str) -> bool {
        let bare = labels.replace("\\\\", "").replace("\\\"", "");
        bare.matches('"').count().is_multiple_of(2) && !bare.contains('\n')
    }

    #[test]
    fn every_run_follows_the_rules_of_the_format() {
        let runs = [sample::good(), sample::lost(), sample::dropped(), sample::closed_loop(), sample::echo()];
        for run in runs.into_iter().chain([sample::returned(), sample::compressed()]) {
            assert!(check(&text(&run)) > 100);
        }
    }

    #[test]
    fn times_are_seconds_and_the_lost_are_later_than_everything() {
        let good = text(&sample::good());
        assert!(
            good.contains("fanout_latency_seconds{scenario=\"chat-peak\",from=\"due\",quantile=\"0.99\"} 0.012007\n"),
            "{good}"
        );
        assert!(good.contains("fanout_deliveries{scenario=\"chat-peak\",phase=\"steady\",outcome=\"lost\"} 0\n"));
        assert!(good.contains("fanout_run_info{scenario=\"chat-peak\",started=\"2025-11-20T12:16:03Z\""));
        let lost = text(&sample::lost());
        assert!(lost.contains("from=\"due\",quantile=\"0.99\"} +Inf\n"), "{lost}");
    }

    #[test]
    fn returns_and_the_busiest_second_are_there() {
        let text = text(&sample::returned());
        for line in [
            "fanout_open_again_seconds{scenario=\"chat-peak\",share=\"1\"} +Inf",
            "fanout_returns{scenario=\"chat-peak\",group=\"members\",state=\"returned\"} 4998",
            "fanout_return_handshake_rate{scenario=\"chat-peak\"} 1230",
            "fanout_second_cpu_cores{scenario=\"chat-peak\",process=\"server\",of_seconds=\"max\"} 0.41",
            "fanout_second_send_queue_max_bytes{scenario=\"chat-peak\",process=\"server\",of_seconds=\"max\"} 38000",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in {text}");
        }
        assert!(!super::text(&sample::good()).contains("fanout_return"));
    }

    #[test]
    fn names_cannot_break_the_format() {
        let mut run = sample::good();
        run.scenario = serde_json::json!({ "name": "a\"b\\c\nd", "variant": "v" });
        let text = text(&run);
        check(&text);
        assert!(text.contains("{scenario=\"a\\\"b\\\\c\\nd\",variant=\"v\"} 1"), "{text}");
    }

    #[test]
    fn what_was_skipped_or_not_measured_is_left_out() {
        let mut run = sample::echo();
        run.thresholds = sample::good().thresholds;
        run.thresholds[0].skipped = true;
        let text = text(&run);
        assert!(!text.contains("metric=\"latency.due.p99\"") && text.contains("metric=\"deliveries.lost\""));
        assert!(!text.contains("process=\"server\""));
    }
}
