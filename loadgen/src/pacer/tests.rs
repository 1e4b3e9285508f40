use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn phase(seconds: f64, load: (f64, f64)) -> Phase {
    let length = Duration::from_secs_f64(seconds);
    Phase { name: "p".into(), length, measure: true, load, connections: None, at_start: None }
}

fn dues(arrival: &Arrival, publisher: u32, publishers: u32, phases: &[Phase], seed: u64) -> Vec<u64> {
    let mut schedule = Pacer::new(arrival, publishers, phases, seed).schedule(publisher).unwrap();
    let mut all = Vec::new();
    while let Some(due) = schedule.peek() {
        all.push(due);
        schedule.advance();
    }
    all
}

fn whole_group(arrival: &Arrival, publishers: u32, phases: &[Phase]) -> Vec<u64> {
    let mut all: Vec<u64> = (0..publishers).flat_map(|p| dues(arrival, p, publishers, phases, 1)).collect();
    all.sort_unstable();
    all
}

fn trace(times_and_rooms: &[(u64, &str)]) -> Arc<Trace> {
    let lines: String = times_and_rooms
        .iter()
        .map(|(at, room)| format!("{{\"at_us\":{at},\"room\":\"{room}\",\"text\":\"\"}}\n"))
        .collect();
    Arc::new(Trace::parse(lines.as_bytes()).unwrap())
}

#[test]
fn a_uniform_publisher_is_half_a_step_off_the_edges_and_evenly_spaced() {
    let all = dues(&Arrival::Uniform { rate: 50.0 }, 0, 1, &[phase(10.0, (1.0, 1.0))], 1);
    assert_eq!(all.len(), 500);
    assert_eq!(all[0], 10_000_000);
    assert!(all.windows(2).all(|pair| pair[1] - pair[0] == 20_000_000));
}

#[test]
fn a_group_together_is_as_even_as_one_publisher() {
    let (alone, phases) = (Arrival::Uniform { rate: 1000.0 }, [phase(2.0, (1.0, 1.0)), phase(1.0, (1.0, 3.0))]);
    assert_eq!(whole_group(&alone, 7, &phases), dues(&alone, 0, 1, &phases, 1));
    let one_of_seven = dues(&alone, 3, 7, &phases, 1);
    let every_seventh: Vec<u64> = dues(&alone, 0, 1, &phases, 1).into_iter().skip(3).step_by(7).collect();
    assert_eq!(one_of_seven, every_seventh);
}

#[test]
fn every_phase_has_its_own_count_whatever_comes_before_it() {
    let phases = [
        phase(5.0, (1.0, 1.0)),
        phase(2.0, (5.0, 5.0)),
        phase(3.0, (0.0, 0.0)),
        phase(4.0, (1.0, 5.0)),
        phase(1.0, (0.5, 0.5)),
    ];
    let all = dues(&Arrival::Uniform { rate: 40.0 }, 0, 1, &phases, 1);
    let counts: Vec<usize> = (0..5).map(|p| all.iter().filter(|due| phase_of(&phases, **due) == p).count()).collect();
    assert_eq!(counts, [200, 400, 0, 480, 20]);
}

#[test]
fn a_ramp_gets_denser_as_its_load_grows() {
    // 1x to 5x over 4 s at 100 a second: after t seconds 100 (t + t^2 / 2) are due.
    let all = dues(&Arrival::Uniform { rate: 100.0 }, 0, 1, &[phase(4.0, (1.0, 5.0))], 1);
    assert_eq!(all.len(), 1200);
    for (index, due) in all.iter().enumerate() {
        let t = *due as f64 / 1e9;
        let work = 100.0 * (t + t * t / 2.0);
        assert!((work - (index as f64 + 0.5)).abs() < 1e-4, "publish {index} at {t}");
    }
    // And from 5x down to 0x.
    let down = dues(&Arrival::Uniform { rate: 100.0 }, 0, 1, &[phase(2.0, (5.0, 0.0))], 1);
    assert_eq!(down.len(), 500);
    assert!(down[1] - down[0] < down[499] - down[498]);
}

#[test]
fn a_publish_every_twenty_seconds_of_each_of_many_is_spread_over_the_twenty_seconds() {
    let (members, phases) = (1000u32, [phase(60.0, (1.0, 1.0))]);
    let arrival = Arrival::Uniform { rate: 50.0 };
    let one = dues(&arrival, 999, members, &phases, 1);
    assert_eq!(one.len(), 3);
    assert_eq!(one[1] - one[0], 20 * SECOND);
    assert!(one[0] > 19 * SECOND);
}

#[test]
fn poisson_gaps_have_the_mean_and_the_spread_of_an_exponential() {
    let all = dues(&Arrival::Poisson { rate: 1000.0 }, 0, 1, &[phase(100.0, (1.0, 1.0))], 7);
    assert!((99_000..101_000).contains(&all.len()), "{}", all.len());
    let gaps: Vec<f64> = all.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
    assert!((mean - 1.0).abs() < 0.02, "mean {mean} ms");
    assert!((variance - 1.0).abs() < 0.05, "variance {variance} ms^2");
    // Counts a second vary as a Poisson count does: variance equal to the mean.
    let mut counts = [0f64; 100];
    all.iter().for_each(|due| counts[(due / SECOND) as usize] += 1.0);
    let mean = counts.iter().sum::<f64>() / 100.0;
    let index_of_dispersion = counts.iter().map(|n| (n - mean).powi(2)).sum::<f64>() / 99.0 / mean;
    assert!((0.6..1.5).contains(&index_of_dispersion), "{index_of_dispersion}");
}

#[test]
fn poisson_publishers_are_independent_and_share_the_rate() {
    let (arrival, phases) = (Arrival::Poisson { rate: 1000.0 }, [phase(10.0, (1.0, 1.0)), phase(10.0, (3.0, 3.0))]);
    assert_ne!(dues(&arrival, 0, 4, &phases, 1), dues(&arrival, 1, 4, &phases, 1));
    assert_ne!(dues(&arrival, 0, 4, &phases, 1), dues(&arrival, 0, 4, &phases, 2));
    let all = whole_group(&arrival, 4, &phases);
    let first = all.iter().filter(|due| phase_of(&phases, **due) == 0).count();
    assert!((9600..10_400).contains(&first), "{first}");
    assert!((29_200..30_800).contains(&(all.len() - first)));
}

#[test]
fn a_replay_plays_each_room_at_its_recorded_times() {
    let trace = trace(&[(0, "a"), (1500, "b"), (2000, "a"), (9000, "b")]);
    let replay = |speed, repeat| Arrival::Replay { trace: Arc::clone(&trace), speed, repeat };
    let phases = [phase(0.02, (1.0, 1.0))];
    assert_eq!(dues(&replay(1.0, false), 0, 2, &phases, 1), [0, 2_000_000]);
    assert_eq!(dues(&replay(1.0, false), 1, 2, &phases, 1), [1_500_000, 9_000_000]);
    assert_eq!(dues(&replay(2.0, false), 1, 2, &phases, 1), [750_000, 4_500_000]);
    // One pass lasts 9,000 us and a mean gap of 2,250 us more.
    assert_eq!(dues(&replay(1.0, true), 0, 2, &phases, 1), [0, 2_000_000, 11_250_000, 13_250_000]);
}

#[test]
fn a_load_plays_a_trace_faster() {
    let trace = trace(&[(0, "a"), (10_000, "a"), (20_000, "a")]);
    let arrival = Arrival::Replay { trace, speed: 1.0, repeat: false };
    let phases = [phase(0.010, (1.0, 1.0)), phase(0.010, (2.0, 2.0))];
    assert_eq!(dues(&arrival, 0, 1, &phases, 1), [0, 10_000_000, 15_000_000]);
}

#[test]
fn at_speed_one_a_message_is_due_when_it_was_recorded_to_the_nanosecond_over_a_day_and_several_phases() {
    let mut rng = Seeded::new(11, [0, 0]);
    let mut at = 0;
    let recorded: Vec<u64> = std::iter::repeat_with(|| {
        at += rng.below(20_000_000);
        at
    })
    .take(8_000)
    .collect();
    assert!(*recorded.last().unwrap() > 20 * 3600 * 1_000_000, "about a day");
    let trace = trace(&recorded.iter().map(|at| (*at, "a")).collect::<Vec<_>>());
    let rest = trace.length_us() as f64 / 1e6 - 3600.5;
    let phases = [phase(0.5, (1.0, 1.0)), phase(3600.0, (1.0, 1.0)), phase(rest, (1.0, 1.0))];
    let arrival = Arrival::Replay { trace, speed: 1.0, repeat: false };
    let expected: Vec<u64> = recorded.iter().map(|us| us * 1000).collect();
    assert_eq!(dues(&arrival, 0, 1, &phases, 1), expected);
}

#[test]
fn a_replay_stops_with_the_phases() {
    let trace = trace(&[(0, "a"), (10_000, "a"), (20_000, "a")]);
    let arrival = Arrival::Replay { trace, speed: 1.0, repeat: true };
    assert_eq!(dues(&arrival, 0, 1, &[phase(0.015, (1.0, 1.0))], 1).len(), 2);
}

#[test]
fn a_closed_loop_has_no_schedule() {
    let closed = Arrival::Closed { in_flight: 64 };
    assert!(Pacer::new(&closed, 1, &[phase(1.0, (1.0, 1.0))], 1).schedule(0).is_none());
}

#[test]
fn a_schedule_that_has_ended_stays_at_its_end() {
    let pacer = Pacer::new(&Arrival::Uniform { rate: 10.0 }, 1, &[phase(2.0, (1.0, 1.0))], 1);
    let mut schedule = pacer.schedule(0).unwrap();
    (0..19).for_each(|_| schedule.advance());
    assert_eq!(schedule.peek(), Some(2 * SECOND - SECOND / 20));
    (0..100).for_each(|_| schedule.advance());
    assert_eq!(schedule.peek(), None);
}

#[test]
fn an_offset_belongs_to_the_phase_that_has_begun() {
    let phases = [phase(1.0, (1.0, 1.0)), phase(2.0, (1.0, 1.0))];
    for (offset, index) in [(0, 0), (SECOND - 1, 0), (SECOND, 1), (3 * SECOND - 1, 1), (3 * SECOND, 1), (u64::MAX, 1)] {
        assert_eq!(phase_of(&phases, offset), index);
    }
}

fn any_phases() -> impl Strategy<Value = Vec<Phase>> {
    prop::collection::vec((0.001..3.0f64, 0.0..6.0f64, 0.0..6.0f64).prop_map(|(s, a, b)| phase(s, (a, b))), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_count_is_the_integral_of_the_rate_within_one(phases in any_phases(), rate in 0.5..3000.0f64, n in 1u32..9) {
        let all = whole_group(&Arrival::Uniform { rate }, n, &phases);
        let integral = rate * work_seconds(&phases);
        prop_assert!((all.len() as f64 - integral).abs() <= 1.0, "{} for {integral}", all.len());
        // And in every phase, within one at each edge.
        for index in 0..phases.len() {
            let count = all.iter().filter(|due| phase_of(&phases, **due) == index).count() as f64;
            let part = rate * work_seconds(&phases[index..=index]);
            prop_assert!((count - part).abs() <= 1.0 + 1e-6, "phase {index}: {count} for {part}");
        }
    }

    #[test]
    fn due_times_never_go_back_and_stay_within_the_phases(
        phases in any_phases(), rate in 0.5..3000.0f64, n in 1u32..9, seed: u64, poisson: bool,
    ) {
        let arrival = if poisson { Arrival::Poisson { rate } } else { Arrival::Uniform { rate } };
        let end: u64 = phases.iter().map(|p| p.length.as_nanos() as u64).sum();
        for publisher in 0..n {
            let all = dues(&arrival, publisher, n, &phases, seed);
            prop_assert!(all.windows(2).all(|pair| pair[0] <= pair[1]));
            prop_assert!(all.last().is_none_or(|last| *last < end));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_schedule(phases in any_phases(), rate in 0.5..500.0f64, seed: u64) {
        let arrival = Arrival::Poisson { rate };
        prop_assert_eq!(dues(&arrival, 2, 5, &phases, seed), dues(&arrival, 2, 5, &phases, seed));
    }

    #[test]
    fn a_replay_keeps_every_message_of_a_phase_that_lasts_until_the_trace_ends(
        gaps in prop::collection::vec(0u64..50_000, 1..40), speed in 0.1..50.0f64, load in 0.2..4.0f64,
    ) {
        let mut at = 0;
        let times: Vec<(u64, &str)> = gaps.iter().map(|gap| { at += gap; (at, "a") }).collect();
        let trace = trace(&times);
        let seconds = trace.length_us() as f64 / 1e6 / speed / load;
        let arrival = Arrival::Replay { trace, speed, repeat: false };
        let all = dues(&arrival, 0, 1, &[phase(seconds, (load, load))], 1);
        prop_assert_eq!(all.len(), times.len());
        for (due, (at_us, _)) in all.iter().zip(&times) {
            prop_assert!((*due as f64 - *at_us as f64 * 1000.0 / speed / load).abs() < 2.0);
        }
    }
}
