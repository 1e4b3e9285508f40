//! `fanout`: opens thousands of connections to any WebSocket server, publishes on a schedule, and reports latency,
//! throughput and what was lost.
//!
//! ```text
//! scenario ─▶ plan ─▶ run ──▶ target (starts, probes, samples the server under test)
//!                      │
//!                      ├──▶ worker ─▶ client, pacer, payload ─▶ sockets ─▶ ledger ─▶ recorder
//!                      │                                                              │
//!                      └──◀ one recorder a second ◀────────────────────────────────────┘
//!                      ▼
//!                   result::Run ─▶ validity, thresholds ─▶ report
//! ```

pub mod ledger;
pub mod request;
pub mod worker;
pub mod plan;
pub mod record;
pub mod recorder;
pub mod result;
pub mod corpus;
pub mod pacer;
pub mod payload;
pub mod seeded;
pub mod thresholds;
pub mod trace;
pub mod units;
