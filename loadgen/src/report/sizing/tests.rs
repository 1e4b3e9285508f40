use super::*;
use crate::report::Colour;
use crate::report::snapshot_tests::{fits, kept};
use crate::sizing::tests::{evening, levels, search, shared, source, wanted};
use crate::sizing::{Prices, Wanted};

/// Compares with `snapshots/NAME.*`; with UPDATE_SNAPSHOTS set, writes them.
fn check(name: &str, sizing: &Sizing) {
    let text = render(sizing, None, Colour::Never);
    fits(&text, 120);
    kept("sizing", name, &[("txt", text), ("md", markdown(sizing))]);
}

#[test]
fn servers_for_an_evening() {
    let mut sources = vec![search()];
    sources.push(source("results/shared", shared(1000.0)));
    let asked = Wanted {
        per_room: Some(20.0),
        message_bytes: Some(128.0),
        compression: Some(crate::way::Way::Off),
        ..evening()
    };
    check("evening", &Sizing::of(&sources, &asked, Some("latency.due.p99 < 100ms")).unwrap());
}

#[test]
fn a_prediction_far_beyond_what_was_measured_says_so_in_every_figure() {
    let sizing = Sizing::of(&levels(), &wanted(15_000.0), None).unwrap();
    let text = render(&sizing, None, Colour::Never).split_whitespace().collect::<Vec<_>>().join(" ");
    for (figure, what) in [
        ("CPU 0.5", "connections 15,000, measured up to 5,000"),
        ("memory of the process 10.", "connections 15,000, measured up to 5,000"),
        ("memory of the kernel 94.", "connections 15,000, measured up to 5,000"),
        ("out without compression: 18.", "deliveries/s 150,000, measured up to 50,000"),
    ] {
        let said = text.split(figure).nth(1).unwrap_or_else(|| panic!("{figure}: {text}"));
        let said = said.split("measured").next().unwrap_or_default().len() + "measured".len() + " up to 50,000".len();
        let from = text.find(figure).unwrap_or_default() + figure.len();
        let sentence = &text[from..(from + said).min(text.len())];
        assert!(sentence.contains(&format!("EXTRAPOLATED 3 times: {what}")), "{sentence}");
    }
    check("far", &sizing);
}

#[test]
fn a_prediction_of_more_cores_than_there_were_is_said_to_be_too_much() {
    let sizing = Sizing::of(&levels(), &wanted(40_000.0), None).unwrap();
    let text = render(&sizing, None, Colour::Never);
    assert!(text.contains("that is more than the 1 core that the server had when it was measured"), "{text}");
    let fits = render(&Sizing::of(&levels(), &wanted(15_000.0), None).unwrap(), None, Colour::Never);
    assert!(!fits.contains("more than the"), "{fits}");
}

#[test]
fn a_room_too_large_for_any_server() {
    let asked = Wanted { rooms: Some(1.0), per_room: Some(200.0), prices: Prices::default(), ..evening() };
    check("too-large", &Sizing::of(&[search()], &asked, None).unwrap());
}

#[test]
fn the_numbers_of_the_json_are_those_of_the_text() {
    let sizing = Sizing::of(&[search()], &evening(), None).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json(&sizing)).unwrap();
    for path in [
        "/servers/count",
        "/cpu/value",
        "/cpu/basis",
        "/traffic/0/bytes_per_s/value",
        "/traffic/0/costs/per_month",
        "/asked/deliveries_per_s",
    ] {
        assert!(value.pointer(path).is_some_and(|value| !value.is_null()), "{path}");
    }
    assert_eq!(value["servers"]["count"], 1);
}
