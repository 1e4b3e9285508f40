//! Where the run is: its phases on a bar of time.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::pieces::{FIRST, GOOD, QUIET, STRONG};
use crate::live::scene::Scene;
use crate::live::snapshot::Snapshot;
use crate::report::numbers::{count, seconds};

/// The name of what comes after the last phase.
const DRAIN: &str = "drain";

pub(super) fn draw(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let area = Rect { x: area.x + 1, width: area.width - 2, ..area };
    let now = scene.now.as_ref();
    let said = now.map_or_else(|| "starting".to_owned(), |now| said(scene, now));
    let room = (said.chars().count() as u16 + 2).min(area.width / 2);
    let names = Rect { height: 1, width: area.width - room, ..area };
    let bar = Rect { y: area.y + 1, ..names };
    Line::raw(said)
        .right_aligned()
        .render(Rect { x: area.x + area.width - room, y: area.y + 1, width: room, height: 1 }, buf);
    match now.filter(|now| now.total.is_none()) {
        Some(now) => connecting(now, names, bar, buf),
        None => timed(scene, now, names, bar, buf),
    }
}

fn said(scene: &Scene, now: &Snapshot) -> String {
    let elapsed = now.elapsed.as_secs_f64();
    match now.total {
        None => seconds(elapsed.floor()),
        Some(_) if now.phase == DRAIN => {
            now.outstanding.map_or_else(|| DRAIN.to_owned(), |n| format!("{} under way or lost", count(n)))
        }
        Some(total) => {
            let length = scene.outline.phases.iter().find(|phase| phase.name == now.phase).map_or(0.0, |p| p.seconds);
            let before: f64 =
                scene.outline.phases.iter().take_while(|p| p.name != now.phase).map(|phase| phase.seconds).sum();
            let of = seconds(total.as_secs_f64().round());
            if scene.outline.phases.len() > 1 {
                let here = (elapsed - before).clamp(0.0, length);
                format!("{:.0} of {}, in all {:.0} of {of}", here, seconds(length), elapsed)
            } else {
                format!("{elapsed:.0} of {of}")
            }
        }
    }
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
