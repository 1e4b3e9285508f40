//! Connections that left and came back: how soon, and what that asked of the server.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::columns::{self, bands};
use super::frame::{Axis, Band, Frame, Size, figure};
use super::scale::Scale;
use super::table::{aside, facts, table};
use crate::report::numbers::{count, duration_us_exact, percent, rate, seconds};
use crate::report::returns::{HEADS, again, are_there, rows};
use crate::report::spectrum::Spectrum;
use crate::result::Run;

pub(super) fn section(run: &Run) -> Option<Markup> {
    are_there(run).then(|| {
        let rows = rows(run);
        html! {
            (figures(run))
            @for chart in [back(run), handshakes(run)].into_iter().flatten() { (chart) }
            @if !rows.is_empty() { (table(&HEADS, &rows)) }
            (aside(
                "A message is missed if it was published while its subscriber was away by plan and was not replayed. It is not lost. What a \
                 server's close or restart makes a subscriber miss is lost, unless it is replayed.",
            ))
        }
    })
}

fn figures(run: &Run) -> Markup {
    let (c, r, d) = (&run.connections, &run.reconnect, &run.deliveries);
    let some = |n: u64| if n > 0 { count(n) } else { String::new() };
    let times = again(r, duration_us_exact).map(|(share, after)| format!("{share} {after}")).join(", ");
    let quiet = match (r.p50, r.p99) {
        (Some(p50), Some(p99)) => format!("p50 {}, p99 {}", duration_us_exact(p50), duration_us_exact(p99)),
        _ => String::new(),
    };
    let left = if c.left > 0 { format!("{} ({})", count(c.left), named(&c.left_by)) } else { String::new() };
    let busiest = |peak| format!("{} handshakes/s in a tenth of a second", rate(peak));
    let late = match (run.latency.resumed.p50, run.latency.resumed.p99) {
        (Some(p50), Some(p99)) => {
            format!(", after due time p50 {}, p99 {}", duration_us_exact(p50), duration_us_exact(p99))
        }
        _ => String::new(),
    };
    facts(&[
        ("left by plan", left),
        ("came back", count(r.count)),
        ("still away at the end", some(r.away)),
        ("cut or restarted", some(r.cut)),
        ("open again", if r.cut > 0 { times } else { String::new() }),
        ("end to next message", quiet),
        ("busiest", r.peak_per_s.map_or_else(String::new, busiest)),
        ("failed tries", some(r.failed_tries)),
        ("resumed", count(r.resumed)),
        ("resume turned down", some(r.resume_refused)),
        ("messages replayed", if d.resumed > 0 { count(d.resumed) + &late } else { "0".to_owned() }),
        ("messages missed", count(d.missed)),
        ("messages unaccountable", some(d.unaccountable)),
    ])
}

fn named(causes: &BTreeMap<String, u64>) -> String {
    causes.iter().map(|(name, n)| format!("{name} {}", count(*n))).collect::<Vec<_>>().join(", ")
}

/// Which share of those that were cut is open again, from the cut on; `None` where none was, or the run is older than the histogram.
fn back(run: &Run) -> Option<Markup> {
    let cut = run.reconnect.cut;
    let spectrum = Spectrum::read(run.histograms.get("reconnect.back")?, cut).ok()?;
    let steps: Vec<(f64, f64)> = spectrum.beyond().map(|(us, beyond)| (us as f64 / 1e6, 1.0 - beyond)).collect();
    let (last_s, open) = steps.last().copied().filter(|_| cut > 0)?;
    let reading = match spectrum.missing() {
        0.0 => "Counted from the cut or the restart that ended each connection until it was open again.".to_owned(),
        missing => format!(
            "Counted from the cut or the restart that ended each connection until it was open again. {} never were.",
            percent(missing)
        ),
    };
    let end = last_s * 1.04;
    Some(figure("Open again after the cut", &[], &reading, |size| {
        let frame = Frame {
            size,
            height: 240.0,
            x: Axis::new(Scale::seconds(end, size.ticks()), "time since the cut or the restart", 30, seconds),
            y: Axis::new(Scale::from_zero(1.0, 5, 1.0), "open again", 9, percent),
        };
        let mut points = vec![(0.0, 0.0)];
        for &(at, share) in &steps {
            let before = points[points.len() - 1].1;
            points.extend([(at, before), (at, share)]);
        }
        points.push((frame.x.scale.high(), open));
        let columns = hovered(&steps, frame.x.scale.high(), cut, size);
        let inside = html! {
            (frame.line("first", thinned(&frame, points).into_iter().map(|(x, y)| (x, Some(y)))))
            (frame.hover(columns.into_iter()))
        };
        frame.draw("Open again after the cut", &inside)
    }))
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

fn hovered(steps: &[(f64, f64)], end: f64, cut: u64, size: Size) -> Vec<(f64, f64, String)> {
    let n = size.columns();
    let wide = end / n as f64;
    let column = |i: usize| {
        let (from, to) = (wide * i as f64, wide * (i + 1) as f64);
        let open = steps.partition_point(|&(at, _)| at <= to).checked_sub(1).map_or(0.0, |i| steps[i].1);
        let of = count((open * cut as f64).round() as u64);
        (from, to, format!("{} after the cut\n{} open again\n{of} of {}", seconds(to), percent(open), count(cut)))
    };
    (0..n).map(column).collect()
}

/// One column of handshakes: from, to, how many.
type Begun = (f64, f64, u64);

/// Handshakes a second, over the part of the run that had any.
fn handshakes(run: &Run) -> Option<Markup> {
    let each = [Size::Wide, Size::Narrow].map(|size| begun(run, size).map(|(_, each)| each));
    let reading = match each {
        [Some(wide), Some(narrow)] if narrow > wide => {
            format!("A column is {} wide, on a phone {}.", seconds(wide), seconds(narrow))
        }
        [Some(wide), _] => format!("A column is {} wide.", seconds(wide)),
        [None, _] => return None,
    };
    Some(figure("Handshakes of returns a second", &[], &reading, |size| {
        let (columns, _) = begun(run, size).unwrap_or_default();
        let (low, high) = (columns[0].0, columns[columns.len() - 1].1);
        let per_s = |&(from, to, n): &Begun| n as f64 / (to - from).max(1e-9);
        let most = columns.iter().map(per_s).fold(0.0, f64::max);
        let frame = Frame {
            size,
            height: 240.0,
            x: between(low, high, size),
            y: Axis::new(Scale::from_zero(most, 4, 1.0), "handshakes/s", 9, rate),
        };
        let edges = columns.iter().flat_map(|column| [(column.0, per_s(column)), (column.1, per_s(column))]);
        let area: Vec<(f64, f64, f64)> = edges.clone().map(|(x, y)| (x, 0.0, y)).collect();
        let inside = html! {
            (frame.bands(&within(bands(run), low, high)))
            (frame.ribbon("first", &area))
            (frame.line("first", edges.map(|(x, y)| (x, Some(y)))))
            (frame.hover(columns.iter().map(|column| {
                let said = format!("{} to {}\n{} handshakes\n{}/s", seconds(column.0), seconds(column.1), count(column.2), rate(per_s(column)));
                (column.0, column.1, said)
            })))
        };
        frame.draw("Handshakes of returns a second", &inside)
    }))
}

/// Columns of at least a tenth of a second, and how long each is; of a run without tenths, of a second or more.
fn begun(run: &Run, size: Size) -> Option<(Vec<Begun>, f64)> {
    let tenths = &run.reconnect.handshakes_by_tenth;
    let (Some([first, _]), Some([last, _])) = (tenths.first(), tenths.last()) else {
        let all: Vec<Begun> = columns::columns(run, size)
            .iter()
            .map(|column| (column.from_s, column.to_s, column.sum(|interval| interval.handshakes)))
            .collect();
        let there = all.iter().any(|(_, _, n)| *n > 0);
        return there.then(|| (all, columns::each(run, size) as f64));
    };
    // Whole seconds, so that the axis begins and ends where it has a name, and one more on either side.
    let (from, to) = ((first / 10).saturating_sub(1) * 10, (last / 10 + 2) * 10);
    let each = (to - from).div_ceil(size.columns() as u32).max(1);
    let mut columns: Vec<Begun> = (from..to)
        .step_by(each as usize)
        .map(|tenth| (f64::from(tenth) / 10.0, f64::from((tenth + each).min(to)) / 10.0, 0))
        .collect();
    for [tenth, n] in tenths {
        columns[((tenth - from) / each) as usize].2 += u64::from(*n);
    }
    Some((columns, f64::from(each) / 10.0))
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

    #[test]
    fn handshakes_of_a_storm_are_shown_by_the_tenth_and_from_where_they_begin() {
        let mut run = sample::returned();
        run.reconnect.handshakes_by_tenth = vec![[53, 7], [54, 9], [71, 1]];
        let (columns, each) = begun(&run, Size::Wide).unwrap();
        assert_eq!((each, columns.len(), columns[0].0, columns[49].1), (0.1, 50, 4.0, 9.0));
        assert_eq!((columns[13].2, columns[14].2, columns[31].2), (7, 9, 1));
        assert_eq!(columns.iter().map(|c| c.2).sum::<u64>(), 17);
    }

    #[test]
    fn long_churn_is_shown_in_wider_columns_and_loses_none() {
        let mut run = sample::returned();
        run.reconnect.handshakes_by_tenth = (0..5000).map(|tenth| [tenth, 2]).collect();
        for size in [Size::Wide, Size::Narrow] {
            let (columns, each) = begun(&run, size).unwrap();
            assert!(columns.len() <= size.columns() && each >= 2.5, "{} of {each}", columns.len());
            assert_eq!(columns.iter().map(|c| c.2).sum::<u64>(), 10_000);
        }
    }

    #[test]
    fn a_run_without_tenths_has_its_seconds() {
        let mut run = sample::returned();
        run.reconnect.handshakes_by_tenth.clear();
        let (columns, each) = begun(&run, Size::Wide).unwrap();
        assert_eq!((columns.len(), each), (70, 1.0));
        run.intervals.iter_mut().for_each(|interval| interval.handshakes = 0);
        assert!(begun(&run, Size::Wide).is_none());
    }

    #[test]
    fn who_never_came_back_is_never_open_again() {
        let run = sample::returned();
        let page = back(&run).unwrap().into_string();
        assert!(page.contains("0.04 % never were.") && page.contains("99.96 % open again\n4,998 of 5,000"), "{page}");
        assert!(!page.contains("100 % open again"));
    }
}
