//! The messages of a calibration: the same for the null server, which blasts them, and for the load generator, which checks them.

use std::sync::Arc;

use crate::corpus::Corpus;
use crate::payload::{Content, Medium, PayloadError, PayloadSource, Stamping};

/// Stamped into every message.
pub(super) const RUN: u16 = 1;
/// Bytes of a message.
pub(super) const BYTES: u32 = 128;
/// Subscribers of the blast.
pub(super) const SUBSCRIBERS: usize = 64;
/// Messages that are written at once to a subscriber.
pub(super) const BURST: u32 = 64;

/// 128 bytes of words with their stamp, as a scenario has them that says nothing else.
pub(super) fn source() -> Result<Arc<PayloadSource>, PayloadError> {
    let content = Content::Generated { corpus: Corpus::Words, sizes: Some(BYTES..=BYTES) };
    PayloadSource::new(content, Medium::Text, Stamping::Stamped, 1).map(Arc::new)
}
