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
    let mut all = Vec::new();
    match &now.server {
        Some(server) => {
            all.push(cpu("server", server, scene.outline.server_cores, inside.width));
            all.extend(facts(server));
            if let Some(queued) = server.send_queue_bytes {
                let fullest = server.send_queue_max_bytes.unwrap_or(0) as f64;
                all.push(indented(format!("queued {}, most {}", bytes(queued as f64), bytes(fullest))));
            }
        }
        None => all.push(Line::from_iter([Span::styled("server ", STRONG), Span::styled("process not known", QUIET)])),
    }
    // Air where there is room for it.
    if inside.height >= 7 {
        all.push(Line::default());
    }
    all.push(cpu("fanout", &now.loadgen, Some(scene.outline.loadgen_cores), inside.width));
    all.extend(facts(&now.loadgen));
    let ours = [("lag", now.second.schedule_lag_p99), ("read age", now.second.read_age_p99)];
    let ours = ours.map(|(name, us)| us.map(|us| format!("{name} {}", duration_us(us))));
    let ours: Vec<String> = ours.into_iter().flatten().collect();
    if !ours.is_empty() {
        all.push(indented(ours.join(", ")));
    }
    lines(all, inside, buf);
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

fn facts(side: &Side) -> Option<Line<'static>> {
    let named = |n: Option<u64>, what| n.map(|n| format!("{} {what}", count(n)));
    let memory = side.rss_bytes.map(|rss| bytes(rss as f64));
    let all = [memory, named(side.descriptors, "fds"), named(side.threads, "threads")];
    let all: Vec<String> = all.into_iter().flatten().collect();
    (!all.is_empty()).then(|| indented(all.join(", ")))
}

fn indented(text: String) -> Line<'static> {
    Line::styled(format!("{:1$}{text}", "", usize::from(NAMES)), QUIET)
}
