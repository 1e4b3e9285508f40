//! `run.json`, the run as one line of JSON on stdout, and how every report is written as JSON.

use serde::Serialize;

use crate::result::Run;

/// Why a `run.json` could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not the JSON of a run.
    #[error("this is not a run.json of fanout ({0}); give the run.json of a run's directory")]
    Format(#[from] serde_json::Error),
    /// Written by a later version.
    #[error(
        "this run.json has schema {0}, and this fanout reads up to {SCHEMA}: use the fanout that wrote it, or a later one"
    )]
    Schema(u32),
}

/// The schema that is written.
pub const SCHEMA: u32 = 1;

/// `run.json`, and every other report: indented, with a newline at its end. What is infinite or not a number is null.
#[must_use]
pub fn document(report: &(impl Serialize + ?Sized)) -> String {
    let mut text = written(serde_json::to_string_pretty(report));
    text.push('\n');
    text
}

/// The run on one line, without a newline: what `--format json` prints of each of several runs.
#[must_use]
pub fn line(run: &Run) -> String {
    written(serde_json::to_string(run))
}

/// Reports are numbers, strings, lists and maps with string keys: these always serialise.
#[allow(clippy::expect_used, reason = "the only failures of serde_json are keys that are no strings, and a writer's")]
fn written(text: serde_json::Result<String>) -> String {
    text.expect("a report is plain data")
}

/// Reads a `run.json`.
///
/// # Errors
/// When it is not one, or has a later schema.
pub fn read(text: &str) -> Result<Run, ReadError> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    // The schema first: a later one may lack or rename anything else.
    if let Some(schema) =
        value.get("schema").and_then(serde_json::Value::as_u64).filter(|&schema| schema > u64::from(SCHEMA))
    {
        return Err(ReadError::Schema(u32::try_from(schema).unwrap_or(u32::MAX)));
    }
    Ok(serde_json::from_value(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_run_survives_being_written_and_read() {
        let run = sample::lost();
        let text = document(&run);
        assert_eq!(document(&read(&text).unwrap()), text);
    }

    /// As the first version wrote it; it must be readable for ever.
    const OLD: &str = include_str!("old_runs/2026-11-20.json");

    #[test]
    fn an_old_run_is_read_and_reported_like_a_new_one() {
        let run = read(OLD).unwrap();
        assert_eq!((run.deliveries.delivered, run.intervals.len()), (1_000_000, 12));
        assert!(run.intervals.iter().all(|interval| interval.arrivals.is_empty()), "histograms of seconds came later");
        let text = crate::report::text::render(&run, None, crate::report::Colour::Never);
        assert!(text.starts_with("PASSED  broadcast-1k, 3 of 3 thresholds, measurement valid\n"), "{text}");
    }

    #[test]
    fn the_line_is_one_line_and_the_same_run() {
        let run = sample::good();
        assert!(!line(&run).contains('\n'));
        assert_eq!(document(&read(&line(&run)).unwrap()), document(&run));
    }

    #[test]
    fn the_names_of_the_contract_are_there() {
        let value: serde_json::Value = serde_json::from_str(&document(&sample::good())).unwrap();
        for path in [
            "/schema",
            "/scenario/name",
            "/environment/kernel",
            "/validity/valid",
            "/passed",
            "/connections/asked",
            "/connect/p99",
            "/publishes/due",
            "/deliveries/lost_share",
            "/rates/deliveries_per_s",
            "/compression/negotiated/off",
            "/compression/payload_bytes",
            "/compression/wire_bytes",
            "/compression/ratio",
            "/groups/members/compression/negotiated",
            "/loadgen/inflate_cpu_s",
            "/latency/due/p9999",
            "/latency/arrived/mean",
            "/schedule_lag/p99",
            "/spread/last/p50",
            "/server/cpu_us_per_delivery",
            "/loadgen/rss_bytes",
            "/groups/members/deliveries/expected",
            "/phases/steady/latency/due/p99",
            "/intervals/0/at_s",
            "/thresholds/0/expr",
            "/histograms/due",
        ] {
            assert!(value.pointer(path).is_some(), "{path}");
        }
    }

    #[test]
    fn a_percentile_among_the_lost_is_null() {
        let value: serde_json::Value = serde_json::from_str(&document(&sample::lost())).unwrap();
        assert!(value.pointer("/latency/due/p99").unwrap().is_null());
    }

    #[test]
    fn what_is_no_run_is_refused_with_the_reason() {
        assert!(matches!(read("{"), Err(ReadError::Format(_))));
        assert!(matches!(read("{}"), Err(ReadError::Format(_))));
        assert!(matches!(read("{\"schema\": 2}"), Err(ReadError::Schema(2))));
    }
}
