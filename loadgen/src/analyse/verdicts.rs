//! Many metrics of two arms at once.

use serde::Serialize;

use super::effect::{Effect, LEAST_BLOCKS};
use super::holm::holm;

/// The level of a whole comparison: one in twenty that finds a difference where there is none, over all its metrics together.
const LEVEL: f64 = 0.05;

/// Which way is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Latency, cost, loss.
    Lower,
    /// Throughput, compression ratio.
    Higher,
}

/// The values of a metric; not a number where a run has none.
#[derive(Debug, Clone, PartialEq)]
pub enum Sample {
    /// One pair (a, b) a block.
    Blocks(Vec<(f64, f64)>),
    /// Two sets of runs, not measured side by side.
    Sets(Vec<f64>, Vec<f64>),
}

/// A metric and its values in both arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// As thresholds name it.
    pub name: String,
    /// Which way is good.
    pub better: Better,
    /// Its values.
    pub sample: Sample,
}

/// What can be said of b against a.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// b is better.
    Better,
    /// b is worse.
    Worse,
    /// No difference can be told from noise: printed as `~`.
    Unclear,
    /// Too few blocks for any verdict.
    NotEnoughRuns,
}

/// One metric's result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// As thresholds name it.
    pub name: String,
    /// Which way is good.
    pub better: Better,
    /// The figures.
    #[serde(flatten)]
    pub effect: Effect,
    /// p after Holm's correction over all metrics compared.
    pub corrected_p: f64,
    /// What follows.
    pub verdict: Verdict,
}

/// Judges all metrics of one comparison together; those without a usable block are left out.
///
/// A difference is named only where two questions agree: the corrected p is below 5 %, and the interval of the ratio leaves out 1.
#[must_use]
pub fn judge(metrics: Vec<Metric>) -> Vec<Finding> {
    let effect = |metric: &Metric| match &metric.sample {
        Sample::Blocks(blocks) => Effect::paired(blocks),
        Sample::Sets(a, b) => Effect::unpaired(a, b),
    };
    let usable: Vec<(Metric, Effect)> =
        metrics.into_iter().filter_map(|metric| effect(&metric).map(|effect| (metric, effect))).collect();
    let corrected = holm(&usable.iter().map(|(_, effect)| effect.p).collect::<Vec<_>>());
    let finding = |((metric, effect), corrected_p): ((Metric, Effect), f64)| {
        let verdict = verdict(&effect, corrected_p, metric.better);
        Finding { name: metric.name, better: metric.better, effect, corrected_p, verdict }
    };
    usable.into_iter().zip(corrected).map(finding).collect()
}

fn verdict(effect: &Effect, corrected_p: f64, better: Better) -> Verdict {
    if effect.blocks < LEAST_BLOCKS {
        return Verdict::NotEnoughRuns;
    }
    if corrected_p >= LEVEL || effect.interval.contains(1.0) {
        return Verdict::Unclear;
    }
    match (effect.ratio < 1.0, better) {
        (true, Better::Lower) | (false, Better::Higher) => Verdict::Better,
        _ => Verdict::Worse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeded::Seeded;

    /// Noise like that of a shared machine: a common factor in a block, one of its own in each run, now and then an outlier.
    fn blocks(random: &mut Seeded, n: usize, effect: f64, noise: f64) -> Vec<(f64, f64)> {
        let mut normal = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        let mut run = |effect: f64, common: f64| {
            let outlier = if normal() > 2.0 { 3.0 } else { 1.0 };
            (common + effect.ln() + noise * outlier * normal()).exp()
        };
        (0..n)
            .map(|i| {
                let common = if i % 3 == 0 { 0.3 } else { 0.0 };
                (run(1.0, common), run(effect, common))
            })
            .collect()
    }

    fn metric(blocks: Vec<(f64, f64)>) -> Metric {
        Metric { name: "x".to_owned(), better: Better::Lower, sample: Sample::Blocks(blocks) }
    }

    #[test]
    fn comparing_a_setting_with_itself_raises_an_alarm_in_at_most_one_of_twenty() {
        let mut random = Seeded::new(1, [4, 7]);
        let alarms = (0..1000)
            .filter(|_| {
                let metrics = (0..3).map(|_| metric(blocks(&mut random, 10, 1.0, 0.03))).collect();
                judge(metrics).iter().any(|finding| finding.verdict != Verdict::Unclear)
            })
            .count();
        assert!(alarms <= 50, "{alarms} of 1,000");
    }

    #[test]
    fn a_true_effect_of_5_percent_is_found_at_the_recommended_number_of_runs() {
        let mut random = Seeded::new(2, [4, 7]);
        let noise = 0.03;
        // What is recommended after a first comparison at this noise, in the middle of many.
        let mut recommended: Vec<usize> = (0..51)
            .map(|_| Effect::paired(&blocks(&mut random, 20, 1.0, noise)).unwrap().blocks_for(0.05, 1))
            .collect();
        recommended.sort_unstable();
        let runs = recommended[25];
        let found = (0..200)
            .filter(|_| judge(vec![metric(blocks(&mut random, runs, 1.05, noise))])[0].verdict == Verdict::Worse)
            .count();
        assert!(found >= 180, "{found} of 200 with {runs} runs");
    }

    #[test]
    fn it_is_found_among_a_dozen_metrics_too_at_the_number_recommended_for_so_many() {
        let mut random = Seeded::new(3, [4, 7]);
        let noise = 0.03;
        let mut recommended: Vec<usize> = (0..51)
            .map(|_| Effect::paired(&blocks(&mut random, 20, 1.0, noise)).unwrap().blocks_for(0.05, 12))
            .collect();
        recommended.sort_unstable();
        let runs = recommended[25];
        let found = (0..100)
            .filter(|_| {
                let mut metrics = vec![metric(blocks(&mut random, runs, 1.05, noise))];
                metrics.extend((1..12).map(|_| metric(blocks(&mut random, runs, 1.0, noise))));
                judge(metrics)[0].verdict == Verdict::Worse
            })
            .count();
        assert!(found >= 90, "{found} of 100 with {runs} runs");
    }

    #[test]
    fn the_direction_decides_what_is_better_and_few_runs_decide_nothing() {
        let faster: Vec<_> = (0..12).map(|i| (100.0 + f64::from(i), 80.0 + f64::from(i))).collect();
        let of = |better, n: usize| {
            judge(vec![Metric { name: "x".to_owned(), better, sample: Sample::Blocks(faster[..n].to_vec()) }])[0]
                .verdict
        };
        assert_eq!(of(Better::Lower, 12), Verdict::Better);
        assert_eq!(of(Better::Higher, 12), Verdict::Worse);
        assert_eq!(of(Better::Lower, 9), Verdict::NotEnoughRuns);
    }
}
