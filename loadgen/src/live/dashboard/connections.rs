//! Connections by their state.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::pieces::{BAD, DOUBT, GOOD, PLAIN, QUIET, STRONG, bar, frame, lines};
use crate::live::scene::Scene;
use crate::report::numbers::count;

pub(super) fn draw(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let c = scene.now.as_ref().map(|now| now.connections).unwrap_or_default();
    let inside = frame("connections", Line::default(), area, buf);
    let share = if c.asked == 0 { 0.0 } else { c.open as f64 / c.asked as f64 };
    let open = format!(" {} of {} open", count(c.open), count(c.asked));
    let room = inside.width.saturating_sub(open.chars().count() as u16);
    let style = if c.closed + c.refused + c.failed > 0 { DOUBT } else { GOOD };
    let state = |name: &'static str, n: u64, style| {
        let style = if n == 0 { QUIET } else { style };
        [Span::styled(format!("{name} "), QUIET), Span::styled(count(n), style), Span::raw("   ")]
    };
    let outline = &scene.outline;
    let rooms = if outline.rooms == 1 { "room" } else { "rooms" };
    lines(
        [
            Line::from_iter(bar(share, room, style).into_iter().chain([Span::styled(open, STRONG)])),
            Line::from_iter([state("opening", c.opening, PLAIN), state("away", c.away, DOUBT)].into_iter().flatten()),
            Line::from_iter(
                [state("refused", c.refused, BAD), state("failed", c.failed, BAD), state("closed", c.closed, BAD)]
                    .into_iter()
                    .flatten(),
            ),
            Line::styled(
                format!("{} subscribers in {} {rooms}", count(outline.subscribers), count(outline.rooms)),
                QUIET,
            ),
        ],
        inside,
        buf,
    );
}
