//! Without compression, standalone and shared beside each other: what each saves, what it costs, and from which price on it pays.

use serde::Serialize;
use serde_json::Value;

use super::comparison::{Asked, Comparison, Names, Trial};
use super::figures::Figure;
use super::runs::{ArmRuns, arm};
use super::{Arm, Difference};
use crate::analyse::{Interval, LEAST_BLOCKS, bootstrap_median, median};
use crate::way::Way;

/// Figures of the report, with their names for people; what a compressed byte costs both sides.
pub const FIGURES: [(&str, &str); 11] = [
    ("compression.ratio", "bytes as plain frames / bytes sent"),
    ("rates.wire_bytes_per_s", "bytes sent"),
    ("server.cpu_us_per_delivery", "server CPU per delivery"),
    ("server.cpu_s", "server CPU"),
    ("loadgen.cpu_us_per_delivery", "fanout CPU per delivery"),
    ("loadgen.inflate_cpu_s", "of it, decompressing"),
    ("latency.due.p50", "arrival after due time, p50"),
    ("latency.due.p99", "arrival after due time, p99"),
    ("server.rss_bytes", "server memory"),
    ("server.rss_bytes_per_connection", "server memory per connection"),
    ("deliveries.lost_share", "deliveries lost"),
];

/// What CPU and traffic cost, in any currency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tariff {
    /// A core for an hour.
    pub per_core_hour: f64,
    /// A GB (1,000,000,000 bytes) sent.
    pub per_gb: f64,
}

/// The price of a GB from which on compressing pays.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "pays", rename_all = "snake_case")]
pub enum BreakEven {
    /// At any price: fewer bytes for no more CPU.
    Always,
    /// From this price on.
    From {
        /// Median over the blocks; below 0 where CPU was saved too.
        price: f64,
        /// Its 95 % interval.
        interval: Interval,
    },
    /// At no price: it does not send fewer bytes.
    Never,
    /// There are too few blocks, or the server's CPU is not known.
    Unknown,
}

/// One way to send.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// Which.
    pub way: Way,
    /// Its runs.
    pub runs: ArmRuns,
    /// Medians of [`FIGURES`], in their order; `None`: not measured, or among the lost.
    pub figures: Vec<Option<f64>>,
    /// CPU and traffic of a million deliveries at the tariff; `None`: not measured.
    pub cost_per_million: Option<f64>,
}

/// A way to compress, beside not doing so.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Against {
    /// Its runs and medians.
    pub column: Column,
    /// Block by block, a without compression and b with it.
    pub comparison: Comparison,
    /// From which price on it pays.
    pub break_even: BreakEven,
}

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ways {
    /// Version of this format: 1.
    pub schema: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// What to take, and why, in a sentence.
    pub recommendation: String,
    /// The way that it recommends; `None`: too few runs.
    pub recommended: Option<Way>,
    /// Valid runs of each way that were asked for.
    pub asked: u32,
    /// Blocks with a valid run of every way.
    pub blocks: usize,
    /// Why there are not as many as asked for, in a sentence.
    pub ended_early: Option<String>,
    /// Prices.
    pub tariff: Tariff,
    /// Without compression.
    pub off: Column,
    /// The others.
    pub others: Vec<Against>,
    /// What was not the same where the runs were made; must be empty.
    pub environment: Vec<Difference>,
    /// What a reader must know beside.
    pub notes: Vec<String>,
}

impl Ways {
    /// Of runs in blocks, of `scenario`, `asked` of each way.
    #[must_use]
    pub fn of(scenario: &str, asked: u32, tariff: Tariff, trials: &[Trial<Way>]) -> Self {
        let mut ways: Vec<Way> = trials.iter().map(|trial| trial.arm).filter(|way| *way != Way::Off).collect();
        ways.sort();
        ways.dedup();
        let others: Vec<Against> = ways.into_iter().map(|way| against(scenario, asked, tariff, trials, way)).collect();
        let blocks = others.iter().map(|other| other.comparison.runs).min().unwrap_or_default();
        let mut environment: Vec<Difference> = Vec::new();
        let mut notes: Vec<String> = Vec::new();
        for other in &others {
            let new: Vec<_> =
                other.comparison.environment.iter().filter(|d| !environment.contains(d)).cloned().collect();
            environment.extend(new);
            let named =
                |note: &String| note.replace(" of a", " of off").replace(" of b", &format!(" of {}", other.column.way));
            let new: Vec<String> = other.comparison.notes.iter().map(named).filter(|n| !notes.contains(n)).collect();
            notes.extend(new);
        }
        let mut report = Self {
            schema: 1,
            scenario: scenario.to_owned(),
            recommendation: String::new(),
            recommended: None,
            asked,
            blocks,
            ended_early: None,
            tariff,
            off: column(Way::Off, tariff, trials),
            others,
            environment,
            notes,
        };
        (report.recommended, report.recommendation) = super::advice::advice(&report);
        report
    }

    /// Whether there are enough valid runs for a verdict.
    #[must_use]
    pub fn is_conclusive(&self) -> bool {
        self.blocks >= LEAST_BLOCKS
    }

    /// 4: too few valid runs; 0 otherwise.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.is_conclusive() { 0 } else { 4 }
    }

    /// Every way that was measured.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        std::iter::once(&self.off).chain(self.others.iter().map(|other| &other.column))
    }
}

fn against(scenario: &str, asked: u32, tariff: Tariff, trials: &[Trial<Way>], way: Way) -> Against {
    let pair: Vec<Trial> = trials
        .iter()
        .filter_map(|trial| {
            let arm = [(Way::Off, Arm::A), (way, Arm::B)].into_iter().find(|(of, _)| *of == trial.arm)?.1;
            Some(Trial { block: trial.block, arm, run: trial.run.clone() })
        })
        .collect();
    let names = Names { a: Way::Off.name().to_owned(), b: way.name().to_owned() };
    Against {
        comparison: Comparison::of_blocks(&Asked { scenario, names, runs: asked, expect: &[] }, &pair),
        break_even: break_even(tariff, trials, way),
        column: column(way, tariff, trials),
    }
}

fn column(way: Way, tariff: Tariff, trials: &[Trial<Way>]) -> Column {
    let of_way: Vec<Trial> = trials
        .iter()
        .filter(|trial| trial.arm == way)
        .map(|trial| Trial { block: trial.block, arm: Arm::A, run: trial.run.clone() })
        .collect();
    let valid: Vec<Value> =
        of_way.iter().filter(|t| t.run.validity.valid).filter_map(|t| serde_json::to_value(&t.run).ok()).collect();
    let figures = FIGURES.iter().map(|(path, _)| middle(&valid, path)).collect();
    let costs: Vec<Option<f64>> = valid.iter().map(|run| Some(cost(tariff, cpu_us(run)?, bytes(run)?))).collect();
    Column {
        way,
        runs: arm(way.name(), Arm::A, &of_way),
        figures,
        cost_per_million: costs
            .iter()
            .copied()
            .collect::<Option<Vec<f64>>>()
            .filter(|c| !c.is_empty())
            .map(|c| median(&c)),
    }
}

/// The median, where what a run has not is larger than everything.
fn middle(runs: &[Value], path: &str) -> Option<f64> {
    let figure = Figure { path: path.to_owned() };
    let values: Vec<f64> = runs.iter().map(|run| figure.of(run).unwrap_or(f64::INFINITY)).collect();
    Some(median(&values)).filter(|value| value.is_finite())
}

fn figure(run: &Value, path: &str) -> Option<f64> {
    Figure { path: path.to_owned() }.of(run)
}

/// Server CPU of a delivery.
fn cpu_us(run: &Value) -> Option<f64> {
    figure(run, "server.cpu_us_per_delivery")
}

/// Bytes of a delivery.
fn bytes(run: &Value) -> Option<f64> {
    let deliveries = figure(run, "rates.deliveries_per_s").filter(|per_s| *per_s > 0.0)?;
    Some(figure(run, "rates.wire_bytes_per_s")? / deliveries)
}

/// A million deliveries of so much CPU and so many bytes each.
fn cost(tariff: Tariff, cpu_us: f64, bytes: f64) -> f64 {
    cpu_us / 3600.0 * tariff.per_core_hour + bytes / 1000.0 * tariff.per_gb
}

/// The price of a GB at which the CPU that a way takes more is worth the bytes that it saves, block by block.
fn break_even(tariff: Tariff, trials: &[Trial<Way>], way: Way) -> BreakEven {
    let of = |block: u32, arm: Way| {
        let mut these = trials.iter().rev().filter(|t| t.block == block && t.arm == arm && t.run.validity.valid);
        let run = serde_json::to_value(&these.next()?.run).ok()?;
        Some((cpu_us(&run)?, bytes(&run)?))
    };
    let mut blocks: Vec<u32> = trials.iter().map(|trial| trial.block).collect();
    blocks.sort_unstable();
    blocks.dedup();
    let pairs: Vec<_> = blocks.into_iter().filter_map(|block| of(block, Way::Off).zip(of(block, way))).collect();
    if pairs.len() < LEAST_BLOCKS {
        return BreakEven::Unknown;
    }
    if median(&pairs.iter().map(|((_, a), (_, b))| a - b).collect::<Vec<_>>()) <= 0.0 {
        return BreakEven::Never;
    }
    // A block that by chance saved nothing has no price.
    let prices: Vec<f64> = pairs
        .iter()
        .filter(|((_, a), (_, b))| a > b)
        .map(|((cpu_a, bytes_a), (cpu_b, bytes_b))| {
            (cpu_b - cpu_a) * 1e-6 / 3600.0 * tariff.per_core_hour / ((bytes_a - bytes_b) / 1e9)
        })
        .collect();
    let interval = bootstrap_median(&prices);
    if interval.high <= 0.0 { BreakEven::Always } else { BreakEven::From { price: median(&prices), interval } }
}
