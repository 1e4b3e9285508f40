//! Pure: how the figures of a scenario went from run to run, and where they changed.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::analyse::{Better, Interval, bootstrap_ratio, change_points, median};
use crate::compare::{Difference, Figure, between};
use crate::result::Run;

/// The schema of trend.json.
const SCHEMA: u32 = 1;

/// A run of the past: where it is, and what it measured.
#[derive(Debug, Clone)]
pub struct Past {
    /// Its directory, as a reader finds it.
    pub name: String,
    /// What it measured.
    pub run: Run,
}

/// The valid runs of one scenario in the order of time, and how its figures went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// Version of this format: 1.
    pub schema: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Valid runs, from the oldest.
    pub runs: Vec<Dated>,
    /// Runs that do not count because fanout could not measure them, or they were interrupted.
    pub left_out: usize,
    /// What changed on the machine from one run to the next.
    pub environment: Vec<Moved>,
    /// The figures that the runs have.
    pub metrics: Vec<Course>,
}

/// A run of a trend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dated {
    /// RFC 3339 UTC.
    pub started: String,
    /// Where it is.
    pub name: String,
}

/// Something about the machine that a run does not share with the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The run that is the first to have it, counted from 0.
    pub at: usize,
    /// What.
    pub differences: Vec<Difference>,
}

/// One figure from run to run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Course {
    /// Its path in `run.json`.
    pub metric: String,
    /// Which way is good.
    pub better: Better,
    /// Its value in each run; `None`: not measured, or among the lost.
    pub values: Vec<Option<f64>>,
    /// Where it changed.
    pub changes: Vec<Shift>,
}

/// A change of a figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shift {
    /// The first run after it, counted from 0.
    pub at: usize,
    /// Median of the runs since the change before, or since the first.
    pub before: f64,
    /// Median of the runs until the next change, or the last.
    pub after: f64,
    /// `after` / `before` with its 95 % bootstrap interval; `None` where `before` is zero.
    pub ratio: Option<(f64, Interval)>,
    /// How often chance alone would do this.
    pub p: f64,
    /// Whether it is for the better.
    pub improved: bool,
}

/// The trends of these runs, one a scenario; a scenario's seed decides which random orders its changes are tested with.
#[must_use]
pub fn trends(past: Vec<Past>) -> Vec<Trend> {
    let mut scenarios: BTreeMap<String, Vec<Past>> = BTreeMap::new();
    for past in past {
        let name = past.run.scenario.get("name").and_then(Value::as_str).unwrap_or("run").to_owned();
        scenarios.entry(name).or_default().push(past);
    }
    scenarios.into_iter().map(|(scenario, past)| trend(scenario, past)).collect()
}

fn trend(scenario: String, past: Vec<Past>) -> Trend {
    let all = past.len();
    let mut past: Vec<Past> =
        past.into_iter().filter(|past| past.run.validity.valid && !past.run.interrupted).collect();
    past.sort_by(|a, b| a.run.started.cmp(&b.run.started).then_with(|| a.name.cmp(&b.name)));
    let seed = past.first().and_then(|past| past.run.scenario.get("seed")?.as_u64()).unwrap_or(1);
    let documents: Vec<Value> = past.iter().filter_map(|past| serde_json::to_value(&past.run).ok()).collect();
    let course = |figure: Figure| {
        let values: Vec<Option<f64>> = documents.iter().map(|document| figure.of(document)).collect();
        let better = figure.better();
        let changes = shifts(&values, better, seed);
        Course { metric: figure.path, better, values, changes }
    };
    let metrics = Figure::compared(std::iter::empty()).into_iter().map(course);
    Trend {
        schema: SCHEMA,
        scenario,
        left_out: all - past.len(),
        environment: moved(&past),
        metrics: metrics.filter(|course| course.values.iter().any(Option::is_some)).collect(),
        runs: past.into_iter().map(|past| Dated { started: past.run.started, name: past.name }).collect(),
    }
}

fn moved(past: &[Past]) -> Vec<Moved> {
    let pairs = past.windows(2).enumerate();
    pairs
        .map(|(i, pair)| Moved { at: i + 1, differences: between(&pair[0].run, &pair[1].run) })
        .filter(|moved| !moved.differences.is_empty())
        .collect()
}

/// Changes are looked for among the runs that have the figure, in logarithms where all are above zero: costs and latencies differ by factors.
fn shifts(values: &[Option<f64>], better: Better, seed: u64) -> Vec<Shift> {
    let known: Vec<(usize, f64)> = values.iter().enumerate().filter_map(|(i, value)| Some((i, (*value)?))).collect();
    let numbers: Vec<f64> = known.iter().map(|(_, value)| *value).collect();
    let positive = numbers.iter().all(|value| *value > 0.0);
    let scaled: Vec<f64> = numbers.iter().map(|value| if positive { value.ln() } else { *value }).collect();
    let changes = change_points(&scaled, seed);
    let ends: Vec<usize> =
        std::iter::once(0).chain(changes.iter().map(|change| change.at)).chain([numbers.len()]).collect();
    let shift = |(change, ends): (&crate::analyse::ChangePoint, &[usize])| {
        let (first, second) = (&numbers[ends[0]..ends[1]], &numbers[ends[1]..ends[2]]);
        let (before, after) = (median(first), median(second));
        Shift {
            at: known[change.at].0,
            before,
            after,
            ratio: (before > 0.0).then(|| (after / before, bootstrap_ratio(first, second))),
            p: change.p,
            improved: (after < before) == (better == Better::Lower),
        }
    };
    changes.iter().zip(ends.windows(3)).map(shift).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::report::sample;
    use crate::seeded::Seeded;

    /// 24 runs, a day apart; from the fifteenth on, a delivery costs a fifth more, and the kernel is another.
    pub(crate) fn dearer() -> Vec<Past> {
        let mut random = Seeded::new(5, [0, 0]);
        let mut noisy = |value: f64| value * (1.0 + 0.02 * (random.unit() - 0.5));
        (0..24)
            .map(|day| {
                let mut run = sample::good();
                run.started = format!("2026-10-{:02}T06:00:00Z", day + 1);
                let dearer = if day >= 14 { 1.2 } else { 1.0 };
                if let Some(server) = &mut run.server {
                    server.cpu_us_per_delivery = Some(noisy(15.2 * dearer));
                }
                if let Some(due) = &mut run.latency.due {
                    due.p99 = due.p99.map(&mut noisy);
                }
                if day >= 14 {
                    run.environment.kernel = "6.18.0".to_owned();
                }
                Past { name: format!("results/chat-peak/{day:02}"), run }
            })
            .collect()
    }

    #[test]
    fn a_change_is_found_in_the_figure_that_changed_and_no_other() {
        let trends = trends(dearer());
        let [trend] = &trends[..] else { panic!("one scenario") };
        assert_eq!((trend.runs.len(), trend.left_out), (24, 0));
        for course in &trend.metrics {
            if course.metric == "server.cpu_us_per_delivery" {
                let [shift] = &course.changes[..] else { panic!("{:?}", course.changes) };
                let (ratio, interval) = shift.ratio.unwrap();
                assert!(shift.at == 14 && !shift.improved && (1.18..1.22).contains(&ratio) && interval.low > 1.1);
            } else {
                assert_eq!(course.changes, [], "{}", course.metric);
            }
        }
    }

    #[test]
    fn what_moved_on_the_machine_is_said_with_the_run_that_has_it_first() {
        let trends = trends(dearer());
        let [moved] = &trends[0].environment[..] else { panic!("one") };
        assert_eq!((moved.at, moved.differences[0].what.as_str()), (14, "kernel"));
    }

    #[test]
    fn runs_are_put_in_order_by_scenario_and_those_that_do_not_count_are_left_out() {
        let mut past = dearer();
        past.reverse();
        past[3].run.validity.valid = false;
        past[5].run.scenario["name"] = "other".into();
        let trends = trends(past);
        assert_eq!(
            trends.iter().map(|trend| (trend.scenario.as_str(), trend.runs.len(), trend.left_out)).collect::<Vec<_>>(),
            [("chat-peak", 22, 1), ("other", 1, 0)]
        );
        assert!(trends[0].runs.windows(2).all(|pair| pair[0].started < pair[1].started));
    }
}
