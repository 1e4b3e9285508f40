//! The same seed makes the same run: plan, times, and every byte that is sent, whoever sends it.

use std::path::Path;

use crate::command::{Stage, undisturbed};
use crate::double::{Double, Fault};
use loadgen::plan::Plan;
use loadgen::scenario::{Limits, parse};
use loadgen::worker::shares;

/// Publishers of both kinds, random rooms, sizes and times.
fn scenario(seed: u64, target: &str) -> String {
    format!(
        r#"
name = "seeded"
seed = {seed}
settle = "100ms"
drain = "3s"
max_schedule_lag = "1s"
[target]
{target}
[[connections]]
name = "phones"
count = 6
rooms = 3
spread = "zipf"
[[connections]]
name = "desks"
count = 3
[[publishers]]
name = "speakers"
count = 3
rate = 60
arrival = "poisson"
payload = {{ size = "64-512" }}
[[publishers]]
name = "all"
from = "members"
rate = 45
arrival = "poisson"
payload = {{ corpus = "chat" }}
[[phases]]
name = "rising"
for = "1s"
load = "1x-2x"
"#
    )
}

/// What a server received, by publisher: each one's messages in order.
fn heard(seed: u64, flags: &[&str]) -> Vec<Vec<Vec<u8>>> {
    let (_, heard) = undisturbed(|| {
        let server = Double::start(Fault::None);
        let stage = Stage::new(&scenario(seed, &format!("url = \"{}\"", server.url())));
        let done = stage.run(flags);
        let run = done.run();
        assert_eq!(run.publishes.due, run.publishes.sent, "{}", done.stderr);
        let heard = server.heard();
        assert_eq!(heard.iter().map(Vec::len).sum::<usize>() as u64, run.publishes.sent);
        (done, heard)
    });
    heard
}

#[test]
fn a_seed_sends_the_same_bytes_again_at_any_number_of_workers_and_agents() {
    let once = heard(7, &["--workers", "1"]);
    assert!(once.len() >= 9 && once.iter().any(|of_one| of_one.len() > 10), "{}", once.len());
    for flags in [&["--workers", "1"][..], &["--workers", "3"], &["--agents", "2"], &["--client", "tungstenite"]] {
        assert_eq!(heard(7, flags), once, "{flags:?}");
    }
    assert_ne!(heard(8, &["--workers", "1"]), once);
}

fn plan(seed: u64) -> Plan {
    let limits = Limits { descriptors: 20_000, ports: 28_000 };
    parse(Path::new("seeded.toml"), &scenario(seed, ""), &[], &limits).unwrap()
}

/// When each publisher is due, by group and publisher.
fn dues(plan: &Plan) -> Vec<Vec<Vec<u64>>> {
    let of_publisher = |group: usize, publisher: u32| {
        let mut schedule = plan.pacer(group).schedule(publisher).unwrap();
        std::iter::from_fn(|| {
            let at = schedule.peek();
            schedule.advance();
            at
        })
        .collect()
    };
    let count = |group: usize| plan.publishers[group].from.count(&plan.groups);
    let of_group = |group| (0..count(group)).map(|publisher| of_publisher(group, publisher)).collect();
    (0..plan.publishers.len()).map(of_group).collect()
}

#[test]
fn a_seed_makes_the_same_plan_and_the_same_times() {
    let (one, again, other) = (plan(7), plan(7), plan(8));
    assert_eq!(one.resolved, again.resolved);
    assert!(one.groups.iter().zip(&again.groups).all(|(a, b)| a.rooms == b.rooms));
    assert_eq!(dues(&one), dues(&again));
    assert_ne!(dues(&one), dues(&other));
}

#[test]
fn who_does_what_depends_on_no_number_of_workers() {
    let plan = plan(7);
    let who = |workers| {
        let shares = shares(&plan, workers);
        let of_share = |share: &loadgen::worker::Share| {
            share.members().map(|m| (m.connection, m.group, m.path_room, m.publisher)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = shares.iter().flat_map(of_share).collect();
        all.sort_unstable();
        all
    };
    assert!((2..6).all(|workers| who(workers) == who(1)));
}
