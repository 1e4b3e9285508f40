//! What the server's CPU was fitted to, and how far the fit is from it.

use serde::Serialize;

use super::load::Load;
use super::observation::Observation;
use crate::analyse::Linear;

/// Where the interval of a further run reaches further than this from the fit, as a share of it, the fit does not pin a delivery's cost down.
const LOOSE: f64 = 0.5;

/// The runs that CPU was fitted to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Fitted {
    /// How many.
    pub runs: usize,
    /// Those that were left out, as the server's CPU was full: a server that is behind writes several messages at once, so they do not say
    /// what deliveries cost of which none waits for another.
    pub full: usize,
    /// The one that is furthest from the fit; `None` of fewer than two.
    pub furthest: Option<Miss>,
    /// CPU of the dearest delivery among them, microseconds: what all are taken to cost where the fit does not pin it down. `None`: it does.
    pub dearest_us: Option<f64>,
}

/// A run and what the fit says of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Miss {
    /// Which.
    pub source: String,
    /// Cores that its server kept busy.
    pub measured: f64,
    /// Cores by the fit.
    pub fitted: f64,
}

impl Miss {
    /// How far the fit is off, as a share of what was measured.
    #[must_use]
    pub fn share(&self) -> f64 {
        (self.fitted / self.measured - 1.0).abs()
    }
}

impl Fitted {
    /// Of these runs, which had CPU to spare; `full` others had none.
    pub(super) fn of(
        runs: &[&Observation],
        full: usize,
        fit: Option<&Linear>,
        columns: &dyn Fn(&Load) -> Vec<f64>,
    ) -> Self {
        let known: Vec<(&Observation, f64)> =
            runs.iter().filter_map(|o| Some((*o, o.cpu.filter(|cpu| *cpu > 0.0)?))).collect();
        let mut fitted = Self { runs: known.len(), full, ..Self::default() };
        let Some(fit) = fit else { return fitted };
        let misses = known.iter().map(|(o, cpu)| Miss {
            source: o.source.clone(),
            measured: *cpu,
            fitted: fit.at(&columns(&o.load)).value,
        });
        fitted.furthest = misses.max_by(|a, b| a.share().total_cmp(&b.share())).filter(|_| known.len() > 1);
        let most = known.iter().max_by(|(a, _), (b, _)| a.load.deliveries_per_s.total_cmp(&b.load.deliveries_per_s));
        let loose = most.is_some_and(|(o, _)| {
            let estimate = fit.at(&columns(&o.load));
            estimate.interval.is_some_and(|interval| interval.high - estimate.value > LOOSE * estimate.value)
        });
        let each = known.iter().map(|(o, cpu)| cpu / o.load.deliveries_per_s * 1e6).filter(|us| us.is_finite());
        fitted.dearest_us = each.max_by(f64::total_cmp).filter(|_| loose);
        fitted
    }

    /// Cores that so many deliveries a second take where the fit says nothing of them; `None`: it does.
    pub(super) fn at_dearest(&self, load: &Load) -> Option<f64> {
        self.dearest_us.filter(|_| load.deliveries_per_s > 0.0).map(|us| us * load.deliveries_per_s / 1e6)
    }

    /// Whether the server's CPU was full in every run in which it is known.
    #[must_use]
    pub fn only_full(&self) -> bool {
        self.runs == 0 && self.full > 0
    }
}
