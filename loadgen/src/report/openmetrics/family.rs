//! Metric families as the text format has them.

use std::fmt::Write as _;

use crate::result::Quantiles;

/// Names and values of labels.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A metric family, none of whose samples stands anywhere else.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) help: &'static str,
    pub(super) samples: Vec<Sample>,
}

pub(super) struct Sample {
    pub(super) labels: Labels,
    pub(super) value: f64,
}

impl Family {
    pub(super) fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: "gauge", help, samples: Vec::new() }
    }

    /// A gauge with one sample.
    pub(super) fn single(name: &'static str, help: &'static str, value: Option<f64>) -> Self {
        let mut family = Self::gauge(name, help);
        family.add(Vec::new(), value);
        family
    }

    pub(super) fn add(&mut self, labels: Labels, value: Option<f64>) {
        self.samples.extend(value.map(|value| Sample { labels, value }));
    }

    pub(super) fn write(&self, common: &[(&'static str, String)], out: &mut String) {
        let Self { name, kind, help, .. } = self;
        if self.samples.is_empty() {
            return;
        }
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(out, "# TYPE {name} {kind}");
        if let Some(unit) = ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(&format!("_{unit}"))) {
            let _ = writeln!(out, "# UNIT {name} {unit}");
        }
        let _ = writeln!(out, "# HELP {name} {}", escaped(help));
        let suffix = if *kind == "info" { "_info" } else { "" };
        for sample in &self.samples {
            let labels = common.iter().chain(&sample.labels);
            let labels: Vec<String> = labels.map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
            let _ = writeln!(out, "{name}{suffix}{{{}}} {}", labels.join(","), number(sample.value));
        }
    }
}

fn number(value: f64) -> String {
    if value == f64::INFINITY { "+Inf".to_owned() } else { format!("{value}") }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Labels, and one more.
pub(super) fn with(labels: &[(&'static str, String)], key: &'static str, value: &str) -> Labels {
    labels.iter().cloned().chain([(key, value.to_owned())]).collect()
}

pub(super) fn quantiles(name: &'static str, help: &'static str, quantiles: &Quantiles) -> Family {
    let mut family = Family::gauge(name, help);
    add_quantiles(&mut family, &[], Some(quantiles));
    family
}

pub(super) fn add_quantiles(family: &mut Family, labels: &[(&'static str, String)], quantiles: Option<&Quantiles>) {
    let Some(q) = quantiles.filter(|q| q.count > 0) else { return };
    let all = [
        ("0.5", q.p50),
        ("0.9", q.p90),
        ("0.95", q.p95),
        ("0.99", q.p99),
        ("0.999", q.p999),
        ("0.9999", q.p9999),
        ("1", q.max),
    ];
    for (quantile, us) in all {
        family.add(with(labels, "quantile", quantile), Some(us.map_or(f64::INFINITY, |us| us / 1e6)));
    }
}
