//! One run from a plan to a [`Run`](crate::result::Run): start the server, probe, connect, settle, publish, drain, account.
//!
//! ```text
//! prepare      starts the server, probes it, starts the workers
//! conductor    leads through the stages
//!   crew       the worker threads and what they report
//!   signals    Ctrl-C and SIGTERM
//!   account    what is expected of every phase and group, and what came
//!   timeline   intervals, and CPU second by second
//!   by_second  the middle and the highest of what these seconds cost
//!   telling    what somebody who watches is told
//! outcome      everything gathered
//! assemble     all of it as a Run
//! ```

mod account;
mod assemble;
mod by_second;
mod conductor;
mod crew;
mod outcome;
mod prepare;
mod signals;
mod telling;
mod timeline;

pub use prepare::{RunError, Settings, execute};
pub use signals::Signals;
