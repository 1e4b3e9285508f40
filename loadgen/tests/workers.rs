//! How the work is divided among threads changes no count.

#![allow(clippy::unwrap_used, reason = "a test may stop where its own preparation fails")]

mod command;

use command::divided::{ONE_ROOM, PHASES, ROOMS, TOP, every_count};
use command::{Stage, adds_up, undisturbed};

fn measured_alike(scenario: &str, check: impl Fn(&loadgen::result::Run)) {
    let [one, two] = ["1", "2"].map(|workers| {
        let (done, ()) = undisturbed(|| (Stage::new(scenario).run_json(&["--workers", workers]), ()));
        done.exits(0);
        let run = done.run();
        assert_eq!(run.loadgen.workers.to_string(), workers);
        adds_up(run);
        check(run);
        every_count(run)
    });
    assert_eq!(one, two);
}

#[test]
fn one_room_split_between_two_workers_has_the_same_ledger() {
    measured_alike(&[TOP, ONE_ROOM, PHASES].concat(), |run| {
        assert_eq!(run.deliveries.expected, run.publishes.sent * 53);
        assert_eq!(run.deliveries.delivered, run.deliveries.expected);
        assert_eq!(run.groups["desks"].deliveries.expected, run.publishes.sent * 12);
    });
}

#[test]
fn whole_rooms_given_to_two_workers_have_the_same_ledger() {
    measured_alike(&[TOP, ROOMS, PHASES].concat(), |run| {
        assert_eq!(run.deliveries.expected, run.publishes.sent * 5);
        assert_eq!(run.deliveries.delivered, run.deliveries.expected);
    });
}

#[test]
fn echoes_divided_between_two_workers_have_the_same_ledger() {
    let parts = r#"
mode = "echo"
[[connections]]
name = "callers"
count = 31
[[publishers]]
name = "callers"
every = "50ms"
payload = { size = "20-500" }
"#;
    measured_alike(&[TOP, parts, PHASES].concat(), |run| {
        assert_eq!(run.deliveries.expected, run.publishes.sent);
        assert_eq!(run.deliveries.delivered, run.deliveries.expected);
    });
}

#[test]
fn a_closed_loop_over_two_workers_loses_nothing_and_has_no_due_time() {
    let parts = r#"
[[connections]]
name = "subscribers"
count = 10
[[publishers]]
name = "speakers"
count = 4
arrival = "closed"
in_flight = 8
payload = { size = 100 }
[[phases]]
name = "steady"
for = "500ms"
"#;
    for workers in ["1", "2"] {
        let (done, ()) = undisturbed(|| (Stage::new(&[TOP, parts].concat()).run_json(&["--workers", workers]), ()));
        done.exits(0);
        let run = done.run();
        adds_up(run);
        assert!(run.publishes.sent > 100, "{:?}", run.publishes);
        assert_eq!(run.deliveries.delivered, run.publishes.sent * 10);
        assert!(run.latency.due.is_none() && run.latency.sent.p99.is_some() && run.latency.round_trip.is_some());
    }
}
