//! server
#![forbid(unsafe_code)]
pub mod accounts;
pub mod budget;
pub mod config;
pub mod log;
pub mod outbox;
pub mod resume;
pub mod room;
pub mod session;
pub mod wheel;
