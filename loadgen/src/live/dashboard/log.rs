//! What is wrong, what was, and what was said.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::pieces::{BAD, DOUBT, GOOD, PLAIN, QUIET, frame, lines};
use crate::live::alarm::Severity;
use crate::live::scene::{Entry, Scene};

pub(super) fn draw(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let up = scene.alarms();
    let verdict = match up.first().map(|alarm| alarm.severity) {
        None => Line::styled(" nothing is wrong ", GOOD),
        Some(Severity::Note) => Line::styled(" a limit is reached ", DOUBT),
        Some(Severity::Doubt) => Line::styled(" watch this ", DOUBT),
        Some(Severity::Bad) => Line::styled(" something is wrong ", BAD),
    };
    let inside = frame("log", verdict, area, buf);
    let room = usize::from(inside.height);
    // What is wrong now comes first, the rest fills up, the newest at the end.
    let past: Vec<&Entry> = scene.log.iter().filter(|entry| !entry.up).collect();
    let up = up.into_iter().take(room).map(|entry| line(entry));
    let left = room.saturating_sub(up.len());
    let past = past[past.len().saturating_sub(left)..].iter().map(|entry| line(entry));
    lines(up.chain(past), inside, buf);
}

fn line(entry: &Entry) -> Line<'_> {
    let (mark, style) = match (entry.up, entry.severity) {
        (true, Severity::Bad) => ("●", BAD),
        (true, _) => ("●", DOUBT),
        (false, _) if entry.kind.is_some() => ("○", QUIET),
        (false, _) => (" ", PLAIN),
    };
    let text = if entry.up || entry.kind.is_none() { PLAIN } else { QUIET };
    Line::from_iter([
        Span::styled(format!("{mark} "), style),
        Span::styled(format!("{:>4.0} s  ", entry.at.as_secs_f64()), QUIET),
        Span::styled(entry.text.as_str(), text),
    ])
}
