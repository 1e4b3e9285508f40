//! Which earlier run is the baseline of a new one, and whether the two can be compared at all.

use serde_json::Value;

use super::differences::changes;
use crate::result::{ComparedWith, Environment, Run};
use crate::thresholds::Baseline;

/// The run that is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'p> {
    /// Resolved, as `run.json` will have it.
    pub scenario: &'p Value,
    /// This machine.
    pub environment: &'p Environment,
    /// `native` or `tungstenite`.
    pub client: &'p str,
}

/// What was found where a baseline was looked for.
#[derive(Debug)]
pub enum Found {
    /// The run that was named itself.
    Run(String, Box<Run>),
    /// Everything in and below a directory.
    All(Vec<(String, Run)>),
}

/// The baseline of a run: the one that was named, of the same scenario; or of a directory the newest that passed, of the same variant too.
/// It must have been valid, measured on the same kind of machine (processor model, number of processors, kernel version up to its second number) with
/// the same client, and under the same load (mode, connections, publishers, phases).
#[must_use]
pub fn baseline(looked_in: &str, found: Found, planned: Planned<'_>) -> Baseline {
    let wanted = title(planned.scenario);
    let (path, run) = match found {
        Found::Run(path, run) => (path, *run),
        Found::All(runs) => {
            let fits = |run: &Run| run.passed && title(&run.scenario) == wanted;
            match runs.into_iter().filter(|(_, run)| fits(run)).max_by(|a, b| a.1.started.cmp(&b.1.started)) {
                Some(newest) => newest,
                None => {
                    let unused = Some(format!("no run of {wanted} in {looked_in} has passed"));
                    return Baseline::unusable(ComparedWith {
                        path: looked_in.to_owned(),
                        unused,
                        ..Default::default()
                    });
                }
            }
        }
    };
    let unused = obstacle(&run, planned);
    let about = ComparedWith { path, started: run.started.clone(), git: run.environment.git.clone(), unused };
    match serde_json::to_value(&run) {
        Ok(run) if about.unused.is_none() => Baseline::new(about, run),
        _ => Baseline::unusable(about),
    }
}

/// `chat-peak`, `chat-peak (off)`.
fn title(scenario: &Value) -> String {
    let variant = scenario.get("variant").and_then(Value::as_str);
    variant.map_or_else(|| name(scenario).to_owned(), |variant| format!("{} ({variant})", name(scenario)))
}

fn name(scenario: &Value) -> &str {
    scenario.get("name").and_then(Value::as_str).unwrap_or("run")
}

/// Why a run says nothing about the planned one.
fn obstacle(run: &Run, planned: Planned<'_>) -> Option<String> {
    let (was, is) = (name(&run.scenario), name(planned.scenario));
    if was != is {
        return Some(format!("the baseline is a run of {was}, not of {is}"));
    }
    if !run.validity.valid || run.interrupted || run.ended_early.is_some() {
        return Some("the baseline is not a whole and valid run".to_owned());
    }
    let (there, here) = (&run.environment, planned.environment);
    for (what, there, here) in [
        ("processor", there.cpu.clone(), here.cpu.clone()),
        ("number of processors", there.cores.to_string(), here.cores.to_string()),
        ("kernel", version(&there.kernel), version(&here.kernel)),
    ] {
        if there != here {
            return Some(format!("the baseline is of another kind of machine: {what} {there}, here {here}"));
        }
    }
    if there.client != planned.client {
        return Some(format!("the baseline was measured by another client: {}, here {}", there.client, planned.client));
    }
    let of_load = |key: &str| ["connections", "publishers", "phases", "mode"].contains(&first(key));
    let all = changes(&run.scenario, planned.scenario);
    // A key that only one of them has came with another version of fanout.
    let changed = all.iter().find(|c| of_load(&c.key) && !c.a.is_empty() && !c.b.is_empty());
    changed.map(|c| format!("the baseline has another load: {} {}, here {}", c.key, c.a, c.b))
}

fn first(key: &str) -> &str {
    key.split(['.', '[']).next().unwrap_or(key)
}

/// `6.12` of `6.12.1-generic`.
fn version(kernel: &str) -> String {
    kernel.split(['.', '-']).take(2).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::sample;

    fn run() -> Run {
        let scenario =
            json!({ "name": "chat-peak", "mode": "broadcast", "publishers": [{ "name": "p", "rate": 50.0 }] });
        Run { scenario, ..sample::good() }
    }

    /// Why `run` is not the baseline of another one like [`run()`].
    fn unused(run: Run) -> Option<String> {
        let planned = self::run();
        let environment = Environment { client: String::new(), ..planned.environment.clone() };
        let planned = Planned { scenario: &planned.scenario, environment: &environment, client: "native" };
        baseline("results", Found::Run("results/a".to_owned(), Box::new(run)), planned).about().unwrap().unused.clone()
    }

    fn among(runs: Vec<(String, Run)>) -> Baseline {
        let planned = run();
        let planned = Planned { scenario: &planned.scenario, environment: &planned.environment, client: "native" };
        baseline("results", Found::All(runs), planned)
    }

    #[test]
    fn a_run_of_the_same_on_the_same_kind_of_machine_is_compared_with() {
        assert_eq!(unused(run()), None);
        let mut patched = run();
        patched.environment.kernel = "6.12.9-generic".to_owned();
        assert_eq!(unused(patched), None, "a patched kernel is the same kind of machine");
    }

    #[test]
    fn what_makes_two_runs_incomparable_is_said() {
        let changed = |change: fn(&mut Run)| {
            let mut other = run();
            change(&mut other);
            unused(other).unwrap()
        };
        assert_eq!(
            changed(|run| run.environment.cpu = "Other CPU".to_owned()),
            "the baseline is of another kind of machine: processor Other CPU, here Example CPU 2.4 GHz"
        );
        assert_eq!(
            changed(|run| run.environment.cores = 64),
            "the baseline is of another kind of machine: number of processors 64, here 2"
        );
        assert_eq!(
            changed(|run| run.environment.kernel = "5.15.0".to_owned()),
            "the baseline is of another kind of machine: kernel 5.15, here 6.12"
        );
        assert_eq!(
            changed(|run| run.environment.client = "tungstenite".to_owned()),
            "the baseline was measured by another client: tungstenite, here native"
        );
        assert_eq!(
            changed(|run| run.scenario["name"] = json!("other")),
            "the baseline is a run of other, not of chat-peak"
        );
        assert_eq!(changed(|run| run.validity.valid = false), "the baseline is not a whole and valid run");
        let load = changed(|run| run.scenario["publishers"][0]["rate"] = json!(20.0));
        assert!(load.starts_with("the baseline has another load: publishers.p.rate 20"), "{load}");
    }

    #[test]
    fn how_a_target_is_set_may_differ() {
        let mut other = run();
        other.scenario["target"] = json!({ "server": { "shards": 1 } });
        other.scenario["variant"] = json!("one-shard");
        assert_eq!(unused(other), None, "that is what is compared");
    }

    #[test]
    fn of_a_directory_it_is_the_newest_that_passed() {
        let at = |started: &str, passed| Run { started: started.to_owned(), passed, ..run() };
        let runs = vec![
            ("a".to_owned(), at("2026-01-02T00:00:00Z", true)),
            ("b".to_owned(), at("2026-01-03T00:00:00Z", true)),
            ("c".to_owned(), at("2026-01-04T00:00:00Z", false)),
        ];
        let chosen = among(runs);
        assert_eq!(chosen.about().unwrap().path, "b");
        assert_eq!(chosen.figure("deliveries.lost"), Ok(0.0));
        let none = among(vec![("c".to_owned(), at("2026-01-04T00:00:00Z", false))]);
        assert_eq!(none.figure("deliveries.lost").unwrap_err().why, "no run of chat-peak in results has passed");
    }
}
