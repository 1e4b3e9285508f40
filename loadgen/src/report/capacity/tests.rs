use std::fs;
use std::path::{Path, PathBuf};

use super::contents;
use super::setting::setting;
use super::words::{answer, headline, why};
use crate::analyse::search::{Length, Verdict};
use crate::capacity::{Cause, Missed, Outcome, Resource};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/capacity").join(name)
}

fn committed(name: &str) -> Outcome {
    serde_json::from_str(&fs::read_to_string(folder(name).join("capacity.json")).unwrap()).unwrap()
}

#[test]
fn the_committed_searches_read_as_this_version_writes_them() {
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let mut searches = 0;
    for entry in fs::read_dir(folder("")).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        searches += 1;
        let outcome = committed(path.file_name().unwrap().to_str().unwrap());
        for (name, text) in contents(&outcome) {
            // The JSON is what was measured; a page has the style of its version.
            if update && name != "capacity.json" {
                fs::write(path.join(name), &text).unwrap();
            }
            if name == "capacity.txt" || name == "capacity.md" {
                let kept = fs::read_to_string(path.join(name)).unwrap_or_default();
                assert!(text == kept, "{}/{name} differs; set UPDATE_SNAPSHOTS to accept:\n{text}", path.display());
            }
        }
    }
    assert!(searches >= 9, "{searches}");
}

#[test]
fn the_answer_has_the_objective_both_bounds_and_what_disagreed() {
    let outcome = committed("connections-native-1");
    assert_eq!(
        answer(&outcome, &outcome.found[0]),
        "the server holds 2,662 members of one room at 20 publishes/s with latency.due.p99 < 50ms and nothing lost; at 2,928 it broke \
         (in 2 of 3 trials)"
    );
    let outcome = committed("rate-native-2");
    assert_eq!(
        answer(&outcome, &outcome.found[0]),
        "the server holds at least 2,000 publishes/s to 1,000 members of one room with latency.due.p99 < 50ms and nothing lost, the end of \
         the range: where it breaks was not searched"
    );
}

#[test]
fn a_trial_that_broke_says_which_threshold_and_by_how_much() {
    let outcome = committed("connections-native-1");
    let broke = |trial: &&crate::capacity::Trial| trial.verdict() == Verdict::Broke && trial.length == Length::Full;
    let trial = outcome.trials.iter().find(broke).unwrap();
    assert!(why(&outcome, trial).starts_with("latency.due.p99 was "), "{}", why(&outcome, trial));
    assert!(why(&outcome, trial).ends_with(" ms, not < 50ms"), "{}", why(&outcome, trial));
    let mut trial = trial.clone();
    let of = |threshold: &str, was: Option<&str>| Missed { threshold: threshold.into(), was: was.map(str::to_owned) };
    trial.missed = vec![of("deliveries.lost == 0", Some("12")), of("server.cpu_share < 0.1", Some("90 %"))];
    assert_eq!(why(&outcome, &trial), "deliveries.lost was 12, not == 0", "only what the objective has");
    trial.missed = vec![of("latency.due.p99 < 50ms", None)];
    trial.lost_share = 0.02;
    assert_eq!(why(&outcome, &trial), "latency.due.p99 was never (2 % lost), not < 50ms");
}

#[test]
fn a_search_that_was_broken_off_says_how_to_go_on_and_whether_trials_disagreed() {
    let mut outcome = committed("connections-native-1");
    (outcome.complete, outcome.found) = (false, Vec::new());
    outcome.notes =
        vec!["the budget was used up before every bound was found; go on with: fanout capacity a.toml".to_owned()];
    for (name, text) in contents(&outcome).into_iter().filter(|(name, _)| *name != "capacity.json") {
        let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "NOT DECIDED",
            "go on with: fanout capacity a.toml",
            "highest that held 2,928 members of one room at 20 publishes/s, lowest that broke 2,000",
            "trials did not agree",
            "--keep-awake",
        ] {
            assert!(said.contains(part), "{part}, in {name}: {said}");
        }
    }
    outcome.trials.truncate(2);
    let text = super::render(&outcome, None, crate::report::Colour::Never);
    assert!(text.contains("go on with: ") && !text.contains("did not agree"), "{text}");
}

#[test]
fn the_first_line_is_the_answer_where_there_is_one() {
    let mut outcome = committed("rate-textbook-1");
    assert_eq!(headline(&outcome), "capacity: holds 40 publishes/s, breaks at 43.62");
    assert_eq!(headline(&committed("rate-native-2")), "capacity: holds at least 2,000 publishes/s");
    outcome.complete = false;
    assert_eq!(headline(&outcome), "capacity: from 5 to 2,000 publishes/s searched");
}

#[test]
fn who_has_only_the_report_knows_what_was_searched_with_what_and_where() {
    let facts = setting(&committed("rate-textbook-1"));
    let fact = |name: &str| facts.iter().find(|(known, _)| *known == name).map_or("", |(_, fact)| fact.as_str());
    assert_eq!(fact("searched"), "from 5 to 2,000 publishes/s; what holds and what breaks are at most 10 % apart");
    assert_eq!(fact("each trial"), "1,000 members of one room");
    assert!(fact("messages").ends_with(" B of payload on average"), "{}", fact("messages"));
    assert_eq!(fact("trials"), "8 short (about 7 s each), 4 of full length (about 13 s each)");
    assert!(fact("server").ends_with(", engine textbook"), "{}", fact("server"));
    let facts = setting(&committed("connections-gorilla-1"));
    assert!(facts.contains(&("each trial", "20 publishes/s".to_owned())), "{facts:?}");
    let server = facts.iter().find(|(name, _)| *name == "server").map_or("", |(_, fact)| fact);
    assert!(server.ends_with(", scripts/peers/gorilla/hub --port {port}"), "{server}");
}

#[test]
fn a_search_says_of_each_trial_what_came_of_it_as_soon_as_it_is_over() {
    let outcome = committed("rate-textbook-1");
    let mut trial = outcome.trials[0].clone();
    assert_eq!(trial.said(), "held");
    trial.verdicts.values_mut().for_each(|verdict| *verdict = Verdict::Broke);
    trial.missed = vec![Missed { threshold: "latency.due.p99 < 50ms".into(), was: Some("63 ms".into()) }];
    assert_eq!(trial.said(), "broke: latency.due.p99 < 50ms was 63 ms");
    trial.verdicts.values_mut().for_each(|verdict| *verdict = Verdict::Invalid);
    let figure = "fanout sent publishes late".to_owned();
    trial.cause = Some(Cause { resource: Resource::LoadGenerator, figure });
    assert_eq!(trial.said(), "invalid, which says nothing about the server: fanout sent publishes late");
}
