//! Servers that are not ours, and TLS: dialects against the real thing, certificates against a real handshake.
//!
//! The peers of `scripts/peers` are installed once, below the target folder. Where a tool or its registry is missing, a test says "skipped" and
//! passes.

#![allow(clippy::unwrap_used, reason = "a test may stop where its own preparation fails")]

#[path = "../command/mod.rs"]
mod command;
mod dialects;
mod peers;
mod tls;
