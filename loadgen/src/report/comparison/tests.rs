use super::*;
use crate::compare::tests::{alike, broken, drifting, few, losing, sets, shared, tripwire};
use crate::report::Colour;
use crate::report::snapshot_tests::{fits, kept};

/// Compares with `snapshots/NAME.*`; with UPDATE_SNAPSHOTS set, writes them.
fn check(name: &str, comparison: &Comparison) {
    let text = render(comparison, None, Colour::Never);
    fits(&text, 100);
    kept("comparison", name, &[("txt", text), ("md", markdown(comparison)), ("json", json(comparison))]);
}

#[test]
fn a_gain_and_its_cost() {
    let comparison = shared();
    assert_eq!(comparison.exit_code(), 0);
    check("shared", &comparison);
}

#[test]
fn a_broken_expectation_opens_the_report() {
    let comparison = broken();
    assert_eq!(comparison.exit_code(), 3);
    assert!(render(&comparison, None, Colour::Never).starts_with("BROKEN  "));
    check("broken", &comparison);
}

#[test]
fn nothing_found_says_what_would_have_been() {
    let comparison = alike();
    assert_eq!(comparison.exit_code(), 0);
    check("alike", &comparison);
}

#[test]
fn few_runs_allow_no_verdict() {
    let comparison = few();
    assert_eq!(comparison.exit_code(), 4);
    let text = render(&comparison, None, Colour::Never);
    assert!(text.starts_with("NOT ENOUGH RUNS  ") && text.contains("not enough runs: 2 valid blocks"), "{text}");
    check("few", &comparison);
}

#[test]
fn another_machine_is_said_before_anything_else() {
    let text = render(&drifting(), None, Colour::Never);
    assert_eq!(text.lines().nth(1), Some("  THE MACHINE WAS NOT THE SAME FOR ALL RUNS"));
    check("drifting", &drifting());
}

#[test]
fn losses_are_never_left_out() {
    check("losing", &losing());
}

#[test]
fn old_runs_are_compared_as_sets() {
    check("sets", &sets());
}

#[test]
fn one_run_against_one_is_a_tripwire() {
    let comparison = tripwire();
    assert_eq!(comparison.exit_code(), 3);
    check("tripwire", &comparison);
}

#[test]
fn names_cannot_become_markup() {
    let mut comparison = alike();
    comparison.a.name = "<b>|x".to_owned();
    let text = markdown(&comparison);
    assert!(text.contains("&lt;b>\\|x") && !text.contains("<b>"), "{text}");
}
