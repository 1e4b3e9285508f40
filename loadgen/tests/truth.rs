//! What fanout says of a server is what the server did: held against a double that errs on purpose and counts its errors,
//! with both clients, which must agree on every count.

use std::time::Duration;

use crate::command::{Done, Stage, adds_up, counts, undisturbed};
use crate::double::{Double, Fault, Tally, Whose};
use loadgen::result::Run;

const SUBSCRIBERS: u64 = 20;
const MESSAGES: u64 = 200;
pub const CLIENTS: [&str; 2] = ["native", "tungstenite"];
const RESERVED_BITS: &str = "server protocol error: reserved bits without an extension that was agreed on";
/// In the payload of these scenarios: a byte of the stamp, and one of the text.
const IN_STAMP: usize = 14;
const IN_TEXT: usize = 100;

/// 20 subscribers of one room, 200 messages within half a second.
pub fn scenario(url: &str) -> String {
    format!(
        r#"
name = "truth"
settle = "100ms"
drain = "5s"
max_schedule_lag = "1s"
[target]
url = "{url}"
[[connections]]
name = "subscribers"
count = {SUBSCRIBERS}
[[publishers]]
name = "speaker"
rate = 400
payload = {{ template = '{{"id":"{{stamp}}","text":"{{text}}"}}', size = 160 }}
[[phases]]
name = "steady"
for = "500ms"
"#
    )
}

/// Measures a double with one client; the scenario comes of its address.
fn measure(fault: Fault, client: &str, scenario: &dyn Fn(&str) -> String) -> (Done, Tally) {
    let (done, tally) = undisturbed(|| {
        let double = Double::start(fault);
        let scenario = scenario(&double.url()).replace("drain = \"5s\"", drain(fault));
        let done = Stage::new(&scenario).run_json(&["--client", client]);
        (done, double.tally())
    });
    if let Some(run) = &done.run {
        adds_up(run);
        let printed: Run = serde_json::from_str(&done.stdout).unwrap();
        assert_eq!(printed.deliveries, run.deliveries, "stdout and run.json are one document");
        assert_eq!(run.environment.client, client);
    }
    (done, tally)
}

/// Where nothing is missing a run ends with the last delivery; where something is, it waits in vain.
pub fn drain(fault: Fault) -> &'static str {
    match fault {
        Fault::Drop { .. }
        | Fault::Close { .. }
        | Fault::CloseSender { .. }
        | Fault::BadFrame { .. }
        | Fault::Alter { .. }
        | Fault::Swallow => "drain = \"1s\"",
        _ => "drain = \"5s\"",
    }
}

/// Measures with both clients at once, and lets `check` see each; both must have the same counts.
fn with_both(fault: Fault, check: impl Fn(&Done, &Run, &Tally) + Sync) {
    with_both_in(fault, &|url| scenario(url), check);
}

fn with_both_in(fault: Fault, scenario: &(dyn Fn(&str) -> String + Sync), check: impl Fn(&Done, &Run, &Tally) + Sync) {
    let seen = std::thread::scope(|scope| {
        CLIENTS.map(|client| scope.spawn(move || measure(fault, client, scenario))).map(|run| run.join().unwrap())
    });
    for ((done, tally), client) in seen.iter().zip(CLIENTS) {
        let run = done.run();
        println!("{client}: {tally:?} {:?} {:?}", run.deliveries, run.connections);
        check(done, run, tally);
    }
    assert_eq!(counts(seen[0].0.run()), counts(seen[1].0.run()), "the clients disagree");
}

/// Nothing but this happened to deliveries.
#[derive(Debug, Default, PartialEq)]
struct Wrong {
    lost: u64,
    duplicated: u64,
    reordered: u64,
    corrupted: u64,
    foreign: u64,
    ambiguous: u64,
    missed: u64,
    unaccountable: u64,
}

fn wrong(run: &Run) -> Wrong {
    let d = &run.deliveries;
    assert_eq!(run.publishes.sent, MESSAGES);
    assert_eq!(d.expected, MESSAGES * SUBSCRIBERS);
    Wrong {
        lost: d.lost,
        duplicated: d.duplicated,
        reordered: d.reordered,
        corrupted: d.corrupted,
        foreign: d.foreign,
        ambiguous: d.ambiguous,
        missed: d.missed,
        unaccountable: d.unaccountable,
    }
}

#[test]
fn a_faultless_server_is_found_without_fault() {
    with_both(Fault::None, |done, run, tally| {
        done.exits(0);
        assert_eq!(wrong(run), Wrong::default());
        assert_eq!((tally.messages, tally.sent), (MESSAGES, run.deliveries.delivered));
        // The second client says that it does not judge itself as closely.
        let notes = usize::from(run.environment.client == "tungstenite");
        assert!(run.passed || done.was_disturbed(), "{:?}", run.validity);
        assert_eq!(run.notes.len(), notes, "{:?}", run.notes);
    });
}

#[test]
fn messages_that_the_server_drops_are_lost_and_no_others() {
    let fault = Fault::Drop { every: 50, whose: Whose::Everybody };
    let with_threshold = |url: &str| format!("{}[thresholds]\n\"deliveries.lost\" = \"== 0\"\n", scenario(url));
    with_both_in(fault, &with_threshold, |done, run, tally| {
        done.exits(3);
        assert_eq!(tally.lost, MESSAGES / 50 * SUBSCRIBERS);
        assert_eq!(wrong(run), Wrong { lost: tally.lost, ..Wrong::default() });
        assert_eq!(run.deliveries.lost_share, 0.02);
    });
}

#[test]
fn without_a_threshold_losses_are_a_result_and_no_failure() {
    with_both(Fault::Drop { every: 100, whose: Whose::Everybody }, |done, run, tally| {
        done.exits(0);
        assert_eq!(wrong(run), Wrong { lost: tally.lost, ..Wrong::default() });
        let due = run.latency.due.as_ref().unwrap();
        assert_eq!(due.count, run.deliveries.expected, "percentiles are over what was expected");
        // One in a hundred: 99 % are there, and what lies beyond never came.
        assert!(due.p99.is_some() && due.p999.is_none() && due.max.is_none(), "{due:?}");
        assert!(run.latency.arrived.max.is_some());
    });
}

#[test]
fn messages_dropped_for_one_subscriber_are_lost_to_that_one() {
    with_both(Fault::Drop { every: 7, whose: Whose::OneSubscriber }, |done, run, tally| {
        done.exits(0);
        assert_eq!(tally.lost, MESSAGES / 7);
        assert_eq!(wrong(run), Wrong { lost: tally.lost, ..Wrong::default() });
    });
}

#[test]
fn copies_sent_twice_are_duplicated() {
    for whose in [Whose::Everybody, Whose::OneSubscriber] {
        with_both(Fault::Duplicate { every: 9, whose }, |done, run, tally| {
            done.exits(0);
            assert_eq!(wrong(run), Wrong { duplicated: tally.duplicated, ..Wrong::default() });
        });
    }
}

#[test]
fn neighbours_that_change_places_are_one_reordering_each() {
    for whose in [Whose::Everybody, Whose::OneSubscriber] {
        with_both(Fault::Swap { every: 7, whose }, |done, run, tally| {
            done.exits(0);
            assert!(tally.reordered > 0);
            assert_eq!(wrong(run), Wrong { reordered: tally.reordered, ..Wrong::default() });
        });
    }
}

#[test]
fn a_byte_changed_outside_the_stamp_is_a_corruption() {
    for whose in [Whose::Everybody, Whose::OneSubscriber] {
        with_both(Fault::Alter { every: 11, byte: IN_TEXT, whose }, |done, run, tally| {
            done.exits(0);
            assert_eq!(wrong(run), Wrong { corrupted: tally.altered, ..Wrong::default() });
        });
    }
}

#[test]
fn a_byte_changed_inside_the_stamp_is_a_corruption_too() {
    for whose in [Whose::Everybody, Whose::OneSubscriber] {
        with_both(Fault::Alter { every: 11, byte: IN_STAMP, whose }, |done, run, tally| {
            done.exits(0);
            assert_eq!(wrong(run), Wrong { corrupted: tally.altered, ..Wrong::default() });
        });
    }
}

#[test]
fn a_server_that_closes_slow_clients_does_not_look_faster_for_it() {
    with_both(Fault::Close { at: 101, every: 4 }, |done, run, tally| {
        done.exits(3);
        assert_eq!(tally.closed, SUBSCRIBERS / 4);
        assert_eq!(tally.lost, tally.closed * (MESSAGES - 100));
        assert_eq!(wrong(run), Wrong { lost: tally.lost, ..Wrong::default() });
        assert_eq!(run.connections.closed, tally.closed);
        assert_eq!(run.connections.closed_by["server 1013"], tally.closed);
        // An eighth is lost: whoever asks for the slowest tenth is told "never".
        let due = run.latency.due.as_ref().unwrap();
        assert!(due.p50.is_some(), "{due:?}");
        assert_eq!((due.p90, due.p95, due.p99, due.p999, due.max), (None, None, None, None, None));
        assert!(run.latency.arrived.p99.is_some());
    });
}

#[test]
fn what_a_publisher_could_not_say_after_the_server_closed_it_is_lost() {
    for client in CLIENTS {
        let (done, tally) = measure(Fault::CloseSender { at: 50 }, client, &scenario);
        done.exits(3);
        let run = done.run();
        assert_eq!(run.connections.closed_by["server 1008"], 1);
        assert_eq!(run.publishes.due, MESSAGES, "the schedule asks for them all the same");
        assert!(run.publishes.sent < MESSAGES / 2, "{:?}", run.publishes);
        assert_eq!(run.deliveries.expected, MESSAGES * SUBSCRIBERS);
        assert_eq!(run.deliveries.delivered, tally.messages * SUBSCRIBERS);
        let unsent = run.validity.reasons.iter().find(|reason| reason.rule == "unsent");
        assert_eq!(unsent, None, "that is the server's doing");
    }
}

#[test]
fn a_server_that_breaks_the_protocol_loses_the_connection_and_what_it_would_have_received() {
    with_both(Fault::BadFrame { at: 31 }, |done, run, _| {
        done.exits(3);
        assert_eq!(wrong(run), Wrong { lost: MESSAGES - 30, ..Wrong::default() });
        assert_eq!((run.connections.closed_by[RESERVED_BITS], run.connections.closed), (1, 1));
    });
}

#[test]
fn a_threshold_fails_where_its_percentile_falls_among_the_lost() {
    let with_threshold = |url: &str| format!("{}[thresholds]\n\"latency.due.p99\" = \"< 60s\"\n", scenario(url));
    with_both_in(Fault::Drop { every: 20, whose: Whose::Everybody }, &with_threshold, |done, run, _| {
        done.exits(3);
        assert_eq!((run.thresholds[0].value, run.thresholds[0].pass), (None, false));
    });
}

#[test]
fn a_stall_shows_at_its_size_and_in_every_message_that_was_due_meanwhile() {
    let longer =
        |url: &str| scenario(url).replace("rate = 400", "rate = 200").replace("for = \"500ms\"", "for = \"1s\"");
    with_both_in(Fault::Stall { at: 50, pause: Duration::from_millis(200) }, &longer, |done, run, _| {
        done.exits(0);
        assert_eq!(wrong(run), Wrong::default());
        let due = run.latency.due.as_ref().unwrap();
        let (p50, p99, max) = (due.p50.unwrap(), due.p99.unwrap(), due.max.unwrap());
        assert!((180_000.0..1_000_000.0).contains(&max), "{due:?}");
        // 40 of 200 messages were due during the stall; a client that waited for it would have sent none of them.
        assert!((120_000.0..1_000_000.0).contains(&p99), "{due:?}");
        assert!(p50 < 120_000.0, "{due:?}");
    });
}

#[test]
fn a_server_that_does_not_read_is_slow_and_the_measurement_valid() {
    let heavy = |url: &str| {
        scenario(url)
            .replace("max_schedule_lag = \"1s\"\n", "")
            .replace("size = 160", "size = \"64KiB\"")
            .replace("count = 20", "count = 1")
    };
    let pause = Duration::from_millis(800);
    with_both_in(Fault::StopReading { at: 20, pause }, &heavy, |done, run, tally| {
        done.exits(0);
        assert_eq!(tally.sent, run.deliveries.delivered);
        assert!(run.latency.due.as_ref().unwrap().max.unwrap() > 500_000.0, "{:?}", run.latency.due);
        assert_eq!(run.deliveries.lost, 0);
    });
}

#[test]
fn upgrades_refused_during_the_ramp_fail_the_run_and_the_others_are_measured() {
    let slower = |url: &str| scenario(url).replace("count = 20", "count = 20\nramp = 100");
    with_both_in(Fault::Refuse { after: 2 + 11, status: 503 }, &slower, |done, run, tally| {
        done.exits(3);
        assert_eq!((tally.refused, run.connections.refused), (10, 10));
        assert_eq!(run.connections.refused_by_status["503"], 10);
        assert_eq!(run.deliveries.expected, MESSAGES * 10, "nothing is expected of who never joined");
        assert_eq!(run.deliveries.lost, 0);
    });
}

#[test]
fn a_server_that_dies_fails_the_run_and_what_was_measured_is_written() {
    for client in CLIENTS {
        let (done, tally) =
            measure(Fault::Die { at: 100 }, client, &|url| scenario(url).replace("for = \"500ms\"", "for = \"3s\""));
        done.exits(3);
        let run = done.run();
        let why = run.ended_early.as_ref().unwrap();
        assert!(why.starts_with("the server closed every connection"), "{why}");
        assert_eq!(run.connections.closed, SUBSCRIBERS + 1);
        let d = &run.deliveries;
        // Messages on their way when it died are lost with it.
        assert!(d.delivered <= tally.sent && d.delivered >= 90 * SUBSCRIBERS, "{d:?} {tally:?}");
        assert!(d.lost > 0 && d.duplicated + d.reordered + d.corrupted == 0, "{d:?}");
        assert!(!run.interrupted && !run.passed);
    }
}

#[test]
fn where_the_sender_gets_no_copy_none_is_expected() {
    let members = |url: &str| scenario(url).replace("rate = 400", "rate = 400\nfrom = \"members\"");
    with_both_in(Fault::NoEcho, &members, |done, run, tally| {
        done.exits(0);
        assert_eq!(run.deliveries.expected, MESSAGES * (SUBSCRIBERS - 1));
        assert_eq!((run.deliveries.delivered, run.deliveries.lost), (tally.sent, 0));
        assert!(run.notes[0].contains("no copy to the sender"), "{:?}", run.notes);
    });
    with_both_in(Fault::None, &members, |done, run, tally| {
        done.exits(0);
        assert_eq!(run.deliveries.expected, MESSAGES * SUBSCRIBERS);
        assert_eq!(run.deliveries.delivered, tally.sent + MESSAGES, "its own copy is a delivery");
    });
}

#[test]
fn fragments_and_pings_between_them_make_no_difference() {
    with_both(Fault::Fragment, |done, run, _| {
        done.exits(0);
        assert_eq!(wrong(run), Wrong::default());
    });
}

#[test]
fn pings_are_answered_and_no_deliveries() {
    with_both(Fault::Ping { every: 10 }, |done, run, tally| {
        done.exits(0);
        assert_eq!(wrong(run), Wrong::default());
        assert_eq!(tally.pongs, MESSAGES / 10 * SUBSCRIBERS);
    });
}

#[test]
fn messages_inside_something_of_the_servers_own_are_found_by_their_stamps() {
    with_both(Fault::Wrap, |done, run, _| {
        done.exits(0);
        assert_eq!(wrong(run), Wrong::default());
        assert!(run.notes[0].contains("wraps messages"), "{:?}", run.notes);
    });
}

#[test]
fn matched_by_content_the_counts_are_the_same() {
    let by_content = |url: &str| scenario(url).replace("settle", "correlate = \"content\"\nsettle");
    with_both_in(Fault::Drop { every: 50, whose: Whose::OneSubscriber }, &by_content, |done, run, tally| {
        done.exits(0);
        assert_eq!(wrong(run), Wrong { lost: tally.lost, ..Wrong::default() });
    });
}
