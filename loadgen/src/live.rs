//! What one sees while a run goes: on a terminal a dashboard, elsewhere a line a second, and for whoever asks over HTTP a page and metrics.
//!
//! ```text
//! conductor ─▶ Snapshot, once a second ─▶ progress ─┬─▶ line ─▶ stderr
//!                                                   ├─▶ scene ─▶ dashboard ─▶ terminal (a thread of its own; keys come back)
//!                                                   └─▶ scene ─▶ json, metrics ─▶ serve (a thread of its own)
//! ```
//!
//! Everything but `terminal` and `serve` is pure: values in, text or cells out. Both threads have stepped back behind every other, so
//! that who looks does not change what is measured.

pub mod alarm;
pub mod dashboard;
pub mod exposition;
pub mod json;
pub mod line;
pub mod losses;
pub mod metrics;
pub mod scene;
pub mod serve;
pub mod snapshot;
pub mod terminal;
