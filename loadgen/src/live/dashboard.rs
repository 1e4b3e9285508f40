//! The run on a terminal, drawn into a grid of cells. Values in, cells out: `terminal` owns the screen.
//!
//! ```text
//! name                                        target      header
//! ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━────────  36 of 65 s   phases
//! ╭ load ───────────────╮╭ connections ───────────────╮
//! ╰─────────────────────╯╰────────────────────────────╯
//! ╭ arrival after due ──╮╭ cost ──────────────────────╮
//! ╰─────────────────────╯╰────────────────────────────╯
//! ╭ log ───────────────────────────────────────────────╮
//! ╰────────────────────────────────────────────────────╯
//! q stop   n next phase   ? help                          keys
//! ```

mod connections;
mod costs;
mod header;
mod help;
mod latency;
mod load;
mod log;
mod phases;
mod pieces;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::scene::Scene;

/// The smallest terminal that can show it, in columns and rows.
pub const LEAST: (u16, u16) = (72, 18);
/// From this many rows on, panels have room to spare.
const TALL: u16 = 36;

/// What the keys have changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct View {
    /// Whether the keys are explained.
    pub help: Help,
    /// Whether the run was told to end.
    pub ending: Ending,
}

/// Whether the keys are explained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Help {
    /// No.
    #[default]
    Hidden,
    /// Over everything else.
    Shown,
}

/// Whether the run was told to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ending {
    /// It goes on.
    #[default]
    No,
    /// By a key: what was measured is being written.
    Asked,
}

/// Whether a terminal of this size can show it.
#[must_use]
pub fn fits(columns: u16, rows: u16) -> bool {
    columns >= LEAST.0 && rows >= LEAST.1
}

/// Draws a scene.
pub fn draw(scene: &Scene, view: View, area: Rect, buf: &mut Buffer) {
    if !fits(area.width, area.height) {
        small(scene, area, buf);
        return;
    }
    let tall = area.height >= TALL;
    let (load, log) = match area.height {
        TALL.. => (9, 10),
        24.. => (6, 5),
        _ => (6, 3),
    };
    let rows = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Length(load),
        Constraint::Fill(1),
        Constraint::Length(log),
        Constraint::Length(1),
    ]);
    let [top, bar, upper, lower, bottom, keys] = rows.areas(area);
    // A chart gains from width more than words do.
    let halves =
        if tall { [Constraint::Fill(3), Constraint::Fill(2)] } else { [Constraint::Fill(1), Constraint::Fill(1)] };
    let [upper_left, upper_right] = Layout::horizontal(halves).areas(upper);
    let [lower_left, lower_right] = Layout::horizontal(halves).areas(lower);
    header::draw(scene, top, buf);
    phases::draw(scene, bar, buf);
    load::draw(scene, upper_left, buf);
    connections::draw(scene, upper_right, buf);
    latency::draw(scene, lower_left, buf);
    costs::draw(scene, lower_right, buf);
    log::draw(scene, bottom, buf);
    header::draw_keys(view, keys, buf);
    if view.help == Help::Shown {
        help::draw(area, buf);
    }
}

/// A terminal that was made smaller than can be drawn on: the one line, cut where it ends.
fn small(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let now = scene.now.as_ref().map_or_else(|| "starting".to_owned(), super::line::line);
    let words = now.split("  ").map(str::trim).filter(|part| !part.is_empty());
    let hint = format!("{} x {} cells show more", LEAST.0, LEAST.1);
    let lines = [scene.outline.name.as_str()].into_iter().chain(words).chain([hint.as_str()]);
    for (line, row) in lines.zip(area.rows()) {
        Line::raw(line).render(row, buf);
    }
}
