//! The first line and the last.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::pieces::{DOUBT, QUIET, STRONG};
use super::{Ending, View};
use crate::live::scene::Scene;

pub(super) fn draw(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let area = Rect { x: area.x + 1, width: area.width - 2, ..area };
    Line::styled(scene.outline.target.as_str(), QUIET).right_aligned().render(area, buf);
    Line::from_iter([
        Span::styled("fanout  ", QUIET),
        Span::styled(scene.outline.name.as_str(), STRONG),
        Span::raw("  "),
        Span::styled(scene.outline.part.as_str(), QUIET),
        Span::raw("  "),
    ])
    .render(area, buf);
}

pub(super) fn draw_keys(view: View, area: Rect, buf: &mut Buffer) {
    let area = Rect { x: area.x + 1, width: area.width - 2, ..area };
    if view.ending == Ending::Asked {
        Line::styled("ending: what was measured is being written (q again: at once)", DOUBT).render(area, buf);
        return;
    }
    let key = |key, what| [Span::styled(key, STRONG), Span::styled(what, QUIET)];
    let keys = [key("q", " end the run now   "), key("n", " next phase   "), key("?", " help")];
    Line::from_iter(keys.into_iter().flatten()).render(area, buf);
}
