//! One run from a plan to a [`Run`](crate::result::Run): start the server, probe, connect, settle, publish, drain, account.
//!
//! ```text
//! conductor  prepares and leads through the stages
//!   crew     the worker threads and what they report
//!   account  what is expected of every phase and group, and what came
//!   timeline intervals, and CPU at the edges of phases
//! assemble   all of it to a Run
//! ```

mod account;
mod assemble;
mod conductor;
mod crew;
mod timeline;

pub use conductor::{RunError, Settings, execute};
