//! Latency over the last seconds: p50 and p99, on a scale of decades.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};

use super::pieces::{FIRST, QUIET, SECOND, STRONG, frame};
use crate::live::scene::{Point, Scene};
use crate::report::numbers::duration_us;

/// A cell of the chart is two dots wide, a dot a second.
const DOTS: usize = 2;

pub(super) fn draw(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let shown = |us: Option<f64>| us.map_or_else(|| "-".to_owned(), duration_us);
    let arrived = scene.now.as_ref().map(|now| now.arrived).unwrap_or_default();
    let figures = Line::from_iter([
        Span::styled(" p50 ", FIRST),
        Span::styled(shown(arrived.p50), STRONG),
        Span::styled("  p99 ", SECOND),
        Span::styled(format!("{} ", shown(arrived.p99)), STRONG),
    ]);
    let inside = frame("arrival", figures, area, buf);
    let kept = usize::from(inside.width) * DOTS;
    let recent: Vec<&Point> = scene.points.iter().skip(scene.points.len().saturating_sub(kept)).collect();
    let line = |figure: fn(&Point) -> Option<f64>| -> Vec<(f64, f64)> {
        recent.iter().filter_map(|point| Some((point.at_s, figure(point)?.max(1.0).log10()))).collect()
    };
    let (p50, p99) = (line(|point| point.p50), line(|point| point.p99));
    let Some(scale) = Scale::of(p50.iter().chain(&p99).map(|(_, y)| *y)) else {
        let text = Line::styled("nothing has arrived yet", QUIET).centered();
        text.render(Rect { y: inside.y + inside.height / 2, height: 1, ..inside }, buf);
        return;
    };
    let bounds = [recent.first().map_or(0.0, |p| p.at_s), recent.last().map_or(1.0, |p| p.at_s)];
    let bounds = if bounds[1] - bounds[0] < 1.0 { [bounds[0] - 1.0, bounds[1]] } else { bounds };
    let data = |points, style: Style| {
        Dataset::default().marker(Marker::Braille).graph_type(GraphType::Line).style(style).data(points)
    };
    Chart::new(vec![data(&p99, SECOND), data(&p50, FIRST)])
        .x_axis(Axis::default().bounds(bounds).style(QUIET))
        .y_axis(Axis::default().bounds(scale.bounds()).labels(scale.labels(inside.height)).style(QUIET))
        .render(inside, buf);
}

/// Decades of microseconds from one to another.
#[derive(Debug, PartialEq, Eq)]
struct Scale {
    from: i32,
    to: i32,
}

impl Scale {
    /// Whole decades around these logarithms; `None` without any.
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
        if low > high {
            return None;
        }
        let (from, to) = (low.floor() as i32, high.ceil() as i32);
        Some(Scale { from, to: to.max(from + 1) })
    }

    fn bounds(&self) -> [f64; 2] {
        [f64::from(self.from), f64::from(self.to)]
    }

    /// One a decade, from below; of fewer rows than that, the lowest and the highest.
    fn labels(&self, rows: u16) -> Vec<String> {
        let decade = |decade| duration_us(10_f64.powi(decade));
        if i32::from(rows) > self.to - self.from {
            (self.from..=self.to).map(decade).collect()
        } else {
            vec![decade(self.from), decade(self.to)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_has_whole_decades_around_what_it_shows() {
        let of = |us: &[f64]| Scale::of(us.iter().map(|us| us.log10()));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[300.0, 12_000.0]), Some(Scale { from: 2, to: 5 }));
        assert_eq!(of(&[1000.0]), Some(Scale { from: 3, to: 4 }), "never without height");
        assert_eq!(of(&[300.0, 12_000.0]).unwrap().labels(4), ["0.1 ms", "1 ms", "10 ms", "100 ms"]);
        assert_eq!(of(&[300.0, 12_000.0]).unwrap().labels(3), ["0.1 ms", "100 ms"]);
    }
}
