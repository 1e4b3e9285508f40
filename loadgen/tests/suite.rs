//! The tests that start `fanout`, or use it as a library, each file a module: one program, so that they are linked once and share their
//! threads. What must be alone in its process is a test program of its own, named in Cargo.toml.

#![allow(clippy::unwrap_used, reason = "a test may stop where its own preparation fails")]

mod command;
mod deflating;
mod double;
mod written;

mod ab;
mod agents;
mod bad_input;
mod ci;
mod compression;
mod corpora;
mod crowds;
mod echo;
mod feeds;
mod growing;
mod live;
mod node;
mod observe;
mod own_faults;
mod replay;
mod reports;
mod returns;
mod rows;
mod scenario_defaults;
mod scenario_files;
mod scenario_fuzz;
mod scenario_needs;
mod scenario_refusals;
mod scenario_targets;
mod secrets;
mod seeds;
mod statistics;
mod target_refusals;
mod truth;
mod variants;
mod workers;
