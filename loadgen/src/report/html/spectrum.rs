//! The percentile spectrum: every percentile at once, from due and from sent.

use maud::{Markup, html};

use super::frame::{Axis, Band, Frame, Size, figure};
use super::percentile_axis::{axis, nines, shares};
use super::scale::Scale;
use crate::report::numbers::{count, duration_us, duration_us_exact, percent};
use crate::report::spectrum::Spectrum;
use crate::result::Run;

/// Share of the drawing that a point must move to be drawn.
const LEAST_MOVE: f64 = 0.001;

/// A line of the chart: its class, its name, and its values.
type Line = (&'static str, &'static str, Spectrum);

pub(super) fn section(run: &Run) -> Option<Markup> {
    let lines = lines(run);
    let all = lines.iter().map(|(_, _, spectrum)| spectrum.count()).max()?;
    let (low, high) = range(&lines)?;
    let missing = lines[0].2.missing();
    let reading = if missing > 0.0 {
        format!(
            "Read from below: of 99 % the slowest took as long as the line says there. The line of due time ends where the {} that never arrived begin.",
            percent(missing)
        )
    } else {
        "Read from below: of 99 % of the deliveries the slowest took as long as the line says there. At 90 % one delivery in ten took longer than the line says, at 99 % one in a hundred, and so on."
            .to_owned()
    };
    let legend: Vec<(&str, &str)> = lines.iter().map(|(class, name, _)| (*class, *name)).collect();
    Some(figure("Every percentile at once", &legend, &reading, |size| {
        let frame = Frame {
            size,
            height: 320.0,
            x: narrowed(axis(all), size),
            y: Axis::new(Scale::logarithmic(low, high), "latency, logarithmic", 9, duration_us),
        };
        let never = Band {
            from: nines(missing),
            to: frame.x.scale.high(),
            name: format!("never: {} missing", percent(missing)),
            class: "unmeasured",
        };
        let inside = html! {
            @if missing > 0.0 { (frame.bands(std::slice::from_ref(&never))) }
            @for (class, _, spectrum) in &lines { (frame.line(class, points(&frame, spectrum).into_iter())) }
            (frame.hover(columns(&lines, all, size).into_iter()))
        };
        frame.draw("Percentile spectrum", &inside)
    }))
}

fn lines(run: &Run) -> Vec<Line> {
    let read = |key: &str, expected: u64| {
        run.histograms
            .get(key)
            .and_then(|text| Spectrum::read(text, expected).ok())
            .filter(|spectrum| !spectrum.is_empty())
    };
    let due = read("due", run.latency.due.as_ref().map_or(0, |due| due.count));
    let sent = read("sent", 0);
    let due = due.map(|spectrum| ("due", "after due time", spectrum));
    due.into_iter().chain(sent.map(|spectrum| ("sent", "after sent", spectrum))).collect()
}

#[allow(clippy::cast_precision_loss)]
fn range(lines: &[Line]) -> Option<(f64, f64)> {
    let values = || lines.iter().flat_map(|(_, _, spectrum)| spectrum.beyond().map(|(us, _)| us as f64));
    Some((values().min_by(f64::total_cmp)?.max(1.0), values().max_by(f64::total_cmp)?))
}

/// A phone has no room for every name.
pub(super) fn narrowed(mut axis: Axis, size: Size) -> Axis {
    let long = axis.ticks.len() > 5;
    let mut last = f64::NEG_INFINITY;
    axis.ticks.retain(|(at, _)| {
        let room = size == Size::Wide || !long || at - last >= 0.95;
        last = if room { *at } else { last };
        room
    });
    if size == Size::Narrow && long {
        axis.ticks = axis.ticks.into_iter().enumerate().filter(|(i, _)| i % 2 == 0).map(|(_, tick)| tick).collect();
    }
    axis
}

/// From one percentile to the next the latency stands still, then jumps; what moves by less than a pixel is left out.
#[allow(clippy::cast_precision_loss)]
fn points(frame: &Frame, spectrum: &Spectrum) -> Vec<(f64, Option<f64>)> {
    let (x, y) = (frame.x.scale, frame.y.scale);
    let mut points: Vec<(f64, Option<f64>)> = Vec::new();
    let (mut before, mut drawn) = (0.0, (f64::NEG_INFINITY, f64::NEG_INFINITY));
    let end = x.high();
    for (us, beyond) in spectrum.beyond() {
        let (from, to, us) = (before, if beyond == 0.0 { end } else { nines(beyond).min(end) }, us as f64);
        before = to;
        if x.at(to) - drawn.0 >= LEAST_MOVE || (y.at(us) - drawn.1).abs() >= LEAST_MOVE {
            points.extend([(from, Some(us)), (to, Some(us))]);
            drawn = (x.at(to), y.at(us));
        }
    }
    points
}

fn columns(lines: &[Line], all: u64, size: Size) -> Vec<(f64, f64, String)> {
    let shares = shares(all, size.columns() / 2);
    let said = |share: f64| {
        let values = lines.iter().map(|(_, name, spectrum)| match spectrum.at(share) {
            #[allow(clippy::cast_precision_loss)]
            Some(us) => format!("{} {name}", duration_us_exact(us as f64)),
            None => format!("never {name}"),
        });
        let values: Vec<String> = values.collect();
        format!("{} of {} deliveries within\n{}", percent(share), count(all), values.join("\n"))
    };
    shares.windows(2).map(|pair| (nines(1.0 - pair[0]), nines(1.0 - pair[1]), said(pair[1]))).collect()
}
