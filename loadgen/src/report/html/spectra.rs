//! The percentile spectra of several settings, one over the other.

use maud::{Markup, html};

use super::frame::{Axis, Frame, figure};
use super::percentile_axis::{axis, nines, shares};
use super::scale::Scale;
use super::setting::{Setting, legend};
use super::spectrum::narrowed;
use crate::analyse::median;
use crate::report::numbers::{duration_us, duration_us_exact, percent};
use crate::report::spectrum::Spectrum;
use crate::result::Run;

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

/// The settings over each other; `None` where fewer than two have a histogram.
pub(super) fn section(settings: &[Setting<'_>]) -> Option<Markup> {
    let due = settings.iter().all(|setting| !of(setting, "due").is_empty());
    let (key, since) = if due { ("due", "due time") } else { ("sent", "sent") };
    let there = settings.iter().map(|setting| (setting, of(setting, key))).filter(|(_, spectra)| !spectra.is_empty());
    let there: Vec<(&Setting<'_>, Vec<Spectrum>)> = there.collect();
    let count = there.iter().flat_map(|(_, spectra)| spectra).map(Spectrum::count).min()?;
    if there.len() < 2 || count == 0 {
        return None;
    }
    let shares = shares(count, SHARES);
    let lines: Vec<(&Setting<'_>, Vec<At>)> =
        there.iter().map(|(setting, spectra)| (*setting, envelope(spectra, &shares))).collect();
    let values = || {
        let all = lines.iter().flat_map(|(_, line)| line).flat_map(|at| [at.low, at.high]);
        all.filter(|us| us.is_finite())
    };
    let (low, high) = (values().min_by(f64::total_cmp)?.max(1.0), values().max_by(f64::total_cmp)?);
    let runs: Vec<String> = there.iter().map(|(setting, all)| format!("{} of {}", all.len(), setting.name)).collect();
    let reading = if there.iter().all(|(_, all)| all.len() == 1) {
        format!("One run each. Latency after {since}.")
    } else {
        format!(
            "Lines: the median run of each setting ({}); shaded: from the lowest to the highest run. Latency after {since}.",
            runs.join(", ")
        )
    };
    let names: Vec<&str> = lines.iter().map(|(setting, _)| setting.name).collect();
    let legend = legend(lines.iter().map(|(setting, _)| (setting.class, setting.name)));
    Some(figure("Percentile spectra", &legend, &reading, |size| {
        let frame = Frame {
            size,
            height: 340.0,
            x: narrowed(axis(count), size),
            y: Axis::new(Scale::logarithmic(low, high), "latency, logarithmic", 9, duration_us),
        };
        let inside = html! {
            @for (setting, line) in &lines { (frame.ribbon(setting.class, &ribbon(line))) }
            @for (setting, line) in &lines {
                (frame.line(setting.class, line.iter().map(|at| (nines(1.0 - at.share), at.middle.is_finite().then_some(at.middle)))))
            }
            (frame.hover(shares.windows(2).enumerate().map(|(i, pair)| {
                let each = lines.iter().map(|(setting, line)| format!("\n{} {}", setting.name, shown(line[i + 1].middle)));
                let said = format!("{} within{}", percent(pair[1]), each.collect::<String>());
                (nines(1.0 - pair[0]), nines(1.0 - pair[1]), said)
            })))
        };
        frame.draw(&format!("Percentile spectra of {}", names.join(" and ")), &inside)
    }))
}

fn shown(us: f64) -> String {
    if us.is_finite() { duration_us_exact(us) } else { "never".to_owned() }
}

fn ribbon(arm: &[At]) -> Vec<(f64, f64, f64)> {
    let arrived = arm.iter().take_while(|at| at.high.is_finite());
    arrived.map(|at| (nines(1.0 - at.share), at.low, at.high)).collect()
}

/// The spectra of a setting's runs.
fn of(setting: &Setting<'_>, key: &str) -> Vec<Spectrum> {
    let read = |run: &&Run| {
        let expected = run.latency.due.as_ref().filter(|_| key == "due").map_or(0, |due| due.count);
        Spectrum::read(run.histograms.get(key)?, expected).ok().filter(|spectrum| !spectrum.is_empty())
    };
    setting.runs.iter().filter_map(read).collect()
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
