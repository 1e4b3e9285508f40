//! How connections come back, as curves: of one run, or of several settings over each other.

use maud::{Markup, html};

use super::columns::{self, bands};
use super::frame::{Axis, Band, Frame, Size, figure};
use super::scale::Scale;
use super::setting::{Setting, legend};
use crate::report::numbers::{count, percent, rate, seconds};
use crate::report::spectrum::Spectrum;
use crate::result::Run;

/// Which share of a setting's connections is open again, step by step.
struct Back<'s> {
    class: &'static str,
    name: &'s str,
    /// Connections that were cut.
    cut: u64,
    /// Seconds since the cut, and the share that is open from then on.
    steps: Vec<(f64, f64)>,
    /// The share that never was.
    missing: f64,
}

impl<'s> Back<'s> {
    /// `None` where none was cut, none came back, or the run is older than the histogram.
    fn of(setting: &Setting<'s>) -> Option<Self> {
        let run = setting.typical()?;
        let cut = run.reconnect.cut;
        let spectrum = Spectrum::read(run.histograms.get("reconnect.back")?, cut).ok()?;
        let steps: Vec<(f64, f64)> = spectrum.beyond().map(|(us, beyond)| (us as f64 / 1e6, 1.0 - beyond)).collect();
        let there = cut > 0 && !steps.is_empty();
        there.then(|| Self { class: setting.class, name: setting.name, cut, steps, missing: spectrum.missing() })
    }

    fn last_s(&self) -> f64 {
        self.steps.last().map_or(0.0, |(at, _)| *at)
    }

    /// The share that is open so many seconds after the cut.
    fn open_at(&self, s: f64) -> f64 {
        self.steps.partition_point(|&(at, _)| at <= s).checked_sub(1).map_or(0.0, |i| self.steps[i].1)
    }

    fn line(&self, frame: &Frame) -> Markup {
        let mut points = vec![(0.0, 0.0)];
        for &(at, share) in &self.steps {
            let before = points[points.len() - 1].1;
            points.extend([(at, before), (at, share)]);
        }
        points.push((frame.x.scale.high(), points[points.len() - 1].1));
        frame.line(self.class, thinned(frame, points).into_iter().map(|(x, y)| (x, Some(y))))
    }
}

/// Which share of those that were cut is open again, from the cut on; `None` where no setting has any.
pub(super) fn open_again(settings: &[Setting<'_>]) -> Option<Markup> {
    let all: Vec<Back<'_>> = settings.iter().filter_map(Back::of).collect();
    let end = all.iter().map(Back::last_s).max_by(f64::total_cmp)? * 1.04;
    let mut reading =
        "Counted from the cut or the restart that ended each connection until it was open again.".to_owned();
    for back in all.iter().filter(|back| back.missing > 0.0) {
        let of = if all.len() > 1 { format!(" of {}", back.name) } else { String::new() };
        reading += &format!(" {}{of} never were.", percent(back.missing));
    }
    reading += of_several(settings);
    let legend = legend(all.iter().map(|back| (back.class, back.name)));
    Some(figure("Open again after the cut", &legend, &reading, |size| {
        let frame = Frame {
            size,
            height: 240.0,
            x: Axis::new(Scale::seconds(end, size.ticks()), "time since the cut or the restart", 30, seconds),
            y: Axis::new(Scale::from_zero(1.0, 5, 1.0), "open again", 9, percent),
        };
        let inside = html! {
            @for back in &all { (back.line(&frame)) }
            (frame.hover(hovered(&all, frame.x.scale.high(), size).into_iter()))
        };
        frame.draw("Open again after the cut", &inside)
    }))
}

/// Which run is drawn, where a setting has several.
fn of_several(settings: &[Setting<'_>]) -> &'static str {
    if settings.iter().any(|setting| setting.runs.len() > 1) {
        " Of several runs the one is drawn whose time until 99 % were back is the middle one."
    } else {
        ""
    }
}

/// Corners closer than a pixel are one.
fn thinned(frame: &Frame, points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let last = points.len() - 1;
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (i, (x, y)) in points.into_iter().enumerate() {
        let far = kept.last().is_none_or(|&(before, height)| {
            (frame.x(x) - frame.x(before)).abs() >= 1.0 || (frame.y(y) - frame.y(height)).abs() >= 1.0
        });
        if far || i == last {
            kept.push((x, y));
        }
    }
    kept
}

fn hovered(all: &[Back<'_>], end: f64, size: Size) -> Vec<(f64, f64, String)> {
    let n = size.columns();
    let wide = end / n as f64;
    let column = |i: usize| {
        let (from, to) = (wide * i as f64, wide * (i + 1) as f64);
        let said = match all {
            [only] => {
                let open = only.open_at(to);
                let of = count((open * only.cut as f64).round() as u64);
                format!("{} open again\n{of} of {}", percent(open), count(only.cut))
            }
            _ => all
                .iter()
                .map(|back| format!("{} {}", percent(back.open_at(to)), back.name))
                .collect::<Vec<_>>()
                .join("\n"),
        };
        (from, to, format!("{} after the cut\n{said}", seconds(to)))
    };
    (0..n).map(column).collect()
}

/// One column of handshakes: from, to, how many.
type Begun = (f64, f64, u64);

/// Handshakes a second, over the part of the runs that had any.
pub(super) fn handshakes(settings: &[Setting<'_>]) -> Option<Markup> {
    let there: Vec<(&Setting<'_>, &Run)> =
        settings.iter().filter_map(|setting| Some((setting, setting.typical()?))).collect();
    let runs: Vec<&Run> = there.iter().map(|(_, run)| *run).collect();
    let each = [Size::Wide, Size::Narrow].map(|size| begun(&runs, size).map(|(_, each)| each));
    let mut reading = match each {
        [Some(wide), Some(narrow)] if narrow > wide => {
            format!("A column is {} wide, on a phone {}.", seconds(wide), seconds(narrow))
        }
        [Some(wide), _] => format!("A column is {} wide.", seconds(wide)),
        [None, _] => return None,
    };
    reading += of_several(settings);
    let legend = legend(there.iter().map(|(setting, _)| (setting.class, setting.name)));
    let phases = phases(&runs);
    Some(figure("Handshakes of returns a second", &legend, &reading, |size| {
        let (all, _) = begun(&runs, size).unwrap_or_default();
        let (low, high) = ends(&all);
        let per_s = |&(from, to, n): &Begun| n as f64 / (to - from).max(1e-9);
        let most = all.iter().flatten().map(per_s).fold(0.0, f64::max);
        let frame = Frame {
            size,
            height: 240.0,
            x: between(low, high, size),
            y: Axis::new(Scale::from_zero(most, 4, 1.0), "handshakes/s", 9, rate),
        };
        let edges = |columns: &[Begun]| -> Vec<(f64, f64)> {
            columns.iter().flat_map(|column| [(column.0, per_s(column)), (column.1, per_s(column))]).collect()
        };
        let inside = html! {
            (frame.bands(&within(phases.clone(), low, high)))
            @for (columns, (setting, _)) in all.iter().zip(&there) {
                (frame.ribbon(setting.class, &edges(columns).into_iter().map(|(x, y)| (x, 0.0, y)).collect::<Vec<_>>()))
            }
            @for (columns, (setting, _)) in all.iter().zip(&there) {
                (frame.line(setting.class, edges(columns).into_iter().map(|(x, y)| (x, Some(y)))))
            }
            @if let [only] = all.as_slice() {
                (frame.hover(only.iter().map(|column| {
                    let said = format!("{} to {}\n{} handshakes\n{}/s", seconds(column.0), seconds(column.1), count(column.2), rate(per_s(column)));
                    (column.0, column.1, said)
                })))
            } @else if let Some(first) = all.first() {
                (frame.hover(first.iter().enumerate().map(|(i, &(from, to, _))| {
                    let each = all.iter().zip(&there).filter_map(|(columns, (setting, _))| {
                        Some(format!("\n{}/s {}", rate(per_s(columns.get(i)?)), setting.name))
                    });
                    (from, to, format!("{} to {}{}", seconds(from), seconds(to), each.collect::<String>()))
                })))
            }
        };
        frame.draw("Handshakes of returns a second", &inside)
    }))
}

/// From the first column to the end of the last.
fn ends(all: &[Vec<Begun>]) -> (f64, f64) {
    let of = |end: fn(&Begun) -> f64| move || all.iter().flatten().map(end);
    let (from, to) = (of(|column| column.0), of(|column| column.1));
    (from().min_by(f64::total_cmp).unwrap_or(0.0), to().max_by(f64::total_cmp).unwrap_or(1.0))
}

/// Columns of at least a tenth of a second, the same for all runs, and how long each is; where no run has tenths, of a second or more.
fn begun(runs: &[&Run], size: Size) -> Option<(Vec<Vec<Begun>>, f64)> {
    let tenths = || runs.iter().flat_map(|run| &run.reconnect.handshakes_by_tenth).map(|[tenth, _]| *tenth);
    let (Some(first), Some(last)) = (tenths().min(), tenths().max()) else {
        let of = |run: &&Run| -> Vec<Begun> {
            let columns = columns::columns(run, size).into_iter();
            columns.map(|column| (column.from_s, column.to_s, column.sum(|interval| interval.handshakes))).collect()
        };
        let all: Vec<Vec<Begun>> = runs.iter().map(of).collect();
        let there = all.iter().flatten().any(|(_, _, n)| *n > 0);
        let each = runs.iter().map(|run| columns::each(run, size)).max()?;
        return there.then_some((all, each as f64));
    };
    // Whole seconds, so that the axis begins and ends where it has a name, and one more on either side.
    let (from, to) = ((first / 10).saturating_sub(1) * 10, (last / 10 + 2) * 10);
    let each = (to - from).div_ceil(size.columns() as u32).max(1);
    let empty: Vec<Begun> = (from..to)
        .step_by(each as usize)
        .map(|tenth| (f64::from(tenth) / 10.0, f64::from((tenth + each).min(to)) / 10.0, 0))
        .collect();
    let of = |run: &&Run| {
        let mut columns = empty.clone();
        for [tenth, n] in &run.reconnect.handshakes_by_tenth {
            columns[((tenth - from) / each) as usize].2 += u64::from(*n);
        }
        columns
    };
    Some((runs.iter().map(of).collect(), f64::from(each) / 10.0))
}

/// The phases that the runs have in common; none where they differ.
fn phases(runs: &[&Run]) -> Vec<Band> {
    let planned = |run: &Run| -> Vec<(String, i64)> {
        run.phases.iter().map(|(name, phase)| (name.clone(), (phase.start_s * 2.0).round() as i64)).collect()
    };
    match runs {
        [first, others @ ..] if others.iter().all(|run| planned(run) == planned(first)) => bands(first),
        _ => Vec::new(),
    }
}

/// An axis of time that need not begin with the run.
fn between(low: f64, high: f64, size: Size) -> Axis {
    let ticks = Scale::seconds(high - low, size.ticks()).ticks(30);
    Axis {
        scale: Scale::exactly(low, high),
        label: "time since the first phase began",
        ticks: ticks.into_iter().map(|tick| (low + tick, seconds(low + tick))).collect(),
    }
}

/// The parts of phases that are between these.
fn within(bands: Vec<Band>, low: f64, high: f64) -> Vec<Band> {
    let there = bands.into_iter().filter(|band| band.to > low && band.from < high);
    there.map(|band| Band { from: band.from.max(low), to: band.to.min(high), ..band }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn one(run: &Run, size: Size) -> (Vec<Begun>, f64) {
        let (mut all, each) = begun(&[run], size).unwrap();
        (all.remove(0), each)
    }

    #[test]
    fn handshakes_of_a_storm_are_shown_by_the_tenth_and_from_where_they_begin() {
        let mut run = sample::returned();
        run.reconnect.handshakes_by_tenth = vec![[53, 7], [54, 9], [71, 1]];
        let (columns, each) = one(&run, Size::Wide);
        assert_eq!((each, columns.len(), columns[0].0, columns[49].1), (0.1, 50, 4.0, 9.0));
        assert_eq!((columns[13].2, columns[14].2, columns[31].2), (7, 9, 1));
        assert_eq!(columns.iter().map(|c| c.2).sum::<u64>(), 17);
    }

    #[test]
    fn storms_over_each_other_share_their_columns() {
        let [mut soon, mut late] = [sample::returned(), sample::returned()];
        soon.reconnect.handshakes_by_tenth = vec![[53, 7]];
        late.reconnect.handshakes_by_tenth = vec![[54, 9], [131, 1]];
        let (all, each) = begun(&[&soon, &late], Size::Wide).unwrap();
        assert_eq!((each, all[0].len(), all[1].len(), all[0][0].0, all[0][109].1), (0.1, 110, 110, 4.0, 15.0));
        assert_eq!((all[0][13].2, all[1][13].2, all[1][14].2, all[1][91].2), (7, 0, 9, 1));
    }

    #[test]
    fn long_churn_is_shown_in_wider_columns_and_loses_none() {
        let mut run = sample::returned();
        run.reconnect.handshakes_by_tenth = (0..5000).map(|tenth| [tenth, 2]).collect();
        for size in [Size::Wide, Size::Narrow] {
            let (columns, each) = one(&run, size);
            assert!(columns.len() <= size.columns() && each >= 2.5, "{} of {each}", columns.len());
            assert_eq!(columns.iter().map(|c| c.2).sum::<u64>(), 10_000);
        }
    }

    #[test]
    fn a_run_without_tenths_has_its_seconds() {
        let mut run = sample::returned();
        run.reconnect.handshakes_by_tenth.clear();
        let (columns, each) = one(&run, Size::Wide);
        assert_eq!((columns.len(), each), (70, 1.0));
        run.intervals.iter_mut().for_each(|interval| interval.handshakes = 0);
        assert!(begun(&[&run], Size::Wide).is_none());
    }

    #[test]
    fn who_never_came_back_is_never_open_again() {
        let run = sample::returned();
        let page = open_again(&[Setting::only(&run)]).unwrap().into_string();
        assert!(page.contains("0.04 % never were.") && page.contains("99.96 % open again\n4,998 of 5,000"), "{page}");
        assert!(!page.contains("100 % open again"));
    }

    #[test]
    fn curves_over_each_other_have_names_and_what_was_not_cut_has_none() {
        let (storm, calm) = (sample::returned(), sample::good());
        let setting = |class, name, run| Setting { class, name, runs: vec![run] };
        let all =
            [setting("first", "jitter", &storm), setting("second", "none", &storm), setting("third", "calm", &calm)];
        let page = open_again(&all).unwrap().into_string();
        assert!(page.contains("0.04 % of jitter never were. 0.04 % of none never were."), "{page}");
        assert!(page.contains("after the cut\n99.96 % jitter\n99.96 % none") && !page.contains("calm"), "{page}");
        assert!(page.contains("<i class=\"key second\"></i>none"), "{page}");
        assert!(open_again(&all[2..]).is_none() && handshakes(&all[2..]).is_none());
        assert!(handshakes(&all[..2]).unwrap().into_string().contains("/s jitter"));
    }
}
