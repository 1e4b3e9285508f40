//! The percentile spectra of two settings, one over the other.

use maud::{Markup, html};

use super::frame::{Axis, Frame, figure};
use super::percentile_axis::{axis, nines, shares};
use super::scale::Scale;
use super::spectrum::narrowed;
use crate::analyse::median;
use crate::compare::{Arm, Trial};
use crate::report::numbers::{duration_us, duration_us_exact, percent};
use crate::report::spectrum::Spectrum;

/// Percentiles that are drawn of each run.
const SHARES: usize = 120;

/// What the runs of a setting have at one percentile: lowest, median and highest; infinite where it falls among the lost.
#[derive(Debug, Clone, Copy, PartialEq)]
struct At {
    share: f64,
    low: f64,
    middle: f64,
    high: f64,
}

/// Both settings over each other; `None` where a run of either has no histogram.
pub(super) fn section(trials: &[Trial]) -> Option<Markup> {
    let key = if of(trials, Arm::A, "due").is_empty() { "sent" } else { "due" };
    let [a, b] = [Arm::A, Arm::B].map(|arm| of(trials, arm, key));
    let count = a.iter().chain(&b).map(Spectrum::count).min()?;
    if a.is_empty() || b.is_empty() || count == 0 {
        return None;
    }
    let shares = shares(count, SHARES);
    let arms = [("first", "a", envelope(&a, &shares)), ("second", "b", envelope(&b, &shares))];
    let values =
        || arms.iter().flat_map(|(_, _, arm)| arm).flat_map(|at| [at.low, at.high]).filter(|us| us.is_finite());
    let (low, high) = (values().min_by(f64::total_cmp)?.max(1.0), values().max_by(f64::total_cmp)?);
    let reading = format!(
        "Lines: the median run of each setting ({} of a, {} of b); shaded: from the lowest to the highest run. Latency after {}.",
        a.len(),
        b.len(),
        if key == "due" { "due time" } else { "sent" }
    );
    Some(figure("Percentile spectra", &[("first", "a"), ("second", "b")], &reading, |size| {
        let frame = Frame {
            size,
            height: 340.0,
            x: narrowed(axis(count), size),
            y: Axis::new(Scale::logarithmic(low, high), "latency, logarithmic", 9, duration_us),
        };
        let inside = html! {
            @for (class, _, arm) in &arms { (frame.ribbon(class, &ribbon(arm))) }
            @for (class, _, arm) in &arms {
                (frame.line(class, arm.iter().map(|at| (nines(1.0 - at.share), at.middle.is_finite().then_some(at.middle)))))
            }
            (frame.hover(arms[0].2.windows(2).zip(arms[1].2.windows(2)).map(|(a, b)| {
                let said = format!("{} within\na {}\nb {}", percent(a[1].share), shown(a[1].middle), shown(b[1].middle));
                (nines(1.0 - a[0].share), nines(1.0 - a[1].share), said)
            })))
        };
        frame.draw("Percentile spectra of a and b", &inside)
    }))
}

fn shown(us: f64) -> String {
    if us.is_finite() { duration_us_exact(us) } else { "never".to_owned() }
}

fn ribbon(arm: &[At]) -> Vec<(f64, f64, f64)> {
    let arrived = arm.iter().take_while(|at| at.high.is_finite());
    arrived.map(|at| (nines(1.0 - at.share), at.low, at.high)).collect()
}

/// The spectra of an arm's valid runs.
fn of(trials: &[Trial], arm: Arm, key: &str) -> Vec<Spectrum> {
    let valid = trials.iter().filter(|trial| trial.arm == arm && trial.run.validity.valid);
    let read = |trial: &Trial| {
        let run = &trial.run;
        let expected = run.latency.due.as_ref().filter(|_| key == "due").map_or(0, |due| due.count);
        Spectrum::read(run.histograms.get(key)?, expected).ok().filter(|spectrum| !spectrum.is_empty())
    };
    valid.filter_map(read).collect()
}

#[allow(clippy::cast_precision_loss)]
fn envelope(spectra: &[Spectrum], shares: &[f64]) -> Vec<At> {
    let at = |&share: &f64| {
        let of = |spectrum: &Spectrum| spectrum.at(share).map_or(f64::INFINITY, |us| us as f64);
        let values: Vec<f64> = spectra.iter().map(of).collect();
        At {
            share,
            low: values.iter().copied().fold(f64::INFINITY, f64::min),
            middle: median(&values),
            high: values.iter().copied().fold(0.0, f64::max),
        }
    };
    shares.iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Counts;

    #[test]
    fn an_envelope_holds_every_run_and_the_lost_are_never() {
        let spectrum = |us: u64, expected: u64| {
            let mut counts = Counts::new();
            counts.record_n(us, 100);
            Spectrum::read(&counts.to_base64_v2(), expected).unwrap()
        };
        let arm = envelope(&[spectrum(100, 100), spectrum(300, 100), spectrum(200, 200)], &[0.4, 0.9]);
        assert_eq!(arm[0], At { share: 0.4, low: 100.0, middle: 200.0, high: 300.0 });
        assert_eq!(arm[1], At { share: 0.9, low: 100.0, middle: 300.0, high: f64::INFINITY });
        assert_eq!(ribbon(&arm).len(), 1);
    }
}
