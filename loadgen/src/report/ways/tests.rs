use super::*;
use crate::compare::tests::{TARIFF, in_three_ways};
use crate::report::Colour;
use crate::report::snapshot_tests::{fits, kept};

/// Compares with `snapshots/NAME.*`; with UPDATE_SNAPSHOTS set, writes them.
fn check(name: &str, ways: &Ways) {
    let text = render(ways, None, Colour::Never);
    fits(&text, 110);
    kept("ways", name, &[("txt", text), ("md", markdown(ways))]);
}

#[test]
fn three_ways_side_by_side() {
    check("three", &Ways::of("chat-peak", 10, TARIFF, &in_three_ways(10)));
}

#[test]
fn too_few_runs_recommend_nothing() {
    let mut ways = Ways::of("chat-peak", 10, TARIFF, &in_three_ways(2));
    ways.ended_early = Some("interrupted after 6 of 30 runs".to_owned());
    let text = render(&ways, None, Colour::Never);
    assert!(
        text.starts_with("NOT ENOUGH RUNS  chat-peak: compression, of off, standalone, shared, 2 of 10 blocks"),
        "{text}"
    );
    check("few", &ways);
}

#[test]
fn the_json_has_what_the_report_says() {
    let value: serde_json::Value =
        serde_json::from_str(&json(&Ways::of("chat-peak", 10, TARIFF, &in_three_ways(10)))).unwrap();
    assert_eq!(value["recommended"], "shared");
    assert_eq!(value["others"][1]["break_even"]["pays"], "from");
    assert!(value["others"][0]["comparison"]["metrics"].as_array().is_some_and(|metrics| !metrics.is_empty()));
}
