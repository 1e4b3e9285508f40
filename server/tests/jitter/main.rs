//! Members of a chat room who lose their connection again and again, as on a train, and resume: every message arrives, and none twice.
//!
//! ```text
//! cargo test -p server --test jitter -- --ignored --nocapture      the full size: 1,000 clients, a minute
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on shall stop")]

#[path = "../common/mod.rs"]
mod common;

mod line;
mod rider;

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use common::{PATIENCE, Server};
use serde_json::json;
use tokio::runtime::Builder;
use tokio::sync::Barrier;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Instant, sleep_until};

use line::Line;
use rider::{Account, Memory, Rider};

const ROOM: &str = "/ws/train";
/// Riders beyond the others, who come back without saying where they were: they show that the test can lose messages.
const FORGETFUL: usize = 20;

#[derive(Clone, Copy)]
struct Plan {
    riders: usize,
    /// From one cut of a rider to its next; the riders' cuts are spread evenly over it.
    period: Duration,
    /// How much of it a rider is away.
    offline: Duration,
    messages: u64,
    interval: Duration,
}

/// Small enough for every day.
const SCALED: Plan = Plan {
    riders: 200,
    period: Duration::from_secs(3),
    offline: Duration::from_millis(500),
    messages: 40,
    interval: Duration::from_millis(250),
};

const FULL: Plan = Plan {
    riders: 1_000,
    period: Duration::from_secs(15),
    offline: Duration::from_secs(2),
    messages: 120,
    interval: Duration::from_millis(500),
};

#[test]
fn members_that_are_cut_again_and_again_get_every_message_once() {
    everybody_gets_everything_once(SCALED, 1);
}

#[test]
fn members_on_two_shards_that_are_cut_again_and_again_get_every_message_once() {
    everybody_gets_everything_once(SCALED, 2);
}

#[test]
#[ignore = "takes over a minute"]
fn a_thousand_members_cut_for_a_minute_get_every_message_once() {
    everybody_gets_everything_once(FULL, 1);
}

#[test]
#[ignore = "takes over a minute"]
fn a_thousand_members_on_two_shards_cut_for_a_minute_get_every_message_once() {
    everybody_gets_everything_once(FULL, 2);
}

fn everybody_gets_everything_once(plan: Plan, shards: usize) {
    // Each rider may hold, besides its own, connections that the server was never told the end of.
    net::raise_descriptors().unwrap();
    // From 20 members on, the room is on every shard.
    let server = Server::start(&["--shards", &shards.to_string(), "--spread-above", "20"]);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (resuming, forgetful) = LocalSet::new().block_on(&runtime, ride(plan, server.addr));
    println!("{} clients that resume: {resuming:?}", plan.riders);
    println!("{FORGETFUL} clients that do not: {forgetful:?}");
    assert_eq!((resuming.missed, resuming.twice), (0, 0));
    assert_eq!(resuming.delivered, plan.riders as u64 * plan.messages);
    assert!(resuming.cuts >= plan.riders as u64 * 3, "hardly anybody was cut");
    assert!(forgetful.missed > 0, "nobody missed anything, so nothing was tested");
    let stats = server.stats();
    let per_shard = stats["per_shard"].as_array().unwrap();
    assert_eq!(per_shard.len(), shards);
    assert!(per_shard.iter().all(|shard| shard["deliveries"].as_u64() > Some(1_000)), "{per_shard:?}");
}

/// What the resuming and the forgetful riders got.
async fn ride(plan: Plan, server: SocketAddr) -> (Account, Account) {
    let all = plan.riders + FORGETFUL;
    let joined = Rc::new(Barrier::new(all + 1));
    let riding = Rc::new(Cell::new(all));
    // Riders of either kind, their cuts spread evenly over the period.
    let riders = |count: usize, memory: Memory| -> Vec<JoinHandle<Account>> {
        let rider = |i: usize| {
            let (joined, riding) = (Rc::clone(&joined), Rc::clone(&riding));
            let until_cut = plan.period.mul_f64(i as f64 / count as f64);
            spawn_local(async move {
                let (rider, line) = Rider::join(plan, memory, server).await;
                joined.wait().await;
                let account = rider.follow(line, Instant::now() + until_cut).await;
                riding.set(riding.get() - 1);
                account
            })
        };
        (0..count).map(rider).collect()
    };
    let (resuming, forgetful) = (riders(plan.riders, Memory::Kept), riders(FORGETFUL, Memory::Lost));

    let mut line = Line::open(server, ROOM).await.0;
    joined.wait().await;
    let start = Instant::now();
    // After the last message, it is told that there are no more until everybody has heard it.
    for n in 0.. {
        sleep_until(start + plan.interval * n).await;
        let n = u64::from(n);
        let content = if n < plan.messages { n.to_string() } else { "end".to_owned() };
        line.send(&json!({"type": "chat", "content": content}).to_string()).await;
        // It is a member too, and would be closed if it never read.
        line.discard();
        if riding.get() == 0 {
            break;
        }
        let over = plan.interval * plan.messages as u32 + plan.period + PATIENCE;
        assert!(start.elapsed() < over, "{} riders have not heard the end", riding.get());
    }
    (sum(resuming).await, sum(forgetful).await)
}

async fn sum(riders: Vec<JoinHandle<Account>>) -> Account {
    let mut sum = Account::default();
    for rider in riders {
        sum += rider.await.unwrap();
    }
    sum
}
