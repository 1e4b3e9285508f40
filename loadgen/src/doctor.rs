//! `fanout doctor`: what this machine allows, how far its clock and scheduler can be trusted, and what it can generate and time.
//!
//! ```text
//! look ─▶ Readings ─▶ limits, processor ─▶ Finding  ┐
//! clock (timers, clock reads, stolen time)          ├─▶ Report ─▶ text, JSON
//! calibrate ◀─ sockets ─▶ null (a process of its own) ┘
//! ```

mod calibrate;
mod clock;
mod figures;
mod finding;
mod limits;
mod load;
mod look;
mod null;
mod processor;
mod readings;
mod report;

pub use calibrate::{CalibrationError, calibrate};
pub use clock::examine;
pub use figures::{Calibration, Clock, Pace};
pub use finding::{Finding, Verdict};
pub use limits::{Goal, limits};
pub use look::look;
pub use null::serve as serve_null;
pub use processor::{processor, steal_share};
pub use readings::Readings;
pub use report::Report;
