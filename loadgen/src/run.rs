//! One run from a plan to a [`Run`](crate::result::Run): start the server, probe, connect, settle, publish, drain, account.
//!
//! ```text
//! prepare      starts the server, probes it, starts the workers
//! conductor    leads through the stages
//!   crew       the worker threads and what they report
//!   signals    Ctrl-C and SIGTERM
//!   clocks     how far two clocks can be apart
//!   account    what is expected of every phase and group, and what came
//!   timeline   intervals, and CPU second by second
//! outcome      everything gathered
//! assemble     all of it as a Run
//! ```

mod account;
mod assemble;
mod clocks;
mod conductor;
mod crew;
mod outcome;
mod prepare;
mod signals;
mod timeline;

pub use prepare::{RunError, Settings, execute};
pub use signals::Signals;
