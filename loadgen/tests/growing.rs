//! Phases that grow and shrink a group: who joins and leaves by plan is neither lost nor the server's failure.

use crate::command::{Done, Stage, adds_up, undisturbed};
use crate::double::{Double, Fault};
use loadgen::result::Run;

/// Ten people, then forty, then five, and twenty in the end.
fn scenario(target: &str, group: &str, publishers: &str) -> String {
    format!(
        r#"
name = "growing"
settle = "200ms"
drain = "3s"
max_schedule_lag = "1s"
[target]
{target}
[[connections]]
name = "people"
count = 10
{group}
[[publishers]]
name = "speakers"
{publishers}
[[phases]]
name = "rise"
for = "600ms"
connections = 40
[[phases]]
name = "top"
for = "400ms"
[[phases]]
name = "fall"
for = "600ms"
connections = 5
[[phases]]
name = "low"
for = "400ms"
[[phases]]
name = "again"
for = "600ms"
connections = 20
"#
    )
}

const RATE: &str = "rate = 200";

fn measure(target: &str, group: &str, publishers: &str, flags: &[&str]) -> Done {
    let (done, ()) = undisturbed(|| (Stage::new(&scenario(target, group, publishers)).run_json(flags), ()));
    adds_up(done.run());
    done
}

/// Copies of each message that were owed in a phase, on average.
fn copies(run: &Run, phase: &str) -> f64 {
    let figures = &run.phases[phase].figures;
    figures.deliveries.expected as f64 / figures.publishes.due as f64
}

fn nothing_is_lost_by_whoever_came_and_went(run: &Run) {
    let d = &run.deliveries;
    assert_eq!((d.lost, d.duplicated, d.reordered, d.corrupted, d.missed), (0, 0, 0, 0, 0), "{d:?}");
    let c = &run.connections;
    assert_eq!((c.refused, c.failed, c.closed), (0, 0, 0), "{c:?}");
    assert_eq!(c.left_by["shrink"], 35, "{c:?}");
}

#[test]
fn a_crowd_grows_shrinks_and_grows_again_without_a_loss() {
    let done = measure("", "", RATE, &["--workers", "2"]);
    let run = done.exits(0).run();
    nothing_is_lost_by_whoever_came_and_went(run);
    // Ten, thirty more, fifteen of those once more, and the speaker.
    assert_eq!((run.connections.asked, run.connections.opened, run.connections.joined_late), (56, 56, 45));
    assert_eq!(run.groups["people"].subscribers, 40, "who comes back is nobody new");
    let [rise, top, fall, low, again] = ["rise", "top", "fall", "low", "again"].map(|phase| copies(run, phase));
    assert!(10.0 < rise && rise < 40.0 && 5.0 < fall && fall < 40.0 && 5.0 < again && again < 20.0);
    // On a busy machine who joins last joins late, and so it is with who leaves.
    assert!(30.0 < top && top <= 40.0 && (5.0..15.0).contains(&low), "{top} {low}");
    assert_eq!(run.scenario["connections"][0]["most"], 40);
}

#[test]
fn agents_grow_and_shrink_their_parts() {
    let done = measure("", "rooms = 3", "count = 3\nrate = 90", &["--agents", "2"]);
    let run = done.exits(0).run();
    nothing_is_lost_by_whoever_came_and_went(run);
    assert_eq!((run.connections.opened, run.groups["people"].subscribers), (58, 40));
}

#[test]
fn members_publish_while_they_are_there() {
    let done = measure("", "", "from = \"members\"\nevery = \"100ms\"", &[]);
    let run = done.exits(0).run();
    nothing_is_lost_by_whoever_came_and_went(run);
    assert_eq!(run.publishes.sent, run.publishes.due);
    let of_all = 40 * 26;
    assert_eq!(run.publishes.due + run.publishes.away, of_all, "who is not there publishes nothing");
    assert!(run.publishes.away > 200, "{:?}", run.publishes);
}

#[test]
fn a_closed_loop_goes_on_for_who_joins_late() {
    let done = measure("", "", "from = \"members\"\narrival = \"closed\"\nin_flight = 1", &[]);
    let run = done.exits(0).run();
    nothing_is_lost_by_whoever_came_and_went(run);
    assert!(run.publishes.sent > 1000, "{:?}", run.publishes);
}

#[test]
fn who_is_away_when_it_is_to_leave_does_not_come_back() {
    let churn = r#"churn = { session = "100ms", offline = "50ms-300ms" }"#;
    let done = measure("", churn, RATE, &[]);
    let run = done.exits(0).run();
    assert_eq!((run.deliveries.lost, run.connections.closed), (0, 0));
    assert!(run.deliveries.missed > 0 && run.connections.left_by["churn"] > 20);
    // At most five are there to miss anything, once the others have left, which takes a busy machine a moment longer; of forty it would be all.
    let low = &run.phases["low"].figures;
    let owed = low.deliveries.expected + low.deliveries.missed + low.deliveries.unaccountable;
    assert!(owed <= low.publishes.due * 12, "{:?} of {}", low.deliveries, low.publishes.due);
}

#[test]
fn who_was_closed_by_the_server_is_owed_nothing_after_it_was_to_leave() {
    let (done, closed) = undisturbed(|| {
        let double = Double::start(Fault::Close { at: 20, every: 2 });
        let target = format!("url = \"{}\"", double.url());
        let text = scenario(&target, "", RATE).replace("drain = \"3s\"", "drain = \"300ms\"");
        (Stage::new(&text).run_json(&[]), double.tally().closed)
    });
    let run = done.exits(3).run();
    adds_up(run);
    assert!(run.connections.closed >= 5, "{closed}: {:?}", run.connections);
    assert!(run.deliveries.lost > 0, "a close by the server ends no account");
    assert!(copies(run, "low") < 15.0, "a leave by plan does: {}", copies(run, "low"));
    assert_eq!(run.deliveries.missed, 0);
}

#[test]
fn who_was_cut_for_good_is_owed_nothing_once_and_not_twice() {
    let phases = |text: &str| text.split_once("[[phases]]").unwrap().0.replace("count = 10", "count = 100");
    let text = phases(&scenario("", "", RATE))
        + r#"
[[phases]]
name = "all"
for = "300ms"
[[phases]]
name = "half"
for = "400ms"
at_start = { cut = 0.5 }
[[phases]]
name = "fall"
for = "600ms"
connections = 10
[[phases]]
name = "low"
for = "400ms"
"#;
    let (done, ()) = undisturbed(|| (Stage::new(&text).run_json(&[]), ()));
    let run = done.exits(0).run();
    adds_up(run);
    let (d, left) = (&run.deliveries, &run.connections.left_by);
    assert_eq!((d.lost, d.missed, run.connections.closed), (0, 0, 0), "{d:?}");
    assert!((40..=60).contains(&left["cut"]) && left["cut"] + left["shrink"] <= 100, "{left:?}");
    let there = 100 - left["cut"] - left["shrink"];
    assert!((1..10).contains(&there), "some of the first ten were cut: {left:?}");
    let (there, low) = (there as f64, copies(run, "low"));
    // Who leaves last leaves late on a busy machine; were the cut still owed, it would be some forty more.
    assert!((there..there + 10.0).contains(&low), "{there} are there, and {low} are owed each message");
}

#[test]
fn a_line_says_how_many_were_asked_for_so_far() {
    let text = scenario("", "", RATE);
    let text = text.split_once("[[phases]]").unwrap().0.to_owned()
        + "[[phases]]\nname = \"steady\"\nfor = \"2500ms\"\n\
           [[phases]]\nname = \"rise\"\nfor = \"300ms\"\nconnections = 40\n";
    let done = Stage::new(&text).run(&[]);
    let steady = done.stderr.lines().find(|line| line.starts_with("steady "));
    assert!(steady.is_some_and(|line| line.contains(" 11 of 11 open")), "{}", done.stderr);
}

#[test]
fn the_second_client_says_that_it_neither_grows_nor_reads_slowly() {
    let grows = Stage::new(&scenario("", "", RATE)).run(&["--client", "tungstenite"]);
    grows.exits(2).says("`connections` of [[phases]] `rise`");
    let steady = scenario("", "read_bytes_per_s = 1000", RATE);
    let slow = steady.lines().filter(|line| !line.starts_with("connections =")).collect::<Vec<_>>().join("\n");
    Stage::new(&slow).run(&["--client", "tungstenite"]).exits(2).says("`read_bytes_per_s` of [[connections]] `people`");
}
