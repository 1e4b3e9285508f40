//! What the runs of two settings say together.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::differences::{Change, Difference, changes, environment};
use super::expectation::{Evidence, Expectation, Outcome, Standing};
use super::figures::Figure;
use super::runs::{ArmRuns, arm, notes};
use super::{Arm, GOAL, sentence};
use crate::analyse::{Better, Finding, LEAST_BLOCKS, Metric, Sample, Verdict, bootstrap_median, judge, median};
use crate::result::Run;

/// The schema that is written.
const SCHEMA: u32 = 1;
/// What single runs of one thing may differ by without anybody having changed anything.
const TRIPWIRE: f64 = 1.25;
/// The same of their p99 and beyond.
const TRIPWIRE_TAIL: f64 = 1.5;

/// How the runs were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Design {
    /// Side by side in blocks of two, and compared block by block.
    Blocks,
    /// As two sets of old runs.
    Sets,
    /// One run against one: no statistics, only wide margins.
    Tripwire,
}

/// What the arms are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// The setting that is compared to.
    pub a: String,
    /// The setting that is compared.
    pub b: String,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Asked<'e> {
    /// Name of the scenario.
    pub scenario: &'e str,
    /// What the arms are called.
    pub names: Names,
    /// Valid runs an arm.
    pub runs: u32,
    /// What must hold of b.
    pub expect: &'e [Expectation],
}

/// A run of a comparison that ran to its end, valid or not.
#[derive(Debug, Clone)]
pub struct Trial<A = Arm> {
    /// Its block, from 1; of no meaning in sets.
    pub block: u32,
    /// Its setting.
    pub arm: A,
    /// What it measured.
    pub run: Run,
}

/// A metric and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Figures and verdict.
    #[serde(flatten)]
    pub finding: Finding,
    /// The smallest change that would be found in nine of ten such comparisons, with the correction for all its metrics; a share.
    pub visible_corrected: f64,
    /// Runs an arm after which a change of 5 % would be; `None` where the noise is not known.
    pub runs_for_5_percent: Option<usize>,
    /// Of a tripwire: whether it is beyond its margin.
    pub tripped: Option<bool>,
}

/// A metric without a difference to be tested, or without figures for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Uncompared {
    /// Its path.
    pub name: String,
    /// Median of a; `None` where it falls among the lost, or there is none.
    pub a: Option<f64>,
    /// The same of b.
    pub b: Option<f64>,
    /// Why there is no ratio.
    pub why: String,
}

/// Two settings, compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Version of this format: 1.
    pub schema: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// One or two sentences with what was found.
    pub summary: String,
    /// How the runs were made.
    pub design: Design,
    /// The setting that is compared to.
    pub a: ArmRuns,
    /// The setting that is compared.
    pub b: ArmRuns,
    /// Valid runs an arm that were asked for.
    pub asked: u32,
    /// Blocks with two valid runs; of sets the valid runs of the smaller one.
    pub runs: usize,
    /// Why there are not as many as asked for, in a sentence.
    pub ended_early: Option<String>,
    /// What was not the same where the runs were made; must be empty.
    pub environment: Vec<Difference>,
    /// What of the scenario the arms do not share.
    pub changes: Vec<Change>,
    /// Metrics with their verdicts.
    pub metrics: Vec<Compared>,
    /// Metrics that are equal in every run.
    pub equal: Vec<Uncompared>,
    /// Metrics that cannot be compared by their ratio.
    pub uncompared: Vec<Uncompared>,
    /// What was expected and came of it.
    pub expectations: Vec<Outcome>,
    /// Runs an arm that show a change of 5 % in what was expected; without expectations, in the server's cost of a delivery.
    pub recommended_runs: Option<usize>,
    /// What a reader must know beside.
    pub notes: Vec<String>,
}

/// The values of one metric; `None` where a run has none.
enum Values {
    Blocks(Vec<(Option<f64>, Option<f64>)>),
    Sets(Vec<Option<f64>>, Vec<Option<f64>>),
}

impl Values {
    fn arms(&self) -> (Vec<Option<f64>>, Vec<Option<f64>>) {
        match self {
            Self::Blocks(blocks) => blocks.iter().copied().unzip(),
            Self::Sets(a, b) => (a.clone(), b.clone()),
        }
    }

    /// Whether no test could find a difference: equal in every block, or the same number everywhere.
    fn equal(&self) -> bool {
        match self {
            Self::Blocks(blocks) => blocks.iter().all(|(a, b)| a == b),
            Self::Sets(a, b) => a.iter().chain(b).all(|value| *value == a[0]),
        }
    }

    fn sample(&self) -> Sample {
        let number = |value: &Option<f64>| value.unwrap_or(f64::NAN);
        match self {
            Self::Blocks(blocks) => Sample::Blocks(blocks.iter().map(|(a, b)| (number(a), number(b))).collect()),
            Self::Sets(a, b) => Sample::Sets(a.iter().map(number).collect(), b.iter().map(number).collect()),
        }
    }
}

/// The median where what is missing is larger than everything; not a number for none.
fn median_of(values: &[Option<f64>]) -> f64 {
    median(&values.iter().map(|value| value.unwrap_or(f64::INFINITY)).collect::<Vec<_>>())
}

impl Comparison {
    /// Compares runs that were made in blocks of two. Blocks without a valid run of both are left out.
    #[must_use]
    pub fn of_blocks(asked: &Asked<'_>, trials: &[Trial]) -> Self {
        let mut blocks: BTreeMap<u32, [Option<Value>; 2]> = BTreeMap::new();
        for trial in trials.iter().filter(|trial| trial.run.validity.valid) {
            blocks.entry(trial.block).or_default()[trial.arm as usize] = serde_json::to_value(&trial.run).ok();
        }
        let blocks: Vec<(Value, Value)> = blocks.into_values().filter_map(|[a, b]| a.zip(b)).collect();
        let values =
            |figure: &Figure| Values::Blocks(blocks.iter().map(|(a, b)| (figure.of(a), figure.of(b))).collect());
        Self::new(Design::Blocks, asked, trials, blocks.len(), values)
    }

    /// Compares two sets of runs that were not made side by side; of one run each, as a tripwire.
    #[must_use]
    pub fn of_sets(asked: &Asked<'_>, trials: &[Trial]) -> Self {
        let set = |arm: Arm| -> Vec<Value> {
            let valid = trials.iter().filter(|trial| trial.arm == arm && trial.run.validity.valid);
            valid.filter_map(|trial| serde_json::to_value(&trial.run).ok()).collect()
        };
        let (a, b) = (set(Arm::A), set(Arm::B));
        let design = if a.len() == 1 && b.len() == 1 { Design::Tripwire } else { Design::Sets };
        let of = |figure: &Figure, runs: &[Value]| runs.iter().map(|run| figure.of(run)).collect();
        let values = |figure: &Figure| Values::Sets(of(figure, &a), of(figure, &b));
        Self::new(design, asked, trials, a.len().min(b.len()), values)
    }

    fn new(
        design: Design,
        asked: &Asked<'_>,
        trials: &[Trial],
        runs: usize,
        values: impl Fn(&Figure) -> Values,
    ) -> Self {
        let figures = Figure::compared(asked.expect.iter().map(|expectation| expectation.metric.as_str()));
        let (mut metrics, mut equal, mut uncompared) = (Vec::new(), Vec::new(), Vec::new());
        for figure in figures.iter().filter(|_| runs > 0) {
            let values = values(figure);
            match sort(figure, &values) {
                Sorted::Absent => {}
                Sorted::Equal(found) => equal.push(found),
                Sorted::Without(found) => uncompared.push(found),
                Sorted::Comparable => {
                    metrics.push(Metric {
                        name: figure.path.clone(),
                        better: figure.better(),
                        sample: values.sample(),
                    });
                }
            }
        }
        let tests = metrics.len();
        let metrics: Vec<Compared> =
            judge(metrics).into_iter().map(|finding| compared(finding, tests, design)).collect();
        let evidence = |metric: &str| {
            let (a, b) = values(&Figure { path: metric.to_owned() }).arms();
            let numbers: Vec<f64> = b.iter().map(|value| value.unwrap_or(f64::INFINITY)).collect();
            let ratio = metrics.iter().find(|m| m.finding.name == metric).map(|m| &m.finding.effect);
            Evidence {
                a: median_of(&a),
                b: median_of(&b),
                ratio: ratio.map(|effect| (effect.ratio, effect.interval)),
                b_interval: bootstrap_median(&numbers),
            }
        };
        let expectations: Vec<Outcome> =
            asked.expect.iter().map(|expectation| Outcome::of(expectation, &evidence(&expectation.metric))).collect();
        let (a, b) = (arm(&asked.names.a, Arm::A, trials), arm(&asked.names.b, Arm::B, trials));
        let scenario_of = |arm: Arm| trials.iter().find(|trial| trial.arm == arm).map(|trial| &trial.run.scenario);
        let mut comparison = Self {
            schema: SCHEMA,
            scenario: asked.scenario.to_owned(),
            summary: String::new(),
            design,
            notes: notes(&a, &b, design),
            a,
            b,
            asked: asked.runs,
            runs,
            ended_early: None,
            environment: environment(trials.iter().map(|trial| (trial.arm, &trial.run))),
            changes: scenario_of(Arm::A).zip(scenario_of(Arm::B)).map_or_else(Vec::new, |(a, b)| changes(a, b)),
            recommended_runs: recommended(&metrics, &expectations),
            metrics,
            equal,
            uncompared,
            expectations,
        };
        comparison.summary = sentence::summary(&comparison);
        comparison
    }

    /// The metric of this name, if it was compared.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Compared> {
        self.metrics.iter().find(|metric| metric.finding.name == name)
    }

    /// Whether there are enough valid runs for verdicts.
    #[must_use]
    pub fn is_conclusive(&self) -> bool {
        match self.design {
            Design::Blocks | Design::Sets => self.runs >= LEAST_BLOCKS,
            Design::Tripwire => true,
        }
    }

    /// 4 too few valid runs for a verdict, 3 an expectation is broken (or a tripwire is tripped for the worse), 0 otherwise.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let tripped = |m: &Compared| m.tripped == Some(true) && m.finding.verdict == Verdict::Worse;
        if !self.is_conclusive() {
            4
        } else if self.expectations.iter().any(|outcome| outcome.standing == Standing::Broken)
            || self.metrics.iter().any(tripped)
        {
            3
        } else {
            0
        }
    }
}

enum Sorted {
    Absent,
    Equal(Uncompared),
    Without(Uncompared),
    Comparable,
}

/// A metric is judged only if every run has a value that allows a ratio: leaving the others out would compare the runs that went well.
fn sort(figure: &Figure, values: &Values) -> Sorted {
    let (a, b) = values.arms();
    let missing = |values: &[Option<f64>]| values.iter().filter(|value| value.is_none()).count();
    let (no_a, no_b) = (missing(&a), missing(&b));
    let zeros = a.iter().chain(&b).flatten().filter(|value| **value <= 0.0).count();
    let finite = |median: f64| median.is_finite().then_some(median);
    let found =
        |why: String| Uncompared { name: figure.path.clone(), a: finite(median_of(&a)), b: finite(median_of(&b)), why };
    if no_a == a.len() && no_b == b.len() {
        Sorted::Absent
    } else if no_a + no_b > 0 {
        Sorted::Without(found(format!("no value in {no_a} of {} runs of a, {no_b} of {} of b", a.len(), b.len())))
    } else if values.equal() {
        Sorted::Equal(found("equal".to_owned()))
    } else if zeros > 0 {
        Sorted::Without(found(format!("zero in {zeros} of {} runs, so there is no ratio", a.len() + b.len())))
    } else {
        Sorted::Comparable
    }
}

fn compared(mut finding: Finding, tests: usize, design: Design) -> Compared {
    let effect = &finding.effect;
    let known = effect.visible.is_finite();
    let (visible_corrected, runs) = (effect.visible_among(tests), effect.blocks_for(GOAL, tests));
    let tail = ["p99", "p999", "p9999", "max"].iter().any(|leaf| finding.name.ends_with(&format!(".{leaf}")));
    let margin = if tail { TRIPWIRE_TAIL } else { TRIPWIRE };
    let tripped = effect.ratio > margin || effect.ratio < 1.0 / margin;
    if design == Design::Tripwire {
        finding.verdict = match (tripped, (effect.ratio < 1.0) == (finding.better == Better::Lower)) {
            (false, _) => Verdict::Unclear,
            (true, true) => Verdict::Better,
            (true, false) => Verdict::Worse,
        };
    }
    Compared {
        visible_corrected,
        runs_for_5_percent: known.then_some(runs),
        tripped: (design == Design::Tripwire).then_some(tripped),
        finding,
    }
}

fn recommended(metrics: &[Compared], expectations: &[Outcome]) -> Option<usize> {
    let of = |name: &str| metrics.iter().find(|m| m.finding.name == name).and_then(|m| m.runs_for_5_percent);
    let expected = expectations.iter().filter_map(|outcome| of(&outcome.metric)).max();
    let usual = ["server.cpu_us_per_delivery", "latency.due.p50", "latency.sent.p99"];
    expected.or_else(|| usual.into_iter().find_map(of))
}
