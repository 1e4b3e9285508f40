//! `latency.hlog`: the latencies of arrivals, second by second, as an HdrHistogram log that the standard tools read.
//!
//! Each second is encoded as it is handed over, to a few kilobytes: an hour's run holds no histograms back.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};

use crate::record::Counts;

/// Microseconds in the unit of the log's "maximum" column, milliseconds, as the standard writer has it.
const MAX_VALUE_DIVISOR: f64 = 1000.0;

/// The log of a run under way.
pub struct ArrivalLog {
    text: String,
    serializer: V2DeflateSerializer,
    buffer: Vec<u8>,
}

impl ArrivalLog {
    /// An empty log of a run that started at `started` (since the Unix epoch, UTC).
    #[must_use]
    pub fn new(started: Duration) -> Self {
        let start = started.as_secs_f64();
        let text = format!(
            "#[fanout {}: latencies of arrivals in microseconds; interval maximum in milliseconds]\n\
             #[Histogram log format version 1.3]\n\
             #[StartTime: {start:.3} (seconds since epoch)]\n\
             #[BaseTime: {start:.3} (seconds since epoch)]\n\
             #[MaxValueDivisor: {MAX_VALUE_DIVISOR:.3}]\n",
            env!("CARGO_PKG_VERSION")
        );
        Self { text, serializer: V2DeflateSerializer::new(), buffer: Vec::new() }
    }

    /// Adds an interval that began `start` after the run did. One without arrivals is written too: a stall is to be seen.
    #[allow(
        clippy::expect_used,
        reason = "neither a String nor a Vec fails to take a write, and counts of u64 fit the format"
    )]
    pub fn push(&mut self, start: Duration, length: Duration, counts: &Counts) {
        self.buffer.clear();
        self.serializer.serialize(&counts.to_hdr(), &mut self.buffer).expect("written to memory");
        #[allow(clippy::cast_precision_loss)]
        let max = counts.max().unwrap_or(0) as f64 / MAX_VALUE_DIVISOR;
        write!(self.text, "{:.3},{:.3},{max:.3},", start.as_secs_f64(), length.as_secs_f64())
            .expect("written to memory");
        STANDARD.encode_string(&self.buffer, &mut self.text);
        self.text.push('\n');
    }

    /// The log as it is written to `latency.hlog`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for ArrivalLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArrivalLog").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    fn counts(values: &[u64]) -> Counts {
        let mut counts = Counts::new();
        values.iter().for_each(|&value| counts.record(value));
        counts
    }

    fn log() -> ArrivalLog {
        let mut log = ArrivalLog::new(Duration::from_millis(1_763_640_963_250));
        log.push(Duration::ZERO, Duration::from_secs(1), &counts(&[100, 2000, 30_500]));
        log.push(Duration::from_secs(1), Duration::from_secs(1), &counts(&[]));
        log.push(Duration::from_secs(2), Duration::from_millis(250), &counts(&[70, 70]));
        log
    }

    #[test]
    fn a_standard_reader_finds_every_interval_and_its_values() {
        let log = log();
        let mut read = Vec::new();
        let mut starts = Vec::new();
        for entry in IntervalLogIterator::new(log.text().as_bytes()) {
            match entry.unwrap() {
                LogEntry::Interval(interval) => {
                    let bytes = STANDARD.decode(interval.encoded_histogram()).unwrap();
                    let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
                    read.push((interval.start_timestamp(), interval.duration(), interval.max(), histogram));
                }
                LogEntry::StartTime(at) | LogEntry::BaseTime(at) => starts.push(at),
            }
        }
        assert_eq!(starts, [Duration::from_millis(1_763_640_963_250); 2]);
        let (second, quarter) = (Duration::from_secs(1), Duration::from_millis(250));
        assert_eq!(
            read,
            [
                (Duration::ZERO, second, 30.5, counts(&[100, 2000, 30_500]).to_hdr()),
                (second, second, 0.0, counts(&[]).to_hdr()),
                (2 * second, quarter, 0.07, counts(&[70, 70]).to_hdr()),
            ]
        );
    }

    #[test]
    fn every_line_is_a_comment_or_an_interval_of_four_columns() {
        let log = log();
        assert!(log.text().ends_with('\n'));
        for line in log.text().lines() {
            assert!(line.starts_with("#[") || line.split(',').count() == 4, "{line}");
        }
        assert!(log.text().lines().last().unwrap().contains(",HISTFAAAA"), "deflated V2, as the standard tools expect");
    }
}
