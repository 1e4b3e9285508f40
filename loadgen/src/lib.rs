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

pub mod agent;
pub mod analyse;
pub mod by_second;
pub mod capacity;
pub mod cli;
pub mod commands;
pub mod compare;
pub mod corpus;
pub mod dialect;
pub mod doctor;
pub mod environment;
pub mod feed;
pub mod http;
pub mod inbound;
pub mod ledger;
pub mod life;
pub mod live;
pub mod merge;
pub mod pacer;
pub mod payload;
pub mod pipe;
pub mod plan;
pub mod probe;
pub mod progress;
pub mod record;
pub mod recorder;
pub mod recording;
pub mod report;
pub mod request;
pub mod result;
pub mod run;
pub mod scenario;
pub mod schema;
pub mod secrets;
pub mod seeded;
pub mod sizing;
pub mod target;
pub mod tenths;
pub mod thresholds;
pub mod tls;
pub mod trace;
pub mod trend;
pub mod units;
pub mod validity;
pub mod way;
pub mod worker;
