//! What the panels share: colours, frames, bars.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Widget};

/// The sixteen colours that every terminal has, so that its owner's choice of them holds.
pub(super) const QUIET: Style = Style::new().fg(Color::DarkGray);
pub(super) const PLAIN: Style = Style::new();
pub(super) const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
pub(super) const GOOD: Style = Style::new().fg(Color::Green);
pub(super) const DOUBT: Style = Style::new().fg(Color::Yellow);
pub(super) const BAD: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
pub(super) const FIRST: Style = Style::new().fg(Color::Cyan);
pub(super) const SECOND: Style = Style::new().fg(Color::Magenta);

/// A frame with a title at its left and one at its right; gives what is inside.
pub(super) fn frame(title: &str, right: Line<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(QUIET)
        .title(Line::styled(format!(" {title} "), STRONG))
        .title(right.right_aligned());
    let inside = block.inner(area);
    block.render(area, buf);
    // A column of air at both sides.
    Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside }
}

/// Writes lines one below the other, as many as there is room for.
pub(super) fn lines<'l>(lines: impl IntoIterator<Item = Line<'l>>, area: Rect, buf: &mut Buffer) {
    for (line, row) in lines.into_iter().zip(area.rows()) {
        line.render(row, buf);
    }
}

/// A bar of `width` cells of which `share` (0 to 1) is filled, to an eighth of a cell.
pub(super) fn bar(share: f64, width: u16, style: Style) -> [Span<'static>; 2] {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * f64::from(width) * 8.0).round() as usize;
    let filled = format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
    let rest = usize::from(width).saturating_sub(eighths.div_ceil(8));
    [Span::styled(filled, style), Span::styled("░".repeat(rest), QUIET)]
}

/// A name in its column, quiet, with a value behind it.
pub(super) fn named<'l>(name: &'l str, room: usize, value: impl Into<Span<'l>>) -> Vec<Span<'l>> {
    vec![Span::styled(format!("{name:<room$} "), QUIET), value.into()]
}
