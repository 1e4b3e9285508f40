//! The keys and the words, explained over everything else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

use super::pieces::{PLAIN, QUIET, frame, lines};

const TEXT: [&str; 14] = [
    "q, Ctrl-C   end the run now; what was measured is written",
    "n           skip what is left of this phase",
    "?           this page; any key leaves it",
    "",
    "publishes   messages handed to the server, a second",
    "deliveries  copies that arrived at subscribers, a second",
    "arrival     since each message was due, last second by second",
    "lost        will not come any more; the report has all",
    "queued      written by the server, not taken by the peer yet",
    "lag         how late fanout itself sent what was due, 99 %",
    "read age    how long deliveries waited for fanout, 99 %",
    "fds         open descriptors",
    "",
    "● is wrong now   ○ was wrong",
];

pub(super) fn draw(area: Rect, buf: &mut Buffer) {
    let width = TEXT.iter().map(|line| line.chars().count()).max().unwrap_or(0) as u16 + 4;
    let height = TEXT.len() as u16 + 2;
    let over = Rect {
        x: area.x + area.width.saturating_sub(width) / 2,
        y: area.y + area.height.saturating_sub(height) / 2,
        width: width.min(area.width),
        height: height.min(area.height),
    };
    Clear.render(over, buf);
    let inside = frame("help", Line::default(), over, buf);
    let style = |line: &str| if line.starts_with(['q', 'n', '?']) { PLAIN } else { QUIET };
    lines(TEXT.map(|line| Line::styled(line, style(line))), inside, buf);
}
