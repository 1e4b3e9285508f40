//! Agents, several servers and merged runs: dividing the work among processes changes no count.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::divided::{ONE_ROOM, PHASES, ROOMS, TOP, every_count};
use crate::command::{Done, Stage, adds_up, run_in, undisturbed};

fn measured(scenario: &str, flags: &[&str]) -> Done {
    let (done, ()) = undisturbed(|| (Stage::new(scenario).run_json(flags), ()));
    done.exits(0);
    adds_up(done.run());
    done
}

/// Whether a process is there and not merely unreaped.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// The agents of a run.
fn agents_of(coordinator: u32) -> Vec<u32> {
    let children =
        std::fs::read_to_string(format!("/proc/{coordinator}/task/{coordinator}/children")).unwrap_or_default();
    let is_agent = |pid: &u32| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split('\0').nth(1) == Some("agent")
    };
    children.split_whitespace().map(|pid| pid.parse().unwrap()).filter(is_agent).collect()
}

fn gone_soon(pids: &[u32]) -> bool {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if !pids.iter().any(|pid| lives(*pid)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

#[test]
fn two_agents_count_what_one_process_counts() {
    for parts in [ROOMS, ONE_ROOM] {
        let scenario = [TOP, parts, PHASES].concat();
        let [alone, divided] = ["0", "2"].map(|agents| {
            let done = measured(&scenario, &["--agents", agents, "--workers", "1"]);
            let run = done.run();
            assert_eq!(run.loadgen.agents.to_string(), agents);
            assert_eq!(run.deliveries.delivered, run.deliveries.expected);
            assert_eq!(run.latency.due.as_ref().unwrap().count, run.deliveries.expected);
            assert_eq!(run.latency.sent.count, run.deliveries.delivered);
            every_count(run)
        });
        assert_eq!(alone, divided);
    }
}

#[test]
fn what_another_agent_published_has_its_true_latency() {
    // One room, its connections in two processes: half of the deliveries were published by the other.
    let done = measured(&[TOP, ONE_ROOM, PHASES].concat(), &["--agents", "2"]);
    let run = done.run();
    let (due, sent) = (run.latency.due.as_ref().unwrap(), &run.latency.sent);
    assert!(sent.max.unwrap() > 0.0 && due.max.unwrap() >= sent.p50.unwrap());
    assert!(due.mean.unwrap() >= sent.mean.unwrap(), "nothing is sent before it is due: {due:?} {sent:?}");
    assert_eq!(run.spread.last.count, run.publishes.sent);
}

#[test]
fn agents_and_servers_are_started_as_descriptors_make_necessary() {
    let scenario = r#"
name = "many"
settle = "200ms"
max_schedule_lag = "2s"
[[connections]]
name = "members"
count = 900
rooms = 12
ramp = 600
[[publishers]]
name = "speakers"
count = 12
rate = 24
[[phases]]
name = "steady"
for = "1s"
"#;
    let (done, ()) = undisturbed(|| (Stage::new(scenario).run_behind(&["sh", "-c", "ulimit -n 800; exec \"$@\""]), ()));
    done.exits(0);
    let run = done.run();
    adds_up(run);
    assert_eq!((run.connections.opened, run.loadgen.agents), (912, 2));
    assert_eq!(run.scenario["target"]["servers"], 4);
    assert_eq!(run.deliveries.delivered, run.publishes.sent * 75);
    assert!(run.notes.iter().any(|note| note.starts_with("4 servers, each with rooms of its own")), "{:?}", run.notes);
}

#[test]
fn a_run_that_loses_an_agent_is_invalid_and_what_the_others_measured_is_kept() {
    let scenario = [TOP, ROOMS, PHASES].concat().replace("700ms", "20s");
    let stage = Stage::new(&scenario);
    let mut going = stage.start(&["--agents", "2"]);
    going.until_said("rising");
    let agents = agents_of(going.pid());
    assert_eq!(agents.len(), 2);
    assert!(Command::new("kill").args(["-KILL", &agents[1].to_string()]).status().unwrap().success());
    let done = going.wait();
    done.exits(4);
    let run = done.run();
    let why = run.ended_early.as_deref().unwrap();
    assert_eq!(why, "agent 1 was lost: its process was killed by signal 9");
    assert!(run.validity.reasons.iter().any(|reason| reason.rule == "broken"), "{:?}", run.validity);
    assert!(run.deliveries.delivered > 0);
    assert!(done.took < Duration::from_secs(19), "it did not wait for the rest");
    assert!(gone_soon(&agents));
}

#[test]
fn no_agent_outlives_its_coordinator() {
    let scenario = [TOP, ROOMS, PHASES].concat().replace("700ms", "60s");
    let stage = Stage::new(&scenario);
    let mut going = stage.start(&["--agents", "2"]);
    going.until_said("rising");
    let agents = agents_of(going.pid());
    assert_eq!(agents.len(), 2);
    going.signal("KILL");
    assert_eq!(going.wait().code, -1);
    assert!(gone_soon(&agents));
}

#[test]
fn an_interrupted_run_of_agents_is_written() {
    let scenario = [TOP, ROOMS, PHASES].concat().replace("700ms", "60s");
    let stage = Stage::new(&scenario);
    let mut going = stage.start(&["--agents", "2"]);
    going.until_said("rising");
    going.signal("INT");
    let done = going.wait();
    done.exits(130);
    assert!(done.run().interrupted && done.run().deliveries.delivered > 0);
}

#[test]
fn an_agent_started_by_hand_says_who_starts_it() {
    let done = Stage::new("").go(&["agent"]).wait();
    done.exits(2).says("is started by `fanout run --agents N`");
}

#[test]
fn runs_made_in_turn_merge_to_one() {
    let scenario = [TOP, ROOMS, PHASES].concat();
    let stage = Stage::new(&scenario);
    let place = |name: &str| stage.directory.path().join(name).display().to_string();
    let runs: Vec<Done> = ["one", "two"]
        .map(|name| {
            let (done, ()) = undisturbed(|| {
                let going = stage.go(&["run", "scenario.toml", "--format", "json", "--out", &place(name)]);
                let mut done = going.wait();
                done.run = run_in(Path::new(&place(name)));
                (done, ())
            });
            done.exits(0);
            done
        })
        .into();
    let refused = stage.go(&["merge", &place("one"), &place("two"), "--out", &place("both")]).wait();
    assert_eq!(refused.code, 2);
    refused.says("give --sequential");
    let merged = stage.go(&["merge", &place("one"), &place("two"), "--sequential", "--out", &place("both")]).wait();
    assert_eq!(merged.code, 0, "{}", merged.stderr);
    let both = run_in(Path::new(&place("both"))).unwrap();
    adds_up(&both);
    let sum = |figure: fn(&loadgen::result::Run) -> u64| runs.iter().map(|done| figure(done.run())).sum::<u64>();
    assert_eq!(both.deliveries.expected, sum(|run| run.deliveries.expected));
    assert_eq!(both.latency.due.as_ref().unwrap().count, sum(|run| run.deliveries.expected));
    assert_eq!(both.connect.count, sum(|run| run.connect.count));
    assert!(both.phases["rising"].figures.latency.due.as_ref().unwrap().p99.is_some());
    assert!(both.groups["members"].latency.sent.p99.is_some());
    let largest = runs.iter().filter_map(|done| done.run().latency.arrived.max).fold(0.0, f64::max);
    assert_eq!(both.latency.arrived.max, Some(largest));
}
