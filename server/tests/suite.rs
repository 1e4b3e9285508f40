//! The tests that start `fanout-server`, or use it as a library, each file a module: one program, so that they are linked once and share
//! their threads. Others are named in Cargo.toml.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall stop")]

mod common;
#[path = "page/driver.rs"]
mod driver;
#[path = "common/events.rs"]
mod events;
#[path = "page/line.rs"]
mod line;
#[path = "common/member.rs"]
mod member;

mod admin;
mod auth;
mod broadcast;
mod chat;
mod chat_spread;
mod compression;
mod drain;
mod http_publish;
mod kernel;
mod limits;
mod metrics;
mod origin;
mod page;
mod poll;
mod protocol;
mod rates;
mod ratio;
mod shards;
mod slow;
mod sse;
mod textbook;
mod tls;
