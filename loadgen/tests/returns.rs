//! Connections that leave and come back: every message of the run ends in one column, whoever was away when it was published.

use crate::command::{Done, Stage, adds_up, undisturbed};
use crate::double::{Double, Fault, Tally};
use loadgen::result::Run;

const SUBSCRIBERS: u64 = 24;

/// 24 subscribers in 3 rooms; `group` and `phase` go into their tables.
fn scenario(target: &str, group: &str, phase: &str) -> String {
    format!(
        r#"
name = "returns"
settle = "50ms"
drain = "4s"
max_schedule_lag = "2s"
[target]
{target}
[[connections]]
name = "people"
count = {SUBSCRIBERS}
rooms = 3
{group}
[[publishers]]
name = "speakers"
count = 3
rate = 300
[[phases]]
name = "before"
for = "300ms"
[[phases]]
name = "after"
for = "1200ms"
{phase}
"#
    )
}

fn measure(target: &str, group: &str, phase: &str) -> Done {
    let scenario = scenario(target, group, phase);
    let (done, ()) = undisturbed(|| (Stage::new(&scenario).run(&[]), ()));
    let run = done.run();
    adds_up(run);
    println!("{:?} {:?} {:?}", run.deliveries, run.connections, run.reconnect);
    done
}

/// Every copy of every message is owed, missed, or on its way when somebody left.
fn accounts_for_every_copy(run: &Run) {
    let d = &run.deliveries;
    let copies = run.publishes.due * SUBSCRIBERS / 3;
    assert_eq!(d.expected + d.missed + d.unaccountable, copies, "{d:?}");
    assert_eq!((d.duplicated, d.reordered, d.corrupted, d.foreign), (0, 0, 0, 0), "{d:?}");
}

#[test]
fn who_is_cut_and_resumes_has_lost_nothing() {
    let group = r#"reconnect = { backoff = "100ms-400ms", jitter = "none", resume = true }"#;
    let done = measure("", group, "at_start = { cut = 0.5 }");
    let run = done.exits(0).run();
    accounts_for_every_copy(run);
    let (d, r) = (&run.deliveries, &run.reconnect);
    assert_eq!((d.lost, d.missed, d.unaccountable), (0, 0, 0));
    assert_eq!((r.count, r.resumed, r.away, r.resume_refused), (r.cut, r.cut, 0, 0));
    assert!((10..=14).contains(&r.cut), "about half: {r:?}");
    assert_eq!(run.connections.left_by["cut"], r.cut);
    // What was published in the tenth of a second of the absence came late, and is kept apart.
    assert!(d.resumed > 0 && run.latency.resumed.count == d.resumed);
    assert_eq!(run.latency.due.as_ref().unwrap().count, d.expected - d.resumed);
    assert!(r.back_all.unwrap() >= 100_000.0 && r.p50.unwrap() >= 100_000.0, "{r:?}");
    assert!(r.peak_per_s.unwrap() >= 10.0);
}

#[test]
fn who_is_cut_and_does_not_resume_has_missed_what_was_published_meanwhile() {
    let group = r#"reconnect = { backoff = "100ms-400ms", jitter = "full" }"#;
    let done = measure("", group, "at_start = { cut = 1.0 }");
    let run = done.exits(0).run();
    accounts_for_every_copy(run);
    assert_eq!(run.deliveries.lost, 0);
    // A place is taken before the 101 says so: what is published in between reaches somebody who was not owed it yet.
    assert!(run.deliveries.resumed <= SUBSCRIBERS && run.deliveries.missed > run.deliveries.resumed);
    assert_eq!((run.reconnect.cut, run.reconnect.count, run.reconnect.resumed), (SUBSCRIBERS, SUBSCRIBERS, 0));
}

#[test]
fn who_is_cut_and_stays_away_is_owed_nothing_more() {
    let done = measure("", "", "at_start = { cut = 0.5 }");
    let run = done.exits(0).run();
    let d = &run.deliveries;
    assert_eq!((d.lost, d.missed, run.reconnect.count), (0, 0, 0));
    assert!(d.expected < run.publishes.due * SUBSCRIBERS / 3 && run.reconnect.cut > 0);
    assert_eq!(run.reconnect.back_50, None);
}

#[test]
fn people_who_come_and_go_lose_nothing_and_everything_is_accounted_for() {
    let done = measure("", r#"churn = { session = "400ms", offline = "20ms-120ms" }"#, "");
    let run = done.exits(0).run();
    accounts_for_every_copy(run);
    assert_eq!(run.deliveries.lost, 0);
    assert!(run.deliveries.missed > 0 && run.connections.left_by["churn"] > 10, "{:?}", run.connections);
    assert_eq!((run.connections.closed, run.reconnect.cut), (0, 0));
    assert!(run.reconnect.count > 0 && run.intervals.iter().map(|i| i.handshakes).sum::<u64>() > 0);
}

#[test]
fn members_who_are_away_do_not_publish_and_those_who_stay_hear_everything() {
    let scenario = scenario("", r#"churn = { session = "400ms", offline = "20ms-120ms" }"#, "")
        .replace("count = 3\nrate", "from = \"people\"\nrate")
        .replace("from = \"people\"", "from = \"members\"");
    let (done, ()) = undisturbed(|| (Stage::new(&scenario).run(&[]), ()));
    let run = done.exits(0).run();
    adds_up(run);
    assert!(run.publishes.away > 0, "{:?}", run.publishes);
    assert_eq!(run.publishes.sent, run.publishes.due);
    assert_eq!(run.deliveries.duplicated, 0);
}

#[test]
fn a_restart_is_not_the_servers_failure_but_what_it_lost_is_lost() {
    let group = r#"reconnect = { backoff = "50ms-200ms", jitter = "full", resume = true }"#;
    let target = r#"server = { drain = "200ms" }"#;
    let done = measure(target, group, "at_start = { restart = \"SIGTERM\" }");
    let run = done.exits(0).run();
    let (d, r) = (&run.deliveries, &run.reconnect);
    assert_eq!(d.expected, run.publishes.due * SUBSCRIBERS / 3);
    assert_eq!((d.missed, d.unaccountable), (0, 0));
    assert_eq!((run.connections.closed, run.connections.refused, run.connections.failed), (0, 0, 0));
    // Three publishers too; and nothing that the first process kept can be resumed from the second.
    assert_eq!(run.connections.left_by["restart"], SUBSCRIBERS + 3);
    assert_eq!((r.cut, r.count, r.away, r.resumed), (SUBSCRIBERS, SUBSCRIBERS, 0, 0));
    assert!(r.resume_refused > 0, "{r:?}");
    assert_eq!(run.publishes.sent, run.publishes.due, "publishers come back and send what was due meanwhile");
}

/// Against a server of another make.
fn against(fault: Fault, resume: &str) -> (Done, Tally) {
    let group = format!(r#"reconnect = {{ backoff = "50ms-200ms", jitter = "none"{resume} }}"#);
    let (done, tally) = undisturbed(|| {
        let double = Double::start(fault);
        let text =
            scenario(&format!("url = \"{}\"", double.url()), &group, "").replace("drain = \"4s\"", "drain = \"500ms\"");
        (Stage::new(&text).run(&[]), double.tally())
    });
    adds_up(done.run());
    (done, tally)
}

#[test]
fn what_a_servers_close_made_somebody_miss_is_lost() {
    let (done, tally) = against(Fault::Close { at: 100, every: 2 }, "");
    let run = done.exits(3).run();
    let (d, c) = (&run.deliveries, &run.connections);
    assert_eq!(d.expected, run.publishes.due * SUBSCRIBERS / 3);
    assert_eq!((d.missed, d.unaccountable, d.resumed), (0, 0, 0));
    assert!(d.lost >= tally.closed, "at least the message at which it closed them: {d:?}");
    assert_eq!((c.closed, run.reconnect.count), (tally.closed, tally.closed));
    assert_eq!(run.reconnect.cut, 0);
}

#[test]
fn a_resume_that_is_turned_down_is_counted_and_the_connection_goes_on_without() {
    let (done, tally) = against(Fault::RefuseResume { at: 100, every: 2 }, ", resume = true");
    let run = done.exits(3).run();
    let r = &run.reconnect;
    assert_eq!((r.resume_refused, tally.resumes_refused), (tally.closed, tally.closed));
    assert_eq!((r.count, r.resumed, r.away), (tally.closed, 0, 0));
    // Nothing is replayed; but a place is taken before the 101 says so, and what is published in between comes all the same.
    assert_eq!(run.deliveries.missed, 0);
    assert!(run.deliveries.resumed <= tally.closed && run.deliveries.lost >= tally.closed, "{:?}", run.deliveries);
}

#[test]
fn the_second_client_says_that_its_connections_stay() {
    let scenario = scenario("", r#"reconnect = { resume = true }"#, "");
    Stage::new(&scenario).run(&["--client", "tungstenite"]).exits(2).says("`reconnect` of [[connections]] `people`");
}
