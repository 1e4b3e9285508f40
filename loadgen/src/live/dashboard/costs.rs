//! What the run costs both sides.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::pieces::{BAD, DOUBT, FIRST, QUIET, STRONG, bar, frame, lines};
use crate::live::scene::Scene;
use crate::live::snapshot::Side;
use crate::report::numbers::{bytes, count, duration_us, percent};

/// The column of names.
const NAMES: u16 = 7;
/// From these shares of its cores on, a side's bar changes its colour.
const WARM: f64 = 0.8;
const FULL: f64 = 0.95;

pub(super) fn draw(scene: &Scene, area: Rect, buf: &mut Buffer) {
    let inside = frame("cost", Line::default(), area, buf);
    let Some(now) = &scene.now else { return };
    let width = inside.width;
    let (mut server, mut ours) = (Vec::new(), Vec::new());
    match &now.server {
        Some(side) => {
            server.push(cpu("server", side, scene.outline.server_cores, width));
            server.extend(facts(side, width));
            if let Some(queued) = side.send_queue_bytes {
                let fullest = side.send_queue_max_bytes.unwrap_or(0) as f64;
                server.push(indented(&format!("queued {}, most {}", bytes(queued as f64), bytes(fullest))));
            }
        }
        None => {
            server.push(Line::from_iter([Span::styled("server ", STRONG), Span::styled("process not known", QUIET)]))
        }
    }
    ours.push(cpu("fanout", &now.loadgen, Some(scene.outline.loadgen_cores), width));
    ours.extend(facts(&now.loadgen, width));
    let late = [("lag", now.second.schedule_lag_p99), ("read age", now.second.read_age_p99)];
    let late = late.map(|(name, us)| us.map(|us| format!("{name} {}", duration_us(us))));
    let late: Vec<String> = late.into_iter().flatten().collect();
    if !late.is_empty() {
        ours.push(indented(&late.join(", ")));
    }
    let rows = usize::from(inside.height);
    if rows < server.len() + ours.len() {
        // The bars are what matters most; fanout's own lateness is the last line.
        server.truncate(1);
        ours = [ours.first(), ours.last()].into_iter().flatten().cloned().collect();
    } else if rows > server.len() + ours.len() {
        server.push(Line::default());
    }
    lines(server.into_iter().chain(ours), inside, buf);
}

fn cpu(name: &str, side: &Side, cores: Option<u32>, width: u16) -> Line<'static> {
    let of = f64::from(cores.unwrap_or(1).max(1));
    let share = side.cpu_share.map(|share| share / of);
    let text = match (share, cores) {
        (None, _) => " not known".to_owned(),
        (Some(share), Some(1)) => format!(" {} of 1 core", percent(rounded(share))),
        (Some(share), Some(n)) => format!(" {} of {n} cores", percent(rounded(share))),
        (Some(share), None) => format!(" {} of a core", percent(rounded(share))),
    };
    let style = match share.unwrap_or(0.0) {
        FULL.. => BAD,
        WARM.. => DOUBT,
        _ => FIRST,
    };
    let room = width.saturating_sub(NAMES + text.chars().count() as u16);
    let name = Span::styled(format!("{name:<0$}", usize::from(NAMES)), STRONG);
    Line::from_iter([name].into_iter().chain(bar(share.unwrap_or(0.0), room, style)).chain([Span::raw(text)]))
}

/// To a whole percent: more would only flicker.
fn rounded(share: f64) -> f64 {
    (share * 100.0).round() / 100.0
}

/// As many facts as fit, the most important first.
fn facts(side: &Side, width: u16) -> Option<Line<'static>> {
    let named = |n: Option<u64>, what| n.map(|n| format!("{} {what}", count(n)));
    let memory = side.rss_bytes.map(|rss| bytes(rss as f64));
    let all = [memory, named(side.descriptors, "fds"), named(side.threads, "threads")];
    let room = usize::from(width.saturating_sub(NAMES));
    let said = all.into_iter().flatten().reduce(|said, fact| {
        let longer = format!("{said}, {fact}");
        if longer.chars().count() <= room { longer } else { said }
    });
    said.map(|said| indented(&said))
}

fn indented(text: &str) -> Line<'static> {
    Line::styled(format!("{:1$}{text}", "", usize::from(NAMES)), QUIET)
}
