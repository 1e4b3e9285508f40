//! Percentile spectra and fitted costs against NumPy, the tests of significance and the Universal Scalability Law against SciPy, and where SciPy has no exact answer (ties), against enumerating everything.
use loadgen::analyse::scaling::{Fit, Law, Level};
use loadgen::analyse::{Better, Effect, Linear, Metric, Sample, Verdict, judge, mann_whitney, signed_rank};
use loadgen::record::Counts;
use loadgen::report::spectrum::Spectrum;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// How it was made: `vectors.py` beside it.
const VECTORS: &str = include_str!("statistics/vectors.json");

/// How it was made: `spectrum.py` beside it.
const SPECTRA: &str = include_str!("statistics/spectrum.json");

/// How it was made: `scaling.py` beside it.
const SCALING: &str = include_str!("statistics/scaling.json");

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn close(ours: f64, theirs: f64) -> bool {
    (ours - theirs).abs() <= 1e-6 * theirs.max(1e-6)
}

#[test]
fn both_tests_agree_with_scipy() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let cases = vectors["signed_rank"].as_array().unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let (ours, theirs) = (signed_rank(&numbers(&case["differences"])), case["p"].as_f64().unwrap());
        assert!(close(ours, theirs), "signed rank: {ours} against {theirs} of {case}");
    }
    let cases = vectors["mann_whitney"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let (ours, theirs) = (mann_whitney(&numbers(&case["a"]), &numbers(&case["b"])), case["p"].as_f64().unwrap());
        assert!(close(ours, theirs), "Mann-Whitney: {ours} against {theirs} of {case}");
    }
}

#[test]
fn with_ties_the_signed_rank_test_is_what_enumerating_all_signs_gives() {
    let sizes = [1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 5.0, 5.0];
    // Mean ranks of these sizes.
    let ranks = [1.5, 1.5, 4.0, 4.0, 4.0, 6.0, 7.5, 7.5];
    let sum = |signs: u32| (0..8).filter(|i| signs >> i & 1 == 1).map(|i| ranks[i]).sum::<f64>();
    for signs in 0..256_u32 {
        let differences: Vec<f64> =
            sizes.iter().enumerate().map(|(i, size)| if signs >> i & 1 == 1 { *size } else { -size }).collect();
        let tail = |holds: fn(f64, f64) -> bool| (0..256).filter(|other| holds(sum(*other), sum(signs))).count() as f64;
        let expected = (2.0 * tail(|a, b| a <= b).min(tail(|a, b| a >= b)) / 256.0).min(1.0);
        assert!((signed_rank(&differences) - expected).abs() < 1e-12, "{differences:?}");
    }
}

#[test]
fn with_ties_the_rank_sum_test_is_what_enumerating_all_choices_gives() {
    let all = [1.0, 1.0, 2.0, 3.0, 3.0, 3.0, 4.0];
    let ranks = [1.5, 1.5, 3.0, 5.0, 5.0, 5.0, 7.0];
    let chosen =
        |set: u32, from: &[f64; 7]| -> Vec<f64> { (0..7).filter(|i| set >> i & 1 == 1).map(|i| from[i]).collect() };
    let sets: Vec<u32> = (0..128_u32).filter(|set| set.count_ones() == 3).collect();
    let sum = |set: u32| chosen(set, &ranks).iter().sum::<f64>();
    for &set in &sets {
        let tail =
            |holds: fn(f64, f64) -> bool| sets.iter().filter(|other| holds(sum(**other), sum(set))).count() as f64;
        let expected = (2.0 * tail(|a, b| a <= b).min(tail(|a, b| a >= b)) / sets.len() as f64).min(1.0);
        let p = mann_whitney(&chosen(set, &all), &chosen(!set & 127, &all));
        assert!((p - expected).abs() < 1e-12, "{set:b}: {p} {expected}");
    }
}

#[test]
fn nothing_can_be_told_from_nothing() {
    assert_eq!(signed_rank(&[]), 1.0);
    assert_eq!(signed_rank(&[0.0, 0.0]), 1.0);
    assert_eq!(mann_whitney(&[], &[1.0]), 1.0);
    assert_eq!(mann_whitney(&[2.0; 30], &[2.0; 30]), 1.0);
}

#[test]
fn percentile_spectra_agree_with_numpy() {
    let vectors: Value = serde_json::from_str(SPECTRA).unwrap();
    for case in vectors["cases"].as_array().unwrap() {
        let mut counts = Counts::new();
        case["latencies"].as_array().unwrap().iter().for_each(|us| counts.record(us.as_u64().unwrap()));
        let expected = case["expected"].as_u64().unwrap();
        let spectrum = Spectrum::read(&counts.to_base64_v2(), expected).unwrap();
        for quantile in case["quantiles"].as_array().unwrap() {
            let (share, theirs) = (quantile[0].as_f64().unwrap(), quantile[1].as_f64());
            let said = format!(
                "{} at {share}: {:?} and {:?}",
                case["name"],
                spectrum.at(share),
                counts.percentile_of(share, expected)
            );
            // The table of percentiles and the spectrum both, to three significant digits, and never below.
            for ours in [spectrum.at(share), counts.percentile_of(share, expected)] {
                match (ours, theirs) {
                    (Some(ours), Some(theirs)) => {
                        assert!(ours as f64 >= theirs && ours as f64 <= theirs * 1.001, "{said}, NumPy {theirs}");
                    }
                    (ours, theirs) => assert!(ours.is_none() && theirs.is_none(), "{said}, NumPy {theirs:?}"),
                }
            }
        }
    }
}

#[test]
fn the_universal_scalability_law_is_the_one_that_scipy_finds() {
    let vectors: Value = serde_json::from_str(SCALING).unwrap();
    let cases = vectors["laws"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let levels: Vec<Level> = case["levels"]
            .as_array()
            .unwrap()
            .iter()
            .map(numbers)
            .map(|l| Level { load: l[0], throughput: l[1] })
            .collect();
        let law = Fit::of(&levels).unwrap().law;
        let [rate, contention, coherency] = numbers(&case["law"])[..] else { panic!("{case}") };
        let theirs = Law { rate, contention, coherency };
        let said = format!("{law:?} against {theirs:?}");
        // A coefficient that hardly matters may differ in its digits; the law may not.
        for load in levels.iter().map(|level| level.load) {
            let (ours, theirs) = (law.throughput(load), theirs.throughput(load));
            assert!((ours / theirs - 1.0).abs() < 1e-6, "{said} at {load}: {ours} and {theirs}");
        }
        let far = numbers(&case["far"]);
        assert!((law.throughput(far[0]) / far[1] - 1.0).abs() < 1e-5, "{said} at {}", far[0]);
        assert!((law.rate / rate - 1.0).abs() < 1e-6, "{said}");
        assert!((law.contention - contention).abs() < 1e-4 * contention + 1e-9, "{said}");
        assert!((law.coherency - coherency).abs() < 1e-4 * coherency + 1e-12, "{said}");
    }
}

#[test]
fn fitted_costs_and_their_intervals_are_those_of_least_squares() {
    let vectors: Value = serde_json::from_str(SCALING).unwrap();
    for case in vectors["costs"].as_array().unwrap() {
        let rows: Vec<(Vec<f64>, f64)> =
            case["rows"].as_array().unwrap().iter().map(|row| (numbers(&row[0]), row[1].as_f64().unwrap())).collect();
        let all: Vec<usize> = (0..rows[0].0.len()).collect();
        let fit = Linear::fit(&rows, &[&all]).unwrap();
        for (ours, theirs) in fit.coefficients().iter().zip(numbers(&case["coefficients"])) {
            assert!((ours / theirs - 1.0).abs() < 1e-9, "{ours} against {theirs}");
        }
        let (estimate, interval) = (fit.at(&numbers(&case["at"])), numbers(&case["interval"]));
        let (value, ours) = (case["value"].as_f64().unwrap(), estimate.interval.unwrap());
        assert!((estimate.value / value - 1.0).abs() < 1e-9, "{estimate:?} against {value}");
        // The points of Student's distribution are kept to four decimals.
        assert!(
            (ours.low - interval[0]).abs() < 1e-4 * value && (ours.high - interval[1]).abs() < 1e-4 * value,
            "{estimate:?} against {interval:?}"
        );
    }
}

/// Twelve blocks of `fanout ab` in which both arms were the same: `compression-ab` with shared compression twice, on a machine with
/// noisy neighbours.
/// How they were read from its runs: `aa.py` beside it.
const SAME: &str = include_str!("statistics/aa.json");

/// Draws blocks like those of a real comparison of a setting with itself, one arm changed by a factor.
struct Drawn {
    /// Logarithms of the ratios of the two arms, as measured.
    noise: Vec<f64>,
    random: rand_pcg::Pcg64,
}

impl Drawn {
    fn of(metric: &str, seed: u64) -> Self {
        let same: Value = serde_json::from_str(SAME).unwrap();
        let blocks = same["blocks"][metric].as_array().unwrap();
        let noise = blocks.iter().map(numbers).map(|block| (block[1] / block[0]).ln()).collect();
        Drawn { noise, random: rand_pcg::Pcg64::seed_from_u64(seed) }
    }

    /// Neither arm is the better one by nature: which of the two came first is drawn as well.
    fn blocks(&mut self, count: usize, factor: f64) -> Vec<(f64, f64)> {
        let mut draw = || {
            let noise = self.noise[self.random.random_range(0..self.noise.len())];
            if self.random.random() { noise } else { -noise }
        };
        (0..count).map(|_| (1.0, factor * draw().exp())).collect()
    }

    fn verdict(&mut self, count: usize, factor: f64) -> Verdict {
        let sample = Sample::Blocks(self.blocks(count, factor));
        judge(vec![Metric { name: "cpu".to_owned(), better: Better::Lower, sample }])[0].verdict
    }
}

#[test]
fn at_the_noise_of_a_real_machine_a_change_by_5_percent_is_found_and_none_is_not() {
    let mut drawn = Drawn::of("server.cpu_us_per_delivery", 11);
    let alarms = (0..1000).filter(|_| drawn.verdict(10, 1.0) != Verdict::Unclear).count();
    assert!(alarms <= 50, "{alarms} alarms in 1,000 comparisons of a setting with itself");

    let mut runs: Vec<usize> =
        (0..101).map(|_| Effect::paired(&drawn.blocks(10, 1.0)).unwrap().blocks_for(0.05, 1)).collect();
    runs.sort_unstable();
    let runs = runs[50];
    let found = (0..300).filter(|_| drawn.verdict(runs, 1.05) == Verdict::Worse).count();
    println!("{alarms} alarms of 1,000; {found} of 300 found with {runs} runs an arm");
    assert!(found >= 270, "{found} of 300 found with the {runs} runs an arm that are recommended");
}
