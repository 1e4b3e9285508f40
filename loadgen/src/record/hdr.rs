//! To the standard HdrHistogram format and back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2Serializer};

use super::{Counts, MAX_US};

/// Why a histogram in a result file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum HdrError {
    /// Not base64.
    #[error("the histogram is not base64 ({0}); the file was changed or cut short, take the original")]
    Base64(#[from] base64::DecodeError),
    /// Not an HdrHistogram.
    #[error(
        "the histogram is not in HdrHistogram V2 format ({0}); the file was changed or cut short, take the original"
    )]
    Format(String),
}

impl Counts {
    /// The same counts as a standard histogram: same slots, values in microseconds.
    #[must_use]
    #[allow(clippy::expect_used, reason = "the bounds are constants that the crate accepts; a test builds them")]
    pub fn to_hdr(&self) -> Histogram<u64> {
        let mut hdr = Histogram::new_with_bounds(1, MAX_US, 3).expect("valid bounds");
        for (lowest, _, n) in self.ranges() {
            hdr.saturating_record_n(lowest, n);
        }
        hdr
    }

    /// HdrHistogram V2 (not deflated), in base64, as `run.json` holds it.
    #[must_use]
    pub fn to_base64_v2(&self) -> String {
        to_base64_v2(&self.to_hdr())
    }
}

impl Counts {
    /// The counts that [`to_base64_v2`](Counts::to_base64_v2) wrote. The format keeps neither maximum nor sum: what is known of
    /// them besides, in microseconds, is used, and otherwise what the slots say.
    ///
    /// # Errors
    /// When the text is not base64, or not a histogram.
    pub fn from_base64_v2(text: &str, max: Option<f64>, mean: Option<f64>) -> Result<Self, HdrError> {
        let hdr = from_base64_v2(text)?;
        let mut counts = Counts::new();
        for step in hdr.iter_recorded() {
            counts.record_n(step.value_iterated_to(), step.count_at_value());
        }
        if let Some(max) = max {
            counts.max = max as u64;
        }
        if let Some(mean) = mean {
            counts.sum = (mean * counts.count as f64).round() as u64;
        }
        Ok(counts)
    }
}

/// A histogram in HdrHistogram V2 format (not deflated), in base64.
#[must_use]
#[allow(clippy::expect_used, reason = "a write to a Vec cannot fail, and counts of u64 fit the format")]
pub fn to_base64_v2(hdr: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2Serializer::new().serialize(hdr, &mut bytes).expect("written to memory");
    STANDARD.encode(bytes)
}

/// The histogram that [`to_base64_v2`] wrote.
///
/// # Errors
/// When the text is not base64, or not a histogram.
pub fn from_base64_v2(text: &str) -> Result<Histogram<u64>, HdrError> {
    let bytes = STANDARD.decode(text)?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| HdrError::Format(format!("{error:?}")))
}
