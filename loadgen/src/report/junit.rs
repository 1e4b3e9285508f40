//! `junit.xml`: a run as the tests of a build, for the pages on which a CI shows them.
//!
//! The suite is the scenario, a case is a phase and an expression. Names hold no values, so that a CI recognises a case from build to build;
//! values are in the messages. Beside the thresholds there are three cases that every run has: whether it was valid, whether it went to its
//! end, and whether the server kept its connections. Of several runs each is a suite, `SCENARIO/VARIANT/02`, and `SCENARIO.VARIANT.02` is the
//! class of its cases, by which a CI groups them.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::batch::{Batch, Which};
use super::numbers::count;
use super::text::{sentences, thresholds};
use super::turned_away;
use crate::result::{Run, ThresholdResult};

/// The document of a run.
///
/// # Errors
/// None is known for what a run holds; it is the XML writer's.
pub fn document(run: &Run) -> Result<String, SerializeError> {
    let variant = run.scenario.get("variant").and_then(serde_json::Value::as_str).map(str::to_owned);
    let place = Place::new(sentences::name(run), &Which { variant, number: None });
    whole([suite(run, &place)])
}

/// The document of all runs of these scenarios.
///
/// # Errors
/// As [`document`].
pub fn documents(batches: &[Batch]) -> Result<String, SerializeError> {
    let all = batches.iter().flat_map(|batch| batch.attempts().iter().map(move |attempt| (batch.name(), attempt)));
    whole(all.map(|(name, attempt)| {
        let place = Place::new(name, &attempt.which);
        match &attempt.made {
            Ok(run) => suite(run, &place),
            Err(why) => not_made(why, &place),
        }
    }))
}

fn whole(suites: impl IntoIterator<Item = TestSuite>) -> Result<String, SerializeError> {
    let mut report = Report::new("fanout");
    report.add_test_suites(suites);
    let time = report.test_suites.iter().filter_map(|suite| suite.time).sum();
    report.set_time(time);
    report.to_string()
}

/// Where cases belong.
struct Place {
    suite: String,
    class: String,
}

impl Place {
    fn new(scenario: &str, which: &Which) -> Self {
        let parts: Vec<String> = std::iter::once(scenario.to_owned()).chain(which.folders()).collect();
        Self { suite: parts.join("/"), class: parts.join(".") }
    }

    fn case(&self, phase: &str, name: &str, status: TestCaseStatus) -> TestCase {
        let mut case = TestCase::new(format!("{phase}: {name}"), status);
        case.set_classname(self.class.as_str());
        case
    }

    /// Whether there is a measurement to judge: a case that every run has, also one that could not be made.
    fn measured(&self, status: TestCaseStatus) -> TestCase {
        self.case("run", "measurement is valid", status)
    }
}

fn suite(run: &Run, place: &Place) -> TestSuite {
    let mut suite = TestSuite::new(place.suite.as_str());
    suite.set_time(seconds(run.elapsed_s));
    properties(&mut suite, run);
    suite.add_test_cases([valid(run, place), to_the_end(run, place), connections(run, place)]);
    suite.add_test_cases(run.thresholds.iter().map(|threshold| objective(run, threshold, place)));
    suite
}

fn not_made(why: &str, place: &Place) -> TestSuite {
    let mut suite = TestSuite::new(place.suite.as_str());
    suite.set_time(Duration::ZERO);
    suite.add_test_case(place.measured(bad(NonSuccessKind::Error, "not run", why)));
    suite
}

fn seconds(s: f64) -> Duration {
    Duration::try_from_secs_f64(s).unwrap_or_default()
}

fn properties(suite: &mut TestSuite, run: &Run) {
    let e = &run.environment;
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            suite.add_property(Property::new(name, value));
        }
    };
    add("started", &run.started);
    add("fanout", &e.fanout);
    add("git", e.git.as_deref().unwrap_or(""));
    add("cpu", &e.cpu);
    add("cores", &e.cores.to_string());
    add("kernel", &e.kernel);
    add("client", &e.client);
    if let Some(baseline) = &run.baseline {
        add("baseline", &thresholds::compared_with(baseline));
    }
}

/// Invalid is an error, and the only one: it is the measurement that went wrong, not the server. Of a run that was
/// interrupted nobody asks whether it was valid.
fn valid(run: &Run, place: &Place) -> TestCase {
    let status = if run.validity.valid {
        TestCaseStatus::success()
    } else if run.interrupted {
        skipped("the run was interrupted")
    } else {
        let reasons =
            run.validity.reasons.iter().map(|reason| format!("{}; what to do: {}", reason.figure, reason.cure));
        bad(NonSuccessKind::Error, "invalid", &reasons.collect::<Vec<_>>().join("\n"))
    };
    place.measured(status)
}

fn to_the_end(run: &Run, place: &Place) -> TestCase {
    let status = match (&run.ended_early, run.interrupted) {
        (_, true) => bad(NonSuccessKind::Error, "interrupted", "the run was interrupted"),
        _ if !run.validity.valid => skipped("the measurement is not valid"),
        (Some(why), false) => bad(NonSuccessKind::Failure, "ended early", why),
        (None, false) => TestCaseStatus::success(),
    };
    place.case("run", "goes to its end", status)
}

fn connections(run: &Run, place: &Place) -> TestCase {
    let status = match turned_away(run) {
        _ if run.interrupted => skipped("the run was interrupted"),
        _ if !run.validity.valid => skipped("the measurement is not valid"),
        0 => TestCaseStatus::success(),
        _ => {
            let c = &run.connections;
            let summary = format!(
                "of {} connections {} were refused by the server, {} did not open, {} were closed by the server or the network",
                count(c.asked),
                count(c.refused),
                count(c.failed),
                count(c.closed)
            );
            let causes = run.errors.iter().map(|(cause, n)| format!("{cause}: {}", count(*n)));
            let lines: Vec<String> = std::iter::once(summary).chain(causes).collect();
            bad(NonSuccessKind::Failure, "connections", &lines.join("\n"))
        }
    };
    place.case("run", "no connection is refused or dropped", status)
}

fn objective(run: &Run, threshold: &ThresholdResult, place: &Place) -> TestCase {
    let (phase, name) = match threshold.metric.strip_prefix("phases.").and_then(|rest| rest.split_once('.')) {
        Some((phase, figure)) => (phase, ThresholdResult { metric: figure.to_owned(), ..threshold.clone() }.name()),
        None => ("run", threshold.name()),
    };
    let status = if run.interrupted {
        skipped("the run was interrupted")
    } else if !run.validity.valid {
        skipped("the measurement is not valid")
    } else if threshold.skipped {
        skipped(threshold.why.as_deref().unwrap_or(""))
    } else if threshold.pass {
        TestCaseStatus::success()
    } else {
        let was = match &threshold.why {
            Some(why) => why.clone(),
            None => format!("it was {}", thresholds::outcome(run, threshold)),
        };
        bad(NonSuccessKind::Failure, "threshold", &format!("{}: {was}", threshold.name()))
    };
    place.case(phase, &name, status)
}

/// The first line is the message that a CI lists; all of them are its details.
fn bad(kind: NonSuccessKind, what: &str, text: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(what).set_message(text.lines().next().unwrap_or(what)).set_description(text);
    status
}

fn skipped(why: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(why);
    status
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn lines(run: &Run) -> Vec<String> {
        document(run).unwrap().lines().map(|line| line.trim().to_owned()).collect()
    }

    fn about<'l>(lines: &'l [String], name: &str) -> Vec<&'l str> {
        let from = lines.iter().position(|line| line.contains(&format!("name=\"{name}\""))).unwrap();
        let to = if lines[from].ends_with("/>") {
            0
        } else {
            lines[from..].iter().position(|l| l == "</testcase>").unwrap()
        };
        lines[from..=from + to].iter().map(String::as_str).collect()
    }

    #[test]
    fn a_run_that_passed_is_all_green() {
        let lines = lines(&sample::good());
        assert!(
            lines[1].starts_with("<testsuites name=\"fanout\" tests=\"6\" failures=\"0\" errors=\"0\""),
            "{lines:?}"
        );
        assert_eq!(about(&lines, "run: latency.due.p99 &lt; 50ms")[1..], ["</testcase>"]);
        assert_eq!(about(&lines, "run: measurement is valid")[1..], ["</testcase>"]);
    }

    #[test]
    fn a_broken_threshold_is_a_failure_that_names_value_and_baseline() {
        let mut run = sample::failed();
        run.thresholds[0].expr = "< 1.5 x baseline".to_owned();
        (run.thresholds[0].baseline, run.thresholds[0].limit) = (Some(6000.0), Some(9000.0));
        let lines = lines(&run);
        assert!(lines[1].contains("failures=\"1\" errors=\"0\""), "{}", lines[1]);
        let case = about(&lines, "run: latency.due.p99 &lt; 1.5 x baseline").join("\n");
        let message = "latency.due.p99 &lt; 1.5 x baseline: it was 12 ms; baseline 6 ms, so the limit is 9 ms";
        assert!(case.contains(&format!("<failure message=\"{message}\" type=\"threshold\">")), "{case}");
    }

    #[test]
    fn names_hold_no_values() {
        let mut slower = sample::good();
        slower.thresholds.iter_mut().for_each(|t| (t.value, t.pass) = (Some(77_000.0), false));
        let names = |run: &Run| {
            let cases = lines(run).into_iter().filter(|line| line.starts_with("<testcase"));
            cases.map(|line| line.split(" classname").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&sample::good()), names(&slower));
    }

    #[test]
    fn an_invalid_run_is_one_error_and_nothing_else() {
        let mut run = sample::invalid();
        run.thresholds[0].pass = false;
        run.connections.closed = 3;
        let lines = lines(&run);
        assert!(lines[1].contains("failures=\"0\" errors=\"1\""), "{}", lines[1]);
        assert_eq!(lines.iter().filter(|line| line.starts_with("<skipped")).count(), 5);
    }

    #[test]
    fn a_run_that_was_interrupted_is_not_called_invalid_too() {
        let mut run = sample::invalid();
        run.interrupted = true;
        let lines = lines(&run);
        assert!(lines[1].contains("failures=\"0\" errors=\"1\""), "{}", lines[1]);
        let case = about(&lines, "run: goes to its end").join("\n");
        assert!(case.contains("type=\"interrupted\""), "{case}");
        assert!(!lines.iter().any(|line| line.contains("invalid") || line.contains("not valid")), "{lines:?}");
    }

    #[test]
    fn without_a_baseline_the_case_is_skipped() {
        let mut run = sample::good();
        run.thresholds[0].skipped = true;
        run.thresholds[0].why = Some("no --baseline was given".to_owned());
        let case = about(&lines(&run), "run: latency.due.p99 &lt; 50ms").join("\n");
        assert!(case.contains("<skipped message=\"no --baseline was given\""), "{case}");
    }

    #[test]
    fn a_phase_is_in_the_name() {
        let mut run = sample::good();
        run.thresholds[0].metric = "phases.goal.latency.due.p99".to_owned();
        run.thresholds[0].over_s = Some(10);
        let lines = lines(&run);
        assert_eq!(about(&lines, "goal: latency.due.p99 &lt; 50ms in every 10 s")[1..], ["</testcase>"]);
    }

    #[test]
    fn dropped_connections_and_an_early_end_are_failures() {
        let mut run = sample::dropped();
        run.ended_early = Some("the server exited with status 1".to_owned());
        let lines = lines(&run);
        assert!(lines[1].contains("failures=\"2\""), "{}", lines[1]);
        let case = about(&lines, "run: no connection is refused or dropped").join("\n");
        assert!(
            case.contains("of 5,050 connections 3 were refused by the server, 2 did not open, 14 were closed"),
            "{case}"
        );
    }
}
