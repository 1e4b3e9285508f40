//! Crowds of every kind: held and never spoken to, slow, spread over several servers, published to over HTTP.

use std::collections::BTreeSet;

use crate::command::{Stage, adds_up, undisturbed};
use crate::double::{Double, Fault};

const PASSED: i32 = 0;
const FAILED: i32 = 3;

/// A scenario of some tables and one second of it.
fn scenario(tables: &str) -> String {
    format!(
        "name = \"crowd\"\nsettle = \"100ms\"\ndrain = \"3s\"\nmax_schedule_lag = \"200ms\"\n{tables}\n\
         [[phases]]\nname = \"steady\"\nfor = \"1s\"\n"
    )
}

#[test]
fn connections_can_be_held_without_a_word_and_cost_is_all_there_is_to_say() {
    let stage = Stage::new(
        &(scenario("[[connections]]\nname = \"waiting\"\ncount = 200\n")
            + "[thresholds]\n\"connections.closed\" = \"== 0\"\n\"connect.p99\" = \"< 30s\"\n"),
    );
    let done = stage.run(&[]);
    done.exits(PASSED);
    let run = done.run();
    assert_eq!((run.connections.opened, run.publishes.due, run.deliveries.expected), (200, 0, 0));
    assert!(run.server.as_ref().unwrap().rss_bytes_per_connection.is_some());
    assert!(done.stdout.contains("200 subscribers in 1 room, held for"), "{}", done.stdout);
    assert!(done.stdout.contains("memory per connection: server"), "{}", done.stdout);
}

#[test]
fn a_slow_consumer_reads_at_its_rate_and_only_it_misses_what_the_server_skips() {
    const RATE: u64 = 20_000;
    let stage = Stage::new(&scenario(&format!(
        "[target]\nserver = {{ lag_policy = \"skip\", room_log = \"64KiB\" }}\n\
         [[connections]]\nname = \"healthy\"\ncount = 10\n\
         [[connections]]\nname = \"slow\"\ncount = 2\nread_bytes_per_s = {RATE}\n\
         [[publishers]]\nname = \"speaker\"\nrate = 400\npayload = {{ size = \"2KiB\" }}\n"
    )));
    let (done, ()) = undisturbed(|| (stage.run(&["--set", "drain=500ms"]), ()));
    let run = done.run();
    adds_up(run);
    let (healthy, slow) = (&run.groups["healthy"], &run.groups["slow"]);
    assert_eq!((healthy.deliveries.lost, healthy.closed), (0, Some(0)));
    assert!(slow.deliveries.lost > 0, "{:?}", slow.deliveries);
    // The whole run long, both of them, and what the kernel held for each at the end.
    let most = 2.0 * (RATE as f64 * (run.elapsed_s + 1.0) + 65_536.0);
    let read = slow.deliveries.delivered as f64 * 2048.0;
    assert!(read < most, "{read} bytes where {most} were allowed");
}

#[test]
fn connections_go_to_the_address_of_their_room_and_each_is_counted() {
    let (one, two) = (Double::start(Fault::None), Double::start(Fault::None));
    let stage = Stage::new(&scenario(&format!(
        "[target]\nurl = [\"{}\", \"{}\"]\nassign = \"room\"\n\
         [[connections]]\nname = \"phones\"\ncount = 9\nrooms = [\"a\", \"b\", \"c\"]\n\
         [[publishers]]\nname = \"speakers\"\ncount = 3\nrate = 60\n",
        one.url(),
        two.url()
    )));
    let (done, ()) = undisturbed(|| (stage.run(&[]), ()));
    done.exits(PASSED);
    let run = done.run();
    assert_eq!((run.deliveries.expected, run.deliveries.lost), (180, 0));
    // Three subscribers and a publisher a room; rooms a and c are at the first address.
    let opened: Vec<u64> = run.connections.addresses.values().map(|at| at.opened).collect();
    assert_eq!(opened.iter().sum::<u64>(), 12);
    assert_eq!(BTreeSet::from_iter(opened), BTreeSet::from([4, 8]));
}

#[test]
fn the_probe_sees_that_servers_which_share_a_room_do_not_relay_to_each_other() {
    let (one, two) = (Double::start(Fault::None), Double::start(Fault::None));
    let stage = Stage::new(&scenario(&format!(
        "[target]\nurl = [\"{}\", \"{}\"]\n[[connections]]\nname = \"phones\"\ncount = 4\n\
         [[publishers]]\nname = \"speaker\"\nrate = 10\n",
        one.url(),
        two.url()
    )));
    stage.run(&[]).exits(1).says("must relay to each other");
}

#[test]
fn publishes_over_http_arrive_and_their_answers_are_counted() {
    let stage = Stage::new(&scenario(
        "[[connections]]\nname = \"phones\"\ncount = 20\nrooms = 2\n\
         [[publishers]]\nname = \"api\"\ncount = 2\nrate = 100\nvia = \"http\"\nurl = \"http://{target.admin}/publish/{room}\"\n",
    ));
    let (done, ()) = undisturbed(|| (stage.run(&[]), ()));
    done.exits(PASSED);
    let run = done.run();
    assert_eq!((run.publishes.due, run.publishes.sent), (100, 100));
    assert_eq!((run.deliveries.expected, run.deliveries.delivered), (1000, 1000));
    let http = run.http.as_ref().unwrap();
    assert_eq!((http.answers.get("200"), http.failed.len(), http.answer.count), (Some(&100), 0, 100));
    // Subscribers only: publishers open no WebSocket.
    assert_eq!(run.connections.opened, 20);
}

#[test]
fn a_publish_that_the_server_refuses_is_not_sent_and_its_copies_are_lost() {
    let stage = Stage::new(&scenario(
        "[target]\nserver = { max_message = \"1KiB\" }\n[[connections]]\nname = \"phones\"\ncount = 3\n\
         [[publishers]]\nname = \"api\"\nrate = 50\nvia = \"http\"\nurl = \"http://{target.admin}/publish/{room}\"\n\
         payload = { file = \"messages.txt\" }\n",
    ))
    // Every second message is too large for the server; the probe's is the first.
    .with("messages.txt", format!("hello\n{}\n", "x".repeat(2000)));
    let (done, ()) = undisturbed(|| (stage.run(&[]), ()));
    let run = done.run();
    adds_up(run);
    assert_eq!((run.publishes.due, run.publishes.sent), (50, 25));
    assert_eq!((run.deliveries.expected, run.deliveries.lost), (150, 75));
    let http = run.http.as_ref().unwrap();
    assert_eq!((http.answers["200"], http.answers["413"]), (25, 25));
    assert_eq!(http.failed["HTTP status 413"], 25);
}

#[test]
fn an_echo_is_a_round_trip_that_thresholds_can_name() {
    let stage = Stage::new(
        &("mode = \"echo\"\n".to_owned()
            + &scenario(
                "[[connections]]\nname = \"callers\"\ncount = 5\n[[publishers]]\nname = \"callers\"\nevery = \"100ms\"\n",
            )
            + "[thresholds]\n\"latency.round_trip.p99\" = \"< 30s\"\n"),
    );
    let (done, ()) = undisturbed(|| (stage.run(&[]), ()));
    done.exits(PASSED);
    assert_eq!(done.run().latency.round_trip.as_ref().unwrap().count, 50);
}

#[test]
fn a_failed_crowd_is_a_failed_run() {
    let server = Double::start(Fault::Refuse { after: 2, status: 503 });
    let stage = Stage::new(&scenario(&format!(
        "[target]\nurl = \"{}\"\n[[connections]]\nname = \"waiting\"\ncount = 3\n",
        server.url()
    )));
    let done = stage.run(&[]);
    assert!([1, FAILED].contains(&done.code), "{}", done.stderr);
    assert!(done.run.is_none_or(|run| run.connections.refused > 0));
}

#[test]
fn each_of_several_servers_is_published_to_at_its_own_admin_address() {
    let stage = Stage::new(&scenario(
        "[target]\nservers = 2\n[[connections]]\nname = \"phones\"\ncount = 12\nrooms = 4\n\
         [[publishers]]\nname = \"api\"\ncount = 4\nrate = 80\nvia = \"http\"\nurl = \"http://{target.admin}/publish/{room}\"\n",
    ));
    let (done, ()) = undisturbed(|| (stage.run(&[]), ()));
    done.exits(PASSED);
    let run = done.run();
    assert_eq!((run.publishes.sent, run.deliveries.expected, run.deliveries.delivered), (80, 240, 240));
}

#[test]
fn members_and_an_api_publish_side_by_side_and_both_ways_are_probed() {
    let both = "[[connections]]\nname = \"phones\"\ncount = 6\n\
         [[publishers]]\nname = \"api\"\nrate = 30\nvia = \"http\"\nurl = \"http://{target.admin}/publish/{room}\"\n\
         [[publishers]]\nname = \"members\"\nfrom = \"members\"\nevery = \"100ms\"\n";
    let (done, ()) = undisturbed(|| (Stage::new(&scenario(both)).run(&[]), ()));
    done.exits(PASSED);
    let run = done.run();
    assert_eq!((run.publishes.sent, run.publishes.due), (90, 90));
    assert_eq!((run.deliveries.expected, run.deliveries.lost), (540, 0));
    assert!(run.latency.sent.p50.unwrap() <= run.latency.due.as_ref().unwrap().p50.unwrap());
    assert_eq!(run.http.as_ref().unwrap().answers["200"], 30);
}

#[test]
fn an_api_that_is_not_there_is_named_before_the_run() {
    let stage = Stage::new(&scenario(
        "[[connections]]\nname = \"phones\"\ncount = 2\n\
         [[publishers]]\nname = \"api\"\nrate = 10\nvia = \"http\"\nurl = \"http://127.0.0.1:1/publish\"\n",
    ));
    stage.run(&[]).exits(1).says("cannot publish to http://127.0.0.1:1: ");
}
