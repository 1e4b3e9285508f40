//! Plans from the searches and runs that are committed under `results/`.

use super::tests::{evening, search, source, wanted};
use super::*;
use crate::analyse::search::Verdict;
use crate::capacity::Outcome;

const RATE: &str = include_str!("../../../results/capacity/rate-native-2/capacity.json");
const UNEVEN: &str = include_str!("../../../results/capacity/rate-native-1/capacity.json");
const CONNECTIONS: &str = include_str!("../../../results/capacity/connections-native-1/capacity.json");

fn committed(name: &str, text: &str) -> Source {
    let outcome: Outcome = serde_json::from_str(text).unwrap();
    Source { name: name.to_owned(), what: What::Capacity(Box::new(outcome)) }
}

fn plan(sources: &[Source]) -> Sizing {
    Sizing::of(sources, &evening(), Some("latency.due.p99 < 100ms")).unwrap()
}

/// CPU of one server for each delivery a second of it, microseconds.
fn each_us(plan: &Sizing) -> f64 {
    plan.cpu.as_ref().unwrap().value / plan.load.deliveries_per_s * 1e6
}

#[test]
fn trials_in_which_the_servers_cpu_was_full_do_not_make_deliveries_cheap() {
    let alone = plan(&[committed("rate", RATE)]);
    // Below a full CPU a delivery took 9 to 15 us; at 2,000,000 deliveries/s of a full one, half a microsecond.
    assert!((8.5..=10.5).contains(&each_us(&alone)), "{:?}", alone.cpu);
    assert_eq!((alone.fitted.runs, alone.fitted.full, alone.fitted.dearest_us), (14, 10, None));
    let servers = alone.servers.as_ref().unwrap();
    assert_eq!((servers.count, servers.count_high.is_some_and(|high| high <= 3)), (Some(2), true), "{servers:?}");
    let (cpu, beyond) = (alone.cpu.clone().unwrap(), servers.by.clone());
    assert!(cpu.interval.unwrap().low > 0.7 * cpu.value, "{cpu:?}");
    assert_eq!((beyond.load.as_str(), beyond.full_to.as_deref()), ("77.96 publishes/s", Some("2,000 publishes/s")));
    assert!(beyond.busy.unwrap() < 0.75 && beyond.to_the_end, "{beyond:?}");
}

#[test]
fn searches_over_rate_and_over_connections_agree_about_a_delivery() {
    let both = [committed("rate", RATE), committed("connections", CONNECTIONS)];
    let three = [plan(&both[..1]), plan(&both[1..]), plan(&both)];
    let each = three.each_ref().map(each_us);
    let (low, high) = each.iter().fold((f64::MAX, 0.0_f64), |(low, high), us| (low.min(*us), high.max(*us)));
    assert!(high / low < 1.2, "{each:?}");
    assert_eq!(three.each_ref().map(|plan| plan.servers.as_ref().unwrap().count), [Some(2), Some(3), Some(3)]);
}

#[test]
fn a_fit_says_which_run_it_misses_most_and_by_how_much() {
    for sources in [vec![committed("rate", RATE)], vec![committed("rate", RATE), committed("connections", CONNECTIONS)]]
    {
        let plan = plan(&sources);
        let furthest = plan.fitted.furthest.clone().unwrap();
        let curve = plan.curves.iter().find(|curve| curve.what == "cpu").unwrap();
        assert!(curve.measured.iter().any(|[_, y]| *y == furthest.measured), "{furthest:?}");
        assert_eq!((curve.measured.len(), curve.full.len()), (plan.fitted.runs, plan.fitted.full));
        assert!(furthest.share() < 0.45, "{furthest:?}");
    }
}

#[test]
fn trials_that_differ_too_much_for_a_fit_are_reckoned_with_their_dearest() {
    // Made while the machine gave the server now half a core and now a whole one: 4 to 13 us a delivery.
    let plan = plan(&[committed("uneven", UNEVEN)]);
    let dearest = plan.fitted.dearest_us.unwrap_or_else(|| panic!("{:?}", plan.fitted));
    assert!((each_us(&plan) / dearest - 1.0).abs() < 1e-9 && dearest > 10.0, "{dearest}");
    assert_eq!(plan.cpu.unwrap().interval, None);
}

#[test]
fn where_every_servers_cpu_was_full_there_is_no_cost_to_plan_with() {
    let Source { name, what: What::Capacity(mut outcome) } = committed("rate", RATE) else { panic!() };
    outcome.trials.retain(|trial| trial.server_cpu_share.is_some_and(|cpu| cpu > 0.9));
    let source = Source { name, what: What::Capacity(outcome) };
    let refused = Sizing::of(std::slice::from_ref(&source), &evening(), None).unwrap_err().to_string();
    assert!(refused.contains("the server's CPU was full in all of them") && refused.contains("--range"), "{refused}");
    let one = Sizing::of(&[source], &Wanted { machine: None, prices: Prices::default(), ..evening() }, None).unwrap();
    assert!(one.cpu.is_none() && one.fitted.only_full());
}

#[test]
fn a_plan_is_as_far_beyond_as_its_furthest_figure() {
    let alone = plan(&[committed("rate", RATE)]);
    // 250 rooms on each of two servers; one was measured.
    assert!((alone.far().unwrap() - 250.0).abs() < 1e-9, "{:?}", alone.far());
    let sent = alone.traffic[0].bytes_per_s.as_ref().unwrap();
    assert!(matches!(&sent.basis, Basis::Extrapolated(all) if all[0].what == "rooms"), "{sent:?}");
    assert_eq!(Sizing::of(&tests::levels(), &wanted(3400.0), None).unwrap().far(), None);
}

#[test]
fn an_objective_that_is_looser_than_the_confirmed_one_is_told_so() {
    assert_eq!(plan(&[search()]).servers.unwrap().stricter.as_deref(), Some("latency.due.p99 < 50ms"));
    let same = Sizing::of(&[search()], &evening(), Some("latency.due.p99 < 50ms")).unwrap();
    assert_eq!(same.servers.unwrap().stricter, None);
}

#[test]
fn a_search_without_a_trial_to_plan_from_says_what_was_wrong_with_them() {
    let with = |verdict: Verdict| {
        let Source { name, what: What::Capacity(mut outcome) } = search() else { panic!() };
        outcome.trials.iter_mut().flat_map(|trial| trial.verdicts.values_mut()).for_each(|known| *known = verdict);
        Sizing::of(&[Source { name, what: What::Capacity(outcome) }], &evening(), None).unwrap_err().to_string()
    };
    let invalid = with(Verdict::Invalid);
    for said in ["its 8 trials are all invalid", "--keep-awake", "--set max_schedule_lag", "fanout doctor"] {
        assert!(invalid.contains(said), "{invalid}");
    }
    assert!(with(Verdict::Broke).contains("none of its 8 trials held"));
    let mut run = super::tests::run(1000.0, 1.0, 10.0, 0.0);
    run.validity.valid = false;
    let refused = Sizing::of(&[source("a", run)], &wanted(1.0), None).unwrap_err().to_string();
    assert!(refused.contains("a (not a valid measurement)"), "{refused}");
}
