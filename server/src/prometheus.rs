//! The text format that Prometheus reads, version 0.0.4: families of samples, each with its help and its type.
//!
//! Names, units and the `_total` of counters also follow OpenMetrics.

use std::fmt::{Display, Write};

/// What the samples of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Cumulative counts of observations up to bounds.
    Histogram,
}

/// Label names and values.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// A text in the making.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

/// A family in the making: samples of one name.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

impl Exposition {
    /// Begins a family. Each name may have one only.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        debug_assert_eq!(kind == Kind::Counter, name.ends_with("_total"), "{name}");
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        line(&mut self.text, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
        Family { text: &mut self.text, name }
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}

impl Family<'_> {
    /// Adds a sample. `value` must print as a number.
    pub fn sample(&mut self, labels: Labels<'_>, value: impl Display) -> &mut Self {
        self.line("", labels, None, value);
        self
    }

    /// Adds a histogram: for each finite bound, ascending, how many observations were at most that; then the sum and the number of all.
    pub fn histogram(
        &mut self,
        labels: Labels<'_>,
        buckets: impl Iterator<Item = (f64, u64)>,
        sum: f64,
        count: u64,
    ) -> &mut Self {
        for (bound, below) in buckets {
            self.line("_bucket", labels, Some(&bound.to_string()), below);
        }
        self.line("_bucket", labels, Some("+Inf"), count);
        self.line("_sum", labels, None, sum);
        self.line("_count", labels, None, count);
        self
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, bound: Option<&str>, value: impl Display) {
        let mut set = String::new();
        for (name, value) in labels.iter().copied().chain(bound.map(|bound| ("le", bound))) {
            let separator = if set.is_empty() { "" } else { "," };
            line(&mut set, format_args!("{separator}{name}=\"{}\"", escaped(value)));
        }
        if !set.is_empty() {
            set = format!("{{{set}}}");
        }
        line(self.text, format_args!("{}{suffix}{set} {value}\n", self.name));
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(arguments);
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_its_help_its_type_and_its_samples() {
        let mut exposition = Exposition::default();
        exposition
            .family("closes_total", Kind::Counter, "Ends, \\ by code.\nAll.")
            .sample(&[("code", "1000")], 3)
            .sample(&[("code", "a\"b\\c\nd"), ("shard", "0")], u64::MAX);
        exposition.family("rooms", Kind::Gauge, "Rooms.").sample(&[], 0.5);
        assert_eq!(
            exposition.finish(),
            "# HELP closes_total Ends, \\\\ by code.\\nAll.\n# TYPE closes_total counter\n\
             closes_total{code=\"1000\"} 3\n\
             closes_total{code=\"a\\\"b\\\\c\\nd\",shard=\"0\"} 18446744073709551615\n\
             # HELP rooms Rooms.\n# TYPE rooms gauge\nrooms 0.5\n"
        );
    }

    #[test]
    fn a_histogram_ends_with_all_of_them() {
        let mut exposition = Exposition::default();
        let buckets = [(0.000_001_024, 1), (2.0, 3)];
        exposition.family("turn_seconds", Kind::Histogram, "Turns.").histogram(
            &[("shard", "1")],
            buckets.into_iter(),
            7.25,
            4,
        );
        let text = exposition.finish();
        let samples: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            samples,
            [
                "turn_seconds_bucket{shard=\"1\",le=\"0.000001024\"} 1",
                "turn_seconds_bucket{shard=\"1\",le=\"2\"} 3",
                "turn_seconds_bucket{shard=\"1\",le=\"+Inf\"} 4",
                "turn_seconds_sum{shard=\"1\"} 7.25",
                "turn_seconds_count{shard=\"1\"} 4",
            ]
        );
    }
}
