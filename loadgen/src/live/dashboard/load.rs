//! What is published, what arrives, and what does not.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Sparkline, Widget};

use super::pieces::{BAD, DOUBT, FIRST, GOOD, PLAIN, QUIET, STRONG, frame, lines, named};
use crate::live::scene::Scene;
use crate::report::numbers::{bytes, count, percent, rate};

/// The column of names.
const NAMES: usize = 10;
/// Reached means at least this share of what was asked.
const REACHED: f64 = 0.99;

pub(super) fn draw(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let inside = frame("load", Line::default(), area, buf);
    let Some(now) = &scene.now else { return };
    let second = &now.second;
    let published = match second.publishes_asked_per_s {
        Some(asked) if asked > 0.0 => {
            let style = if second.publishes_per_s >= asked * REACHED { GOOD } else { DOUBT };
            vec![
                Span::styled(rate(second.publishes_per_s), style.patch(STRONG)),
                Span::styled(format!(" of {} /s asked", rate(asked)), QUIET),
            ]
        }
        _ => vec![Span::styled(rate(second.publishes_per_s), STRONG), Span::styled(" /s", QUIET)],
    };
    let published = named("publishes", NAMES, "").into_iter().chain(published);
    let mut delivered = named("deliveries", NAMES, Span::styled(rate(second.deliveries_per_s), STRONG));
    delivered.push(Span::styled(format!(" /s, {}/s", bytes(second.bytes_per_s)), QUIET));
    let all = now.totals.delivered + now.lost;
    let (text, style) = if now.lost == 0 {
        ("0".to_owned(), PLAIN)
    } else {
        (format!("{} ({})", count(now.lost), percent(now.lost as f64 / all.max(1) as f64)), BAD)
    };
    let mut lost = named("lost", NAMES, Span::styled(text, style));
    lost.push(Span::styled(format!(" of {}", count(all)), QUIET));
    lines([Line::from_iter(published), Line::from(delivered), Line::from(lost)], inside, buf);
    let below = Rect { y: inside.y + 3, height: inside.height.saturating_sub(3), ..inside };
    let recent = scene.points.iter().skip(scene.points.len().saturating_sub(usize::from(below.width)));
    let values: Vec<u64> = recent.map(|point| point.deliveries_per_s.round() as u64).collect();
    Sparkline::default().data(values).style(FIRST).render(below, buf);
}
