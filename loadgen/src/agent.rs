//! Agents: processes of the load generator beside the one that leads a run, for more connections than one may have descriptors.
//!
//! ```text
//! fanout run                                                   fanout agent (one of several)
//!   conductor ▸ crew ── Order, as bytes ──▶ standard input  ──▶ its workers, threads like any
//!            ◀─ crew ◀─ News, as bytes ─── standard output ◀──
//!
//!   ledger/book: memory that all of them share, so that whoever receives a message knows when it was due and sent
//! ```
//!
//! An agent reads the same scenario as the coordinator and makes the same plan; it is told which workers are its own. Nothing is
//! listened on and no file is left: when the coordinator ends, however, the pipes close and the kernel ends the agent.

mod duty;
mod message;
mod process;

pub use duty::{DutyError, serve};
pub use message::{Begin, FromAgent, ToAgent};
pub use process::{Agent, AgentError};
