//! The text format that Prometheus reads (version 0.0.4): families of samples, each with its help and its type.

use std::fmt::{Display, Write};

/// The content type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the samples of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only ever grows; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// Label names and values.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// A text in the making.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

impl Exposition {
    /// Adds a family of samples; one without any is left out. Each name may have one only, and `value` must print as a number.
    pub fn family<'l, V: Display>(
        &mut self,
        name: &str,
        kind: Kind,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l>, V)>,
    ) {
        debug_assert_eq!(kind == Kind::Counter, name.ends_with("_total"), "{name}");
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        let kind = if kind == Kind::Counter { "counter" } else { "gauge" };
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
        for (labels, value) in samples {
            self.line(format_args!("{name}{} {value}", set(labels)));
        }
    }

    /// Adds a histogram: for each finite bound, ascending, how many observations were at most that; then the sum and the number of all.
    pub fn histogram(
        &mut self,
        name: &str,
        help: &str,
        buckets: impl Iterator<Item = (f64, u64)>,
        sum: f64,
        count: u64,
    ) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} histogram"));
        for (bound, below) in buckets {
            self.line(format_args!("{name}_bucket{{le=\"{bound}\"}} {below}"));
        }
        self.line(format_args!("{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}"));
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{arguments}");
    }
}

fn set(labels: Labels<'_>) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let label = |(name, value): &(&str, &str)| {
        format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
    };
    format!("{{{}}}", labels.iter().map(label).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_its_help_its_type_and_its_samples() {
        let mut exposition = Exposition::default();
        exposition.family("closed_total", Kind::Counter, "Ends.", [(&[("by", "a\"b\\c\nd")][..], 3), (&[], 7)]);
        exposition.family("rooms", Kind::Gauge, "Rooms.", [(&[][..], 0.5)]);
        exposition.family("nothing", Kind::Gauge, "Not there.", None::<(Labels<'_>, u64)>);
        assert_eq!(
            exposition.finish(),
            "# HELP closed_total Ends.\n# TYPE closed_total counter\nclosed_total{by=\"a\\\"b\\\\c\\nd\"} 3\nclosed_total 7\n\
             # HELP rooms Rooms.\n# TYPE rooms gauge\nrooms 0.5\n"
        );
    }

    #[test]
    fn a_histogram_ends_with_all_of_them() {
        let mut exposition = Exposition::default();
        exposition.histogram("age_seconds", "Ages.", [(0.0001, 1), (2.0, 3)].into_iter(), 7.25, 4);
        let text = exposition.finish();
        let samples: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            samples,
            [
                "age_seconds_bucket{le=\"0.0001\"} 1",
                "age_seconds_bucket{le=\"2\"} 3",
                "age_seconds_bucket{le=\"+Inf\"} 4",
                "age_seconds_sum 7.25",
                "age_seconds_count 4",
            ]
        );
    }
}
