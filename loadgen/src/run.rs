//! One run from a plan to a [`Run`](crate::result::Run): start the server, probe, connect, settle, publish, drain, account.
//!
//! ```text
//! prepare      starts the server, probes it, starts the workers
//! conductor    leads through the stages
//!   crew       the workers and what they report: threads, here or in agents
//!   own        what the processes of the load generator spend
//!   signals    Ctrl-C and SIGTERM
//!   clocks     how far two clocks can be apart
//!   account    what is expected of every phase and group, and what came
//!   timeline   intervals, and CPU second by second
//!   telling    what somebody who watches is told
//! outcome      everything gathered
//!   spreads    how each message spread over its subscribers
//! histograms   what percentiles were made of, so that runs can be merged
//! assemble     all of it as a Run
//! ```

mod account;
mod assemble;
mod clocks;
mod conductor;
mod crew;
mod histograms;
mod outcome;
mod own;
mod prepare;
mod signals;
mod spreads;
mod telling;
mod threads;
mod timeline;

pub use prepare::{KeepAwake, RunError, Settings, execute};
pub use signals::Signals;
pub use threads::{Hand, Threads};
