//! Where the run is: its phases on a bar of time.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::pieces::{FIRST, GOOD, QUIET, STRONG, lines};
use crate::live::scene::Scene;
use crate::live::snapshot::Snapshot;
use crate::report::numbers::{count, seconds};

/// The name of what comes after the last phase.
const DRAIN: &str = "drain";

pub(super) fn draw(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let area = Rect { x: area.x + 1, width: area.width - 2, ..area };
    let now = scene.now.as_ref();
    let (above, beside) = now.map_or_else(Default::default, |now| said(scene, now));
    let room = above.chars().count().max(beside.chars().count()) as u16;
    let right = Rect { x: area.x + area.width.saturating_sub(room), width: room.min(area.width), ..area };
    lines([Line::styled(above, QUIET), Line::raw(beside)].map(Line::right_aligned), right, buf);
    let names = Rect { height: 1, width: area.width.saturating_sub(room + 2), ..area };
    let bar = Rect { y: area.y + 1, ..names };
    match now.filter(|now| now.total.is_none()) {
        Some(now) => connecting(now, names, bar, buf),
        None => timed(scene, now, names, bar, buf),
    }
}

/// How far the run is, and how far the phase is.
fn said(scene: &Scene, now: &Snapshot) -> (String, String) {
    let elapsed = now.elapsed.as_secs_f64();
    let Some(total) = now.total else { return (String::new(), seconds(elapsed.floor())) };
    let whole = format!("{elapsed:.0} of {}", seconds(total.as_secs_f64().round()));
    if now.phase == DRAIN {
        return (DRAIN.to_owned(), now.outstanding.map_or(whole, |n| format!("{} under way or lost", count(n))));
    }
    let phases = &scene.outline.phases;
    let Some(phase) = phases.iter().find(|phase| phase.name == now.phase).filter(|_| phases.len() > 1) else {
        return (String::new(), whole);
    };
    let before: f64 = phases.iter().take_while(|p| p.name != now.phase).map(|phase| phase.seconds).sum();
    let here = (elapsed - before).clamp(0.0, phase.seconds);
    (format!("in all {whole}"), format!("{here:.0} of {}", seconds(phase.seconds)))
}

fn connecting(now: &Snapshot, names: Rect, bar: Rect, buf: &mut Buffer) {
    Line::styled("connecting", STRONG).render(names, buf);
    let c = &now.connections;
    let known = c.open + c.refused + c.failed + c.closed;
    rule(known as f64 / c.asked.max(1) as f64, FIRST, bar, buf);
}

/// Every phase has a part of the bar as long as it is, with its name above.
fn timed(scene: &Scene, now: Option<&Snapshot>, names: Rect, bar: Rect, buf: &mut Buffer) {
    let phases = &scene.outline.phases;
    let (total, elapsed) = (scene.outline.seconds().max(1e-9), now.map_or(0.0, |now| now.elapsed.as_secs_f64()));
    let mut start = 0.0;
    for phase in phases {
        let column = |at: f64| bar.x + (at / total * f64::from(bar.width)).round() as u16;
        let (from, to) = (column(start), column(start + phase.seconds));
        // A cell of air between two phases.
        let width = (to - from).saturating_sub(u16::from(to < bar.x + bar.width));
        let runs = now.is_some_and(|now| now.phase == phase.name);
        let style = if runs { STRONG } else { QUIET };
        Line::styled(phase.name.as_str(), style).render(Rect { x: from, width, ..names }, buf);
        let done = ((elapsed - start) / phase.seconds.max(1e-9)).clamp(0.0, 1.0);
        rule(done, if phase.measure { GOOD } else { FIRST }, Rect { x: from, width, ..bar }, buf);
        start += phase.seconds;
    }
}

fn rule(share: f64, style: Style, area: Rect, buf: &mut Buffer) {
    let filled = (share.clamp(0.0, 1.0) * f64::from(area.width)).round() as usize;
    let rest = usize::from(area.width) - filled.min(usize::from(area.width));
    Line::from_iter([Span::styled("━".repeat(filled), style), Span::styled("─".repeat(rest), QUIET)]).render(area, buf);
}
