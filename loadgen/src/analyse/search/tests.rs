//! The search against servers whose limit is known: a queue, a hard limit, one that leaks, one with noise, and all at the ends of the range.

use super::*;
use crate::seeded::Seeded;

/// The goal of most tests: about what a real search asks for.
const GOAL: Goal = Goal { min: 1000.0, max: 19_000.0, width: 0.05, grain: Grain::Whole };
/// Trials of a search that steps through the range by the goal width: 61.
fn linear(goal: &Goal) -> usize {
    ((goal.max / goal.min).ln() / (1.0 + goal.width).ln()).ceil() as usize + 1
}

/// Searches, and gives the bounds and how many trials it took.
fn search(goal: &Goal, mut server: impl FnMut(f64, Length) -> Verdict) -> (Bounds, usize) {
    let mut trials = Vec::new();
    loop {
        match goal.next(&trials) {
            Step::Done(bounds) => return (bounds, trials.len()),
            Step::Try(load, length) => {
                assert!((goal.min..=goal.max).contains(&load), "{load} is outside of the range");
                assert!(trials.len() < 1000, "it does not end: {:?}", &trials[990..]);
                trials.push(Trial { load, length, verdict: server(load, length) });
            }
        }
    }
}

fn held(held: bool) -> Verdict {
    if held { Verdict::Held } else { Verdict::Broke }
}

/// Of 100 seeds, in how many the bounds are within the goal width of the knee, in at most half the trials of a linear sweep.
fn found(goal: &Goal, knee: f64, mut server: impl FnMut(&mut Seeded, f64, Length) -> Verdict) -> usize {
    (0..100)
        .filter(|seed| {
            let mut random = Seeded::new(*seed, [0xca9, 0]);
            let (bounds, trials) = search(goal, |load, length| server(&mut random, load, length));
            if trials > linear(goal) / 2 {
                return false;
            }
            let (Some(lower), Upper::Broke(upper)) = (bounds.lower, bounds.upper) else { return false };
            lower <= knee * (1.0 + goal.width) && upper >= knee / (1.0 + goal.width) && goal.is_near(lower, upper)
        })
        .count()
}

/// The 99th percentile of the time that `count` customers of an M/M/1 queue spend in it, by Lindley's recursion.
fn queue_p99(random: &mut Seeded, arrivals_per_s: f64, served_per_s: f64, count: usize) -> f64 {
    let mut wait = 0.0_f64;
    let mut times: Vec<f64> = (0..count)
        .map(|_| {
            let service = random.exponential() / served_per_s;
            let time = wait + service;
            wait = (time - random.exponential() / arrivals_per_s).max(0.0);
            time
        })
        .collect();
    let nth = count * 99 / 100;
    *times.select_nth_unstable_by(nth, f64::total_cmp).1
}

#[test]
fn the_knee_of_a_queue_is_found() {
    // Time in the queue is exponential with rate served - arriving, so its 99th percentile is ln 100 over that.
    let (served, objective) = (12_000.0, 0.001);
    let knee = served - 100f64.ln() / objective;
    let n = found(&GOAL, knee, |random, load, length| {
        let count = if length == Length::Short { 8_000 } else { 24_000 };
        held(queue_p99(random, load, served, count) < objective)
    });
    assert!(n >= 95, "{n} of 100");
}

#[test]
fn a_hard_limit_is_found() {
    for limit in [1003.0, 4999.5, 8191.5, 18_900.5] {
        let n = found(&GOAL, limit, |_, load, _| held(load < limit));
        assert_eq!(n, 100, "at {limit}");
    }
}

#[test]
fn a_server_that_leaks_is_measured_at_full_length() {
    // Short trials see none of it: they would say 18,000.
    let (short, full) = (18_000.0, 6_100.0);
    let n = found(&GOAL, full, |random, load, length| {
        let limit = if length == Length::Short { short } else { full };
        held(load * (1.0 + 0.004 * (random.unit() - 0.5)) < limit)
    });
    assert!(n >= 95, "{n} of 100");
}

#[test]
fn noise_in_every_trial_and_a_wrong_one_in_twenty_do_not_mislead_it() {
    let knee = 7_000.0;
    let n = found(&GOAL, knee, |random, load, _| {
        let noise = 1.0 + 0.05 * (random.unit() + random.unit() - 1.0);
        let wrong = random.unit() < 0.05;
        held((load * noise < knee) != wrong)
    });
    assert!(n >= 95, "{n} of 100");
}

#[test]
fn where_the_load_generator_gives_way_first_the_result_is_one_sided() {
    let (bounds, _) = search(&GOAL, |load, _| if load < 5000.0 { Verdict::Held } else { Verdict::Invalid });
    let Bounds { lower: Some(lower), upper: Upper::LoadGenerator(upper) } = bounds else { panic!("{bounds:?}") };
    assert!(lower < 5000.0 && upper >= 5000.0 && GOAL.is_near(lower, upper), "{bounds:?}");
}

#[test]
fn one_invalid_trial_is_made_again() {
    let mut first = true;
    let (bounds, _) =
        search(
            &GOAL,
            |load, _| {
                if load > 3000.0 && std::mem::take(&mut first) { Verdict::Invalid } else { held(load < 9000.0) }
            },
        );
    assert!(
        matches!(bounds, Bounds { lower: Some(8500.0..9000.0), upper: Upper::Broke(9000.0..9500.0) }),
        "{bounds:?}"
    );
}

#[test]
fn the_ends_of_the_range_are_said_to_be_so() {
    let (bounds, trials) = search(&GOAL, |_, _| Verdict::Held);
    assert_eq!(bounds, Bounds { lower: Some(19_000.0), upper: Upper::EndOfRange });
    assert!(trials <= 8, "{trials}");
    let (bounds, trials) = search(&GOAL, |_, _| Verdict::Broke);
    assert_eq!(bounds, Bounds { lower: None, upper: Upper::Broke(1000.0) });
    assert_eq!(trials, 3);
}

#[test]
fn a_goal_narrower_than_whole_numbers_ends_with_neighbours() {
    let goal = Goal { min: 1.0, max: 50.0, width: 0.001, grain: Grain::Whole };
    for limit in 1..50 {
        let (bounds, _) = search(&goal, |load, _| held(load <= f64::from(limit)));
        assert_eq!(bounds, Bounds { lower: Some(f64::from(limit)), upper: Upper::Broke(f64::from(limit + 1)) });
    }
}

#[test]
fn a_search_that_was_broken_off_goes_on_where_it_was() {
    let server = |load: f64| held(load < 7777.0);
    let mut trials = Vec::new();
    let mut asked = Vec::new();
    while let Step::Try(load, length) = GOAL.next(&trials) {
        asked.push((load, length));
        trials.push(Trial { load, length, verdict: server(load) });
    }
    for taken in 0..asked.len() {
        let Step::Try(load, length) = GOAL.next(&trials[..taken]) else { panic!("done after {taken}") };
        assert_eq!((load, length), asked[taken]);
    }
}

#[test]
fn a_rate_need_not_be_whole() {
    let goal = Goal { min: 0.5, max: 40.0, width: 0.02, grain: Grain::Any };
    let n = found(&goal, 3.21, |_, load, _| held(load < 3.21));
    assert_eq!(n, 100);
}
