use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::ledger::{Book, Verify};
use crate::plan::Mode;
use crate::scenario::{Limits, Quick, quick};
use crate::worker::{Completion, Found, publisher_rooms, shares};

const START: u64 = 5_000_000_000;
const MILLISECOND: u64 = 1_000_000;

/// One publisher that publishes `rate` a second for a second, from [`START`] on.
fn pacing(rate: f64) -> Pacing {
    let load = Quick {
        url: None,
        connections: 1,
        rooms: 1,
        rate,
        duration: Duration::from_secs(1),
        size: "128".to_owned(),
        mode: Mode::Broadcast,
    };
    let limits = Limits { descriptors: 20_000, ports: 28_000 };
    let plan = Arc::new(quick(&load, &[], &limits).unwrap());
    let share = shares(&plan, 1).remove(0);
    let common = Common {
        book: Arc::new(Book::new(publisher_rooms(&plan)).unwrap()),
        plan,
        found: Found {
            endpoints: Vec::new(),
            admins: Vec::new(),
            run: 1,
            epoch: 0,
            verify: Verify::Exact,
            completion: Completion::Echo,
        },
    };
    let mut pacing = Pacing::new(&common, &share.publishers);
    pacing.start(START);
    pacing
}

fn due(pacing: &mut Pacing, now: u64, sender: Sender) -> Vec<Due> {
    let mut due = Vec::new();
    pacing.due(now, |_| sender, &mut due);
    due
}

#[test]
fn what_fell_due_while_the_socket_was_full_keeps_its_due_time_and_could_be_sent_from_then_on() {
    let mut pacing = pacing(100.0);
    assert_eq!(due(&mut pacing, START + 40 * MILLISECOND, Sender::Blocked), []);
    let writable = START + 52 * MILLISECOND;
    pacing.writable(0, writable);
    pacing.unblocked(0);
    let sent = due(&mut pacing, START + 60 * MILLISECOND, Sender::Ready);
    let times: Vec<_> =
        sent.iter().map(|d| ((d.at.unwrap() - START) / MILLISECOND, (d.sendable - START) / MILLISECOND)).collect();
    assert_eq!(times, [(5, 52), (15, 52), (25, 52), (35, 52), (45, 52), (55, 55)]);
}

#[test]
fn a_backlog_goes_out_in_bounded_parts_oldest_first_and_none_is_skipped() {
    let mut pacing = pacing(2000.0);
    let now = START + 900 * MILLISECOND;
    let mut all = Vec::new();
    while pacing.next(now).is_some_and(|at| at <= now) {
        let part = due(&mut pacing, now, Sender::Ready);
        assert!((1..=MOST_AT_ONCE).contains(&part.len()), "{}", part.len());
        all.extend(part);
    }
    assert_eq!(all.len(), 1800);
    assert!(all.is_sorted_by_key(|d| d.at) && all.iter().all(|d| Some(d.sendable) == d.at));
}

#[test]
fn what_is_never_sent_was_due_and_is_ours_only_where_the_socket_was_writable() {
    for (sender, ours) in [(Sender::Ready, 60), (Sender::Blocked, 0), (Sender::Gone, 0)] {
        let mut pacing = pacing(100.0);
        assert_eq!(due(&mut pacing, START + 400 * MILLISECOND, Sender::Ready).len(), 40);
        assert_eq!(pacing.count_unsent(|_| sender), ours);
        assert_eq!(pacing.counts.iter().map(|(.., n)| n).sum::<u64>(), 100);
    }
}

#[test]
fn what_is_skipped_is_never_due_and_what_follows_is_due_at_once() {
    let mut pacing = pacing(100.0);
    assert_eq!(due(&mut pacing, START + 200 * MILLISECOND, Sender::Ready).len(), 20);
    pacing.skip(Cut { from: 300 * MILLISECOND, to: 900 * MILLISECOND });
    let rest = due(&mut pacing, START + 2000 * MILLISECOND, Sender::Ready);
    let times: Vec<_> = rest.iter().map(|d| (d.at.unwrap() - START) / MILLISECOND).collect();
    assert_eq!(times.len(), 20, "ten before the part that is skipped, ten after it");
    assert_eq!((times[9], times[10], times[19]), (295, 305, 395));
    assert_eq!(pacing.counts.total(), 40);
    assert!(!pacing.is_waiting());
}

#[test]
fn a_backlog_keeps_its_due_times_when_a_later_part_is_skipped() {
    let mut pacing = pacing(100.0);
    assert_eq!(due(&mut pacing, START + 100 * MILLISECOND, Sender::Blocked), []);
    pacing.skip(Cut { from: 50 * MILLISECOND, to: 1000 * MILLISECOND });
    pacing.unblocked(0);
    let sent = due(&mut pacing, START + 120 * MILLISECOND, Sender::Ready);
    assert_eq!(sent.len(), 5);
    assert_eq!(sent[0].at, Some(START + 5 * MILLISECOND));
}
