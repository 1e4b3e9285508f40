use std::time::Duration;

use super::*;
use crate::recorder::Recorder;
use crate::thresholds::Metric;

const PHASES: [(&str, f64, bool); 3] = [("warm-up", 2.0, false), ("steady", 6.0, true), ("goal", 4.0, true)];

fn shape() -> Shape {
    let phases = PHASES.map(|(name, length_s, measure)| Stretch { name: name.to_owned(), length_s, measure });
    Shape { groups: vec!["phones".to_owned()], phases: phases.to_vec() }
}

fn threshold(metric: &str, text: &str, over_s: Option<u32>, abort: Option<u64>) -> Threshold {
    let metric = Metric::find(metric, &["phones"], &PHASES.map(|(name, ..)| name)).unwrap();
    Threshold { over_s, abort: abort.map(Duration::from_secs), ..Threshold::parse(&metric, text).unwrap() }
}

fn phase_at(second: usize) -> u16 {
    match second {
        0..2 => 0,
        2..8 => 1,
        _ => 2,
    }
}

/// Second `n`, in which everything arrived after so many milliseconds; `None`: published and nothing arrived.
fn second(n: usize, ms: Option<u64>) -> Second {
    let mut recorder = Recorder::new(3, 1);
    if let Some(ms) = ms {
        let slot = recorder.slot(phase_at(n), 0);
        slot.times(ms * 1_000_000 + 1, 1, 1, 100);
        slot.delivered += 100;
    }
    recorder.phase(phase_at(n)).sent += 10;
    Second::new(n as f64, n as f64 + 1.0, &recorder, 3, 1)
}

/// What a threshold says of twelve seconds; and when, and how, it ended the run.
fn watched(threshold: Threshold, seconds: [Option<u64>; 12]) -> (WindowVerdict, Option<(usize, String)>) {
    let mut watch = Watch::new(&[threshold], shape()).unwrap();
    let mut end = None;
    for (n, ms) in seconds.into_iter().enumerate() {
        if let Some(why) = watch.second(second(n, ms)) {
            end = Some((n, why));
            break;
        }
    }
    (watch.verdicts().remove(0).1, end)
}

const QUIET: [Option<u64>; 12] = [Some(1); 12];

fn with(slow: std::ops::Range<usize>, ms: Option<u64>) -> [Option<u64>; 12] {
    let mut seconds = QUIET;
    seconds[slow].fill(ms);
    seconds
}

#[test]
fn only_thresholds_that_ask_for_it_are_watched() {
    assert!(Watch::new(&[threshold("latency.due.p99", "< 5ms", None, None)], shape()).is_none());
    assert!(Watch::new(&[threshold("latency.due.p99", "< 5ms", Some(3), None)], shape()).is_some());
}

#[test]
fn a_window_begins_with_every_second_of_measured_time() {
    let (verdict, end) = watched(threshold("latency.due.p99", "< 5ms", Some(3), None), QUIET);
    // 2..5 to 9..12: none reaches into the warm-up.
    assert_eq!((verdict.windows, verdict.broken, end), (8, None, None));
    assert_eq!(verdict.worst, Some(1000.0));
}

#[test]
fn a_slow_warm_up_is_in_no_window() {
    let (verdict, _) = watched(threshold("latency.due.p99", "< 5ms", Some(3), None), with(0..2, Some(90)));
    assert_eq!(verdict.broken, None);
}

#[test]
fn the_first_window_that_breaks_it_and_the_worst_are_told() {
    let mut seconds = with(6..7, Some(20));
    seconds[10] = Some(50);
    let (verdict, _) = watched(threshold("latency.due.p99", "< 5ms", Some(3), None), seconds);
    let broken = verdict.broken.unwrap();
    assert_eq!((broken.from_s, broken.to_s), (4.0, 7.0));
    assert!(verdict.worst.unwrap() > 49_000.0);
}

#[test]
fn windows_of_a_phase_lie_within_it() {
    let of_goal = |ms| watched(threshold("phases.goal.latency.due.p99", "< 5ms", Some(3), None), ms).0;
    assert_eq!(of_goal(with(2..8, Some(50))), WindowVerdict { windows: 2, worst: Some(1000.0), ..Default::default() });
    assert!(of_goal(with(11..12, Some(50))).broken.is_some());
}

#[test]
fn a_window_in_which_nothing_came_breaks_it() {
    let (verdict, _) = watched(threshold("latency.due.p99", "< 5ms", Some(3), None), with(4..8, None));
    let broken = verdict.broken.unwrap();
    assert_eq!((broken.from_s, broken.to_s, broken.value), (4.0, 7.0, None));
    let (verdict, _) = watched(threshold("latency.due.p99", "< 5ms", Some(3), None), with(5..7, None));
    assert_eq!(verdict.broken, None, "two seconds are no window of three");
}

#[test]
fn a_run_ends_when_it_has_been_broken_for_the_grace_time() {
    let slow = with(4..12, Some(50));
    let at_once = watched(threshold("latency.due.p99", "< 5ms", Some(2), Some(0)), slow);
    let (second, why) = at_once.1.unwrap();
    assert_eq!(second, 4);
    assert_eq!(why, "threshold latency.due.p99 < 5ms is broken and has `abort`: it was 50 ms from 3 s to 5 s");
    assert!(at_once.0.ended_the_run);
    let later = watched(threshold("latency.due.p99", "< 5ms", Some(2), Some(3)), slow);
    assert_eq!(later.1.unwrap().0, 7);
}

#[test]
fn a_break_in_between_begins_the_grace_time_anew() {
    let mut seconds = with(3..12, Some(50));
    seconds[6] = Some(1);
    seconds[7] = Some(1);
    let (verdict, end) = watched(threshold("latency.due.p50", "< 5ms", Some(1), Some(3)), seconds);
    assert_eq!(end.map(|(second, _)| second), Some(11));
    assert_eq!(verdict.broken.unwrap().from_s, 3.0);
}

#[test]
fn without_windows_the_whole_so_far_decides() {
    let (_, end) = watched(threshold("latency.due.p50", "< 5ms", None, Some(0)), with(4..12, Some(50)));
    assert_eq!(end.map(|(second, _)| second), Some(6), "three slow seconds of five measured ones");
}

#[test]
fn what_is_known_only_after_the_run_cannot_be_watched() {
    assert!(can_be_watched("latency.due.p99") && can_be_watched("phases.goal.rates.deliveries_per_s"));
    assert!(can_be_watched("groups.phones.latency.sent.max") && can_be_watched("server.cpu_share"));
    assert!(!can_be_watched("deliveries.lost") && !can_be_watched("spread.last.p50") && !can_be_watched("connect.p99"));
}

#[test]
fn the_longest_piece_of_measured_time_bounds_a_window() {
    assert_eq!(shape().longest_s("latency.due.p99"), 10.0);
    assert_eq!(shape().longest_s("phases.goal.latency.due.p99"), 4.0);
    assert_eq!(shape().longest_s("phases.warm-up.latency.due.p99"), 2.0);
}
